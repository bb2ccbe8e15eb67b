"""Medians over subjects."""

from __future__ import annotations

import pytest

from algocli.results.over_subjects import as_one_subject, over_subjects
from algocli.results.report_rows import Report, RoiRow


@pytest.fixture
def report():
    """Three subjects, of whom one lacks the ROI and another its noise ceilings."""
    scores = {1: (10, 0.2, 0.3, 40.0), 2: (20, 0.6, 0.5, None), 3: (0, None, None, None)}
    rows = [RoiRow(n, "left", "EBA", *row) for n, row in scores.items()]
    rows += [RoiRow(n, "right", "EBA", 5, n / 10, n / 10, float(n)) for n in scores]
    return Report("a-run", tuple(rows), {"EBA": "floc-bodies"})


def test_only_subjects_that_have_a_roi_count(report):
    row = over_subjects(report, "left", "EBA")
    assert (row.n_subjects, row.n_vertices, row.median_r, row.mean_r) == (2, 15, pytest.approx(0.4), 0.4)
    assert (row.lowest_r, row.highest_r) == (0.2, 0.6)


def test_accuracy_over_subjects_needs_the_ceilings_of_all_of_them(report):
    assert over_subjects(report, "left", "EBA").accuracy is None
    assert over_subjects(report, "right", "EBA").accuracy == 2.0


def test_a_roi_that_no_subject_has_has_no_numbers(report):
    row = over_subjects(report, "left", "PPA")
    assert (row.n_subjects, row.median_r, row.lowest_r, row.accuracy) == (0, None, None, None)


def test_medians_can_be_charted_as_one_subject(report):
    together = as_one_subject(report)
    assert together.subjects == (0,)
    assert together.row(0, "right", "EBA").median_r == 0.2
