"""What fitting makes: a model, and arrays that it leaves in a run; what is said of them, and what it all takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.fields import Fields
from algocli.features.algebra import ON_CPU, Algebra

# A larger share of vertices than this at the smallest penalty is worth a word: a smaller one might serve them better.
EDGE_SHARE = 0.01


class Model(Protocol):
    """What fitting makes, for all vertices of a hemisphere; its regression knows how it predicts."""

    @property
    def intercept(self) -> NDArray[np.float32]:
        """(n_vertices,): what the mean response tells; not finite where a response is not."""
        ...


@dataclass(frozen=True)
class LinearModel:
    """Coefficients of one fold: predictions are scores @ weights + intercept.

    Attributes
    ----------
    weights : (n_components, n_vertices) float32
    intercept : (n_vertices,) float32
    """

    weights: NDArray[np.float32]
    intercept: NDArray[np.float32]

    def predict(self, scores: NDArray[np.float32], algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
        """Predict responses, (n_stimuli, n_vertices), from scores, (n_stimuli, n_components)."""
        predicted = algebra.multiply(scores, self.weights)
        predicted += self.intercept
        return predicted


@dataclass(frozen=True)
class RunArray:
    """An array that a regression leaves in a run, one a hemisphere, named as in 'left_alpha'.

    Attributes
    ----------
    axes
        The first is that of the fits: the folds in order and then the refit.
    take
        Returns one fit's part of the array from its model and the settings; None where this model has none.
    for_new_images
        Whether it is of those fits alone that predict the test images, and serves `predict` alone.
    """

    name: str
    axes: tuple[str, ...]
    says: str
    take: Callable[[Any, Fields], NDArray[Any] | None]
    for_new_images: bool = False


@dataclass(frozen=True, kw_only=True)
class LayerWords:
    """How what speaks for a layer at a vertex is spoken of.

    Attributes
    ----------
    summary, explained
        The number that stands for several vertices, in a word and in a clause.
    chosen_by
        What a layer is chosen by.
    nothing
        What a vertex has where no layer helps.
    """

    summary: str
    explained: str
    chosen_by: str
    nothing: str


@dataclass(frozen=True, kw_only=True)
class PerLayer(LayerWords):
    """What a regression finds for each layer at each vertex.

    Attributes
    ----------
    array
        The name of the array of a run, (n_fits, n_layers, n_vertices), that holds it.
    value, model
        What a layer has, and what such a run is, as in 'weight' and 'a blend'.
    """

    array: str
    value: str
    model: str

    @classmethod
    def within(cls, kind: str, array: str, value: str, of: str) -> PerLayer:
        """Speak of a value `of` each layer that a model of some kind, as 'blend', leaves in an array."""
        return cls(
            array=array,
            value=value,
            model=f"a {kind}",
            summary=f"mean {value} in the {kind}",
            explained=f"Mean {value} of {of} in the {kind}, over the vertices of a ROI",
            chosen_by=f"{value} in the {kind}",
            nothing=f"only {value}s of 0",
        )


def tell_layers(weights: NDArray[np.float32], what: str, features: Sequence[str]) -> str:
    """Say for how many vertices each layer has the largest weight, or share; weights are (n_layers, n_vertices)."""
    heaviest = np.where(weights.any(axis=0), weights.argmax(axis=0), -1)
    shares = [f"{name} {(heaviest == number).mean():.0%}" for number, name in enumerate(features)]
    return f"vertices by the layer of largest {what}: {', '.join(shares)}"


def tell_edges(chosen: NDArray[np.int16], settings: Fields) -> str:
    """Say how many vertices have the smallest or the largest penalty that there was, and what to do about it."""
    low, high, n = settings.alphas
    lowest, highest = float((chosen == 0).mean()), float((chosen == n - 1).mean())
    remedy = f": alphas=({low / 100:g}, {high:g}, {n + 6}) reaches further down" if lowest > EDGE_SHARE else ""
    return (
        f"{lowest:.1%} of the vertices have the smallest penalty{remedy}; {highest:.1%} have the largest, "
        "which suits those that nothing predicts"
    )


def penalties(says: str, *axes: str) -> RunArray:
    """Describe the penalties that models have chosen, by their positions in the grid."""
    axes = ("n_fits", *axes, "n_vertices")
    return RunArray(
        "alpha", axes, says, lambda model, settings: settings.relative_alphas[model.chosen].astype(np.float32)
    )


@dataclass(frozen=True)
class Work:
    """How much there is to fit: of so many images and vertices, those of all sides, so many fits.

    `rate` is how many multiplications and additions this machine does in a second.
    """

    n_fit: int
    n_vertices: int
    n_fits: int
    rate: float


@dataclass(frozen=True)
class Held:
    """What the fitting of a hemisphere holds, in bytes, of a subject of this size.

    Attributes
    ----------
    n_layers, n_components
        How many have components of their own, and how many columns the fits made together have.
    loadings
        The products of components and responses, while they are made.
    n_fits
        How many are made together.
    n_columns
        Those that a fit has beside components.
    """

    n_fit: int
    n_vertices: int
    n_layers: int
    n_components: int
    responses: int
    coefficients: int
    loadings: int
    predictions: int
    n_fits: int = 1
    n_columns: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.responses + self.coefficients + self.loadings + self.predictions
