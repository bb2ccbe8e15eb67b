"""The search for each vertex's window and penalty: by generalised cross-validation, in one or two rounds.

The first round tries some windows at every vertex, the second others near the best of these. Whatever is tried is
judged exactly: the pair that is chosen is the one that has the least error of all those tried at the vertex. Where the
error would be less still, between windows, is told beside it (`field_peak`).

Windows, and then blocks of vertices, go to one thread each, and no product to several: where a machine has other work,
the threads of a small decomposition would wait for one another most of the time, at work as it seems.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.cores import n_cores
from algocli.compute.threads import each_by_itself, in_threads
from algocli.compute.track import Note
from algocli.encoding.regressions.field_model import FieldModel, grids_of
from algocli.encoding.regressions.field_peak import Surfaces, Tried
from algocli.encoding.regressions.field_sums import Axes, Groups, Moments, PooledWindow
from algocli.encoding.regressions.ridge_model import TIE, best
from algocli.encoding.stored import StoredFeatures
from algocli.encoding.windows import Windows
from algocli.features.algebra import Algebra, Multiplier
from algocli.features.maps import Layout, pool_rows

# What the channels of the windows that are read in one pass may take, and the axes of those that are tried together.
POOLED_BYTES, AXES_BYTES = 2**29, 2**26
# Vertices that a thread has at once: the responses of 10,000 images are 40 MB, and their products with some hundred
# channels a few. Images whose responses are turned into rows of vertices at once.
VERTICES, _TURNED = 1024, 256
# Where as many dimensions are fitted as there are images, nothing is left to judge by.
_LEFT = 1e-6


@dataclass(frozen=True)
class Maps:
    """What is fitted on: the maps of some layers, and the windows on them that are told apart."""

    layers: Sequence[StoredFeatures]
    layouts: Sequence[Layout]
    windows: Windows
    width: float

    @property
    def n_channels(self) -> int:
        """How many channels all layers have together."""
        return sum(layout.n_channels for layout in self.layouts)

    def pool(self, which: NDArray[np.int64], rows: NDArray[np.int64], pooled: NDArray[np.float32]) -> None:
        """Fill in the channels of some images within some windows, (n_windows, n_channels, n_rows)."""
        grids = grids_of(self.windows.taken(which), self.layouts, self.width)
        of_store = self.layers[0].rows[rows]
        order = np.argsort(of_store)
        edges = np.cumsum([0, *(layout.n_channels for layout in self.layouts)]).tolist()
        for part, of_layers in pool_rows([layer.store for layer in self.layers], self.layouts, grids, of_store[order]):
            for start, channels in zip(edges, of_layers, strict=False):
                pooled[:, start : start + channels.shape[1], order[part]] = channels


class Search:
    """The models of several fits of one hemisphere, while they are looked for.

    Parameters
    ----------
    fits
        The rows of each fit, of images and of responses.
    responses : (n_train, n_vertices)
    relative_alphas : (n_alphas,)
        Rising, in units of the mean variance of a dimension.
    told
        The numbers of the fits whose vertices' places are told; by default all. Others tell what predicts alone.
    """

    def __init__(
        self,
        maps: Maps,
        fits: Sequence[NDArray[np.int64]],
        responses: NDArray[np.floating],
        relative_alphas: NDArray[np.float64],
        algebra: Algebra,
        note: Note,
        told: Iterable[int] | None = None,
    ) -> None:
        self.maps, self.responses, self.alphas = maps, responses, relative_alphas
        self.algebra, self.note = algebra, note
        self.groups = Groups.of(fits)
        self.moments = self._moments()
        self.models = [
            FieldModel.empty(maps.windows, maps.layouts, maps.width, means, len(relative_alphas))
            for means in self.moments.means
        ]
        self.surfaces = Surfaces(maps.windows, maps.width)
        which, n_vertices = range(len(fits)) if told is None else told, responses.shape[1]
        self.tried = {fit: Tried(self.surfaces, n_vertices) for fit in which}

    def run(self) -> list[FieldModel]:
        """Try all windows of the first round, and those near the best; return a model for each fit."""
        n_first, n_all = self.maps.windows.n_first, len(self.maps.windows)
        self._try(np.arange(n_first), None)
        if n_all > n_first:
            for fit, tried in self.tried.items():
                tried.first[:] = self.models[fit].windows
            # Each fit looks near its own best: what another has found may come of images that this one holds out.
            asked = np.array([self.surfaces.near[model.windows] for model in self.models])
            self._try(np.flatnonzero(asked.any(axis=(0, 1))), asked)
        while self.tried:
            fit, tried = self.tried.popitem()
            self.models[fit].peaks[:] = tried.peaks(self.models[fit].windows)
        return self.models

    @property
    def _n_threads(self) -> int:
        """How many threads prepare and judge: one hands a GPU what that does with all of its cores."""
        return n_cores() if self.algebra.device == "cpu" else 1

    def _blocks(self) -> list[slice]:
        return blocks(self.responses.shape[1], VERTICES) or [slice(0, 0)]

    def _read(self, block: slice) -> NDArray[np.float32]:
        """Return the responses of some vertices, (n_vertices, n_rows), images as the groups have them."""
        rows = self.groups.rows
        turned = np.empty((len(range(*block.indices(self.responses.shape[1]))), len(rows)), np.float32)
        for part in blocks(len(rows), _TURNED):
            turned[:, part] = self.responses[rows[part], block].T
        return turned

    def _moments(self) -> Moments:
        parts = [Moments.of(self._read(block), self.groups) for block in self._blocks()]
        columns = zip(*((part.group_means, part.means, part.squares) for part in parts), strict=True)
        return Moments(*(np.hstack(column) for column in columns))

    def _try(self, which: NDArray[np.int64], asked: NDArray[np.bool_] | None) -> None:
        """Try some windows at every vertex, or where each fit asks for them, (n_fits, n_vertices, n_windows)."""
        axes_bytes = self.maps.n_channels**2 * (8 * len(self.groups.parts) + 4 * len(self.models))
        for some, pooled in self._pooled(which):
            for part in blocks(len(some), max(1, AXES_BYTES // axes_bytes)):
                self._try_pooled(some[part], pooled[part], asked)

    def _try_pooled(
        self, which: NDArray[np.int64], pooled: NDArray[np.float32], asked: NDArray[np.bool_] | None
    ) -> None:
        # It has a BLAS of its own, which no limit reaches that was set before it is loaded.
        import scipy.linalg  # noqa: F401

        def prepare(channels: NDArray[np.float32]) -> PooledWindow:
            return PooledWindow(channels, self.groups, self.alphas, self.algebra)

        with each_by_itself():
            windows = list(in_threads(prepare, list(pooled), n_threads=self._n_threads))

            def judge(block: slice) -> None:
                here = None if asked is None else asked[:, block][:, :, which]
                if here is None or here.any():
                    self._try_block(block, which, windows, here)

            for _ in in_threads(judge, self._blocks(), n_threads=self._n_threads):
                pass

    def _pooled(self, which: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield windows, as many as there is room for, and their channels."""
        n_channels, rows = self.maps.n_channels, self.groups.rows
        n_together = min(len(which), max(1, POOLED_BYTES // (4 * n_channels * len(rows))))
        # The first touch of fresh memory costs as much as the sums: all passes fill the same.
        room = np.empty((n_together, n_channels, len(rows)), np.float32)
        for part in blocks(len(which), n_together):
            pooled = room[: len(which[part])]
            self.maps.pool(which[part], rows, pooled)
            yield which[part], pooled

    def _try_block(
        self,
        block: slice,
        which: NDArray[np.int64],
        windows: Sequence[PooledWindow],
        asked: NDArray[np.bool_] | None,
    ) -> None:
        every = self._read(block)
        # A GPU is sent all responses once, and those of some vertices with every window that asks for them.
        held = self._hold(every) if asked is None else None
        for place, (number, window) in enumerate(zip(which.tolist(), windows, strict=True)):
            wanted = None if asked is None else asked[:, :, place]
            some = np.arange(len(every)) if wanted is None else np.flatnonzero(wanted.any(axis=0))
            if not len(some):
                continue
            vertices = some + block.start
            moments = self.moments.taken(vertices)
            products = window.products(held or self._hold(every[some]), moments)
            for fit, axes in enumerate(window.axes):
                of_fit = slice(None) if wanted is None else np.flatnonzero(wanted[fit, some])
                self._judge(fit, number, axes, products[fit][of_fit], moments.taken(of_fit), vertices[of_fit])

    def _hold(self, responses: NDArray[np.float32]) -> list[Multiplier]:
        return [self.algebra.hold(responses[:, part]) for part in self.groups.parts]

    def _judge(
        self,
        fit: int,
        number: int,
        axes: Axes,
        products: NDArray[np.float32],
        moments: Moments,
        vertices: NDArray[np.int64],
    ) -> None:
        """Take a window for the vertices at which it is better, with its best penalty, than what was tried before."""
        model, n_fit = self.models[fit], self.groups.n_fit[fit]
        with np.errstate(invalid="ignore", over="ignore"):
            along = self.algebra.multiply(products, axes.to_axes)
            errors = _errors(axes, along, moments.squares[fit], n_fit)
            chosen = best(errors)
            least = np.take_along_axis(errors, chosen[None].astype(np.int64), 0)[0]
            # Of what is the same but for rounding, the first stays: the whole image before all others.
            better = least < model.errors[vertices] * (1 - TIE)
        if number == 0:
            model.whole[vertices] = least
        if fit in self.tried:
            # A vertex that never responds errs by nothing anywhere.
            with np.errstate(invalid="ignore", divide="ignore"):
                self.tried[fit].keep(number, vertices, least / model.whole[vertices])
        if not better.any():
            return
        taken, alphas = vertices[better], axes.alphas[chosen[better]]
        scaled = (along[better] / (axes.variances + alphas[:, None])).astype(np.float32)
        weights = self.algebra.multiply(scaled, axes.to_axes.T)
        model.weights[taken] = weights
        model.intercept[taken] = moments.means[fit][better] - weights.astype(np.float64) @ axes.means
        model.windows[taken], model.chosen[taken], model.errors[taken] = number, chosen[better], least[better]


def _errors(axes: Axes, along: NDArray[np.float32], squares: NDArray[np.float64], n_fit: float) -> NDArray[np.float64]:
    """Return the error of each penalty by generalised cross-validation, (n_alphas, n_vertices).

    What a penalty leaves of the squares is told by sums alone: along an axis of variance s, it takes away the square of
    the product times (s + 2 alpha) / (s + alpha)².
    """
    penalised = axes.variances + axes.alphas[:, None]
    taken = (penalised + axes.alphas[:, None]) / penalised**2
    wide = along.astype(np.float64)
    left = np.maximum(squares - taken @ np.square(wide, out=wide).T, 0)
    # The mean is fitted, too.
    free = 1 - (1 + (axes.variances / penalised).sum(axis=1)) / n_fit
    errors: NDArray[np.float64] = left / n_fit / np.maximum(free, _LEFT)[:, None] ** 2
    errors[free <= _LEFT] = np.inf
    return errors
