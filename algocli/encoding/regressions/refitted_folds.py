"""Inner folds within the fitted images, each with components of its own, and ridge's penalties chosen by them.

What an inner fold leaves out has no part in its components or model, as no held-out image has in those of all the
fitted images. Gram matrices have the components of any fold, and what was found for one is kept beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.encoding.fields import Fields
from algocli.encoding.loadings import Loadings, read_loadings
from algocli.encoding.regressions.inner_folds import squares_of_predictions
from algocli.encoding.regressions.ridge_model import VERTICES, best
from algocli.encoding.splits import inner_folds
from algocli.encoding.stacked import stack
from algocli.encoding.stored import fitted_on
from algocli.features.algebra import ON_CPU, Algebra


@dataclass(frozen=True)
class InnerFold:
    """Some fitted images left out: every layer's components of the others, and its scores of those left out.

    Where features are read these stand for both, as in a view.
    """

    rows: NDArray[np.int64]
    components: list[Any]
    scores: list[Any]


def leave_out(
    settings: Fields, n_train: int, grams: Sequence[Any], fit: NDArray[np.int64], algebra: Algebra
) -> list[InnerFold]:
    """Leave out one part of the fitted images after the other, and fit components on the rest.

    Raises
    ------
    DataError
        If an inner fold would have fewer than two images.
    UsageError
        If there are too few images, or float32 does not show their components.
    """
    return [
        _inner_fold(settings, grams, np.setdiff1d(fit, part), part, algebra)
        for part in inner_folds(settings, n_train, fit)
    ]


def _inner_fold(
    settings: Fields, grams: Sequence[Any], fit: NDArray[np.int64], rows: NDArray[np.int64], algebra: Algebra
) -> InnerFold:
    components = [fitted_on(gram, fit, settings.n_components, algebra) for gram in grams]
    if settings.join == "components":
        stacked = stack(components, scaled=settings.scaled)
        return InnerFold(rows, [stacked], [stacked.project_layers(grams, rows, algebra)])
    return InnerFold(
        rows, components, [layer.project(gram, rows, algebra) for layer, gram in zip(components, grams, strict=True)]
    )


def choose_penalties(
    inner: Sequence[InnerFold],
    responses: NDArray[np.floating],
    relative_alphas: NDArray[np.float64],
    algebra: Algebra = ON_CPU,
) -> NDArray[np.int16]:
    """Return the position of each vertex's best penalty, (n_vertices,): of least squared error on what is left out.

    The error is averaged over an inner fold's images and then over inner folds.

    Parameters
    ----------
    inner
        Each with a single set of components.
    responses : (n_train, n_vertices)
    relative_alphas : (n_alphas,)
        Rising, in units of an inner fold's mean variance of a component.
    """
    chosen = np.empty(responses.shape[1], np.int16)
    reduced = [_reduced(fold.scores[0]) for fold in inner]
    for block, loadings in read_loadings([fold.components[0] for fold in inner], responses, algebra):
        for part in blocks(block.stop, VERTICES, block.start):
            here = slice(part.start - block.start, part.stop - block.start)
            errors = np.zeros((len(relative_alphas), part.stop - part.start))
            for fold, of_fold, triangle in zip(inner, loadings, reduced, strict=True):
                some = Loadings(of_fold.products[:, here], of_fold.means[here])
                measured = np.asarray(responses[fold.rows, part], dtype=np.float32)
                errors += _errors(fold, triangle, some, measured, relative_alphas, algebra)
            chosen[part] = best(errors)
    return chosen


def _reduced(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return as few rows as have the same squares as scores: of predictions no more than squares is wanted."""
    if len(scores) <= scores.shape[1]:
        return scores
    return np.asarray(np.linalg.qr(scores, mode="r"), dtype=np.float32)


def _errors(
    fold: InnerFold,
    reduced: NDArray[np.float32],
    loadings: Loadings,
    measured: NDArray[np.float32],
    relative_alphas: NDArray[np.float64],
    algebra: Algebra,
) -> NDArray[np.float64]:
    """Return the mean squared error of predictions of what a fold leaves out, (n_alphas, n_vertices)."""
    components = fold.components[0]
    alphas = relative_alphas * components.mean_variance
    with np.errstate(invalid="ignore", over="ignore"):
        left = measured - loadings.means
        coefficients = (loadings.products * np.sqrt(components.variances)[:, None]).astype(np.float32)
        agreement = coefficients.astype(np.float64) * algebra.multiply(fold.scores[0].T, left.astype(np.float32))
        cross = (1 / (components.variances + alphas[:, None])) @ agreement
        squares = squares_of_predictions(reduced, components.variances, coefficients, alphas, algebra)
        errors: NDArray[np.float64] = (np.einsum("ij,ij->j", left, left) - 2 * cross + squares) / len(measured)
    return errors
