"""Zarr folders that lead out of themselves, or hold more than numbers."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

from algocli.errors import AlgocliError, DataError
from algocli.features.imports.matrices import open_matrix

NUMBERS = np.arange(24, dtype="f4").reshape(6, 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three chunks of two rows."""
    path = tmp_path / "a.zarr"
    array = zarr.create_array(str(path), shape=NUMBERS.shape, chunks=(2, 4), dtype="f4", compressors=None)
    array[:] = NUMBERS
    return path


def read(path: Path) -> None:
    matrix = open_matrix(path)
    matrix.refuse_holes(range(6))
    np.testing.assert_array_equal(matrix.read(range(6)), NUMBERS)


def description(folder: Path, **changes: object) -> None:
    path = folder / "zarr.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def chunk_elsewhere(folder: Path) -> None:
    (folder / "c/1/0").rename(folder.parent / "secret")
    (folder / "c/1/0").symlink_to(folder.parent / "secret")


def folder_elsewhere(folder: Path) -> None:
    (folder / "c").rename(folder.parent / "c")
    (folder / "c").symlink_to("../c")


def pipe(folder: Path) -> None:
    (folder / "c/1/0").unlink()
    os.mkfifo(folder / "c/1/0")


def endless(folder: Path) -> None:
    os.truncate(folder / "c/1/0", 2**40)


def endless_description(folder: Path) -> None:
    os.truncate(folder / "zarr.json", 2**40)


def absurd_chunks(folder: Path) -> None:
    description(
        folder, shape=[6, 10**13], chunk_grid={"name": "regular", "configuration": {"chunk_shape": [6, 10**13]}}
    )


def many_chunks(folder: Path) -> None:
    description(folder, shape=[6, 10**8], chunk_grid={"name": "regular", "configuration": {"chunk_shape": [2, 1]}})


def no_chunks(folder: Path) -> None:
    description(folder, chunk_grid={"name": "regular", "configuration": {"chunk_shape": [0, 4]}})


SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "a chunk elsewhere": (chunk_elsewhere, r"a\.zarr/c/1/0 leads to .*/secret, which is not in"),
    "a folder elsewhere": (folder_elsewhere, r"a\.zarr/c leads to .*/c, which is not in"),
    "a pipe": (pipe, r"c/1/0 cannot be read: is a pipe, not a file"),
    "an endless chunk": (endless, r"c/1/0 is of 1100 GB; no file of its kind"),
    "an endless description": (endless_description, r"zarr\.json is of 1100 GB"),
    "absurd chunks": (absurd_chunks, r"of memory are needed"),
    "many chunks": (many_chunks, r"it is in chunks of \(2, 1\)"),
    "no chunks": (no_chunks, r"cannot be read as Zarr"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_it_is_refused_by_name(folder: Path, how: str) -> None:
    spoil, said = SPOILED[how]
    spoil(folder)
    with pytest.raises(AlgocliError, match=said):
        read(folder)


def test_links_within_the_folder_are_followed(folder: Path) -> None:
    (folder / "c/1/0").rename(folder / "elsewhere")
    (folder / "c/1/0").symlink_to(folder / "elsewhere")
    read(folder)


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    class Program:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path}/ran",)

    folder = tmp_path / "b.zarr"
    folder.mkdir()
    filters = [{"id": "vlen-utf8"}, {"id": "pickle"}]
    plain = {"zarr_format": 2, "shape": [6], "chunks": [6], "compressor": None, "fill_value": "", "order": "C"}
    (folder / ".zarray").write_text(json.dumps({**plain, "dtype": "|O", "filters": filters}))
    (folder / "0").write_bytes(pickle.dumps(Program()))
    with pytest.raises(DataError, match="holds Python objects, which were not run"):
        open_matrix(folder)
    assert not (tmp_path / "ran").exists()
