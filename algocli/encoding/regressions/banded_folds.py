"""Inner folds of a large regression as small ones that choose the same penalties.

Ridge regression knows its design and the responses through their squares and products alone. A few rows, as many as
there are columns, can have the same squares and products as thousands of images, so the folds are reduced to such rows
once, and every penalty that is tried costs that much less. Images left out are reduced likewise: what no prediction can
reach is the same for every penalty, and is set aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.splits import Fold
from algocli.features.algebra import ON_CPU, Algebra

# Vertices whose responses are reduced at once.
VERTICES = 1024
# Directions of so small a share of the largest one's squares are left out: float32 responses say nothing of them.
NEGLIGIBLE = 1e-10

Split = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Targets:
    """What the reduced folds are to predict of some vertices.

    Attributes
    ----------
    values : (n_rows, n_vertices) float32
        In units of each vertex's spread over all images: what makes one draw better than another is a number without
        a unit, and must not depend on that of the responses.
    reachable, total : (n_vertices,) float64
        The mean square of the responses left out, averaged over folds: what `values` has of it, and all of it.
    """

    values: NDArray[np.float32]
    reachable: NDArray[np.float64]
    total: NDArray[np.float64]

    def explained(self, errors: NDArray[np.floating]) -> NDArray[np.float64]:
        """Turn squared errors on `values`, averaged over folds, into R², (n_vertices,); 0 where nothing varies."""
        varying = self.total > 0
        return np.divide(self.reachable - errors, self.total, out=np.zeros_like(self.total), where=varying)


@dataclass(frozen=True)
class _Part:
    """The images that a fold fits on, or those that it leaves out."""

    images: NDArray[np.int64]
    # The fold's fitted images' mean; one over the root of how many images a squared error is to be averaged over.
    mean: NDArray[np.float32]
    shrink: np.float32
    # Turns products of design and responses into targets, (n_rows, n_columns); None where the images stay as they are.
    turn: NDArray[np.float32] | None


class ReducedFolds:
    """Inner folds of some images, one below the other, each as few rows.

    Attributes
    ----------
    design : (n_rows, n_columns) float32
        Less the mean of the images that the fold fits on. Rows left out are shrunk, so that a sum of squared errors
        is the mean over images.
    splits
        The rows to fit on and those left out, one pair a fold.
    """

    def __init__(
        self,
        design: NDArray[np.float32],
        images: NDArray[np.int64],
        folds: Sequence[Fold],
        algebra: Algebra = ON_CPU,
    ) -> None:
        """Reduce folds of a design, (n_images, n_columns), whose rows are these of the responses'."""
        self._algebra = algebra
        self._full = design
        self._images = images
        self._parts: list[_Part] = []
        reduced = []
        for fold in folds:
            mean = design[fold.fit].mean(axis=0, dtype=np.float64).astype(np.float32)
            for part, shrink in ((fold.fit, 1.0), (fold.held_out, len(fold.held_out) ** -0.5)):
                rows, turn = _reduce((design[part] - mean) * np.float32(shrink), algebra)
                self._parts.append(_Part(part, mean, np.float32(shrink), turn))
                reduced.append(rows)
        self.design = np.vstack(reduced)
        self._rows = np.split(np.arange(len(self.design)), np.cumsum([len(rows) for rows in reduced])[:-1])

    @property
    def splits(self) -> list[Split]:
        """The rows of every fold."""
        return list(zip(self._rows[::2], self._rows[1::2], strict=True))

    def targets(self, responses: NDArray[np.floating], vertices: slice) -> Targets:
        """Reduce the responses of some vertices, (n_train, n_vertices), which are finite."""
        n_vertices = vertices.stop - vertices.start
        values = np.empty((len(self.design), n_vertices), np.float32)
        targets = Targets(values, np.zeros(n_vertices), np.zeros(n_vertices))
        for start in range(0, n_vertices, VERTICES):
            here = slice(start, min(start + VERTICES, n_vertices))
            among_all = slice(vertices.start + here.start, vertices.start + here.stop)
            measured = _in_units_of_spread(np.asarray(responses[:, among_all], np.float32)[self._images])
            for number in range(0, len(self._parts), 2):
                self._fill(number, measured, here, targets)
        return targets

    def _fill(self, number: int, measured: NDArray[np.float32], here: slice, targets: Targets) -> None:
        """Fill in the targets of one fold: the part that is fitted on, and the next, which is left out."""
        n_folds = len(self._parts) // 2
        level = measured[self._parts[number].images].mean(axis=0, dtype=np.float64).astype(np.float32)
        for part, rows in zip(self._parts[number : number + 2], self._rows[number : number + 2], strict=True):
            values = (measured[part.images] - level) * part.shrink
            total = np.square(values, dtype=np.float64).sum(axis=0)
            if part.turn is not None:
                design = (self._full[part.images] - part.mean) * part.shrink
                values = self._algebra.multiply(part.turn, self._algebra.multiply(design.T, values))
            targets.values[rows[0] : rows[-1] + 1, here] = values
        targets.reachable[here] += np.square(values, dtype=np.float64).sum(axis=0) / n_folds
        targets.total[here] += total / n_folds


def _in_units_of_spread(measured: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide responses, (n_images, n_vertices), by each vertex's standard deviation; one that never varies stays."""
    spread: NDArray[np.float64] = measured.std(axis=0, dtype=np.float64)
    # Rounding gives equal numbers a spread.
    varies = measured.max(axis=0) != measured.min(axis=0)
    return (measured / np.where(varies, spread, 1)).astype(np.float32)


def _reduce(rows: NDArray[np.float32], algebra: Algebra) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return fewer rows of the same squares, and what turns products with the given ones into products with these."""
    if len(rows) <= rows.shape[1]:
        return rows, None
    # A QR decomposition does the same and takes twenty times as long.
    exact = rows.astype(np.float64)
    squares, vectors = algebra.eigh(exact.T @ exact)
    kept = squares > NEGLIGIBLE * squares[-1]
    lengths = np.sqrt(squares[kept])
    vectors = vectors[:, kept]
    return (vectors * lengths).T.astype(np.float32), (vectors / lengths).T.astype(np.float32)
