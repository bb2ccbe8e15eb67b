"""Whether what was derived from stores is what was written: matrices, eigenpairs, axes; and descriptions of stores.

What is damaged of it is forgotten, as whatever needs it computes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from algocli.compute.arrays import read_kept
from algocli.compute.vouching import Fault, read_sealed
from algocli.dataset.naming import id_of
from algocli.errors import DataError, writing
from algocli.features.store.commands import command, command_by_manifest
from algocli.features.store.library import named_after, read_recipe
from algocli.features.store.manifests import MANIFEST
from algocli.features.store.matrices import matrix_fault
from algocli.features.store.published import withdraw_damaged
from algocli.features.store.shards import FeatureStore

COMPUTED_ANEW = "nothing needs to be done: it is forgotten, and computed anew where it is needed"
_LEFT_ANEW = "nothing needs to be done: it is forgotten, and left there again by the next command that needs it"
_ANOTHERS = "nothing needs to be done here: it is computed where it is needed, and that cache's to mend"


def record_faults(store: FeatureStore) -> Iterator[Fault]:
    """Yield the records of shards that were damaged while their rows are whole, once they have been written anew."""
    for shard in store.recover():
        problem = f"the record of rows {shard.start} to {shard.stop} was damaged"
        yield Fault(store.folder / "done", problem, "nothing needs to be done: the rows are whole, and recorded anew")


def forget(path: Path) -> None:
    """Delete what can be computed anew, or the record without which it is.

    Raises
    ------
    StorageError
        If the cache may not be written.
    """
    with writing(path):
        path.unlink(missing_ok=True)


def derived_faults(store: FeatureStore) -> Iterator[Fault]:
    """Read everything that was derived from a store, and yield what is damaged; the Gram matrix is `gram_fault`'s.

    That which lies beside features at an address is read here.
    """
    problem = withdraw_damaged(store)
    if problem is not None:
        yield Fault(store.folder / "gram", problem, _ANOTHERS if store.is_borrowed else _LEFT_ANEW)
    for folder in sorted((store.folder / "standardised").glob("*")):
        if (folder / "record.json").exists():
            problem = matrix_fault(folder)
            if problem is not None:
                forget(folder / "record.json")
                yield Fault(folder, problem, COMPUTED_ANEW)
    for path in sorted(store.folder.rglob("*.npz")):
        if read_kept(path) is None:
            forget(path)
            yield Fault(path, "it is damaged", COMPUTED_ANEW)


def recipe_faults(cache_dir: Path) -> Iterator[Fault]:
    """Yield the descriptions of recipes that are damaged."""
    for home in sorted((cache_dir / "features").glob("*")):
        path = home / "recipe.json"
        if path.is_file() or any(home.glob("*/manifest.json")):
            try:
                read_recipe(home)
            except DataError as error:
                yield Fault(path, error.message, _how_to_tell_again(home))


def _how_to_tell_again(home: Path) -> str:
    """Return the command that describes a recipe again, by what its stores tell."""
    for folder in sorted(home.glob("*/manifest.json")):
        with suppress(DataError, KeyError, TypeError, ValueError):
            store = FeatureStore(folder.parent)
            return command_by_manifest(store.manifest, store.subject)
    return "repeat the command that made it"


def bare_stores(cache_dir: Path) -> Iterator[Fault]:
    """Yield the folders that hold features, and nothing that says of what."""
    for folder in sorted(path.parent for path in (cache_dir / "features").glob("*/*/done")):
        path = folder / MANIFEST
        if not path.exists() and any((folder / "done").glob("*.json")):
            yield Fault(path, "it is missing, and features lie beside it", _making(folder))


def _making(store: Path) -> str:
    """Return the command that makes a store of which its recipe and its folder's name alone are left."""
    with suppress(DataError):
        return command(read_recipe(store.parent), id_of(named_after(store)))
    return "repeat the command that made them"


def memory_faults(cache_dir: Path) -> Iterator[Fault]:
    """Yield what was remembered of digests and is damaged, which costs time and nothing else."""
    for path in sorted((cache_dir / "digests").glob("*.json")):
        try:
            read_sealed(path)
        except DataError as error:
            forget(path)
            yield Fault(path, error.message, COMPUTED_ANEW)
