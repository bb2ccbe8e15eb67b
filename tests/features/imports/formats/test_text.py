"""Tables in text, as numpy, pandas and spreadsheets write them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from algocli.errors import DataError
from algocli.features.imports.matrices import open_matrix

F = NDArray[np.float32]


def write(path: Path, lines: Iterable[Sequence[Any]], **options: Any) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream, **options).writerows(lines)
    return path


@settings(max_examples=25, deadline=None)
@given(array=arrays.arrays(np.float64, (3, 4), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_every_number_is_read_exactly(tmp_path_factory: pytest.TempPathFactory, array: NDArray[np.float64]) -> None:
    path = write(tmp_path_factory.mktemp("csv") / "a.csv", [["w", "x", "y", "z"], *array.tolist()])
    np.testing.assert_array_equal(open_matrix(path).read(range(3)), array)


def numpys(path: Path, array: F) -> Path:
    np.savetxt(path, array, fmt="%.9g")
    return path


FORMS: dict[str, Any] = {
    "bare": lambda path, array: write(path, array.tolist()),
    "of numpy, with blanks": numpys,
    "semicolons": lambda path, array: write(path, array.tolist(), delimiter=";"),
    "quoted": lambda path, array: write(path, array.tolist(), quoting=csv.QUOTE_ALL),
    "a header": lambda path, array: write(path, [list("abcde"), *array.tolist()]),
    "a header that counts": lambda path, array: write(path, [range(5), *array.tolist()]),
    "an index": lambda path, array: write(
        path, [["", *range(5)], *([n, *row] for n, row in enumerate(array.tolist()))]
    ),
    "an index from 1": lambda path, array: write(
        path, [["index", *"abcde"], *([n, *row] for n, row in enumerate(array.tolist(), 1))]
    ),
    "a comma too many": lambda path, array: write(path, [[*row, ""] for row in array.tolist()]),
    "a mark at the start": lambda path, array: path.write_text(
        "\ufeff" + write(path, array.tolist()).read_text(), encoding="utf-8"
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_read_as_it_is_meant(tmp_path: Path, features: F, form: str) -> None:
    FORMS[form](tmp_path / "a.csv", features)
    matrix = open_matrix(tmp_path / "a.csv")
    assert matrix.labels is None
    np.testing.assert_array_equal(matrix.read(range(6)).astype(np.float32), features)


@pytest.mark.parametrize("header", ["file_name", "Image", "nsd_id", "", None])
@pytest.mark.parametrize("place", [0, 5])
def test_a_column_of_names_is_no_feature(
    tmp_path: Path, features: F, names: list[str], header: str | None, place: int
) -> None:
    if header == "" and place:
        pytest.skip("what has no name is the first column")
    lines: list[list[Any]] = [row.copy() for row in features.tolist()]
    for line, name in zip(lines, names, strict=True):
        line.insert(place, name)
    first = [f"f{n}" for n in range(5)]
    first.insert(place, header or "")
    matrix = open_matrix(write(tmp_path / "a.tsv", lines if header is None else [first, *lines], delimiter="\t"))
    assert matrix.labels is not None
    assert matrix.labels.words == tuple(names)
    np.testing.assert_array_equal(matrix.read(range(6)).astype(np.float32), features)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1,2,3\n4,5\n", "line 2: 2 cells; its first line has 3"),
        ("a,b\n1,2\n\n3,4,5\n", "line 4: 3 cells; its first line has 2"),
        ("1,2\n3,dog\n", "line 2: 'dog' is no number"),
        ("1,2\n3,\n", "line 2: '' is no number"),
        ("1,2\n3,1_5\n", "line 2 holds an underscore within a number"),
        ("0,5;0,25\n0,1;0,2\n", "is no number"),
        ("", "holds no numbers"),
        ("a,b\n", "holds no numbers"),
        ("<html>404</html>\n", "holds no numbers"),
        ("nsd_id,cocoId,f0\n3,262145,0.5\n", "column cocoId is no feature, by its name"),
        ("f0,f1,session\n1,2,3\n", "column session is no feature, by its name"),
    ],
)
def test_what_is_no_table_of_numbers_is_told_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=sentence):
        open_matrix(tmp_path / "a.csv")


def test_what_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe1,2\n\x00")
    with pytest.raises(DataError, match="is no table in UTF-8"):
        open_matrix(tmp_path / "a.csv")
