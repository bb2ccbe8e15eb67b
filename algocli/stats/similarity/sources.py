"""Views of the same images, each read a block at a time: as distances, or as inner products of features or responses.

What is asked of a view is a matrix of images by images: of some images all of it, of many a strip of rows, from the
diagonal on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, length
from algocli.compute.cores import n_cores
from algocli.compute.threads import in_threads, one_ahead
from algocli.stats.similarity.distances import Distance, Moments, Placed, place, to_distances

Rows = NDArray[np.int64]
# Strips whose products are made at once: of a few dozen rows a product takes a quarter longer.
_TOGETHER = 4


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
            yield _strip(products, placed, block)

    def _placed(self, distance: Distance) -> Placed:
        return place(self.diagonal, None if distance == "euclidean" else self.moments(), distance)


@dataclass(frozen=True)
class Patterns:
    """Responses to images, (n_images, n_vertices), some vertices at a time.

    Attributes
    ----------
    n_images
        Of how many images.
    parts
        Yields the responses to all images, (n_images, n_some), in any precision; the parts together are all vertices.
    """

    n_images: int
    parts: Callable[[], Iterator[NDArray[np.floating]]]

    def among(self, images: Rows, distance: Distance | None) -> NDArray[np.float64]:
        """Return distances between some images, or inner products."""
        products, told = np.zeros((len(images), len(images))), _Told(len(images))
        for part in self.parts():
            some = told.add(part[images].astype(np.float64))
            products += some @ some.T
        whole = Products(lambda rows, columns: products[np.ix_(rows, columns)], told.diagonal, lambda: told.moments)
        return whole.among(np.arange(len(images)), distance)

    def strips(
        self, rows: Sequence[slice], distance: Distance | None, into: Sequence[NDArray[np.float32]] | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield distances, or inner products, of each block of rows from its first image on: all are made at once."""
        shapes = [(length(block), self.n_images - block.start) for block in rows]
        made = [np.empty(shape, np.float32) for shape in shapes] if into is None else list(into)
        for strip in made:
            strip[:] = 0
        told = _Told(self.n_images)
        single = (told.add(part.astype(np.float64)).astype(np.float32) for part in self.parts())
        for part in one_ahead(single):
            _add_products(made, part, rows)
        placed = None if distance is None else place(told.diagonal, told.moments, distance)
        for block in rows:
            # Let go one by one: whoever keeps them makes others of them.
            yield _strip(made.pop(0), placed, block)


def _add_products(made: Sequence[NDArray[np.float32]], part: NDArray[np.float32], rows: Sequence[slice]) -> None:
    """Add the products of some vertices' responses to strips, several of which are multiplied at once."""

    def add(places: slice) -> None:
        first, stop = rows[places][0].start, rows[places][-1].stop
        products = part[first:stop] @ part[first:].T
        for strip, block in zip(made[places], rows[places], strict=True):
            strip += products[block.start - first : block.stop - first, block.start - first :]

    for _ in in_threads(add, blocks(len(rows), _TOGETHER), n_threads=n_cores()):
        pass


class _Told:
    """What is summed up of responses, part by part: squares about vertices' means, and each image's own moments."""

    def __init__(self, n_images: int) -> None:
        self.diagonal = np.zeros(n_images)
        self.moments = Moments(np.zeros(n_images), np.zeros(n_images), 0)

    def add(self, part: NDArray[np.float64]) -> NDArray[np.float64]:
        """Count some vertices in and return them about their means."""
        sums, squares, n_features = self.moments
        self.moments = Moments(
            sums + part.sum(axis=1), squares + np.einsum("ij,ij->i", part, part), n_features + part.shape[1]
        )
        about_mean: NDArray[np.float64] = part - part.mean(axis=0)
        self.diagonal += np.einsum("ij,ij->i", about_mean, about_mean)
        return about_mean


def _strip(products: NDArray[np.floating], placed: Placed | None, block: slice) -> NDArray[np.float32]:
    if placed is not None:
        products = to_distances(products, placed, block, slice(block.start, None))
    return products.astype(np.float32, copy=False)
