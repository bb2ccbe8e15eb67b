"""The dots of a page over subjects are the numbers of its tables."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.results.certainty import Asked
from algocli.results.compare import compare
from algocli.results.drawing.dots import draw_dots
from algocli.results.group_compare import group_comparison
from algocli.results.group_report import group_report
from algocli.results.page.group_pictures import compare_pictures, report_pictures
from algocli.results.plots.group_charts import dots_of, dots_of_comparison
from algocli.results.report import summarise
from tests.results.compared import write_challenge, write_compared_run

ROIS = ["V1v", "PPA", "aTL-faces"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dots")
    data = write_challenge(folder / "data")
    return data, [write_compared_run(folder / "cache", data, f"run-{n}", noise=n, noise_seed=n) for n in (1, 2)]


def test_means_and_intervals_are_those_of_the_report(compared):
    data, (run, _) = compared
    report = summarise(data, run, rois=ROIS, asked=Asked(n_resamples=50))
    group = group_report(report)
    shown = dots_of([report])
    assert (shown.subjects, list(shown.classes)) == ((1, 6), list(report.rois))
    for dots in shown.dots:
        for column, roi in enumerate(shown.classes):
            [row] = [row for row in group.rows if (row.hemisphere, row.roi) == (dots.hemisphere, roi)]
            found = [values[column] for values in (dots.group.mean, dots.group.low, dots.group.high)]
            expected = [np.nan if one is None else one for one in (row.mean, row.low, row.high)]
            np.testing.assert_allclose(found, expected)
            assert dots.group.n_subjects[column] == row.n_subjects
    [picture] = report_pictures(group)
    assert "Dots: subjects; bar: 95 % interval of the mean over subjects" in picture.caption


def test_every_run_of_a_comparison_has_its_dots_the_reference_first(compared):
    data, runs = compared
    comparison = compare(runs[::-1], data_dir=data, rois=ROIS, n_resamples=50, keep_draws=True)
    group = group_comparison(comparison)
    shown = dots_of_comparison(comparison)
    assert shown.runs == ("run-2", "run-1")
    for row in group.rows:
        means = [
            dots.group.mean[list(shown.classes).index(row.roi)]
            for dots in shown.dots
            if dots.hemisphere == row.hemisphere
        ]
        expected = [np.nan if one is None else one for one in (row.reference_mean_r, row.mean_r)]
        np.testing.assert_allclose(means, expected)
    assert len(compare_pictures(group)) == 1


def test_a_chart_that_is_wider_than_a_page_comes_in_parts_of_whole_classes_to_one_scale(compared):
    data, runs = compared
    comparison = compare(runs, data_dir=data, n_resamples=2, keep_draws=True)
    pictures = compare_pictures(group_comparison(comparison))
    assert len(pictures) > 1
    assert max(picture.width for picture in pictures) <= 1160
    told = [name for picture in pictures for name in picture.title.partition("ROI, ")[2].split(", ")]
    assert told == [*dict.fromkeys(comparison.classes.values()), "All vertices"]
    shown = dots_of_comparison(comparison)
    some = [shown.only([roi for roi, of in shown.classes.items() if of == name]) for name in ("floc-faces", "streams")]
    assert [list(one.classes) for one in some] == [
        [roi for roi, of in comparison.classes.items() if of == name] for name in ("floc-faces", "streams")
    ]
    whole = draw_dots(shown).figure.axes[0].get_ylim()
    assert {draw_dots(one).figure.axes[0].get_ylim() for one in some} == {whole}
