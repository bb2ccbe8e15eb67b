"""Ordinary least squares on components, for every vertex of a hemisphere at once.

The scores S of a fold are orthogonal and centred, so the coefficients need no solver: diag(1/w) Sᵀ Y.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Note
from algocli.encoding.components import Components
from algocli.encoding.fields import Fields
from algocli.encoding.loadings import read_loadings
from algocli.encoding.regressions.models import LinearModel, Model
from algocli.encoding.regressions.regression import Regression, View
from algocli.features.algebra import ON_CPU, Algebra


class OrdinaryLeastSquares(Regression):
    """Every component counts in full."""

    name = "ols"
    help = "ordinary least squares"
    title = "OLS"

    def fit(
        self, settings: Fields, views: Sequence[View], responses: NDArray[np.float32], note: Note
    ) -> Iterator[Model]:
        """Yield a model for each view; the responses are read once for all together."""
        yield from fit_ols([view.components[0] for view in views], responses, views[0].algebra)

    def gains(self, model: LinearModel, view: View, vertices: NDArray[np.int64]) -> list[NDArray[np.floating]]:
        """Divide by the variances, the same for every vertex."""
        return [(1 / view.components[0].variances[:, None]).astype(np.float32)]


def fit_ols(
    components: Sequence[Components], responses: NDArray[np.float32], algebra: Algebra = ON_CPU
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
