"""Rows by subject and ROI, made by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from algocli.results.rows import RowsByRoi


@dataclass(frozen=True)
class Row:
    subject: int
    roi: str


@dataclass(frozen=True)
class Rows(RowsByRoi):
    rows: tuple[Row, ...]
    classes: dict[str, str]


@pytest.fixture
def rows() -> Rows:
    listed = (Row(1, "V1v"), Row(1, "hV4"), Row(1, "EBA"), Row(1, "All vertices"), Row(2, "V1v"), Row(2, "EBA"))
    return Rows(listed, {"V1v": "prf-visualrois", "hV4": "prf-visualrois", "EBA": "floc-bodies"})


def test_a_subject_has_only_the_rois_that_its_own_data_names(rows: Rows) -> None:
    assert rows.rois_of(2) == ("V1v", "EBA")


def test_rois_of_one_class_stand_together_and_all_vertices_in_none(rows: Rows) -> None:
    assert list(rows.by_class(rows.rois)) == [
        ("prf-visualrois", ("V1v", "hV4")),
        ("floc-bodies", ("EBA",)),
        ("", ("All vertices",)),
    ]


def test_subjects_stand_side_by_side_by_all_vertices_or_else_by_every_roi(rows: Rows) -> None:
    assert rows.rois_side_by_side == ("All vertices",)
    assert Rows(rows.rows[:2], rows.classes).rois_side_by_side == ("V1v", "hV4")
