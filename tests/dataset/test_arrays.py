"""Reading what a stranger may have written: damaged files end in a sentence, hostile ones run nothing."""

from __future__ import annotations

import io
import os
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algocli.dataset.arrays import load_mapping, open_array
from algocli.errors import DataError

NAMES = {0: "Unknown", 1: "OFA", 2: "FFA-1"}


def npy(value: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, value, allow_pickle=True)
    return stream.getvalue()


def as_mapping(pickled: bytes) -> bytes:
    """Put a pickle behind the header that np.save writes before a dict."""
    header = npy({})
    return header[: header.index(b"\n") + 1] + pickled


class Runs:
    """Pickles as a call: what an attacker would put into a mapping."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.npy"


def test_an_array_is_opened_as_a_map_that_cannot_be_written(file: Path) -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.save(file, values)

    opened = open_array(file)

    assert isinstance(opened, np.memmap)
    assert not opened.flags.writeable
    np.testing.assert_array_equal(opened, values)


def test_an_array_without_rows_is_an_array(file: Path) -> None:
    np.save(file, np.zeros((0, 5), dtype=np.float32))
    assert open_array(file).shape == (0, 5)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"just some text that is no array", id="text"),
        pytest.param(b"PK\x03\x04 and then nonsense", id="a broken archive"),
        pytest.param(npy(np.zeros(9))[:40], id="half a header"),
        pytest.param(npy(np.zeros(9))[:-1], id="a lost byte"),
    ],
)
def test_what_is_no_array_is_refused_by_name(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"file\.npy is no whole \.npy array") as caught:
        open_array(file)
    assert caught.value.hint


def test_python_objects_are_refused_as_what_they_are(file: Path) -> None:
    file.write_bytes(npy({1: "V1v"}))
    with pytest.raises(DataError, match=r"file\.npy holds Python objects") as caught:
        open_array(file)
    assert caught.value.hint == "save it as an array of plain numbers"


def test_an_archive_of_arrays_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "many.npz", a=np.zeros(3))
    with pytest.raises(DataError, match=r"many\.npz"):
        open_array(tmp_path / "many.npz")


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is missing"):
        open_array(tmp_path / "none.npy")
    with pytest.raises(DataError, match="cannot be read: is a directory"):
        open_array(tmp_path)


@given(changes=st.lists(st.tuples(st.integers(0, 127), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_no_damage_to_a_header_ends_in_anything_but_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(npy(np.zeros((10, 5), dtype=np.float32)))
    for place, value in changes:
        content[place] = value
    file = tmp_path_factory.getbasetemp() / "damaged.npy"
    file.write_bytes(content)
    # Some changes leave it sound: a name, a space.
    with suppress(DataError):
        open_array(file)


def test_a_mapping_is_read_as_it_was_saved(file: Path) -> None:
    file.write_bytes(npy(NAMES))
    assert load_mapping(file) == NAMES


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int32])
def test_codes_may_be_numpy_integers_and_names_numpy_strings(file: Path, kind: type[np.integer[Any]]) -> None:
    file.write_bytes(npy({kind(code): np.str_(name) for code, name in NAMES.items()}))

    mapping = load_mapping(file)

    assert mapping == NAMES
    assert {type(code) for code in mapping} == {int}
    assert {type(name) for name in mapping.values()} == {str}


def test_mappings_saved_by_numpy_1_are_read(file: Path) -> None:
    array = np.empty((), dtype=object)
    array[()] = {np.int64(code): name for code, name in NAMES.items()}
    # numpy 1 saved by protocol 3, which writes module names as lines of text, and had no underscore in this one.
    pickled = pickle.dumps(array, protocol=3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert pickled.count(b"numpy.core.multiarray") >= 2
    file.write_bytes(as_mapping(pickled))
    assert load_mapping(file) == NAMES


@pytest.mark.parametrize("where", ["alone", "as a value", "as a key"])
@pytest.mark.parametrize("function", [os.system, eval, exec, os.mkdir])
def test_a_mapping_that_would_run_something_is_refused_and_runs_nothing(
    file: Path, tmp_path: Path, function: Any, where: str
) -> None:
    trace = tmp_path / "it-ran"
    argument = {
        os.system: f"mkdir {trace}",
        eval: f"__import__('os').mkdir({str(trace)!r})",
        exec: f"import os; os.mkdir({str(trace)!r})",
        os.mkdir: str(trace),
    }[function]
    call = Runs(function, argument)
    value: Any = {"alone": call, "as a value": {1: call}, "as a key": {call: "V1v"}}[where]
    array = np.empty((), dtype=object)
    array[()] = value
    file.write_bytes(npy(array))

    with pytest.raises(DataError, match=f"it asks for .*{function.__name__}") as caught:
        load_mapping(file)

    assert not trace.exists()
    assert caught.value.hint is not None
    assert "not executed" in caught.value.hint


@pytest.mark.parametrize("name", ["ndarray.dump", "fromfile", "load", "save"])
def test_nothing_else_of_numpy_is_admitted(file: Path, name: str) -> None:
    reference = b"\x80\x04\x8c\x05numpy\x8c" + bytes([len(name)]) + name.encode() + b"\x93."
    file.write_bytes(as_mapping(reference))
    with pytest.raises(DataError, match=f"it asks for numpy.{name}"):
        load_mapping(file)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (np.arange(3), "array of shape"),
        (np.array(["V1v"], dtype=object), "array of shape"),
        ([1, 2], "array of shape"),
        ("V1v", "array of shape"),
        ({1.5: "V1v"}, "no whole number"),
        ({"1": "V1v"}, "no whole number"),
        ({1: 7}, "other than a ROI name"),
        ({1: None}, "other than a ROI name"),
    ],
)
def test_a_mapping_of_anything_but_codes_to_names_is_refused(file: Path, value: Any, complaint: str) -> None:
    file.write_bytes(npy(value))
    with pytest.raises(DataError, match=complaint):
        load_mapping(file)


def test_a_mapping_cut_short_anywhere_is_refused(file: Path) -> None:
    content = npy(NAMES)
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"file\.npy"):
            load_mapping(file)


def test_a_missing_mapping_is_called_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is missing"):
        load_mapping(tmp_path / "mapping.npy")
    with pytest.raises(DataError, match="is a directory"):
        load_mapping(tmp_path)
