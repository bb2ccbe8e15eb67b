"""What part of the view each vertex sees: retinotopic maps in early areas, wide fields elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.challenge.layout import IMAGE_WIDTH, ROI_CLASSES
from algocli.dataset.sides import Hemisphere
from algocli.demo.growth import calcarine
from algocli.demo.sphere import smooth_field

# Degrees of visual angle from the centre of an image to its edge.
IMAGE_RADIUS = IMAGE_WIDTH / 2

# The way along the calcarine, in degrees of the sphere, over which eccentricity rises from the innermost to the
# outermost value; it rises exponentially, which is what gives the fovea its large share of cortex.
_MAPPED = (-8.0, 32.0)
_ECCENTRICITIES = (0.2, 5.0)

# Each early area runs from one meridian to another, turning back where the next begins: the angle above (below, in
# the dorsal half) the horizontal at the border nearer to the calcarine, and at the border further from it.
_MERIDIANS = {"V1": (0, 90), "V2": (90, 0), "V3": (0, 90)}
# Fields widen with eccentricity and from area to area.
_WIDENING = {"V1": 1.0, "V2": 1.4, "V3": 1.9, "hV4": 2.6}
_STREAM_WIDTHS = {"early": 1.0, "midventral": 1.5, "midlateral": 1.5, "midparietal": 1.5}
_LATE_WIDTH = 2.0


@dataclass(frozen=True)
class ReceptiveFields:
    """Gaussian windows on the image, in degrees of visual angle from the point of gaze.

    Attributes
    ----------
    right, up : (n_vertices,) float64
        Centres; the left hemisphere sees what lies to the right.
    widths : (n_vertices,) float64
        Standard deviations.
    """

    right: NDArray[np.float64]
    up: NDArray[np.float64]
    widths: NDArray[np.float64]


def place_receptive_fields(
    hemisphere: Hemisphere,
    positions: NDArray[np.float64],
    codes: dict[str, NDArray[np.int64]],
    depths: NDArray[np.float64],
    rng: np.random.Generator,
) -> ReceptiveFields:
    """Give each vertex its receptive field.

    Parameters
    ----------
    hemisphere
        Fields lie on the other side of the view.
    positions : (n_vertices, 3)
        Places on the unit sphere.
    codes : {ROI class: (n_vertices,)}
        The area and the stream that each vertex lies in.
    depths : (n_vertices,)
        How far a vertex of V1, V2 or V3 lies from its area's inner border, as a share of the way to the outer one.
    rng
        Where the irregular maps outside V1 to V3 come from.
    """
    eccentricity, angle, width = _outside_areas(positions, codes["streams"], rng)
    for code, name in ROI_CLASSES["prf-visualrois"].items():
        inside = codes["prf-visualrois"] == code
        eccentricity[inside] = _eccentricity(hemisphere, positions[inside])
        width[inside] = (0.25 + 0.16 * eccentricity[inside]) * _WIDENING[name.rstrip("vd")]
        if name != "hV4":
            inner, outer = _MERIDIANS[name[:2]]
            upward = 1 if name.endswith("v") else -1
            angle[inside] = upward * (inner + (outer - inner) * depths[inside])
    side = 1 if hemisphere == "left" else -1
    radians = np.radians(angle)
    return ReceptiveFields(side * eccentricity * np.cos(radians), eccentricity * np.sin(radians), width)


def _outside_areas(
    positions: NDArray[np.float64], streams: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Draw eccentricities, angles and widths that drift over the cortex: mostly central, the other side of the view."""
    eccentricity = np.clip(1.8 + 0.7 * smooth_field(positions, rng), 0.3, 4)
    angle = np.clip(45 * smooth_field(positions, rng), -90, 90)
    width = np.full(len(positions), _LATE_WIDTH)
    for code, name in ROI_CLASSES["streams"].items():
        width[streams == code] = _STREAM_WIDTHS.get(name, _LATE_WIDTH)
    return eccentricity, angle, width * np.exp(0.15 * smooth_field(positions, rng))


def _eccentricity(hemisphere: Hemisphere, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Read eccentricity off the way along the calcarine, (n_vertices,) degrees of visual angle."""
    start, towards = calcarine(hemisphere)
    along = np.degrees(np.arctan2(positions @ towards, positions @ start))
    share = np.clip((along - _MAPPED[0]) / (_MAPPED[1] - _MAPPED[0]), 0, 1)
    innermost, outermost = _ECCENTRICITIES
    grown: NDArray[np.float64] = innermost * (outermost / innermost) ** share
    return grown
