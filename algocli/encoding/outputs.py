"""What the models of one side leave in a run: predictions, scores, penalties and weights, fit by fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algocli.compute.arrays import level_rounding
from algocli.compute.remarks import counted
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side
from algocli.encoding.fields import Fields
from algocli.encoding.regressions.models import Model
from algocli.encoding.regressions.registry import regression_of
from algocli.stats.correlation import constant_vertices, correlate


class Shelf(Protocol):
    """Where the arrays of one subject are put, by name; visible only when whole."""

    @property
    def id(self) -> SubjectId:
        """What the subject is called: its number, or its name."""
        ...

    def save(self, name: str, array: NDArray[Any]) -> None:
        """Store one array."""
        ...

    def discard(self, name: str) -> None:
        """Delete an array of that name, if there is one."""
        ...

    def writing_rows(
        self, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32
    ) -> AbstractContextManager[Callable[[NDArray[Any]], object]]:
        """Store one array from blocks of rows, handed over one after the other within a `with` block."""
        ...


@dataclass
class Outputs:
    """One side's results, collected while models are fitted; held-out predictions go to disk as they come."""

    append: Callable[[NDArray[np.float32]], object]
    settings: Fields
    scores: list[NDArray[np.float64]] = field(default_factory=list)
    dead: list[int] = field(default_factory=list)
    # By name, one entry a fit; and what there is to say of the last of them.
    arrays: dict[str, list[NDArray[Any] | None]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    # The mean over the models that predict the test images: the refit alone, or every fold where there is none. None
    # where features of the training images are all there is.
    test_sum: NDArray[np.float32] | None = None
    n_tests: int = 0

    def add_model(self, model: Model, *, predicts_tests: bool) -> None:
        """Keep what a model chose for each vertex, and what new images need of one that predicts the test images."""
        regression = regression_of(self.settings)
        for array in regression.arrays:
            if predicts_tests or not array.for_new_images:
                self.arrays.setdefault(array.name, []).append(array.take(model, self.settings))
        self.remarks = list(regression.tell(model, self.settings))

    def add_held_out(self, measured: NDArray[np.float32], predicted: NDArray[np.float32]) -> None:
        """Score and store the predictions of a fold's held-out images, (n_stimuli, n_vertices)."""
        predicted = level_rounding(predicted)
        self.scores.append(correlate(measured, predicted))
        self.dead.append(int((constant_vertices(measured) | constant_vertices(predicted)).sum()))
        self.append(predicted)

    def add_test(self, predicted: NDArray[np.float32]) -> None:
        """Add one model's predictions of the test images, (n_test, n_vertices)."""
        self.test_sum = predicted if self.test_sum is None else self.test_sum + predicted
        self.n_tests += 1


@contextmanager
def open_outputs(
    shelf: Shelf, hemisphere: Side, settings: Fields, n_held_out: int, n_vertices: int
) -> Iterator[Outputs]:
    """Collect a side's results within a `with` block, at whose end all of its arrays are in the run."""
    with shelf.writing_rows(f"{hemisphere}_pred_validation", (n_held_out, n_vertices)) as append:
        outputs = Outputs(append, settings)
        yield outputs
    shelf.save(f"{hemisphere}_fold_correlation", np.stack(outputs.scores))
    shelf.save(f"{hemisphere}_correlation", np.mean(outputs.scores, axis=0))
    if outputs.test_sum is None:
        # Those of an earlier training would be taken for this one's.
        shelf.discard(f"{hemisphere}_pred_test")
    else:
        shelf.save(f"{hemisphere}_pred_test", (outputs.test_sum / np.float32(outputs.n_tests)).astype(np.float32))


def save_choices(shelf: Shelf, hemisphere: Side, outputs: Outputs) -> Iterator[str]:
    """Save the arrays that the regression leaves, and yield what is worth saying of its last fit."""
    for array in regression_of(outputs.settings).arrays:
        fits = [of_fit for of_fit in outputs.arrays.get(array.name, []) if of_fit is not None]
        # Part of the fits says nothing, and what an earlier training left would be taken for this one's.
        if fits and len(fits) == len(outputs.arrays[array.name]):
            shelf.save(f"{hemisphere}_{array.name}", np.stack(fits))
        else:
            shelf.discard(f"{hemisphere}_{array.name}")
    yield from outputs.remarks
    if max(outputs.dead):
        vary, their = ("varies", "its") if max(outputs.dead) == 1 else ("vary", "their")
        dead = f"{counted(max(outputs.dead), 'vertices')} never {vary}"
        yield f"{dead} among the held-out images, measured or predicted; {their} r is 0"
