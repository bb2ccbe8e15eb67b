"""Receptive fields: for every vertex one Gaussian window over the rows and columns of layers, and ridge within it.

Early visual cortex sees a spot of the image; a regression on a whole layer has to find that out from the data, and a
window says it outright. Each channel is summed up within the window and divided by its spread over the fitted images;
of several layers the channels stand side by side. Window and penalty have the least error by generalised
cross-validation of all pairs that are tried (`field_search`). They are a retinotopic map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Note
from algocli.encoding.fields import Fields
from algocli.encoding.regressions.field_blend import BESIDE_RIDGE, PER_LAYER
from algocli.encoding.regressions.field_model import FieldModel
from algocli.encoding.regressions.field_search import Search
from algocli.encoding.regressions.models import Model, RunArray, penalties, tell_edges
from algocli.encoding.regressions.regression import Regression
from algocli.encoding.regressions.view import View
from algocli.encoding.regressions.windowed import Windowed, maps_of
from algocli.features.maps import layout_of

_EVERY = slice(None)


class ReceptiveFields(Windowed):
    """A window on the image and a penalty for every vertex, of all layers together."""

    joining = "channels within one window, side by side"
    arrays = (
        penalties("each vertex's penalty, relative to the mean variance of a dimension"),
        RunArray(
            "field",
            ("n_fits", "4", "n_vertices"),
            "each vertex's window: x (right) and y (up) of its centre and its standard deviation, in degrees from the "
            "middle of the image, infinite for the whole image; and the margin, by how much of it its error is below "
            "that of the whole image",
            lambda model, _: model.fields,
        ),
        RunArray(
            "field_peak",
            ("n_fits", "3", "n_vertices"),
            "where between the windows that were tried each vertex's error would be least: x, y and standard "
            "deviation, as its window has them",
            lambda model, _: model.peaks,
        ),
        RunArray(
            "field_weights",
            ("n_fits", "n_channels + 1", "n_vertices"),
            "weights of the channels within each vertex's window, and the intercept below them",
            lambda model, _: model.coefficients,
            for_new_images=True,
        ),
    )

    def suited(self, settings: Fields) -> Regression:
        """Return a blend where windows are on some layers alone, or each layer has its own."""
        if settings.field_layers is not None:
            return BESIDE_RIDGE
        return PER_LAYER if settings.field_per_layer else self

    def fit(
        self, settings: Fields, views: Sequence[View], responses: NDArray[np.floating], note: Note
    ) -> Iterator[Model]:
        """Yield a model for each view; what they have in common is computed once."""
        maps = maps_of(settings, views[0], _EVERY)
        fits = [view.components[0].fit for view in views]
        yield from Search(maps, fits, responses, settings.relative_alphas, views[0].algebra, note).run()

    def tell(self, model: FieldModel, settings: Fields) -> Iterator[str]:
        """Say how many vertices look at a part of the image, and at the edges of the penalties."""
        yield f"{(model.windows > 0).mean():.0%} of the vertices look at a part of the image, the others at all of it"
        yield tell_edges(model.chosen, settings)

    def recall(
        self, settings: Fields, arrays: Callable[[str], NDArray[Any] | None], number: int, view: View
    ) -> FieldModel | None:
        """Return a model that the run has kept."""
        weights, fields = arrays("field_weights"), arrays("field")
        if weights is None or fields is None or settings.image_width is None:
            return None
        # Of all fits, the last are those that predict the test images.
        of_fit = fields[len(fields) - len(weights) + number]
        layouts = [layout_of(layer.features.store) for layer in view.components]
        return FieldModel.kept(layouts, settings.image_width, of_fit, weights[number])


REGRESSION = ReceptiveFields()
