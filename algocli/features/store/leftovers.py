"""What nothing refers to among the features of a cache folder: what killed commands left, and what no one can read.

Only what is known by its name is ever listed, and only where no link stands on the way: a file that algocli did not
make, or that lies elsewhere, is none of its business.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Set
from functools import partial
from pathlib import Path

from algocli.compute.files import PARTIAL, PARTIAL_END, n_bytes_in, read_json, unless_gone
from algocli.compute.leftovers import Leftover, contents, lies_in, real_folders
from algocli.compute.vouching import read_sealed
from algocli.dataset.memories import forgotten_folders
from algocli.dataset.naming import is_name, is_numbered
from algocli.errors import DataError
from algocli.features.store.column_products import BLOCKS
from algocli.features.store.commands import is_imported
from algocli.features.store.keys import SCHEMA
from algocli.features.store.library import aside, named_after, read_recipe
from algocli.features.store.manifests import MANIFEST
from algocli.features.store.shards import FeatureStore

KILLED = "left by commands that were killed"
EMPTY = "recipes without any features"
FOREIGN = "stores of another version of algocli, which this one cannot read"
MISMATCHED = "Gram matrices and eigenpairs of other features than lie beside them"
GONE = "digests of files in folders that no longer exist"
UNUSED = "stores that no run refers to"

_STORE = re.compile(r".+-[0-9a-f]{8}")
_LOCK = ".lock"
# As `publish` names them. Anything else that ends so is taken for a leftover only within a Zarr array.
_PUBLISHED = re.compile(rf".+{PARTIAL_END}")
_ARRAY = "features.zarr"

IsUsed = Callable[[FeatureStore], bool]


def find_leftovers(cache_dir: Path, is_used: IsUsed | None = None) -> list[Leftover]:
    """List what may be deleted among feature stores, digests and unfinished files.

    Parameters
    ----------
    is_used
        Says whether a run refers to a store; without it, stores that this version can read stay.
    """
    leftovers: list[Leftover] = []
    for home in real_folders(cache_dir / "features"):
        stores = [left for folder in _store_folders(home) for left in _of_store(cache_dir, folder, is_used)]
        stores += [_of_stopped(cache_dir, home, made) for made in _made_aside(home)]
        leftovers += stores
        if _is_empty(home, {left.path for left in stores}):
            n_bytes = n_bytes_in(home) - sum(left.n_bytes for left in stores)
            still = partial(_is_still, cache_dir, home, partial(_is_empty, home))
            leftovers.append(Leftover(home, EMPTY, n_bytes, still, partial(_locks_of_home, home), "recipe.json"))
    within = {left.path for left in leftovers}
    leftovers += [left for left in _unfinished_files(cache_dir) if not within.intersection(left.path.parents)]
    return [*leftovers, *_digests(cache_dir)]


def _of_store(cache_dir: Path, folder: Path, is_used: IsUsed | None) -> Iterator[Leftover]:
    """Yield a store that may go, or else what in it may."""
    why = _why(folder, is_used)
    if why is not None:
        yield Leftover(
            folder,
            why[0],
            n_bytes_in(folder),
            partial(_is_still, cache_dir, folder, lambda: _why(folder, is_used) == why),
            partial(_locks_of_store, folder),
            detail=why[1],
        )
        return
    gram, is_mismatched = folder / "gram", _is_mismatched(folder)
    if is_mismatched:
        yield Leftover(
            gram,
            MISMATCHED,
            n_bytes_in(gram),
            partial(_is_still, cache_dir, gram, partial(_is_mismatched, folder)),
            lambda: [gram / "lock"],
            "record.json",
        )
    made = [*([] if is_mismatched else [gram]), *real_folders(folder / "standardised")]
    for parts in [matrix / BLOCKS for matrix in made if (matrix / BLOCKS).is_dir()]:
        # The next command that wants the matrix would go on with them; nobody may ever ask for it again.
        still = partial(_is_still, cache_dir, parts, parts.is_dir)
        yield Leftover(parts, KILLED, n_bytes_in(parts), still, partial(_locks_beside, parts))


def _locks_beside(parts: Path) -> list[Path]:
    return [parts.with_name("lock")]


def _of_stopped(cache_dir: Path, home: Path, made: Path) -> Leftover:
    """Return a store that was to replace another."""
    still = partial(_is_still, cache_dir, made, made.is_dir)
    locks = [home / f"{made.parent.name}{_LOCK}", made / "creation.lock", made / "lock"]
    return Leftover(made, KILLED, n_bytes_in(made), still, lambda: locks)


def _made_aside(home: Path) -> list[Path]:
    """List the stores of a recipe that are to replace others, or were when they were stopped."""
    return [made for of_subject in real_folders(aside(home)) for made in real_folders(of_subject)]


def _why(folder: Path, is_used: IsUsed | None) -> tuple[str, str] | None:
    """Return why a store's folder may go, and what else there is to say of it; None where it stays."""
    path = folder / MANIFEST
    if not os.path.lexists(path):
        return KILLED, "a store that was never whole"
    try:
        schema = read_json(path).get("schema")
        if schema != SCHEMA:
            # What says nothing of its version was hardly written by any.
            return (FOREIGN, f"schema {schema}") if isinstance(schema, int) else None
        store = FeatureStore(folder)
        if is_used is None or is_used(store):
            return None
    # A damaged one may be worth a look: `cache verify` tells of it.
    except (DataError, KeyError, TypeError, ValueError):
        return None
    return UNUSED, _origin(store)


def _origin(store: FeatureStore) -> str:
    """Say what more there is to know: of imported features their file, as no command of ours makes that again."""
    if store.is_elsewhere and not store.is_borrowed:
        return f"what lies in {store.place} stays there"
    try:
        imported = is_imported(read_recipe(store.folder.parent))
    except DataError:
        return ""
    return f"imported from {store.manifest['provenance'].get('file', 'elsewhere')}" if imported else ""


def _is_mismatched(folder: Path) -> bool:
    """Say whether a store's derived matrices carry no record, or that of another store."""
    gram = folder / "gram"
    # The lock, and products of some columns, are all that a computation that has just begun, or was killed, has.
    if gram.is_symlink() or not gram.is_dir() or {path.name for path in contents(gram)} <= {"lock", BLOCKS}:
        return False
    try:
        return bool(read_sealed(gram / "record.json").get("key") != FeatureStore(folder).key)
    # No record, or a damaged one: what lies beside it will be computed anew.
    except DataError:
        return True


def _is_empty(home: Path, going: Set[Path] = frozenset()) -> bool:
    """Say whether a recipe's folder holds nothing beside its description and what is going anyway."""
    return all(
        path in going
        or path.name == "recipe.json"
        or _is_lock(path)
        or (path == aside(home) and going >= set(_made_aside(home)))
        or (_PUBLISHED.fullmatch(path.name) and not path.is_dir())
        for path in contents(home)
    )


def _store_folders(home: Path) -> list[Path]:
    return [folder for folder in real_folders(home) if _is_store(folder)]


def _is_store(folder: Path) -> bool:
    """Say whether a folder is a store: named after a numbered subject, or after any, and begun as stores are."""
    name = named_after(folder)
    is_begun = (folder / "creation.lock").is_file()
    return bool(_STORE.fullmatch(folder.name)) and (is_numbered(name) or (is_begun and is_name(name)))


def _is_lock(path: Path) -> bool:
    return path.suffix == _LOCK and is_name(path.stem)


def _locks_of_home(home: Path) -> list[Path]:
    return [*filter(_is_lock, contents(home)), *(path for path in home.glob(f"*{PARTIAL}") if not path.is_symlink())]


def _locks_of_store(folder: Path) -> list[Path]:
    """List the locks of whoever creates a store, fills it, imports into it, or derives a matrix from it."""
    locks = [folder / "creation.lock", folder / "lock", folder / "gram" / "lock", *sorted((folder / "locks").glob("*"))]
    locks += [matrix / "lock" for matrix in real_folders(folder / "standardised")]
    return [*locks, folder.with_name(f"{named_after(folder)}{_LOCK}")]


def _unfinished_files(cache_dir: Path) -> Iterator[Leftover]:
    """Yield the files that were being written, and by no process that lives."""
    for room in ("features", "runs", "digests"):
        if (cache_dir / room).is_symlink():
            continue
        for folder, _, names in os.walk(cache_dir / room, onerror=unless_gone):
            for path in (Path(folder, name) for name in sorted(names) if name.endswith(PARTIAL)):
                in_array = _ARRAY in path.parts
                if not path.is_symlink() and (in_array or _PUBLISHED.fullmatch(path.name)):
                    still = partial(_is_still, cache_dir, path, path.is_file)
                    yield Leftover(path, KILLED, n_bytes_in(path), still, partial(_locks_of_file, path, in_array))


def _locks_of_file(path: Path, in_array: bool) -> list[Path]:
    """List the locks of a file's writer: `publish` holds the file itself, Zarr nothing, but the store is held then."""
    if not in_array:
        return [path]
    folder = next(parent.parent for parent in path.parents if parent.name == _ARRAY)
    return [path, *_locks_of_store(folder)]


def _digests(cache_dir: Path) -> Iterator[Leftover]:
    for memory, folder in forgotten_folders(cache_dir).items():
        if lies_in(cache_dir, memory):
            still = partial(_is_still, cache_dir, memory, partial(_is_forgotten, cache_dir, memory))
            yield Leftover(memory, GONE, n_bytes_in(memory), still, list, detail=folder)


def _is_forgotten(cache_dir: Path, memory: Path) -> bool:
    return memory in forgotten_folders(cache_dir)


def _is_still(cache_dir: Path, path: Path, is_left: Callable[[], bool]) -> bool:
    return path.exists() and lies_in(cache_dir, path) and is_left()
