"""All pairs of some images in a row, with each pair's place: (0, 1), (0, 2), ... (1, 2), ..."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

# What an image with itself counts, where it does: half of the two that others count, by the square.
HALF = np.sqrt(0.5)


@dataclass(frozen=True)
class Pairs:
    """The pairs of so many images; `with_diagonal` are also those of each image with itself, last."""

    n_images: int
    with_diagonal: bool = False

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def _both(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        first, second = np.triu_indices(self.n_images, 1)
        mine = np.arange(self.n_images if self.with_diagonal else 0)
        return np.concatenate([first, mine]), np.concatenate([second, mine])

    @property
    def first(self) -> NDArray[np.int64]:
        """The first image of each pair, (n_pairs,)."""
        return self._both[0]

    @property
    def second(self) -> NDArray[np.int64]:
        """The second image of each pair, (n_pairs,)."""
        return self._both[1]

    @cached_property
    def places(self) -> NDArray[np.int32]:
        """The place of each pair, (n_images, n_images); of an image with itself 0, where that counts for nothing."""
        result = np.zeros((self.n_images, self.n_images), np.int32)
        result[self.first, self.second] = result[self.second, self.first] = np.arange(len(self), dtype=np.int32)
        return result

    def of(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what a symmetric matrix, (n_images, n_images), has of each pair, (n_pairs,).

        So that sums over pairs are half of sums over the matrix, an image with itself has the root of a half of it.
        """
        row = matrix[self.first, self.second]
        if self.with_diagonal:
            row[-self.n_images :] *= HALF
        return row
