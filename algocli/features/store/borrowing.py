"""Features of other caches, read where they lie: a store that has a manifest here, and its numbers there.

What is derived from them, and every run on them, is of the cache that borrows. The other one is never written.

A cache whose own features lie at an address knows what others have put there, too (`adopt`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from algocli.compute.addresses import Address, address_of
from algocli.compute.anywhere import Place
from algocli.compute.cache_places import address_of_cache
from algocli.compute.caches import filling, where_writable
from algocli.compute.choices import check_path, each_of, said
from algocli.compute.lock import hold, hold_if_free
from algocli.compute.track import Note, unheard
from algocli.compute.vouching import write_sealed
from algocli.dataset.naming import SubjectId, name_of
from algocli.dataset.stimuli import FROM_DATASET
from algocli.errors import DataError, MissingStep, UsageError, writing
from algocli.features.store.allocation import address_in, refer_to
from algocli.features.store.library import (
    folders_of_subject,
    is_store,
    named_after,
    read_recipe,
    readable_stores,
    store_folders,
)
from algocli.features.store.manifests import MANIFEST
from algocli.features.store.readable import AT, FROM
from algocli.features.store.shards import FeatureStore


def check_lenders(features_from: object) -> list[Place]:
    """Return one cache, or several, folders or addresses, that features are to be borrowed from; None is none.

    Raises
    ------
    UsageError
        If one of them holds no features.
    """
    several = [] if features_from is None else each_of(features_from)
    if features_from is not None and not several:
        raise UsageError(f"{said('features_from', features_from)}: a path, or a list of paths, was expected")
    lenders = [_lender(place) for place in several]
    for lender in lenders:
        if not any((lender / "features").glob("*/recipe.json")):
            raise UsageError(
                f"features_from={str(lender)!r}: no features are cached there",
                hint="name a cache folder, as others give it with cache_dir=...: one with a folder 'features' in it",
            )
    return lenders


def _lender(place: object) -> Place:
    address = address_of(os.fspath(place)) if isinstance(place, str | Path) else None
    return check_path("features_from", place) if address is None else address


def borrow(cache_dir: Path, lenders: Sequence[Place], names: Iterable[str], subjects: Iterable[SubjectId]) -> None:
    """Let a cache read complete stores of others, those of some recipes and subjects that it has not complete itself.

    Of several caches that have the same, the first lends it.

    Raises
    ------
    DataError, StorageError
        If what describes them is damaged, or the cache cannot be written.
    """
    wanted = [(name, name_of(subject)) for name in names for subject in subjects]
    for lender in lenders:
        for name, subject in wanted:
            home = lender / "features" / name
            if (home / "recipe.json").is_file():
                # What is damaged may be of other images: were it meant, it would be missing.
                for store in readable_stores(folders_of_subject(home, subject)):
                    if store.complete:
                        _take(cache_dir, store)


def _take(cache_dir: Path, store: FeatureStore) -> None:
    """Have a cache read another's store."""
    home = cache_dir / "features" / store.name
    folder = home / store.described.name
    if any(_serves(mine, store) for mine in readable_stores(folders_of_subject(home, name_of(store.subject)))):
        return
    if not (home / "recipe.json").is_file():
        write_sealed(home / "recipe.json", read_recipe(store.described.parent))
    # One that is being filled here will be whole by itself.
    with hold(folder / "creation.lock"), hold_if_free([folder / "lock"]) as free:
        if free:
            about = {name: part for name, part in store.manifest.items() if name != AT}
            place = store.place.resolve() if isinstance(store.place, Path) else store.place
            write_sealed(folder / MANIFEST, {**about, FROM: str(place)})


def adopt(cache_dir: Path, note: Note = unheard) -> None:
    """Have a cache whose features lie at an address know all that is there, and no more; of any other do nothing.

    Raises
    ------
    DiskFault
        If the server does not answer.
    StorageError
        If the cache cannot be written.
    """
    address = address_of_cache(cache_dir)
    if address is None:
        return
    with where_writable(cache_dir), filling(cache_dir, note):
        # First, as what is begun meanwhile is there before it is known here.
        known = {folder: at for folder in store_folders(cache_dir) if (at := address_in(folder)) is not None}
        home = address / "features"
        there = [path.parent for path in home.glob("*/*/manifest.json")]
        for store in there:
            if store not in known.values() and _is_named_as_stores_are(store):
                _know(cache_dir / "features" / store.parent.name, store)
        for folder, at in known.items():
            if at.parent.parent == home and at not in there:
                with writing(folder), hold(folder / "creation.lock"):
                    (folder / MANIFEST).unlink(missing_ok=True)


def _know(home: Path, store: Address) -> None:
    """Refer to a store at an address, but for one that was deleted a moment ago, or is damaged: that is made again."""
    folder = home / store.name
    with suppress(MissingStep):
        try:
            recipe = read_recipe(store.parent)
            FeatureStore(store)
        except DataError:
            return
        if not (home / "recipe.json").is_file():
            write_sealed(home / "recipe.json", recipe)
        with hold(folder / "creation.lock"):
            if not is_store(folder):
                refer_to(folder, store)


def _is_named_as_stores_are(store: Address) -> bool:
    """Say whether a folder may be called as an address says: others than algocli may have written there."""
    return bool(named_after(store)) and not any(name.startswith(".") for name in (store.parent.name, store.name))


def _serves(mine: FeatureStore, theirs: FeatureStore) -> bool:
    """Say whether a cache's own store is complete, and stands for the same: it stays as it is, and is what is meant."""
    same = mine.described.name == theirs.described.name
    here, there = (store.manifest["provenance"] for store in (mine, theirs))
    # What was made elsewhere, or imported, has no other name than its numbers: two would do as well.
    elsewhere = FROM_DATASET not in (here.get("source", FROM_DATASET), there.get("source", FROM_DATASET))
    return mine.complete and (same or (elsewhere and here.get("ids") == there.get("ids")))
