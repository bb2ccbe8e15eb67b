"""Passes every image through a network once and keeps what a layer said about it.

Three things run at the same time: threads decode images, the network works on the batch before, and a writer
compresses the shard before that. What is left to do is read from the store's records, so an extraction that was
killed goes on where it was, and ends with the same bytes.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

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

if TYPE_CHECKING:
    import torch

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
    todo = [paths[row] for shard in pending for row in range(shard.start, shard.stop)]
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as decoders, ThreadPoolExecutor(1) as writer:
        decoded = _ahead(decoders, backbone.transform.decode, todo, depth=2 * batch_size + workers)
        pixels = iter(track(decoded, total=len(todo), label=label, unit="images"))
        written: Future[None] | None = None
        for shard in pending:
            rows = _forward(backbone, pixels, shard, store, batch_size, device)
            if written is not None:
                written.result()
            written = writer.submit(_check_and_write, store, shard, rows, paths, backbone.layer.name)
        if written is not None:
            written.result()
        # Let the display see the end of its iterable.
        next(pixels, None)


def _forward(
    backbone: Backbone, pixels: Iterator[NDArray[np.uint8]], shard: Shard, store: FeatureStore, batch: int, device: str
) -> NDArray[Any]:
    """Return a shard's rows, (len(shard), n_features), in the store's dtype."""
    import torch

    rows = np.empty((len(shard), store.n_features), store.dtype)
    target = torch.from_numpy(rows).view(len(shard), *backbone.layer.shape)
    with torch.inference_mode():
        for start in range(0, len(shard), batch):
            stop = min(start + batch, len(shard))
            stack = torch.from_numpy(np.stack([next(pixels) for _ in range(start, stop)]))
            # copy_ converts, undoes channels-last and (from a GPU) waits, all in one pass.
            target[start:stop].copy_(backbone(_to(stack, device)))
    return rows


def _to(stack: torch.Tensor, device: str) -> torch.Tensor:
    return stack.pin_memory().to(device, non_blocking=True) if device.startswith("cuda") else stack.to(device)


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
