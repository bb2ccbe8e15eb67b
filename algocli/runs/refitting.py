"""Fits the models that predict a subject's test images once more, from the inputs that they were trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.track import Note, Track
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.encoding.kernels import Kernels
from algocli.encoding.new_images import Fit, fit_of
from algocli.encoding.regressions.models import LinearModel
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.regressions.regression import Regression
from algocli.encoding.settings import Settings
from algocli.errors import DataError, UsageError
from algocli.features.store.shards import FeatureStore
from algocli.runs.splitting import saved_split
from algocli.runs.subject_run import SubjectRun


@dataclass(frozen=True)
class AsItIs:
    """A model without a linear form: its regression predicts, from the scores of each layer that has its own."""

    regression: Regression
    model: Any
    widths: tuple[int, ...]

    @property
    def intercept(self) -> NDArray[np.float32]:
        """(n_vertices,)."""
        intercept: NDArray[np.float32] = self.model.intercept
        return intercept

    def predict(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predict responses, (n_images, n_vertices), from scores, (n_images, n_components)."""
        return self.regression.predict(self.model, np.split(scores, np.cumsum(self.widths)[:-1], axis=1))


# A model of all layers' components side by side.
ScoredModel = LinearModel | AsItIs


# By side, one entry a fit.
ScoredModels = dict[Side, list[ScoredModel]]


class Refitting:
    """The work of it, for one subject of a run."""

    def __init__(
        self,
        settings: Settings,
        subject_run: SubjectRun,
        stores: Sequence[FeatureStore],
        subject: Subject,
        *,
        trust_code: bool,
        track: Track,
        note: Note,
    ) -> None:
        self.settings, self.subject_run, self.stores, self.subject = settings, subject_run, stores, subject
        self.trust_code, self.track, self.note = trust_code, track, note
        self.regression = regression_of(settings)
        self._is_ready = False

    def run(self) -> tuple[list[Fit], ScoredModels]:
        """Return the fits that predict the test images, and their models; what the run has kept is not fitted again.

        Raises
        ------
        UsageError
            If code that the run names has to run, and may not.
        DataError
            If it is other code than the run was trained with.
        """
        needed = [array.name for array in self.regression.arrays if array.for_new_images]
        if not needed or not all(
            self.subject_run.has_array(f"{h}_{name}") for h in self.subject.sides for name in needed
        ):
            self._prepare()
        n_train = len(self.subject.train_stimuli)
        kernels = Kernels(self.stores, self.settings, n_train, track=self.track)
        # The models that predict the test images: the refit alone, or every fold where there is none.
        split = saved_split(self.subject_run, n_train)
        rows = [split.used] if self.settings.refit else [fold.fit for fold in split.folds]
        fits: list[Fit] = []
        models: ScoredModels = {hemisphere: [] for hemisphere in self.subject.sides}
        label = f"subject {self.subject_run.id}: fitting once more"
        for some in self.track(rows, total=len(rows), label=label, unit="fits"):
            fit = fit_of(kernels, some)
            if not fits:
                _check_size(fit, len(rows), self.subject)
            for hemisphere, of_side in models.items():
                of_side.append(self._model(fit, len(fits), hemisphere))
            fits.append(fit.for_scores())
        if self._is_ready and any(isinstance(model, AsItIs) for of_side in models.values() for model in of_side):
            self.note(f"subject {self.subject_run.id}: {self.regression.name} has no linear form, and is not kept")
        return fits, models

    def _model(self, fit: Fit, number: int, hemisphere: Side) -> ScoredModel:
        """Return the model of a fit, in its linear form where it has one; a run may have kept that."""
        recalled: Any = self.regression.recall(
            self.settings, lambda name: self._array(name, hemisphere), number, fit.view
        )
        if recalled is not None:
            return AsItIs(self.regression, recalled, fit.widths) if fit.n_read else recalled
        self._prepare()
        responses = self.subject.responses("train", hemisphere)
        [model] = self.regression.fit(self.settings, [fit.view], responses, self.note)
        return self.regression.as_linear(model) or AsItIs(self.regression, model, fit.widths)

    def _array(self, name: str, hemisphere: Side) -> NDArray[Any] | None:
        has_it = self.subject_run.has_array(f"{hemisphere}_{name}")
        return self.subject_run.of_regression(name, hemisphere) if has_it else None

    def _prepare(self) -> None:
        """Say what fitting again is, before the first; refuse code that may not run, or is not what it was."""
        if self._is_ready:
            return
        self._is_ready, where = True, f"subject {self.subject_run.id}"
        if self.regression.runs_code:
            if not self.trust_code:
                raise UsageError(
                    f"{where}'s model has to be fitted once more, which runs the code of {self.regression.name}",
                    hint="trust_remote_code=True allows it",
                )
            if self.subject_run.other_code(self.regression.provenance()):
                raise DataError(
                    f"the code of {self.regression.name} is not what {where} was trained with",
                    hint="bring the module back to what it was, or train again with force=True",
                )
        told = self.regression.tell_again()
        if told:
            self.note(f"{where}: {told}")


def _check_size(fit: Fit, n_fits: int, subject: Subject) -> None:
    """Refuse models that do not fit into memory, each with its components and coefficients."""
    n_rows = len(fit.view.components[0].fit) + sum(subject.n_vertices(hemisphere) for hemisphere in subject.sides)
    remedy = "train with fewer components; or with refit=True, which has one fit instead of many"
    check_memory(4 * n_rows * sum(fit.n_components) * n_fits, remedy=remedy)
