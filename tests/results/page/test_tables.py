"""Cells and tables of a page."""

from __future__ import annotations

import pytest

from algocli.results.page.tables import Column, Table, count, number, roi_rows, span, word


def test_a_missing_number_is_a_dash_without_a_key():
    for cell in (number(None), number(float("nan")), count(None), count(0), span(None, None)):
        assert (cell.text, cell.key) == ("–", None)


def test_a_number_is_sorted_by_all_its_digits():
    assert (number(0.12345).text, number(0.12345).key) == ("0.123", 0.12345)


def test_a_difference_says_its_direction_unless_it_rounds_to_nothing():
    assert [number(value, signed=True).text for value in (0.2, -0.2, 0.0004, -0.0004)] == [
        "+0.200",
        "-0.200",
        "0.000",
        "0.000",
    ]


def test_words_are_sorted_without_regard_to_case():
    assert word("early").key < word("FFA-1").key


def test_each_class_of_rois_is_one_group_and_all_vertices_are_the_foot():
    by_class = [("prf-visualrois", ("V1v", "hV4")), ("streams", ("early",)), ("", ("All vertices",))]
    groups, foot = roi_rows(by_class, lambda roi: [count(len(roi))])
    assert [(group.name, [row[0].text for row in group.rows]) for group in groups] == [
        ("prf-visualrois", ["V1v", "hV4"]),
        ("streams", ["early"]),
    ]
    assert [[cell.text for cell in row] for row in foot] == [["All vertices", "12"]]


def test_a_heading_spans_its_columns():
    columns = (Column("ROI"), Column("n", heading="left"), Column("r", heading="left"), Column("n", heading="right"))
    assert Table("t", "", columns, ()).headings == (("", 1), ("left", 2), ("right", 1))


@pytest.mark.parametrize(
    ("value", "full", "heat"), [(0.3, 0.6, 0.5), (-0.9, 0.6, -1.0), (None, 0.6, 0.0), (0.2, None, 0.0), (0.2, 0.0, 0.0)]
)
def test_the_colour_of_a_cell_is_its_number_relative_to_the_largest(value, full, heat):
    assert number(value).heated(full).heat == heat
    assert word("V1").heated(full).heat == 0
