"""What an HDF5 file takes from other files: a stranger's may read whatever we may, and show it as numbers.

It may do so by a link in place of a dataset, by a virtual dataset, which is made of others, and by raw files that hold
a dataset's numbers; and what these lead to may do so again. All of it has to lie in the file's own folder, or below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from algocli.compute.opening import check_file
from algocli.errors import DataError

# HDF5 itself gives up after as many links, one after the other.
_LONGEST_WAY = 16
# Of one dataset in all, whatever branches: each of its sources may have as many again.
_MOST_PLACES = 100_000


@dataclass
class _Way:
    """How far a dataset has led, and to how many places in all."""

    depth: int = 0
    places: list[int] = field(default_factory=lambda: [0])

    def step(self, item: Any, name: str) -> _Way:
        self.places[0] += 1
        if self.depth >= _LONGEST_WAY or self.places[0] > _MOST_PLACES:
            raise DataError(f"{item.file.filename}, {name} leads from file to file without end")
        return _Way(self.depth + 1, self.places)


def follow_links(group: Any, name: str, way: _Way | None = None) -> None:
    """Follow the links on the way to what a group, or an open file, calls by a name, and see where they lead.

    Raises
    ------
    DataError
        If one leads to a file elsewhere, or they lead in a circle.
    """
    import h5py

    way = (way or _Way()).step(group, name)
    here = group.file["/"] if name.startswith("/") else group
    parts = [part for part in name.split("/") if part not in ("", ".")]
    for place, part in enumerate(parts):
        link = here.get(part, getlink=True) if isinstance(here, h5py.Group) else None
        rest = "/".join(parts[place + 1 :])
        if isinstance(link, h5py.SoftLink):
            follow_links(here, f"{link.path}/{rest}".rstrip("/"), way)
            return
        if isinstance(link, h5py.ExternalLink):
            path = source_file(here, link.filename)
            if path is not None:
                _follow_into(path, f"/{link.path}/{rest}".rstrip("/"), way)
            return
        if link is None:
            return
        here = here[part]


def refuse_elsewhere(dataset: Any, way: _Way | None = None) -> None:
    """See that the numbers of a dataset come from its file, or from files in the folder of that.

    Whether they are all there is not asked.

    Raises
    ------
    DataError
        If one of these files lies elsewhere or is no file, or they lead in a circle.
    """
    way = (way or _Way()).step(dataset, str(dataset.name))
    # What holds it may not be asked for its shape before that: of a virtual dataset, that opens its sources.
    if dataset.is_virtual:
        for source in dataset.virtual_sources():
            for number in range(_MOST_PLACES if grows(source) else 1):
                path = source_file(dataset, spell(source.file_name, number))
                if path is None or not _follow_into(path, spell(source.dset_name, number), way):
                    break
    for name, _, _ in dataset.external or ():
        raw_file(dataset, name)


def grows(source: Any) -> bool:
    """Say whether the names of a virtual dataset's source are patterns, of as many files or datasets as there are."""
    return any("%b" in name.replace("%%", "") for name in (source.file_name, source.dset_name))


def spell(pattern: str, number: int = 0) -> str:
    """Return the name of a virtual dataset's source: of %b the number, and of %% one of these."""
    return re.sub("%[%b]", lambda sign: "%" if sign[0] == "%%" else str(number), pattern)


def source_file(item: Any, name: str) -> Path | None:
    """Return the file that HDF5 takes for one that is named within another; None where there is none.

    Raises
    ------
    DataError
        If it lies elsewhere than in the folder of the other, or below, or is no regular file.
    """
    if name == ".":
        return Path(item.file.filename)
    file, named = Path(item.file.filename), Path(name)
    # Of one that is gone HDF5 looks for another by its last name.
    places = [named, file.parent / named.name] if named.is_absolute() else [file.parent / named, named]
    return _inside(item, next((place for place in [*places, file.resolve().parent / named] if place.exists()), None))


def raw_file(dataset: Any, name: str) -> Path | None:
    """Return the file that holds numbers of an external dataset, as `source_file` does; HDF5 begins where we are."""
    return _inside(dataset, Path(name) if Path(name).exists() else None)


def _inside(item: Any, path: Path | None) -> Path | None:
    file = Path(item.file.filename)
    if path is None:
        return None
    folders = (file.parent.resolve(), file.resolve().parent)
    if not any(path.resolve().is_relative_to(folder) for folder in folders):
        raise DataError(
            f"{file}, {_name_of(item)}: its numbers lie in {path}, which is not in the folder of the file",
            hint=f"if you trust it, copy that file into {file.parent} and link to it by its name",
        )
    check_file(path)
    return path


def _follow_into(path: Path, name: str, way: _Way) -> bool:
    """See where a dataset of another file comes from; say whether it is there."""
    import h5py

    with h5py.File(path, "r") as file:
        follow_links(file, name, way)
        item = file.get(name)
        if isinstance(item, h5py.Dataset):
            refuse_elsewhere(item, way)
        return item is not None


def _name_of(item: Any) -> str:
    return str(item.name).lstrip("/") or "its root"
