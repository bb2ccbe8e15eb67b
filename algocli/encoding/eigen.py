"""Leading eigenpairs of a large symmetric matrix, when a few hundred or a thousand of ten thousand are wanted.

Block Krylov: from a random block Q the spaces K Q, K² Q, ... are made orthonormal and kept, and the best
approximations within all of them are taken (Rayleigh-Ritz). Keeping every step, instead of the last one as
subspace iteration does, is what makes the trailing axes right after a handful of products with K.

Everything here goes through numpy: scipy brings a linear algebra of its own, and the threads of the two would wait
for their next task on the cores that the other one needs.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from algocli.features.algebra import ON_CPU, Algebra

# Below this size the whole decomposition is a matter of a second or two, and exact.
EXACT_SIZE = 1500
# A residual this small against its own eigenvalue leaves the axes as right as float32 can have them.
TOLERANCE = 1e-4
# A new direction this much shorter than what it was left over from may be rounding.
SPENT = 1e-2
# Columns a step: fewer make better use of each product with the matrix, more make the product itself faster.
SMALLEST_BLOCK, LARGEST_BLOCK = 32, 256
# With fewer columns than so many a pair, no spectrum has settled yet: looking would only cost time.
FEWEST_COLUMNS = 4
# Columns a pair with which it has, nearly always: at four to five.
USUAL_COLUMNS = 5
# Beyond this share of all dimensions a full decomposition is the cheaper way.
MAX_BASIS_SHARE = 0.6


class Symmetric(Protocol):
    """A symmetric matrix, n x n, that need not exist as one: it can be multiplied and, at need, written out."""

    def __len__(self) -> int: ...

    def __matmul__(self, block: NDArray[np.float32], /) -> NDArray[np.float32]: ...

    def __array__(self, dtype: Any = None, /) -> NDArray[Any]: ...


def leading_eigenpairs(
    matrix: Symmetric, n_pairs: int, *, seed: int = 0, algebra: Algebra = ON_CPU, alone: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Compute the largest eigenvalues of a positive semi-definite matrix and their vectors.

    Parameters
    ----------
    matrix : (n, n)
        An array, or whatever multiplies like one.
    n_pairs
        How many, at most n.
    algebra
        What decomposes a matrix of which most is wanted.
    alone
        Whether they need not be, to the last bit, what they are among more of them.

    Returns
    -------
    values : (n_pairs,) float64
        Falling.
    vectors : (n, n_pairs) float32
        Orthonormal columns.
    """
    n = len(matrix)
    if is_exact(n, n_pairs):
        return _largest(matrix, n_pairs, algebra) if alone else _exact(matrix, n_pairs, algebra)
    pairs = _krylov(matrix, n_pairs, seed)
    return pairs or _exact(matrix, n_pairs, algebra)


def is_exact(n: int, n_pairs: int) -> bool:
    """Say whether the matrix is so small, or so many pairs are wanted, that all of them are computed."""
    return n <= EXACT_SIZE or FEWEST_COLUMNS * n_pairs > MAX_BASIS_SHARE * n - LARGEST_BLOCK


def _exact(matrix: Symmetric, n_pairs: int, algebra: Algebra) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    whole = np.array(matrix, dtype=np.float64)
    values, vectors = algebra.eigh(whole)
    return values[: -n_pairs - 1 : -1].copy(), vectors[:, : -n_pairs - 1 : -1].astype(np.float32)


def _largest(matrix: Symmetric, n_pairs: int, algebra: Algebra) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    values, vectors = algebra.eigh(np.array(matrix, dtype=np.float64), n_pairs)
    return values[: -n_pairs - 1 : -1].copy(), vectors[:, : -n_pairs - 1 : -1].astype(np.float32)


def _krylov(matrix: Symmetric, n_pairs: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float32]] | None:
    """Return the pairs, or None where they have not settled within a basis worth keeping."""
    n, block = len(matrix), int(np.clip(n_pairs // 2, SMALLEST_BLOCK, LARGEST_BLOCK))
    most = int(MAX_BASIS_SHARE * n) // block * block
    # What the matrix does to the basis, seen from within it: its eigenvalues approach the matrix's own.
    basis, small = np.empty((n, 0), np.float32), np.zeros((0, 0))
    newest = _orthonormal(np.random.default_rng(seed).standard_normal((n, block), dtype=np.float32))[0]
    for end in range(block, most + 1, block):
        if end > basis.shape[1]:
            # Rows of what may never be used would take memory with those that are: it comes in pages, and large ones.
            n_columns = min(most, max(2 * basis.shape[1], _usual_columns(n_pairs, block)))
            basis, small = _wider(basis, (n, n_columns)), _wider(small, (n_columns, n_columns))
        basis[:, end - block : end] = newest
        so_far = basis[:, :end]
        image = matrix @ newest
        inside = so_far.T @ image
        small[:end, end - block : end] = inside
        small[end - block : end, :end] = inside.T
        newest, coupling = _outside(so_far, image, inside)
        if end < FEWEST_COLUMNS * n_pairs:
            continue
        values, rotation = np.linalg.eigh(small[:end, :end])
        values, rotation = values[: -n_pairs - 1 : -1], rotation[:, : -n_pairs - 1 : -1]
        # The image of an approximate vector leaves the basis only through the newest block.
        residual = np.linalg.norm(coupling @ rotation[-block:], axis=0)
        if (residual <= TOLERANCE * np.maximum(values, 0)).all():
            return values.copy(), _nearest_orthonormal(so_far @ rotation.astype(np.float32))
    return None


def _usual_columns(n_pairs: int, block: int) -> int:
    """Return how many columns a basis usually has in the end, whole blocks of them."""
    return -(-USUAL_COLUMNS * n_pairs // block) * block


def _wider(array: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Return an array with more room, zero where nothing was."""
    wider = np.zeros(shape, array.dtype)
    wider[: array.shape[0], : array.shape[1]] = array
    return wider


def _outside(
    basis: NDArray[np.float32], image: NDArray[np.float32], inside: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return an orthonormal block for what of `image` lies outside the basis, and its triangular factor."""
    rest = image - basis @ inside
    # Once more: the first pass leaves a rounding of what it took away, and that would grow from step to step.
    rest -= basis @ (basis.T @ rest)
    q, r = _orthonormal(rest)
    if np.abs(np.diag(r)).min() < SPENT * np.linalg.norm(image, axis=0).max():
        # A matrix of low rank, or one whose largest values are all alike, has no more to give: what is left is
        # rounding, made as long as a real direction, and rounding points into the basis as well as out of it.
        q -= basis @ (basis.T @ q)
        q = _orthonormal(q)[0]
    return q, r


def _orthonormal(block: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return orthonormal columns and the triangular factor that makes the block of them."""
    q, factor = block, np.eye(block.shape[1])
    # Cholesky factors of the columns' products need little but matrix products, which LAPACK's QR of a tall block
    # does not; taken twice, they are as orthonormal as QR while the columns are far from dependent.
    for _ in range(2):
        try:
            r = np.linalg.cholesky((q.T @ q).astype(np.float64)).T
        except np.linalg.LinAlgError:
            return _householder(block)
        if r.diagonal().min() < SPENT * r.diagonal().max():
            return _householder(block)
        q, factor = q @ np.linalg.inv(r).astype(np.float32), r @ factor
    return q, factor


def _householder(block: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    q, r = np.linalg.qr(block)
    return q, r.astype(np.float64)


def _nearest_orthonormal(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the last rounding out of almost orthonormal columns, moving each as little as can be."""
    gram = vectors.T.astype(np.float64) @ vectors.astype(np.float64)
    return (vectors @ (1.5 * np.eye(len(gram)) - 0.5 * gram)).astype(np.float32)
