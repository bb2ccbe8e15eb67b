"""Several layers as one: their features side by side, which is the sum of their Gram matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.features.store.gram import Gram
from algocli.features.store.keys import digest_of
from algocli.features.store.shards import FeatureStore

# Rows that are read at once: 40 MB at the challenge's size.
_ROWS = 1024


def join(stores: Sequence[FeatureStore], grams: Sequence[Gram], fit: NDArray[np.int64], *, scaled: bool) -> Gram:
    """Return the Gram matrix of the features of several layers side by side.

    It lies in memory; what is derived from it is kept beside the first layer's.

    Parameters
    ----------
    stores, grams
        One entry a layer, of the same images in the same order.
    fit
        The images that a model is to be fitted on.
    scaled
        Whether each layer is divided by the mean variance of its components over these images: a layer then counts
        for what it holds, not for how many features it has and how large they are. No other image has a say.
    """
    if len(grams) == 1:
        return grams[0]
    total = np.zeros((grams[0].n_stimuli,) * 2, np.float32)
    for one in grams:
        weight = layer_weight(one, fit) if scaled else np.float32(1)
        for rows in blocks(len(total), _ROWS):
            total[rows] += weight * one.rows(rows)
    keys = digest_of({"keys": [store.key for store in stores], "scaled": scaled})
    return Gram(grams[0].folder / f"joined-{keys[:16]}", total)


def layer_weight(gram: Gram, fit: NDArray[np.int64]) -> np.float32:
    """Return one over the mean variance of the components of these images; nothing for a layer that never varies."""
    sums = [gram.rows(rows)[:, fit].sum(axis=1, dtype=np.float64) for rows in blocks(gram.n_stimuli, _ROWS)]
    # What centring on both sides takes from the trace is n times the mean of all entries.
    trace = gram.diagonal(fit).sum(dtype=np.float64) - np.concatenate(sums)[fit].mean()
    return np.float32((len(fit) - 1) / trace if trace > 0 else 0)
