"""Ordinary least squares on components, for every vertex of a hemisphere at once.

The scores S of a fold are orthogonal and centred, so the coefficients need no solver: diag(1/w) Sᵀ Y.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Note
from algocli.encoding.components import Components
from algocli.encoding.fields import Fields
from algocli.encoding.loadings import read_loadings
from algocli.encoding.regressions.models import LinearModel, Model
from algocli.encoding.regressions.regression import Regression
from algocli.encoding.regressions.view import View
from algocli.errors import UsageError
from algocli.features.algebra import ON_CPU, Algebra

# Degrees of freedom that the fitted images must keep: so many, and such a share of the images.
FEWEST_LEFT, SHARE_LEFT = 2, 0.01


class OrdinaryLeastSquares(Regression):
    """Every component counts in full."""

    name = "ols"
    help = "ordinary least squares"
    title = "OLS"
    has_gains = True

    def check_components(self, settings: Fields, n_fit: int, n_components: int) -> None:
        """Refuse components that leave next to nothing of the responses unfitted, and so fit their noise."""
        n_sets = len(settings.features) if settings.join == "components" else 1
        n_left, left = max(FEWEST_LEFT, math.ceil(SHARE_LEFT * n_fit)), n_fit - 1 - n_components
        if left >= n_left:
            return
        told = f"{n_components} components" + (f" of {n_sets} layers" if n_sets > 1 else "")
        if left < 0:
            told += f" cannot be had from {n_fit} images: the rank is {n_fit - 1} at most"
        else:
            told += f" of {n_fit} fitted images leave least squares {left} degrees of freedom: it would fit the noise"
        most = (n_fit - 1 - n_left) // n_sets
        fewer = f"use n_components={most} or fewer, or" if most > 0 else "use"
        raise UsageError(told, hint=f"{fewer} regression='ridge', which takes as many as there are")

    def fit(
        self, settings: Fields, views: Sequence[View], responses: NDArray[np.floating], note: Note
    ) -> Iterator[Model]:
        """Yield a model for each view; the responses are read once for all together."""
        yield from fit_ols([view.components[0] for view in views], responses, views[0].algebra)

    def fits_some(self, settings: Fields) -> bool:
        """Vertices share nothing but components."""
        return True

    def fit_some(self, settings: Fields, view: View) -> Callable[[NDArray[np.floating]], Model]:
        """Return what fits a model of some vertices."""
        return lambda responses: fit_ols(view.components[:1], responses, view.algebra)[0]

    def gains(self, model: LinearModel, view: View, vertices: NDArray[np.int64]) -> list[NDArray[np.floating]]:
        """Divide by the variances, the same for every vertex."""
        return [(1 / view.components[0].variances[:, None]).astype(np.float32)]


def fit_ols(
    components: Sequence[Components], responses: NDArray[np.floating], algebra: Algebra = ON_CPU
) -> list[LinearModel]:
    """Fit one model for each set of components.

    Parameters
    ----------
    components
        One entry a fold; each knows the rows of `responses` that it was fitted on.
    responses : (n_train, n_vertices)
        Read once, in blocks of rows.
    """
    n_vertices = responses.shape[1]
    models = [
        LinearModel(np.empty((len(fold.variances), n_vertices), np.float32), np.empty(n_vertices, np.float32))
        for fold in components
    ]
    for block, loadings in read_loadings(components, responses, algebra):
        for fold, of_fold, model in zip(components, loadings, models, strict=True):
            model.weights[:, block] = of_fold.products / np.sqrt(fold.variances)[:, None]
            model.intercept[block] = of_fold.means
    return models


REGRESSION = OrdinaryLeastSquares()
