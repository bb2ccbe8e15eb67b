"""Chunks of Zarr that do not exist: refused by name, in both versions of the format, sharded or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from algocli.errors import DataError
from algocli.features.imports.matrices import open_matrix

KINDS: dict[str, dict[str, Any]] = {
    "version 2": {"zarr_format": 2},
    "version 2, nested": {"zarr_format": 2, "chunk_key_encoding": {"name": "v2", "separator": "/"}},
    "version 3": {"zarr_format": 3},
    "version 3, flat": {"zarr_format": 3, "chunk_key_encoding": {"name": "default", "separator": "."}},
}
FIRST_KEYS = {"version 2": "2.0", "version 2, nested": "2/0", "version 3": "c/2/0", "version 3, flat": "c.2.0"}


def create(folder: Path, **options: Any) -> zarr.Array:
    shape = options.pop("shape", (10, 6))
    return zarr.create_array(str(folder / "a.zarr"), shape=shape, chunks=(3, 4), dtype="f4", **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fill_value", [0, -1])
def test_a_chunk_that_does_not_exist_is_named_with_its_rows(tmp_path: Path, kind: str, fill_value: float) -> None:
    create(tmp_path, fill_value=fill_value, **KINDS[kind])[:6] = 1
    matrix = open_matrix(tmp_path / "a.zarr")
    matrix.refuse_holes(range(6))
    sentence = rf"a\.zarr was .* chunk {FIRST_KEYS[kind]}, of rows 6 to 8, .* nor do 3 others; 4 of the 10 rows"
    with pytest.raises(DataError, match=sentence) as caught:
        matrix.refuse_holes(range(10))
    assert "write_empty_chunks" in str(caught.value.hint)


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_of_zeros_that_were_written_are_numbers(tmp_path: Path, kind: str) -> None:
    with zarr.config.set({"array.write_empty_chunks": True}):
        create(tmp_path, **KINDS[kind])[:] = 0
    open_matrix(tmp_path / "a.zarr").refuse_holes(range(10))


def test_a_chunk_that_lacks_in_some_columns_counts(tmp_path: Path) -> None:
    array = create(tmp_path)
    array[:, :4] = 1
    array[3:, 4:] = 1
    with pytest.raises(DataError, match=r"chunk c/0/1, of rows 0 to 2, does not exist; 2 of the 3 rows"):
        open_matrix(tmp_path / "a.zarr").refuse_holes([9, 2, 0])


@pytest.mark.parametrize("location", ["start", "end"])
def test_a_chunk_that_lacks_within_a_shard_is_named(tmp_path: Path, location: Any) -> None:
    array = zarr.create_array(
        str(tmp_path / "a.zarr"),
        shape=(10, 6),
        dtype="f4",
        chunks=(2, 2),
        shards={"shape": (4, 6), "index_location": location},
    )
    array[:2] = array[4:] = 1
    matrix = open_matrix(tmp_path / "a.zarr")
    matrix.refuse_holes([0, 1, 4, 9])
    with pytest.raises(DataError, match=r"chunk c/0/0 \(1, 0 within it\), of rows 2 to 3, .* 1 of the 2 rows"):
        matrix.refuse_holes([1, 3])


def test_a_shard_that_does_not_exist_lacks_all_its_chunks(tmp_path: Path) -> None:
    create(tmp_path, shards=(6, 8))[:6] = 1
    with pytest.raises(DataError, match=r"chunk c/1/0 \(0, 0 within it\), of rows 6 to 8, .* 4 of the 10 rows"):
        open_matrix(tmp_path / "a.zarr").refuse_holes(range(10))


def test_a_lost_file_of_a_group_is_named(tmp_path: Path) -> None:
    group = zarr.create_group(str(tmp_path / "a.zarr"))
    group.create_array("deep/f", data=np.ones((10, 6)), chunks=(3, 6))
    (tmp_path / "a.zarr/deep/f/c/1/0").unlink()
    with pytest.raises(DataError, match=r"a\.zarr/deep/f was never .* chunk c/1/0, of rows 3 to 5"):
        open_matrix(tmp_path / "a.zarr").refuse_holes(range(10))


def test_a_folder_without_the_suffix_is_told_by_its_description(tmp_path: Path) -> None:
    create(tmp_path)[:] = 1
    (tmp_path / "a.zarr").rename(tmp_path / "features")
    assert open_matrix(tmp_path / "features").shape == (10, 6)
