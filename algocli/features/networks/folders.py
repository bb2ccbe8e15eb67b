"""Folders of weights: which of its files hold the tensors, as the hubs' clients write them or as one copies them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from algocli.compute.remarks import list_some
from algocli.errors import DataError
from algocli.features.networks.other_files import AGAIN

# Of several whole checkpoints in a folder, those that its library takes.
_USUAL = (
    *("model.safetensors", "open_clip_model.safetensors", "open_clip_pytorch_model.safetensors"),
    *("pytorch_model.bin", "open_clip_pytorch_model.bin"),
)
# As they are saved: tensors alone before what a pickle may hold beside them.
_KINDS = ((".safetensors",), (".bin", ".pth", ".pt", ".ckpt", ".tar"))
# One of several parts, with how many there are.
_SHARD = re.compile(r"-(\d+)-of-(\d+)\.")


def files_in(folder: Path) -> list[Path]:
    """Return the files that together are the checkpoint of a folder: one, or the parts of one.

    Raises
    ------
    DataError
        If there is none, several are there of which none is meant, or a part is missing.
    """
    for kind in _KINDS:
        files = sorted(path for path in folder.iterdir() if path.suffix in kind and path.is_file())
        indices = sorted(path for path in folder.iterdir() if path.name.endswith(f"{kind[0]}.index.json"))
        whole = [folder / name for name in _USUAL if folder / name in files]
        if whole:
            return whole[:1]
        if indices:
            return _indexed(indices[0])
        if files:
            return _parts(folder, files)
    raise DataError(f"{folder} holds no weights: .safetensors, .bin or .pth files were expected")


def has_weights(folder: Path) -> bool:
    """Say whether a folder has files that may be a checkpoint's."""
    return any(path.suffix in kind for path in folder.iterdir() for kind in _KINDS)


def read_settings(path: Path) -> dict[str, Any]:
    """Return what a JSON file of settings beside weights says.

    Raises
    ------
    DataError
        If it is no such file.
    """
    settings = _read(path)
    if not isinstance(settings, dict):
        raise DataError(f"{path} holds no settings by name", hint=AGAIN)
    return settings


def read_list(path: Path) -> list[dict[str, Any]]:
    """Return what a JSON file beside weights lists, each item with settings of its own.

    Raises
    ------
    DataError
        If it is no such file.
    """
    listed = _read(path)
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise DataError(f"{path} is no list of settings", hint=AGAIN)
    return listed


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON: {error}", hint=AGAIN) from error


def _indexed(index: Path) -> list[Path]:
    """Return the files that an index names, each of which lies beside it."""
    places = read_settings(index).get("weight_map")
    names = sorted(set(map(str, places.values()))) if isinstance(places, Mapping) else []
    outside = [name for name in names if Path(name).name != name]
    if not names or outside:
        raise DataError(f"{index} is no index of weights: names of files beside it were expected", hint=AGAIN)
    return _all_there(index.parent, names)


def _parts(folder: Path, files: list[Path]) -> list[Path]:
    """Return the only file, or all parts of the only checkpoint, of a folder without an index."""
    if len(files) == 1 and not _SHARD.search(files[0].name):
        return files
    shards = [path for path in files if _SHARD.search(path.name)]
    sets = {_SHARD.sub(r"-{}-of-\2.", path.name, count=1) for path in shards}
    # Tensors alone may lie in files of any names, which are one checkpoint unless they hold the same ones.
    if not shards and files[0].suffix == ".safetensors":
        return files
    if len(sets) != 1 or len(shards) < len(files):
        raise DataError(
            f"{folder} holds several checkpoints: {list_some([path.name for path in files])}", hint="name one of them"
        )
    found = _SHARD.search(shards[0].name)
    assert found is not None
    digits, (first,) = len(found[1]), sets
    return _all_there(folder, [first.replace("{}", f"{n:0{digits}}", 1) for n in range(1, int(found[2]) + 1)])


def _all_there(folder: Path, names: list[str]) -> list[Path]:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise DataError(f"{folder} lacks {list_some(missing)}, of {len(names)} parts", hint="copy the whole folder")
    return [folder / name for name in names]
