"""Parquet tables, where pyarrow is installed; and what is said where it is not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.errors import DataError, UsageError
from algocli.features.imports.matrices import open_matrix

F = NDArray[np.float32]


def test_without_pyarrow_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match="needs pyarrow") as caught:
        open_matrix(tmp_path / "a.parquet")
    assert caught.value.hint == "pip install -e '.[parquet]', in the folder of algocli's source"


def test_columns_are_features_and_one_of_names_names_rows(tmp_path: Path, features: F, names: list[str]) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"file_name": names} | {f"f{n}": column for n, column in enumerate(features.T)}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=4)
    matrix = open_matrix(tmp_path / "a.parquet")
    np.testing.assert_array_equal(matrix.read(range(6)), features)
    assert matrix.labels is not None
    assert matrix.labels.words == tuple(names)


@pytest.mark.parametrize("fixed", [True, False])
def test_a_column_of_lists_is_a_matrix(tmp_path: Path, features: F, fixed: bool) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    kind = pa.list_(pa.float32(), 5) if fixed else pa.list_(pa.float32())
    table = pa.table({"nsd_id": [9, 3, 7, 8, 1, 2], "features": pa.array(features.tolist(), kind)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=4)
    matrix = open_matrix(tmp_path / "a.parquet")
    np.testing.assert_array_equal(matrix.read([5, 0]), features[[5, 0]])
    assert matrix.labels is not None
    assert matrix.labels.words == ("9", "3", "7", "8", "1", "2")


def test_what_lacks_numbers_is_refused(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    cases = {
        "f lacks 1 of its numbers": {"f": [1.0, None], "g": [1.0, 2.0]},
        "f is string": {"f": ["a", "b"], "g": [1.0, 2.0]},
        "row 1 has 1 numbers; the first row has 2": {"f": [[1.0, 2.0], [1.0]]},
        "holds no column of numbers": {"file_name": ["a", "b"]},
    }
    for sentence, columns in cases.items():
        pq.write_table(pa.table(columns), tmp_path / "a.parquet")
        with pytest.raises(DataError, match=sentence):
            open_matrix(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-3])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        open_matrix(tmp_path / "a.parquet")
