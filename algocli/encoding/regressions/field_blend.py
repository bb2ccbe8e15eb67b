"""Blends with receptive fields in them: for every vertex several models, weighted by how well each predicts.

Each layer may have a window of its own, or windows be on the first layers alone and ridge regression on what the others
have together: early visual cortex sees spots, which higher areas do not. The weights are learned as any blend's: from
inner folds of the fitted images, in which windows, penalties and components are found anew. Held-out images have no
part in any of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Note
from algocli.encoding.fields import Fields
from algocli.encoding.regressions.field_model import FieldModel
from algocli.encoding.regressions.field_search import Search
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
from algocli.encoding.regressions.ridge import fit_ridge
from algocli.encoding.regressions.view import View
from algocli.encoding.regressions.weighting import Blend, FoldPredictions, blend_bytes, learn_weights
from algocli.encoding.regressions.windowed import Windowed, maps_of, parts_of
from algocli.encoding.splits import MOST_INNER_FOLDS
from algocli.features.algebra import ON_CPU, Algebra
from algocli.features.maps import layout_of


@dataclass(frozen=True)
class FieldBlend:
    """Models of receptive fields, each of the layers `parts` says, a ridge model or none, and how they are weighted."""

    models: Sequence[FieldModel]
    parts: Sequence[slice]
    ridge: LinearModel | None
    blend: Blend

    @property
    def intercept(self) -> NDArray[np.float32]:
        """What the first model adds, (n_vertices,): not finite where a response is not."""
        return self.models[0].intercept

    @property
    def chosen(self) -> NDArray[np.int16]:
        """Each model's penalty of each vertex, (n_models, n_vertices), as positions in the grid."""
        every: list[Any] = [*self.models, *([] if self.ridge is None else [self.ridge])]
        return np.stack([model.chosen for model in every])

    def predict(self, scores: Sequence[Any], algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
        """Predict responses, (n_stimuli, n_vertices), from features of the layers and what scores the others have."""
        return self.blend.predict(_predict(self.models, self.parts, self.ridge, scores, algebra))


def _predict(
    models: Sequence[FieldModel],
    parts: Sequence[slice],
    ridge: LinearModel | None,
    scores: Sequence[Any],
    algebra: Algebra,
) -> Iterator[NDArray[np.float32]]:
    """Yield what each model predicts, (n_stimuli, n_vertices)."""
    for model, part in zip(models, parts, strict=True):
        yield model.predict(scores[part], algebra)
    if ridge is not None:
        yield ridge.predict(scores[-1], algebra)


class BlendedFields(Windowed):
    """Receptive fields of some layers, together or each by itself, blended with ridge on the others, if there are."""

    arrays = (
        penalties("each vertex's penalty in each model, relative to the mean variance of a dimension", "n_models"),
        RunArray(
            "field",
            ("n_fits", "n_layers, where each has its own", "4", "n_vertices"),
            "each vertex's window, as fields have it; where layers have their own, each layer's",
            lambda model, settings: _of_layers([part.fields for part in model.models], settings),
        ),
        RunArray(
            "field_peak",
            ("n_fits", "n_layers, where each has its own", "3", "n_vertices"),
            "where between windows each vertex's error would be least, as fields have it; where layers have their own, "
            "each layer's",
            lambda model, settings: _of_layers([part.peaks for part in model.models], settings),
        ),
        RunArray(
            "blend",
            ("n_fits", "n_models", "n_vertices"),
            "how each vertex weighs the models: of each window, and of ridge; none is negative",
            lambda model, _: model.blend.weights.astype(np.float32),
        ),
        RunArray(
            "field_weights",
            ("n_fits", "n_channels + n_models", "n_vertices"),
            "weights of the channels within each vertex's window, and the intercept below them, model after model",
            lambda model, _: np.vstack([part.coefficients for part in model.models]),
            for_new_images=True,
        ),
        RunArray(
            "ridge_weights",
            ("n_fits", "n_components + 1", "n_vertices"),
            "weights of the components of the layers without windows, and the intercept below them",
            lambda model, _: None if model.ridge is None else np.vstack([model.ridge.weights, model.ridge.intercept]),
            for_new_images=True,
        ),
        RunArray(
            "blend_intercept",
            ("n_fits", "n_vertices"),
            "what a blend adds to its models",
            lambda model, _: model.blend.intercept,
            for_new_images=True,
        ),
    )

    def n_inner_folds(self, settings: Fields) -> int:
        """Return how many inner folds there are at the most."""
        return MOST_INNER_FOLDS

    def make_inner_folds(
        self, settings: Fields, n_train: int, grams: Sequence[Any], fit: NDArray[np.int64], algebra: Algebra
    ) -> list[InnerFold]:
        """Leave out one part of the fitted images after the other, and fit components on the rest."""
        return leave_out(settings, n_train, grams, fit, algebra)

    def n_bytes(self, settings: Fields, held: Held) -> int:
        """Count the loadings of components, and every model's predictions of some rows, beside what fields take."""
        n_models = len(parts_of(settings)) + self.takes_components(settings)
        return super().n_bytes(settings, held) + held.loadings + blend_bytes(n_models, held.n_vertices)

    def fit(
        self, settings: Fields, views: Sequence[View], responses: NDArray[np.floating], note: Note
    ) -> Iterator[Model]:
        """Yield a model for each view; the windows of all of them, inner folds included, are searched together."""
        algebra, parts = views[0].algebra, parts_of(settings)
        fits = [rows for view in views for rows in _fitted(view)]
        # Inner folds are there to be predicted.
        told = np.cumsum([0, *(1 + len(view.inner) for view in views)])[:-1].tolist()
        searches = [
            Search(maps_of(settings, views[0], part), fits, responses, settings.relative_alphas, algebra, note, told)
            for part in parts
        ]
        # One model a part, for each fit.
        models = list(zip(*(search.run() for search in searches), strict=True))
        for view in views:
            of_view, models = models[: 1 + len(view.inner)], models[1 + len(view.inner) :]
            blend = learn_weights(
                len(parts) + self.takes_components(settings),
                self._inner_predictions(settings, view, of_view[1:], responses),
                responses,
            )
            yield FieldBlend(of_view[0], parts, self._ridge(settings, view.components, responses, algebra), blend)

    def _inner_predictions(
        self, settings: Fields, view: View, models: Sequence[Sequence[FieldModel]], responses: NDArray[np.floating]
    ) -> Iterator[FoldPredictions]:
        parts, algebra = parts_of(settings), view.algebra
        for fold, of_fold in zip(view.inner, models, strict=True):
            ridge = self._ridge(settings, fold.components, responses, algebra)

            def predict(
                rows: slice,
                fold: InnerFold = fold,
                of_fold: Sequence[FieldModel] = of_fold,
                ridge: LinearModel | None = ridge,
            ) -> list[NDArray[np.float32]]:
                return list(_predict(of_fold, parts, ridge, [scores[rows] for scores in fold.scores], algebra))

            yield fold.rows, of_fold[0].intercept, predict

    def _ridge(
        self, settings: Fields, components: Sequence[Any], responses: NDArray[np.floating], algebra: Algebra
    ) -> LinearModel | None:
        """Fit ridge regression on what the layers without windows have, if there are any."""
        if not self.takes_components(settings):
            return None
        [model] = fit_ridge(components[-1:], responses, settings.relative_alphas, algebra)
        return model

    def recall(
        self, settings: Fields, arrays: Callable[[str], NDArray[Any] | None], number: int, view: View
    ) -> FieldBlend | None:
        """Return a model that the run has kept."""
        weights, fields, blend, intercept = map(arrays, ("field_weights", "field", "blend", "blend_intercept"))
        if weights is None or fields is None or blend is None or intercept is None or settings.image_width is None:
            return None
        # Of all fits, the last are those that predict the test images.
        fit, parts, models = len(fields) - len(weights) + number, parts_of(settings), []
        of_fit, rows = fields[fit] if settings.field_per_layer else fields[fit][None], np.asarray(weights[number])
        for part, of_part in zip(parts, of_fit, strict=True):
            layouts = [layout_of(layer.features.store) for layer in view.components[part]]
            n_rows = sum(layout.n_channels for layout in layouts) + 1
            models.append(FieldModel.kept(layouts, settings.image_width, of_part, rows[:n_rows]))
            rows = rows[n_rows:]
        ridge = self._recall_ridge(settings, arrays("ridge_weights"), number, view)
        if ridge is None and self.takes_components(settings):
            return None
        weighed = Blend(np.asarray(blend[fit], np.float64), np.asarray(intercept[number], np.float64))
        return FieldBlend(models, parts, ridge, weighed)

    def _recall_ridge(
        self, settings: Fields, weights: NDArray[Any] | None, number: int, view: View
    ) -> LinearModel | None:
        if weights is None or not self.takes_components(settings):
            return None
        return LinearModel(np.array(weights[number, :-1]), np.array(weights[number, -1]))


class FieldsPerLayer(BlendedFields):
    """A window of its own for each layer, and a weight."""

    title = "receptive fields, each layer's own"
    joining = "a window of its own for each, weighted per vertex"
    per_layer = PerLayer.within("blend of receptive fields", "blend", "weight", "each layer's model")

    def tell(self, model: FieldBlend, settings: Fields) -> Iterator[str]:
        """Say which layers weigh most, and how many vertices have a penalty from the edges of the grid."""
        yield tell_layers(model.blend.weights.astype(np.float32), "weight", settings.features)
        yield tell_edges(model.chosen, settings)


class FieldsBesideRidge(BlendedFields):
    """Windows on the first layers, and ridge regression on the others."""

    title = "receptive fields beside ridge"
    joining = "windows on the first, blended per vertex with ridge on the others, their features side by side"

    def tell(self, model: FieldBlend, settings: Fields) -> Iterator[str]:
        """Say at how many vertices windows weigh more than ridge does, and at the edges of the penalties."""
        *fields, ridge = model.blend.weights
        yield f"at {(np.sum(fields, axis=0) > ridge).mean():.0%} of the vertices receptive fields weigh more than ridge"
        yield tell_edges(model.chosen, settings)


def _of_layers(each: Sequence[NDArray[Any]], settings: Fields) -> NDArray[Any]:
    return np.stack(each) if settings.field_per_layer else each[0]


def _fitted(view: View) -> list[NDArray[np.int64]]:
    """Return the rows that a view is fitted on, and those of each of its inner folds."""
    return [view.components[0].fit, *(fold.components[0].fit for fold in view.inner)]


PER_LAYER, BESIDE_RIDGE = FieldsPerLayer(), FieldsBesideRidge()
