"""Products of new images with stored ones: the two ways to have them, and what a plain product says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.features.axes import Standard, load_axes, make_axes, multiply_stored, save_axes
from algocli.features.store.gram import gram, standardised_gram
from tests.features.by_hand import make_store

N_STORED, N_NEW, N_FEATURES = 40, 5, 30
FITTED, EVERY = np.arange(3, 31), np.arange(N_STORED)


@pytest.fixture
def features(monkeypatch: pytest.MonkeyPatch) -> NDArray[np.float32]:
    """Stored images and then new ones, in several blocks of columns; one feature never varies among the fitted."""
    monkeypatch.setattr("algocli.features.store.readable.CHUNK_FEATURES", 12)
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 16)
    rng = np.random.default_rng(0)
    drawn = 3 + rng.standard_normal((N_STORED + N_NEW, N_FEATURES)) * np.geomspace(0.1, 10, N_FEATURES)
    drawn[FITTED, 7] = 1
    return drawn.astype(np.float32)


@pytest.mark.parametrize("standard", [None, FITTED], ids=["plain", "standardised"])
def test_products_of_stored_images_are_those_of_the_gram_matrix(
    tmp_path: Path, features: NDArray[np.float32], standard: Standard
) -> None:
    store = make_store(tmp_path / "store", features[:N_STORED])
    matrix = gram(store) if standard is None else standardised_gram([store], standard)
    (found,) = multiply_stored(store, features[[2, 35]], [EVERY], [standard])
    every = np.arange(N_STORED)
    np.testing.assert_allclose(found, matrix.block(np.array([2, 35]), every), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("standard", [None, FITTED], ids=["plain", "standardised"])
def test_axes_are_those_combinations_of_stored_images(
    tmp_path: Path, features: NDArray[np.float32], standard: Standard
) -> None:
    store = make_store(tmp_path / "store", features[:N_STORED])
    coefficients = np.random.default_rng(1).standard_normal((N_STORED, 4)).astype(np.float32)
    (axes,) = make_axes(store, [coefficients], [EVERY], [standard])
    x = features.astype(np.float64) - features[:N_STORED].mean(axis=0, dtype=np.float64)
    spread = np.ones(N_FEATURES) if standard is None else features[standard].std(axis=0, dtype=np.float64)
    scale = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0)
    expected = (x[N_STORED:] * scale) @ ((x[:N_STORED] * scale).T @ coefficients)
    np.testing.assert_allclose(axes.multiply(features[N_STORED:]), expected, rtol=1e-4, atol=1e-3)


def test_several_sets_are_made_in_one_pass(
    tmp_path: Path, features: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(tmp_path / "store", features[:N_STORED])
    read, times = store.read, np.zeros((N_STORED, features.shape[1]), int)

    def counted(rows: slice, columns: slice) -> NDArray[np.float32]:
        times[rows, columns] += 1
        return read(rows, columns)

    monkeypatch.setattr(store, "read", counted)
    units = [np.eye(N_STORED, n, dtype=np.float32) for n in (1, 2, 3)]
    found = make_axes(store, units, [EVERY] * 3, [None, FITTED, None])
    assert (times == 1).all()
    np.testing.assert_allclose(found[2].vectors.T, features[:3] - features[:N_STORED].mean(axis=0), atol=1e-5)


def test_axes_that_were_kept_are_the_same(tmp_path: Path, features: NDArray[np.float32]) -> None:
    store = make_store(tmp_path / "store", features[:N_STORED].astype(np.float16))
    (axes,) = make_axes(store, [np.eye(N_STORED, 2, dtype=np.float32)], [EVERY], [None])
    save_axes(tmp_path / "axes/some.npz", axes)
    kept = load_axes(tmp_path / "axes/some.npz")
    assert kept is not None
    np.testing.assert_array_equal(kept.vectors, axes.vectors)
    np.testing.assert_array_equal(kept.mean, axes.mean)
    assert load_axes(tmp_path / "axes/other.npz") is None


@pytest.mark.parametrize("standard", [None, FITTED], ids=["plain", "standardised"])
def test_every_set_of_images_has_its_own_mean(
    tmp_path: Path, features: NDArray[np.float32], standard: Standard
) -> None:
    store = make_store(tmp_path / "store", features[:N_STORED])
    fits = [EVERY[5:20], EVERY, FITTED]
    coefficients = np.random.default_rng(2).standard_normal((N_STORED, 4)).astype(np.float32)
    products = multiply_stored(store, features[N_STORED:], fits, [standard] * 3)
    all_axes = make_axes(store, [coefficients] * 3, fits, [standard] * 3)
    spread = np.ones(N_FEATURES) if standard is None else features[standard].std(axis=0, dtype=np.float64)
    scale = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0)
    for fit, found, axes in zip(fits, products, all_axes, strict=True):
        x = (features.astype(np.float64) - features[fit].mean(axis=0, dtype=np.float64)) * scale
        expected = x[N_STORED:] @ x[:N_STORED].T
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(axes.multiply(features[N_STORED:]), expected @ coefficients, rtol=1e-4, atol=2e-3)
