"""Results over subjects, held against scipy and brute force on rows that were made by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import exp, lgamma, sqrt

import numpy as np
import pytest
from scipy import stats

from algocli.errors import UsageError
from algocli.results.difference_rows import Comparison, DifferenceRow
from algocli.results.group_compare import GroupComparison, group_comparison
from algocli.results.group_report import GroupReport, group_report
from algocli.results.report_rows import Report, RoiRow
from tests.benchmarks.group_calibration import p_of_nobody, people

SUBJECTS = (1, 2, 5, "anna", "ben", "kim", "subj-x")
SIDES, ROIS = ("left", "right"), ("V1v", "EBA", "All vertices")
# Nobody has the last ROI on the right; one has it on the left.
LACKING = {("right", "EBA"): SUBJECTS, ("left", "EBA"): SUBJECTS[1:], ("right", "V1v"): (2, "kim")}


@pytest.fixture
def report() -> Report:
    rng = np.random.default_rng(5)
    rows = []
    for subject, side, roi in product(SUBJECTS, SIDES, ROIS):
        r, half = float(rng.normal(0.12, 0.1)), float(rng.uniform(0.02, 0.15))
        has = subject not in LACKING.get((side, roi), ())
        score = (r, r, 100 * abs(r), r - half, r + half, None, 90 * abs(r)) if has else (None,) * 7
        rows.append(RoiRow(subject, side, roi, 10 * has, *score))
    # Whose data does not name a ROI at all.
    rows = [row for row in rows if (row.subject, row.roi) != ("ben", "EBA")]
    return Report("a-run", tuple(rows), {"V1v": "prf-visualrois", "EBA": "floc-bodies"}, ("a remark",))


def scores(report: Report, side: str, roi: str) -> np.ndarray:
    """Mean r and the ends of its interval, (n_subjects, 3)."""
    return np.array(
        [
            (row.mean_r, row.low, row.high)
            for row in report.rows
            if (row.hemisphere, row.roi) == (side, roi) and row.n_vertices
        ]
    ).reshape(-1, 3)


def flipped(values: np.ndarray) -> np.ndarray:
    return np.array(list(product((1, -1), repeat=len(values)))) @ values


def densest(n_showing: int, n: int, wrong: float) -> tuple[float, float]:
    """The ends of the likeliest 95 % of a grid of shares."""
    grid = np.linspace(0, 1, 20_001)
    density = stats.binom.pmf(n_showing, n, wrong + (1 - wrong) * grid)
    falling = np.argsort(-density)
    within = falling[: np.searchsorted(np.cumsum(density[falling]), 0.95 * density.sum()) + 1]
    return float(grid[within.min()]), float(grid[within.max()])


def row_of(group: GroupReport, side: str, roi: str):
    return next(row for row in group.rows if (row.hemisphere, row.roi) == (side, roi))


def test_every_number_of_a_row_is_what_the_subjects_rows_say(report: Report) -> None:
    group = group_report(report)
    assert [(row.hemisphere, row.roi) for row in group.rows] == list(product(SIDES, ROIS))
    for side, roi in (("left", "V1v"), ("right", "V1v"), ("left", "All vertices"), ("right", "All vertices")):
        (r, low, high), row = scores(report, side, roi).T, row_of(group, side, roi)
        n = len(r)
        assert row.n_subjects == n == 7 - len(LACKING.get((side, roi), ()))
        t = stats.ttest_1samp(r, 0).confidence_interval()
        assert (row.mean, row.low, row.high) == pytest.approx((r.mean(), t.low, t.high))
        sd = r.std(ddof=1)
        of_images = np.mean(((high - low) / (stats.norm.ppf(0.975) - stats.norm.ppf(0.025))) ** 2)
        assert row.sd == pytest.approx(sd)
        assert row.sd_between == pytest.approx(sqrt(max(0, sd**2 - of_images)))
        small = exp(lgamma((n - 1) / 2) - lgamma((n - 2) / 2)) / sqrt((n - 1) / 2)
        assert row.effect_size == pytest.approx(r.mean() / sd * small)
        assert row.p == pytest.approx(np.mean(flipped(r) >= r.sum() - 1e-12))
        assert row.p_wilcoxon == stats.wilcoxon(r, alternative="greater").pvalue
        assert row.n_showing == np.sum(low > 0)
        assert row.prevalence == pytest.approx(max(0, (row.n_showing / n - 0.025) / 0.975))
        ends = densest(row.n_showing, n, 0.025)
        assert (row.prevalence_low, row.prevalence_high) == pytest.approx(ends, abs=2e-3)
        assert row.accuracy == pytest.approx(100 * np.abs(r).mean())
        assert row.adjusted_accuracy == pytest.approx(90 * np.abs(r).mean())


def test_spread_that_images_explain_alone_leaves_none_between_subjects(report: Report) -> None:
    wide = replace(report, rows=tuple(replace(r, low=-9.0, high=9.0) if r.n_vertices else r for r in report.rows))
    assert row_of(group_report(wide), "left", "V1v").sd_between == 0


def test_what_few_subjects_or_none_have_is_told_as_far_as_it_goes(report: Report) -> None:
    group = group_report(report)
    alone, absent = row_of(group, "left", "EBA"), row_of(group, "right", "EBA")
    assert alone.n_subjects == 1
    assert alone.mean == scores(report, "left", "EBA")[0, 0]
    assert (alone.low, alone.high, alone.sd, alone.sd_between, alone.effect_size, alone.p) == (None,) * 5 + (0.5,)
    assert absent.n_subjects == 0
    told = {name for name, value in group.table()[4].items() if value is not None}
    assert told == {"hemisphere", "roi", "n_subjects"}


@pytest.mark.parametrize("correct", ["fdr", "max", "none"])
def test_p_is_corrected_over_all_rois_and_sides(report: Report, correct) -> None:
    group = group_report(report, correct=correct)
    known = [row for row in group.rows if row.n_subjects]
    if correct == "none":
        assert "p_corrected" not in group.columns
        return
    if correct == "fdr":
        expected = stats.false_discovery_control([row.p for row in known])
    else:
        table = np.full((len(SUBJECTS), len(known)), 0.0)
        for column, row in enumerate(known):
            for one in report.rows:
                if (one.hemisphere, one.roi) == (row.hemisphere, row.roi) and one.n_vertices:
                    table[SUBJECTS.index(one.subject), column] = one.mean_r
        table /= np.linalg.norm(table, axis=0)
        largest = np.array(list(product((1, -1), repeat=len(SUBJECTS)))) @ table
        expected = [np.mean(largest.max(axis=1) >= here - 1e-12) for here in table.sum(axis=0)]
    assert [row.p_corrected for row in known] == pytest.approx(list(expected))
    assert [row.stands_out for row in known] == [p <= 0.05 for p in expected]


def test_an_accuracy_needs_the_ceilings_of_all(report: Report) -> None:
    rows = tuple(replace(row, accuracy=None) if row.subject == 5 else row for row in report.rows)
    group = group_report(replace(report, rows=rows))
    assert row_of(group, "left", "V1v").accuracy is None
    # The one whose ROI it is has one.
    assert row_of(group, "left", "EBA").accuracy is not None


def test_without_intervals_of_subjects_the_rest_stands(report: Report) -> None:
    bare = tuple(replace(row, low=None, high=None) for row in report.rows)
    group, full = group_report(replace(report, rows=bare)), group_report(report)
    assert not {"n_showing", "prevalence", "sd_between"} & set(group.columns)
    assert [row.p for row in group.rows] == [row.p for row in full.rows]
    assert not list(group.explain_spread())


def test_a_group_says_its_unit_and_what_it_cannot_say(report: Report) -> None:
    group = group_report(report)
    assert group.subjects == SUBJECTS
    assert next(group.explain()).startswith("unit: subject, n = 7;")
    assert group.notes == ("a remark",)
    four = replace(report, rows=tuple(row for row in report.rows if row.subject in SUBJECTS[:4]))
    (_, note) = group_report(four).notes
    assert note.startswith("of 4 subjects no p can reach .05: signs can be flipped in 16 ways")
    with pytest.raises(UsageError, match="at the least, and there is subject 5 alone"):
        group_report(replace(report, rows=tuple(row for row in report.rows if row.subject == 5)))


# Comparisons -------------------------------------------------------------------------------------------------------

N_DRAWS = 400


def comparison(effects: dict[str, float], n_subjects: int = 8, seed: int = 0) -> Comparison:
    """Runs whose differences from the reference are so large, of one side; subject 8 lacks EBA."""
    rng = np.random.default_rng(seed)
    rows, draws = [], {}
    for subject, roi in product(range(1, n_subjects + 1), ROIS):
        has = (subject, roi) != (8, "EBA")
        reference_r = float(rng.normal(0.3, 0.05))
        for run, effect in effects.items():
            difference = float(rng.normal(effect, 0.03))
            drawn = rng.normal(difference, 0.02, N_DRAWS)
            low, high = map(float, np.quantile(drawn, [0.025, 0.975]))
            score = (reference_r + difference, reference_r, difference, low, high) if has else (None,) * 5
            rows.append(DifferenceRow(run, "first", subject, "all", roi, 9 * has, *score))
            if has:
                draws[subject, "all", roi, run] = drawn
    return Comparison("first", tuple(effects), tuple(rows), {}, draws=draws)


def test_differences_are_asked_about_either_way() -> None:
    found = comparison({"up": 0.05, "down": -0.05, "same": 0.0})
    group = group_comparison(found, correct="max")
    for row in group.rows:
        those = [r for r in found.rows if (r.run, r.roi) == (row.run, row.roi) and r.n_vertices]
        d = np.array([r.difference for r in those])
        assert (row.n_subjects, row.mean) == (len(d), pytest.approx(d.mean()))
        assert row.p == pytest.approx(np.mean(np.abs(flipped(d)) >= abs(d.sum()) - 1e-12))
        assert row.p_wilcoxon == pytest.approx(stats.wilcoxon(d).pvalue)
        assert row.n_better == sum(r.low > 0 for r in those)
        assert row.n_worse == sum(r.high < 0 for r in those)
        assert row.n_showing == (row.n_better if row.mean > 0 else row.n_worse)
        assert row.prevalence == pytest.approx(max(0, (row.n_showing / len(d) - 0.05) / 0.95))
        assert row.mean_r == pytest.approx(np.mean([r.mean_r for r in those]))
        assert row.mean == pytest.approx(row.mean_r - row.reference_mean_r)
    assert [len(group.of_roi("all", roi)) for roi in ROIS] == [3, 3, 3]


def resampled_slowly(found: Comparison, roi: str, names: list[str], n: int = 4000) -> dict[str, float]:
    """Subjects with replacement and of each its images, one resample after the other."""
    rng = np.random.default_rng(99)
    having = [subject for subject in found.subjects if (subject, "all", roi, names[1]) in found.draws]
    won = dict.fromkeys(names, 0)
    for _ in range(n):
        total = np.zeros(len(names))
        for subject in rng.choice(having, len(having)):
            image_draw = rng.integers(N_DRAWS)
            total += [0, *(found.draws[int(subject), "all", roi, name][image_draw] for name in names[1:])]
        won[names[int(total.argmax())]] += 1
    return {name: count / n for name, count in won.items()}


@pytest.mark.parametrize("roi", ROIS)
def test_the_best_run_is_as_stable_as_slow_resampling_of_subjects_and_images_says(roi: str) -> None:
    found = comparison({"a": 0.01, "b": 0.02, "c": -0.02}, seed=3)
    best = group_comparison(found).best_of("all", roi)
    r = {
        run: np.mean([row.mean_r for row in found.rows if (row.run, row.roi) == (run, roi) and row.n_vertices])
        for run in "abc"
    }
    assert best.run == max("abc", key=r.__getitem__)
    assert best.mean_r == pytest.approx(max(r.values()))
    expected = resampled_slowly(found, roi, ["first", "a", "b", "c"])
    # 400 resamples of ours: three standard errors.
    for name, share in expected.items():
        assert best.shares[name] == pytest.approx(share, abs=3 * sqrt(0.25 / N_DRAWS))
    assert best.stability == best.shares[best.run]
    assert sum(best.shares.values()) == pytest.approx(1)
    assert best.n_subjects == (7 if roi == "EBA" else 8)


def test_the_reference_is_best_where_all_others_are_worse() -> None:
    group = group_comparison(comparison({"a": -0.1, "b": -0.2}))
    assert {(best.run, best.n_subjects_best, best.stability) for best in group.best if best.roi != "EBA"} == {
        ("first", 8, 1.0)
    }


def test_the_same_seed_draws_the_same_subjects() -> None:
    found = comparison({"a": 0.01, "b": 0.012})
    assert group_comparison(found, seed=4).best == group_comparison(found, seed=4).best
    assert isinstance(group_comparison(found), GroupComparison)


def test_of_six_subjects_a_correction_may_leave_nothing() -> None:
    # One of three rows has the smallest p that there is.
    found = comparison({"a": 0.0}, n_subjects=6, seed=1)
    rows = [replace(r, difference=r.difference + 0.3 * (r.roi == "EBA")) for r in found.rows]
    group = group_comparison(replace(found, rows=tuple(rows)))
    assert min(row.p for row in group.rows) == 2 / 64
    assert group.notes[0].startswith("of 6 subjects no corrected p reaches .05")
    assert "correct='max'" in group.notes[0]


# Whether it is right ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", [0.0, 0.08])
def test_intervals_hold_the_mean_of_all_people_as_often_as_they_say(between: float) -> None:
    held = people(between, n_groups=200, seed=1)
    # Three standard errors of 200 groups.
    assert held == pytest.approx(0.95, abs=0.047)


def test_where_nobody_has_the_effect_p_are_no_smaller_than_chance_makes_them() -> None:
    single, largest = p_of_nobody(n_groups=200, seed=2)
    assert single <= 0.05 + 0.047
    assert largest <= 0.05 + 0.047
