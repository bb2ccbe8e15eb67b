"""Passes every image of a subject through networks, once each, and keeps what some of their layers said about it.

What is left to do is read from the stores' records, so an extraction that was killed goes on where it was, and ends
with the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from algocli.compute.addresses import Address
from algocli.compute.lock import hold
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.conversions import describe
from algocli.dataset.images import Images, open_images
from algocli.dataset.protocol import Subject
from algocli.errors import AlgocliError
from algocli.features.networks.backbones import Backbone
from algocli.features.networks.numerics import check_numerics
from algocli.features.passage import Lane, Passage, Target, ending, pass_through
from algocli.features.pending import announce, pending_shards, say_what_is_done
from algocli.features.reduction import Reducer
from algocli.features.store.keys import Recipe, recipe
from algocli.features.store.library import CONVERTED, create_store
from algocli.features.store.shards import FeatureStore

DEFAULT_PASSAGE = Passage()


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a network: features of some of its layers, by default all that it was cut at, made so.

    They are kept in the cache, or at an address.
    """

    backbone: Backbone
    how: Passage = DEFAULT_PASSAGE
    layers: tuple[str, ...] | None = None
    at: Address | None = None

    @cached_property
    def reducers(self) -> list[Reducer]:
        """Make the features of each layer, in the order in which they run.

        Raises
        ------
        UsageError
            If a layer cannot be reduced so.
        """
        layers = [layer for layer in self.backbone.layers if self.layers is None or layer.name in self.layers]
        return [Reducer(layer, self.how.reduction) for layer in layers]

    @property
    def row_bytes(self) -> int:
        """What an image's features take."""
        return sum(reduce.n_features for reduce in self.reducers) * np.dtype(self.how.dtype).itemsize


@dataclass(frozen=True)
class Extracted:
    """The stores of what was wanted of a network, in layer order, and what kept it from them, if anything did."""

    stores: list[FeatureStore]
    fault: AlgocliError | None


def extract(
    subject: Subject,
    backbone: Backbone,
    cache_dir: Path,
    how: Passage = DEFAULT_PASSAGE,
    *,
    images: Images | None = None,
    at: Address | None = None,
    track: Track = silent,
    note: Note = unheard,
) -> list[FeatureStore]:
    """Bring a subject's features of a backbone's layers to completion and return their stores, in layer order.

    Parameters
    ----------
    images
        Where the images are read from; the dataset unless told otherwise.
    at
        Below which address the features are kept, if not in the cache.
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
    wanted = Wanted(backbone, how, at=at)
    (made,) = extract_together(subject, [wanted], cache_dir, images=images, track=track, note=note)
    if made.fault is not None:
        raise made.fault
    return made.stores


def extract_together(
    subject: Subject,
    wanted: Sequence[Wanted],
    cache_dir: Path,
    *,
    images: Images | None = None,
    spare: int = 0,
    track: Track = silent,
    note: Note = unheard,
) -> list[Extracted]:
    """Do as `extract` does for several networks in one pass over the images, each of which is decoded once.

    Every store is the same as if its network had been alone. All must want the same device, batches and rows, and run
    in the same mode.

    Parameters
    ----------
    spare
        Bytes of memory in which what is written stays at hand of the stores that are returned: whoever multiplies all
        images with each other then need not read it. `at_hand.clear()` of a store gives them back.
    images, track, note
        As for `extract`.

    Returns
    -------
    What came of each that was wanted: a network that fails leaves the others alone.

    Raises
    ------
    AlgocliError
        As `extract`, where it concerns all of them.
    """
    how, images = wanted[0].how, images or open_images(subject)
    stores = open_stores(subject, wanted, images, cache_dir, track, note)
    lanes = {id(each.backbone): Lane(each.backbone, []) for each in wanted}
    with ExitStack() as locks:
        # In the order of their names, not of the layers: two that wait for one another's stores would wait for ever.
        for folder in sorted({store.folder for some in stores for store in some}):
            # Processes that share the rows of a store work on it side by side; whoever wants all of it works alone.
            locks.enter_context(hold(folder / "lock", note, shared=how.rows is not None))
        seen = set[Path]()
        for each, some in zip(wanted, stores, strict=True):
            for store, reduce in zip(some, each.reducers, strict=True):
                pending = pending_shards(store, how.rows)
                say_what_is_done(subject, store, pending, how.rows, note)
                if pending and store.folder not in seen:
                    seen.add(store.folder)
                    lanes[id(each.backbone)].targets.append(Target(store, reduce, pending))
        filled = [lane for lane in lanes.values() if lane.targets]
        _pass(subject, filled, images, cache_dir, how, spare, track, note)
    return [Extracted(some, lanes[id(each.backbone)].fault) for each, some in zip(wanted, stores, strict=True)]


def open_stores(
    subject: Subject, wanted: Sequence[Wanted], images: Images, cache_dir: Path, track: Track, note: Note
) -> list[list[FeatureStore]]:
    """Open the stores of what is wanted of each network, in layer order, making those that are not there.

    Raises
    ------
    AlgocliError
        As `extract`, where that is known before an image passes.
    """
    how = wanted[0].how
    check_numerics(how.numerics, how.device)
    # What cannot be had of a layer is told before the images are looked at.
    _ = [each.reducers for each in wanted]
    content = images.digest(cache_dir, track)
    converted = images.converted(cache_dir)
    if converted:
        note(f"subject {subject.id}: {'; '.join(describe(converted))}")
    about = {
        "source": images.kind,
        **({"stimuli": str(images.place.resolve())} if images.place else {}),
        CONVERTED: {kind: len(names) for kind, names in converted.items()},
    }
    return [[_open(subject, about, content, each, reduce, cache_dir) for reduce in each.reducers] for each in wanted]


def _pass(
    subject: Subject,
    lanes: Sequence[Lane],
    images: Images,
    cache_dir: Path,
    how: Passage,
    spare: int,
    track: Track,
    note: Note,
) -> None:
    """Fill what is pending of some networks' stores, once each network has been tried."""
    from algocli.features.networks.trial import try_network

    for lane in lanes:
        with ending(lane):
            try_network(lane.backbone, how.device, how.numerics)
    able = [lane for lane in lanes if lane.fault is None]
    if not able:
        return
    if how.rows is None:
        for lane in able:
            for target in lane.targets:
                target.store.sweep()
    announce(subject, able, cache_dir, how, note)
    pass_through(able, images, how, f"subject {subject.id}: features", track, spare=spare)


def recipe_of(wanted: Wanted, reduce: Reducer) -> Recipe:
    """Return the recipe of a layer's features as they are wanted."""
    backbone, how = wanted.backbone, wanted.how
    return recipe(
        backbone.model,
        reduce.layer.name,
        backbone.weights,
        backbone.identity(reduce.layer.name),
        how.dtype,
        post=reduce.identity(),
        numerics=how.numerics,
        asks_for=backbone.asks_for.constants if backbone.asks_for else None,
    )


def _open(
    subject: Subject, about: Mapping[str, Any], content: str, wanted: Wanted, reduce: Reducer, cache_dir: Path
) -> FeatureStore:
    import torch

    from algocli.features.networks.torchvision_import import torchvision

    provenance = {
        **about,
        "shape": list(reduce.layer.shape),
        "device": wanted.how.device,
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
    }
    return create_store(
        cache_dir, recipe_of(wanted, reduce), subject, content, reduce.n_features, provenance, at=wanted.at
    )
