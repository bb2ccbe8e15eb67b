"""The visual cortex of a made-up subject: which vertices it has, which ROIs they lie in, what part of view they see.

Streams, and with them the challenge vertices, are the same in all subjects, as in the real data; ROIs are each
subject's own. Every region grows over the sphere from where anatomy puts it, so that it hangs together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.challenge.layout import OFFICIAL_SIZES, ROI_CLASSES
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.demo import atlas
from algocli.demo.chance import generator
from algocli.demo.growth import Growth, calcarine
from algocli.demo.sphere import direction
from algocli.demo.visual_field import ReceptiveFields, place_receptive_fields


@dataclass(frozen=True)
class Cortex:
    """One hemisphere of one subject.

    Attributes
    ----------
    subject, hemisphere
        Whose it is.
    vertices : (n_vertices,) int64
        Rising fsaverage numbers of the challenge vertices.
    positions : (n_vertices, 3) float64
        Their places on the unit sphere.
    codes : {ROI class: (n_vertices,) int64}
        The code of each vertex in each class, 0 where it has none.
    fields : ReceptiveFields
        The part of the view that each vertex sees.
    """

    subject: int
    hemisphere: Hemisphere
    vertices: NDArray[np.int64]
    positions: NDArray[np.float64]
    codes: dict[str, NDArray[np.int64]]
    fields: ReceptiveFields


def count_vertices(subject: int, hemisphere: Hemisphere, n_left: int) -> int:
    """Count a hemisphere's vertices, in official proportion to the `n_left` of the largest left hemispheres."""
    return round(OFFICIAL_SIZES[subject].n_vertices[hemisphere] * n_left / atlas.N_REAL)


def lay_out(subject: int, hemisphere: Hemisphere, n_left: int) -> Cortex:
    """Lay out one hemisphere of a subject.

    Parameters
    ----------
    subject, hemisphere
        Whose anatomy; it is the same for every seed of the challenge.
    n_left
        How many vertices the largest left hemispheres have, `atlas.N_REAL` for the official sizes.
    """
    rng = generator("anatomy", subject, HEMISPHERES.index(hemisphere))
    growth = Growth(hemisphere, n_left)
    streams = _streams_of(subject, growth)
    roi_codes, depths = _rois_of(subject, growth, streams, rng)
    vertices = np.flatnonzero(streams >= 0)
    codes = {roi_class: (roi_codes | {"streams": streams})[roi_class][vertices] for roi_class in ROI_CLASSES}
    positions = growth.positions[vertices]
    fields = place_receptive_fields(hemisphere, positions, codes, depths[vertices], rng)
    return Cortex(subject, hemisphere, vertices, positions, codes, fields)


def _streams_of(subject: int, growth: Growth) -> NDArray[np.int64]:
    """Give every vertex of the mesh the code of its stream, 0 between streams, -1 outside the challenge."""
    streams, early = _streams_of_all(growth.hemisphere, growth.n_left)
    streams = streams.copy()
    # Two of the subjects lack some of the vertices: here those where the early stream grew last.
    n_missing = np.count_nonzero(streams >= 0) - count_vertices(subject, growth.hemisphere, growth.n_left)
    streams[early[len(early) - n_missing :]] = -1
    return streams


@cache
def _streams_of_all(hemisphere: Hemisphere, n_left: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the streams where no vertex is missing, and the vertices of the early one in the order of growth."""
    growth = Growth(hemisphere, n_left)
    codes = {name: code for code, name in ROI_CLASSES["streams"].items()}
    streams = np.full(len(growth.positions), -1)
    early = growth.from_calcarine(growth.size(atlas.N_EARLY[hemisphere]), streams < 0)[0]
    streams[early] = codes["early"]
    anchors = np.array([direction(*late.places[hemisphere]) for late in atlas.LATE_STREAMS.values()])
    sectors = np.argmax(growth.positions @ anchors.T, axis=1)
    for sector, (name, late) in enumerate(atlas.LATE_STREAMS.items()):
        middle = atlas.MIDDLE_STREAMS[f"mid{name}"]
        inner = growth.from_place(
            direction(*middle.places[hemisphere]),
            growth.size(middle.sizes[hemisphere]),
            (sectors == sector) & (streams < 0),
        )[0]
        streams[inner] = codes[f"mid{name}"]
        outer = growth.beyond(
            np.append(early, inner), growth.size(late.sizes[hemisphere]), (sectors == sector) & (streams < 0)
        )
        streams[outer[0]] = codes[name]
    inside = np.flatnonzero(streams >= 0)
    between = growth.beyond(inside, count_vertices(1, hemisphere, n_left) - len(inside), streams < 0)[0]
    streams[between] = 0
    return streams, early


def _rois_of(
    subject: int, growth: Growth, streams: NDArray[np.int64], rng: np.random.Generator
) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.float64]]:
    """Grow a subject's own ROIs.

    Returns
    -------
    codes : {ROI class: (n_mesh,) int64}
        Every class but the streams.
    depths : (n_mesh,) float64
        In V1 to V3, the share of the way from the area's inner border to its outer one.
    """
    codes = {roi_class: np.zeros(len(streams), dtype=np.int64) for roi_class in ROI_CLASSES if roi_class != "streams"}
    depths = np.zeros(len(streams))
    for name, (vertices, depth) in _early_areas(growth, streams, rng).items():
        codes["prf-visualrois"][vertices] = _code(name)[1]
        depths[vertices] = depth
    late = (streams >= 0) & (codes["prf-visualrois"] == 0)
    for name, region in atlas.LATE_AREAS.items():
        # Drawn for absent ROIs too, so that who lacks one says nothing about the others.
        factor, drift = np.exp(region.spread * rng.normal()), 0.03 * rng.normal(size=3)
        if atlas.is_absent(name, subject, growth.hemisphere):
            continue
        roi_class, code = _code(name)
        place = direction(*region.places[growth.hemisphere]) + drift
        n = growth.size(region.sizes[growth.hemisphere] * factor)
        codes[roi_class][growth.from_place(place, n, late & (codes[roi_class] == 0))[0]] = code
    return codes, depths


def _early_areas(
    growth: Growth, streams: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Grow V1, V2 and V3, each around the one before, below and above the calcarine: vertices and depths of each."""
    start, towards = calcarine(growth.hemisphere)
    below = np.cross(start, towards)
    below *= np.sign(below @ direction(*atlas.LINGUAL[growth.hemisphere]))
    areas = {}
    for half, side in (("v", 1), ("d", -1)):
        free = (streams == 1) & (side * (growth.positions @ below) > 0)
        inner: NDArray[np.int64] | None = None
        for area in ("V1", "V2", "V3"):
            factor = np.exp(atlas.EARLY_SPREAD * rng.normal())
            n = growth.size(atlas.EARLY_AREAS[area + half][growth.hemisphere] * factor)
            grown = growth.from_calcarine(n, free) if inner is None else growth.beyond(inner, n, free)
            areas[area + half] = grown
            inner = grown[0]
            free[inner] = False
    return areas


def _code(roi: str) -> tuple[str, int]:
    """Return the class of a ROI and its code there."""
    return next((c, code) for c, names in ROI_CLASSES.items() for code, name in names.items() if name == roi)
