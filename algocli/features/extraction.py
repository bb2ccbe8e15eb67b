"""Passes every image of a subject through a network once and keeps what some of its layers said about it.

What is left to do is read from the stores' records, so an extraction that was killed goes on where it was, and ends
with the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from algocli.compute.budget import check_disk, check_memory, free_disk, gigabytes
from algocli.compute.lock import hold
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.conversions import describe
from algocli.dataset.images import Images, open_images
from algocli.dataset.protocol import Subject
from algocli.features.networks.backbones import Backbone
from algocli.features.networks.numerics import check_numerics
from algocli.features.passage import Passage, Target, n_workers, pass_through
from algocli.features.reduction import Reducer
from algocli.features.store.keys import recipe
from algocli.features.store.library import CONVERTED, create_store
from algocli.features.store.shards import FeatureStore, Shard

# What torch, torchvision and the images in flight take, measured, beside the features themselves.
BASE_MEMORY = 900 * 2**20
# From here on it is worth saying how a transformer's features become smaller.
_MANY_BYTES = 2**30


DEFAULT_PASSAGE = Passage()


def extract(
    subject: Subject,
    backbone: Backbone,
    cache_dir: Path,
    how: Passage = DEFAULT_PASSAGE,
    *,
    images: Images | None = None,
    track: Track = silent,
    note: Note = unheard,
) -> list[FeatureStore]:
    """Bring a subject's features of a backbone's layers to completion and return their stores, in layer order.

    Parameters
    ----------
    images
        Where the images are read from; the dataset unless told otherwise.
    track, note
        How to show progress and to say something by the way.

    Raises
    ------
    DataError
        If an image cannot be read, or a feature is not finite or beyond the range of the store's dtype.
    StorageError
        If the disk is full or may not be written. Everything finished stays finished.
    UsageError
        If the device lacks a mode, a layer cannot be reduced so, or the memory cannot suffice.
    """
    check_numerics(how.numerics, how.device)
    # What cannot be had of a layer is told before the images are looked at.
    reducers = [Reducer(layer, how.reduction) for layer in backbone.layers]
    images = images or open_images(subject)
    content = images.digest(cache_dir, track)
    converted = images.converted(cache_dir)
    if converted:
        note(f"subject {subject.id}: {'; '.join(describe(converted))}")
    about = {
        "source": images.kind,
        **({"stimuli": str(images.place.resolve())} if images.place else {}),
        CONVERTED: {kind: len(names) for kind, names in converted.items()},
    }
    stores = [_open(subject, about, content, backbone, reduce, cache_dir, how) for reduce in reducers]
    with ExitStack() as locks:
        # In the order of their names, not of the layers: two that wait for one another's stores would wait for ever.
        for store in sorted(stores, key=lambda store: store.folder):
            # Processes that share the rows of a store work on it side by side; whoever wants all of it works alone.
            locks.enter_context(hold(store.folder / "lock", note, shared=how.rows is not None))
        targets = []
        for store, reduce in zip(stores, reducers, strict=True):
            pending = _pending(store, how.rows)
            _say_what_is_done(subject, store, pending, how.rows, note)
            if pending:
                targets.append(Target(store, reduce, pending))
        if targets:
            from algocli.features.networks.trial import try_network

            try_network(backbone, how.device, how.numerics)
            if how.rows is None:
                for target in targets:
                    target.store.sweep()
            _announce(subject, backbone, targets, cache_dir, how, note)
            pass_through(targets, images, backbone, how, f"subject {subject.id}: features", track)
    return stores


def _open(
    subject: Subject,
    about: Mapping[str, Any],
    content: str,
    backbone: Backbone,
    reduce: Reducer,
    cache_dir: Path,
    how: Passage,
) -> FeatureStore:
    import torch

    from algocli.features.networks.torchvision_import import torchvision

    identity = backbone.identity(reduce.layer.name)
    named = recipe(
        backbone.model,
        reduce.layer.name,
        backbone.weights,
        identity,
        how.dtype,
        post=reduce.identity(),
        numerics=how.numerics,
        asks_for=backbone.asks_for.constants if backbone.asks_for else None,
    )
    provenance = {
        **about,
        "shape": list(reduce.layer.shape),
        "device": how.device,
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
    }
    return create_store(cache_dir, named, subject, content, reduce.n_features, provenance)


def _pending(store: FeatureStore, rows: range | None) -> list[Shard]:
    """Return the shards to make here: a shard belongs to whoever has its first row."""
    return [shard for shard in store.pending() if rows is None or shard.start in rows]


def _say_what_is_done(
    subject: Subject, store: FeatureStore, pending: Sequence[Shard], rows: range | None, note: Note
) -> None:
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


def _announce(
    subject: Subject, backbone: Backbone, targets: Sequence[Target], cache_dir: Path, how: Passage, note: Note
) -> None:
    """Say what will be written, and refuse what cannot fit, before the first image is read."""
    from algocli.features.costs import tell_cost

    per_row = [target.store.n_features * target.store.dtype.itemsize for target in targets]
    n_bytes = sum(width * sum(map(len, target.pending)) for width, target in zip(per_row, targets, strict=True))
    layers = f"{len(targets)} layer{'s' if len(targets) > 1 else ''}"
    note(
        f"subject {subject.id}: up to {gigabytes(n_bytes)} to write for {layers} (less once compressed), "
        f"{gigabytes(free_disk(cache_dir))} free"
    )
    of_tokens = any(target.reduce.layer.tokens is not None for target in targets)
    whole = how.reduction.pool is None and how.reduction.tokens is None
    if whole and of_tokens and n_bytes > _MANY_BYTES:
        note(f"subject {subject.id}: tokens='class+patches' with pool=8, or tokens='mean', keeps much less of tokens")
    n_left = max(sum(map(len, target.pending)) for target in targets)
    cost = tell_cost(backbone, how, n_left, n_workers() if how.device == "cpu" else 1)
    if cost is not None:
        note(f"subject {subject.id}: {cost}")
    smaller = "dtype='float16', tokens=..., pool=... or project=... make features smaller"
    check_disk(n_bytes, cache_dir, remedy=f"{smaller}; or name another cache_dir=...")
    # Each store holds a shard that fills, one that is written and its compressed form; each batch waits in a queue.
    shards = sum(3 * width * target.store.rows_per_shard for width, target in zip(per_row, targets, strict=True))
    batches = 2 * n_workers() * how.batch_size * sum(4 * target.store.n_features for target in targets)
    check_memory(BASE_MEMORY + shards + batches, remedy=f"{smaller}; a smaller batch_size=... or fewer layers help too")
