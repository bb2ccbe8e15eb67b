"""Fits the regression that the settings ask for, on every set of images, as many at a time as memory holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Note, unheard
from algocli.encoding.algebra import ON_CPU, Algebra
from algocli.encoding.components import Components, fit_components
from algocli.encoding.kernels import Kernels
from algocli.encoding.regressions.banded import BandedModel, Search, fit_banded, foretell
from algocli.encoding.regressions.blend import BlendedModel, InnerFold, fit_blend, make_inner_folds
from algocli.encoding.regressions.inner_folds import fit_ridge_by_folds
from algocli.encoding.regressions.ols import LinearModel, fit_ols
from algocli.encoding.regressions.ridge import fit_ridge
from algocli.encoding.settings import Settings
from algocli.encoding.splits import inner_folds
from algocli.encoding.stacked import StackedComponents, stack
from algocli.features.store.gram import Gram

# What fits that are made together may take: ten of a hundred components do, of full rank a single one fills it.
FITS_BYTES = 2**30

Scores = list[NDArray[np.float32]]
Model = LinearModel | BlendedModel | BandedModel


@dataclass(frozen=True)
class View:
    """What some fitted images know of all others: components, one entry a layer, or a single one of all layers joined.

    `inner` is what a blend learns its weights from, and empty for every other regression.
    """

    kernels: list[Gram]
    components: list[Components]
    inner: list[InnerFold]
    algebra: Algebra

    def project(self, rows: NDArray[np.int64]) -> Scores:
        """Score other images, (n_rows, n_components) each."""
        if isinstance(self.components[0], StackedComponents):
            return [self.components[0].project_layers(self.kernels, rows, self.algebra)]
        pairs = zip(self.components, self.kernels, strict=True)
        return [own.project(kernel, rows, self.algebra) for own, kernel in pairs]

    def without_kernels(self) -> View:
        """Return what models are fitted on; the Gram matrices, which are large, have served their purpose."""
        return replace(self, kernels=[])


def look(kernels: Kernels, fit: NDArray[np.int64], algebra: Algebra = ON_CPU) -> View:
    """Fit components on the images `fit`, as the settings of the kernels ask for.

    Raises
    ------
    DataError, UsageError
        If there are too few images, or fewer components than asked for.
    """
    settings, grams = kernels.settings, kernels.of(fit)
    n_components = settings.n_components
    components = [fit_components(kernel, fit, n_components, algebra) for kernel in grams]
    if settings.join == "components":
        components = [stack(components, scaled=settings.scaled)]
    is_blend = settings.regression == "blend"
    parts = inner_folds(settings, kernels.n_train, fit) if is_blend else []
    inner = make_inner_folds(grams, fit, parts, n_components, algebra)
    return View(grams, components, inner, algebra)


def fits_together(settings: Settings, n_fit: int, n_vertices: int) -> int:
    """Return how many fits may be in memory together: their components, and their coefficients of a hemisphere."""
    if settings.regression in ("blend", "banded"):
        return 1
    n_components = (settings.n_components or n_fit) * (len(settings.features) if settings.join == "components" else 1)
    return max(1, FITS_BYTES // (4 * n_components * (n_fit + n_vertices)))


def foretell_search(settings: Settings, n_train: int, n_vertices: Sequence[int], device: str) -> str:
    """Say how long the search for penalties may take, in all fits of hemispheres with so many vertices.

    Raises
    ------
    UsageError
        If himalaya is not installed, or does not run on the device.
    """
    assert settings.n_components is not None  # of each layer; settings for a search have it
    widths = [settings.n_components] * len(settings.features)
    what, seconds = foretell(n_train, widths, n_vertices, _search(settings), device=device)
    n_fits = (settings.folds or 1) + settings.refit
    minutes = seconds * n_fits / 60
    took = f"{minutes:.0f} min" if minutes >= 1 else f"{seconds * n_fits:.0f} s"
    return f"{n_fits * len(n_vertices)} searches of {what}, about {took}"


def fit_models(
    settings: Settings, views: Sequence[View], responses: NDArray[np.float32], note: Note = unheard
) -> Iterator[Model]:
    """Yield one model for each view, in their order.

    Parameters
    ----------
    views
        One entry a fold; each knows the rows of `responses` that it was fitted on.
    responses : (n_train, n_vertices)
        Read once for all views together; by a blend and a search, once and again for each.
    note
        Told how a search gets on.
    """
    if settings.regression == "blend":
        for view in views:
            yield fit_blend(view.components, view.inner, responses, settings.relative_alphas, view.algebra)
        return
    if settings.regression == "banded":
        for view in views:
            yield fit_banded(view.components, responses, _search(settings), algebra=view.algebra, note=note)
        return
    yield from _fit(settings, [view.components[0] for view in views], responses, views[0].algebra)


def predict(model: Model, scores: Scores, algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
    """Predict responses, (n_stimuli, n_vertices), from a view's scores."""
    if isinstance(model, BlendedModel | BandedModel):
        return model.predict(scores, algebra)
    return model.predict(scores[0], algebra)


def _search(settings: Settings) -> Search:
    assert settings.search_seed is not None  # settings for a search have it
    return Search(settings.n_iter, settings.search_seed, settings.relative_alphas, settings.seed)


def _fit(
    settings: Settings, components: Sequence[Components], responses: NDArray[np.float32], algebra: Algebra
) -> Sequence[LinearModel]:
    if settings.regression == "ols":
        return fit_ols(components, responses, algebra)
    alphas = settings.relative_alphas
    if settings.alpha_by == "gcv":
        return fit_ridge(components, responses, alphas, algebra)
    return fit_ridge_by_folds(components, responses, alphas, seed=settings.seed, algebra=algebra)
