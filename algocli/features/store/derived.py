"""Whether what was derived from stores is what was written: matrices, eigenpairs, axes; and descriptions of stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from algocli.compute.arrays import read_kept
from algocli.compute.vouching import Fault, digest_file, is_sealed, read_sealed, write_sealed
from algocli.errors import DataError
from algocli.features.store.commands import is_imported
from algocli.features.store.library import read_recipe
from algocli.features.store.matrices import DIGEST, matrix_fault
from algocli.features.store.shards import FeatureStore


def derived_faults(store: FeatureStore) -> Iterator[Fault]:
    """Read everything that was derived from a store, and yield what is damaged; the Gram matrix is `gram_fault`'s."""
    for folder in sorted((store.folder / "standardised").glob("*")):
        if (folder / "record.json").exists():
            problem = matrix_fault(folder)
            if problem is not None:
                yield Fault(folder, problem, f"delete {folder}: algocli train computes it anew")
    for path in sorted(store.folder.rglob("*.npz")):
        if read_kept(path) is None:
            yield Fault(path, "it is damaged", f"delete {path}: whatever needs it computes it anew")


def recipe_faults(cache_dir: Path) -> Iterator[Fault]:
    """Yield the descriptions of recipes that are damaged."""
    for home in sorted((cache_dir / "features").glob("*")):
        path = home / "recipe.json"
        if path.is_file() or any(home.glob("*/manifest.json")):
            try:
                read_recipe(home)
            except DataError as error:
                first = f"delete {path}, then " if path.exists() else ""
                yield Fault(path, error.message, f"{first}repeat the algocli extract that made it")


def bare_stores(cache_dir: Path) -> Iterator[Fault]:
    """Yield the folders that hold features, and nothing that says of what."""
    for folder in sorted(path.parent for path in (cache_dir / "features").glob("*/*/done")):
        path = folder / "manifest.json"
        if not path.exists() and any((folder / "done").glob("*.json")):
            mend = f"repeat the algocli {_maker(folder.parent)} that made them"
            yield Fault(path, "it is missing, and features lie beside it", mend)


def _maker(home: Path) -> str:
    with suppress(DataError):
        return "import-features" if is_imported(read_recipe(home)) else "extract"
    return "extract"


def memory_faults(cache_dir: Path) -> Iterator[Fault]:
    """Yield what was remembered of digests and is damaged, which costs time and nothing else."""
    for path in sorted((cache_dir / "digests").glob("*.json")):
        try:
            read_sealed(path)
        except DataError as error:
            yield Fault(path, error.message, f"delete {path}: it is made anew")


def unvouched(store: FeatureStore) -> list[Path]:
    """Return the records of a store, and of its matrices, that an earlier version wrote and that vouch for nothing."""
    records = [*sorted(store.folder.glob("**/record.json")), store.folder / "manifest.json"]
    records.append(store.folder.parent / "recipe.json")
    unknown = []
    for path in records:
        # What cannot be read is a fault, and told as one.
        with suppress(DataError):
            if not is_sealed(path):
                unknown.append(path)
    return unknown


def adopt(record: Path) -> None:
    """Have a record of old vouch for what lies beside it now, and for itself.

    Raises
    ------
    DataError, StorageError
        If it is missing or damaged, or cannot be written.
    """
    value = read_sealed(record)
    if record.name == "record.json":
        value[DIGEST] = digest_file(record.parent / "matrix.npy")
    write_sealed(record, value)
