"""Ridge regression on components, with a penalty of its own for every vertex.

In the basis of the components U, with variances w, the coefficients for a penalty alpha are sqrt(w) / (w + alpha) Uᵀ Y:
once Uᵀ Y is known, every alpha is a rescaling. Penalties are given in units of the mean variance of a component, so
that the same grid serves any layer, however many features it has and however they are scaled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.track import Note
from algocli.encoding.components import Components
from algocli.encoding.fields import Fields
from algocli.encoding.loadings import Loadings, read_loadings, sum_squares
from algocli.encoding.regressions.inner_folds import fit_ridge_by_folds
from algocli.encoding.regressions.models import Model, penalties, tell_edges
from algocli.encoding.regressions.regression import Regression, View
from algocli.encoding.regressions.ridge_model import (
    VERTICES,
    RidgeModel,
    best,
    empty_model,
    set_weights,
)
from algocli.errors import UsageError
from algocli.features.algebra import ON_CPU, Algebra


class Ridge(Regression):
    """Every component counts the less, the smaller it is beside a vertex's penalty."""

    name = "ridge"
    help = "a penalty of its own for every vertex"
    title = "ridge"
    has_gains = True
    has_penalties = True
    usual_components = 1000
    arrays = (penalties("each vertex's penalty, relative to a component's mean variance"),)

    def check(self, settings: Fields) -> None:
        """Refuse what it does not read, and inner folds of all components."""
        super().check(settings)
        if settings.n_components is None and settings.alpha_by == "kfold":
            raise UsageError(
                "inner folds at full rank would take hours and tens of gigabytes",
                hint="alpha_by='gcv' needs no folds; or use n_components=1000",
            )

    def fit(
        self, settings: Fields, views: Sequence[View], responses: NDArray[np.float32], note: Note
    ) -> Iterator[Model]:
        """Yield a model for each view; the responses are read once for all together."""
        components, algebra = [view.components[0] for view in views], views[0].algebra
        if settings.alpha_by == "gcv":
            yield from fit_ridge(components, responses, settings.relative_alphas, algebra)
        else:
            alphas = settings.relative_alphas
            yield from fit_ridge_by_folds(components, responses, alphas, seed=settings.seed, algebra=algebra)

    def tell(self, model: RidgeModel, settings: Fields) -> Iterator[str]:
        """Say how many vertices have a penalty from the edges of the grid."""
        yield tell_edges(model.chosen, settings)

    def gains(self, model: RidgeModel, view: View, vertices: NDArray[np.int64]) -> list[NDArray[np.floating]]:
        """Divide by the variances with each vertex's penalty, taken as given."""
        return [model.gains(view.components[0], vertices)]


def fit_ridge(
    components: Sequence[Components],
    responses: NDArray[np.float32],
    relative_alphas: NDArray[np.float64],
    algebra: Algebra = ON_CPU,
) -> list[RidgeModel]:
    """Fit one model for each set of components; each vertex's penalty is the best by generalised cross-validation.

    Parameters
    ----------
    components
        One entry a fold; each knows the rows of `responses` that it was fitted on.
    responses : (n_train, n_vertices)
    relative_alphas : (n_alphas,)
        Rising, in units of the fold's mean variance of a component.

    Raises
    ------
    UsageError
        If the penalties are not positive and rising.
    """
    models = [empty_model(fold, responses.shape[1], relative_alphas) for fold in components]
    for block, loadings in read_loadings(components, responses, algebra):
        squares = sum_squares(components, responses[:, block])
        for fold, of_fold, total, model in zip(components, loadings, squares, models, strict=True):
            for part in blocks(block.stop, VERTICES, block.start):
                here = slice(part.start - block.start, part.stop - block.start)
                some = Loadings(of_fold.products[:, here], of_fold.means[here])
                model.chosen[part] = best(gcv(fold, some, total[here], model.alphas))
                set_weights(model, part, fold, some)
    return models


def gcv(
    fold: Components, loadings: Loadings, squares: NDArray[np.float64], alphas: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return n_fit RSS / (n_fit - dof)² for every penalty and vertex, (n_alphas, n_vertices).

    The degrees of freedom count the intercept.

    Parameters
    ----------
    squares : (n_vertices,)
        The sums of squares of the responses less their mean.
    alphas : (n_alphas,)
        Rising.
    """
    n_fit = len(fold.fit)
    left = alphas[:, None] / (fold.variances + alphas[:, None])
    with np.errstate(invalid="ignore", over="ignore"):
        explained = loadings.products**2
        # Where the components span all that so many images can, nothing lies outside; else it is there for any alpha.
        outside = 0 if len(fold.variances) == n_fit - 1 else np.maximum(squares - explained.sum(axis=0), 0)
        residual = left**2 @ explained + outside
    # n_fit - dof, without taking numbers that are almost equal from each other.
    free = n_fit - 1 - len(fold.variances) + left.sum(axis=1)
    score: NDArray[np.float64] = n_fit * residual / free[:, None] ** 2
    return score


REGRESSION = Ridge()
