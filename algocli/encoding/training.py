"""Fits the models of one subject, of all sides and as many folds at a time as memory holds."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.compute.remarks import Remark
from algocli.compute.track import Note, Track
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side, heading
from algocli.encoding.kernels import Kernels, fits_together, view_of
from algocli.encoding.outputs import Outputs, Shelf, open_outputs, save_choices
from algocli.encoding.regressions.models import Model
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.regressions.view import Scores, View
from algocli.encoding.settings import Settings
from algocli.encoding.splits import Split
from algocli.encoding.stacked import StackedComponents
from algocli.encoding.stored import AsStored
from algocli.errors import DataError
from algocli.features.algebra import algebra_on
from algocli.features.store.shards import FeatureStore

_FIRST_VERTICES = 8


@dataclass(frozen=True)
class _Prepared:
    """One fit's components, and the scores of the images that it predicts; the refit holds nothing out."""

    view: View
    held_out: NDArray[np.int64] | None
    held_out_scores: Scores | None
    test_scores: Scores | None


class Training:
    """The fitting of one subject's models: as many fits at a time as memory holds, of all sides."""

    def __init__(
        self,
        subject: Subject,
        shelf: Shelf,
        settings: Settings,
        split: Split,
        stores: Sequence[FeatureStore],
        device: str,
        clock: dict[str, float],
        track: Track,
        note: Note,
    ) -> None:
        self.subject, self.shelf, self.settings = subject, shelf, settings
        self.split, self.folds = split, split.folds
        self.clock, self.track = clock, track
        self.algebra = algebra_on(device)
        self.regression = regression_of(settings)
        self.n_train = len(subject.train_stimuli)
        with self._timed("gram"):
            self.kernels = Kernels(stores, settings, self.n_train, device=device, track=track, note=note)
        # None where features of the training images are all there is.
        self.test = np.arange(self.n_train, self.kernels.n_stimuli)

    def run(self, note: Note) -> list[Remark]:
        """Fit everything, leave it in the run, and return what is worth saying of it in the end."""
        for side in self.subject.sides:
            name = self.subject.responses_name("train", side)
            _refuse_empty_rows(name, self.subject.responses("train", side))
        n_held_out = sum(len(fold.held_out) for fold in self.folds)
        fits = self.split.fits(refit=self.settings.refit)
        with self._timed("gram"):
            self.kernels.prepare(fits)
        with ExitStack() as stack:
            outputs = {
                side: stack.enter_context(
                    open_outputs(self.shelf, side, self.settings, n_held_out, self.subject.n_vertices(side))
                )
                for side in self.subject.sides
            }
            # A step is the components of a fit, or a hemisphere's model of one.
            steps = self._steps(fits, outputs, note)
            label = f"subject {self.subject.id}: training"
            for _ in self.track(steps, total=3 * len(fits), label=label, unit="steps"):
                pass
        return [
            (self.subject.id, hemisphere, text)
            for hemisphere, collected in outputs.items()
            for text in save_choices(self.shelf, hemisphere, collected)
        ]

    def _steps(self, fits: Sequence[NDArray[np.int64]], outputs: Mapping[Side, Outputs], note: Note) -> Iterator[None]:
        n_vertices = max(map(self.subject.n_vertices, self.subject.sides))
        n_together = fits_together(self.settings, len(fits[-1]), n_vertices)
        for start in range(0, len(fits), n_together):
            prepared: list[_Prepared] = []
            for number, fit in enumerate(fits[start : start + n_together], start):
                with self._timed("components"):
                    prepared.append(self._prepare(number, fit))
                if number == 0:
                    self._tell_narrow(prepared[0].view, note)
                yield
            for hemisphere, collected in outputs.items():
                with self._timed(heading(hemisphere).lower()):
                    self._fit_hemisphere(hemisphere, prepared, collected, note)
                yield from itertools.repeat(None, len(prepared))

    def _prepare(self, number: int, fit: NDArray[np.int64]) -> _Prepared:
        """Find the components of the fit with this number, and score whatever it is to predict."""
        view = view_of(self.kernels, fit, self.algebra)
        # Where all that there are were asked for, only now is their number known.
        self.regression.check_components(
            self.settings, len(fit), sum(len(layer.variances) for layer in view.components)
        )
        is_refit = number == len(self.folds)
        held_out = None if is_refit else self.folds[number].held_out
        tests = len(self.test) > 0 and (is_refit or not self.settings.refit)
        return _Prepared(
            view.without_kernels(),
            held_out,
            None if held_out is None else view.project(held_out),
            view.project(self.test) if tests else None,
        )

    def _tell_narrow(self, view: View, note: Note) -> None:
        """Say which layers have fewer components than were asked for."""
        asked, components = self.settings.n_components, view.components
        layers = components[0].layers if isinstance(components[0], StackedComponents) else components
        # Where features are read these have none, and what the others have together comes last.
        layers = [layer for layer in layers if not isinstance(layer, AsStored)]
        names = self.settings.features if len(layers) == len(self.settings.features) else ("the features",)
        for name, layer in zip(names, layers, strict=bool(layers)):
            has = len(layer.variances)
            if asked is not None and has < asked:
                note(
                    f"subject {self.subject.id}: of {name} there are {has} components, which are kept, and not {asked}"
                )

    def _fit_hemisphere(self, hemisphere: Side, prepared: Sequence[_Prepared], outputs: Outputs, note: Note) -> None:
        where = f"subject {self.subject.id}, {hemisphere}"
        responses = self.subject.responses("train", hemisphere)
        path = self.subject.responses_name("train", hemisphere)
        models = self.regression.fit(
            self.settings, [fit.view for fit in prepared], responses, lambda message: note(f"{where}: {message}")
        )
        for fit, model in zip(prepared, _checked(models, path, responses), strict=True):
            outputs.add_model(model, predicts_tests=fit.held_out is None or not self.settings.refit)
            if fit.held_out is not None and fit.held_out_scores is not None:
                measured = np.asarray(responses[fit.held_out])
                outputs.add_held_out(measured, self.regression.predict(model, fit.held_out_scores, self.algebra))
            if fit.test_scores is not None:
                outputs.add_test(self.regression.predict(model, fit.test_scores, self.algebra))

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.time()
        yield
        self.clock[stage] = self.clock.get(stage, 0) + time.time() - began


def _checked(models: Iterator[Model], path: str, responses: NDArray[np.floating]) -> Iterator[Model]:
    """Pass models on unless the first says that a response is not finite."""
    first = next(models)
    _refuse_non_finite(first, path, responses)
    yield first
    yield from models


def _refuse_empty_rows(path: str, responses: NDArray[np.floating]) -> None:
    """Refuse responses that are 0 at every vertex for some images: the file has its size and not all of its content."""
    # Few rows begin so by chance: only these are read to their ends.
    likely = np.flatnonzero(~responses[:, :_FIRST_VERTICES].any(axis=1))
    empty = [row for row in likely.tolist() if not responses[row].any()]
    if empty and responses.shape[1]:
        raise DataError(
            f"{path} is 0 at every vertex in {len(empty)} of {len(responses)} rows, the first of them row {empty[0]}: "
            "it was never written to the end",
            hint="algocli data",
        )


def _refuse_non_finite(model: Model, path: str, responses: NDArray[np.floating]) -> None:
    """Refuse responses with a NaN: it has spread to every number of its vertex, the intercept among them."""
    bad = np.flatnonzero(~np.isfinite(model.intercept))
    if len(bad):
        rows = np.flatnonzero(~np.isfinite(responses[:, bad[0]]))
        where = f", for instance in row {rows[0]}, column {bad[0]}" if len(rows) else ""
        raise DataError(f"{path} holds values that are not finite in {len(bad)} columns{where}", hint="algocli data")
