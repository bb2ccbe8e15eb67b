"""Ridge regression on components, with a penalty of its own for every vertex.

In the basis of the components U, with variances w, the coefficients for a penalty alpha are sqrt(w) / (w + alpha) Uᵀ Y:
once Uᵀ Y is known, every alpha is a rescaling. Penalties are given in units of the mean variance of a component, so
that the same grid serves any layer, however many features it has and however they are scaled.

A vertex's penalty is chosen for what is predicted of images that had no part in anything, the components included:
by generalised cross-validation with a correction for components (`left_out`), or by inner folds that find components
anew. The two choose alike; the first costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.track import Note
from algocli.encoding.components import Components
from algocli.encoding.fields import Fields
from algocli.encoding.loadings import Loadings, read_loadings, sum_squares
from algocli.encoding.regressions.inner_folds import fit_ridge_by_folds
from algocli.encoding.regressions.left_out import ErrorWeights, gcv, left_out
from algocli.encoding.regressions.models import Model, penalties, tell_edges
from algocli.encoding.regressions.refitted_folds import InnerFold, choose_penalties, leave_out
from algocli.encoding.regressions.regression import Regression
from algocli.encoding.regressions.ridge_model import (
    VERTICES,
    RidgeModel,
    best,
    empty_model,
    set_weights,
)
from algocli.encoding.regressions.view import View
from algocli.encoding.splits import MOST_INNER_FOLDS
from algocli.errors import UsageError
from algocli.features.algebra import ON_CPU, Algebra

# What reckons the error of every penalty from a fold's components.
Judge = Callable[[Components, NDArray[np.float64]], ErrorWeights]


class Ridge(Regression):
    """Every component counts the less, the smaller it is beside a vertex's penalty."""

    name = "ridge"
    help = "a penalty of its own for every vertex"
    title = "ridge"
    has_gains = True
    has_penalties = True
    refits_components = True
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

    def n_inner_folds(self, settings: Fields) -> int:
        """Return how many inner folds at the most have components of their own."""
        return MOST_INNER_FOLDS if _leaves_out(settings) else 0

    def make_inner_folds(
        self, settings: Fields, n_train: int, grams: Sequence[Any], fit: NDArray[np.int64], algebra: Algebra
    ) -> list[InnerFold]:
        """Fit components without each part of the fitted images, where folds are to choose the penalties.

        Raises
        ------
        DataError, UsageError
            If there are too few images, or fewer components than asked for.
        """
        return leave_out(settings, n_train, grams, fit, algebra) if _leaves_out(settings) else []

    def fit(
        self, settings: Fields, views: Sequence[View], responses: NDArray[np.floating], note: Note
    ) -> Iterator[Model]:
        """Yield a model for each view; the responses are read once for all together."""
        components, algebra = [view.components[0] for view in views], views[0].algebra
        alphas = settings.relative_alphas
        if settings.alpha_by == "gcv":
            yield from fit_ridge(components, responses, alphas, algebra, judge_of(settings))
        elif settings.former_penalties:
            yield from fit_ridge_by_folds(components, responses, alphas, seed=settings.seed, algebra=algebra)
        else:
            yield from fit_ridge_by_refitting(components, [view.inner for view in views], responses, alphas, algebra)

    def fits_some(self, settings: Fields) -> bool:
        """Say whether no inner folds choose the penalties."""
        return settings.alpha_by == "gcv"

    def fit_some(self, settings: Fields, view: View) -> Callable[[NDArray[np.floating]], Model]:
        """Return what fits a model of some vertices, what errors are reckoned by being known."""
        fold, alphas = view.components[0], settings.relative_alphas
        weights = judge_of(settings)(fold, empty_model(fold, 0, alphas).alphas)
        return lambda responses: fit_ridge([fold], responses, alphas, view.algebra, lambda *_: weights)[0]

    def tell(self, model: RidgeModel, settings: Fields) -> Iterator[str]:
        """Say how many vertices have a penalty from the edges of the grid."""
        yield tell_edges(model.chosen, settings)

    def gains(self, model: RidgeModel, view: View, vertices: NDArray[np.int64]) -> list[NDArray[np.floating]]:
        """Divide by the variances with each vertex's penalty, taken as given."""
        return [model.gains(view.components[0], vertices)]


def _leaves_out(settings: Fields) -> bool:
    return settings.alpha_by == "kfold" and not settings.former_penalties


def judge_of(settings: Fields) -> Judge:
    """Return what the error of each penalty is reckoned by: as it is now, or as the run's own version had it."""
    return gcv if settings.former_penalties else left_out


def fit_ridge(
    components: Sequence[Components],
    responses: NDArray[np.floating],
    relative_alphas: NDArray[np.float64],
    algebra: Algebra = ON_CPU,
    judge: Judge = left_out,
) -> list[RidgeModel]:
    """Fit one model for each set of components; each vertex's penalty is the best by generalised cross-validation.

    Parameters
    ----------
    components
        One entry a fold; each knows the rows of `responses` that it was fitted on.
    responses : (n_train, n_vertices)
    relative_alphas : (n_alphas,)
        Rising, in units of the fold's mean variance of a component.
    judge
        What errors are reckoned by: `left_out`, of images that had no part in the components; `gcv` takes these as
        given.

    Raises
    ------
    UsageError
        If the penalties are not positive and rising.
    """
    models = [empty_model(fold, responses.shape[1], relative_alphas) for fold in components]
    judges = [judge(fold, model.alphas) for fold, model in zip(components, models, strict=True)]
    for block, loadings in read_loadings(components, responses, algebra):
        squares = sum_squares(components, responses[:, block])
        for fold, of_fold, total, model, weights in zip(components, loadings, squares, models, judges, strict=True):
            for part in blocks(block.stop, VERTICES, block.start):
                here = slice(part.start - block.start, part.stop - block.start)
                some = Loadings(of_fold.products[:, here], of_fold.means[here])
                model.chosen[part] = best(weights.errors(fold, some, total[here]))
                set_weights(model, part, fold, some)
    return models


def fit_ridge_by_refitting(
    components: Sequence[Components],
    inner: Sequence[Sequence[InnerFold]],
    responses: NDArray[np.floating],
    relative_alphas: NDArray[np.float64],
    algebra: Algebra = ON_CPU,
) -> list[RidgeModel]:
    """Fit one model for each set of components; each vertex's penalty predicts best what inner folds leave out.

    Parameters
    ----------
    components
        One entry a fold; each knows the rows of `responses` that it was fitted on.
    inner
        What `leave_out` made of each fold's images.
    responses : (n_train, n_vertices)
    relative_alphas : (n_alphas,)
        Rising, in units of a fold's, or inner fold's, mean variance of a component.

    Raises
    ------
    UsageError
        If the penalties are not positive and rising.
    """
    models = [empty_model(fold, responses.shape[1], relative_alphas) for fold in components]
    for model, folds in zip(models, inner, strict=True):
        model.chosen[:] = choose_penalties(folds, responses, relative_alphas, algebra)
    for block, loadings in read_loadings(components, responses, algebra):
        for fold, of_fold, model in zip(components, loadings, models, strict=True):
            set_weights(model, block, fold, of_fold)
    return models


REGRESSION = Ridge()
