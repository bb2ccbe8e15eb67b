"""How many components a model of so many images can have: what few images allow, of a model that asks for more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings
from algocli.encoding.splits import inner_folds
from algocli.errors import UsageError


def takes_all(settings: Settings) -> bool:
    """Say whether a model takes all components that there are as well as it takes some."""
    return regression_of(settings).has_penalties and not settings.keeps_layers_apart and settings.alpha_by == "gcv"


def most_components(settings: Settings, n_train: int, fit: NDArray[np.int64]) -> int:
    """Return how many components there can be at the most, of each layer where layers have their own; 0 for none.

    Parameters
    ----------
    fit : (n_fit,)
        The rows of the fitted images among all `n_train`.
    """
    regression = regression_of(settings)
    n_smallest = len(fit)
    if regression.n_inner_folds(settings):
        # These have components of their own, of fewer images.
        n_smallest -= max(len(part) for part in inner_folds(settings, n_train, fit))
    n_sets = len(settings.features) if settings.join == "components" else 1

    def is_allowed(n_components: int) -> bool:
        try:
            regression.check_components(settings, len(fit), n_sets * n_components)
        except UsageError:
            return False
        return True

    return next((n for n in range((n_smallest - 1) // n_sets, 0, -1) if is_allowed(n)), 0)
