"""Models of more and more of the images that a run fits, on the images that it holds out: the points of a curve.

Subsets are drawn by chance, each within the next larger one of its repeat. Of a size there are no more than all images
have room for side by side: more would have most of their images in common, and cost the most.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import level_rounding
from algocli.compute.budget import check_memory
from algocli.compute.choices import check_whole
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.protocol import Subject, image_width_of
from algocli.dataset.sides import Side
from algocli.encoding.kernels import Kernels
from algocli.encoding.memory import Size, bytes_needed
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings
from algocli.encoding.splits import Fold
from algocli.encoding.subsets import Subset, draw_nested, take_each, usual_sizes, within_reach
from algocli.errors import UsageError
from algocli.runs.between_folds import FoldsAgain
from algocli.runs.run import Run

# What reads, or makes, predictions of some vertices, (n_held_out, n_some), whose responses to the images of the largest
# of several models are at hand.
_Predicting = Callable[[slice, NDArray[np.float32]], NDArray[np.float32]]
# What of a run's settings may be otherwise: not its features, nor which images it holds out.
MAY_DIFFER = ("n_components", "regression", "alpha_by", "alphas", "join", "scaled", "standardised", "n_iter")


@dataclass(frozen=True)
class Point:
    """A model that was fitted: in which fold, on how many images, for which repeat."""

    fold: int
    n_images: int
    repeat: int


@dataclass(frozen=True)
class Predicted:
    """What models of one fold predict of the images that it holds out, of one side.

    Attributes
    ----------
    points
        An entry for each model.
    at
        Returns what was measured of some vertices, (n_held_out, n_some), and yields what each model predicts of them.
        Where the regression fits vertices one by one, they are fitted then, and several threads may ask at once.
    """

    points: tuple[Point, ...]
    side: Side
    at: Callable[[slice], tuple[NDArray[np.float32], Iterator[NDArray[np.float32]]]]


@dataclass(frozen=True)
class _Model:
    """A model that is to be fitted, on rows of the training images in the order that they were drawn in."""

    point: Point
    fold: Fold
    rows: NDArray[np.int64]
    settings: Settings


class Growing:
    """The models of one subject of a run, or of other settings in its place.

    Parameters
    ----------
    sizes
        How many sizes there are to be, or the sizes themselves.
    changed
        Fields of the settings that are to be otherwise than the run has them.

    Raises
    ------
    MissingStep
        If the run lacks the subject, or its features are gone.
    UsageError
        If sizes or settings cannot be, or code of others would have to run.
    DataError
        If the responses are not those that the run was trained on.
    """

    def __init__(
        self,
        run: Run,
        subject: Subject,
        *,
        sizes: int | Sequence[int],
        n_repeats: int,
        seed: int,
        changed: Mapping[str, Any],
        track: Track = silent,
        note: Note = unheard,
    ) -> None:
        again = FoldsAgain(run, subject, track=track, note=note)
        self.subject, self.folds, self.track, self.note = subject, again.folds, track, note
        self.n_repeats, self.seed = check_whole("repeats", n_repeats, 1), check_whole("seed", seed, 0)
        settings = replace(run.settings, **changed)
        # What the run itself predicts has not to be predicted once more.
        self.own = run.subject(subject.id) if settings == run.settings else None
        self.settings: Settings = settings.seen_at(image_width_of(subject))
        self.regression = regression_of(self.settings)
        if self.regression.runs_code:
            raise UsageError(f"the code of {self.regression.name} is not run for a learning curve")
        self.n_fit = min(len(fold.fit) for fold in self.folds)
        self.sizes = self._check_sizes(sizes)
        self.stores = again.stores
        self._promise()

    def _check_sizes(self, sizes: int | Sequence[int]) -> list[int]:
        if isinstance(sizes, int):
            checked = usual_sizes(self.n_fit, check_whole("sizes", sizes, 2, 100), self.settings)
        else:
            checked = sorted({check_whole("sizes", size, 2) for size in sizes})
        if checked and checked[-1] > self.n_fit:
            raise UsageError(
                f"sizes={checked[-1]}: subject {self.subject.id} has {self.n_fit} images to fit on",
                hint="leave it out; the largest size there is by default is all of them",
            )
        if len(checked) < 2:
            raise UsageError("sizes=... are to be two at least, of different numbers of images")
        return checked

    def _promise(self) -> None:
        """Refuse what does not fit into memory: a training's, and a part of the Gram matrix and of the responses."""
        n_train, n_vertices = len(self.subject.train_stimuli), max(map(self.subject.n_vertices, self.subject.sides))
        n_columns = self.regression.n_columns(self.settings, self.stores)
        size = Size(n_train, 0, n_vertices, max(len(fold.held_out) for fold in self.folds), n_columns)
        part = 4 * (n_train**2 + n_train * n_vertices)
        needed = bytes_needed(self.settings, size, with_torch=False) + part
        check_memory(needed, remedy="fewer components (n_components=...) need less")

    @property
    def n_models(self) -> int:
        """How many models there are to fit."""
        return len(self.folds) * sum(map(self.repeats_of, self.sizes))

    def repeats_of(self, n_images: int) -> int:
        """Return how many subsets there are of so many images."""
        return max(1, min(self.n_repeats, self.n_fit // n_images))

    def components(self) -> dict[int, int | None]:
        """Return by the number of images how many components a model of them has; None for all that there are."""
        return {n: within_reach(self.settings, n).n_components for n in self.sizes}

    def n_lost(self) -> dict[int, int]:
        """Return by the number of images how many of them a model needs for its components and the mean alone.

        What least squares errs by falls with those that are left: of random components, as k / (n - k - 1).
        """
        has_penalties = self.regression.has_penalties or self.settings.n_components is None
        return {n: 0 if has_penalties or k is None else min(k + 1, n - 1) for n, k in self.components().items()}

    def predict(self) -> Iterator[Predicted]:
        """Yield what models predict, side by side, several at a time; those of one fold before those of the next."""
        kernels = Kernels(self.stores, self.settings, len(self.subject.train_stimuli), track=self.track)
        label, total = f"subject {self.subject.id}: learning curve", self.n_models * (1 + len(self.subject.sides))
        # A step is the components of a model, or what it predicts of a side.
        for step in self.track(self._steps(kernels), total=total, label=label, unit="steps"):
            if step is not None:
                yield step

    def fits(self) -> Iterator[NDArray[np.int64]]:
        """Yield the images of every model that is to be fitted, rising, in the order in which they are."""
        for batch in self._batches():
            yield from (np.sort(model.rows) for model in batch if not self._is_own(model))

    def _steps(self, kernels: Kernels) -> Iterator[Predicted | None]:
        for batch in self._batches():
            subsets: list[Subset | None] = []
            for subset in self._subsets(batch, kernels):
                subsets.append(subset)
                yield None
            for side in self.subject.sides:
                yield self._predicted(batch, subsets, side)
                yield from itertools.repeat(None, len(batch) - 1)

    def _batches(self) -> Iterator[list[_Model]]:
        """Yield models that go together, the largest first: the images of each begin with those of the next.

        Their parts of the Gram matrix are together no larger than all of it, which a model of all images takes alone.
        """
        apart, most = not self.regression.fits_some(self.settings), len(self.subject.train_stimuli) ** 2
        for models in self._repeats():
            batch, held = list[_Model](), 0
            for model in reversed(models):
                needed = self._n_numbers(model, most)
                if batch and (apart or held + needed > most):
                    yield batch
                    batch, held = [], 0
                batch.append(model)
                held += needed
            yield batch

    def _repeats(self) -> Iterator[list[_Model]]:
        for number, fold in enumerate(self.folds):
            for repeat in range(self.n_repeats):
                # Of the smallest fold's images there may be a few less than of another's: all are all.
                sizes = {n if n < self.n_fit else len(fold.fit): n for n in self.sizes}
                drawn = draw_nested(fold.fit, list(sizes), [self.seed, repeat, number])
                models = [
                    _Model(Point(number, sizes[n], repeat), fold, rows, within_reach(self.settings, len(rows)))
                    for n, rows in drawn.items()
                    if repeat < self.repeats_of(sizes[n])
                ]
                if models:
                    yield models

    def _n_numbers(self, model: _Model, n_all: int) -> int:
        """Count the numbers of the Gram matrices that a model needs, each of which has so many."""
        if self._is_own(model):
            return 0
        fold, n = model.fold, len(model.rows)
        return len(self.settings.features) * (n_all if n == len(fold.fit) else (n + len(fold.held_out)) ** 2)

    def _is_own(self, model: _Model) -> bool:
        return self.own is not None and len(model.rows) == len(model.fold.fit)

    def _subsets(self, batch: Sequence[_Model], kernels: Kernels) -> Iterator[Subset | None]:
        """Yield what each model is fitted on; None where it is the run's own."""
        others = [model for model in batch if not self._is_own(model)]
        yield from itertools.repeat(None, len(batch) - len(others))
        wanted = [(model.settings, model.fold, np.sort(model.rows)) for model in others]
        for model, subset in zip(others, take_each(kernels, wanted), strict=True):
            yield subset.in_order(model.rows) if self.regression.fits_some(self.settings) else subset

    def _predicted(self, batch: Sequence[_Model], subsets: Sequence[Subset | None], side: Side) -> Predicted:
        every, held_out = self.subject.responses("train", side), batch[0].fold.held_out
        each = [
            self._recall(model.fold, side) if subset is None else self._fit(subset, model.settings, side)
            for model, subset in zip(batch, subsets, strict=True)
        ]
        fitted = [subset for subset in subsets if subset is not None and self.regression.fits_some(self.settings)]

        def at(vertices: slice) -> tuple[NDArray[np.float32], Iterator[NDArray[np.float32]]]:
            some = every[:, vertices]
            responses = fitted[0].responses(some) if fitted else some
            return np.asarray(some[held_out]), (predict(vertices, responses) for predict in each)

        return Predicted(tuple(model.point for model in batch), side, at)

    def _recall(self, fold: Fold, side: Side) -> _Predicting:
        """Return what reads the run's own predictions."""
        assert self.own is not None
        rows, predicted = self.own.validation_rows(), self.own.validation_predictions(side)
        order = np.argsort(rows)
        places = order[np.searchsorted(rows, fold.held_out, sorter=order)]
        return lambda vertices, _: np.asarray(predicted[:, vertices][places])

    def _fit(self, subset: Subset, settings: Settings, side: Side) -> _Predicting:
        """Return what fits a model and predicts: all vertices now, or those asked for when they are."""
        scores = subset.held_out_scores
        if self.regression.fits_some(settings):
            fit, n = self.regression.fit_some(settings, subset.view), None if subset.rows is None else len(subset.rows)
            return lambda _, responses: level_rounding(self.regression.predict(fit(responses[:n]), scores))
        every = subset.responses(self.subject.responses("train", side))
        [model] = self.regression.fit(settings, [subset.view], every, self.note)
        whole = level_rounding(self.regression.predict(model, scores))
        return lambda vertices, _: whole[:, vertices]
