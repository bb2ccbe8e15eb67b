"""Banded ridge: one linear model of several layers, in which every vertex has a penalty of its own for each layer.

A vertex divides its attention between the layers: the penalty alpha on all of them becomes alpha / share on the layer
that has this share. The shares sum to one over the layers, each of which is first brought to the same mean variance of
a component. A layer whose share is next to nothing is next to left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.durations import told_time
from algocli.compute.track import Note, unheard
from algocli.encoding.components import Components
from algocli.encoding.fields import Fields
from algocli.encoding.loadings import BLOCK_ROWS, read_loadings
from algocli.encoding.regressions.banded_folds import ReducedFolds
from algocli.encoding.regressions.banded_search import (
    N_INNER_FOLDS,
    BestSoFar,
    Search,
    Searcher,
    SearchSize,
    foretell,
    searching,
)
from algocli.encoding.regressions.models import (
    Held,
    LinearModel,
    Model,
    PerLayer,
    RunArray,
    penalties,
    tell_edges,
    tell_layers,
)
from algocli.encoding.regressions.regression import Regression
from algocli.encoding.regressions.view import Scores, View
from algocli.encoding.splits import k_folds
from algocli.encoding.stacked import side_by_side
from algocli.errors import UsageError
from algocli.features.algebra import ON_CPU, Algebra
from algocli.features.store.shards import FeatureStore

# Seconds between two notes on what the search has found so far.
NOTE_EVERY = 60.0


@dataclass(frozen=True)
class BandedModel(LinearModel):
    """A linear model of all layers' components, one below the other, and how its penalties were shared out.

    Attributes
    ----------
    shares : (n_layers, n_vertices) float32
        Of each layer; they sum to one.
    alphas : (n_alphas,) float64
        The penalties that there were to choose from, rising, in units of a layer's mean variance of a component.
    chosen : (n_vertices,) int16
        Which of them each vertex has, to be divided by a layer's share.
    r2 : (n_vertices,) float64
        R² of what inner folds left out, with these penalties.
    """

    shares: NDArray[np.float32]
    alphas: NDArray[np.float64]
    chosen: NDArray[np.int16]
    r2: NDArray[np.float64]


class Banded(Regression):
    """One model of all layers, with a penalty for each."""

    name = "banded"
    help = "one model of several layers, a penalty for each"
    title = "banded"
    joining = "one model, a penalty for each"
    keeps_layers_apart = True
    one_at_a_time = True
    has_penalties = True
    searches = True
    needs_torch = True
    usual_components = 300
    packages = ("himalaya",)
    arrays = (
        penalties("each vertex's penalty, to be divided by a layer's share"),
        RunArray(
            "band",
            ("n_fits", "n_layers", "n_vertices"),
            "each layer's share at each vertex; they sum to one",
            lambda model, _: model.shares,
        ),
    )
    per_layer = PerLayer.within("banded ridge", "band", "share", "each layer")

    def check(self, settings: Fields) -> None:
        """Refuse a single layer, layers as they are, all components, and a search without a seed."""
        super().check(settings)
        if len(settings.features) < 2 or not settings.scaled or settings.alpha_by != "gcv":
            raise UsageError(
                "banded ridge has a penalty for each of two layers or more, with its own scale and inner folds",
                hint="regression='banded' takes two layers or more, with scaled=True and alpha_by='gcv'",
            )
        if settings.n_components is None:
            raise UsageError(
                "banded ridge on all components would take days; 200 to 500 of each layer are usual",
                hint="n_components=300",
            )
        if settings.search_seed is None:
            raise UsageError("a random search for penalties needs a seed of its own", hint="search_seed=0")

    def words(self, settings: Fields) -> str:
        """Say the search too."""
        return f"{super().words(settings)}-{settings.n_iter}draws-search{settings.search_seed}"

    def facts(self, settings: Fields) -> dict[str, str]:
        """Say the search too."""
        return super().facts(settings) | {"Search": f"{settings.n_iter} draws, seed {settings.search_seed}"}

    def foretell(
        self, settings: Fields, stores: Sequence[FeatureStore], n_train: int, n_vertices: Sequence[int], device: str
    ) -> str:
        """Say how long the searches of all fits may take."""
        assert settings.n_components is not None  # of each layer; settings for a search have it
        widths = [settings.n_components] * len(settings.features)
        what, seconds = foretell(n_train, widths, n_vertices, _wanted(settings), device=device)
        n_fits = (settings.folds or 1) + settings.refit
        return f"{n_fits * len(n_vertices)} searches of {what}, about {told_time(seconds * n_fits)}"

    def n_bytes(self, settings: Fields, held: Held) -> int:
        """Count the search, which has the scores of all layers and their products with the responses beside it."""
        search = SearchSize(held.n_fit, held.n_components, settings.alphas.n).n_bytes(held.n_vertices)
        searching = search + held.coefficients + 4 * held.n_fit * held.n_components
        return held.responses + max(searching, held.loadings + held.coefficients)

    def fit(
        self, settings: Fields, views: Sequence[View], responses: NDArray[np.floating], note: Note
    ) -> Iterator[Model]:
        """Yield a model for each view, a search each."""
        for view in views:
            yield fit_banded(view.components, responses, _wanted(settings), algebra=view.algebra, note=note)

    def predict(self, model: BandedModel, scores: Scores, algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
        """Predict responses from the scores of all layers side by side."""
        return model.predict(np.hstack(scores), algebra)

    def tell(self, model: BandedModel, settings: Fields) -> Iterator[str]:
        """Say which layers have the largest shares, and how many vertices a penalty from the edges of the grid."""
        yield tell_layers(model.shares, "share", settings.features)
        yield tell_edges(model.chosen, settings)

    def tell_again(self) -> str:
        """Say that the search takes its time again."""
        return "the search for penalties is made once more, and its model then kept"


def _wanted(settings: Fields) -> Search:
    assert settings.search_seed is not None  # settings for a search have it
    return Search(settings.n_iter, settings.search_seed, settings.relative_alphas, settings.seed)


def fit_banded(
    components: Sequence[Components],
    responses: NDArray[np.floating],
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
    widths = tuple(len(layer.variances) for layer in components)
    scales = [1 / np.sqrt(layer.mean_variance) for layer in components]
    products, means = _products(components, scales, responses, algebra)
    if not np.isfinite(means).all():
        # Whoever asked tells where it is: hours of searching would come to nothing.
        nothing, even = np.zeros(len(means)), np.full((len(widths), len(means)), 1 / len(widths), np.float32)
        return BandedModel(products, means, even, search.alphas, nothing.astype(np.int16), nothing)
    design = side_by_side([layer.scores for layer in components], np.array(scales))
    with searching(algebra.device, len(fit), widths, search.alphas) as searcher:
        shares = searcher.draw(search.n_iter, search.seed)
        best, r2 = _search(searcher, ReducedFolds(design, fit, inner, algebra), responses, shares, note)
    weights = _refit(design, products, np.repeat(shares, widths, axis=1), search.alphas, best, algebra)
    weights *= np.repeat(scales, widths).astype(np.float32)[:, None]
    return BandedModel(weights, means, shares[best.draw].T, search.alphas, best.chosen, r2)


def _products(
    components: Sequence[Components], scales: Sequence[float], responses: NDArray[np.floating], algebra: Algebra
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the design's products with the responses, (n_all_components, n_vertices), and the responses' means."""
    n_vertices = responses.shape[1]
    lengths = [np.sqrt(layer.variances) * scale for layer, scale in zip(components, scales, strict=True)]
    products = np.empty((sum(map(len, lengths)), n_vertices), np.float32)
    means = np.empty(n_vertices, np.float32)
    for block, loadings in read_loadings(components, responses, algebra):
        of_layers = zip(loadings, lengths, strict=True)
        products[:, block] = np.vstack([layer.products * length[:, None] for layer, length in of_layers])
        means[block] = loadings[0].means
    return products, means


def _search(
    searcher: Searcher, folds: ReducedFolds, responses: NDArray[np.floating], shares: NDArray[np.float32], note: Note
) -> tuple[BestSoFar, NDArray[np.float64]]:
    """Try all draws on one block of vertices after the other; return the best of each vertex and its R²."""
    n_vertices, n_draws = responses.shape[1], len(shares)
    parts = blocks(n_vertices, searcher.block)
    best, r2, even = BestSoFar.of_nothing(n_vertices), np.zeros(n_vertices), np.zeros(n_vertices)
    attempt = searcher.prepare(folds)
    started = spoke = time.monotonic()
    for done, (block, draw) in enumerate(product(parts, range(n_draws)), start=1):
        if draw == 0:
            targets, in_block = folds.targets(responses, block), best.part(block)
        in_block.update(draw, *attempt(targets.values, shares[draw]))
        r2[block] = targets.explained(in_block.errors)
        if draw == 0:
            even[block] = r2[block]
        now = time.monotonic()
        if now - spoke > NOTE_EVERY:
            # The first draw alone foretells nothing.
            left = f", {(now - started) / done * (len(parts) * n_draws - done):.0f} s left" if done > 1 else ""
            where = f" of vertices {block.start + 1} to {block.stop}" if len(parts) > 1 else ""
            so_far = f"R² of inner folds {r2[block].mean():.4f}{where} so far"
            note(f"draw {draw + 1} of {n_draws}: {so_far}{left}")
            spoke = now
    gain = f", {even.mean():.4f} if every layer had the same share" if n_draws > 1 else ""
    note(f"R² of inner folds {r2.mean():.4f} over all vertices{gain}")
    return best, r2


def _refit(
    design: NDArray[np.float32],
    products: NDArray[np.float32],
    shares: NDArray[np.float32],
    alphas: NDArray[np.float64],
    best: BestSoFar,
    algebra: Algebra,
) -> NDArray[np.float32]:
    """Turn products into the weights of all fitted images, in place, the vertices of one draw after the other's.

    With every column multiplied by the root of its share, (n_draws, n_all_components), all have the same penalty: an
    eigendecomposition of their squares serves every penalty.
    """
    squares = np.zeros((design.shape[1],) * 2)
    for part in blocks(len(design), BLOCK_ROWS):
        rows = design[part].astype(np.float64)
        squares += rows.T @ rows
    for draw in np.unique(best.draw):
        root = np.sqrt(shares[draw].astype(np.float64))[:, None]
        values, vectors = algebra.eigh(root * squares * root.T)
        back = (root * vectors).astype(np.float32)
        values = np.maximum(values, 0)[:, None]
        mine = np.flatnonzero(best.draw == draw)
        for part in blocks(len(mine), BLOCK_ROWS):
            some = mine[part]
            scaled = algebra.multiply(back.T, products[:, some]) / (values + alphas[best.chosen[some]])
            products[:, some] = algebra.multiply(back, scaled.astype(np.float32))
    return products


REGRESSION = Banded()
