"""The Gram matrix: X Xᵀ of centred features, however they are cut into blocks, tiles and shards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.files import write_json
from algocli.compute.vouching import read_sealed
from algocli.encoding.memory import gram_bytes
from algocli.errors import DataError
from algocli.features.store import gram as gram_module
from algocli.features.store import shards as store_module
from algocli.features.store.factor import Factor
from algocli.features.store.gram import TILE_ROWS, gram, multiply_block, standardised_gram
from algocli.features.store.matrices import Gram
from algocli.features.store.readable import block_width
from algocli.features.store.tiles import groups
from tests.features.by_hand import make_store
from tests.support.damage import DAMAGES

EVERYTHING = slice(None)


def truth(features: NDArray[Any]) -> NDArray[np.float64]:
    """Return X Xᵀ of the centred features in float64."""
    x = features.astype(np.float64)
    x -= x.mean(axis=0)
    return x @ x.T


def whole(kernel: Gram) -> NDArray[np.float32]:
    """Return the matrix as a model sees it."""
    rows = np.arange(kernel.n_stimuli)
    return kernel.block(rows, rows)


def assert_rounding(found: NDArray[np.float32], expected: NDArray[np.float64], share: float = 2e-6) -> None:
    """Hold a matrix against the truth to a share of what its own rows' lengths allow."""
    lengths = np.sqrt(np.diag(expected))
    assert found.dtype == np.float32
    assert (np.abs(found - expected) <= share * np.outer(lengths, lengths)).all()


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_SHARD_ROWS", 16)
    monkeypatch.setattr(gram_module, "TILE_ROWS", 16)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_several_blocks_tiles_and_shards_make_the_matrix_of_the_whole(tmp_path: Path, dtype: type) -> None:
    # Two whole chunks of columns and a bit; three whole tiles of rows and a bit.
    features = np.random.default_rng(0).standard_normal((53, 2 * 8192 + 300)).astype(dtype)
    store = make_store(tmp_path / "store", features)
    assert len(store.column_blocks()) == 3
    assert len(store.shards) == 4
    found = whole(gram(store))
    assert_rounding(found, truth(features))
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("ahead", [0, 2 * 50 * 8192 * 2])
def test_how_many_blocks_are_read_at_once_has_no_say_in_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    rng, read = np.random.default_rng(1), []
    # Of different precisions, lengths and widths.
    first = rng.standard_normal((50, 3 * 8192)).astype(np.float16)
    second = rng.standard_normal((53, 8192 + 5)).astype(np.float32)
    stores = [make_store(tmp_path / "a" / "store", first), make_store(tmp_path / "b" / "store", second)]
    found = []
    for most in (2**26, ahead):
        monkeypatch.setattr("algocli.features.store.columns._AHEAD_BYTES", most)
        found.append(whole(standardised_gram(stores, np.arange(5, 50))))
        (path,) = (tmp_path / "a" / "store").glob("standardised/*/matrix.npy")
        read.append(path.read_bytes())
        shutil.rmtree(path.parent)
    assert read[0] == read[1]
    np.testing.assert_array_equal(*found)


@settings(deadline=None, max_examples=25)
@given(n_stimuli=st.integers(2, 40), n_features=st.integers(1, 30), tile=st.integers(1, 45), chunk=st.integers(1, 30))
def test_no_size_of_tiles_and_blocks_matters(
    tmp_path_factory: pytest.TempPathFactory, n_stimuli: int, n_features: int, tile: int, chunk: int
) -> None:
    features = np.random.default_rng(n_stimuli).standard_normal((n_stimuli, n_features)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("algocli.features.store.readable.CHUNK_FEATURES", chunk)
        patch.setattr(store_module, "MAX_SHARD_ROWS", 8)
        patch.setattr(gram_module, "TILE_ROWS", tile)
        found = whole(gram(make_store(tmp_path_factory.mktemp("gram") / "store", features)))
    np.testing.assert_allclose(found, truth(features), atol=1e-5 * max(1.0, np.abs(features).max() ** 2 * n_features))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("group_bytes", [1, 8 * 16 * 16 * 4])
def test_a_matrix_that_does_not_fit_in_memory_has_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group_bytes: int
) -> None:
    features = np.random.default_rng(5).standard_normal((53, 8192 + 300)).astype(np.float32)
    # Far from all others, and of no weight in the mean that is taken away.
    features[40] *= 1000
    rows = np.arange(5, 50)
    made, labels = list[tuple[bytes, bytes]](), list[str]()

    def seen(items: Any, *, label: str, **_about: Any) -> Any:
        labels.append(label)
        return items

    for name in ("within", "beyond"):
        store = make_store(tmp_path / name, features)
        kept = gram(store, track=seen), standardised_gram([store], rows)
        made.append(tuple((one.folder / "matrix.npy").read_bytes() for one in kept))
        monkeypatch.setattr("algocli.features.store.tiles.GROUP_BYTES", group_bytes)
    assert made[0] == made[1]
    assert labels[0] == "subject 1: Gram matrix"
    assert labels[-1].startswith("subject 1: Gram matrix, part ")
    assert len(labels) > 2
    assert sorted(path.name for path in (tmp_path / "beyond" / "gram").iterdir()) == [
        "lock",
        "matrix.npy",
        "record.json",
    ]


def test_of_very_many_images_fewer_columns_are_worked_on_at_a_time() -> None:
    assert [block_width(n) for n in (10, 45_000, 46_000, 73_000, 100_000)] == [8192, 8192, 4096, 4096, 2048]
    for n in (15_000, 58_000, 73_000, 200_000):
        parts = groups(rows := blocks(n, TILE_ROWS))
        assert [i for part in parts for i in part] == list(range(len(rows)))
        of_group = [sum(8 * (row.stop - row.start) * row.stop for row in (rows[i] for i in part)) for part in parts]
        # A row of tiles, at the least.
        assert max(of_group) <= max(8 * TILE_ROWS * n, 2**30)
        assert gram_bytes(n) >= 4 * block_width(n) * n + max(of_group)
    assert gram_bytes(73_000) < 3.5e9


def test_narrower_blocks_of_columns_make_the_same_matrix_but_for_roundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = np.random.default_rng(7).standard_normal((40, 8192 + 300)).astype(np.float32)
    monkeypatch.setattr("algocli.features.store.readable.MOST_AT_ONCE", 4 * 40 * 2048)
    store = make_store(tmp_path / "store", features)
    assert len(store.column_blocks()) == 5
    # Kept products of some blocks are added in their turn.
    multiply_block(Factor((store,)), 3)
    assert_rounding(whole(gram(store)), truth(features))


def test_a_mean_common_to_all_images_costs_no_precision(tmp_path: Path) -> None:
    # A mean a hundred times the spread would leave two digits of float32, had it not been taken away.
    features = (100 + np.random.default_rng(1).standard_normal((60, 500))).astype(np.float32)
    assert_rounding(whole(gram(make_store(tmp_path / "store", features))), truth(features), share=2e-5)


def test_a_block_is_a_part_of_the_matrix_in_any_order(tmp_path: Path) -> None:
    kernel = gram(make_store(tmp_path / "store", np.random.default_rng(2).standard_normal((30, 40)).astype("f4")))
    rows, columns = np.array([20, 3, 3, 29]), np.array([0, 28, 7])
    block = kernel.block(rows, columns)
    np.testing.assert_array_equal(block, whole(kernel)[np.ix_(rows, columns)])
    block[:] = 0
    assert whole(kernel).any()


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List the stores whose features were passed over."""
    seen: list[str] = []
    accumulate = gram_module._accumulate

    def counted(factor: Factor, *rest: Any) -> Any:
        seen.append(factor.key)
        return accumulate(factor, *rest)

    monkeypatch.setattr(gram_module, "_accumulate", counted)
    return seen


def test_the_features_are_passed_over_once(tmp_path: Path, passes: list[str]) -> None:
    store = make_store(tmp_path / "store", np.eye(5, dtype=np.float32))
    first = whole(gram(store))
    np.testing.assert_array_equal(whole(gram(store)), first)
    assert len(passes) == 1


def test_a_matrix_of_another_key_is_made_anew(tmp_path: Path, passes: list[str]) -> None:
    features = np.random.default_rng(3).standard_normal((6, 4)).astype(np.float32)
    store = make_store(tmp_path / "store", features)
    gram(store)
    write_json(store.folder / "gram" / "record.json", {"key": "another"})
    np.save(store.folder / "gram" / "matrix.npy", np.zeros((6, 6), np.float32))
    np.testing.assert_allclose(whole(gram(store)), truth(features), atol=1e-5)
    assert len(passes) == 2


def test_a_matrix_without_a_record_is_made_anew(tmp_path: Path, passes: list[str]) -> None:
    # As after a kill between the two files.
    store = make_store(tmp_path / "store", np.eye(5, dtype=np.float32))
    gram(store)
    (store.folder / "gram" / "record.json").unlink()
    gram(store)
    assert len(passes) == 2


def test_what_was_derived_from_a_deleted_array_goes_with_it(tmp_path: Path) -> None:
    first = make_store(tmp_path / "store", np.eye(5, dtype=np.float32), weights="one")
    gram(first)
    (first.folder / "gram" / "spectra").mkdir()
    (first.folder / "gram" / "spectra" / "0123-00128.npz").write_bytes(b"of other features")
    (first.folder / "manifest.json").unlink()
    features = np.random.default_rng(4).standard_normal((5, 5)).astype(np.float32)
    second = make_store(tmp_path / "store", features, weights="two")
    assert not (second.folder / "gram" / "spectra").exists()
    np.testing.assert_allclose(whole(gram(second)), truth(features), atol=1e-5)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (40, 8191), (39, 8192)])
def test_features_that_are_not_finite_are_refused(tmp_path: Path, bad: float, place: tuple[int, int]) -> None:
    features = np.zeros((41, 8200), np.float32)
    features[place] = bad
    store = make_store(tmp_path / "store", features)
    with pytest.raises(DataError, match="not finite"):
        gram(store)
    assert not (store.folder / "gram" / "matrix.npy").exists()


def test_features_whose_products_overflow_are_refused(tmp_path: Path) -> None:
    features = (1e25 * np.random.default_rng(5).standard_normal((8, 20))).astype(np.float32)
    store = make_store(tmp_path / "store", features)
    with pytest.raises(DataError, match="too large"):
        gram(store)
    assert not (store.folder / "gram" / "matrix.npy").exists()


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("n_bytes", [0, 10, 2000])
def test_a_torn_shard_is_refused(tmp_path: Path, n_bytes: int) -> None:
    store = make_store(tmp_path / "store", np.random.default_rng(6).standard_normal((40, 90)).astype(np.float32))
    os.truncate(store.folder / "features.zarr" / "c" / "1" / "0", n_bytes)
    with pytest.raises(DataError):
        gram(store)


def test_a_lost_shard_is_refused(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", np.ones((4, 3), np.float32))
    (store.folder / "features.zarr" / "c" / "0" / "0").unlink()
    with pytest.raises(DataError, match="shard 0 is not what was written"):
        gram(store)


@pytest.mark.parametrize("name", ["matrix.npy", "record.json"])
@pytest.mark.parametrize("spoil", DAMAGES)
def test_a_damaged_matrix_is_computed_anew(tmp_path: Path, name: str, spoil: Callable[[Path], None]) -> None:
    store = make_store(tmp_path / "a/b/store", np.eye(9, dtype=np.float32))
    gram(store)
    path = store.folder / "gram" / name
    before = path.read_bytes()
    spoil(path)
    assert path.is_file() is False or path.read_bytes() != before
    gram(store)
    assert path.read_bytes() == before


@pytest.mark.parametrize("size", [0, 200])
def test_a_matrix_of_old_that_is_cut_short_is_computed_anew(tmp_path: Path, size: int) -> None:
    store = make_store(tmp_path / "a/b/store", np.eye(9, dtype=np.float32))
    gram(store)
    folder = store.folder / "gram"
    before = (folder / "matrix.npy").read_bytes()
    record = read_sealed(folder / "record.json")
    write_json(folder / "record.json", {name: record[name] for name in ("key", "products")})
    os.truncate(folder / "matrix.npy", size)
    gram(store)
    assert (folder / "matrix.npy").read_bytes() == before


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("row", [0, 20, 52])
def test_an_image_far_from_the_others_costs_them_no_precision(tmp_path: Path, row: int) -> None:
    features = (1 + np.random.default_rng(7).standard_normal((53, 9000))).astype(np.float32)
    features[row] *= 1e4
    others = np.delete(np.arange(53), row)
    found = gram(make_store(tmp_path / "store", features)).block(others, others)
    # Whatever it is less, what is centred again on these images is the same.
    found -= found.mean(axis=0, dtype=np.float64).astype(np.float32)
    found -= found.mean(axis=1, dtype=np.float64, keepdims=True).astype(np.float32)
    assert_rounding(found, truth(features[others]))


@pytest.mark.parametrize("n_far", [1, 10])
def test_images_far_from_the_others_have_no_say_in_the_mean(tmp_path: Path, n_far: int) -> None:
    features = np.random.default_rng(8).standard_normal((40, 30)).astype(np.float32)
    features[-n_far:] += 1000
    x = features.astype(np.float64) - features[:-n_far].mean(axis=0, dtype=np.float64)
    assert_rounding(whole(gram(make_store(tmp_path / "store", features))), x @ x.T, share=1e-5)
