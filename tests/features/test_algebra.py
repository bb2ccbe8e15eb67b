"""Numpy and torch give the same products and eigenvectors, and nothing that is timed chooses between them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.features import algebra as algebra_module
from algocli.features.algebra import ON_CPU, Algebra, OneDnnAlgebra, TorchAlgebra, algebra_on
from algocli.features.store.gram import gram, standardised_gram
from tests.features.by_hand import make_store
from tests.support.busy import busy

ALL = [Algebra(), TorchAlgebra("cpu"), OneDnnAlgebra()]
SMALL, LARGE = 1e6, 1e15
WIDE = {"blas": "openblas", "blas_version": "0.3", "kernels": "SkylakeX", "threads": 2}
NARROW = {**WIDE, "kernels": "Haswell"}
BOTH = pytest.mark.parametrize("algebra", [Algebra(), TorchAlgebra("cpu")], ids=["numpy", "torch"])


@BOTH
def test_products_are_those_of_plain_sums(algebra: Algebra) -> None:
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((7, 5), dtype=np.float32), rng.standard_normal((5, 3), dtype=np.float32)
    expected = np.einsum("ij,jk->ik", left.astype(np.float64), right)
    for product in (algebra.multiply(left, right), algebra.hold(left)(right), algebra.multiply(left.T.copy().T, right)):
        assert product.dtype == np.float32
        np.testing.assert_allclose(product, expected, rtol=1e-5, atol=1e-6)


@BOTH
def test_a_memory_map_that_may_only_be_read_is_multiplied_too(algebra: Algebra, tmp_path: Path) -> None:
    left = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "left.npy", left)
    mapped = np.load(tmp_path / "left.npy", mmap_mode="r")
    np.testing.assert_array_equal(algebra.multiply(mapped, left.T), left @ left.T)


@BOTH
def test_eigenvectors_diagonalise(algebra: Algebra) -> None:
    x = np.random.default_rng(1).standard_normal((6, 6))
    matrix = x @ x.T
    values, vectors = algebra.eigh(matrix.copy())
    assert (np.diff(values) >= 0).all()
    np.testing.assert_allclose(vectors * values @ vectors.T, matrix, atol=1e-10)


def test_a_cpu_needs_no_torch() -> None:
    assert algebra_on("cpu") is ON_CPU
    assert isinstance(algebra_on("cuda"), TorchAlgebra)


def multiply(algebra: Algebra, blocks: list[NDArray[np.float32]]) -> dict[tuple[int, int], NDArray[np.float64]]:
    """Return the tiles of some blocks."""
    pairs = [(i, j) for i in range(len(blocks)) for j in range(i + 1)]
    tiles = {(i, j): np.ones((len(blocks[i]), len(blocks[j]))) for i, j in pairs}
    algebra.add_products(blocks, tiles)
    return tiles


def test_few_copies_for_onednn_are_held_at_a_time_where_blocks_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, held = np.random.default_rng(0), list[int]()
    blocks = [rng.standard_normal((16, 640)).astype(np.float32) for _ in range(9)]
    algebra, few = OneDnnAlgebra(), OneDnnAlgebra()
    monkeypatch.setattr(few, "_most_copied", 4 * blocks[0].nbytes)
    hold = few._hold
    monkeypatch.setattr(few, "_hold", lambda block: held.append(1) or hold(block))
    # The last rows of tiles of a matrix, as a group of them is.
    places = [(i, j) for i in (7, 8) for j in range(i + 1)]
    tiles, fewer = ({place: np.zeros((16, 16)) for place in places} for _ in range(2))
    algebra.add_products(blocks, tiles)
    few.add_products(blocks, fewer)
    for place in places:
        np.testing.assert_array_equal(fewer[place], tiles[place])
    # Each once, though four are kept: tiles that share a column are multiplied one after the other.
    assert len(held) == 9
    products = zip(algebra.each_product(blocks, places), few.each_product(blocks, places), strict=True)
    assert all(np.array_equal(one, other) for one, other in products)


@pytest.mark.parametrize("algebra", ALL)
def test_tiles_are_those_of_double_precision(algebra: Algebra) -> None:
    rng = np.random.default_rng(0)
    # Rows of a wider array, as the last block of columns has them.
    blocks = [rng.standard_normal((n, 400)).astype(np.float32)[:, :300] for n in (7, 11)]
    for (i, j), tile in multiply(algebra, blocks).items():
        expected = 1 + blocks[i].astype(np.float64) @ blocks[j].T.astype(np.float64)
        np.testing.assert_allclose(tile, expected, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("algebra", ALL)
def test_tiles_are_the_same_to_the_bit_on_a_busy_machine(algebra: Algebra) -> None:
    rng = np.random.default_rng(0)
    blocks = [rng.standard_normal((n, 3000), dtype=np.float32) for n in (256, 200)]
    quiet = multiply(algebra, blocks)
    with busy(4):
        for _ in range(5):
            for pair, tile in multiply(algebra, blocks).items():
                np.testing.assert_array_equal(tile, quiet[pair])


def test_the_choice_is_the_same_however_long_a_product_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = [type(algebra_on("cpu", work)) for work in (SMALL, LARGE)]
    add = Algebra.add_products

    def slowly(*arguments: Any) -> None:
        time.sleep(0.2)
        add(*arguments)

    for kind in (Algebra, TorchAlgebra, OneDnnAlgebra):
        with monkeypatch.context() as patch:
            patch.setattr(kind, "add_products", slowly)
            assert [type(algebra_on("cpu", work)) for work in (SMALL, LARGE)] == usual


@pytest.mark.parametrize(
    ("blas", "wide", "work", "chosen"),
    [
        (WIDE, True, LARGE, Algebra),
        (NARROW, True, LARGE, OneDnnAlgebra),
        (NARROW, True, SMALL, Algebra),
        (NARROW, False, LARGE, Algebra),
        ({**NARROW, "blas": "mkl", "kernels": None}, True, LARGE, Algebra),
    ],
)
def test_another_library_is_for_large_work_where_numpys_does_not_know_the_processor(
    monkeypatch: pytest.MonkeyPatch, blas: dict[str, Any], wide: bool, work: float, chosen: type
) -> None:
    monkeypatch.setattr(algebra_module, "_blas", lambda: blas)
    monkeypatch.setattr(algebra_module, "_has_wide_vectors", lambda: wide)
    assert type(algebra_on("cpu", work)) is chosen


@pytest.mark.parametrize("kind", ["plain", "standardised"])
def test_a_matrix_says_what_multiplied_it(tmp_path: Path, kind: str) -> None:
    features = np.random.default_rng(0).standard_normal((9, 20)).astype(np.float32)
    store = make_store(tmp_path / "store", features)
    matrix = gram(store) if kind == "plain" else standardised_gram([store], np.arange(6))
    about = json.loads((matrix.folder / "record.json").read_text())["products"]
    assert (about["library"], about["version"]) == ("numpy", np.__version__)
    assert about["threads"] >= 1
    assert {"library", "version", "threads"} <= OneDnnAlgebra().provenance.keys()
