"""What is told of a run's settings: by its manifest, and by the records of its subjects, where that is damaged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from algocli.compute.vouching import read_sealed, write_sealed
from algocli.encoding.settings import Settings
from algocli.errors import DataError, UsageError

SCHEMA = 1
_MANIFEST = {"data?": str, "name?": str}


def write_manifest(folder: Path, settings: Settings, data: Path | None, *, name: str | None = None) -> None:
    """Say of the run in a folder, or of one that is to go by another name, which settings and data it has."""
    about = {"schema": SCHEMA, "name": name or folder.name, "settings": asdict(settings)}
    write_sealed(folder / "manifest.json", about if data is None else {**about, "data": str(data)})


def settings_in(folder: Path) -> Settings:
    """Return the settings that all subjects of the run in a folder share.

    Raises
    ------
    DataError
        If its manifest is missing or damaged, or of another version.
    """
    manifest = read_sealed(folder / "manifest.json", kinds=_MANIFEST)
    if manifest.get("schema") != SCHEMA:
        raise DataError(f"{folder} was written by another version of algocli")
    try:
        return as_settings(manifest["settings"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the settings in {folder} are damaged") from error
    # Older versions took words that they did not know, and did something else.
    except UsageError as error:
        raise DataError(f"the settings in {folder} are damaged: {error.message}") from error


def as_settings(told: Mapping[str, Any]) -> Settings:
    """Return settings as a manifest or a record tells of them.

    Raises
    ------
    TypeError, UsageError
        If they are none.
    """
    # Runs of versions before do not say how they chose penalties: there was one way.
    return Settings.recorded({"former_penalties": True} | dict(told))


def data_of(folder: Path) -> str | None:
    """Return the folder that held the subjects of a run when it was begun; runs of old do not say."""
    with suppress(DataError):
        recorded: str | None = read_sealed(folder / "manifest.json", kinds=_MANIFEST).get("data")
        return recorded
    return None


def told_settings(folder: Path) -> Iterator[Settings]:
    """Yield the settings of the run in a folder by its manifest and by each record, as far as they can be read.

    A manifest that names another run comes last: it may be that one's.
    """
    is_of_this_run = _name_in(folder) == folder.name
    if is_of_this_run:
        with suppress(DataError):
            yield settings_in(folder)
    for record in sorted(folder.glob("*/record.json")):
        with suppress(DataError, KeyError, TypeError, ValueError, UsageError):
            yield as_settings(read_sealed(record)["settings"])
    if not is_of_this_run:
        with suppress(DataError):
            yield settings_in(folder)


def _name_in(folder: Path) -> str | None:
    with suppress(DataError):
        name: str | None = read_sealed(folder / "manifest.json", kinds=_MANIFEST).get("name")
        return name
    return None
