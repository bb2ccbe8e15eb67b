"""Blended models: one ridge model a layer, weighted for every vertex by how well each predicts what it has not seen.

The weights are learned from inner folds of the fitted images: each layer's model of the other images predicts those
left out, its components and penalties being found anew without them. Held-out images have no part in any of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Note
from algocli.encoding.components import Components
from algocli.encoding.fields import Fields
from algocli.encoding.regressions.left_out import left_out
from algocli.encoding.regressions.models import (
    Held,
    LinearModel,
    Model,
    PerLayer,
    RunArray,
    penalties,
    tell_edges,
    tell_layers,
)
from algocli.encoding.regressions.refitted_folds import InnerFold, leave_out
from algocli.encoding.regressions.regression import Regression
from algocli.encoding.regressions.ridge import Judge, fit_ridge, judge_of
from algocli.encoding.regressions.ridge_model import RidgeModel
from algocli.encoding.regressions.view import View
from algocli.encoding.regressions.weighting import Blend, FoldPredictions, blend_bytes, learn_weights
from algocli.encoding.splits import MOST_INNER_FOLDS
from algocli.errors import UsageError
from algocli.features.algebra import ON_CPU, Algebra


@dataclass(frozen=True)
class BlendedModel:
    """The models of some layers and how they are weighted, vertex by vertex."""

    models: list[RidgeModel]
    blend: Blend

    @property
    def intercept(self) -> NDArray[np.float32]:
        """What the first layer's model adds, (n_vertices,): not finite where a response is not."""
        return self.models[0].intercept

    @property
    def chosen(self) -> NDArray[np.int16]:
        """Each layer's penalty of each vertex, (n_layers, n_vertices), as positions in the grid."""
        return np.stack([model.chosen for model in self.models])

    def predict(self, scores: Sequence[NDArray[np.float32]], algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
        """Predict responses, (n_stimuli, n_vertices), from scores of every layer, (n_stimuli, n_components) each."""
        return self.blend.predict(
            model.predict(of_layer, algebra) for model, of_layer in zip(self.models, scores, strict=True)
        )


class Blending(Regression):
    """One ridge model a layer, weighted."""

    name = "blend"
    help = "a ridge model of each layer, weighted per vertex"
    title = "blend"
    joining = "a model of each layer, weighted per vertex"
    keeps_layers_apart = True
    one_at_a_time = True
    has_penalties = True
    refits_components = True
    # Inner folds, whose predictions weigh the layers, both predict an image and fit models on it once more. Measured,
    # the variance of a mean over folds is 1.5 to 4.2 times that of its predictions, most where signals are weak.
    n_roles = 4
    usual_components = 1000
    arrays = (
        penalties("each vertex's penalty of each layer, relative to a component's mean variance", "n_layers"),
        RunArray(
            "blend",
            ("n_fits", "n_layers", "n_vertices"),
            "how each vertex weighs the layers' models; none is negative",
            lambda model, _: model.blend.weights.astype(np.float32),
        ),
    )
    per_layer = PerLayer.within("blend", "blend", "weight", "each layer's model")

    def check(self, settings: Fields) -> None:
        """Refuse a single layer, layers as they are, and penalties by inner folds."""
        if len(settings.features) < 2 or not settings.scaled or settings.alpha_by != "gcv":
            raise UsageError(
                "a blend weighs the models of two layers or more, each with its own scale and penalties by GCV",
                hint="regression='blend' takes two layers or more, with scaled=True and alpha_by='gcv'",
            )
        super().check(settings)

    def n_bytes(self, settings: Fields, held: Held) -> int:
        """Count the sums that weights are learned from, and every layer's predictions of some rows."""
        return held.total + blend_bytes(held.n_layers, held.n_vertices)

    def n_inner_folds(self, settings: Fields) -> int:
        """Return how many inner folds there are at the most."""
        return MOST_INNER_FOLDS

    def make_inner_folds(
        self, settings: Fields, n_train: int, grams: Sequence[Any], fit: NDArray[np.int64], algebra: Algebra
    ) -> list[InnerFold]:
        """Leave out one part of the fitted images after the other, and fit each layer's components on the rest.

        Raises
        ------
        UsageError
            If there are too few images, or float32 does not show their components.
        """
        return leave_out(settings, n_train, grams, fit, algebra)

    def fit(
        self, settings: Fields, views: Sequence[View], responses: NDArray[np.floating], note: Note
    ) -> Iterator[Model]:
        """Yield a model for each view; the responses are read for each again."""
        for view in views:
            alphas, judge = settings.relative_alphas, judge_of(settings)
            yield fit_blend(view.components, view.inner, responses, alphas, view.algebra, judge)

    def tell(self, model: BlendedModel, settings: Fields) -> Iterator[str]:
        """Say which layers weigh most, and how many vertices have a penalty from the edges of the grid."""
        yield tell_layers(model.blend.weights.astype(np.float32), "weight", settings.features)
        yield tell_edges(model.chosen, settings)

    def as_linear(self, model: BlendedModel) -> LinearModel:
        """Put the layers' weighted models one below the other."""
        blended = model.blend.weights.astype(np.float32)
        weights = np.vstack([weight * layer.weights for weight, layer in zip(blended, model.models, strict=True)])
        parts = [weight * layer.intercept for weight, layer in zip(blended, model.models, strict=True)]
        return LinearModel(weights, np.asarray(model.blend.intercept + np.sum(parts, axis=0), np.float32))


def fit_blend(
    components: Sequence[Components],
    inner: Sequence[InnerFold],
    responses: NDArray[np.floating],
    relative_alphas: NDArray[np.float64],
    algebra: Algebra = ON_CPU,
    judge: Judge = left_out,
) -> BlendedModel:
    """Fit the models of all layers on the fitted images, and their weights on what inner folds predict.

    Parameters
    ----------
    components
        One entry a layer, all fitted on the same images.
    inner
        What `Blending.make_inner_folds` made of these images.
    responses : (n_train, n_vertices)
        Read once for every inner fold, and once more.
    relative_alphas : (n_alphas,)
        Rising, in units of a layer's mean variance of a component.
    judge
        As `fit_ridge` takes it.
    """
    # Inner folds come first: their models and the final ones are never in memory together.
    folds = _inner_predictions(inner, responses, relative_alphas, algebra, judge)
    blend = learn_weights(len(components), folds, responses)
    return BlendedModel(fit_ridge(components, responses, relative_alphas, algebra, judge), blend)


def _inner_predictions(
    inner: Sequence[InnerFold],
    responses: NDArray[np.floating],
    relative_alphas: NDArray[np.float64],
    algebra: Algebra,
    judge: Judge,
) -> Iterator[FoldPredictions]:
    for fold in inner:
        models = fit_ridge(fold.components, responses, relative_alphas, algebra, judge)

        def predict(
            rows: slice, fold: InnerFold = fold, models: Sequence[RidgeModel] = models
        ) -> list[NDArray[np.float32]]:
            pairs = zip(models, fold.scores, strict=True)
            return [model.predict(scores[rows], algebra) for model, scores in pairs]

        yield fold.rows, models[0].intercept, predict


REGRESSION = Blending()
