"""Rows that nobody wrote: told from zeros that somebody did, however HDF5 lays a dataset out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.dataset.hdf5 import read_rows, refuse_unwritten
from algocli.errors import DataError

ROWS, COLUMNS = 10, 6


def create(file: h5py.File, **options: Any) -> h5py.Dataset:
    return file.create_dataset("x", (ROWS, COLUMNS), "f4", **options)


def check(path: Path, rows: Any = range(ROWS), **options: Any) -> None:
    with h5py.File(path) as file:
        refuse_unwritten(file["x"], rows, "the file", **options)


def whole_zeros(path: Path, **options: Any) -> None:
    with h5py.File(path, "w") as file:
        create(file, **options)[...] = 0


def compact_zeros(path: Path) -> None:
    with h5py.File(path, "w") as file:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((ROWS, COLUMNS))
        h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_FLOAT, space, plan)


@pytest.mark.parametrize(
    "write",
    [
        whole_zeros,
        lambda path: whole_zeros(path, chunks=(3, 4)),
        lambda path: whole_zeros(path, chunks=(3, 4), compression="gzip", maxshape=(None, COLUMNS)),
        compact_zeros,
    ],
    ids=["contiguous", "chunked", "growing", "compact"],
)
def test_zeros_that_were_written_are_numbers(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "a.h5")
    check(tmp_path / "a.h5")


def test_a_contiguous_dataset_that_was_never_touched_lacks_every_row(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        create(file, fillvalue=7)
    with pytest.raises(DataError, match=r"the file was never written to the end: 10 of the 10 .* row 0 to 9"):
        check(tmp_path / "a.h5")


@pytest.mark.parametrize("maxshape", [None, (None, COLUMNS), (None, None)])
def test_rows_of_a_chunk_that_was_never_allocated_are_named(tmp_path: Path, maxshape: Any) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        create(file, chunks=(3, 4), fillvalue=-1, maxshape=maxshape)[:4] = 1
    with pytest.raises(DataError, match=r"4 of the 10 rows that are needed lack data, row 6 to 9") as caught:
        check(tmp_path / "a.h5")
    assert "write the missing rows" in str(caught.value.hint)


def test_a_chunk_that_is_absent_in_some_columns_counts(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = create(file, chunks=(3, 4))
        dataset[:, :4] = 1
        dataset[:9, 4:] = 1
    with pytest.raises(DataError, match=r"1 of the 10 rows that are needed lack data, row 9$"):
        check(tmp_path / "a.h5")


def test_rows_that_are_not_needed_may_be_absent(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        create(file, chunks=(3, 4))[:4] = 1
    check(tmp_path / "a.h5", [5, 0, 3])
    with pytest.raises(DataError, match=r"1 of the 2 rows .* NSD id 6"):
        check(tmp_path / "a.h5", [5, 6], row="NSD id")


def test_rows_are_found_along_the_last_axis_too(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (COLUMNS, ROWS), "f4", chunks=(4, 3))[:, :4] = 1
    check(tmp_path / "a.h5", [4, 5], by_last_axis=True)
    with pytest.raises(DataError, match=r"1 of the 2 rows .* row 6"):
        check(tmp_path / "a.h5", [5, 6], by_last_axis=True)


def virtual(folder: Path, *sources: tuple[slice, str, tuple[int, ...]]) -> Path:
    """Write a dataset whose rows are those of others; each source is where to, which file, and its shape."""
    layout = h5py.VirtualLayout((ROWS, COLUMNS), "f4")
    for rows, name, shape in sources:
        layout[rows] = h5py.VirtualSource(name, "deep/x", shape)
    with h5py.File(folder / "virtual.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    return folder / "virtual.h5"


def source(path: Path, n_rows: int, n_written: int | None = None) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("deep/x", (n_rows, COLUMNS), "f4", chunks=(1, COLUMNS))[
            : n_rows if n_written is None else n_written
        ] = 1


def test_a_virtual_dataset_with_all_its_sources_is_whole(tmp_path: Path) -> None:
    source(tmp_path / "one.h5", 4)
    source(tmp_path / "two.h5", 6)
    check(virtual(tmp_path, (slice(0, 4), "one.h5", (4, COLUMNS)), (slice(4, 10), "two.h5", (6, COLUMNS))))


@pytest.mark.parametrize(
    ("n_rows", "n_written", "lacking"),
    [(None, None, "6 of the 10 .* row 4 to 9"), (5, 5, "1 of the 10 .* row 9"), (6, 2, "4 of the 10 .* row 6 to 9")],
    ids=["gone", "too short", "half-written"],
)
def test_rows_whose_source_lacks_are_named(
    tmp_path: Path, n_rows: int | None, n_written: int | None, lacking: str
) -> None:
    source(tmp_path / "one.h5", 4)
    if n_rows is not None:
        source(tmp_path / "two.h5", n_rows, n_written)
    path = virtual(tmp_path, (slice(0, 4), "one.h5", (4, COLUMNS)), (slice(4, 10), "two.h5", (6, COLUMNS)))
    with pytest.raises(DataError, match=lacking):
        check(path)


def test_rows_that_no_source_is_mapped_to_are_named(tmp_path: Path) -> None:
    source(tmp_path / "one.h5", 4)
    with pytest.raises(DataError, match=r"6 of the 10 .* row 4 to 9"):
        check(virtual(tmp_path, (slice(0, 4), "one.h5", (4, COLUMNS))))


@pytest.mark.parametrize(("n_bytes", "lacking"), [(240, None), (239, "1 of the 10 .* row 9"), (96, "row 4 to 9")])
def test_a_raw_file_that_ends_early_lacks_its_last_rows(tmp_path: Path, n_bytes: int, lacking: str | None) -> None:
    raw = tmp_path / "raw.bin"
    with h5py.File(tmp_path / "a.h5", "w") as file:
        create(file, external=[(str(raw), 0, 240)])
    raw.write_bytes(b"\x01" * n_bytes)
    if lacking is None:
        check(tmp_path / "a.h5")
        return
    with pytest.raises(DataError, match=lacking):
        check(tmp_path / "a.h5")


@pytest.mark.parametrize("rows", [range(2, 5), [7, 0, 7, 3]], ids=str)
def test_rows_are_read_along_the_last_axis_as_along_the_first(tmp_path: Path, rows: Any) -> None:
    array: NDArray[np.int64] = np.arange(ROWS * 2 * 3).reshape(ROWS, 2, 3)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["reversed"] = array, array.T
        np.testing.assert_array_equal(read_rows(file["x"], rows), array[list(rows)])
        np.testing.assert_array_equal(read_rows(file["reversed"], rows, by_last_axis=True), array[list(rows)])
