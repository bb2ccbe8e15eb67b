"""What a user decides about an encoding model: everything that names a run and changes its numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.errors import UsageError

Regression = Literal["ols", "ridge", "banded", "blend"]
AlphaBy = Literal["gcv", "kfold"]
Join = Literal["features", "components"]

_LONGEST_NAME = 120


class Alphas(NamedTuple):
    """A grid of penalties, evenly spaced on a logarithmic scale, in units of a component's mean variance."""

    # From a penalty that only the least of all components notice to one that leaves the largest a hundredth of itself:
    # the first component of a layer holds a few hundred to a few thousand times the mean.
    low: float = 1e-2
    high: float = 1e5
    n: int = 20


USUAL_ALPHAS = Alphas()
# Draws of a banded ridge's shares.
USUAL_DRAWS = 50


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
    """

    features: tuple[str, ...]
    n_components: int | None = 100
    regression: Regression = "ols"
    alpha_by: AlphaBy = "gcv"
    alphas: Alphas = USUAL_ALPHAS
    join: Join = "features"
    scaled: bool = True
    standardised: bool = False
    n_iter: int = USUAL_DRAWS
    search_seed: int | None = None
    holdout: float | None = 0.1
    folds: int | None = None
    seed: int = 4
    refit: bool = True

    def __post_init__(self) -> None:
        if not self.features or len(set(self.features)) < len(self.features):
            raise UsageError(f"features {', '.join(self.features) or 'of nothing'}: each layer is needed once")
        if len(self.features) == 1 and not self.scaled:
            raise UsageError("--no-scale: one layer alone is never scaled", hint="it is for several: -l A -l B")
        if self.join == "components" and (len(self.features) < 2 or self.regression in ("blend", "banded")):
            raise UsageError(
                "--join components puts the components of several layers side by side",
                hint="name the layers with -l A -l B; a blend and banded ridge have their own way to join them",
            )
        if self.n_components is not None and self.n_components < 1:
            raise UsageError(f"{self.n_components} components: at least 1 is needed")
        if (self.holdout is None) == (self.folds is None):
            raise UsageError("either a share to hold out or a number of folds is needed, not both")
        if self.holdout is not None and not 0 < self.holdout < 1:
            raise UsageError(f"--holdout {self.holdout:g} is no share between 0 and 1")
        if self.folds is not None and self.folds < 2:
            raise UsageError(f"--folds {self.folds}: at least 2 are needed")
        self._check_ridge()
        self._check_banded()
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed {self.seed}: a seed is a whole number from 0 to {2**32 - 1}")

    def _check_ridge(self) -> None:
        low, high, n = self.alphas
        if not (0 < low < high < np.inf and n >= 2):
            raise UsageError(
                f"{low:g} to {high:g} in {n} steps is no grid of penalties",
                hint="two positive numbers, the smaller first, and how many: 0.01:100000:20",
            )
        if self.regression == "blend" and (len(self.features) < 2 or not self.scaled or self.alpha_by != "gcv"):
            raise UsageError(
                "a blend weighs the models of two layers or more, each with its own scale and penalties by GCV",
                hint="algocli train --regression blend -l A -l B",
            )
        if self.regression == "ols" and (self.alpha_by, self.alphas) != ("gcv", USUAL_ALPHAS):
            raise UsageError(f"{self.regression} has no penalty to choose", hint="add --regression ridge")
        if self.n_components is None and self.join == "components":
            raise UsageError(
                "all components of several layers are more than there are images",
                hint="--join features puts the features side by side, of which --pca full has all; or use --pca 500",
            )
        if self.n_components is None and self.alpha_by == "kfold":
            raise UsageError(
                "inner folds at full rank would take hours and tens of gigabytes",
                hint="--alpha-by gcv needs no folds; or use --pca 1000",
            )

    def _check_banded(self) -> None:
        if self.regression != "banded":
            if (self.n_iter, self.search_seed) != (USUAL_DRAWS, None):
                raise UsageError(f"{self.regression} searches for no shares", hint="add --regression banded")
            return
        if len(self.features) < 2 or not self.scaled or self.alpha_by != "gcv":
            raise UsageError(
                "banded ridge has a penalty for each of two layers or more, with its own scale and inner folds",
                hint="algocli train --regression banded -l A -l B --search-seed 0",
            )
        if self.n_components is None:
            raise UsageError(
                "banded ridge on all components would take days; 200 to 500 of each layer are usual", hint="--pca 300"
            )
        if self.n_iter < 1:
            raise UsageError(f"--n-iter {self.n_iter}: at least 1 draw is needed")
        if self.search_seed is None:
            raise UsageError("a random search for penalties needs a seed of its own", hint="--search-seed 0")
        if not 0 <= self.search_seed < 2**32:
            raise UsageError(f"--search-seed {self.search_seed}: a seed is a whole number from 0 to {2**32 - 1}")

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
            regression += "-{:g}-{:g}-{}".format(*self.alphas)
        if self.regression == "banded":
            regression += f"-{self.n_iter}draws-search{self.search_seed}"
        components = f"pca{'full' if self.n_components is None else self.n_components}"
        if self.join == "components":
            components += "each"
        if self.standardised:
            components = f"standardised_{components}"
        split = f"holdout{self.holdout:g}" if self.folds is None else f"folds{self.folds}"
        parts = [self._features_name, components, regression, split, f"seed{self.seed}"]
        return "_".join(parts if self.refit else [*parts, "norefit"])

    @property
    def _features_name(self) -> str:
        name = "+".join(self.features) if self.scaled else "+".join(("unscaled", *self.features))
        if len(name) <= _LONGEST_NAME:
            return name
        # A folder's name has an end: the first layer is named, the others counted and told apart by their digest.
        others = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{self.features[0]}+{len(self.features) - 1}others-{others}"
