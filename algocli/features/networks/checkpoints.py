"""Checkpoints of others as tensors by name: whatever they lie in, and without running what a file may hold beside them.

A name says where in the file its tensor lies: 'teacher/module.conv1.weight' is 'module.conv1.weight' in 'teacher'.
"""

from __future__ import annotations

import importlib
import pickle
import pickletools
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algocli.compute.opening import check_content, check_file, open_file
from algocli.compute.remarks import list_some
from algocli.errors import DataError, UsageError, first_line, install_hint
from algocli.features.networks.folders import files_in
from algocli.features.networks.other_files import AGAIN, no_checkpoint, refuse_other_zips

if TYPE_CHECKING:
    import torch

# How a pickle begins that says its version, as all do that are younger than Python 2.3.
_PICKLE = b"\x80"
# Dicts within dicts.
_DEEPEST = 16
# What keeps settings and counts in Python's own library; whatever else of that is named may well be there to be run.
_RECORDS = {
    *("argparse.Namespace", "types.SimpleNamespace", "datetime.datetime", "datetime.date", "datetime.timedelta"),
    *("collections.OrderedDict", "collections.defaultdict", "collections.Counter", "_codecs.encode"),
    *("builtins.dict", "builtins.list", "builtins.set", "builtins.object", "decimal.Decimal", "uuid.UUID"),
    *(f"pathlib{part}.{flavour}Path" for part in ("", "._local") for flavour in ("", "Posix", "Windows", "PurePosix")),
}


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Read a checkpoint's tensors: a .safetensors file, what torch.save made of dicts of them, or a folder of either.

    Settings, counts and whatever else lies beside them are passed over: nothing of them is made or run.

    Parameters
    ----------
    path
        The file or folder; 'FILE:PART' where only what lies under a name is meant, such as 'dino.pth:student'.

    Returns
    -------
    Each tensor by its name, which begins with those of the dicts that it lies in, each followed by a slash.

    Raises
    ------
    DataError
        If the file is missing, damaged, asks to run code, or holds no tensors by name.
    UsageError
        If it is a .safetensors file and the package that reads these is not installed.
    """
    path, part = split_part(path)
    if not path.exists():
        hint = "weights=... takes pretrained, random, random:SEED or a file"
        # As a path has it, one of the two slashes is gone.
        is_address = ":/" in str(path)
        raise DataError(
            f"there is no weights file {path}", hint="fetch it first, and name the file" if is_address else hint
        )
    state: dict[str, torch.Tensor] = {}
    for file in files_in(path) if path.is_dir() else [path]:
        part_of_it = _read_file(file)
        twice = sorted(state.keys() & part_of_it.keys())
        if twice:
            raise DataError(f"several files of {path} hold {list_some(twice)}", hint="name the one that is meant")
        state |= part_of_it
    odd = odd_ones(state)
    if len(odd) == len(state):
        raise no_numbers(str(path), odd)
    chosen = {name: tensor for name, tensor in state.items() if f".{part}." in f".{name.replace('/', '.')}"}
    if part and not chosen:
        raise DataError(f"{path} has nothing under the name '{part}'; it holds {contents(state)}")
    return chosen if part else state


def _read_file(path: Path) -> dict[str, torch.Tensor]:
    check_file(path)
    check_content(path)
    saved = _read_safetensors(path) if _is_safetensors(path) else _unpickle(path)
    state = _tensors(saved) if isinstance(saved, Mapping) else {}
    if not state:
        raise DataError(f"{path} holds no tensors by name: a state dict was expected")
    return state


def split_part(path: Path) -> tuple[Path, str]:
    """Tell a file from the part of it that is meant, as in 'dino.pth:student'; the part may be empty."""
    # A part may have slashes too.
    file, colon, part = str(path).rpartition(":")
    if not colon or path.exists() or not Path(file).exists():
        return path, ""
    return Path(file), part.replace("/", ".").strip(".")


def contents(state: Mapping[str, torch.Tensor]) -> str:
    """Say what a checkpoint holds: how many tensors, the first of them, and what its names begin with."""
    names = list(state)
    begins = list(dict.fromkeys(name[: end + 1] for name in names if (end := _first_end(name)) > 0))
    under = f", under {', '.join(begins[:6])}{' ...' if begins[6:] else ''}" if begins else ""
    return f"{len(names)} tensors{under}: {', '.join(names[:3])}{' ...' if names[3:] else ''}"


def flatten(saved: Mapping[Any, Any], beginning: str = "") -> dict[str, Any]:
    """Return what nested dicts hold by paths such as 'alexnet/conv1'."""
    flat: dict[str, Any] = {}
    # A dict may hold itself.
    if beginning.count("/") > _DEEPEST:
        return flat
    for key, item in saved.items():
        flat |= flatten(item, f"{beginning}{key}/") if isinstance(item, Mapping) else {f"{beginning}{key}": item}
    return flat


def is_plain(tensor: torch.Tensor) -> bool:
    """Say whether each number of a tensor has a place of its own in memory, and means what it says."""
    import torch

    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized or tensor.is_nested:
        return False
    # One that was expanded may seem to have any number of them.
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def odd_ones(state: Mapping[str, torch.Tensor]) -> list[str]:
    """Return the names of tensors that are not plain."""
    return [name for name, tensor in state.items() if not is_plain(tensor)]


def no_numbers(source: str, odd: list[str]) -> DataError:
    """Return the error of tensors that are not plain."""
    return DataError(
        f"{source} does not hold all numbers of {list_some(odd)}, as of a sparse tensor or one on torch's meta device",
        hint="save the network's weights as plain tensors",
    )


def _first_end(name: str) -> int:
    """Return where the first word of a name ends; -1 where it has but one."""
    ends = [place for sign in "/." if (place := name.find(sign)) >= 0]
    return min(ends, default=-1)


def _tensors(saved: Mapping[Any, Any]) -> dict[str, torch.Tensor]:
    import torch

    return {name: item for name, item in flatten(saved).items() if isinstance(item, torch.Tensor)}


def _unpickle(path: Path) -> object:
    """Read what torch.save wrote."""
    import torch

    beginning = _beginning(path)
    if beginning[:2] == b"PK":
        # A zip file's list of contents is at its end.
        if not zipfile.is_zipfile(path):
            raise DataError(f"{path} is cut short", hint=AGAIN)
        refuse_other_zips(path)
    elif beginning[:1] != _PICKLE:
        raise no_checkpoint(path)
    try:
        # Opened here: by a path, torch goes by the file's name.
        try:
            with open_file(path) as stream:
                return torch.load(stream, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:
            with _blanks_for(path), open_file(path) as stream:
                saved = torch.load(stream, map_location="cpu", weights_only=True)
            # Of a whole network all that matters is blank.
            if isinstance(saved, Mapping) and _tensors(saved):
                return saved
            raise
    # On bytes that are no checkpoint torch.load's machine for pickles raises nearly anything.
    except Exception as error:
        if "unexpected EOF" in str(error):
            raise DataError(f"{path} is cut short", hint=AGAIN) from error
        raise DataError(
            f"{path} is no checkpoint that can be read without running its code",
            hint="save it as a plain state dict: torch.save(model.state_dict(), FILE)",
        ) from error


@contextmanager
def _blanks_for(path: Path) -> Iterator[None]:
    """Let a file hold what torch's reader of pickles does not admit: in the place of each such thing it makes a blank.

    Raises
    ------
    DataError
        If what is named may be there to be run.
    """
    from torch import serialization

    named = set(_named(path))
    harmful = sorted(name for name in named - _RECORDS if name.split(".")[0] in sys.stdlib_module_names)
    if harmful:
        raise DataError(f"it names {list_some(harmful)}")
    # What torch's reader admits by itself it does not look for here.
    blanks: list[Any] = [(_Array if name.startswith("numpy") else _Blank, name) for name in named]
    with serialization.safe_globals(blanks):
        yield


def _named(path: Path) -> Iterator[str]:
    """Yield what the pickles of a checkpoint name, without reading them as pickles."""
    with ExitStack() as opened:
        if zipfile.is_zipfile(path):
            archive = opened.enter_context(zipfile.ZipFile(path))
            streams = [archive.open(name) for name in archive.namelist() if name.endswith("/data.pkl")]
        else:
            # Torch before 1.6: a mark, a version, what machine it was, what was saved, and which bytes follow.
            streams = [opened.enter_context(open_file(path))] * 5
        for stream in streams:
            for operation, argument, _ in pickletools.genops(stream):
                if operation.name == "GLOBAL":
                    # By its name of Python 2, which the pickles of torch keep to.
                    yield str(argument).replace(" ", ".").replace("__builtin__.", "builtins.")


class _Blank:
    """Stands for an object of a class that is not looked up: a dict, which may be filled and is never asked."""

    def __new__(cls, *_args: Any) -> Any:
        """Make an empty dict of the only kind that torch's reader fills."""
        return OrderedDict()


class _Array:
    """Stands for numpy's arrays, numbers and dtypes, which are filled otherwise."""

    def __init__(self, *_args: Any) -> None: ...

    def __setstate__(self, _state: Any) -> None: ...


def _is_safetensors(path: Path) -> bool:
    """Say whether a file is of that format, by what it holds, or else by its name."""
    beginning = _beginning(path)
    # After its length, of 8 bytes, comes a header in JSON. No other checkpoint has a brace there.
    is_other = beginning[:1] == _PICKLE or beginning[:2] == b"PK"
    return beginning[8:] == b"{" or (path.suffix == ".safetensors" and not is_other)


def _read_safetensors(path: Path) -> object:
    """Read what safetensors wrote: tensors by name and nothing else."""
    try:
        safetensors = importlib.import_module("safetensors.torch")
    except ImportError as error:
        raise UsageError(
            f"{path} needs safetensors, which is not installed",
            hint=f"pip install safetensors, or {install_hint('timm')}, which brings it",
        ) from error
    try:
        return safetensors.load_file(path)
    # Its errors are of a class of its own, and beside it OSError and more.
    except Exception as error:
        first = first_line(error)
        raise DataError(f"{path} is no sound safetensors file: {first}", hint=AGAIN) from error


def _beginning(path: Path) -> bytes:
    with open_file(path) as stream:
        return stream.read(9)
