"""Opens the .npy files of a challenge folder without ever running what a pickle might contain."""

from __future__ import annotations

import io
import operator
import os
import pickle
import pickletools
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from algocli.compute.arrays import read_header
from algocli.compute.files import publish
from algocli.compute.opening import open_file, read_file
from algocli.errors import DataError, first_line

# A pickled dict of names needs these and nothing else. dict, int and str are opcodes of the
# pickle machine itself and never pass through find_class.
_ADMITTED = {
    (module, name)
    for package in ("numpy.core", "numpy._core")
    for module, name in ((f"{package}.multiarray", "_reconstruct"), (f"{package}.multiarray", "scalar"))
} | {("numpy", "ndarray"), ("numpy", "dtype")}

# The challenge's take less than a thousand bytes.
_LARGEST_MAPPING = 2**20
_SHOWN = 40


def open_array(path: Path) -> NDArray[Any]:
    """Open a .npy file as a read-only memory map.

    Raises
    ------
    DataError
        If the file is missing, is no .npy file, is cut short, or holds Python objects.
    """
    with open_file(path) as stream:
        # numpy parses the header as Python source: on a damaged one it raises nearly anything.
        try:
            header = read_header(stream)
            begin, size = stream.tell(), os.fstat(stream.fileno()).st_size
            if header.dtype.hasobject:
                raise DataError(f"{path} holds Python objects", hint="save it as an array of plain numbers")
            # One that goes on was given another header, or never its end.
            if size != begin + header.n_bytes:
                raise ValueError(f"it is of {size} bytes; {begin + header.n_bytes} were expected")
            order: Literal["F", "C"] = "F" if header.is_fortran else "C"
            # What holds nothing cannot be mapped.
            if not header.n_bytes:
                return np.empty(header.shape, header.dtype, order)
            return np.memmap(stream, header.dtype, "r", begin, header.shape, order)
        except DataError:
            raise
        except Exception as error:
            raise DataError(f"{path} is no whole .npy array: {_reason(error)}", hint="copy the file again") from error


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write a .npy file that appears under its name only once it is whole.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    publish(path, lambda stream: npy_format.write_array(stream, array, version=(1, 0), allow_pickle=False))


def load_mapping(path: Path) -> dict[int, str]:
    """Read a pickled dict {code: ROI name}, admitting no other kind of object.

    Raises
    ------
    DataError
        If the file is missing, damaged, or asks for anything but dict, int, str and numpy scalars.
    """
    value = _unpickle(path, read_file(path, _LARGEST_MAPPING))
    if not isinstance(value, dict):
        raise DataError(f"{path} holds a {type(value).__name__}; a dict of ROI names was expected")
    try:
        # index() takes every kind of whole number, numpy's too, and no other.
        mapping = {operator.index(code): name for code, name in value.items()}
    except TypeError as error:
        raise DataError(f"{path} holds a code that is no whole number") from error
    if not all(isinstance(name, str) for name in mapping.values()):
        raise DataError(f"{path} gives a code something other than a ROI name")
    odd = next((name for name in mapping.values() if not name.isprintable()), None)
    if odd is not None:
        raise DataError(f"{path} holds {odd[:_SHOWN]!a}, which is no name that could be printed")
    return {code: str(name) for code, name in mapping.items()}


class _NamesOnly(pickle.Unpickler):
    """Rebuilds arrays of plain values; refuses every other global."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def _unpickle(path: Path, content: bytes) -> object:
    stream = io.BytesIO(content)
    try:
        shape, _, dtype = read_header(stream)
        if shape != () or not dtype.hasobject:
            raise DataError(f"{path} holds an array of shape {shape}; a pickled dict of ROI names was expected")
        _refuse_far_memory(content[stream.tell() :])
        array = _NamesOnly(stream).load()
        return array.item() if isinstance(array, np.ndarray) else array
    except DataError:
        raise
    # A damaged pickle can raise nearly anything: the machine runs on whatever bytes it meets.
    except Exception as error:
        raise DataError(
            f"{path} is not a plain dict of ROI names: {_reason(error)}",
            hint="it was not executed; take the file from the challenge's own archive",
        ) from error


def _refuse_far_memory(program: bytes) -> None:
    """Refuse a pickle that keeps something in a place that it cannot need: all places up to there would be made."""
    for operation, place, _ in pickletools.genops(program):
        if "PUT" in operation.name and isinstance(place, int) and place > len(program):
            raise pickle.UnpicklingError(f"it asks for {place} places")


def _reason(error: BaseException) -> str:
    """Return the first line of an error's text, with an OSError's path and number left out."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return first_line(error).rstrip(".")
