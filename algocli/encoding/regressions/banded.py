"""Banded ridge: one linear model of several layers, in which every vertex has a penalty of its own for each layer.

A vertex divides its attention between the layers: the penalty alpha on all of them becomes alpha / share on the layer
that has this share. The shares sum to one over the layers, each of which is first brought to the same mean variance of
a component. A layer whose share is next to nothing is next to left out.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Note, unheard
from algocli.encoding.algebra import ON_CPU, Algebra
from algocli.encoding.components import Components
from algocli.encoding.loadings import BLOCK_ROWS, read_loadings
from algocli.encoding.regressions.banded_folds import ReducedFolds
from algocli.encoding.regressions.banded_search import N_INNER_FOLDS, Best, Searcher, searching
from algocli.encoding.splits import k_folds
from algocli.encoding.stacked import side_by_side

# Seconds between two notes on what the search has found so far.
NOTE_EVERY = 60.0


@dataclass(frozen=True)
class BandedModel:
    """A linear model of the components of several layers, and how its penalties were shared out.

    Attributes
    ----------
    weights : (n_all_components, n_vertices) float32
        Of the layers' components one below the other.
    intercept : (n_vertices,) float32
        Not finite where a response is not.
    widths
        How many components each layer has.
    shares : (n_layers, n_vertices) float32
        Of each layer; they sum to one.
    alphas : (n_alphas,) float64
        The penalties that there were to choose from, rising, in units of a layer's mean variance of a component.
    chosen : (n_vertices,) int16
        Which of them each vertex has, to be divided by a layer's share.
    r2 : (n_vertices,) float64
        R² of what inner folds left out, with these penalties.
    """

    weights: NDArray[np.float32]
    intercept: NDArray[np.float32]
    widths: tuple[int, ...]
    shares: NDArray[np.float32]
    alphas: NDArray[np.float64]
    chosen: NDArray[np.int16]
    r2: NDArray[np.float64]

    @property
    def deltas(self) -> NDArray[np.float64]:
        """Himalaya's name for log(share / penalty), (n_layers, n_vertices); minus infinity for no share."""
        with np.errstate(divide="ignore"):
            logs: NDArray[np.float64] = np.log(self.shares, dtype=np.float64) - np.log(self.alphas[self.chosen])
        return logs

    @property
    def bands(self) -> list[NDArray[np.float32]]:
        """The weights of each layer, (n_components, n_vertices) each."""
        return np.split(self.weights, np.cumsum(self.widths)[:-1])

    def predict(self, scores: Sequence[NDArray[np.float32]], algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
        """Predict responses, (n_stimuli, n_vertices), from scores of every layer, (n_stimuli, n_components) each."""
        predicted = algebra.multiply(np.hstack(scores), self.weights)
        predicted += self.intercept
        return predicted


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


def fit_banded(
    components: Sequence[Components],
    responses: NDArray[np.float32],
    search: Search,
    *,
    algebra: Algebra = ON_CPU,
    note: Note = unheard,
) -> BandedModel:
    """Fit a banded ridge regression; each vertex's penalties are those that predict best over inner folds.

    Parameters
    ----------
    components
        One entry a layer, all fitted on the same images.
    responses : (n_train, n_vertices)
        Read a few times, a block of vertices after the other.
    algebra
        On a GPU, the search is made there too.

    Raises
    ------
    UsageError
        If himalaya is not installed, or does not run on the device.
    DataError
        If an inner fold would have fewer than two images.
    """
    fit = components[0].fit
    inner = k_folds(len(fit), N_INNER_FOLDS, search.fold_seed)
    widths = tuple(len(one.variances) for one in components)
    scales = [1 / np.sqrt(one.mean_variance) for one in components]
    products, means = _products(components, scales, responses, algebra)
    if not np.isfinite(means).all():
        # Whoever asked tells where it is: hours of searching would come to nothing.
        nothing, even = np.zeros(len(means)), np.full((len(widths), len(means)), 1 / len(widths), np.float32)
        return BandedModel(products, means, widths, even, search.alphas, nothing.astype(np.int16), nothing)
    design = side_by_side([one.scores for one in components], np.array(scales))
    with searching(algebra.device, len(fit), widths, search.alphas) as searcher:
        shares = searcher.draw(search.n_iter, search.seed)
        best, r2 = _search(searcher, ReducedFolds(design, fit, inner, algebra), responses, shares, note)
    weights = _refit(design, products, np.repeat(shares, widths, axis=1), search.alphas, best, algebra)
    weights *= np.repeat(scales, widths).astype(np.float32)[:, None]
    return BandedModel(weights, means, widths, shares[best.draw].T, search.alphas, best.chosen, r2)


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


def _products(
    components: Sequence[Components], scales: Sequence[float], responses: NDArray[np.float32], algebra: Algebra
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the design's products with the responses, (n_all_components, n_vertices), and the responses' means."""
    n_vertices = responses.shape[1]
    lengths = [np.sqrt(one.variances) * scale for one, scale in zip(components, scales, strict=True)]
    products = np.empty((sum(map(len, lengths)), n_vertices), np.float32)
    means = np.empty(n_vertices, np.float32)
    for block, loadings in read_loadings(components, responses, algebra):
        own = zip(loadings, lengths, strict=True)
        products[:, block] = np.vstack([one.products * length[:, None] for one, length in own])
        means[block] = loadings[0].means
    return products, means


def _search(
    searcher: Searcher, folds: ReducedFolds, responses: NDArray[np.float32], shares: NDArray[np.float32], note: Note
) -> tuple[Best, NDArray[np.float64]]:
    """Try all draws on one block of vertices after the other; return the best of each vertex and its R²."""
    n_vertices, n_draws = responses.shape[1], len(shares)
    blocks = [slice(start, min(start + searcher.block, n_vertices)) for start in range(0, n_vertices, searcher.block)]
    best, r2, even = Best.of_nothing(n_vertices), np.zeros(n_vertices), np.zeros(n_vertices)
    attempt = searcher.prepare(folds)
    started = spoke = time.monotonic()
    for done, (block, draw) in enumerate(product(blocks, range(n_draws)), start=1):
        if draw == 0:
            targets, own = folds.targets(responses, block), best.part(block)
        own.update(draw, *attempt(targets.values, shares[draw]))
        r2[block] = targets.explained(own.errors)
        if draw == 0:
            even[block] = r2[block]
        now = time.monotonic()
        if now - spoke > NOTE_EVERY:
            left = (now - started) / done * (len(blocks) * n_draws - done)
            where = f" of vertices {block.start + 1} to {block.stop}" if len(blocks) > 1 else ""
            so_far = f"R² of inner folds {r2[block].mean():.4f}{where} so far"
            note(f"draw {draw + 1} of {n_draws}: {so_far}, {left:.0f} s left")
            spoke = now
    gain = f", {even.mean():.4f} if every layer had the same share" if n_draws > 1 else ""
    note(f"R² of inner folds {r2.mean():.4f} over all vertices{gain}")
    return best, r2


def _refit(
    design: NDArray[np.float32],
    products: NDArray[np.float32],
    shares: NDArray[np.float32],
    alphas: NDArray[np.float64],
    best: Best,
    algebra: Algebra,
) -> NDArray[np.float32]:
    """Turn products into the weights of all fitted images, in place, the vertices of one draw after the other's.

    With every column multiplied by the root of its share, (n_draws, n_all_components), all have the same penalty: an
    eigendecomposition of their squares serves every penalty.
    """
    squares = np.zeros((design.shape[1],) * 2)
    for start in range(0, len(design), BLOCK_ROWS):
        rows = design[start : start + BLOCK_ROWS].astype(np.float64)
        squares += rows.T @ rows
    for draw in np.unique(best.draw):
        root = np.sqrt(shares[draw].astype(np.float64))[:, None]
        values, vectors = algebra.eigh(root * squares * root.T)
        back = (root * vectors).astype(np.float32)
        values = np.maximum(values, 0)[:, None]
        mine = np.flatnonzero(best.draw == draw)
        for start in range(0, len(mine), BLOCK_ROWS):
            some = mine[start : start + BLOCK_ROWS]
            scaled = algebra.multiply(back.T, products[:, some]) / (values + alphas[best.chosen[some]])
            products[:, some] = algebra.multiply(back, scaled.astype(np.float32))
    return products
