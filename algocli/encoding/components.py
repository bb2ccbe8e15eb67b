"""Principal components of any set of images, from the Gram matrix alone.

For the rows of a fold, K[fit, fit] is centred and its leading eigenvectors U and eigenvalues w give the scores
U sqrt(w): exactly those of a PCA fitted on the features of these rows. Other images follow from K[other, fit],
centred with the means of the fitted rows. Eigenpairs are kept on disk beside K, by their rows.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.files import publish
from algocli.encoding.eigen import leading_eigenpairs
from algocli.errors import UsageError
from algocli.features.gram import Gram

# Pairs are computed and kept in steps of this many at least: the next PCA size is often a little larger.
SMALLEST_KEPT = 128
# Below this share of the largest eigenvalue a float32 Gram matrix holds nothing but rounding.
RANK_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Components:
    """Components fitted on some images, and what is needed to score others.

    Attributes
    ----------
    scores : (n_fit, n_components) float32
        Scores of the fitted images: orthogonal columns of zero mean.
    variances : (n_components,) float64
        The sum of squares of each column of scores, falling.
    """

    fit: NDArray[np.int64]
    vectors: NDArray[np.float32]
    variances: NDArray[np.float64]
    column_means: NDArray[np.float64]

    @property
    def scores(self) -> NDArray[np.float32]:
        """Scores of the fitted images, (n_fit, n_components)."""
        return self.vectors * np.sqrt(self.variances).astype(np.float32)

    def project(self, gram: Gram, others: NDArray[np.int64]) -> NDArray[np.float32]:
        """Score other images, (n_others, n_components), with nothing but the fitted images' statistics."""
        cross = gram.block(others, self.fit)
        # Centring the rows of `cross` is enough: the vectors sum to zero, so any constant per row drops out,
        # as do the column means, once taken away here.
        cross -= self.column_means.astype(np.float32)
        cross -= cross.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
        scores: NDArray[np.float32] = cross @ self.vectors
        scores /= np.sqrt(self.variances).astype(np.float32)
        return scores


def fit_components(gram: Gram, fit: NDArray[np.int64], n_components: int) -> Components:
    """Fit principal components on the images `fit`.

    Raises
    ------
    UsageError
        If the centred features of these images have fewer than `n_components` dimensions.
    """
    limit = len(fit) - 1
    if n_components > limit:
        raise UsageError(
            f"{n_components} components cannot be had from {len(fit)} images: the rank is {limit} at most",
            hint=f"use --pca {limit} or fewer",
        )
    values, vectors, column_means = _eigenpairs(gram, fit, n_components)
    rank = int((values > RANK_TOLERANCE * values[0]).sum()) if values[0] > 0 else 0
    if rank < n_components:
        raise UsageError(
            f"the features of these {len(fit)} images have rank {rank}: there are no {n_components} components",
            hint=f"use --pca {rank} or fewer" if rank else "the features are the same for every image",
        )
    return Components(fit, vectors[:, :n_components], values[:n_components], column_means)


def _eigenpairs(
    gram: Gram, fit: NDArray[np.int64], n_components: int
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64]]:
    """Return at least `n_components` eigenpairs of the centred Gram matrix and its column means, kept or computed."""
    home = gram.folder / "spectra"
    stem = hashlib.sha256(np.ascontiguousarray(fit).tobytes()).hexdigest()[:16]
    kept = sorted((int(path.stem.split("-")[1]), path) for path in home.glob(f"{stem}-*.npz"))
    for n_kept, path in kept:
        pairs = _load(path) if n_kept >= n_components else None
        if pairs is not None:
            return pairs
    n_pairs = SMALLEST_KEPT
    while n_pairs < n_components:
        n_pairs *= 2
    n_pairs = min(n_pairs, len(fit) - 1)
    matrix = gram.block(fit, fit)
    column_means = _centre(matrix)
    values, vectors = leading_eigenpairs(matrix, n_pairs)
    publish(
        home / f"{stem}-{n_pairs:05d}.npz",
        lambda stream: np.savez(stream, values=values, vectors=vectors, column_means=column_means),
    )
    for n_kept, path in kept:
        # One of the same size was damaged, and has just been replaced.
        if n_kept != n_pairs:
            path.unlink(missing_ok=True)
    return values, vectors, column_means


def _load(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64]] | None:
    """Return kept pairs; None where the file is damaged, or another process has just replaced it by a larger one."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return kept["values"], kept["vectors"], kept["column_means"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _centre(matrix: NDArray[np.float32]) -> NDArray[np.float64]:
    """Centre a symmetric matrix on both sides in place; return what its column means were."""
    means: NDArray[np.float64] = matrix.mean(axis=0, dtype=np.float64)
    # One half of the grand mean goes to each side, so that the two subtractions mirror each other.
    shift = (means - means.mean() / 2).astype(np.float32)
    matrix -= shift
    matrix -= shift[:, None]
    return means
