"""Rows as a frame of pandas, where there is one, and as a CSV file."""

from __future__ import annotations

import csv
import sys

import pytest

from algocli.compute.tables import as_frame, write_rows
from algocli.errors import UsageError

ROWS = [{"roi": "V1v", "r": 0.5}, {"roi": "EBA", "r": None}]


def test_a_frame_has_a_column_a_key_and_the_rows_in_their_order():
    pandas = pytest.importorskip("pandas")
    frame = as_frame(ROWS)
    assert list(frame.columns) == ["roi", "r"]
    assert list(frame["roi"]) == ["V1v", "EBA"]
    assert pandas.isna(frame["r"][1])


def test_without_pandas_a_sentence_says_what_else_there_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pandas is not installed") as caught:
        as_frame(ROWS)
    assert "table()" in str(caught.value.hint)


def test_a_csv_file_brings_back_its_cells_and_what_is_absent_is_empty(tmp_path):
    awkward = ["a,b", 'say "r"', "two\nlines", "", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "\udcff.png"]
    write_rows(tmp_path / "t.csv", ["word", "r"], [[word, 0.1 + 0.2] for word in awkward] + [["none", None]])
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as stream:
        rows = list(csv.reader(stream))
    assert rows == [["word", "r"], *([word, repr(0.1 + 0.2)] for word in awkward), ["none", ""]]
    assert b"\r" not in (tmp_path / "t.csv").read_bytes()
