"""Chooses penalties by inner folds that keep all fitted images' components, as runs of earlier versions did.

An inner fold leaves some fitted images out, fits on the others and predicts those. The components stay those of all
fitted images, as a design that is fixed before any response is seen; their products with one part of the responses
are had once, and an inner fold's are those of all parts less its own. So the responses are multiplied once, whatever
the number of folds, and an inner fold costs an eigendecomposition of n_components x n_components.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.components import Components
from algocli.encoding.loadings import BLOCK_ROWS, Loadings
from algocli.encoding.regressions.ridge_model import (
    VERTICES,
    RidgeModel,
    best,
    empty_model,
    set_weights,
)
from algocli.encoding.splits import Fold, k_folds
from algocli.features.algebra import ON_CPU, Algebra

# Directions in which the penalties' effects on a component differ by less than this are left out.
SAME_EFFECT = 1e-6


@dataclass(frozen=True)
class _Part:
    """One inner fold, ready for any responses.

    With c = `basis`ᵀ times the products of its fitted rows, its predictions of those left out are, but for the
    intercept and a rotation, `held_out @ (c / (variances + alpha))`.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    sums: NDArray[np.float64]
    mean: NDArray[np.float64]
    basis: NDArray[np.float32]
    variances: NDArray[np.float64]
    held_out: NDArray[np.float32]


@dataclass(frozen=True)
class _Seen:
    """The responses of one part, as its components see them: products, sums and sums of squares."""

    products: NDArray[np.float64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]


def fit_ridge_by_folds(
    components: Sequence[Components],
    responses: NDArray[np.floating],
    relative_alphas: NDArray[np.float64],
    *,
    n_folds: int = 5,
    seed: int = 0,
    algebra: Algebra = ON_CPU,
) -> list[RidgeModel]:
    """Fit one model for each set of components; each vertex's penalty predicts best over inner folds.

    The best is the least squared error, averaged over an inner fold's images and then over inner folds.

    Parameters
    ----------
    components
        One entry a fold; each knows the rows of `responses` that it was fitted on.
    responses : (n_train, n_vertices)
    relative_alphas : (n_alphas,)
        Rising, in units of the fold's mean variance of a component.

    Raises
    ------
    DataError
        If an inner fold would have fewer than two images.
    UsageError
        If the penalties are not positive and rising.
    """
    return [
        _fit(fold, responses, relative_alphas, k_folds(len(fold.fit), n_folds, seed), algebra) for fold in components
    ]


def _fit(
    fold: Components,
    responses: NDArray[np.floating],
    relative_alphas: NDArray[np.float64],
    inner: Sequence[Fold],
    algebra: Algebra,
) -> RidgeModel:
    model = empty_model(fold, responses.shape[1], relative_alphas)
    parts = [_part(fold, split.held_out) for split in inner]
    for start in range(0, responses.shape[1], VERTICES):
        vertices = slice(start, min(start + VERTICES, responses.shape[1]))
        with np.errstate(invalid="ignore", over="ignore"):
            seen = [_see(part, responses[fold.fit[part.rows], vertices]) for part in parts]
            whole = _Seen(*(sum(getattr(part, name) for part in seen) for name in ("products", "sums", "squares")))
            errors = [
                _errors(part, of_part, whole, len(fold.fit), model.alphas, algebra)
                for part, of_part in zip(parts, seen, strict=True)
            ]
            model.chosen[vertices] = best(np.mean(errors, axis=0))
            means = whole.sums / len(fold.fit)
            centred = whole.products - np.outer(fold.vectors.sum(axis=0, dtype=np.float64), means)
        set_weights(model, vertices, fold, Loadings(centred, means))
    return model


def _part(fold: Components, rows: NDArray[np.int64]) -> _Part:
    """Prepare the inner fold that leaves out these of the fitted rows."""
    vectors = fold.vectors[rows]
    n_others = len(fold.fit) - len(rows)
    sums = vectors.sum(axis=0, dtype=np.float64)
    mean = (fold.vectors.sum(axis=0, dtype=np.float64) - sums) / n_others
    # The vectors of all rows are orthonormal: those of the others follow from those left out.
    inside = np.eye(len(sums)) - vectors.T @ vectors - n_others * np.outer(mean, mean)
    scale = np.sqrt(fold.variances)
    variances, rotation = np.linalg.eigh(inside * np.outer(scale, scale))
    basis = (scale[:, None] * rotation).astype(np.float32)
    held_out = (vectors - mean.astype(np.float32)) @ basis
    if len(held_out) > held_out.shape[1]:
        # Nothing but squares of predictions is wanted, and the triangle has the same.
        held_out = np.linalg.qr(held_out, mode="r")
    return _Part(rows, vectors, sums, mean, basis, np.maximum(variances, 0), held_out)


def _see(part: _Part, responses: NDArray[np.floating]) -> _Seen:
    """Multiply and sum the responses of a part's own rows, (n_rows, n_vertices)."""
    products = np.zeros((part.vectors.shape[1], responses.shape[1]))
    for start in range(0, len(responses), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        products += part.vectors[rows].T @ np.asarray(responses[rows], dtype=np.float32)
    exact = responses.astype(np.float64)
    return _Seen(products, exact.sum(axis=0), np.einsum("ij,ij->j", exact, exact))


def _errors(
    part: _Part, seen: _Seen, whole: _Seen, n_fit: int, alphas: NDArray[np.float64], algebra: Algebra
) -> NDArray[np.float64]:
    """Return the mean squared error of a part's predictions, (n_alphas, n_vertices)."""
    n_rows, n_others = len(part.rows), n_fit - len(part.rows)
    mean = (whole.sums - seen.sums) / n_others
    # The products of the others, and of this part, with responses and vectors less the others' means.
    others = whole.products - seen.products - n_others * np.outer(part.mean, mean)
    held_out = seen.products - np.outer(part.sums, mean) - np.outer(part.mean, seen.sums - n_rows * mean)
    coefficients = part.basis.T @ others.astype(np.float32)
    agreement = coefficients.astype(np.float64) * (part.basis.T @ held_out.astype(np.float32))
    total = seen.squares - 2 * mean * seen.sums + n_rows * mean**2
    cross = (1 / (part.variances + alphas[:, None])) @ agreement
    squares = squares_of_predictions(part.held_out, part.variances, coefficients, alphas, algebra)
    return (total - 2 * cross + squares) / n_rows


def squares_of_predictions(
    held_out: NDArray[np.float32],
    variances: NDArray[np.float64],
    coefficients: NDArray[np.float32],
    alphas: NDArray[np.float64],
    algebra: Algebra = ON_CPU,
) -> NDArray[np.float64]:
    """Sum the squares over rows of `held_out @ (coefficients / (variances + alpha))`, (n_alphas, n_vertices).

    Parameters
    ----------
    held_out : (n_rows, n_components)
    variances : (n_components,)
    coefficients : (n_components, n_vertices)
    alphas : (n_alphas,)
        Rising.
    """
    # What a penalty does to a component is so smooth a function of both that the effects of twenty penalties are
    # combinations of about ten; predictions are made for these, and the penalties' squares are had from theirs.
    smallest = variances + alphas[0]
    left, size, right = np.linalg.svd(smallest / (variances + alphas[:, None]), full_matrices=False)
    n_kept = int((size > SAME_EFFECT * size[0]).sum())
    mixtures = left[:, :n_kept] * size[:n_kept]
    effects = (right[:n_kept] / smallest).astype(np.float32)
    n_vertices = coefficients.shape[1]
    # One row a vertex and effect, (n_vertices * n_kept, n_components).
    scaled = (np.ascontiguousarray(coefficients.T)[:, None, :] * effects).reshape(n_vertices * n_kept, -1)
    predicted = algebra.multiply(scaled, held_out.T).reshape(n_vertices, n_kept, -1)
    inner = (predicted @ predicted.transpose(0, 2, 1)).astype(np.float64)
    pairs = (mixtures[:, :, None] * mixtures[:, None, :]).reshape(len(alphas), -1)
    squares: NDArray[np.float64] = pairs @ inner.reshape(n_vertices, -1).T
    return squares
