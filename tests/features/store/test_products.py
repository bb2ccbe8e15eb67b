"""Every way to multiply gives the same products, and nothing that is timed chooses between them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.features.store import products as products_module
from algocli.features.store.gram import gram, standardised_gram
from algocli.features.store.products import NumpyProducts, OneDnnProducts, Products, TorchProducts, choose_products
from tests.features.by_hand import make_store
from tests.support.busy import busy

ALL = [NumpyProducts(), TorchProducts("cpu"), OneDnnProducts()]
SMALL, LARGE = 1e6, 1e15
WIDE = {"blas": "openblas", "blas_version": "0.3", "kernels": "SkylakeX", "threads": 2}
NARROW = {**WIDE, "kernels": "Haswell"}


def multiply(products: Products, blocks: list[NDArray[np.float32]]) -> dict[tuple[int, int], NDArray[np.float64]]:
    """Return the tiles of some blocks."""
    pairs = [(i, j) for i in range(len(blocks)) for j in range(i + 1)]
    tiles = {(i, j): np.ones((len(blocks[i]), len(blocks[j]))) for i, j in pairs}
    products.add(blocks, tiles)
    return tiles


@pytest.mark.parametrize("products", ALL)
def test_products_are_those_of_double_precision(products: Products) -> None:
    rng = np.random.default_rng(0)
    # Rows of a wider array, as the last block of columns has them.
    blocks = [rng.standard_normal((n, 400)).astype(np.float32)[:, :300] for n in (7, 11)]
    for (i, j), tile in multiply(products, blocks).items():
        expected = 1 + blocks[i].astype(np.float64) @ blocks[j].T.astype(np.float64)
        np.testing.assert_allclose(tile, expected, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("products", ALL)
def test_products_are_the_same_to_the_bit_on_a_busy_machine(products: Products) -> None:
    rng = np.random.default_rng(0)
    blocks = [rng.standard_normal((n, 3000), dtype=np.float32) for n in (256, 200)]
    quiet = multiply(products, blocks)
    with busy(4):
        for _ in range(5):
            for pair, tile in multiply(products, blocks).items():
                np.testing.assert_array_equal(tile, quiet[pair])


def test_the_choice_is_the_same_however_long_a_product_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = [type(choose_products("cpu", work)) for work in (SMALL, LARGE)]
    add = NumpyProducts.add

    def slowly(*arguments: Any) -> None:
        time.sleep(0.2)
        add(*arguments)

    for kind in (NumpyProducts, TorchProducts, OneDnnProducts):
        with monkeypatch.context() as patch:
            patch.setattr(kind, "add", slowly)
            assert [type(choose_products("cpu", work)) for work in (SMALL, LARGE)] == usual


@pytest.mark.parametrize(
    ("blas", "wide", "work", "chosen"),
    [
        (WIDE, True, LARGE, NumpyProducts),
        (NARROW, True, LARGE, OneDnnProducts),
        (NARROW, True, SMALL, NumpyProducts),
        (NARROW, False, LARGE, NumpyProducts),
        ({**NARROW, "blas": "mkl", "kernels": None}, True, LARGE, NumpyProducts),
    ],
)
def test_another_library_is_for_large_work_where_numpys_does_not_know_the_processor(
    monkeypatch: pytest.MonkeyPatch, blas: dict[str, Any], wide: bool, work: float, chosen: type
) -> None:
    monkeypatch.setattr(products_module, "_blas", lambda: blas)
    monkeypatch.setattr(products_module, "_has_wide_vectors", lambda: wide)
    assert type(choose_products("cpu", work)) is chosen


@pytest.mark.parametrize("kind", ["plain", "standardised"])
def test_a_matrix_says_what_multiplied_it(tmp_path: Path, kind: str) -> None:
    features = np.random.default_rng(0).standard_normal((9, 20)).astype(np.float32)
    store = make_store(tmp_path / "store", features)
    matrix = gram(store) if kind == "plain" else standardised_gram([store], np.arange(6))
    about = json.loads((matrix.folder / "record.json").read_text())["products"]
    assert (about["library"], about["version"]) == ("numpy", np.__version__)
    assert about["threads"] >= 1
    assert {"library", "version", "threads"} <= OneDnnProducts().provenance.keys()
