"""Rows and columns of layers within a store's rows: where each kind of layer has them, and sums within windows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algocli.features.maps import layout_of, pool_rows
from algocli.features.networks.preprocessing import Transform
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import fill

N_IMAGES = 9
RNG = np.random.default_rng(5)
TOKENS = {"axes": "tc", "grid": [4, 6], "class": [0], "registers": [1, 2]}
CROPPED = Transform(resize_size=256).constants
# What is stored, beside what a layer yields as (channels, rows, columns).
KINDS: dict[str, tuple[tuple[int, ...], list[int], Any]] = {
    "map": ((5, 4, 4), [5, 4, 4], "flatten"),
    "channels last": ((5, 4, 4), [4, 4, 5], "flatten"),
    "pooled": ((5, 3, 3), [5, 12, 12], {"pool": 3}),
    "patches": ((7, 4, 6), [27, 7], {"tokens": "patches", "layout": TOKENS}),
    "all tokens": ((7, 4, 6), [27, 7], {"tokens": "class+registers+patches", "layout": TOKENS}),
    "pooled patches": ((7, 2, 2), [27, 7], {"tokens": "class+patches+mean", "layout": TOKENS, "pool": 2}),
}
BEFORE = {"all tokens": 3, "pooled patches": 1}
AFTER = {"pooled patches": 1}


def in_store(folder: Path, kind: str, dtype: str) -> tuple[FeatureStore, np.ndarray[Any, Any]]:
    """Store maps as a kind of layer has them; return them as (n_images, channels, rows, columns)."""
    shape, of_layer, post = KINDS[kind]
    maps = RNG.standard_normal((N_IMAGES, *shape)).astype(dtype)
    if kind in ("map", "pooled"):
        rows = maps.reshape(N_IMAGES, -1)
    else:
        cells = maps.reshape(N_IMAGES, shape[0], -1).transpose(0, 2, 1)
        others = [RNG.standard_normal((N_IMAGES, n.get(kind, 0), shape[0])).astype(dtype) for n in (BEFORE, AFTER)]
        rows = np.concatenate([others[0], cells, others[1]], axis=1).reshape(N_IMAGES, -1)
    identity = {"dtype": dtype, "post": post, "transform": CROPPED}
    about = {"subject": 1, "shape": of_layer}
    return fill(FeatureStore.create(folder, identity, rows.shape, about), rows), maps


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_channels_are_summed_up_within_windows_however_they_are_stored(tmp_path: Path, kind: str, dtype: str) -> None:
    store, maps = in_store(tmp_path / "a", kind, dtype)
    other, more = in_store(tmp_path / "b", "map", "float32")
    layouts = [layout_of(store), layout_of(other)]
    assert layouts[0].seen == 224 / 256
    weights = [RNG.random((3, layout.n_cells)).astype(np.float32) for layout in layouts]
    rows = np.array([0, 2, 3, 8])
    pooled = np.empty((3, sum(layout.n_channels for layout in layouts), 4), np.float32)
    for part, channels in pool_rows([store, other], layouts, weights, rows):
        pooled[:, :, part] = channels
    expected = [
        np.einsum("icyx,wyx->wci", of[rows].astype(np.float64), weight.reshape(3, *of.shape[2:]))
        for of, weight in zip((maps, more), weights, strict=True)
    ]
    np.testing.assert_allclose(pooled, np.concatenate(expected, axis=1), atol=1e-5)
