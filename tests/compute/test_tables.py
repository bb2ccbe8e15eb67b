"""Rows as a frame of pandas, where there is one."""

from __future__ import annotations

import sys

import pytest

from algocli.compute.tables import as_frame
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
