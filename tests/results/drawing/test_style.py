"""Figures: what their artists hold, and that a file is the same whenever it is drawn."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from PIL import Image

from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import UsageError
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.charts import draw_rois
from algocli.results.drawing.keys import Scale, scale_for, symmetric_scale_for
from algocli.results.drawing.maps import draw_map
from algocli.results.drawing.style import HEMISPHERE_COLOURS, render
from algocli.results.report import summarise

DPI = 50
RANGE = Scale(0, 1, "r")


@pytest.fixture(scope="module")
def report(tiny_challenge, run):
    return summarise(Challenge(tiny_challenge), run)


def empty():
    return {hemisphere: np.full(10_242, np.nan) for hemisphere in ("left", "right")}


def draw(values, key=RANGE, dpi=DPI):
    return draw_map(BrainMap((Panel(values),), key, "A map"), dpi=dpi)


def bars_of(chart):
    return {bars.get_label(): bars for bars in chart.figure.axes[0].containers if isinstance(bars, BarContainer)}


def test_bars_are_as_high_as_the_medians(report):
    bars = bars_of(draw_rois(report, 6, title="Bars"))
    for hemisphere in ("left", "right"):
        rows = [row for row in report.rows if (row.subject, row.hemisphere) == (6, hemisphere)]
        drawn = bars[f"{hemisphere} hemisphere"]
        assert [bar.get_height() for bar in drawn] == [row.median_r for row in rows if row.median_r is not None]
        assert {to_hex(bar.get_facecolor()) for bar in drawn} == {HEMISPHERE_COLOURS[hemisphere].lower()}


def test_every_bar_stands_above_the_name_of_its_roi(report):
    chart = draw_rois(report, 1, hemispheres=["right"], title="Bars")
    axes = chart.figure.axes[0]
    ticks = np.round(axes.get_xticks(), 6)
    names = {x: label.get_text() for x, label in zip(ticks, axes.get_xticklabels(), strict=True)}
    middles = [round(bar.get_x() + bar.get_width() / 2, 6) for bar in bars_of(chart)["right hemisphere"]]
    present = [row.roi for row in chart.drawn if row.n_vertices]
    assert [names[x] for x in middles] == present


def test_an_absent_roi_keeps_its_name_and_gets_a_dash(report):
    axes = draw_rois(report, 1, hemispheres=["left"], title="Bars").figure.axes[0]
    names = [label.get_text() for label in axes.get_xticklabels()]
    dashes = [text.xy[0] for text in axes.texts if text.get_text() == "–"]
    assert [names[list(axes.get_xticks()).index(x)] for x in dashes] == ["mTL-faces", "aTL-faces"]


def test_every_class_is_named_above_its_rois(report):
    axes = draw_rois(report, 1, title="Bars").figure.axes[0]
    texts = [text.get_text() for text in axes.texts if text.get_text() != "–"]
    assert texts == ["prf-visualrois", "floc-bodies", "floc-faces", "floc-places", "floc-words", "streams"]


def test_no_text_of_a_chart_leaves_the_figure_or_runs_into_another(report):
    figure = draw_rois(report, 1, title="Bars " * 40, caption="A caption of some length. " * 20).figure
    figure.draw_without_rendering()
    axes = figure.axes[0]
    edges = figure.bbox
    legend = axes.get_legend().get_window_extent()
    texts = [*figure.texts, *axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels()]
    for text in texts:
        box = text.get_window_extent()
        assert edges.x0 <= box.x0
        assert box.x1 <= edges.x1
        assert edges.y0 <= box.y0
        assert box.y1 <= edges.y1
        assert not box.overlaps(legend)
    title, caption = figure.texts
    assert caption.get_window_extent().y1 < min(label.get_window_extent().y0 for label in axes.get_xticklabels())
    assert title.get_window_extent().y0 > legend.y1


def test_a_scale_leaves_outliers_out_and_says_on_which_side():
    values = np.concatenate([np.linspace(0, 0.42, 1000), [0.9]])
    scale = scale_for(values, "r")
    assert (scale.low, scale.high, scale.beyond) == (0.0, pytest.approx(0.45), "max")
    assert scale_for(np.append(values, [-0.1, np.nan]), "r").beyond == "both"


def test_a_symmetric_scale_has_zero_in_its_middle():
    scale = symmetric_scale_for(np.array([-3.2, 0.1, 1.0]), "z")
    assert scale.low == -scale.high == -3.5
    assert scale.beyond == "neither"


def test_a_scale_of_nothing_still_has_an_extent():
    assert scale_for([], "r").high > 0
    assert symmetric_scale_for([np.nan], "z").high > 0


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_figure_has_the_same_bytes_whenever_it_is_drawn(report, tmp_path, suffix):
    for name in ("first", "second"):
        render(draw_rois(report, 1, title="Bars").figure, tmp_path / f"bars-{name}{suffix}", DPI)
        render(draw(empty()), tmp_path / f"map-{name}{suffix}", DPI)
    for kind in ("bars", "map"):
        first, second = ((tmp_path / f"{kind}-{name}{suffix}").read_bytes() for name in ("first", "second"))
        assert first == second


def test_a_png_has_the_resolution_asked_for(report, tmp_path):
    figure = draw_rois(report, 1, title="Bars", dpi=80).figure
    render(figure, tmp_path / "bars.png", 80)
    width, height = figure.get_size_inches()
    with Image.open(tmp_path / "bars.png") as image:
        assert image.size == (int(width * 80), int(height * 80))


def test_a_dollar_sign_is_no_formula(report, tmp_path):
    render(draw_rois(report, 1, title=r"for $\nothing and $5").figure, tmp_path / "bars.svg")


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_title_may_hold_letters_that_the_font_lacks(report, tmp_path, suffix):
    render(draw_rois(report, 1, title="日本").figure, tmp_path / f"bars{suffix}")


def test_another_suffix_is_refused_and_nothing_is_written(report, tmp_path):
    with pytest.raises(UsageError, match=r"bars\.bmp"):
        render(draw_rois(report, 1, title="Bars").figure, tmp_path / "bars.bmp")
    assert list(tmp_path.iterdir()) == []


def test_drawing_needs_neither_pyplot_nor_a_display(tmp_path):
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from algocli.results.drawing import brain_map, keys, maps, style\n"
        "panel = brain_map.Panel({'left': np.zeros(10242)})\n"
        "drawn = maps.draw_map(brain_map.BrainMap((panel,), keys.Scale(0, 1, 'r'), ''), dpi=50)\n"
        f"style.render(drawn, Path({str(tmp_path / 'map.png')!r}), 50)\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "False"
    assert (tmp_path / "map.png").is_file()
