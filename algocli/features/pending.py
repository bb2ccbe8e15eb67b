"""What is left of an extraction by the records of its stores: said before it begins, and divided among workers."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from algocli.compute.anywhere import Place
from algocli.compute.budget import check_disk, check_memory, free_disk, gigabytes
from algocli.compute.track import Note
from algocli.dataset.protocol import Subject
from algocli.errors import AlgocliError
from algocli.features.passage import Lane, Passage, n_workers
from algocli.features.room import BASE_MEMORY, memory_held
from algocli.features.store.shards import MAX_SHARD_ROWS, FeatureStore, Shard

# From here on it is worth saying how a transformer's features become smaller.
_MANY_BYTES = 2**30


def pending_shards(store: FeatureStore, rows: range | None) -> list[Shard]:
    """Return the shards to make here: a shard belongs to whoever has its first row."""
    return [shard for shard in store.pending() if rows is None or shard.start in rows]


class ImagesLeft:
    """The images that stores lack, and how many of them others have brought since: asked of records, and cheaply.

    An image is done when every layer has it.
    """

    def __init__(self) -> None:
        self.total, self.n_done = 0, 0
        self._left: list[tuple[FeatureStore, dict[str, Shard], Counter[int]]] = []

    def add(self, stores: Iterable[FeatureStore], rows: range | None) -> None:
        """Look after the stores of one subject, too, or after those rows of them."""
        lacking = Counter[int]()
        for store in stores:
            shards = {store.record_path(shard.index).name: shard for shard in pending_shards(store, rows)}
            lacking.update(row for shard in shards.values() for row in range(shard.start, shard.stop))
            self._left.append((store, shards, lacking))
        self.total += len(lacking)

    def count(self) -> int:
        """Return how many are done since."""
        for store, shards, lacking in self._left:
            # One listing tells of most that they are not there.
            for name in _names_in(store.place / "done").intersection(shards) if shards else ():
                if store.record_of(shards[name].index) is not None:
                    shard = shards.pop(name)
                    lacking.subtract(range(shard.start, shard.stop))
                    self.n_done += sum(not lacking[row] for row in range(shard.start, shard.stop))
        return self.n_done


def _names_in(folder: Place) -> set[str]:
    """Return the names of what lies in a folder; none where nobody can tell now."""
    try:
        return set(os.listdir(folder)) if isinstance(folder, Path) else {path.name for path in folder.glob("*")}
    except (OSError, AlgocliError):
        return set()


def say_what_is_done(
    subject: Subject, store: FeatureStore, pending: Sequence[Shard], rows: range | None, note: Note
) -> None:
    """Say what of a store is there already, and where its rows are cut otherwise than was asked for."""
    name = f"subject {subject.id}: {store.folder.parent.name}"
    n_left = sum(map(len, store.pending()))
    if rows is not None and not any(shard.start in rows for shard in store.shards):
        until = f"to {rows.stop}" if rows.stop < store.n_stimuli else "on"
        note(f"{name}: none of the shards of its {store.n_stimuli} rows begins from row {rows.start} {until}")
    elif not pending:
        note(f"{name} is complete, nothing to do" if not n_left else f"{name}: these rows are done, nothing to do")
    elif n_left < store.n_stimuli:
        note(f"{name}: {store.n_stimuli - n_left} of {store.n_stimuli} images are done already")
    here = [shard for shard in store.shards if rows is not None and shard.start in rows]
    if rows is not None and pending and (here[0].start, here[-1].stop) != (rows.start, min(rows.stop, store.n_stimuli)):
        whole = f"rows {here[0].start} to {here[-1].stop}"
        note(f"{name}: rows are written in blocks of {store.rows_per_shard}, whole; here {whole}, end excluded")


def announce(subject: Subject, lanes: Sequence[Lane], cache_dir: Path, how: Passage, note: Note) -> None:
    """Say what will be written, and refuse what cannot fit, before the first image is read.

    Raises
    ------
    StorageError, UsageError
        If the disk, or the memory, cannot suffice.
    """
    from algocli.features.costs import tell_cost

    targets = [target for lane in lanes for target in lane.targets]
    per_row = [target.store.n_features * target.store.dtype.itemsize for target in targets]
    sizes = [width * sum(map(len, target.pending)) for width, target in zip(per_row, targets, strict=True)]
    n_bytes, layers = sum(sizes), f"{len(targets)} layer{'s' if len(targets) > 1 else ''}"
    on_disk = [size for size, target in zip(sizes, targets, strict=True) if isinstance(target.store.place, Path)]
    free = f", {gigabytes(free_disk(cache_dir))} free" if on_disk else " to where it is kept elsewhere"
    note(f"subject {subject.id}: up to {gigabytes(n_bytes)} to write for {layers} (less once compressed){free}")
    whole = [target for target in targets if target.reduce.reduction.keeps_all]
    if n_bytes > _MANY_BYTES and any(target.reduce.layer.tokens is not None for target in whole):
        note(f"subject {subject.id}: tokens='class+patches' with pool=8, or tokens='mean', keeps much less of tokens")
    for lane in lanes:
        n_left = max(sum(map(len, target.pending)) for target in lane.targets)
        cost = tell_cost(lane.backbone, how, n_left, n_workers() if how.device == "cpu" else 1)
        if cost is not None:
            note(f"subject {subject.id}: {cost}")
    smaller = "dtype='float16', tokens=..., pool=... or project=... make features smaller"
    check_disk(sum(on_disk), cache_dir, remedy=f"{smaller}; or name another cache_dir=...")
    held = memory_held(((target.store.n_features, target.store.dtype) for target in targets), how.batch_size)
    check_memory(BASE_MEMORY + held, remedy=f"{smaller}; a smaller batch_size=... or fewer layers help too")


def divided(shards: Iterable[Shard], n_parts: int, within: range) -> list[range]:
    """Divide rows into about so many parts, none of which shares a shard with another.

    Parameters
    ----------
    shards
        Those that are to be made, of any number of stores.
    within
        The rows that were asked for: a shard belongs to whoever has its first.
    """
    # Shards have a power of two of rows, the longest these: one of each store begins with each block of the longest.
    begun = sorted({shard.start // MAX_SHARD_ROWS for shard in shards})
    longest = -(-len(begun) // n_parts) * MAX_SHARD_ROWS
    parts: list[range] = []
    for start in (number * MAX_SHARD_ROWS for number in begun):
        if parts and parts[-1].stop == start and len(parts[-1]) < longest:
            parts[-1] = range(parts[-1].start, start + MAX_SHARD_ROWS)
        else:
            parts.append(range(start, start + MAX_SHARD_ROWS))
    return [range(max(part.start, within.start), min(part.stop, within.stop)) for part in parts]
