"""Whether a kept Gram matrix belongs to the features beside it, by checks that cost next to nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algocli.compute.files import read_json
from algocli.errors import DataError
from algocli.features.store.gram import Gram
from algocli.features.store.shards import FeatureStore

# Images a side of the tiles that are compared with their mirror images.
_TILE = 64
# float32 products of a hundred thousand features, summed a block at a time, are right to 1e-5 or so.
_ROUNDING = 1e-4


def gram_fault(store: FeatureStore, rows: tuple[int, ...]) -> str | None:
    """Say what is wrong with a store's Gram matrix; None where there is none, or nothing is found.

    Parameters
    ----------
    rows
        Rows of the store whose distance is compared with what the matrix says of it.
    """
    folder = store.folder / "gram"
    # Without its record it is computed anew.
    if not (folder / "record.json").is_file():
        return None
    try:
        if read_json(folder / "record.json").get("key") != store.key:
            return "it belongs to other features"
        matrix = Gram(folder)
        # Read from the file: an array without rows would fail below.
        shape = np.load(folder / "matrix.npy", mmap_mode="r").shape
        if shape != (store.n_stimuli,) * 2:
            return f"it is {' x '.join(map(str, shape))}; {store.n_stimuli} images were expected"
        return _asymmetry(matrix) or _wrong_distance(matrix, store, rows)
    except DataError as error:
        return error.message


def _asymmetry(matrix: Gram) -> str | None:
    """Compare some tiles with their mirror images, from which they differ in no bit."""
    n = matrix.n_stimuli
    edges = [np.arange(start, min(start + _TILE, n)) for start in sorted({0, n // 2, max(0, n - _TILE)})]
    for rows in edges:
        for columns in edges:
            tile = matrix.block(rows, columns)
            if not np.isfinite(tile).all():
                return "it holds numbers that are not finite"
            if not np.array_equal(tile, matrix.block(columns, rows).T):
                return f"it is not symmetric near row {rows[0]}, column {columns[0]}"
    return None


def _wrong_distance(matrix: Gram, store: FeatureStore, rows: tuple[int, ...]) -> str | None:
    """Compare the distance of two rows with K[r, r] + K[s, s] - 2 K[r, s]: it needs no mean over all images."""
    if len(rows) < 2 or not store.complete:
        return None
    places = np.asarray(rows)
    block = matrix.block(places, places).astype(np.float64)
    features: NDArray[np.float64] = store.read(rows).astype(np.float64)
    found = block[0, 0] + block[1, 1] - 2 * block[0, 1]
    expected = float(((features[0] - features[1]) ** 2).sum())
    # Features far from zero beside their spread lose digits when the mean is taken away in float32.
    lengths = np.linalg.norm(features, axis=1).sum() * np.sqrt(np.abs(block.diagonal())).sum()
    if abs(found - expected) <= _ROUNDING * np.abs(block.diagonal()).sum() + np.finfo(np.float32).eps * 4 * lengths:
        return None
    return f"the squared distance of rows {rows[0]} and {rows[1]} is {found:g} in it and {expected:g} in the features"
