"""The room in memory that features take while images pass through networks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import DTypeLike

from algocli.features.passage import n_workers
from algocli.features.store.shards import rows_per_shard

# What torch, torchvision and the images in flight take, measured, beside the features themselves.
BASE_MEMORY = 900 * 2**20


def memory_held(layers: Iterable[tuple[int, DTypeLike]], batch_size: int) -> int:
    """Return the bytes that features take on their way to disk at the most, of layers by their widths and precisions.

    Each store holds a shard that fills, one that is written and its compressed form; each batch waits in a queue.
    """
    waiting = 2 * n_workers() * batch_size
    held = 0
    for width, dtype in layers:
        held += 3 * width * np.dtype(dtype).itemsize * rows_per_shard(width, np.dtype(dtype)) + 4 * width * waiting
    return held
