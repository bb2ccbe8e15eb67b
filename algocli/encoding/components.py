"""Principal components of any set of images, from the Gram matrix alone.

For the rows of a fold, K[fit, fit] is centred and its leading eigenvectors U and eigenvalues w give the scores
U sqrt(w): exactly those of a PCA fitted on the features of these rows. Other images follow from K[other, fit],
centred with the means of the fitted rows. Eigenpairs are kept on disk beside K, by their rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algocli.compute.arrays import blocks, keep, read_kept
from algocli.compute.caches import where_writable
from algocli.encoding.eigen import is_exact, leading_eigenpairs
from algocli.errors import UsageError
from algocli.features.algebra import ON_CPU, Algebra, Multiplier
from algocli.features.store.matrices import Gram

# Pairs are computed and kept in steps of this many at least: the next PCA size is often a little larger.
SMALLEST_KEPT = 128
# Below this share of the largest eigenvalue a float32 Gram matrix holds nothing but rounding.
RANK_TOLERANCE = 1e-6
# That rounding itself, measured: up to 1.2e-7. What lies between is there, and float32 no longer has its axes.
ROUNDING = 2e-7
# What of the matrix is in memory at once where images are scored that were not fitted.
CROSS_BYTES = 5 * 10**8
# A component with such a share of all variance hides whatever the others are.
DWARFING = 0.99


@dataclass(frozen=True)
class Components:
    """Components fitted on some images, and what is needed to score others.

    Attributes
    ----------
    scores : (n_fit, n_components) float32
        Scores of the fitted images: orthogonal columns of zero mean.
    variances : (n_components,) float64
        The sum of squares of each column of scores, falling.
    total_variance : float
        The sum over all the components that there are, kept or not.
    """

    fit: NDArray[np.int64]
    vectors: NDArray[np.float32]
    variances: NDArray[np.float64]
    column_means: NDArray[np.float64]
    total_variance: float

    @property
    def mean_variance(self) -> float:
        """The mean variance over every dimension that so many images can have: a unit for what ridge adds to each."""
        return self.total_variance / (len(self.fit) - 1)

    @property
    def scores(self) -> NDArray[np.float32]:
        """Scores of the fitted images, (n_fit, n_components)."""
        return self.vectors * np.sqrt(self.variances).astype(np.float32)

    def project(self, gram: Gram, others: NDArray[np.int64], algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
        """Score other images, (n_others, n_components), with nothing but the fitted images' statistics."""
        # One block, but of images by the ten thousand.
        parts = blocks(len(others), max(1, CROSS_BYTES // (4 * len(self.fit)))) or [slice(0)]
        return np.concatenate([self._project(gram, others[part], algebra) for part in parts])

    def _project(self, gram: Gram, others: NDArray[np.int64], algebra: Algebra) -> NDArray[np.float32]:
        cross = gram.block(others, self.fit)
        # Centring the rows of `cross` is enough: the vectors sum to zero, so any constant per row drops out,
        # as do the column means, once taken away here.
        cross -= self.column_means.astype(np.float32)
        cross -= cross.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
        scores = algebra.multiply(cross, self.vectors)
        scores /= np.sqrt(self.variances).astype(np.float32)
        return scores


def fit_components(
    gram: Gram, fit: NDArray[np.int64], n_components: int | None, algebra: Algebra = ON_CPU
) -> Components:
    """Fit principal components on the images `fit`: as many as asked for, or all of features that have fewer.

    Parameters
    ----------
    n_components
        None keeps as many as there are.

    Raises
    ------
    UsageError
        If there are too few images for so many, or the features are the same for all; or if there may be more
        components than are found, and float32 does not show them.
    """
    limit = len(fit) - 1
    if n_components is not None and n_components > limit:
        raise UsageError(
            f"{n_components} components cannot be had from {len(fit)} images: the rank is {limit} at most",
            hint=f"use n_components={limit} or fewer",
        )
    values, vectors, column_means = _eigenpairs(gram, fit, n_components or limit, algebra)
    rank = int((values > RANK_TOLERANCE * values[0]).sum()) if values[0] > 0 else 0
    n_kept = min(n_components or limit, rank)
    # All that a narrow layer can have are no sign that float32 has lost any.
    if n_kept < (n_components or 1) and rank < min(gram.n_features, limit):
        _refuse_lost(values, rank, n_components or 1, len(fit))
    # What centring on both sides takes from the trace is n times the mean of all entries.
    total = gram.diagonal(fit).sum(dtype=np.float64) - len(fit) * column_means.mean()
    return Components(fit, vectors[:, :n_kept], values[:n_kept], column_means, float(total))


def _refuse_lost(values: NDArray[np.float64], rank: int, n_components: int, n_fit: int) -> None:
    """Refuse fewer components than asked for where there are none, or there may be more that float32 does not show."""
    if rank == 0:
        raise UsageError(
            f"the features of these {n_fit} images have rank 0: there are no {n_components} components",
            hint="the features are the same for every image",
        )
    if values[rank] > ROUNDING * values[0] or values[0] > DWARFING * values[:rank].sum():
        raise UsageError(
            f"float32 shows {rank} components of these {n_fit} images, not {n_components}: whatever has "
            f"less than {RANK_TOLERANCE:g} of the largest one's variance is lost in rounding, though it may be there",
            hint=f"use n_components={rank} or fewer; or standardised=True, where a few features are far larger than "
            "all others",
        )


def n_pairs_kept(n_components: int | None, n_fit: int) -> int:
    """Return how many eigenpairs are computed and kept where so many components are asked for; None asks for all."""
    n_pairs = SMALLEST_KEPT
    while n_pairs < (n_components or n_fit):
        n_pairs *= 2
    return min(n_pairs, n_fit - 1)


_Eigenpairs = tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64]]


def _eigenpairs(gram: Gram, fit: NDArray[np.int64], n_components: int, algebra: Algebra) -> _Eigenpairs:
    """Return at least `n_components` eigenpairs of the centred Gram matrix and its column means, kept or computed."""
    if not gram.keeps:
        matrix = CentredGram(gram, fit, algebra)
        return *leading_eigenpairs(matrix, n_components, algebra=algebra, alone=True), matrix.column_means
    n_pairs = n_pairs_kept(n_components, len(fit))
    kept = _list_kept(gram, fit, n_pairs)
    for path in kept:
        pairs = _load(gram, path)
        if pairs is not None and len(pairs[0]) >= n_components:
            return pairs
    matrix = CentredGram(gram, fit, algebra)
    values, vectors = leading_eigenpairs(matrix, n_pairs, algebra=algebra)
    means = matrix.column_means
    path = _kept_path(gram, fit, n_pairs)
    with where_writable(gram.folder):
        keep(path, _made_of(gram, path), {"values": values, "vectors": vectors, "column_means": means})
        # A kept file that did not serve is damaged; one of the same size has just been replaced.
        for other in {*kept, *_list_smaller(gram, fit, n_pairs)} - {path}:
            other.unlink(missing_ok=True)
    return values, vectors, means


def _list_kept(gram: Gram, fit: NDArray[np.int64], n_pairs: int) -> list[Path]:
    """List the files of eigenpairs of these rows that serve for so many, the smallest first.

    More pairs than would have been computed serve only where all of them come of one decomposition, whose first
    columns they share to the last bit: what was asked for before must not show in what is found now.
    """
    if not is_exact(len(fit), n_pairs):
        return [_kept_path(gram, fit, n_pairs)]
    return [path for n, path in _all_kept(gram, fit) if n >= n_pairs]


def _list_smaller(gram: Gram, fit: NDArray[np.int64], n_pairs: int) -> list[Path]:
    """List the files of which the first columns of so many pairs, all of one decomposition, now take the place."""
    return [path for n, path in _all_kept(gram, fit) if n < n_pairs and is_exact(len(fit), n)]


def _all_kept(gram: Gram, fit: NDArray[np.int64]) -> list[tuple[int, Path]]:
    pattern = _kept_path(gram, fit, 0)
    paths = pattern.parent.glob(pattern.name.replace("00000", "[0-9]" * 5))
    return [(int(path.stem[-5:]), path) for path in sorted(paths)]


def _kept_path(gram: Gram, fit: NDArray[np.int64], n_pairs: int) -> Path:
    rows = hashlib.sha256(np.ascontiguousarray(fit).tobytes()).hexdigest()[:16]
    return gram.folder / "spectra" / f"{rows}-{n_pairs:05d}.npz"


def _made_of(gram: Gram, path: Path) -> str:
    """Return what pairs are of: the matrix, and the rows and the number that their file is named after."""
    return f"{gram.key} {path.stem}"


def _load(gram: Gram, path: Path) -> _Eigenpairs | None:
    """Return kept pairs; None where the file is damaged or another matrix's, or a larger one has just replaced it."""
    kept = read_kept(path, _made_of(gram, path))
    if kept is None:
        return None
    return kept["values"], kept["vectors"], kept["column_means"]


class CentredGram:
    """The Gram matrix of some images, centred on both sides, without a copy of the large matrix that holds it."""

    def __init__(self, gram: Gram, fit: NDArray[np.int64], algebra: Algebra = ON_CPU) -> None:
        self._gram = gram
        self._fit = fit
        self._algebra = algebra

    def __len__(self) -> int:
        return len(self._fit)

    def __matmul__(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        # Zeros stand for the images that are not fitted: taking their rows out of a matrix of hundreds of megabytes
        # would cost more than multiplying them.
        padded = np.zeros((self._gram.n_stimuli, block.shape[1]), np.float32)
        padded[self._fit] = _less_mean(block)
        return _less_mean(self._multiply(padded)[self._fit])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        matrix = self._gram.block(self._fit, self._fit).astype(dtype or np.float32)
        matrix -= matrix.mean(axis=0, dtype=np.float64).astype(matrix.dtype)
        matrix -= matrix.mean(axis=1, keepdims=True, dtype=np.float64).astype(matrix.dtype)
        return matrix

    @cached_property
    def column_means(self) -> NDArray[np.float64]:
        """The mean of each column before centring, (n_fit,)."""
        ones = np.zeros((self._gram.n_stimuli, 1), np.float32)
        ones[self._fit] = 1
        means: NDArray[np.float64] = self._multiply(ones)[self._fit, 0].astype(np.float64) / len(self._fit)
        return means

    @cached_property
    def _multiply(self) -> Multiplier:
        return self._gram.multiplier(self._algebra)


def _less_mean(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return columns less their mean."""
    centred: NDArray[np.float32] = block - block.mean(axis=0, dtype=np.float64).astype(np.float32)
    return centred
