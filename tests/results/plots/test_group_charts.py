"""Charts of a group: dots, means and intervals by ROI, and layers over subjects."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from scipy.stats import t

from algocli.results.drawing.dots import DotPlot, Dots, draw_dots
from algocli.results.drawing.style import CATEGORY_COLOURS, DARK, LIGHT, encode
from algocli.results.plots.group_charts import plot_group_rois
from algocli.results.plots.group_layers import plot_group_layers
from algocli.results.plots.request import Wishes
from tests.results.plots.groups import SIDES, SUBJECTS, r_of, write_group, write_group_run

ALL = Wishes(dpi=50)
ROIS = ["V1v", "PPA", "aTL-faces", "VWFA-2"]
CLASSES = {
    "V1v": ("prf-visualrois", 1),
    "PPA": ("floc-places", 2),
    "aTL-faces": ("floc-faces", 5),
    "VWFA-2": ("floc-words", 3),
}


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    """Of the three, subject 2 has no PPA on the left."""
    challenge = write_group(tmp_path_factory.mktemp("group") / "data")
    path = challenge.folder / "subj02/roi_masks/lh.floc-places_challenge_space.npy"
    codes = np.load(path)
    np.save(path, np.where(codes == 2, 0, codes))
    return challenge


@pytest.fixture
def run(tmp_path):
    return write_group_run(tmp_path, "early")


def in_roi(group, subject, hemisphere, roi):
    roi_class, code = CLASSES[roi]
    return (
        np.load(group.folder / f"subj{subject:02d}/roi_masks/{SIDES[hemisphere]}.{roi_class}_challenge_space.npy")
        == code
    )


def means(group, run, hemisphere, roi, sum_up=np.mean):
    """Return each subject's score by hand, NaN where it has no vertex there."""
    found = [r_of(run, s, hemisphere)[in_roi(group, s, hemisphere, roi)] for s in SUBJECTS]
    return np.array([sum_up(r) if len(r) else np.nan for r in found])


def interval(scores):
    some = scores[np.isfinite(scores)]
    half = t.ppf(0.975, len(some) - 1) * some.std(ddof=1) / np.sqrt(len(some))
    return some.mean() - half, some.mean() + half


def dots_in(axes):
    """Return what is drawn of each subject, a line of markers each, in their order."""
    return [line for line in axes.lines if line.get_marker() in "osD^vPX<>" and line.get_zorder() == 3]


def bars_in(axes):
    """Return the ends of the intervals drawn, in order."""
    [bars] = [one for one in axes.collections if one.get_zorder() == 4]
    return [segment[:, 1] for segment in bars.get_segments()]


@pytest.mark.parametrize(("place", "hemisphere"), [(0, "left"), (1, "right")])
def test_dots_means_and_intervals_are_those_of_the_scores(group, run, place, hemisphere):
    chart = plot_group_rois(group, [run], ALL, ["V1v", "PPA", "aTL-faces"])
    axes = chart.figure.axes[place]
    by_hand = np.stack([means(group, run, hemisphere, roi) for roi in chart.drawn.classes], axis=1)
    drawn = np.array([line.get_ydata() for line in dots_in(axes)])
    np.testing.assert_allclose(drawn, by_hand)
    [mean] = [line for line in axes.lines if line.get_marker() == "_"]
    some = np.isfinite(by_hand).any(axis=0)
    expected = [np.nanmean(by_hand[:, column]) if some[column] else np.nan for column in range(3)]
    np.testing.assert_allclose(mean.get_ydata(), expected)
    low, high = axes.get_ylim()
    for found, column in zip(bars_in(axes), np.flatnonzero(some), strict=True):
        ends = interval(by_hand[:, column])
        for end, is_end in zip(found, ends, strict=True):
            assert end == pytest.approx(is_end) or (is_end < low < end) or (end < high < is_end)


def test_who_lacks_a_roi_is_told_and_an_absent_one_has_a_dash(group, run):
    chart = plot_group_rois(group, [run], ALL, ROIS)
    left, right = ([text.get_text() for text in axes.texts] for axes in chart.figure.axes)
    has = {h: {roi: int(np.isfinite(means(group, run, h, roi)).sum()) for roi in ROIS} for h in SIDES}
    assert has["left"]["PPA"] == 2
    assert left.count("n 2") == sum(n == 2 for n in has["left"].values())
    assert left.count("–") == sum(n == 0 for n in has["left"].values())
    assert right.count("–") == sum(n == 0 for n in has["right"].values()) == 2
    said = " ".join(text.get_text() for text in chart.figure.texts).replace("\n", " ")
    assert "Dots: subjects; bar: 95 % interval of the mean over subjects" in said
    assert "n: how many of the 3 subjects have the ROI" in said
    assert "A dash marks a ROI that is absent." in said


def test_subjects_differ_by_colour_and_shape_and_many_are_grey():
    rng = np.random.default_rng(0)
    for n, is_told in ((9, True), (10, False)):
        shown = DotPlot(tuple(range(1, n + 1)), {"V1": ""}, (Dots("a", "left", rng.uniform(size=(n, 1))),))
        chart = draw_dots(shown, dpi=50)
        lines = dots_in(chart.figure.axes[0])
        looks = {(line.get_marker(), to_hex(line.get_color())) for line in lines}
        labels = [text.get_text() for text in chart.figure.legends[0].get_texts()]
        assert len(lines) == n
        if is_told:
            assert len({marker for marker, _ in looks}) == len(looks) == 9
            assert {colour.upper() for _, colour in looks} == set(CATEGORY_COLOURS)
            assert labels == [f"subject {number}" for number in shown.subjects]
        else:
            assert looks == {("o", LIGHT.context.lower())}
            assert labels == ["10 subjects"]


def test_of_several_runs_each_has_a_colour_and_the_dots_of_a_subject_are_joined(group, run, tmp_path):
    late = write_group_run(tmp_path, "late", "features.12")
    chart = plot_group_rois(group, [run, late], Wishes(dpi=50, hemispheres=("right",)), ["V1v"])
    [axes] = chart.figure.axes
    lines = dots_in(axes)
    drawn = np.array([line.get_ydata()[0] for line in lines]).reshape(3, 2)
    np.testing.assert_allclose(drawn.T, [means(group, one, "right", "V1v") for one in (run, late)])
    assert [len({to_hex(line.get_color()) for line in lines[order::2]}) for order in (0, 1)] == [1, 1]
    assert [text.get_text() for text in chart.figure.legends[0].get_texts()] == ["1  early", "2  late"]
    joined = [np.array(one.get_segments())[0, :, 1] for one in axes.collections if one.get_zorder() == 1.5]
    np.testing.assert_allclose(joined, drawn)


def test_an_interval_of_two_subjects_is_cut_with_an_arrow():
    shown = DotPlot((1, 2), {"V1": ""}, (Dots("a", "left", np.array([[0.1], [0.5]])),))
    [axes] = draw_dots(shown, dpi=50).figure.axes
    low, high = axes.get_ylim()
    assert (low, high) < (1, 1)
    arrows = {line.get_marker(): line.get_ydata() for line in axes.lines if line.get_marker() in ("v", "^")}
    assert [len(arrows[marker]) for marker in "v^"] == [1, 1]
    assert low < arrows["v"][0] < 0.1 < 0.5 < arrows["^"][0] < high


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_no_text_leaves_the_figure_and_the_same_chart_has_the_same_bytes(group, run, theme):
    wishes = Wishes(dpi=50, theme=theme, title="Dots " * 40)
    charts = [plot_group_rois(group, [run], wishes) for _ in range(2)]
    figure = charts[0].figure
    figure.draw_without_rendering()
    labels = [label for axes in figure.axes for label in (*axes.get_xticklabels(), *axes.texts)]
    for text in (*figure.texts, *labels):
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0
        assert box.y1 <= figure.bbox.y1
    streams = [io.BytesIO(), io.BytesIO()]
    for chart, stream in zip(charts, streams, strict=True):
        encode(chart.figure, stream, ".png")
    assert streams[0].getvalue() == streams[1].getvalue()


def test_layers_are_means_over_subjects_with_how_stable_the_best_is(group, run, tmp_path):
    late = write_group_run(tmp_path, "late", "features.12")
    chart = plot_group_layers(group, [run, late], ALL, ["V1v", "PPA", "aTL-faces"])
    names = list(chart.drawn.classes)
    for place, h in enumerate(SIDES):
        for column, roi in enumerate(names):
            each = np.stack([means(group, one, h, roi, np.median) for one in (run, late)])
            has = np.isfinite(each[0])
            values = chart.drawn.values[h][:, column]
            texts = [
                text for text in chart.figure.axes[place].texts if round(text.get_position()[0], 3) == x_of(names, roi)
            ]
            stays, n = (next((t.get_text() for t in texts if t.get_position()[1] == row), "") for row in (2, 3))
            if not has.any():
                assert np.isnan(values).all()
                assert (stays, n) == ("", "")
                continue
            np.testing.assert_allclose(values, each[:, has].mean(axis=1))
            assert n == str(has.sum())
            best = each[:, has].mean(axis=1).argmax()
            all_agree = (each[:, has].argmax(axis=0) == best).all()
            assert (stays == "100") == all_agree


def x_of(names, roi):
    """Return where a ROI stands: classes are 0.7 apart, and each of these is of another."""
    return round(names.index(roi) * 1.7, 3)


def test_the_longest_name_of_a_roi_stays_clear_of_the_caption():
    names = {"ventral-occipito-temporal-anterior-1": "a", "IPS0": "a", "All vertices": ""}
    shown = DotPlot((1, 2, 3), names, (Dots("a", "all", np.full((3, 3), 0.2)),))
    figure = draw_dots(shown, title="T", caption="A caption.", dpi=50).figure
    figure.draw_without_rendering()
    longest = figure.axes[0].get_xticklabels()[0].get_window_extent()
    caption = next(text for text in figure.texts if text.get_text() == "A caption.").get_window_extent()
    assert caption.y1 <= longest.y0
    assert longest.x0 >= 0
