"""Fits the regression that the settings ask for, on every set of images, as many at a time as memory holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.blended import BlendedModel, InnerFold, fit_blend, make_inner_folds
from algocli.encoding.components import Components, fit_components
from algocli.encoding.inner_folds import fit_ridge_by_folds
from algocli.encoding.joined import join
from algocli.encoding.ols import LinearModel, fit_ols
from algocli.encoding.ridge import fit_ridge
from algocli.encoding.settings import Settings
from algocli.features.gram import Gram
from algocli.features.store import FeatureStore

# Coefficients that are held at once: ten folds of a hundred components fit in, one of full rank fills it.
WEIGHTS_BYTES = 2**30

Scores = list[NDArray[np.float32]]
Model = LinearModel | BlendedModel


@dataclass(frozen=True)
class View:
    """What some fitted images know of all others: components, one entry a layer, or a single one of all layers joined.

    `inner` is what a blend learns its weights from, and empty for every other regression.
    """

    kernels: list[Gram]
    components: list[Components]
    inner: list[InnerFold]

    def project(self, rows: NDArray[np.int64]) -> Scores:
        """Score other images, (n_rows, n_components) each."""
        return [own.project(kernel, rows) for own, kernel in zip(self.components, self.kernels, strict=True)]


def look(settings: Settings, stores: Sequence[FeatureStore], grams: Sequence[Gram], fit: NDArray[np.int64]) -> View:
    """Fit components on the images `fit`, as the settings ask for.

    Raises
    ------
    DataError, UsageError
        If there are too few images, or fewer components than asked for.
    """
    is_blend = settings.regression == "blend"
    kernels = list(grams) if is_blend else [join(stores, grams, fit, scaled=settings.scaled)]
    components = [fit_components(kernel, fit, settings.n_components) for kernel in kernels]
    inner = make_inner_folds(kernels, fit, settings.n_components, settings.seed) if is_blend else []
    return View(kernels, components, inner)


def fit_models(settings: Settings, views: Sequence[View], responses: NDArray[np.float32]) -> Iterator[Model]:
    """Yield one model for each view, in their order.

    Parameters
    ----------
    views
        One entry a fold; each knows the rows of `responses` that it was fitted on.
    responses : (n_train, n_vertices)
        Read once for as many folds as have their coefficients in memory together.
    """
    if settings.regression == "blend":
        for view in views:
            yield fit_blend(view.components, view.inner, responses, settings.relative_alphas)
        return
    components = [view.components[0] for view in views]
    n_bytes = max(len(fold.variances) for fold in components) * responses.shape[1] * 4
    n_together = max(1, WEIGHTS_BYTES // n_bytes)
    for start in range(0, len(components), n_together):
        yield from _fit(settings, components[start : start + n_together], responses)


def predict(model: Model, scores: Scores) -> NDArray[np.float32]:
    """Predict responses, (n_stimuli, n_vertices), from a view's scores."""
    return model.predict(scores) if isinstance(model, BlendedModel) else model.predict(scores[0])


def _fit(settings: Settings, components: Sequence[Components], responses: NDArray[np.float32]) -> Sequence[LinearModel]:
    if settings.regression == "ols":
        return fit_ols(components, responses)
    if settings.alpha_by == "gcv":
        return fit_ridge(components, responses, settings.relative_alphas)
    return fit_ridge_by_folds(components, responses, settings.relative_alphas, seed=settings.seed)
