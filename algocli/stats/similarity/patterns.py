"""Responses as views of images: inner products that are sums over vertices, some vertices at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, length
from algocli.compute.cores import n_cores
from algocli.compute.threads import in_threads, one_ahead
from algocli.stats.similarity.distances import Distance, Moments, place
from algocli.stats.similarity.sources import Products, Rows, to_strip

# Vertices of which the responses to all images are in memory at once.
_VERTICES = 512
# Strips whose products are made at once: of a few dozen rows a product takes a quarter longer.
_TOGETHER = 4


@dataclass(frozen=True)
class Patterns:
    """Responses to images, (n_images, n_vertices), some vertices at a time.

    Attributes
    ----------
    n_images
        Of how many images.
    vertices : (n_vertices,) int64
        Which of all that `read` knows, rising.
    read
        Returns the responses to some images, or to all where None is asked for, at some vertices, in any precision,
        (n_some, n_vertices). Views that have it in common share vertices of the same numbers.
    """

    n_images: int
    vertices: NDArray[np.int64]
    read: Callable[[Rows | None, NDArray[np.int64]], NDArray[np.floating]]

    def among(self, images: Rows, distance: Distance | None) -> NDArray[np.float64]:
        """Return distances between some images, or inner products."""
        products, told = np.zeros((len(images), len(images))), Told(len(images))
        for block in blocks(len(self.vertices), _VERTICES):
            some = told.add(self.read(images, self.vertices[block]).astype(np.float64))
            products += some @ some.T
        whole = Products(lambda rows, columns: products[np.ix_(rows, columns)], told.diagonal, lambda: told.moments)
        return whole.among(np.arange(len(images)), distance)

    def strips(
        self, rows: Sequence[slice], distance: Distance | None, into: Sequence[NDArray[np.float32]] | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield distances, or inner products, of each block of rows from its first image on: all are made at once."""
        summed = Summed(self.n_images, rows, into)
        summed.add(self, self.vertices)
        return summed.strips(distance)


class Told:
    """What is summed up of responses, part by part: squares about vertices' means, and each image's own moments."""

    def __init__(self, n_images: int) -> None:
        self.diagonal = np.zeros(n_images)
        self.moments = Moments(np.zeros(n_images), np.zeros(n_images), 0)

    def add(self, part: NDArray[np.float64]) -> NDArray[np.float64]:
        """Count some vertices in and return them about their means."""
        moments = Moments(part.sum(axis=1), np.einsum("ij,ij->i", part, part), part.shape[1])
        about_mean: NDArray[np.float64] = part - part.mean(axis=0)
        self._count(moments, np.einsum("ij,ij->i", about_mean, about_mean))
        return about_mean

    def merge(self, other: Told) -> None:
        """Count in what another was told of."""
        self._count(other.moments, other.diagonal)

    def _count(self, more: Moments, diagonal: NDArray[np.float64]) -> None:
        mine = self.moments
        self.moments = Moments(mine.sums + more.sums, mine.squares + more.squares, mine.n_features + more.n_features)
        self.diagonal = self.diagonal + diagonal


class Summed:
    """Inner products of images over vertices so far, each block of rows from its first image on.

    Parameters
    ----------
    rows
        The blocks.
    into
        Arrays of (n_rows, n_images - first), to be overwritten.
    """

    def __init__(self, n_images: int, rows: Sequence[slice], into: Sequence[NDArray[np.float32]] | None = None) -> None:
        shapes = [(length(block), n_images - block.start) for block in rows]
        self._rows, self._n_images = rows, n_images
        self._strips = [np.empty(shape, np.float32) for shape in shapes] if into is None else list(into)
        self.clear()

    def clear(self) -> None:
        """Forget all vertices."""
        for strip in self._strips:
            strip[:] = 0
        self._told = Told(self._n_images)

    def add(self, view: Patterns, vertices: NDArray[np.int64]) -> None:
        """Add some vertices of a view, about their means over images."""

        def read(block: slice) -> NDArray[np.float32]:
            return self._told.add(view.read(None, vertices[block]).astype(np.float64)).astype(np.float32)

        for part in one_ahead(map(read, blocks(len(vertices), _VERTICES))):
            self._add_products(part)

    def merge(self, other: Summed) -> None:
        """Add the vertices of another."""
        for strip, more in zip(self._strips, other._strips, strict=True):
            strip += more
        self._told.merge(other._told)

    def _add_products(self, part: NDArray[np.float32]) -> None:
        def add(places: slice) -> None:
            rows = self._rows[places]
            first, stop = rows[0].start, rows[-1].stop
            products = part[first:stop] @ part[first:].T
            for strip, block in zip(self._strips[places], rows, strict=True):
                strip += products[block.start - first : block.stop - first, block.start - first :]

        for _ in in_threads(add, blocks(len(self._rows), _TOGETHER), n_threads=n_cores()):
            pass

    def strips(self, distance: Distance | None) -> Iterator[NDArray[np.float32]]:
        """Yield distances, or the inner products themselves, strip by strip: whoever changes these changes the sums."""
        placed = None if distance is None else place(self._told.diagonal, self._told.moments, distance)
        for number, block in enumerate(self._rows):
            yield to_strip(self._strips[number], placed, block)
