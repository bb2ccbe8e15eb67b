"""What regressions on receptive fields have in common: which windows they try on which layers, and what they refuse.

The layers that are seen through windows come first; whatever is not is joined as ridge regression joins it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from algocli.compute.cores import n_cores
from algocli.compute.durations import multiplications_per_second, told_time
from algocli.encoding.fields import Fields
from algocli.encoding.names import number_name
from algocli.encoding.regressions.field_model import grids_of
from algocli.encoding.regressions.field_pace import search_seconds
from algocli.encoding.regressions.field_peak import n_tried
from algocli.encoding.regressions.field_search import AXES_BYTES, POOLED_BYTES, VERTICES, Maps
from algocli.encoding.regressions.models import Held, Work
from algocli.encoding.regressions.regression import Regression
from algocli.encoding.regressions.view import View
from algocli.encoding.windows import Windows, distinct, name_of_set, windows_of
from algocli.errors import UsageError
from algocli.features.maps import Layout, layout_of
from algocli.features.store.shards import FeatureStore

# What shards take while they are read, widened and summed up, measured.
_READING_BYTES = 7 * 10**8


class Windowed(Regression):
    """A window on the image and a penalty for every vertex, of all layers together or in parts."""

    name = "fields"
    help = "a receptive field on layers' maps and a penalty, for every vertex"
    title = "receptive fields"
    keeps_layers_apart = True
    has_penalties = True
    reads_features = True
    # Beside being predicted and fitted on, an image has a part in where a vertex looks: as cautious as of a blend.
    n_roles = 4

    def n_read(self, settings: Fields) -> int:
        """Return how many layers windows are on: all, unless fewer are told."""
        return settings.field_layers or len(settings.features)

    def check(self, settings: Fields) -> None:
        """Refuse components, scales and penalties by folds, of which fields have none, and parts that are none."""
        if settings.n_components is not None and not self.takes_components(settings):
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
        _check_parts(settings, self.n_read(settings))
        super().check(settings)
        if settings.image_width is not None:
            windows_in(settings)

    def words(self, settings: Fields) -> str:
        """Return its part of a run's name: the windows, how wide an image is, and on which layers windows are."""
        words = f"{self.name}-{name_of_set(settings.windows)}"
        if settings.image_width is not None:
            words += f"-{number_name(settings.image_width)}deg"
        if settings.field_layers is not None:
            words += f"-first{settings.field_layers}"
        if settings.field_per_layer:
            words += "-perlayer"
        return super().words(settings).replace(self.name, words, 1)

    def facts(self, settings: Fields) -> dict[str, str]:
        """Return windows and penalties."""
        facts = super().facts(settings)
        if settings.field_layers is not None:
            facts = {"Layers with windows": ", ".join(settings.features[: settings.field_layers]), **facts}
        if settings.image_width is None:
            return facts
        windows = windows_in(settings)
        which = settings.windows if isinstance(settings.windows, str) else "given"
        tried = "" if windows.n_first == len(windows) else f"; {windows.n_first} at every vertex, others near the best"
        told = f"{which}: {len(windows)}, of an image {settings.image_width:g} degrees wide{tried}"
        return {"Windows": told, **facts}

    def look_at(self, settings: Fields, stores: Sequence[FeatureStore]) -> str:
        """Refuse layers without rows and columns, and images whose width nobody has told; count the windows."""
        windows, width = windows_in(settings), width_in(settings)
        layouts = [layout_of(store) for store in stores[: self.n_read(settings)]]
        told = [_count_windows(windows, width, layouts[part]) for part in parts_of(settings)]
        return "; ".join(dict.fromkeys(told))

    def n_columns(self, settings: Fields, stores: Sequence[FeatureStore]) -> int:
        """Count the channels of all layers that windows are on."""
        return sum(layout_of(store).n_channels for store in stores[: self.n_read(settings)])

    def n_bytes(self, settings: Fields, held: Held) -> int:
        """Count what is read in one pass, the axes of its windows, and each thread's responses with their products."""
        windows, n_channels = windows_in(settings), held.n_columns
        n_windows = len(windows)
        n_inner = held.n_fits * self.n_inner_folds(settings)
        n_models = held.n_fits + n_inner
        pooled = min(POOLED_BYTES, 4 * n_channels * held.n_fit * n_windows)
        axes = 2 * min(AXES_BYTES, 16 * n_channels**2 * n_models * n_windows)
        # In turn windows are prepared, in double precision, and vertices judged.
        n_blocks = -(-held.n_vertices // VERTICES)
        block = min(n_cores(), n_blocks) * 4 * VERTICES * (2 * held.n_fit + 6 * n_channels * n_models)
        window = min(n_cores(), n_windows) * 2 * 8 * n_channels * held.n_fit
        # Which windows each vertex asks for, what is the best so far, and the errors of those that were tried.
        asked = n_models * held.n_vertices * (n_windows + 32)
        asked += 4 * held.n_fits * held.n_vertices * n_tried(windows)
        kept = held.responses + held.coefficients + 4 * n_inner * n_channels * held.n_vertices + held.predictions
        return kept + pooled + axes + max(block, window) + asked + _READING_BYTES

    def seconds(self, settings: Fields, layers: Sequence[tuple[int, int]], work: Work) -> float:
        """Add up the searches of all parts, inner folds included."""
        windows, every = windows_in(settings), replace(work, n_fits=work.n_fits * (1 + self.n_inner_folds(settings)))
        sizes = np.array(layers[: self.n_read(settings)])
        summed = [sizes[part].sum(axis=0).tolist() for part in parts_of(settings)]
        return sum(search_seconds(windows, channels, n, settings.alphas.n, every) for channels, n in summed)

    def foretell(
        self, settings: Fields, stores: Sequence[FeatureStore], n_train: int, n_vertices: Sequence[int], device: str
    ) -> str:
        """Say how long the search for windows may take."""
        if device != "cpu":
            return ""
        layouts = [layout_of(store) for store in stores[: self.n_read(settings)]]
        layers = [(layout.n_channels, layout.n_channels * layout.n_cells) for layout in layouts]
        n_fits = (settings.folds or 1) + settings.refit
        seconds = self.seconds(settings, layers, Work(n_train, sum(n_vertices), n_fits, multiplications_per_second()))
        return f"a search among {len(windows_in(settings))} windows for every vertex, about {told_time(seconds)}"

    def as_linear(self, model: Any) -> None:
        """Return None: as weights of features it would outgrow these."""


def parts_of(settings: Fields) -> list[slice]:
    """Return which layers have a window together."""
    n_read = settings.field_layers or len(settings.features)
    return [slice(n, n + 1) for n in range(n_read)] if settings.field_per_layer else [slice(0, n_read)]


def _count_windows(windows: Windows, width: float, layouts: Sequence[Layout]) -> str:
    """Say how many windows some maps tell apart; refuse maps on which all are the whole image."""
    left = len(distinct(grids_of(windows, layouts, width)))
    grids = " and ".join(dict.fromkeys(f"{layout.n_rows} x {layout.n_columns}" for layout in layouts))
    if left < 2:
        raise UsageError(
            f"on maps of {grids} no window can be told from the whole image",
            hint="choose layers of more rows and columns, or pooled to more; or other windows=...",
        )
    told = f"{left} windows on maps of {grids}"
    return told if left == len(windows) else f"{told}: on so coarse a grid {len(windows) - left} others are the same"


def _check_parts(settings: Fields, n_read: int) -> None:
    """Refuse windows on more layers than there are, and layers apart where there is but one."""
    n_layers = len(settings.features)
    if settings.field_layers is not None and n_read >= n_layers:
        raise UsageError(
            f"field_layers={n_read}: windows are on the first layers, and of {n_layers} at least one is left for ridge",
            hint="name more layers, those that windows are to be on first; or leave it out",
        )
    if settings.field_per_layer and n_read < 2:
        raise UsageError(
            "field_per_layer=True: a window for each layer takes two layers or more with windows", hint="leave it out"
        )


def windows_in(settings: Fields) -> Windows:
    """Return the windows that settings name; errors are those of `width_in`."""
    return windows_of(settings.windows, width_in(settings))


def width_in(settings: Fields) -> float:
    """Return how wide an image is, in degrees.

    Raises
    ------
    UsageError
        If nobody has told.
    """
    if settings.image_width is None:
        raise UsageError(
            "how wide the images were seen is not known, and windows are in degrees of visual angle",
            hint="image_width=8.4, for images 8.4 degrees wide",
        )
    return settings.image_width


def maps_of(settings: Fields, view: View, layers: slice) -> Maps:
    """Return the maps of some layers of a view, and the windows that are told apart on them."""
    windows, width = windows_in(settings), width_in(settings)
    features = [layer.features for layer in view.components[layers]]
    layouts = [layout_of(layer.store) for layer in features]
    kept = distinct(grids_of(windows, layouts, width))
    return Maps(features, layouts, windows.taken(kept), width)
