"""Rows that look as if nobody wrote them are told, whatever blocks they come in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from algocli.features.imports.stores import Suspects


def told(rows: Any, step: int) -> list[str]:
    suspects = Suspects(lambda place: f"row {place}")
    for start in range(0, len(rows), step):
        suspects.add(np.ascontiguousarray(rows[start : start + step]))
    return list(suspects.told())


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("step", [1, 3, 20])
def test_each_kind_is_told_once_with_its_first_rows(dtype: Any, step: int) -> None:
    rows = np.random.default_rng(0).standard_normal((20, 9)).astype(dtype)
    rows[[4, 9, 10, 19]] = 0
    rows[5] = -1
    rows[12] = rows[3]
    assert told(rows, step) == [
        "the features of 4 of 20 images are all zero: row 4, row 9, row 10, ...",
        "the features of 1 of 20 images are one and the same number: row 5",
        "the features of 1 of 20 images are those of another image: row 12",
    ]


def test_rows_that_differ_in_one_number_are_no_suspects() -> None:
    rows = np.zeros((50, 50), np.float32)
    np.fill_diagonal(rows, 1)
    assert told(rows, 7) == []


def test_of_a_single_feature_only_zeros_are_told() -> None:
    rows = np.array([[1], [1], [0], [2]], np.float32)
    assert told(rows, 2) == ["the features of 1 of 4 images are all zero: row 2"]
