"""What each component has in common with each vertex: the one large product that every regression starts from.

For the vectors U of a fold and the responses Y of its rows, Uᵀ Y is all that a linear model of these components can
know about the responses. All folds are one product of a tall matrix with the responses, which are read once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.encoding.components import Components
from algocli.features.algebra import ON_CPU, Algebra

# Rows a block of the product: float32 within, float64 across.
BLOCK_ROWS = 2048
# What a block of vertices may take while it is summed: a few folds of a hundred components take every vertex at once.
BLOCK_BYTES = 2**28
# Float64 copies of so many responses stay in the processor's cache.
CACHED_VALUES = 2**18


@dataclass(frozen=True)
class Loadings:
    """One fold's components against the responses of some vertices.

    Attributes
    ----------
    products : (n_components, n_vertices) float64
        The vectors, which are of length one, times the responses less their mean.
    means : (n_vertices,) float64
        Over the fitted rows; not finite where a response is not.
    """

    products: NDArray[np.float64]
    means: NDArray[np.float64]


def read_loadings(
    components: Sequence[Components], responses: NDArray[np.floating], algebra: Algebra = ON_CPU
) -> Iterator[tuple[slice, list[Loadings]]]:
    """Read the responses once and yield, for one block of vertices after the other, the loadings of every fold.

    Parameters
    ----------
    components
        One entry a fold; each knows the rows of `responses` that it was fitted on.
    responses : (n_train, n_vertices)
        Read in blocks of rows.
    """
    widths = [len(fold.variances) + 1 for fold in components]
    for block in vertex_blocks(sum(widths), responses.shape[1]):
        products = np.zeros((sum(widths), block.stop - block.start), np.float64)
        for rows in blocks(len(responses), BLOCK_ROWS):
            design = np.hstack([_design(fold, rows) for fold in components])
            # What is not finite shows in the means, and is told from there with its place in the file.
            with np.errstate(invalid="ignore", over="ignore"):
                products += algebra.multiply(design.T, np.asarray(responses[rows, block], dtype=np.float32))
        of_folds = np.split(products, np.cumsum(widths)[:-1])
        yield block, [_loadings(fold, of_fold) for fold, of_fold in zip(components, of_folds, strict=True)]


def vertex_blocks(n_rows: int, n_vertices: int) -> list[slice]:
    """Cut the vertices so that `n_rows` numbers for each of a block's, in float64 and float32, fit in BLOCK_BYTES."""
    width = max(1, BLOCK_BYTES // (12 * n_rows))
    n_blocks = -(-n_vertices // width)
    edges = np.linspace(0, n_vertices, n_blocks + 1).astype(int).tolist()
    return [slice(start, stop) for start, stop in itertools.pairwise(edges)]


def sum_squares(components: Sequence[Components], responses: NDArray[np.floating]) -> NDArray[np.float64]:
    """Sum the squares of responses less their mean over each fold's rows, (n_folds, n_vertices)."""
    member = np.zeros((len(components), len(responses)))
    for fold, row in zip(components, member, strict=True):
        row[fold.fit] = 1
    sums, squares = np.zeros((2, len(components), responses.shape[1]))
    n_rows = max(1, CACHED_VALUES // max(1, responses.shape[1]))
    for rows in blocks(len(responses), n_rows):
        block = np.array(responses[rows], dtype=np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            sums += member[:, rows] @ block
            block *= block
            squares += member[:, rows] @ block
    with np.errstate(invalid="ignore", over="ignore"):
        centred: NDArray[np.float64] = squares - sums**2 / member.sum(axis=1, keepdims=True)
    return np.maximum(centred, 0)


def _design(fold: Components, rows: slice) -> NDArray[np.float32]:
    """Return some rows of the fold's vectors and of a column of ones, zero where a row is held out."""
    design = np.zeros((rows.stop - rows.start, fold.vectors.shape[1] + 1), np.float32)
    here = (fold.fit >= rows.start) & (fold.fit < rows.stop)
    design[fold.fit[here] - rows.start, :-1] = fold.vectors[here]
    design[fold.fit[here] - rows.start, -1] = 1
    return design


def _loadings(fold: Components, products: NDArray[np.float64]) -> Loadings:
    means = products[-1] / len(fold.fit)
    # Rounding leaves the vectors' sums a little off zero, which a mean far from zero would make visible.
    with np.errstate(invalid="ignore"):
        products[:-1] -= np.outer(fold.vectors.sum(axis=0, dtype=np.float64), means)
    return Loadings(products[:-1], means)
