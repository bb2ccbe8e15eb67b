"""Finds every vertex's share of each layer and its penalty by himalaya's random search.

Shares of the layers are drawn at random; for each draw himalaya tries every penalty on every inner fold, and a vertex
keeps the best that it has met. One draw is asked of himalaya at a time: it knows of no call between draws, and the
best of all draws is had from the best of each.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import length
from algocli.encoding.regressions.banded_folds import VERTICES, ReducedFolds, Split
from algocli.errors import UsageError, install_hint

N_INNER_FOLDS = 5
# What the search may hold at once: vertices are searched in blocks so that it is enough.
SEARCH_BYTES = 2**30
# What himalaya's matrices of some penalties, and its predictions of some vertices, may take of it.
MATRICES_BYTES = 2**27
# Vertices predicted at once: few enough that one penalty's predictions stay in the processor's cache.
VERTICES_AT_ONCE = 512


@dataclass(frozen=True)
class Search:
    """What decides a search for penalties: how many draws of shares and their seed, the penalties, the inner folds.

    Attributes
    ----------
    n_iter, seed
        Of the draws; the first gives every layer the same share.
    alphas : (n_alphas,) float64
        Rising, in units of a layer's mean variance of a component.
    fold_seed
        Of the inner folds.
    """

    n_iter: int
    seed: int
    alphas: NDArray[np.float64]
    fold_seed: int = 0


@dataclass(frozen=True)
class SearchSize:
    """How large a search is, and how it is cut so that it fits in SEARCH_BYTES."""

    n_fit: int
    n_columns: int
    n_alphas: int

    @property
    def rows(self) -> tuple[int, int]:
        """How many rows of a reduced fold are fitted on and left out."""
        n_left_out = -(-self.n_fit // N_INNER_FOLDS)
        return min(self.n_fit - self.n_fit // N_INNER_FOLDS, self.n_columns), min(n_left_out, self.n_columns)

    @property
    def alphas_at_once(self) -> int:
        """For how many penalties himalaya makes its matrices together."""
        # Each has the weighted vectors, what they make of the columns, and that times the rows left out.
        each = 4 * self.rows[0] * (self.rows[0] + self.n_columns + self.rows[1])
        return max(1, min(self.n_alphas, MATRICES_BYTES // each))

    @property
    def block(self) -> int:
        """How many vertices are searched at once."""
        return max(VERTICES_AT_ONCE, (SEARCH_BYTES - self._fixed_bytes) // self._vertex_bytes)

    def n_bytes(self, n_vertices: int) -> int:
        """Return what the search of so many vertices holds at its peak."""
        return self._fixed_bytes + self._vertex_bytes * min(n_vertices, self.block)

    @property
    def _fixed_bytes(self) -> int:
        # The reduced design, what turns responses into its rows, and himalaya's copies of it; while responses are
        # reduced a fold's images, and some responses to them.
        reduced = 4 * self.n_columns * N_INNER_FOLDS * sum(self.rows)
        reducing = 4 * self.n_fit * (2 * self.n_columns + 4 * VERTICES)
        searching = reduced + 16 * self.n_columns * self.rows[0] + 2 * MATRICES_BYTES
        return 2 * reduced + max(searching, reducing)

    @property
    def _vertex_bytes(self) -> int:
        # Its rows of every fold; and the scores of every fold and penalty with two copies of them in float64.
        return 4 * N_INNER_FOLDS * sum(self.rows) + 20 * N_INNER_FOLDS * self.n_alphas


@dataclass
class BestSoFar:
    """The best that some vertices have met so far.

    Attributes
    ----------
    draw : (n_vertices,) int64
        Which of the draws.
    chosen : (n_vertices,) int16
        Which of the penalties.
    errors : (n_vertices,) float32
        The squared error of predictions of what was left out, averaged over inner folds; infinite before the first.
    """

    draw: NDArray[np.int64]
    chosen: NDArray[np.int16]
    errors: NDArray[np.float32]

    @classmethod
    def of_nothing(cls, n_vertices: int) -> BestSoFar:
        """Return what is known before the first draw."""
        return cls(
            np.zeros(n_vertices, np.int64), np.zeros(n_vertices, np.int16), np.full(n_vertices, np.inf, np.float32)
        )

    def update(self, draw: int, chosen: NDArray[np.int16], errors: NDArray[np.float32]) -> None:
        """Keep what a draw has found wherever it is better."""
        # By more than rounding, as himalaya has it: of draws as good as each other the first stays.
        better = errors < self.errors - np.finfo(np.float32).eps
        self.draw[better], self.chosen[better], self.errors[better] = draw, chosen[better], errors[better]

    def part(self, vertices: slice) -> BestSoFar:
        """Return what some of the vertices have met, to be updated in its place."""
        return BestSoFar(self.draw[vertices], self.chosen[vertices], self.errors[vertices])


# Returns each vertex's best penalty for given shares of the layers, and its squared error with that.
Attempt = Callable[[NDArray[np.float32], NDArray[np.float32]], tuple[NDArray[np.int16], NDArray[np.float32]]]


class Searcher:
    """himalaya, set up for one device, layers of these widths and these penalties; to be had from `searching`."""

    def __init__(
        self, backend: ModuleType, size: SearchSize, widths: Sequence[int], alphas: NDArray[np.float64]
    ) -> None:
        edges = np.cumsum([0, *widths]).tolist()
        self._layers = [slice(start, stop) for start, stop in pairwise(edges)]
        self._backend, self._size, self._alphas = backend, size, alphas

    @property
    def block(self) -> int:
        """How many vertices are to be searched at once."""
        return self._size.block

    def draw(self, n_iter: int, seed: int) -> NDArray[np.float32]:
        """Draw shares of the layers as himalaya does, (n_iter, n_layers): each sums to one, the first is even."""
        from himalaya.kernel_ridge import generate_dirichlet_samples

        drawn = generate_dirichlet_samples(n_iter, len(self._layers), concentration=[0.1, 1.0], random_state=seed)
        shares: NDArray[np.float32] = np.array(self._backend.to_numpy(drawn), np.float32)
        shares[0] = 1 / len(self._layers)
        return shares

    def prepare(self, folds: ReducedFolds) -> Attempt:
        """Put the folds on the device; return what tries shares, (n_layers,), on targets, (n_rows, n_vertices)."""
        design = [self._backend.asarray(folds.design[:, layer]) for layer in self._layers]
        return partial(self._attempt, design, folds.splits)

    def _attempt(
        self, design: list[Any], splits: list[Split], targets: NDArray[np.float32], shares: NDArray[np.float32]
    ) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        from himalaya.ridge import solve_group_ridge_random_search

        deltas, _, scores = solve_group_ridge_random_search(
            design,
            self._backend.asarray(targets),
            n_iter=shares[None],
            alphas=self._alphas,
            cv=splits,
            score_func=_negative_squares,
            n_targets_batch=VERTICES_AT_ONCE,
            n_alphas_batch=self._size.alphas_at_once,
            progress_bar=False,
            warn=False,
        )
        # A delta is log(share / alpha); the largest share is never zero.
        largest = int(shares.argmax())
        log_alpha = np.log(shares[largest]) - self._backend.to_numpy(deltas)[largest]
        middles = np.log(self._alphas[1:] * self._alphas[:-1]) / 2
        return np.searchsorted(middles, log_alpha).astype(np.int16), -self._backend.to_numpy(scores)[0]

    def seconds(self, n_vertices: Sequence[int], n_iter: int) -> float:
        """Return how long searches may take, one entry each, going by random numbers: one fold of few vertices."""
        n_fitted, n_left_out = self._size.rows
        rows = np.arange(n_fitted + n_left_out)
        rng = np.random.default_rng(0)
        design = [rng.standard_normal((len(rows), length(layer)), dtype=np.float32) for layer in self._layers]
        shares = np.full(len(design), 1 / len(design), np.float32)
        splits = [(rows[:n_fitted], rows[n_fitted:])]
        times = []
        # The first attempt of all takes longer than any other.
        for width in (1, 1, VERTICES_AT_ONCE):
            targets = rng.standard_normal((len(rows), width), dtype=np.float32)
            began = perf_counter()
            self._attempt(design, splits, targets, shares)
            times.append(perf_counter() - began)
        each = max(0.0, times[2] - times[1]) / VERTICES_AT_ONCE
        n_blocks = sum(-(-n // self.block) for n in n_vertices)
        return n_iter * N_INNER_FOLDS * (n_blocks * times[1] + sum(n_vertices) * each)


@contextmanager
def searching(device: str, n_fit: int, widths: Sequence[int], alphas: NDArray[np.float64]) -> Iterator[Searcher]:
    """Set himalaya up for a device; the state that it keeps for the whole process is put back afterwards.

    Raises
    ------
    UsageError
        If himalaya is not installed, or the device is neither a cpu nor CUDA's.
    """
    if importlib.util.find_spec("himalaya") is None:
        raise UsageError("banded ridge needs himalaya, which is not installed", hint=install_hint("banded"))
    kind = device.partition(":")[0]
    if kind not in ("cpu", "cuda"):
        raise UsageError(f"banded ridge does not run on {device}", hint="device='cpu', or cuda")
    import torch
    from himalaya.backend import get_backend, set_backend

    from algocli.features.networks.numerics import products

    before = get_backend().name
    with ExitStack() as stack:
        # Nobody asked for fewer digits than float32 has.
        stack.enter_context(products("float32"))
        if kind == "cuda":
            stack.enter_context(torch.cuda.device(device))
        stack.callback(set_backend, before)
        backend = set_backend("torch" if kind == "cpu" else "torch_cuda")
        yield Searcher(backend, SearchSize(n_fit, sum(widths), len(alphas)), widths, alphas)


def foretell(
    n_fit: int, widths: Sequence[int], n_vertices: Sequence[int], search: Search, *, device: str = "cpu"
) -> tuple[str, float]:
    """Say what the searches of one fit are, one for each hemisphere, and how many seconds they may take.

    What is timed is a single inner fold of random numbers.

    Parameters
    ----------
    n_fit, widths, n_vertices
        How many images, components of each layer, and vertices of each hemisphere there are.

    Raises
    ------
    UsageError
        If himalaya is not installed, or does not run on the device.
    """
    with searching(device, n_fit, widths, search.alphas) as searcher:
        seconds = searcher.seconds(n_vertices, search.n_iter)
    return f"{search.n_iter} draws x {len(search.alphas)} penalties x {N_INNER_FOLDS} inner folds", seconds


def _negative_squares(measured: Any, predictions: Any) -> Any:
    """Return minus the sums of squared errors, (n_alphas, n_vertices); the predictions are not kept."""
    scores = measured.new_empty((len(predictions), measured.shape[1]))
    # One penalty after the other, and in place: himalaya's own loss writes three arrays as large as all predictions.
    for predicted, score in zip(predictions, scores, strict=True):
        score.copy_(predicted.sub_(measured).square_().sum(0).neg_())
    return scores
