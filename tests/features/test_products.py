"""Every way to multiply gives the same products."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.features.products import NumpyProducts, Products, TorchProducts, fastest_products


@pytest.mark.parametrize("products", [NumpyProducts(), TorchProducts("cpu"), fastest_products("cpu")])
def test_products_are_those_of_double_precision(products: Products) -> None:
    rng = np.random.default_rng(0)
    blocks = [rng.standard_normal((n, 300)).astype(np.float32) for n in (7, 11)]
    pair = products.of(blocks)
    for i, j in ((0, 0), (1, 0), (1, 1)):
        expected = blocks[i].astype(np.float64) @ blocks[j].T.astype(np.float64)
        np.testing.assert_allclose(pair(i, j), expected, atol=1e-4)
