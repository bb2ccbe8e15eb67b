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
from algocli.encoding.regressions.field_model import FieldModel, grids_of
from algocli.encoding.regressions.field_search import AXES_BYTES, POOLED_BYTES, VERTICES, Maps, Search
from algocli.encoding.regressions.models import Held, Model, RunArray, penalties, tell_edges
from algocli.encoding.regressions.regression import Regression, View
from algocli.encoding.stored import StoredFeatures
from algocli.encoding.windows import Windows, distinct, name_of_set, windows_of
from algocli.errors import UsageError
from algocli.features.maps import layout_of
from algocli.features.store.shards import FeatureStore

# What shards take while they are read and widened, three at a time.
_READING_BYTES = 3 * 10**8


class ReceptiveFields(Regression):
    """A window on the image and a penalty for every vertex."""

    name = "fields"
    help = "a receptive field on layers' maps and a penalty, for every vertex"
    title = "receptive fields"
    joining = "channels within one window, side by side"
    keeps_layers_apart = True
    has_penalties = True
    reads_features = True
    # Beside being predicted and fitted on, an image has a part in where a vertex looks: as cautious as of a blend.
    n_roles = 4
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
            "field_weights",
            ("n_fits", "n_channels + 1", "n_vertices"),
            "weights of the channels within each vertex's window, and the intercept below them",
            lambda model, _: np.vstack([model.weights.T, model.intercept]),
            for_new_images=True,
        ),
    )

    def check(self, settings: Fields) -> None:
        """Refuse components, scales and penalties by folds, of which it has none."""
        if settings.n_components is not None:
            raise UsageError(
                f"n_components={settings.n_components}: receptive fields take no components, but channels",
                hint="leave it out",
            )
        if settings.alpha_by != "gcv":
            raise UsageError(
                "receptive fields and their penalties are chosen by generalised cross-validation: inner folds would "
                "take hours",
                hint="leave out alpha_by='kfold'",
            )
        if settings.join != "features" or not settings.scaled or settings.standardised:
            raise UsageError(
                "receptive fields put channels side by side, each divided by its spread: join, scaled and standardised "
                "have no say",
                hint="leave them out",
            )
        super().check(settings)
        if settings.image_width is not None:
            _windows(settings)

    def words(self, settings: Fields) -> str:
        """Return its part of a run's name: the windows, and how wide an image is."""
        width = "" if settings.image_width is None else f"-{settings.image_width:g}deg"
        return super().words(settings).replace(self.name, f"{self.name}-{name_of_set(settings.windows)}{width}", 1)

    def facts(self, settings: Fields) -> dict[str, str]:
        """Return windows and penalties."""
        if settings.image_width is None:
            return super().facts(settings)
        windows = _windows(settings)
        which = settings.windows if isinstance(settings.windows, str) else "given"
        tried = "" if windows.n_first == len(windows) else f"; {windows.n_first} at every vertex, others near the best"
        return {
            "Windows": f"{which}: {len(windows)}, of an image {settings.image_width:g} degrees wide{tried}",
            **super().facts(settings),
        }

    def look_at(self, settings: Fields, stores: Sequence[FeatureStore]) -> str:
        """Refuse layers without rows and columns, and images whose width nobody has told; count the windows."""
        if settings.image_width is None:
            raise UsageError(
                "how wide the images were seen is not known, and windows are in degrees of visual angle",
                hint="image_width=8.4, for images 8.4 degrees wide",
            )
        windows = _windows(settings)
        layouts = [layout_of(store) for store in stores]
        left = len(distinct(grids_of(windows, layouts, settings.image_width)))
        grids = " and ".join(dict.fromkeys(f"{layout.n_rows} x {layout.n_columns}" for layout in layouts))
        told = f"{left} windows on maps of {grids}"
        return (
            told if left == len(windows) else f"{told}: on so coarse a grid {len(windows) - left} others are the same"
        )

    def n_columns(self, stores: Sequence[FeatureStore]) -> int:
        """Count the channels of all layers."""
        return sum(layout_of(store).n_channels for store in stores)

    def n_bytes(self, settings: Fields, held: Held) -> int:
        """Count what is read in one pass, the axes of its windows, and a block of responses with its products."""
        n_channels, n_windows = held.n_components // held.n_fits, len(_windows(settings))
        pooled = min(POOLED_BYTES, 4 * n_channels * held.n_fit * n_windows)
        axes = 2 * min(AXES_BYTES, 12 * n_channels**2 * held.n_fits * n_windows)
        block = 4 * VERTICES * (3 * held.n_fit + 6 * held.n_components)
        # Which windows each vertex asks for, and what is the best so far.
        asked = held.n_fits * held.n_vertices * (n_windows + 32)
        return held.responses + held.coefficients + held.predictions + pooled + axes + block + asked + _READING_BYTES

    def fit(
        self, settings: Fields, views: Sequence[View], responses: NDArray[np.floating], note: Note
    ) -> Iterator[Model]:
        """Yield a model for each view; what they have in common is computed once."""
        maps = _maps(settings, views[0])
        fits = [view.components[0].fit for view in views]
        yield from Search(maps, fits, responses, settings.relative_alphas, views[0].algebra, note).run()

    def tell(self, model: FieldModel, settings: Fields) -> Iterator[str]:
        """Say how many vertices look at a part of the image, and at the edges of the penalties."""
        yield f"{(model.windows > 0).mean():.0%} of the vertices look at a part of the image, the others at all of it"
        yield tell_edges(model.chosen, settings)

    def as_linear(self, model: Any) -> None:
        """Return None: as weights of features it would outgrow these."""

    def recall(
        self, settings: Fields, arrays: Callable[[str], NDArray[Any] | None], number: int, view: View
    ) -> FieldModel | None:
        """Return a model that the run has kept."""
        weights, fields = arrays("field_weights"), arrays("field")
        if weights is None or fields is None or settings.image_width is None:
            return None
        # Of all fits, the last are those that predict the test images.
        of_fit = fields[len(fields) - len(weights) + number]
        layouts = [layout_of(layer.store) for layer in _layers(view)]
        return FieldModel.kept(layouts, settings.image_width, of_fit, weights[number])


def _windows(settings: Fields) -> Windows:
    assert settings.image_width is not None, "images have a width by now"
    return windows_of(settings.windows, settings.image_width)


def _layers(view: View) -> list[StoredFeatures]:
    return [layer.features for layer in view.components]


def _maps(settings: Fields, view: View) -> Maps:
    assert settings.image_width is not None, "images have a width by now"
    windows, layers = _windows(settings), _layers(view)
    layouts = [layout_of(layer.store) for layer in layers]
    kept = distinct(grids_of(windows, layouts, settings.image_width))
    return Maps(layers, layouts, windows.taken(kept), settings.image_width)


REGRESSION = ReceptiveFields()
