"""Passes every image through a network once and keeps what a layer said about it.

Workers take whole batches, from decoding to features: as many threads as there are cores, each with a core of its
own, which wastes less than a network spread over all cores and waiting for its images. A writer compresses the
shard before. What is left to do is read from the store's records, so an extraction that was killed goes on where
it was, and ends with the same bytes.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from algocli.challenge.digests import stimuli_digest
from algocli.challenge.stimuli import Stimulus
from algocli.challenge.subjects import Subject
from algocli.compute.lock import hold
from algocli.compute.track import Note, Track, silent, unheard
from algocli.errors import DataError
from algocli.features.backbones import Backbone
from algocli.features.keys import Dtype, Recipe, recipe
from algocli.features.library import create_store
from algocli.features.store import FeatureStore, Shard

In = TypeVar("In")
Out = TypeVar("Out")


def extract(
    subject: Subject,
    backbone: Backbone,
    cache_dir: Path,
    *,
    dtype: Dtype = "float16",
    batch_size: int = 32,
    device: str = "cpu",
    track: Track = silent,
    note: Note = unheard,
) -> FeatureStore:
    """Bring a subject's features of one layer to completion and return their store.

    Parameters
    ----------
    batch_size
        Images a forward pass; it changes the speed and no number.
    track, note
        How to show progress and to say something by the way.

    Raises
    ------
    DataError
        If an image cannot be read, or a feature is not finite or beyond the range of `dtype`.
    StorageError
        If the disk is full or may not be written. Everything finished stays finished.
    """
    stimuli = subject.stimuli
    how = recipe(backbone.model, backbone.layer.name, backbone.weights, backbone.identity(), dtype)
    store = _open(subject, stimuli, backbone, how, cache_dir, device, track)
    with hold(store.folder / "lock", note):
        pending = store.pending()
        if not pending:
            note(f"subject {subject.number}: {how.name} is complete, nothing to do")
            return store
        store.sweep()
        n_rows = sum(map(len, pending))
        if n_rows < store.n_stimuli:
            note(f"subject {subject.number}: {store.n_stimuli - n_rows} of {store.n_stimuli} images are done already")
        _fill(store, pending, [s.path for s in stimuli], backbone, batch_size, device, _label(subject), track)
    return store


def _label(subject: Subject) -> str:
    return f"subject {subject.number}: features"


def _open(
    subject: Subject,
    stimuli: Sequence[Stimulus],
    backbone: Backbone,
    how: Recipe,
    cache_dir: Path,
    device: str,
    track: Track,
) -> FeatureStore:
    import torch
    import torchvision

    provenance = {
        "shape": list(backbone.layer.shape),
        "device": device,
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
    }
    content = stimuli_digest(stimuli, cache_dir, track=track)
    return create_store(cache_dir, how, subject, content, backbone.layer.n_features, provenance)


def _fill(
    store: FeatureStore,
    pending: Sequence[Shard],
    paths: Sequence[Path],
    backbone: Backbone,
    batch_size: int,
    device: str,
    label: str,
    track: Track,
) -> None:
    """Compute and write the pending shards."""
    workers = os.cpu_count() or 1
    # One batch at a time on a GPU: more would only wait there, each with its activations in memory.
    turns = threading.Semaphore(1 if device.startswith("cuda") else workers)

    def compute(rows: range) -> NDArray[Any]:
        pixels = np.stack([backbone.transform.decode(paths[row]) for row in rows])
        with turns:
            return _features(backbone, pixels, store.dtype, device)

    batches = [rows for shard in pending for rows in _batches(shard, batch_size)]
    n_images = sum(map(len, pending))
    with _one_core_each(device), ThreadPoolExecutor(workers) as pool, ThreadPoolExecutor(1) as writer:
        computed = _ahead(pool, compute, batches, depth=2 * workers)
        rows = iter(track(_row_by_row(computed), total=n_images, label=label, unit="images"))
        written: Future[None] | None = None
        for shard in pending:
            block = np.empty((len(shard), store.n_features), store.dtype)
            for place, row in zip(range(len(shard)), rows, strict=False):
                block[place] = row
            if written is not None:
                written.result()
            written = writer.submit(_check_and_write, store, shard, block, paths, backbone.layer.name)
        if written is not None:
            written.result()
        # Let the display see the end of its iterable.
        next(rows, None)


def _batches(shard: Shard, batch_size: int) -> list[range]:
    """Cut a shard's rows into batches; none reaches into the next shard, so that a resumed run cuts the same."""
    return [range(a, min(a + batch_size, shard.stop)) for a in range(shard.start, shard.stop, batch_size)]


def _features(backbone: Backbone, pixels: NDArray[np.uint8], dtype: np.dtype[Any], device: str) -> NDArray[Any]:
    """Return the layer's flattened output, (n, n_features), from (n, size, size, 3) pixels."""
    import torch

    rows = np.empty((len(pixels), backbone.layer.n_features), dtype)
    stack = torch.from_numpy(pixels)
    with torch.inference_mode():
        if device.startswith("cuda"):
            stack = stack.pin_memory()
        output = backbone(stack.to(device, non_blocking=True))
        # copy_ converts, undoes channels-last and (from a GPU) waits, all in one pass.
        torch.from_numpy(rows).view(output.shape).copy_(output)
    return rows


def _row_by_row(batches: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    for batch in batches:
        yield from batch


@contextmanager
def _one_core_each(device: str) -> Iterator[None]:
    """On a CPU, keep each worker's network to one core while they work side by side."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1 if device == "cpu" else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check_and_write(store: FeatureStore, shard: Shard, rows: NDArray[Any], paths: Sequence[Path], layer: str) -> None:
    bad = np.flatnonzero(~_finite_rows(rows))
    if len(bad):
        image = paths[shard.start + int(bad[0])].name
        if rows.dtype == np.float16:
            raise DataError(
                f"layer {layer} goes beyond what float16 holds (65504), or is not finite, for {image}",
                hint="extract with --dtype float32",
            )
        raise DataError(f"layer {layer} yields numbers that are not finite for {image}")
    store.write(shard, rows)


def _finite_rows(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which rows are finite: a float is not where all bits of its exponent are set."""
    # Comparing integers is an order of magnitude faster than np.isfinite on float16.
    unsigned, mask = {"float16": (np.uint16, 0x7C00), "float32": (np.uint32, 0x7F800000)}[rows.dtype.name]
    broken: NDArray[np.bool_] = ((rows.view(unsigned) & mask) == mask).any(axis=1)
    return ~broken


def _ahead(executor: Executor, function: Callable[[In], Out], items: Iterable[In], *, depth: int) -> Iterator[Out]:
    """Yield function(item) in order, computed in the executor up to `depth` items ahead."""
    queue: deque[Future[Out]] = deque()
    try:
        for item in items:
            queue.append(executor.submit(function, item))
            if len(queue) >= depth:
                yield queue.popleft().result()
        while queue:
            yield queue.popleft().result()
    finally:
        for future in queue:
            future.cancel()
