"""Images passing through networks: batches decoded, computed and cut into shards, each at its own pace.

Workers take whole batches, from decoding to features: as many threads as there are cores, each with a core of its
own, which wastes less than a network spread over all cores and waiting for its images. A writer compresses the
shards before. Several networks share what is decoded, and what is resized alike; each yields what it would alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import check_choice, check_kind, check_whole, check_word
from algocli.compute.cores import n_cores
from algocli.compute.freed_memory import freed_memory_kept
from algocli.compute.threads import ahead
from algocli.compute.track import Track
from algocli.dataset.images import Images
from algocli.errors import AlgocliError, DataError, StorageError, UsageError
from algocli.features import usual
from algocli.features.networks.backbones import Backbone
from algocli.features.networks.network import told_as
from algocli.features.networks.numerics import Numerics, autocast, one_core_each, products
from algocli.features.reduction import Reducer, Reduction
from algocli.features.store import shards as store_module
from algocli.features.store.finite import refuse_non_finite
from algocli.features.store.keys import Dtype
from algocli.features.store.shards import FeatureStore, Shard

if TYPE_CHECKING:
    import torch

Out = TypeVar("Out")


@dataclass(frozen=True)
class Passage:
    """How images pass through a network.

    `batch_size` changes the speed and no more than the last bits of a number; everything else enters the key. `rows`
    restricts the work to the shards that begin within it: any partition of the rows, in any order and by any
    processes, gives the same stores.

    Raises
    ------
    UsageError
        If a field is not what it can be.
    """

    dtype: Dtype = usual.DTYPE
    batch_size: int = usual.BATCH_ON_CPU
    device: str = "cpu"
    numerics: Numerics = usual.NUMERICS
    reduction: Reduction = field(default_factory=Reduction)
    rows: range | None = None

    def __post_init__(self) -> None:
        check_choice("dtype", self.dtype, get_args(Dtype))
        check_choice("numerics", self.numerics, get_args(Numerics))
        object.__setattr__(self, "batch_size", check_whole("batch_size", self.batch_size, 1))
        check_word("device", self.device)
        check_kind("reduction", self.reduction, Reduction, "Reduction() keeps every number")
        if self.rows is not None:
            rows = check_kind("rows", self.rows, range, "range(start, stop)")
            if rows.step != 1 or rows.start < 0:
                raise UsageError(f"rows={rows}: neighbouring rows, from 0 on, were expected", hint="range(start, stop)")


@dataclass
class Target:
    """One layer's store while it is being filled: rows come in, whole shards go out."""

    store: FeatureStore
    reduce: Reducer
    pending: list[Shard]
    _open: dict[int, tuple[NDArray[Any], int]] = field(default_factory=dict)

    @property
    def layer(self) -> str:
        """The name of the layer."""
        return self.reduce.layer.name

    def wants(self, rows: range) -> bool:
        """Say whether a pending shard has some of these rows."""
        return any(shard.start < rows.stop and rows.start < shard.stop for shard in self.pending)

    def take(self, rows: range, features: NDArray[Any]) -> Iterator[tuple[Shard, NDArray[Any]]]:
        """Put a batch into the shards that it belongs to; yield those that are whole now."""
        for shard in self.pending:
            start, stop = max(rows.start, shard.start), min(rows.stop, shard.stop)
            if start >= stop:
                continue
            block, n_filled = self._open.pop(shard.index, (None, 0))
            if block is None:
                block = np.empty((len(shard), self.store.n_features), self.store.dtype)
            block[start - shard.start : stop - shard.start] = features[start - rows.start : stop - rows.start]
            n_filled += stop - start
            if n_filled == len(shard):
                yield shard, block
            else:
                self._open[shard.index] = (block, n_filled)


@dataclass
class Lane:
    """A network in a passage, the stores that its layers fill, and what put an end to it, if anything has."""

    backbone: Backbone
    targets: list[Target]
    fault: AlgocliError | None = None

    def wants(self, rows: range) -> bool:
        """Say whether there is anything to do for it in a batch."""
        return self.fault is None and any(target.wants(rows) for target in self.targets)


def n_workers() -> int:
    """Return how many batches are computed at a time."""
    return n_cores()


def pass_through(
    lanes: Sequence[Lane], images: Images, how: Passage, label: str, track: Track, *, spare: int = 0
) -> None:
    """Compute and write the pending shards of all layers, each image decoded once and passing each network once.

    A network that fails leaves the others alone: its lane has the fault.

    Parameters
    ----------
    spare
        Bytes of memory in which shards stay at hand once they are written, for whoever reads all of them at once.

    Raises
    ------
    DataError, StorageError
        If an image cannot be read, or the disk not be written, which concerns all networks.
    """
    turns, keeping = _turns(lanes, how), _Keeping(spare)

    def compute(rows: range) -> tuple[range, list[list[NDArray[Any] | None]]]:
        wanting = [lane.wants(rows) for lane in lanes]
        pictures = images.load(rows) if any(wanting) else []
        transforms = dict.fromkeys(lane.backbone.transform for lane, wants in zip(lanes, wanting, strict=True) if wants)
        pixels = {each: np.stack([each.resize(picture) for picture in pictures]) for each in transforms}
        features: list[list[NDArray[Any] | None]] = []
        for lane, turn, wants in zip(lanes, turns, wanting, strict=True):
            features.append([])
            with turn, ending(lane):
                if wants:
                    features[-1] = _features(lane, pixels[lane.backbone.transform], rows, how)
        return rows, features

    batches = _batches([target for lane in lanes for target in lane.targets], len(images.stimuli), how.batch_size)
    n_images, n_layers = sum(map(len, batches)), sum(len(lane.targets) for lane in lanes)
    writing: deque[Future[None]] = deque()
    with freed_memory_kept(), ThreadPoolExecutor(1) as writer, products(how.numerics), one_core_each(how.device):
        with ThreadPoolExecutor(n_workers()) as pool:
            computed = ahead(pool, compute, batches, depth=2 * n_workers())
            for rows, features in _counted(computed, n_images, label, track):
                for lane, blocks in zip(lanes, features, strict=True):
                    for shard, whole, target in _whole(lane, rows, blocks):
                        writing.append(writer.submit(_write, lane, target, shard, whole, images, keeping))
                if all(lane.fault for lane in lanes):
                    break
                # As many shards may wait as there are layers, so that memory stays as announced.
                while len(writing) > n_layers:
                    writing.popleft().result()
        for future in writing:
            future.result()


def _turns(lanes: Sequence[Lane], how: Passage) -> list[threading.Semaphore]:
    """Return for each lane what lets a batch of it pass."""
    if how.device != "cpu":
        # One batch at a time on a GPU: more would only wait there, each with its activations in memory.
        return [threading.Semaphore(1)] * len(lanes)
    return [threading.Semaphore(1 if lane.backbone.takes_turns else n_workers()) for lane in lanes]


@contextmanager
def ending(lane: Lane) -> Iterator[None]:
    """Note what is refused of a network, and let the others pass; what concerns the disk concerns all."""
    try:
        yield
    except StorageError:
        raise
    except AlgocliError as error:
        lane.fault = lane.fault or error


def _whole(
    lane: Lane, rows: range, blocks: Sequence[NDArray[Any] | None]
) -> Iterator[tuple[Shard, NDArray[Any], Target]]:
    """Put a batch of a network into shards, and yield those that are whole now."""
    if lane.fault is None:
        for target, block in zip(lane.targets, blocks, strict=True):
            for shard, whole in target.take(rows, block) if block is not None else ():
                yield shard, whole, target


@dataclass
class _Keeping:
    """What is left of the memory in which shards stay; they are written by one thread."""

    left: int

    def take(self, n_bytes: int) -> bool:
        """Say whether so much may stay, and count it."""
        fits = n_bytes <= self.left
        self.left -= n_bytes if fits else 0
        return fits


def _write(lane: Lane, target: Target, shard: Shard, rows: NDArray[Any], images: Images, keeping: _Keeping) -> None:
    with ending(lane):
        refuse_unfit(rows, target.reduce, images, shard.start)
        if target.store.write(shard, rows) and keeping.take(rows.nbytes):
            target.store.at_hand[shard.index] = rows


def refuse_unfit(rows: NDArray[Any], reduce: Reducer, images: Images, start: int) -> None:
    """Refuse rows of a layer that are not finite as they are to be stored; `start` is the place of the first image.

    Raises
    ------
    DataError
        Naming the first such image.
    """
    refuse_non_finite(
        rows,
        np.float32,
        what=f"layer {reduce.layer.name}",
        name=lambda place: images.name(start + place),
        remedy="extract with dtype='float32'",
    )


def _batches(targets: Sequence[Target], n_stimuli: int, batch_size: int) -> list[range]:
    """Cut the rows into batches, always at the same places, and keep those that a store needs.

    None reaches over the end of a shard of the usual length; over that of shorter ones it may. Were it cut there, the
    layers that are left to do would decide where, and the company in which an image passes moves last digits.
    """
    longest = store_module.MAX_SHARD_ROWS
    every = [
        range(start, min(start + batch_size, segment + longest, n_stimuli))
        for segment in range(0, n_stimuli, longest)
        for start in range(segment, min(segment + longest, n_stimuli), batch_size)
    ]
    return [rows for rows in every if any(target.wants(rows) for target in targets)]


def _features(lane: Lane, pixels: NDArray[np.uint8], rows: range, how: Passage) -> list[NDArray[Any] | None]:
    """Return one array of rows for each target, None where it needs nothing of this batch."""
    import torch

    stack = torch.from_numpy(pixels)
    with torch.inference_mode(), autocast(how.numerics, how.device):
        if how.device.startswith("cuda"):
            stack = stack.pin_memory()
        with told_as(
            f"{lane.backbone.model} ran when it was tried, and fails on row {rows.start} and those after", None
        ):
            outputs = lane.backbone(stack.to(how.device, non_blocking=True))
        _refuse_other_sizes(lane.targets, outputs, len(rows))
        return [
            target.reduce(outputs[target.layer], target.store.dtype) if target.wants(rows) else None
            for target in lane.targets
        ]


def _refuse_other_sizes(targets: Sequence[Target], outputs: Mapping[str, torch.Tensor], n_images: int) -> None:
    """Refuse a layer that yields other sizes for these images than it did when it was tried out."""
    for target in targets:
        size, usual = tuple(outputs[target.layer].shape), (n_images, *target.reduce.layer.shape)
        if size != usual:
            raise DataError(
                f"layer {target.layer} yields {size} for some {n_images} images, where {usual} was expected",
                hint="choose a layer whose size does not depend on the image",
            )


def _counted(
    computed: Iterable[tuple[range, Out]], total: int, label: str, track: Track
) -> Iterator[tuple[range, Out]]:
    """Pass batches on while the display counts their images."""
    batches = iter(computed)
    images = iter(track(_each_image(batches), total=total, label=label, unit="images"))
    for rows, features in images:
        if features is not None:
            yield rows, features


def _each_image(batches: Iterator[tuple[range, Out]]) -> Iterator[tuple[range, Out | None]]:
    """Yield once an image; the batch itself comes with the last of its images."""
    for rows, features in batches:
        for _ in rows[1:]:
            yield rows, None
        yield rows, features
