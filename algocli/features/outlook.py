"""What passes of networks over images would take: features that are left to make, memory, and time from a trial.

Times are estimates, and tell a user what to expect: nothing is decided by them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from algocli.dataset.images import Images
from algocli.dataset.protocol import Subject
from algocli.errors import DataError
from algocli.features.extraction import Wanted, recipe_of
from algocli.features.networks.backbones import Backbone
from algocli.features.networks.numerics import Numerics, autocast, one_core_each, products
from algocli.features.passage import n_workers, refuse_unfit
from algocli.features.reduction import Reducer
from algocli.features.room import memory_held
from algocli.features.store.library import is_store, store_name
from algocli.features.store.shards import FeatureStore

if TYPE_CHECKING:
    from PIL import Image

# Images that every worker takes in a trial.
_TRIED = 4


def count_rows_left(wanted: Wanted, reduce: Reducer, subject: Subject, content: str, cache_dir: Path) -> int:
    """Count the images of which a layer's features are still to be made; `content` is the digest of all images."""
    folder = cache_dir / "features" / recipe_of(wanted, reduce).name / store_name(subject, content)
    try:
        return sum(map(len, FeatureStore(folder).pending())) if is_store(folder) else len(subject.stimuli)
    except DataError:
        # Told, or mended, by whoever opens it to fill it.
        return len(subject.stimuli)


def weights_bytes(backbone: Backbone) -> int:
    """Return what a network takes in memory by itself."""
    tensors = chain(backbone.network.parameters(), backbone.network.buffers())
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def held_bytes(wanted: Iterable[Wanted]) -> int:
    """Return what the features that are wanted of a network take in memory on their way to disk."""
    return sum(
        memory_held(((reduce.n_features, each.how.dtype) for reduce in each.reducers), each.how.batch_size)
        for each in wanted
    )


def in_passes(networks: Sequence[tuple[Numerics, int]], memory: int) -> list[list[int]]:
    """Divide networks among passes over the images, as few as the memory allows.

    Parameters
    ----------
    networks
        The mode in which each runs, which those of one pass have alike, and the bytes that it holds in memory.
    memory
        The bytes that those of a pass may hold. A network that needs more has a pass of its own, which says so.

    Returns
    -------
    The places of each pass's networks.

    Examples
    --------
    >>> in_passes([("float32", 40), ("float32", 50), ("bfloat16", 10), ("float32", 20)], 100)
    [[0, 1], [3], [2]]
    """
    passes: list[list[int]] = []
    for mode in dict.fromkeys(numerics for numerics, _ in networks):
        left = -1
        for place, (numerics, held) in enumerate(networks):
            if numerics != mode:
                continue
            if held > left:
                passes.append([])
                left = memory
            passes[-1].append(place)
            left -= held
    return passes


@dataclass(frozen=True)
class Pace:
    """Seconds that an image takes with all cores at work: to be decoded, and to pass a network."""

    decoding: float
    passing: float


def measure_pace(wanted: Sequence[Wanted], images: Images) -> Pace:
    """Measure the pace of a network, of which all this is wanted, on a few of the images.

    Raises
    ------
    DataError
        If one of the images cannot be read, or the network yields for it what cannot be stored.
    """
    import torch

    backbone, how = wanted[0].backbone, wanted[0].how
    rows = range(min(_TRIED, len(images.stimuli)))
    at_once = 1 if how.device != "cpu" or backbone.takes_turns else n_workers()

    def run(pictures: Sequence[Image.Image]) -> None:
        pixels = np.stack([backbone.transform.resize(picture) for picture in pictures])
        with torch.inference_mode(), autocast(how.numerics, how.device):
            outputs = backbone(torch.from_numpy(pixels).to(how.device))
            for each in wanted:
                for reduce in each.reducers:
                    refuse_unfit(reduce(outputs[reduce.layer.name], np.dtype(each.how.dtype)), reduce, images, 0)

    with products(how.numerics), one_core_each(how.device), ThreadPoolExecutor(n_workers()) as pool:
        begun = time.perf_counter()
        loaded = list(pool.map(lambda _: images.load(rows), range(n_workers())))
        decoded = time.perf_counter()
        list(pool.map(run, loaded[:at_once]))
        passed = time.perf_counter()
    return Pace((decoded - begun) / (n_workers() * len(rows)), (passed - decoded) / (at_once * len(rows)))
