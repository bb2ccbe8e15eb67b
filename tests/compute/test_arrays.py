"""Blocks of a range and the headers of .npy files, held against numpy's own."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algocli.compute.arrays import blocks, length, level_rounding, read_header, write_header


@given(st.integers(0, 50), st.integers(1, 20), st.integers(0, 20))
def test_blocks_cover_a_range_once_and_none_is_longer_than_asked(stop: int, step: int, start: int) -> None:
    cut = blocks(stop, step, start)
    assert [place for block in cut for place in range(block.start, block.stop)] == list(range(start, stop))
    assert all(0 < length(block) <= step for block in cut)


def test_a_header_and_the_bytes_of_its_values_are_what_numpy_saves() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    written, saved = io.BytesIO(), io.BytesIO()
    write_header(written, array.shape)
    written.write(array.data)
    np.save(saved, array)
    assert written.getvalue() == saved.getvalue()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_a_header_tells_what_numpy_wrote(order: str, version: tuple[int, int]) -> None:
    array = np.zeros((4, 5), dtype=np.float64, order=order)  # type: ignore[call-overload]
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version)
    stream.seek(0)
    assert read_header(stream) == ((4, 5), order == "F", np.float64)
    assert array.nbytes == len(stream.getvalue()) - stream.tell()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.1, -0.7, 1 / 3, 123456.7, 1e-30])
def test_what_differs_by_its_last_bit_is_levelled_and_what_differs_by_more_stays(value: float, dtype: type) -> None:
    rows = np.random.default_rng(0).permutation(30) < 11
    one = np.array(value, dtype)
    values = np.full((30, 3), one)
    values[rows, 0] = np.nextafter(one, np.inf, dtype=dtype)
    values[rows, 1] = one * dtype(1 + 8 * np.finfo(dtype).eps)
    before = values.copy()
    levelled = level_rounding(values)
    assert (levelled[:, 0] == one).all() or (levelled[:, 0] == values[rows, 0][0]).all()
    np.testing.assert_array_equal(levelled[:, 1:], before[:, 1:])
    # What was handed over may be a file.
    np.testing.assert_array_equal(values, before)


def test_numbers_around_zero_are_never_nearly_the_same() -> None:
    values = np.array([[1e-30, 0.0], [-1e-30, 1e-38], [0, 1e-40]], np.float32)
    assert level_rounding(values) is values
