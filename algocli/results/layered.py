"""What speaks for each layer at each vertex: its weight in a blend, or the r of a run of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import Hemisphere
from algocli.errors import DataError, UsageError
from algocli.features.store.commands import IMPORTED
from algocli.features.store.library import read_recipe
from algocli.results.compare import shared_subjects
from algocli.results.held_out import remark_on_images
from algocli.results.report import SCORED_ON
from algocli.results.scoring import read_scores, scored_subjects
from algocli.runs.datasets import refuse_other_data
from algocli.runs.run import Run, list_runs
from algocli.runs.subject_run import SubjectRun


@dataclass(frozen=True)
class Layer:
    """One of the layers: the name of its features, what to call it beside the others, and its network."""

    features: str
    label: str
    network: str


@dataclass(frozen=True)
class LayerValues:
    """One hemisphere, layer by layer.

    Attributes
    ----------
    values : (n_layers, n_vertices)
        What speaks for each layer.
    r : (n_vertices,)
        What is reached on held-out images: by the blend, or by the best of the layers.
    noise_ceiling : (n_vertices,) or None
        Explainable share of variance; None where the data folder has none.
    """

    values: NDArray[np.float64]
    r: NDArray[np.float64]
    noise_ceiling: NDArray[np.float64] | None


@dataclass(frozen=True)
class Layered(ABC):
    """Layers in the order in which they were given, and the runs that they are compared by."""

    runs: tuple[Run, ...]
    layers: tuple[Layer, ...]

    # The number that stands for several vertices, in a word and in a clause; what a layer is chosen by; and what a
    # vertex has where no layer helps.
    summary: ClassVar[str]
    explained: ClassVar[str]
    chosen_by: ClassVar[str]
    nothing: ClassVar[str]

    @abstractmethod
    def read(self, subject: Subject, hemisphere: Hemisphere) -> LayerValues:
        """Read what speaks for each layer at a hemisphere's vertices.

        Raises
        ------
        DataError
            If data and runs do not fit together, or an array of a run is damaged.
        MissingStep
            If a run has not been trained on the subject.
        """

    @abstractmethod
    def sum_up(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Put the values of some vertices, (n_layers, n_some), into one for each layer, (n_layers,)."""

    @property
    def network(self) -> str | None:
        """The network that all layers are of, or None if they are of several."""
        networks = {layer.network for layer in self.layers}
        return networks.pop() if len(networks) == 1 else None

    @property
    def named(self) -> str:
        """The runs by name, as a caption has them."""
        names = [run.name for run in self.runs]
        return f"Run {names[0]}." if len(names) == 1 else f"Runs {', '.join(names)}."

    def subjects(self, challenge: Challenge, numbers: Sequence[int] | None = None) -> list[Subject]:
        """Return the subjects asked for; by default, those that the data and all runs have.

        Raises
        ------
        UsageError
            If the runs were trained on different responses of a subject.
        DataError, MissingStep
            If a subject is missing from any of them.
        """
        if numbers is None and len(self.runs) > 1:
            numbers = shared_subjects(self.runs, challenge)
        pairs = [scored_subjects(challenge, run, numbers) for run in self.runs]
        found = [subject for subject, _ in pairs[0]]
        for subject in found:
            refuse_other_data(self.runs, subject.number, doing="compared")
        return found

    def remark(self, number: int) -> str:
        """Say where a comparison of the layers has chance in it; nothing where it has not."""
        return remark_on_images(self.runs, number) if len(self.runs) > 1 else ""


class Blend(Layered):
    """Layers that one run weighs against each other at each vertex.

    A blend sums up the predictions of one model a layer, each times its weight. All of them predict the same response
    in the same unit, so the weights of a vertex can be compared as they are. What they leave out is that a model that
    knows little says little: its predictions stay near the mean, and a large weight on them adds less than it seems.
    A run does not keep the predictions of single layers. Where it was measured (three layers of AlexNet, whose
    predictions differed 1.3-fold in size) weight times size chose another layer for 4 vertices in 100, all of them
    between layers that give nearly as much.
    """

    summary = "mean weight in the blend"
    explained = "Mean weight of each layer's model in the blend, over the vertices of a ROI"
    chosen_by = "weight in the blend"
    nothing = "only weights of 0"

    def read(self, subject: Subject, hemisphere: Hemisphere) -> LayerValues:
        """Read the weights of what predicts new images: the refit, or all folds together."""
        [run] = self.runs
        share = run.subject(subject.number)
        scores = read_scores(subject, share, hemisphere)
        fits = _weights(share, hemisphere, (len(self.layers), len(scores.correlation)))
        weights = fits[-1] if run.settings.refit else fits.mean(axis=0)
        return LayerValues(np.asarray(weights, dtype=np.float64), scores.correlation, scores.noise_ceiling)

    def sum_up(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average weights: they add up, as the predictions do."""
        return np.asarray(values.mean(axis=1))


class OneRunEach(Layered):
    """Layers that have a run each; a vertex's r is what speaks for a layer."""

    summary = "median r"
    explained = f"Median r of each layer's own run over the vertices of a ROI, on {SCORED_ON}"
    chosen_by = f"r on {SCORED_ON}"
    nothing = "an r of 0 from every layer"

    def read(self, subject: Subject, hemisphere: Hemisphere) -> LayerValues:
        """Read each run's r; a vertex reaches what its best layer does."""
        scores = [read_scores(subject, run.subject(subject.number), hemisphere) for run in self.runs]
        values = np.stack([one.correlation for one in scores])
        return LayerValues(values, values.max(axis=0), scores[0].noise_ceiling)

    def sum_up(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take the median, as reports do."""
        return np.asarray(np.median(values, axis=1))


def layered(runs: Sequence[Run]) -> Layered:
    """Return the layers of one blend, or of several runs of one layer each, in the order in which they were given.

    Raises
    ------
    UsageError
        If one run is no blend, or one of several has several layers or is named twice; the hint names runs that will
        do, or the way to make them.
    """
    if len(runs) == 1:
        if runs[0].settings.regression != "blend":
            raise _no_layers(runs[0])
        return Blend(tuple(runs), _name_layers(runs[0], runs[0].settings.features))
    for place, run in enumerate(runs):
        n_layers = len(run.settings.features)
        if n_layers > 1:
            raise UsageError(
                f"run {run.name} has {n_layers} layers in one model: of several runs each stands for one layer",
                hint="name a blend alone, or runs that were trained on one layer each",
            )
        if run.name in [other.name for other in runs[:place]]:
            raise UsageError(f"run {run.name} is named twice", hint="name each layer's run once")
    layers = _name_layers(runs[0], [run.settings.features[0] for run in runs])
    if len({layer.label for layer in layers}) < len(layers):
        # One layer's features under several models: the runs are what differs.
        layers = tuple(replace(layer, label=run.name) for layer, run in zip(layers, runs, strict=True))
    return OneRunEach(tuple(runs), layers)


def _no_layers(run: Run) -> UsageError:
    found = list_runs(run.cache_dir)
    blends = [other.name for other in found if _has(other, regression="blend")]
    single = [other.name for other in reversed(found) if _has(other, n_layers=1)]
    if blends:
        hint = f"run={blends[0]!r} is a blend"
    elif len(single) > 1:
        hint = f"name runs of one layer each: {' '.join(f'run={name!r}' for name in single)}"
    else:
        hint = "algocli train --regression blend -l A -l B, or train each layer by itself and name the runs"
    return UsageError(
        f"run {run.name} has no layers to choose from: its regression is {run.settings.regression}, not blend",
        hint=hint,
    )


def _has(run: Run, *, regression: str | None = None, n_layers: int | None = None) -> bool:
    with suppress(DataError):
        settings = run.settings
        return regression in (None, settings.regression) and n_layers in (None, len(settings.features))
    return False


def _weights(share: SubjectRun, hemisphere: Hemisphere, shape: tuple[int, int]) -> NDArray[Any]:
    """Return a blend's weights, (n_fits, n_layers, n_vertices)."""
    fits = share.blend_weights(hemisphere)
    if fits.shape[1:] != shape:
        raise DataError(
            f"the {hemisphere} weights of the run's subject {share.number} are of shape {fits.shape}; fits of "
            f"{shape[0]} layers x {shape[1]} vertices were expected",
            hint="train this subject again with force=True",
        )
    return fits


def _name_layers(run: Run, features: Sequence[str]) -> tuple[Layer, ...]:
    """Name layers as shortly as tells them apart: of one network without it, of one recipe by their features."""
    layers = list(_named_by_recipe(run.cache_dir / "features", features))
    if len({layer.network for layer in layers}) == 1:
        layers = [replace(layer, label=layer.label.removeprefix(f"{layer.network} ")) for layer in layers]
    if len({layer.label for layer in layers}) < len(layers):
        layers = [replace(layer, label=layer.features) for layer in layers]
    return tuple(layers)


def _named_by_recipe(home: Path, features: Sequence[str]) -> Iterator[Layer]:
    """Name each layer by network and node; without a recipe its features' name is all there is."""
    for name in features:
        try:
            recipe = read_recipe(home / name)
        except DataError:
            yield Layer(name, name, name)
            continue
        if recipe["layer"] == IMPORTED:
            yield Layer(name, name, name)
        else:
            yield Layer(name, f"{recipe['model']} {recipe['layer']}", recipe["model"])
