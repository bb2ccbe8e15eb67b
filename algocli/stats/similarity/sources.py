"""Views of the same images, each read a block at a time: as distances, or as inner products of features.

What is asked of a view is a matrix of images by images: of some images all of it, of many a strip of rows, from the
diagonal on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from algocli.stats.similarity.distances import Distance, Moments, Placed, place, to_distances

Rows = NDArray[np.int64]


class View(Protocol):
    """What some images are to a layer, to a ROI or to whoever has measured their distances."""

    @property
    def n_images(self) -> int:
        """Of how many images."""
        ...

    def among(self, images: Rows, distance: Distance | None) -> NDArray[np.float64]:
        """Return distances between some images, (n_some, n_some), or inner products where none is named."""
        ...

    def strips(
        self, rows: Sequence[slice], distance: Distance | None, into: Sequence[NDArray[np.float32]] | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield for each block of rows those from its first image on, (n_rows, n_images - first).

        Parameters
        ----------
        into
            Arrays of these sizes, to be overwritten: what has to make all strips at once then needs no more memory.
        """
        ...


@dataclass(frozen=True)
class Given:
    """Distances that someone else has measured, (n_images, n_images), whichever they are."""

    matrix: NDArray[np.floating]

    @property
    def n_images(self) -> int:
        """Of how many images."""
        return len(self.matrix)

    def among(self, images: Rows, distance: Distance | None) -> NDArray[np.float64]:
        """Return the distances between some images; there are no inner products."""
        return self.matrix[np.ix_(images, images)].astype(np.float64)

    def strips(
        self, rows: Sequence[slice], distance: Distance | None, into: Sequence[NDArray[np.float32]] | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the distances of each block of rows from its first image on."""
        for block in rows:
            yield self.matrix[block, block.start :].astype(np.float32)


@dataclass(frozen=True)
class Products:
    """Inner products of features less a mean that all images share.

    Attributes
    ----------
    read
        Returns the products of some images, rows by columns.
    diagonal : (n_images,)
        Those of each image with itself.
    moments
        What 'correlation' and 'cosine' need beside; they are asked for then alone.
    """

    read: Callable[[Rows, Rows], NDArray[np.floating]]
    diagonal: NDArray[np.floating]
    moments: Callable[[], Moments]

    @property
    def n_images(self) -> int:
        """Of how many images."""
        return len(self.diagonal)

    def among(self, images: Rows, distance: Distance | None) -> NDArray[np.float64]:
        """Return distances between some images, or inner products."""
        products = self.read(images, images).astype(np.float64)
        if distance is None:
            return products
        moments = None if distance == "euclidean" else self.moments().at(images)
        whole = slice(0, len(images))
        result = to_distances(products, place(self.diagonal[images], moments, distance), whole, whole)
        np.fill_diagonal(result, 0)
        return result.astype(np.float64)

    def strips(
        self, rows: Sequence[slice], distance: Distance | None, into: Sequence[NDArray[np.float32]] | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield distances, or inner products, of each block of rows from its first image on."""
        placed = None if distance is None else self._placed(distance)
        for block in rows:
            products = self.read(np.arange(block.start, block.stop), np.arange(block.start, self.n_images))
            yield to_strip(products, placed, block)

    def _placed(self, distance: Distance) -> Placed:
        return place(self.diagonal, None if distance == "euclidean" else self.moments(), distance)


def to_strip(products: NDArray[np.floating], placed: Placed | None, block: slice) -> NDArray[np.float32]:
    """Turn the products of a block of rows with all from its first image on into distances, if any are named."""
    if placed is not None:
        products = to_distances(products, placed, block, slice(block.start, None))
    return products.astype(np.float32, copy=False)
