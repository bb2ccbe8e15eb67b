"""The numbers that a synthetic challenge is made from, and which images each of its subjects sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.challenge.layout import N_FSAVERAGE, N_FSAVERAGE5, N_NSD_IMAGES, SUBJECTS
from algocli.dataset.sides import Split
from algocli.demo.atlas import N_REAL
from algocli.demo.chance import generator
from algocli.errors import UsageError

# As many vertices as fsaverage5 has of the real ones; below the least, some ROIs would be empty that should not be.
N_SMALL = round(N_REAL * N_FSAVERAGE5 / N_FSAVERAGE)
N_LEAST = 300

# Eight subjects with 9,000 images of their own and 1,000 that all of them see make up NSD's 73,000.
N_SHARED = 1_000
N_UNSHARED = (N_NSD_IMAGES - N_SHARED) // len(SUBJECTS)


@dataclass(frozen=True)
class Recipe:
    """Everything that the files of a synthetic challenge depend on.

    Attributes
    ----------
    n_train, n_test
        Images of each subject.
    n_left
        Vertices of the largest left hemispheres; others are in official proportion.
    seed
        Of pixels, signals and noise.

    Raises
    ------
    UsageError
        If a number is out of range.
    """

    n_train: int
    n_test: int
    n_left: int
    seed: int

    def __post_init__(self) -> None:
        most = N_SHARED + N_UNSHARED
        if self.n_train < 2 or self.n_test < 2 or self.n_train + self.n_test > most:
            raise UsageError(
                f"{self.n_train} training and {self.n_test} test images were asked for; "
                f"a subject has at least 2 of each and at most {most} together"
            )
        if not N_LEAST <= self.n_left <= N_REAL:
            raise UsageError(
                f"{self.n_left} vertices were asked for; a left hemisphere has between {N_LEAST} and {N_REAL}",
                hint="'small' and 'real' are sizes too",
            )
        if self.seed < 0:
            raise UsageError(f"the seed is {self.seed}; it may not be negative")

    @property
    def n_images(self) -> int:
        """Images of a subject, training and test together."""
        return self.n_train + self.n_test

    @property
    def n_shared(self) -> int:
        """Images of a subject that all other subjects see too: a fifth, in a large challenge NSD's 1,000."""
        return min(N_SHARED, round(self.n_images / 5))


def count_left(vertices: Literal["small", "real"] | int) -> int:
    """Turn a named size into the number of vertices of the largest left hemispheres."""
    if isinstance(vertices, int):
        return vertices
    named = {"small": N_SMALL, "real": N_REAL}
    if vertices not in named:
        raise UsageError(f"'{vertices}' is no number of vertices: 'small', 'real' or a number is expected")
    return named[vertices]


def shared_ids(recipe: Recipe) -> NDArray[np.int64]:
    """Return the NSD ids of the images that all subjects see, (n_shared,), rising."""
    return np.sort(_shuffled_ids(recipe.seed)[: recipe.n_shared])


def nsd_ids(recipe: Recipe, subject: int) -> dict[Split, NDArray[np.int64]]:
    """Return the NSD ids of a subject's images by split, rising within each; what is in one is not in the other.

    They depend on the recipe and the subject alone; an image that several subjects see may be for training in one
    and for the test in another, as in NSD.
    """
    first = N_SHARED + (subject - 1) * N_UNSHARED
    n_unshared = recipe.n_images - recipe.n_shared
    seen = np.append(shared_ids(recipe), _shuffled_ids(recipe.seed)[first : first + n_unshared])
    seen = generator("split", recipe.seed, subject).permutation(seen)
    return {"train": np.sort(seen[: recipe.n_train]), "test": np.sort(seen[recipe.n_train :])}


def _shuffled_ids(seed: int) -> NDArray[np.int64]:
    return generator("ids", seed).permutation(N_NSD_IMAGES)
