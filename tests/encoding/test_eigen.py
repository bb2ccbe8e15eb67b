"""Leading eigenpairs, held against a full decomposition in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
from numpy.typing import NDArray

from algocli.encoding import eigen
from algocli.encoding.eigen import leading_eigenpairs
from algocli.features.algebra import Algebra

N = 700
N_PAIRS = 30
BLOCK = N_PAIRS + 16

# Eigenvalues, falling. Those of low rank end within, at, and a little beyond whole blocks of the Krylov basis.
SPECTRA: dict[str, NDArray[np.float64]] = {
    "slow decay": (1 + np.arange(N)) ** -0.5,
    "as of images": (1 + np.arange(N)) ** -1.0,
    "fast decay": (1 + np.arange(N)) ** -2.0,
    "geometric": 0.9 ** np.arange(N),
    "steep": 0.5 ** np.arange(N),
    "flat": np.ones(N),
    "clusters": np.repeat([100.0, 10.0, 1.0, 0.1], [10, 15, 20, N - 45]),
    "a cluster across the edge": np.repeat([100.0, 10.0, 1.0], [25, 10, N - 35]),
    "one giant": np.r_[1e4, np.linspace(2, 1, N - 1)],
    "rank of a block and a little": np.linspace(10, 1, BLOCK + 4),
    "rank of a block": np.linspace(10, 1, BLOCK),
    "rank of two blocks and a little": np.linspace(10, 1, 2 * BLOCK + 3),
    "rank of three blocks less a little": 0.98 ** np.arange(3 * BLOCK - 5),
    "rank of the pairs": np.linspace(10, 1, N_PAIRS),
    "rank below the pairs": np.linspace(10, 1, N_PAIRS - 7),
    "rank 1": np.array([3.0]),
    "nothing": np.zeros(1),
}


def with_spectrum(values: NDArray[np.float64], seed: int = 0) -> NDArray[np.float32]:
    """Return a symmetric matrix with these eigenvalues (the rest are 0) and random axes."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((N, len(values))))[0]
    matrix = (axes * values) @ axes.T
    return ((matrix + matrix.T) / 2).astype(np.float32)


@pytest.fixture
def krylov_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eigen, "EXACT_SIZE", 0)


def assert_leading(
    matrix: NDArray[np.float32], values: NDArray[np.float64], vectors: NDArray[np.float32], *, tolerance: float
) -> None:
    """Hold pairs against scipy's: values, orthonormality, and K v = w v."""
    truth = scipy.linalg.eigh(matrix.astype(np.float64), eigvals_only=True)[::-1][:N_PAIRS]
    largest = max(truth[0], 1e-30)
    assert values.shape == (N_PAIRS,)
    assert vectors.shape == (N, N_PAIRS)
    assert vectors.dtype == np.float32
    assert (np.diff(values) <= 1e-6 * largest).all()
    np.testing.assert_allclose(values, truth, atol=1e-6 * largest, rtol=1e-5)
    axes = vectors.astype(np.float64)
    np.testing.assert_allclose(axes.T @ axes, np.eye(N_PAIRS), atol=1e-6)
    residual = np.linalg.norm(matrix @ axes - axes * values, axis=0)
    assert (residual <= tolerance * np.maximum(truth, 0) + 1e-5 * largest).all()


@pytest.mark.usefixtures("krylov_only")
@pytest.mark.parametrize("name", SPECTRA)
def test_leading_pairs_are_those_of_a_full_decomposition(name: str) -> None:
    matrix = with_spectrum(SPECTRA[name])
    assert_leading(matrix, *leading_eigenpairs(matrix, N_PAIRS), tolerance=3e-4)


@pytest.mark.usefixtures("krylov_only")
@pytest.mark.parametrize(
    "name",
    ["fast decay", "geometric", "one giant", "rank of a block and a little", "rank of two blocks and a little"],
)
@pytest.mark.parametrize("seed", range(3))
def test_what_lies_beyond_a_gap_does_not_leak_into_the_leading_axes(name: str, seed: int) -> None:
    # Room for 30 wanted axes with a gap after them, however dense the spectrum is elsewhere.
    spectrum = SPECTRA[name].copy()
    spectrum[N_PAIRS:] *= 0.9
    matrix = with_spectrum(spectrum, seed)
    _, vectors = leading_eigenpairs(matrix, N_PAIRS, seed=seed)
    truth = scipy.linalg.eigh(matrix.astype(np.float64))[1][:, : -N_PAIRS - 1 : -1]
    outside = vectors - truth @ (truth.T @ vectors)
    assert np.linalg.norm(outside, 2) < 2e-3


@pytest.mark.usefixtures("krylov_only")
@pytest.mark.parametrize("name", ["geometric", "clusters", "rank of a block and a little"])
def test_the_krylov_path_settles_by_itself(name: str, no_exact: Callable[[], int]) -> None:
    leading_eigenpairs(with_spectrum(SPECTRA[name]), N_PAIRS)
    assert no_exact() == 0


@pytest.fixture
def no_exact(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    calls: list[int] = []
    exact = eigen._exact

    def counted(
        matrix: NDArray[np.float32], n_pairs: int, *rest: Algebra
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        calls.append(n_pairs)
        return exact(matrix, n_pairs, *rest)

    monkeypatch.setattr(eigen, "_exact", counted)
    return lambda: len(calls)


@pytest.mark.usefixtures("krylov_only")
def test_the_same_seed_gives_the_same_bits() -> None:
    matrix = with_spectrum(SPECTRA["geometric"])
    first, second = (leading_eigenpairs(matrix, N_PAIRS)[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.usefixtures("krylov_only")
def test_the_matrix_is_left_as_it_was() -> None:
    matrix = with_spectrum(SPECTRA["geometric"])
    before = matrix.copy()
    leading_eigenpairs(matrix, N_PAIRS)
    np.testing.assert_array_equal(matrix, before)


@pytest.mark.parametrize("name", ["as of images", "rank below the pairs", "flat"])
def test_small_matrices_are_decomposed_whole(name: str, no_exact: Callable[[], int]) -> None:
    matrix = with_spectrum(SPECTRA[name])
    assert_leading(matrix, *leading_eigenpairs(matrix, N_PAIRS), tolerance=1e-6)
    assert no_exact() == 1


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_all_pairs_of_a_tiny_matrix(n: int) -> None:
    root = np.random.default_rng(n).standard_normal((n, n + 3)).astype(np.float32)
    matrix = root @ root.T
    values, vectors = leading_eigenpairs(matrix, n)
    np.testing.assert_allclose((vectors * values) @ vectors.T, matrix, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [2600, 154, 160, 300])
def test_a_matrix_of_real_size_is_right_too(rank: int) -> None:
    n, n_pairs = 2600, 128
    rng = np.random.default_rng(0)
    root = (rng.standard_normal((n, rank)) * (1 + np.arange(rank)) ** -0.4).astype(np.float32)
    matrix = root @ root.T
    values, vectors = leading_eigenpairs(matrix, n_pairs)
    truth, axes = scipy.linalg.eigh(matrix.astype(np.float64), subset_by_index=(n - n_pairs, n - 1))
    np.testing.assert_allclose(values, truth[::-1], rtol=1e-4)
    # The axes at the very edge mix with the next ones where the gap is small; the first hundred must not.
    leading = vectors[:, :100]
    assert np.linalg.norm(leading - axes @ (axes.T @ leading), 2) < 5e-3


def test_a_basis_takes_room_for_what_it_usually_has_and_more_only_where_it_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(eigen, "EXACT_SIZE", 100)
    matrix, rooms = with_spectrum(SPECTRA["as of images"]), list[tuple[int, ...]]()
    wider = eigen._wider

    def seen(array: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
        rooms.append(shape)
        return wider(array, shape)

    monkeypatch.setattr(eigen, "_wider", seen)
    usual = leading_eigenpairs(matrix, N_PAIRS)
    # As many as there may be at the most are 416.
    assert [shape for shape in rooms if shape[0] == N] == [(N, 160), (N, 320)]
    rooms.clear()
    monkeypatch.setattr(eigen, "USUAL_COLUMNS", 1)
    grown = leading_eigenpairs(matrix, N_PAIRS)
    assert [shape for shape in rooms if shape[0] == N] == [(N, 32), (N, 64), (N, 128), (N, 256)]
    for one, other in zip(usual, grown, strict=True):
        np.testing.assert_array_equal(one, other)
