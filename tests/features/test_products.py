"""Every way to multiply gives the same products."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.features.products import NumpyProducts, OneDnnProducts, Products, TorchProducts, fastest_products


@pytest.mark.parametrize("products", [NumpyProducts(), TorchProducts("cpu"), OneDnnProducts(), fastest_products("cpu")])
def test_products_are_those_of_double_precision(products: Products) -> None:
    rng = np.random.default_rng(0)
    # Rows of a wider array, as the last block of columns has them.
    blocks = [rng.standard_normal((n, 400)).astype(np.float32)[:, :300] for n in (7, 11)]
    tiles = {(i, j): np.ones((len(blocks[i]), len(blocks[j]))) for i, j in ((0, 0), (1, 0), (1, 1))}
    products.add(blocks, tiles)
    for (i, j), tile in tiles.items():
        expected = 1 + blocks[i].astype(np.float64) @ blocks[j].T.astype(np.float64)
        np.testing.assert_allclose(tile, expected, rtol=1e-6, atol=1e-4)
