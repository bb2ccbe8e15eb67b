"""What speaks for each layer at each vertex: what one run found for it, as a blend its weights, or its own run's r."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import Side
from algocli.encoding.regressions.models import LayerWords, PerLayer
from algocli.encoding.regressions.registry import regression_of, regressions
from algocli.errors import DataError, UsageError
from algocli.results.compare import shared_subjects
from algocli.results.held_out import remark_on_images
from algocli.results.layer_names import LayerOfRun, check_labels, name_layers, named_by_recipe, shortly
from algocli.results.scoring import read_scores, scored_subjects
from algocli.results.telling import SCORED_ON
from algocli.runs.commands import again
from algocli.runs.datasets import refuse_other_data
from algocli.runs.finding import list_runs
from algocli.runs.networks import name_runs
from algocli.runs.run import Run

_BY_R = LayerWords(
    summary="median r",
    explained=f"Median r of each layer's own run over the vertices of a ROI, on {SCORED_ON}",
    chosen_by=f"r on {SCORED_ON}",
    nothing="an r of 0 from every layer",
)

_CHOSEN = "The best of several looks better on the images that it was chosen by than on others."


@dataclass(frozen=True)
class LayerValues:
    """One hemisphere, layer by layer.

    Attributes
    ----------
    values : (n_layers, n_vertices)
        What speaks for each layer.
    r : (n_vertices,)
        What is reached on held-out images: by the run, or by the best of the layers.
    noise_ceiling : (n_vertices,) or None
        Explainable share of variance; None where the data folder has none.
    """

    values: NDArray[np.float64]
    r: NDArray[np.float64]
    noise_ceiling: NDArray[np.float64] | None


@dataclass(frozen=True)
class Layered:
    """Layers in the order in which they were given, and the runs that they are compared by; `words` speak of how.

    Either one run compares them with each other at each vertex, by a blend's weights or banded ridge's shares, or each
    has a run of its own, whose r is what speaks for it.

    A blend sums up the predictions of one model a layer, each times its weight. All of them predict the same response
    in the same unit, so the weights of a vertex can be compared as they are. What they leave out is that a model that
    knows little says little: its predictions stay near the mean, and a large weight on them adds less than it seems.
    A run does not keep the predictions of single layers. Where it was measured (three layers of AlexNet, whose
    predictions differed 1.3-fold in size) weight times size chose another layer for 4 vertices in 100, all of them
    between layers that give nearly as much.

    A share of banded ridge says how freely a layer may be used, not how much it gives: layers that know the same may
    have any shares between them.
    """

    runs: tuple[Run, ...]
    layers: tuple[LayerOfRun, ...]
    words: LayerWords

    def read(self, subject: Subject, hemisphere: Side) -> LayerValues:
        """Read what speaks for each layer at a hemisphere's vertices.

        Of one run it is what the model of new images has: the refit, or all folds together. Of a run each it is their
        r, and a vertex reaches what its best layer does.

        Raises
        ------
        DataError
            If data and runs do not fit together, or an array of a run is damaged.
        MissingStep
            If a run has not been trained on the subject.
        """
        scores = [read_scores(subject, run.subject(subject.id), hemisphere) for run in self.runs]
        r = np.stack([each.correlation for each in scores])
        if len(self.runs) > 1:
            return LayerValues(r, r.max(axis=0), scores[0].noise_ceiling)
        values = read_per_layer(self.runs[0], subject.id, hemisphere, (len(self.layers), r.shape[1]))
        return LayerValues(values, r[0], scores[0].noise_ceiling)

    def sum_up(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Put the values of some vertices, (n_layers, n_some), into one for each layer, (n_layers,).

        Weights and shares add up, so it is their mean; of r it is the median, as in reports.
        """
        return np.asarray(np.median(values, axis=1) if len(self.runs) > 1 else values.mean(axis=1))

    @property
    def network(self) -> str | None:
        """The network that all layers are of, or None if they are of several."""
        networks = {layer.network for layer in self.layers}
        return networks.pop() if len(networks) == 1 else None

    @property
    def named(self) -> str:
        """The runs by name, as a caption has them."""
        return name_runs(self.runs)

    def subjects(self, challenge: Dataset, numbers: Sequence[SubjectId] | None = None) -> list[Subject]:
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
        chosen = [subject for subject, _ in pairs[0]]
        for subject in chosen:
            refuse_other_data(self.runs, subject.id, doing="compared")
        return chosen

    def remark(self, number: SubjectId) -> str:
        """Say where a comparison of the layers has chance in it; nothing where it has not."""
        if len(self.runs) == 1:
            return ""
        return " ".join(filter(None, [remark_on_images(self.runs, number), _CHOSEN]))


def layered(runs: Sequence[Run], labels: Sequence[str] = ()) -> Layered:
    """Return the layers of one run that compares them, or of several of one layer each, in the order they were given.

    Parameters
    ----------
    labels
        What to call each; by default by its layer or, where layers of several runs are called alike, by the run.

    Raises
    ------
    UsageError
        If one run compares no layers, or one of several has several layers or is named twice; the hint names runs that
        will do, or the way to make them; or there are other than as many labels, or two alike.
    """
    compared = _layered(runs)
    if not labels:
        return compared
    kind = "runs" if len(runs) > 1 else "layers"
    named = check_labels(labels, len(compared.layers), kind)
    return replace(
        compared, layers=tuple(replace(layer, label=word) for layer, word in zip(compared.layers, named, strict=True))
    )


def _layered(runs: Sequence[Run]) -> Layered:
    if len(runs) == 1:
        words = per_layer(runs[0])
        if words is None:
            raise _no_layers(runs[0])
        return Layered(tuple(runs), name_layers(runs[0], runs[0].settings.features), words)
    for place, run in enumerate(runs):
        n_layers = len(run.settings.features)
        if n_layers > 1:
            raise UsageError(
                f"run {run.name} has {n_layers} layers in one model: of several runs each stands for one layer",
                hint="name a blend alone, or runs that were trained on one layer each",
            )
        if run.name in [other.name for other in runs[:place]]:
            raise UsageError(f"run {run.name} is named twice", hint="name each layer's run once")
    layers = shortly([layer for run in runs for layer in named_by_recipe(run, run.settings.features)])
    if len({layer.label for layer in layers}) < len(layers):
        # One layer by several weights, or under several models: the runs are what differs.
        layers = [replace(layer, label=run.name) for layer, run in zip(layers, runs, strict=True)]
    return Layered(tuple(runs), tuple(layers), _BY_R)


def _no_layers(run: Run) -> UsageError:
    runs = list_runs(run.cache_dir)
    comparing = [(other.name, words.model) for other in runs if (words := _compared_in(other)) is not None]
    single = [other.name for other in reversed(runs) if _has_one_layer(other)]
    if comparing:
        hint = "run={!r} is {}".format(*comparing[0])
    elif len(single) > 1:
        hint = f"name runs of one layer each: {' '.join(f'run={name!r}' for name in single)}"
    else:
        hint = "`algocli train --regression blend -l A -l B`, or train each layer by itself and name the runs"
    suited = " or ".join(regression.name for regression in regressions() if regression.per_layer is not None)
    return UsageError(
        f"run {run.name} has no layers to choose from: its regression is {run.settings.regression}, not {suited}",
        hint=hint,
    )


def _compared_in(run: Run) -> PerLayer | None:
    with suppress(DataError):
        return per_layer(run)
    return None


def _has_one_layer(run: Run) -> bool:
    with suppress(DataError):
        return len(run.settings.features) == 1
    return False


def per_layer(run: Run) -> PerLayer | None:
    """Return what a run's regression finds for each layer, or None.

    Raises
    ------
    DataError
        If the run's settings are missing or damaged.
    """
    return regression_of(run.settings).per_layer


def read_per_layer(run: Run, number: SubjectId, hemisphere: Side, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Read what a run found for each layer, (n_layers, n_vertices): by the refit, or by all folds together.

    Parameters
    ----------
    shape
        That the values are to have.

    Raises
    ------
    DataError
        If the array is missing or of another shape.
    MissingStep
        If the run has not been trained on the subject.
    """
    words = per_layer(run)
    assert words is not None  # whoever asks has looked
    fits = run.subject(number).of_regression(words.array, hemisphere)
    if fits.shape[1:] != shape:
        raise DataError(
            f"the {hemisphere} {words.value}s of the run's subject {number} are of shape {fits.shape}; fits of "
            f"{shape[0]} layers x {shape[1]} vertices were expected",
            hint=again(run.folder, [number]),
        )
    return np.asarray(fits[-1] if run.settings.refit else fits.mean(axis=0), dtype=np.float64)


def columns_per_layer(run: Run, number: SubjectId, hemisphere: Side, n_vertices: int) -> dict[str, NDArray[np.float64]]:
    """Return the same layer by layer, (n_vertices,) each, by names that columns and files may have: weight.features.2.

    Nothing where the run's regression finds nothing for each layer; errors are those of `read_per_layer`.
    """
    words = per_layer(run)
    if words is None:
        return {}
    layers = name_layers(run, run.settings.features)
    names = [re.sub(r"[^A-Za-z0-9._-]+", "-", layer.label) for layer in layers]
    # What differed in letters that a file cannot have differs by its features' names, which can be files.
    names = names if len({name.lower() for name in names}) == len(names) else [layer.features for layer in layers]
    values = read_per_layer(run, number, hemisphere, (len(layers), n_vertices))
    return {f"{words.value}.{name}": of_layer for name, of_layer in zip(names, values, strict=True)}
