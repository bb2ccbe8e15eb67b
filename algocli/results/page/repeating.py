"""The commands that make a run again, from any folder: what its records and its features' recipes tell."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from algocli.compute.files import read_json
from algocli.dataset.naming import SubjectId
from algocli.errors import DataError
from algocli.features.store import commands as features
from algocli.features.store.library import read_recipe
from algocli.runs import commands as training
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun

_Runs = Sequence[tuple[Run, Sequence[SubjectRun]]]
# Stands where the layers of a command go until all of them are known.
_HERE = "\0"


def commands_of(runs: _Runs) -> tuple[str, ...]:
    """Return the lines to type into a shell, what runs share but once; features whose recipe is gone have none.

    Raises
    ------
    DataError
        If the settings or records of a run are damaged.
    """
    trainings = [
        training.command(run.name, run.settings, [subject_run.id for subject_run in subject_runs])
        for run, subject_runs in runs
    ]
    return (*_folders(runs), *_extractions(runs), *trainings)


def feature_keys(subject_run: SubjectRun) -> list[Any]:
    """Return the keys of the features that a subject was trained on, layer by layer; none where it does not tell."""
    keys = mapping(subject_run.record.get("inputs")).get("features")
    return keys if isinstance(keys, list) else []


def mapping(value: object) -> Mapping[str, Any]:
    """Return what a record holds under a name, or nothing where that is no mapping."""
    return value if isinstance(value, dict) else {}


def _folders(runs: _Runs) -> Iterator[str]:
    """Yield what lets the other commands find data and cache from any folder."""
    data = {
        folder.parent for _, subject_runs in runs for subject_run in subject_runs if (folder := subject_run.data_folder)
    }
    caches = {run.cache_dir.resolve() for run, _ in runs}
    # What lies in several folders is for whoever repeats it to bring together.
    for variable, folders in (("ALGOCLI_DATA_DIR", data), ("ALGOCLI_CACHE_DIR", caches)):
        if len(folders) == 1:
            yield f"export {variable}={shlex.quote(str(folders.pop()))}"


def _extractions(runs: _Runs) -> Iterator[str]:
    """Yield the commands that make the features, layers and subjects of one network together."""
    alike: dict[tuple[str, str], list[SubjectId]] = {}
    made = {
        (run.cache_dir / "features", name): subject_runs for run, subject_runs in runs for name in run.settings.features
    }
    for (home, name), subject_runs in made.items():
        with suppress(DataError, KeyError, TypeError):
            recipe = read_recipe(home / name)
            for subject_run in subject_runs:
                line = features.command(recipe, subject_run.id, _store_provenance(home / name, subject_run))
                layer = "" if features.is_imported(recipe) else f" -l {shlex.quote(recipe['layer'])}"
                # What is alike but for the layer and the subject is one command.
                rest = line.removesuffix(f" -s {subject_run.id}").replace(layer, _HERE, 1) if layer else line
                alike.setdefault((rest, layer), []).append(subject_run.id)
    together: dict[tuple[str, tuple[SubjectId, ...]], str] = {}
    for (rest, layer), numbers in alike.items():
        together[rest, tuple(numbers)] = together.get((rest, tuple(numbers)), "") + layer
    for (rest, subjects), layers in together.items():
        yield f"{rest.replace(_HERE, layers)} -s {','.join(map(str, subjects))}" if layers else rest


def _store_provenance(home: Path, subject_run: SubjectRun) -> Mapping[str, Any]:
    """Return what the store behind a subject's key says it was made from; nothing where it is gone."""
    for path in sorted(home.glob(f"{subject_run.folder.name}-*/manifest.json")):
        with suppress(DataError):
            manifest = read_json(path)
            if manifest.get("key") in feature_keys(subject_run):
                return mapping(manifest.get("provenance"))
    return {}
