"""Images that two views see in common, to a degree, and each in its own way; and views of arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.stats.similarity.distances import Moments
from algocli.stats.similarity.patterns import Patterns
from algocli.stats.similarity.sources import Products

_MIXING = np.random.default_rng(99)
_FIRST, _SECOND = _MIXING.standard_normal((14, 30)), _MIXING.standard_normal((14, 40))


def draw(
    n_images: int, rng: np.random.Generator, shared: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw images and return what two views have of them: (n_images, 30) and (n_images, 40), heavy-tailed."""
    common = shared * rng.standard_normal((n_images, 6)) * np.exp(0.4 * rng.standard_normal((n_images, 1)))
    mine = rng.standard_normal((2, n_images, 8))
    first = np.tanh(np.hstack([common, mine[0]])) @ _FIRST + 0.3 * rng.standard_normal((n_images, 30))
    return first, np.hstack([common, mine[1]]) @ _SECOND + 0.5 * rng.standard_normal((n_images, 40))


def as_layer(features: NDArray[np.float64]) -> Products:
    """Return features as a store has them: products about some images' mean, and moments."""
    about = features - features[:5].mean(axis=0)
    products = about @ about.T
    moments = Moments(features.sum(axis=1), np.square(features).sum(axis=1), features.shape[1])
    return Products(lambda rows, columns: products[np.ix_(rows, columns)], np.diagonal(products), lambda: moments)


def as_roi(responses: NDArray[np.float64]) -> Patterns:
    """Return responses as a subject has them."""
    return rois(responses, [np.arange(responses.shape[1])])[0]


def rois(responses: NDArray[np.float64], all_vertices: Sequence[NDArray[np.int64]]) -> list[Patterns]:
    """Return ROIs of a subject with these responses, which may share vertices."""

    def read(images: NDArray[np.int64] | None, vertices: NDArray[np.int64]) -> NDArray[np.float64]:
        return (responses if images is None else responses[images])[:, vertices]

    return [Patterns(len(responses), vertices, read) for vertices in all_vertices]
