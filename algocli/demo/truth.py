"""What every vertex responds to, by construction: the known truth that an analysis of the challenge should find.

A vertex adds up drives of the image within its receptive field: energy, tuned to an orientation and a spatial
frequency, and properties of the things that are seen. Early areas take energy only, areas named for a category almost
only what belongs to it, the streams between a mixture.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.challenge.layout import ROI_CLASSES
from algocli.dataset.sides import HEMISPHERES
from algocli.demo.chance import generator
from algocli.demo.cortex import Cortex
from algocli.demo.drives import FREQUENCIES, N_PLACES, N_SPOTS, ORIENTATIONS, square_centres
from algocli.demo.sketch import PROPERTIES
from algocli.demo.sphere import smooth_field


@dataclass(frozen=True)
class Cause:
    """What the vertices of a ROI respond to.

    Attributes
    ----------
    energy
        The share of the signal's variance that is energy; the rest is due to things.
    properties
        How much each property of things counts, relative to the others.
    """

    energy: float
    properties: dict[str, float] = field(default_factory=dict)


def _category(**properties: float) -> Cause:
    return Cause(0.12, properties)


_CATEGORIES = {
    "floc-bodies": _category(bodies=1.0, faces=0.2, elongation=0.1),
    "floc-faces": _category(faces=1.0, bodies=0.2, roundness=0.1),
    "floc-places": _category(places=1.0, size=0.15, number=-0.15),
    "floc-words": _category(words=1.0, faces=0.15, elongation=0.05),
}
CAUSES: dict[str, Cause] = {
    **dict.fromkeys(("V1v", "V1d", "V2v", "V2d"), Cause(1.0)),
    **dict.fromkeys(("V3v", "V3d"), Cause(0.95, {"number": 0.5})),
    "hV4": Cause(0.8, {"colourfulness": 0.5, "roundness": 0.5}),
    **{name: cause for roi_class, cause in _CATEGORIES.items() for name in ROI_CLASSES[roi_class].values()},
    "early": Cause(0.95, {"number": 0.5}),
    "midventral": Cause(0.65, {"colourfulness": 0.5, "roundness": 0.4}),
    "midlateral": Cause(0.65, {"number": 0.4, "bodies": 0.4, "elongation": 0.4}),
    "midparietal": Cause(0.65, {"number": 0.5, "size": 0.4}),
    "ventral": Cause(0.4, {"faces": 0.3, "places": 0.3, "words": 0.2, "colourfulness": 0.3}),
    "lateral": Cause(0.4, {"bodies": 0.5, "faces": 0.3, "elongation": 0.3}),
    "parietal": Cause(0.4, {"number": 0.5, "size": 0.4, "places": 0.3}),
}
_ELSEWHERE = Cause(0.5, {"number": 0.5, "places": 0.3})

# The mean noise ceiling of each subject's vertices: the fifth hears best, the eighth worst, as in the real data.
MEAN_CEILINGS = {1: 0.38, 2: 0.35, 3: 0.25, 4: 0.26, 5: 0.45, 6: 0.31, 7: 0.27, 8: 0.16}
_CEILING_RANGE = (0.05, 0.8)
_PURE_NOISE = 0.006  # share of vertices that no stimulus drives
_WEIGHT_SUM = 2.0**14  # what the absolute weights of a vertex add up to


@dataclass(frozen=True)
class Truth:
    """What one hemisphere's vertices respond to, and how well that can be measured.

    Attributes
    ----------
    energy_weights : (N_ENERGY, n_vertices) float32
        How much each energy drive counts, in whole numbers; see `responses` for the reason.
    object_weights : (N_OBJECT, n_vertices) float32
        How much each property near each spot counts, in whole numbers.
    energy_shares : (n_vertices,) float32
        The share of the signal's variance that is energy.
    ceilings : (n_vertices,) float64
        The share of the responses' variance that is signal.
    """

    energy_weights: NDArray[np.float32]
    object_weights: NDArray[np.float32]
    energy_shares: NDArray[np.float32]
    ceilings: NDArray[np.float64]


def tell_truth(cortex: Cortex, seed: int) -> Truth:
    """Decide what a hemisphere's vertices respond to; tuning drifts smoothly over the cortex and hangs on the seed."""
    rng = generator("truth", seed, cortex.subject, HEMISPHERES.index(cortex.hemisphere))
    shares, preferences = _causes_of_vertices(cortex)
    tuning = _tuning(cortex, rng)
    for preference in preferences:
        preference += 0.15 * smooth_field(cortex.positions, rng)
    return Truth(
        energy_weights=_within(cortex, square_centres(N_PLACES), tuning),
        object_weights=_within(cortex, square_centres(N_SPOTS), preferences),
        energy_shares=shares.astype(np.float32),
        ceilings=_draw_ceilings(cortex, rng),
    )


def _causes_of_vertices(cortex: Cortex) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each vertex's share of energy, (n_vertices,), and its preferences, (n_properties, n_vertices)."""
    n_vertices = len(cortex.vertices)
    shares = np.full(n_vertices, _ELSEWHERE.energy)
    preferences = np.tile(_row(_ELSEWHERE)[:, None], n_vertices)
    # A stream gives way to an area of the visual field maps, and both to an area named for a category; where two of
    # these overlap, a vertex has the preferences of both.
    for roi_class in ("streams", "prf-visualrois"):
        for code, name in ROI_CLASSES[roi_class].items():
            inside = cortex.codes[roi_class] == code
            shares[inside] = CAUSES[name].energy
            preferences[:, inside] = _row(CAUSES[name])[:, None]
    categories = np.zeros_like(preferences)
    for roi_class, cause in _CATEGORIES.items():
        categories[:, cortex.codes[roi_class] != 0] += _row(cause)[:, None]
    selective = categories.any(axis=0)
    shares[selective] = next(iter(_CATEGORIES.values())).energy
    return shares, np.where(selective, categories, preferences)


def _row(cause: Cause) -> NDArray[np.float64]:
    return np.array([cause.properties.get(name, 0.0) for name in PROPERTIES])


def _tuning(cortex: Cortex, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how much each energy channel counts, (n_channels, n_vertices)."""
    # A smooth map of orientations has to turn by 180 degrees between its crests: it is the angle of two fields.
    turn = np.arctan2(*(smooth_field(cortex.positions, rng, wavelength=12) for _ in range(2))) / 2
    eccentricity = np.hypot(cortex.fields.right, cortex.fields.up)
    octave = np.clip(2.2 - 0.45 * eccentricity + 0.4 * smooth_field(cortex.positions, rng), 0, 2)
    filters = [
        np.exp(2.0 * (np.cos(2 * (turn - np.radians(orientation))) - 1) - (np.log2(frequency) - octave) ** 2)
        for frequency in FREQUENCIES
        for orientation in ORIENTATIONS
    ]
    # Each filter is held back by the others, as in divisive normalisation.
    oriented = np.array(filters) - 0.4 * np.mean(filters, axis=0)
    contrast = 0.35 * np.exp(0.4 * smooth_field(cortex.positions, rng))
    colour = 0.25 * smooth_field(cortex.positions, rng)
    return np.vstack([oriented, contrast, colour])


def _within(cortex: Cortex, centres: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Spread weights, (n_kinds, n_vertices), over the places that each receptive field covers.

    Returns
    -------
    (n_kinds * n_places, n_vertices) float32
        Whole numbers, kind by kind, as drives stand.
    """
    fields = cortex.fields
    squared = (centres[:, :1] - fields.right) ** 2 + (centres[:, 1:] - fields.up) ** 2
    window = np.exp(-squared / (2 * fields.widths**2)).astype(np.float32)
    spread: NDArray[np.float32] = (weights.astype(np.float32)[:, None, :] * window).reshape(-1, window.shape[1])
    spread *= _WEIGHT_SUM / np.abs(spread).sum(axis=0)
    np.rint(spread, out=spread)
    return spread


def _draw_ceilings(cortex: Cortex, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw noise ceilings that drift over the cortex, with a few vertices of pure noise."""
    drift = smooth_field(cortex.positions, rng) + 0.7 * (cortex.codes["streams"] == 1)
    drift += 0.25 * rng.standard_normal(len(drift))
    mean = MEAN_CEILINGS[cortex.subject]
    ceilings = 1 / (1 + (1 / mean - 1) * np.exp(-0.7 * (drift - drift.mean())))
    ceilings = np.clip(ceilings * mean / ceilings.mean(), *_CEILING_RANGE)
    n_noise = max(1, round(_PURE_NOISE * len(ceilings)))
    ceilings[rng.choice(len(ceilings), size=n_noise, replace=False)] = 0.0
    return np.asarray(ceilings)
