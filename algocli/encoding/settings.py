"""What a user decides about an encoding model: everything that names a run and changes its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from algocli.compute.calls import forgiving
from algocli.compute.keywords import check_keywords
from algocli.encoding import usual
from algocli.encoding.fields import CHECKS, USUAL_ALPHAS, USUAL_DRAWS, AlphaBy, Alphas, Fields, Join
from algocli.encoding.names import number_name, run_name
from algocli.encoding.regressions.registry import check_regression, regression_of
from algocli.errors import UsageError

__all__ = ["USUAL_ALPHAS", "USUAL_DRAWS", "AlphaBy", "Alphas", "Join", "Settings", "check_settings"]

_CHECKS = {**CHECKS, "regression": check_regression}


@forgiving
@dataclass(frozen=True)
class Settings(Fields):
    """The settings of one run; all its subjects share them.

    `features` names feature recipes, as `cache list` prints them; of several, the features are put side by side, or
    each layer's own `n_components` are (`join`), every layer `scaled` to the same mean variance of a component unless
    told otherwise. `standardised` features have the same variance, each, over the fitted images. No number of
    components stands for all that there are. Either `holdout` (the share of training images held out once) or `folds`
    is set, or `shared` is 'only'. How ridge regression chooses each vertex's penalty, and from what, plays no part in
    OLS. A blend joins layers in its own way: one ridge model each, weighted per vertex; so does banded ridge: one model
    of all, with a penalty for each, found by `n_iter` random draws from `search_seed`. Receptive fields take no
    components, but channels within a window on the image: of the `windows` of a set, or of some in degrees of visual
    angle, of which an image is `image_width` wide; None where the dataset says it. All layers have one window together,
    or each its own with `field_per_layer`, weighted per vertex as in a blend; where windows are on the first
    `field_layers` alone, ridge on components of the others is blended in.

    A `shared` image is one that at least one other subject of the dataset saw too, for training or for the test: it has
    the same pixels, or the same number where ids number one collection. 'only' holds all of them out, once, and fits on
    the subject's own images; 'exclude' neither fits nor holds out any; 'all' makes no difference between images.

    Penalties are chosen by how well images are predicted that had no part in the components, unless `former_penalties`
    is set, as it is in runs of versions before: they took all fitted images' components as given.

    `regression` may also name a callable that returns an estimator with scikit-learn's fit and predict, as in
    'python:sklearn.linear_model:LinearRegression': it is imported when something is trained, and not before.

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

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            object.__setattr__(self, name, check(name, getattr(self, name)))
        if not regression_of(self).refits_components:
            object.__setattr__(self, "former_penalties", False)
        if not regression_of(self).takes_components(self) and self.n_components == usual.N_COMPONENTS:
            object.__setattr__(self, "n_components", None)
        if len(set(self.features)) < len(self.features):
            raise UsageError(f"features {', '.join(self.features)}: each layer is needed once")
        if len(self.features) == 1 and not self.scaled:
            raise UsageError("scaled=False: one layer alone is never scaled", hint="it is for several layers")
        if self.join == "components" and (len(self.features) < 2 or regression_of(self).keeps_layers_apart):
            raise UsageError(
                "join='components' puts the components of several layers side by side",
                hint="name several layers; a blend and banded ridge have their own way to join them",
            )
        if self.shared == "only" and (self.holdout, self.folds) != (None, None):
            named = f"holdout={self.holdout:g}" if self.folds is None else f"folds={self.folds}"
            raise UsageError(
                f"shared='only' holds out the images that other subjects saw, all of them once: {named} has no say",
                hint="leave one of the two away",
            )
        if self.shared != "only" and (self.holdout is None) == (self.folds is None):
            raise UsageError("either a share to hold out or a number of folds is needed, not both")
        regression_of(self).check(self)

    @classmethod
    def recorded(cls, fields: Mapping[str, Any]) -> Settings:
        """Return the settings that a record tells of.

        Raises
        ------
        UsageError, TypeError
            If there can be no such settings.
        """
        # A record's grid is one: JSON knows lists alone.
        grid = {"alphas": Alphas(*fields["alphas"])} if isinstance(fields.get("alphas"), list) else {}
        return cls(**{**fields, **grid})

    def seen_at(self, image_width: float | None) -> Settings:
        """Return these with the width of an image that a dataset says, where they leave it open and read it."""
        if self.image_width is not None or not regression_of(self).reads_features:
            return self
        return replace(self, image_width=image_width)

    @property
    def keeps_layers_apart(self) -> bool:
        """Whether every layer has components of its own."""
        return self.join == "components" or regression_of(self).keeps_layers_apart

    @property
    def as_before(self) -> Settings:
        """What the same command meant to versions before."""
        return replace(self, former_penalties=True)

    @property
    def default_name(self) -> str:
        """A run name that says the settings, as in 'alexnet-features.2-1a2b3c4d_pca100_ols_holdout0.1_seed4'."""
        components = f"pca{'full' if self.n_components is None else self.n_components}"
        if self.join == "components":
            components += "each"
        if self.standardised:
            components = f"standardised_{components}"
        parts = [regression_of(self).words(self), self._split_name, f"seed{self.seed}"]
        if regression_of(self).takes_components(self):
            parts.insert(0, components)
        return run_name(self.features, self.scaled, "_".join(parts if self.refit else [*parts, "norefit"]))

    @property
    def _split_name(self) -> str:
        if self.shared == "only":
            return "sharedonly"
        split = f"folds{self.folds}" if self.holdout is None else f"holdout{number_name(self.holdout)}"
        return f"{split}-unshared" if self.shared == "exclude" else split


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
    check_keywords(given, _CHECKS, others)
