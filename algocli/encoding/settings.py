"""What a user decides about an encoding model: everything that names a run and changes its numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import (
    as_number,
    check_choice,
    check_flag,
    check_keywords,
    check_number,
    check_whole,
    check_words,
    said,
)
from algocli.encoding import usual
from algocli.encoding.names import number_name, run_name
from algocli.errors import UsageError

Regression = Literal["ols", "ridge", "banded", "blend"]
AlphaBy = Literal["gcv", "kfold"]
Join = Literal["features", "components"]


class Alphas(NamedTuple):
    """A grid of penalties, evenly spaced on a logarithmic scale, in units of a component's mean variance."""

    # From a penalty that only the least of all components notice to one that leaves the largest a hundredth of itself:
    # the first component of a layer holds a few hundred to a few thousand times the mean.
    low: float = usual.ALPHAS[0]
    high: float = usual.ALPHAS[1]
    n: int = usual.ALPHAS[2]


USUAL_ALPHAS = Alphas()
USUAL_DRAWS = usual.N_DRAWS


@dataclass(frozen=True)
class Settings:
    """The settings of one run; all its subjects share them.

    `features` names feature recipes, as `cache list` prints them; of several, the features are put side by side, or
    each layer's own `n_components` are (`join`), every layer `scaled` to the same mean variance of a component unless
    told otherwise. `standardised` features have the same variance, each, over the fitted images. No number of
    components stands for all that there are. Either `holdout` (the share of training images held out once) or `folds`
    is set. How ridge regression chooses each vertex's penalty, and from what, plays no part in OLS. A blend joins
    layers in its own way: one ridge model each, weighted per vertex; so does banded ridge: one model of all, with a
    penalty for each, found by `n_iter` random draws from `search_seed`.

    Raises
    ------
    UsageError
        If a field is not what it can be, or fields do not go together.

    Examples
    --------
    >>> settings = algocli.Settings(("features.2", "features.5"), regression="ridge", n_components=1000)
    >>> settings.folds is None, settings.holdout
    (True, 0.1)
    """

    features: tuple[str, ...]
    n_components: int | None = usual.N_COMPONENTS
    regression: Regression = "ols"
    alpha_by: AlphaBy = "gcv"
    alphas: Alphas = USUAL_ALPHAS
    join: Join = "features"
    scaled: bool = True
    standardised: bool = False
    n_iter: int = USUAL_DRAWS
    search_seed: int | None = None
    holdout: float | None = usual.HOLDOUT
    folds: int | None = None
    seed: int = usual.SEED
    refit: bool = True

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            object.__setattr__(self, name, check(name, getattr(self, name)))
        if len(set(self.features)) < len(self.features):
            raise UsageError(f"features {', '.join(self.features)}: each layer is needed once")
        if len(self.features) == 1 and not self.scaled:
            raise UsageError("scaled=False: one layer alone is never scaled", hint="it is for several layers")
        if self.join == "components" and (len(self.features) < 2 or self.regression in ("blend", "banded")):
            raise UsageError(
                "join='components' puts the components of several layers side by side",
                hint="name several layers; a blend and banded ridge have their own way to join them",
            )
        if (self.holdout is None) == (self.folds is None):
            raise UsageError("either a share to hold out or a number of folds is needed, not both")
        self._check_ridge()
        self._check_banded()

    def _check_ridge(self) -> None:
        if self.regression == "blend" and (len(self.features) < 2 or not self.scaled or self.alpha_by != "gcv"):
            raise UsageError(
                "a blend weighs the models of two layers or more, each with its own scale and penalties by GCV",
                hint="regression='blend' takes two layers or more, with scaled=True and alpha_by='gcv'",
            )
        if self.regression == "ols" and (self.alpha_by, self.alphas) != ("gcv", USUAL_ALPHAS):
            raise UsageError(f"{self.regression} has no penalty to choose", hint="add regression='ridge'")
        if self.n_components is None and self.join == "components":
            raise UsageError(
                "all components of several layers are more than there are images",
                hint="join='features' puts the features side by side, of which n_components=None has all; or use "
                "n_components=500",
            )
        if self.n_components is None and self.alpha_by == "kfold":
            raise UsageError(
                "inner folds at full rank would take hours and tens of gigabytes",
                hint="alpha_by='gcv' needs no folds; or use n_components=1000",
            )

    def _check_banded(self) -> None:
        if self.regression != "banded":
            if (self.n_iter, self.search_seed) != (USUAL_DRAWS, None):
                raise UsageError(f"{self.regression} searches for no shares", hint="add regression='banded'")
            return
        if len(self.features) < 2 or not self.scaled or self.alpha_by != "gcv":
            raise UsageError(
                "banded ridge has a penalty for each of two layers or more, with its own scale and inner folds",
                hint="regression='banded' takes two layers or more, with scaled=True and alpha_by='gcv'",
            )
        if self.n_components is None:
            raise UsageError(
                "banded ridge on all components would take days; 200 to 500 of each layer are usual",
                hint="n_components=300",
            )
        if self.search_seed is None:
            raise UsageError("a random search for penalties needs a seed of its own", hint="search_seed=0")

    @property
    def keeps_layers_apart(self) -> bool:
        """Whether every layer has components of its own."""
        return self.regression in ("blend", "banded") or self.join == "components"

    @property
    def relative_alphas(self) -> NDArray[np.float64]:
        """The grid of penalties, rising, in units of a component's mean variance, (n_alphas,)."""
        return np.geomspace(*self.alphas)

    @property
    def default_name(self) -> str:
        """A run name that says the settings, as in 'alexnet-features.2-1a2b3c4d_pca100_ols_holdout0.1_seed4'."""
        regression: str = self.regression
        if self.alpha_by != "gcv":
            regression += f"-{self.alpha_by}"
        if self.alphas != USUAL_ALPHAS:
            low, high, n = self.alphas
            regression += f"-{number_name(low)}-{number_name(high)}-{n}"
        if self.regression == "banded":
            regression += f"-{self.n_iter}draws-search{self.search_seed}"
        components = f"pca{'full' if self.n_components is None else self.n_components}"
        if self.join == "components":
            components += "each"
        if self.standardised:
            components = f"standardised_{components}"
        split = f"folds{self.folds}" if self.holdout is None else f"holdout{number_name(self.holdout)}"
        parts = [components, regression, split, f"seed{self.seed}"]
        return run_name(self.features, self.scaled, "_".join(parts if self.refit else [*parts, "norefit"]))


def check_settings(given: Mapping[str, Any], others: Sequence[str] = ()) -> None:
    """Refuse keywords that are no fields of `Settings`.

    Parameters
    ----------
    others
        What else could have been meant, and is no field.

    Raises
    ------
    UsageError
        If there is one; the nearest fields and all of them are told.
    """
    check_keywords(given, _CHECKS, others, _MEANT)


# What the command line, and other programs, call the fields.
_MEANT = {
    "pca": "n_components",
    "components": "n_components",
    "n_pcs": "n_components",
    "model": "regression",
    "method": "regression",
    "alpha": "alphas",
    "penalties": "alphas",
    "cv": "folds",
    "k": "folds",
    "n_splits": "folds",
    "test_size": "holdout",
    "validation": "holdout",
    "random_state": "seed",
    "scale": "scaled",
    "standardise": "standardised",
    "standardize": "standardised",
    "draws": "n_iter",
}


def _features(name: str, value: object) -> tuple[str, ...]:
    words = check_words(name, value)
    for word in words:
        # A run is named after its features: one with a slash in it would lead elsewhere.
        if PurePath(word).name != word or word == ".." or not word.isprintable():
            raise UsageError(f"{said(name, word)}: no features can be named so", hint="algocli cache list names them")
    return words


def _alphas(name: str, value: object) -> Alphas:
    told = f"{said(name, tuple(value) if isinstance(value, Alphas) else value)} is no grid of penalties"
    hint = "two positive numbers, the smaller first, and how many: 0.01:100000:20"
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | np.ndarray) or len(value) != 3:
        raise UsageError(told, hint=hint)
    low, high, n = value
    # An array has one type for all three.
    n = int(n) if as_number(n).is_integer() else n
    try:
        found = Alphas(check_number("low", low), check_number("high", high), check_whole("n", n, low=2))
    except UsageError as error:
        raise UsageError(f"{told}: {error.message}", hint=hint) from error
    if not 0 < found.low < found.high:
        raise UsageError(told, hint=hint)
    return found


def _share(name: str, value: object) -> float:
    number = as_number(value)
    if not 0 < number < 1:
        raise UsageError(f"{said(name, value)} is no share between 0 and 1")
    return number


def _or_none(check: Callable[..., Any], name: str, value: object) -> Any:
    return None if value is None else check(name, value)


_seed = partial(check_whole, low=0, high=2**32 - 1, expected=f"a seed is a whole number from 0 to {2**32 - 1}")
# What every field can be. Which of them go together is the class's own business.
_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "features": _features,
    "n_components": partial(
        _or_none, partial(check_whole, low=1, expected="a whole number is needed, at least 1; None is for all")
    ),
    "regression": partial(check_choice, allowed=get_args(Regression)),
    "alpha_by": partial(check_choice, allowed=get_args(AlphaBy)),
    "alphas": _alphas,
    "join": partial(check_choice, allowed=get_args(Join)),
    "scaled": check_flag,
    "standardised": check_flag,
    "n_iter": partial(check_whole, low=1, expected="a whole number is needed, at least 1 draw"),
    "search_seed": partial(_or_none, _seed),
    "holdout": partial(_or_none, _share),
    "folds": partial(
        _or_none, partial(check_whole, low=2, expected="a whole number is expected; at least 2 are needed")
    ),
    "seed": _seed,
    "refit": check_flag,
}
