"""The commands that make a run again, from any folder: what its records and its features' recipes tell."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from algocli.compute.files import read_json
from algocli.encoding import commands as training
from algocli.encoding.runs import Run, SubjectRun
from algocli.errors import DataError
from algocli.features import commands as features
from algocli.features.library import read_recipe
from algocli.results.origin import recorded_folder

# Stands where the layers of a command go until all of them are known.
_HERE = "\0"


def commands_of(run: Run, shares: Sequence[SubjectRun]) -> tuple[str, ...]:
    """Return the lines to type into a shell; those of features whose recipe is gone are missing.

    Raises
    ------
    DataError
        If the run's settings or records are damaged.
    """
    numbers = [share.number for share in shares]
    return (*_folders(run, shares), *_extractions(run, shares), training.command(run, numbers))


def feature_keys(share: SubjectRun) -> list[Any]:
    """Return the keys of the features that a share was trained on, layer by layer; none where it does not tell."""
    found = mapping(share.record.get("inputs")).get("features")
    return found if isinstance(found, list) else []


def mapping(value: object) -> Mapping[str, Any]:
    """Return what a record holds under a name, or nothing where that is no mapping."""
    return value if isinstance(value, dict) else {}


def _folders(run: Run, shares: Sequence[SubjectRun]) -> Iterator[str]:
    """Yield what lets the other commands find data and cache from any folder."""
    data = list(dict.fromkeys(folder.parent for share in shares if (folder := recorded_folder(share))))
    # Data in several folders is for whoever repeats it to bring together.
    if len(data) == 1:
        yield f"export ALGOCLI_DATA_DIR={shlex.quote(str(data[0]))}"
    yield f"export ALGOCLI_CACHE_DIR={shlex.quote(str(run.folder.parent.parent.resolve()))}"


def _extractions(run: Run, shares: Sequence[SubjectRun]) -> Iterator[str]:
    """Yield the commands that make the features, layers and subjects of one network together."""
    home = run.folder.parent.parent / "features"
    found: dict[tuple[str, str], list[int]] = {}
    for name in run.settings.features:
        with suppress(DataError, KeyError, TypeError):
            recipe = read_recipe(home / name)
            for share in shares:
                line = features.command(recipe, share.number, _store_provenance(home / name, share))
                layer = "" if features.is_imported(recipe) else f" -l {shlex.quote(recipe['layer'])}"
                # What is alike but for the layer and the subject is one command.
                rest = line.removesuffix(f" -s {share.number}").replace(layer, _HERE, 1) if layer else line
                found.setdefault((rest, layer), []).append(share.number)
    together: dict[tuple[str, tuple[int, ...]], str] = {}
    for (rest, layer), numbers in found.items():
        together[rest, tuple(numbers)] = together.get((rest, tuple(numbers)), "") + layer
    for (rest, subjects), layers in together.items():
        yield f"{rest.replace(_HERE, layers)} -s {','.join(map(str, subjects))}" if layers else rest


def _store_provenance(home: Path, share: SubjectRun) -> Mapping[str, Any]:
    """Return what the store behind a share's key says it was made from; nothing where it is gone."""
    for path in sorted(home.glob(f"{share.folder.name}-*/manifest.json")):
        with suppress(DataError):
            manifest = read_json(path)
            if manifest.get("key") in feature_keys(share):
                return mapping(manifest.get("provenance"))
    return {}
