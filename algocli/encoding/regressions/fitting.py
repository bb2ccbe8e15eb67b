"""Looks at images as the settings ask for, and says how many fits are made together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.components import fit_components
from algocli.encoding.fields import Fields
from algocli.encoding.kernels import Kernels
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.regressions.view import View
from algocli.encoding.stacked import stack
from algocli.features.algebra import ON_CPU, Algebra

# What fits that are made together may take: ten of a hundred components do, of full rank a single one fills it.
FITS_BYTES = 2**30


def view_of(kernels: Kernels, fit: NDArray[np.int64], algebra: Algebra = ON_CPU) -> View:
    """Fit components on the images `fit`, as the settings of the kernels ask for.

    Raises
    ------
    DataError, UsageError
        If there are too few images, or fewer components than asked for.
    """
    settings, grams = kernels.settings, kernels.of(fit)
    components = [fit_components(kernel, fit, settings.n_components, algebra) for kernel in grams]
    if settings.join == "components":
        components = [stack(components, scaled=settings.scaled)]
    inner = regression_of(settings).look_within(settings, kernels.n_train, grams, fit, algebra)
    return View(grams, components, inner, algebra)


def fits_together(settings: Fields, n_fit: int, n_vertices: int) -> int:
    """Return how many fits may be in memory together: their components, and their coefficients of a hemisphere."""
    if regression_of(settings).one_at_a_time:
        return 1
    n_components = (settings.n_components or n_fit) * (len(settings.features) if settings.join == "components" else 1)
    return max(1, FITS_BYTES // (4 * n_components * (n_fit + n_vertices)))
