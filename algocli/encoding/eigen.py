"""Leading eigenpairs of a large symmetric matrix, when a few hundred of ten thousand are wanted.

Block Krylov: from a random block Q the spaces K Q, K² Q, ... are made orthonormal and kept, and the best
approximations within all of them are taken (Rayleigh-Ritz). Keeping every step, instead of the last one as
subspace iteration does, is what makes the trailing axes right after a handful of products with K.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

# Below this size the whole decomposition is a matter of a second or two, and exact.
EXACT_SIZE = 1500
# A residual this small against its own eigenvalue leaves the axes as right as float32 can have them.
TOLERANCE = 1e-4
# A new direction this much shorter than the longest one may be rounding, which lies within the basis in part.
SPENT = 1e-2
# Beyond this share of all dimensions a full decomposition is the cheaper way.
MAX_BASIS_SHARE = 0.4


def leading_eigenpairs(
    matrix: NDArray[np.float32], n_pairs: int, *, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Compute the largest eigenvalues of a positive semi-definite matrix and their vectors.

    Parameters
    ----------
    matrix : (n, n)
        Symmetric.
    n_pairs
        How many, at most n.

    Returns
    -------
    values : (n_pairs,) float64
        Falling.
    vectors : (n, n_pairs) float32
        Orthonormal columns.
    """
    n = len(matrix)
    block = n_pairs + max(16, n_pairs // 5)
    if n <= EXACT_SIZE or 3 * block > MAX_BASIS_SHARE * n:
        return _exact(matrix, n_pairs)
    found = _krylov(matrix, n_pairs, block, seed)
    return found or _exact(matrix, n_pairs)


def _exact(matrix: NDArray[np.float32], n_pairs: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    values, vectors = scipy.linalg.eigh(matrix.astype(np.float64), overwrite_a=True, check_finite=False)
    return values[: -n_pairs - 1 : -1].copy(), vectors[:, : -n_pairs - 1 : -1].astype(np.float32)


def _krylov(
    matrix: NDArray[np.float32], n_pairs: int, block: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]] | None:
    """Return the pairs, or None where they have not settled within a basis worth keeping."""
    n = len(matrix)
    n_blocks = int(MAX_BASIS_SHARE * n) // block
    basis = np.empty((n, n_blocks * block), np.float32)
    # What the matrix does to the basis, seen from within it: its eigenvalues approach the matrix's own.
    small = np.zeros((n_blocks * block,) * 2)
    start = np.random.default_rng(seed).standard_normal((n, block), dtype=np.float32)
    # One product before the basis begins: a random block is mostly directions that nobody wants.
    newest = _orthonormal(matrix @ _orthonormal(start))
    for end in range(block, n_blocks * block + 1, block):
        basis[:, end - block : end] = newest
        so_far = basis[:, :end]
        image = matrix @ newest
        inside = so_far.T @ image
        small[:end, end - block : end] = inside
        small[end - block : end, :end] = inside.T
        newest, coupling = _outside(so_far, image, inside)
        if end < 2 * n_pairs:
            continue
        values, rotation = scipy.linalg.eigh(small[:end, :end], check_finite=False)
        values, rotation = values[: -n_pairs - 1 : -1], rotation[:, : -n_pairs - 1 : -1]
        # The image of an approximate vector leaves the basis only through the newest block.
        residual = np.linalg.norm(coupling @ rotation[-block:], axis=0)
        if (residual <= TOLERANCE * np.maximum(values, 0)).all():
            return values.copy(), _nearest_orthonormal(so_far @ rotation.astype(np.float32))
    return None


def _outside(
    basis: NDArray[np.float32], image: NDArray[np.float32], inside: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return an orthonormal block for what of `image` lies outside the basis, and its triangular factor."""
    rest = image - basis @ inside
    # Once more: the first pass leaves a rounding of what it took away, and that would grow from step to step.
    rest -= basis @ (basis.T @ rest)
    q, r = scipy.linalg.qr(rest, mode="economic", overwrite_a=True, check_finite=False)
    lengths = np.abs(np.diag(r))
    if lengths.min() < SPENT * lengths.max():
        # A matrix of low rank has no more to give: QR makes its rounding as long as the other columns, and
        # rounding points into the basis as well as out of it.
        q -= basis @ (basis.T @ q)
        q = _orthonormal(q)
    return q, r.astype(np.float64)


def _orthonormal(block: NDArray[np.float32]) -> NDArray[np.float32]:
    q: NDArray[np.float32] = scipy.linalg.qr(block, mode="economic", overwrite_a=True, check_finite=False)[0]
    return q


def _nearest_orthonormal(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the last rounding out of almost orthonormal columns, moving each as little as can be."""
    gram = vectors.T.astype(np.float64) @ vectors.astype(np.float64)
    return (vectors @ (1.5 * np.eye(len(gram)) - 0.5 * gram)).astype(np.float32)
