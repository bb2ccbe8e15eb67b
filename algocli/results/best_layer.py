"""Which layer of a blend speaks most for each vertex, and for which vertices none does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.challenge.layout import HEMISPHERES, Hemisphere
from algocli.challenge.subjects import Challenge, Subject
from algocli.encoding.runs import Run, SubjectRun, list_runs
from algocli.errors import DataError, UsageError
from algocli.features.commands import IMPORTED
from algocli.features.library import read_recipe
from algocli.results.report import SCORED_ON
from algocli.results.scoring import read_scores, scored_subjects

# An r of 0.1 stands for 1 % of the variance: which layer gives that little says nothing.
DEFAULT_MIN_R = 0.1
# Codes of vertices that get no layer; of several reasons the first counts.
NO_LAYER_HELPS, LOW_CEILING, NOT_PREDICTED = -1, -2, -3
REASONS = {NO_LAYER_HELPS: "no layer helps", LOW_CEILING: "low ceiling", NOT_PREDICTED: "not predicted"}


@dataclass(frozen=True)
class BlendedLayer:
    """One layer of a blend: the name of its features, what to call it beside the others, and its network."""

    features: str
    label: str
    network: str


@dataclass(frozen=True)
class LayerCount:
    """How many vertices of a hemisphere have a layer, or have none for a reason."""

    subject: int
    hemisphere: Hemisphere
    layer: str | None
    features: str | None
    reason: str | None
    n_vertices: int


@dataclass(frozen=True)
class BestLayers:
    """One subject's vertices by layer: for each hemisphere (n_vertices,), the layer's position or a negative code."""

    codes: Mapping[Hemisphere, NDArray[np.int64]]

    @property
    def n_vertices(self) -> int:
        """The number of vertices of all hemispheres that there are."""
        return sum(map(len, self.codes.values()))

    def count(self, code: int) -> int:
        """Count the vertices that have a code."""
        return sum(int(np.count_nonzero(side == code)) for side in self.codes.values())

    def explain(self, min_r: float) -> str:
        """Say how layers were chosen, and for how many vertices none was."""
        reasons = {
            NOT_PREDICTED: f"r up to {min_r:g} on {SCORED_ON}",
            LOW_CEILING: f"a noise ceiling up to {min_r**2:.2g}",
            NO_LAYER_HELPS: "only weights of 0",
        }
        n_without = {why: n for code, why in reasons.items() if (n := self.count(code))}
        listed = ", ".join(f"{n:,} with {why}" for why, n in n_without.items())
        chosen = "Layer of the largest weight in the blend"
        return f"{chosen}; of {self.n_vertices:,} vertices no layer for {listed}." if listed else f"{chosen}."


def name_layers(run: Run) -> tuple[BlendedLayer, ...]:
    """Return the layers of a blend, in the order in which `train` was given them.

    Raises
    ------
    UsageError
        If the run is no blend; the hint is a run that is one, or the way to make one.
    """
    home = run.folder.parent.parent
    settings = run.settings
    if settings.regression != "blend":
        blends = [other.name for other in list_runs(home) if _is_blend(other)]
        raise UsageError(
            f"run {run.name} has no layers to choose from: its regression is {settings.regression}, not blend",
            hint=f"algocli plot best-layer --run {blends[0]}"
            if blends
            else "algocli train --regression blend -l A -l B",
        )
    layers = [_name_layer(home / "features" / name) for name in settings.features]
    if len({layer.network for layer in layers}) == 1:
        layers = [BlendedLayer(one.features, one.label.removeprefix(f"{one.network} "), one.network) for one in layers]
    if len({layer.label for layer in layers}) < len(layers):
        layers = [BlendedLayer(one.features, one.features, one.network) for one in layers]
    return tuple(layers)


def find_best_layers(
    subject: Subject, run: Run, hemispheres: Sequence[Hemisphere], min_r: float = DEFAULT_MIN_R
) -> BestLayers:
    """Find the layer of largest weight of every vertex that the blend predicts.

    A blend sums up the predictions of one model a layer, each times its weight. All of them predict the same response
    in the same unit, so the weights of a vertex can be compared as they are. What they leave out is that a model that
    knows little says little: its predictions stay near the mean, and a large weight on them adds less than it seems.
    A run does not keep the predictions of single layers. Where it was measured (three layers of AlexNet, whose
    predictions differed 1.3-fold in size) weight times size chose another layer for 4 vertices in 100, all of them
    between layers that give nearly as much.

    Parameters
    ----------
    run
        A blend.
    min_r
        A vertex whose r on held-out images is not above this gets no layer. Nor does one whose noise ceiling is not
        above its square, so that no model could do better.

    Raises
    ------
    DataError
        If data and run do not fit together, or an array of the run is damaged.
    MissingStep
        If the run has not been trained on the subject.
    """
    share, settings = run.subject(subject.number), run.settings
    codes: dict[Hemisphere, NDArray[np.int64]] = {}
    for hemisphere in hemispheres:
        scores = read_scores(subject, share, hemisphere)
        shape = len(settings.features), len(scores.correlation)
        weights = _weights(share, hemisphere, shape, settings.refit)
        is_low = np.zeros(shape[1], bool) if scores.noise_ceiling is None else scores.noise_ceiling <= min_r**2
        reasons = {
            NO_LAYER_HELPS: ~weights.any(axis=0),
            LOW_CEILING: is_low,
            NOT_PREDICTED: scores.correlation <= min_r,
        }
        codes[hemisphere] = np.select(list(reasons.values()), list(reasons), weights.argmax(axis=0))
    return BestLayers(codes)


def count_layers(
    challenge: Challenge,
    run: Run,
    *,
    subjects: Iterable[int] | None = None,
    hemispheres: Sequence[Hemisphere] = HEMISPHERES,
    min_r: float = DEFAULT_MIN_R,
) -> list[LayerCount]:
    """Count the vertices of every layer, and those without one by the reason, hemisphere by hemisphere.

    Raises
    ------
    UsageError, DataError, MissingStep
        As `name_layers` and `find_best_layers` do.
    """
    layers = name_layers(run)
    rows = []
    for subject, _ in scored_subjects(challenge, run, subjects):
        for hemisphere, codes in find_best_layers(subject, run, hemispheres, min_r).codes.items():
            where = subject.number, hemisphere
            for code, layer in enumerate(layers):
                rows.append(LayerCount(*where, layer.label, layer.features, None, int(np.sum(codes == code))))
            for code, reason in REASONS.items():
                rows.append(LayerCount(*where, None, None, reason, int(np.sum(codes == code))))
    return rows


def _weights(share: SubjectRun, hemisphere: Hemisphere, shape: tuple[int, int], refit: bool) -> NDArray[Any]:
    """Return the weights of what predicts new images, (n_layers, n_vertices): the refit, or all folds together."""
    fits = share.blend_weights(hemisphere)
    if fits.shape[1:] != shape:
        raise DataError(
            f"the {hemisphere} weights of the run's subject {share.number} are of shape {fits.shape}; fits of "
            f"{shape[0]} layers x {shape[1]} vertices were expected",
            hint="train this subject again with --force",
        )
    return np.asarray(fits[-1] if refit else fits.mean(axis=0))


def _is_blend(run: Run) -> bool:
    with suppress(DataError):
        return run.settings.regression == "blend"
    return False


def _name_layer(home: Path) -> BlendedLayer:
    """Name the layer whose features lie in a folder; without its recipe its features' name is all there is."""
    try:
        recipe = read_recipe(home)
    except DataError:
        return BlendedLayer(home.name, home.name, home.name)
    if recipe["layer"] == IMPORTED:
        return BlendedLayer(home.name, home.name, home.name)
    return BlendedLayer(home.name, f"{recipe['model']} {recipe['layer']}", recipe["model"])
