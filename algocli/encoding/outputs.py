"""What the models of one hemisphere leave in a run: predictions, scores, penalties and weights, fit by fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algocli.compute.track import Note
from algocli.dataset.sides import Hemisphere
from algocli.encoding.regressions.banded import BandedModel
from algocli.encoding.regressions.blend import BlendedModel
from algocli.encoding.regressions.fitting import Model
from algocli.encoding.regressions.ridge import RidgeModel
from algocli.encoding.settings import Settings
from algocli.stats.correlation import constant_vertices, correlate

# A larger share of vertices than this at the smallest penalty is worth a word: a smaller one might serve them better.
EDGE_SHARE = 0.01


class Shelf(Protocol):
    """Where the arrays of one subject are put, by name; visible only when whole."""

    @property
    def number(self) -> int:
        """The subject's number."""
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
    """One hemisphere's results, collected while models are fitted; held-out predictions go to disk as they come."""

    append: Callable[[NDArray[np.float32]], object]
    scores: list[NDArray[np.float64]] = field(default_factory=list)
    dead: list[int] = field(default_factory=list)
    penalties: list[NDArray[np.int16]] = field(default_factory=list)
    blends: list[NDArray[np.float32]] = field(default_factory=list)
    bands: list[NDArray[np.float32]] = field(default_factory=list)
    # The mean over the models that predict the test images: the refit alone, or every fold where there is none. None
    # where features of the training images are all there is.
    test_sum: NDArray[np.float32] | None = None
    n_tests: int = 0

    def add_model(self, model: Model) -> None:
        """Keep what a model chose for each vertex."""
        if isinstance(model, RidgeModel | BlendedModel | BandedModel):
            self.penalties.append(model.chosen)
        if isinstance(model, BlendedModel):
            self.blends.append(model.blend.weights.astype(np.float32))
        if isinstance(model, BandedModel):
            self.bands.append(model.shares)

    def add_held_out(self, measured: NDArray[np.float32], predicted: NDArray[np.float32]) -> None:
        """Score and store the predictions of a fold's held-out images, (n_stimuli, n_vertices)."""
        self.scores.append(correlate(measured, predicted))
        self.dead.append(int((constant_vertices(measured) | constant_vertices(predicted)).sum()))
        self.append(predicted)

    def add_test(self, predicted: NDArray[np.float32]) -> None:
        """Add one model's predictions of the test images, (n_test, n_vertices)."""
        self.test_sum = predicted if self.test_sum is None else self.test_sum + predicted
        self.n_tests += 1


@contextmanager
def open_outputs(share: Shelf, hemisphere: Hemisphere, n_held_out: int, n_vertices: int) -> Iterator[Outputs]:
    """Collect a hemisphere's results within a `with` block, at whose end all of its arrays are in the run."""
    with share.writing_rows(f"{hemisphere}_pred_validation", (n_held_out, n_vertices)) as append:
        found = Outputs(append)
        yield found
    share.save(f"{hemisphere}_fold_correlation", np.stack(found.scores))
    share.save(f"{hemisphere}_correlation", np.mean(found.scores, axis=0))
    if found.test_sum is None:
        # Those of an earlier training would be taken for this one's.
        share.discard(f"{hemisphere}_pred_test")
    else:
        share.save(f"{hemisphere}_pred_test", (found.test_sum / np.float32(found.n_tests)).astype(np.float32))


def save_choices(share: Shelf, hemisphere: Hemisphere, found: Outputs, settings: Settings, note: Note) -> None:
    """Save what was chosen for each vertex, where the regression chooses, and say what is worth saying of it."""
    where = f"subject {share.number}, {hemisphere}"
    if found.blends:
        share.save(f"{hemisphere}_blend", np.stack(found.blends))
        _tell_layers(found.blends[-1], "weight", settings.features, where, note)
    if found.bands:
        share.save(f"{hemisphere}_band", np.stack(found.bands))
        _tell_layers(found.bands[-1], "share", settings.features, where, note)
    if found.penalties:
        share.save(f"{hemisphere}_alpha", settings.relative_alphas[np.stack(found.penalties)].astype(np.float32))
        _tell_edges(found.penalties[-1], settings, where, note)
    if max(found.dead):
        note(
            f"{where}: {max(found.dead)} vertices never vary among the held-out images, measured or predicted; "
            "their r is 0"
        )


def _tell_layers(weights: NDArray[np.float32], what: str, features: Sequence[str], where: str, note: Note) -> None:
    """Say for how many vertices each layer has the largest weight, or share."""
    heaviest = np.where(weights.any(axis=0), weights.argmax(axis=0), -1)
    shares = [f"{name} {(heaviest == number).mean():.0%}" for number, name in enumerate(features)]
    note(f"{where}: vertices by the layer of largest {what}: {', '.join(shares)}")


def _tell_edges(chosen: NDArray[np.int16], settings: Settings, where: str, note: Note) -> None:
    """Say how many vertices have the smallest or the largest penalty that there was, and what to do about it."""
    low, high, n = settings.alphas
    lowest, highest = float((chosen == 0).mean()), float((chosen == n - 1).mean())
    remedy = f": alphas=({low / 100:g}, {high:g}, {n + 6}) reaches further down" if lowest > EDGE_SHARE else ""
    note(
        f"{where}: {lowest:.1%} of the vertices have the smallest penalty{remedy}; {highest:.1%} have the largest, "
        "which suits those that nothing predicts"
    )
