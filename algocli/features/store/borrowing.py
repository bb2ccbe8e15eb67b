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
from algocli.errors import DataError, UsageError
from algocli.features.store.library import read_recipe, stores_of_subject
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
                for store in stores_of_subject(home, subject):
                    if store.complete:
                        _take(cache_dir, store)


def _take(cache_dir: Path, store: FeatureStore) -> None:
    """Have a cache read another's store."""
    home = cache_dir / "features" / store.name
    folder = home / store.folder.name
    if _is_whole(folder, store):
        return
    if not (home / "recipe.json").is_file():
        write_sealed(home / "recipe.json", read_recipe(store.folder.parent))
    # One that is being filled here will be whole by itself.
    with hold(folder / "creation.lock"), hold_if_free([folder / "lock"]) as free:
        if free:
            about = read_sealed(store.folder / "manifest.json")
            write_sealed(folder / "manifest.json", {**about, FROM: str(store.place.resolve())})


def _is_whole(folder: Path, store: FeatureStore) -> bool:
    """Say whether a cache has such features already: they stay as they are."""
    if folder.resolve() == store.folder.resolve():
        return True
    try:
        return (folder / "manifest.json").is_file() and FeatureStore(folder).complete
    # What is damaged here may be whole there.
    except DataError:
        return False
