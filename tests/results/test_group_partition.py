"""Parts over subjects, held against scipy and brute force on rows that were made by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import exp, lgamma, sqrt

import numpy as np
import pytest
from scipy import stats

from algocli.results.group_partition import GroupPartition, group_partition
from algocli.results.part_rows import TOTAL, PartitionReport, PartRow

SUBJECTS, SIDES, ROIS = (1, 2, "anna", "ben", 7, 8), ("left", "right", "both"), ("V1v", "EBA")
PARTS = ("A", "B", "A & B", TOTAL)
# Of the total, and what both share, a little less than nothing.
CHANCE = {part: -0.02 if part in PARTS[2:] else 0.0 for part in PARTS}


@pytest.fixture
def report() -> PartitionReport:
    rng = np.random.default_rng(2)
    rows = []
    for subject, side, roi, part in product(SUBJECTS, SIDES, ROIS, PARTS):
        has = (subject, roi) != ("ben", "EBA")
        explained = float(rng.normal(0.02, 0.03))
        score = (explained, 2 * explained, explained - 0.02, explained + 0.02) if has else (None,) * 4
        rows.append(PartRow(subject, side, roi, 9 * has, part, *score))
    return PartitionReport(("A", "B"), PARTS, tuple(rows), {"V1v": "prf-visualrois"})


def sum_up(report: PartitionReport, **how) -> GroupPartition:
    return group_partition(report, chance=dict.fromkeys(SUBJECTS, CHANCE), **how)


def test_every_number_of_a_row_is_what_the_subjects_rows_say(report: PartitionReport) -> None:
    group = sum_up(report)
    assert [(row.hemisphere, row.roi, row.part) for row in group.rows] == list(product(SIDES, ROIS, PARTS))
    for row in group.rows:
        about = (row.hemisphere, row.roi, row.part)
        those = [r for r in report.rows if (r.hemisphere, r.roi, r.part) == about and r.n_vertices]
        explained = np.array([r.explained for r in those])
        beyond = explained - CHANCE[row.part]
        either = row.part == "A & B"
        t = stats.ttest_1samp(explained, 0).confidence_interval()
        assert row.n_subjects == (5 if row.roi == "EBA" else 6)
        assert (row.mean, row.low, row.high) == pytest.approx((explained.mean(), t.low, t.high))
        if row.n_subjects > 2:
            small = exp(lgamma((len(beyond) - 1) / 2) - lgamma((len(beyond) - 2) / 2)) / sqrt((len(beyond) - 1) / 2)
            assert row.effect_size == pytest.approx(beyond.mean() / beyond.std(ddof=1) * small)
        flips = np.array(list(product((1, -1), repeat=len(beyond)))) @ beyond
        as_far = np.abs(flips) >= abs(beyond.sum()) - 1e-12 if either else flips >= beyond.sum() - 1e-12
        assert row.p == pytest.approx(as_far.mean())
        alternative = "two-sided" if either else "greater"
        assert row.p_wilcoxon == pytest.approx(stats.wilcoxon(beyond, alternative=alternative).pvalue)
        up, down = np.sum(beyond > 0.02), np.sum(beyond < -0.02)
        assert row.n_showing == (down if either and beyond.sum() < 0 else up)
        assert row.of_explainable == pytest.approx(2 * explained.mean())


def test_p_of_a_part_is_corrected_over_rois_and_sides_and_of_what_pools_these_by_itself(
    report: PartitionReport,
) -> None:
    group = sum_up(report, correct="fdr")
    for part, sides in product(PARTS, (SIDES[:2], SIDES[2:])):
        rows = [row for row in group.rows if row.part == part and row.hemisphere in sides]
        assert [row.p_corrected for row in rows] == pytest.approx(
            list(stats.false_discovery_control([row.p for row in rows]))
        )


def test_without_intervals_nothing_is_said_of_how_many_show_a_part(report: PartitionReport) -> None:
    bare = replace(report, rows=tuple(replace(row, low=None, high=None) for row in report.rows))
    group = sum_up(bare)
    assert not {"n_showing", "prevalence", "sd_between"} & set(group.columns)
    assert [row.p for row in group.rows] == [row.p for row in sum_up(report).rows]
    assert [row.part for row in group.of_roi("EBA")] == list(PARTS)
    assert {row.hemisphere for row in group.of_roi("EBA")} == {"both"}
