"""The model that receptive fields make: for every vertex a window on the image, and weights of the channels within."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.encoding.stored import FeatureRows
from algocli.encoding.windows import Windows
from algocli.features.algebra import ON_CPU, Algebra
from algocli.features.maps import Layout, as_float32

# Images that are predicted at once: with AlexNet's maps and 600 windows, 150 MB.
_ROWS = 256


@dataclass(frozen=True)
class FieldModel:
    """One fit's choice and weights, for all vertices of a hemisphere.

    Attributes
    ----------
    layouts, width
        Of the maps that it is fitted on, and how wide an image is, in degrees.
    windows : (n_vertices,) int32
        Which of `choices` each vertex has.
    weights : (n_vertices, n_channels) float32
        Of the channels within that window, all layers' side by side.
    intercept : (n_vertices,) float32
    chosen : (n_vertices,) int16
        The position of each vertex's penalty in the grid.
    errors, whole : (n_vertices,) float64
        What generalised cross-validation says of the chosen pair, and of the best penalty for the whole image.
    peaks : (3, n_vertices) float32
        x, y and standard deviation where the error would be least, between the windows that were tried; NaN of a model
        that nobody has asked it of.
    """

    choices: Windows
    layouts: Sequence[Layout]
    width: float
    windows: NDArray[np.int32]
    weights: NDArray[np.float32]
    intercept: NDArray[np.float32]
    chosen: NDArray[np.int16]
    errors: NDArray[np.float64]
    whole: NDArray[np.float64]
    peaks: NDArray[np.float32]

    @classmethod
    def empty(
        cls, choices: Windows, layouts: Sequence[Layout], width: float, means: NDArray[np.float64], n_alphas: int
    ) -> FieldModel:
        """Return one that predicts the mean response, (n_vertices,), and is yet to find anything better."""
        n_vertices = len(means)
        n_channels = sum(layout.n_channels for layout in layouts)
        return cls(
            choices,
            layouts,
            width,
            np.zeros(n_vertices, np.int32),
            np.zeros((n_vertices, n_channels), np.float32),
            means.astype(np.float32),
            np.full(n_vertices, n_alphas - 1, np.int16),
            np.full(n_vertices, np.inf),
            np.full(n_vertices, np.nan),
            np.full((3, n_vertices), np.nan, np.float32),
        )

    @classmethod
    def kept(
        cls, layouts: Sequence[Layout], width: float, fields: NDArray[np.float32], weights: NDArray[np.float32]
    ) -> FieldModel:
        """Return one of what a run keeps of it: `fields`, and weights with the intercept below, as columns."""
        places, windows = np.unique(fields[:3], axis=1, return_inverse=True)
        choices = Windows(places.T.astype(np.float64), np.zeros(places.shape[1]), places.shape[1])
        model = cls.empty(choices, layouts, width, np.array(weights[-1], np.float64), 1)
        model.windows[:] = windows.ravel()
        model.weights[:] = weights[:-1].T
        return model

    @property
    def coefficients(self) -> NDArray[np.float32]:
        """The weights with the intercept below them, (n_channels + 1, n_vertices)."""
        return np.vstack([self.weights.T, self.intercept])

    @property
    def fields(self) -> NDArray[np.float32]:
        """Where each vertex looks, (4, n_vertices): x, y and standard deviation in degrees, and the margin.

        The margin is by how much of it the error falls below that of the whole image: 0 where that is the window, and
        NaN where there is no response.
        """
        x, y, size = self.choices.places[self.windows].T
        with np.errstate(invalid="ignore", divide="ignore"):
            margin = np.where(self.windows == 0, 0.0, 1 - self.errors / self.whole)
        # A vertex that never responds errs by nothing anywhere.
        margin[~(self.whole > 0)] = np.nan
        return np.stack([x, y, size, margin]).astype(np.float32)

    def predict(self, maps: Sequence[FeatureRows | NDArray[Any]], algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
        """Predict responses, (n_stimuli, n_vertices), from the features of each layer, (n_stimuli, n_features)."""
        used, which = np.unique(self.windows, return_inverse=True)
        grids = grids_of(self.choices.taken(used.astype(np.int64)), self.layouts, self.width)
        order = np.argsort(which, kind="stable")
        looking = np.split(order, np.cumsum(np.bincount(which))[:-1])
        predicted = np.empty((len(maps[0]), len(self.windows)), np.float32)
        for rows in blocks(len(maps[0]), _ROWS):
            triples = zip(self.layouts, maps, grids, strict=True)
            pooled = np.concatenate([layout.pool(as_float32(of[rows]), grid) for layout, of, grid in triples], axis=1)
            for number, vertices in enumerate(looking):
                predicted[rows, vertices] = algebra.multiply(pooled[number].T, self.weights[vertices].T)
        predicted += self.intercept
        return predicted


def grids_of(windows: Windows, layouts: Sequence[Layout], width: float) -> list[NDArray[np.float32]]:
    """Return how much each cell of each layer's map counts in each window, (n_windows, n_cells) each."""
    return [windows.on_grid(layout.n_rows, layout.n_columns, layout.seen * width) for layout in layouts]
