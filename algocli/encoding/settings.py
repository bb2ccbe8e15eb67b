"""What a user decides about an encoding model: everything that names a run and changes its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from algocli.errors import UsageError

Regression = Literal["ols"]


@dataclass(frozen=True)
class Settings:
    """The settings of one run; all its subjects share them.

    `features` names feature recipes, as `cache list` prints them. Either `holdout` (the share of training
    images held out once) or `folds` is set.
    """

    features: tuple[str, ...]
    n_components: int = 100
    regression: Regression = "ols"
    holdout: float | None = 0.1
    folds: int | None = None
    seed: int = 4
    refit: bool = True

    def __post_init__(self) -> None:
        if self.n_components < 1:
            raise UsageError(f"{self.n_components} components: at least 1 is needed")
        if (self.holdout is None) == (self.folds is None):
            raise UsageError("either a share to hold out or a number of folds is needed, not both")
        if self.holdout is not None and not 0 < self.holdout < 1:
            raise UsageError(f"--holdout {self.holdout:g} is no share between 0 and 1")
        if self.folds is not None and self.folds < 2:
            raise UsageError(f"--folds {self.folds}: at least 2 are needed")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed {self.seed}: a seed is a whole number from 0 to {2**32 - 1}")

    @property
    def default_name(self) -> str:
        """A run name that says the settings, as in 'alexnet-features.2-1a2b3c4d_pca100_ols_holdout0.1_seed4'."""
        split = f"holdout{self.holdout:g}" if self.folds is None else f"folds{self.folds}"
        parts = ["+".join(self.features), f"pca{self.n_components}", self.regression, split, f"seed{self.seed}"]
        return "_".join(parts if self.refit else [*parts, "norefit"])
