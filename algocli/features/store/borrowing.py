"""Features of other caches, read where they lie: a store that has a manifest here, and its numbers there.

What is derived from them, and every run on them, is of the cache that borrows. The other one is never written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from algocli.compute.choices import check_paths
from algocli.compute.lock import hold, hold_if_free
from algocli.compute.vouching import read_sealed, write_sealed
from algocli.dataset.naming import SubjectId, name_of
from algocli.dataset.stimuli import FROM_DATASET
from algocli.errors import UsageError
from algocli.features.store.library import folders_of_subject, read_recipe, readable_stores
from algocli.features.store.readable import FROM
from algocli.features.store.shards import FeatureStore


def check_lenders(features_from: object) -> list[Path]:
    """Return one cache folder, or several, that features are to be borrowed from; None is none.

    Raises
    ------
    UsageError
        If one of them holds no features.
    """
    lenders = [] if features_from is None else check_paths("features_from", features_from)
    for lender in lenders:
        if not any((lender / "features").glob("*/recipe.json")):
            raise UsageError(
                f"features_from={str(lender)!r}: no features are cached there",
                hint="name a cache folder, as others give it with cache_dir=...: one with a folder 'features' in it",
            )
    return lenders


def borrow(cache_dir: Path, lenders: Sequence[Path], names: Iterable[str], subjects: Iterable[SubjectId]) -> None:
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
    folder = home / store.folder.name
    if any(_serves(mine, store) for mine in readable_stores(folders_of_subject(home, name_of(store.subject)))):
        return
    if not (home / "recipe.json").is_file():
        write_sealed(home / "recipe.json", read_recipe(store.folder.parent))
    # One that is being filled here will be whole by itself.
    with hold(folder / "creation.lock"), hold_if_free([folder / "lock"]) as free:
        if free:
            about = read_sealed(store.folder / "manifest.json")
            write_sealed(folder / "manifest.json", {**about, FROM: str(store.place.resolve())})


def _serves(mine: FeatureStore, theirs: FeatureStore) -> bool:
    """Say whether a cache's own store is complete, and stands for the same: it stays as it is, and is what is meant."""
    same = mine.folder.name == theirs.folder.name
    here, there = (store.manifest["provenance"] for store in (mine, theirs))
    # What was made elsewhere, or imported, has no other name than its numbers: two would do as well.
    elsewhere = FROM_DATASET not in (here.get("source", FROM_DATASET), there.get("source", FROM_DATASET))
    return mine.complete and (same or (elsewhere and here.get("ids") == there.get("ids")))
