"""Other features of a subject under the same name: refused, or replaced once what replaces them is whole.

    NAME/SUBJECT-CONTENT/                  the store that there is
    NAME/.aside/SUBJECT/SUBJECT-CONTENT/   one that is to take its place, filled there
    NAME/.aside/SUBJECT/going.json         which of those at an address are being deleted there

Whoever reads meets one or the other. What is stopped goes on where it was when it is repeated. At an address both have
places of their own: the new one is filled in its, and the old one is deleted then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from algocli.compute.cache_places import address_of_cache
from algocli.compute.leftovers import contents, delete_folder, real_folders
from algocli.compute.places import put_in_place
from algocli.compute.vouching import read_sealed, write_sealed
from algocli.dataset.naming import is_name
from algocli.dataset.protocol import Subject
from algocli.errors import AlgocliError, DataError, UsageError, writing
from algocli.features.store.allocation import address_in
from algocli.features.store.library import aside, folders_of_subject, named_after, store_name
from algocli.features.store.manifests import MANIFEST
from algocli.features.store.shards import FeatureStore

# What a store consists of beside its manifest.
_PARTS = {"creation.lock", "lock", "locks", "done", "gram", "features.zarr"}
_GOING = "going.json"


def others(home: Path, subject: Subject, content: str, *, force: bool) -> list[Path]:
    """Return the stores of a subject's other features that have the name of those with this digest. Hold its lock.

    Raises
    ------
    UsageError
        If there are any, and they are not to be replaced.
    """
    _settle(home, subject)
    stores = [
        folder for folder in folders_of_subject(home, subject.name) if folder.name != store_name(subject, content)
    ]
    if stores and not force:
        raise UsageError(
            f"{home.name} holds other features of subject {subject.id} already, "
            f"from {FeatureStore(stores[0]).manifest['provenance'].get('file')}",
            hint="force=True replaces them; another name=... keeps both",
        )
    return stores


def folder_for(place: Path, subject: Subject, replaced: list[Path]) -> Path:
    """Return the folder in which a store is made: its place, or one aside while others are to be read.

    What was begun in the one goes on in the other.
    """
    beside = aside(place.parent, subject.name) / place.name
    made, begun = (beside, place) if replaced else (place, beside)
    if (begun / MANIFEST).is_file() and not os.path.lexists(made):
        with writing(made):
            made.parent.mkdir(parents=True, exist_ok=True)
            begun.rename(made)
    return made


def take_place(made: Path, place: Path, subject: Subject, replaced: list[Path]) -> None:
    """Put a whole store in its place, and delete those that it replaces and what is left of others.

    Raises
    ------
    StorageError
        If that cannot be done.
    """
    home = place.parent
    # First, as other machines then know the new one alone, wherever this one is stopped.
    _delete_there(home, subject, replaced)
    with writing(place):
        # What was whole at an address when this was stopped is known by its own name.
        if replaced and (place / MANIFEST).is_file():
            put_in_place(made, place)
        elif replaced:
            # Under the name of the first for a moment: two stores at once would be one too many.
            put_in_place(made, replaced[0])
            put_in_place(replaced[0], place)
        remains = [
            folder for folder in real_folders(home) if named_after(folder) == subject.name and _is_remains(folder)
        ]
        for folder in (*replaced, *remains, *real_folders(aside(home, subject.name))):
            if folder != place:
                delete_folder(folder, MANIFEST)
        # Those of other subjects may be in use.
        with suppress(OSError):
            aside(home, subject.name).rmdir()
            aside(home).rmdir()


def _delete_there(home: Path, subject: Subject, replaced: list[Path]) -> None:
    """Delete what lies at an address of stores that are replaced, and what is left there of others before them."""
    record, cache = aside(home, subject.name) / _GOING, address_of_cache(home.parent.parent)
    there = None if cache is None else cache / "features" / home.name
    going = [at for folder in replaced if (at := address_in(folder)) is not None]
    # Whoever is stopped is to find them once nothing tells of them any more.
    if going and there is not None:
        write_sealed(record, {"stores": [at.name for at in going if at.parent == there]})
    for at in going:
        (at / MANIFEST).unlink(missing_ok=True)
    if there is not None:
        noted = [there / name for name in _names_in(record)]
        going += [at for at in noted if named_after(at) == subject.name]
    for at in dict.fromkeys(going):
        # Somebody may have made it anew.
        if not (at / MANIFEST).is_file():
            at.remove_all()
    with writing(record):
        record.unlink(missing_ok=True)


def _names_in(record: Path) -> list[str]:
    with suppress(DataError):
        return [name for name in read_sealed(record, kinds={"stores": [str]})["stores"] if is_name(name)]
    return []


def _settle(home: Path, subject: Subject) -> None:
    """Give stores the names of what they hold, where whoever had put one in the place of another was stopped."""
    for parent in (home, aside(home, subject.name)):
        for folder, name in _misnamed(parent, subject):
            if not os.path.lexists(parent / name):
                with writing(folder):
                    folder.rename(parent / name)


def _misnamed(parent: Path, subject: Subject) -> Iterator[tuple[Path, str]]:
    for folder in real_folders(parent):
        # What is damaged is left to whoever mends it.
        with suppress(AlgocliError, KeyError, TypeError):
            store = FeatureStore(folder)
            name = store_name(subject, str(store.manifest["identity"]["stimuli"]))
            if store.subject == subject.id and folder.name != name:
                yield folder, name


def _is_remains(folder: Path) -> bool:
    """Say whether a folder is what a stopped deletion has left of a store: some of its parts, and no manifest."""
    return {path.name for path in contents(folder)} <= _PARTS
