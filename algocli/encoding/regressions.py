"""Fits the regression that the settings ask for, on every set of components, as many at a time as memory holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.components import Components
from algocli.encoding.inner_folds import fit_ridge_by_folds
from algocli.encoding.ols import LinearModel, fit_ols
from algocli.encoding.ridge import fit_ridge
from algocli.encoding.settings import Settings

# Coefficients that are held at once: ten folds of a hundred components fit in, one of full rank fills it.
WEIGHTS_BYTES = 2**30


def fit_models(
    settings: Settings, components: Sequence[Components], responses: NDArray[np.float32]
) -> Iterator[LinearModel]:
    """Yield one model for each set of components, in their order.

    Parameters
    ----------
    components
        One entry a fold; each knows the rows of `responses` that it was fitted on.
    responses : (n_train, n_vertices)
        Read once for as many folds as have their coefficients in memory together.
    """
    n_bytes = max(len(fold.variances) for fold in components) * responses.shape[1] * 4
    n_together = max(1, WEIGHTS_BYTES // n_bytes)
    for start in range(0, len(components), n_together):
        yield from _fit(settings, components[start : start + n_together], responses)


def _fit(settings: Settings, components: Sequence[Components], responses: NDArray[np.float32]) -> Sequence[LinearModel]:
    if settings.regression == "ols":
        return fit_ols(components, responses)
    if settings.alpha_by == "gcv":
        return fit_ridge(components, responses, settings.relative_alphas)
    return fit_ridge_by_folds(components, responses, settings.relative_alphas, seed=settings.seed)
