"""Receptive fields of a group are means over those who have a window at a vertex, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import circmean

import algocli
from algocli.encoding.settings import Settings
from algocli.results.plots.field_charts import plot_coverage, plot_size_by_eccentricity
from algocli.results.plots.group_fields import plot_group_coverage, plot_group_fields, plot_group_sizes
from algocli.results.plots.request import Wishes
from algocli.runs.opening import open_run
from tests.results.by_hand import n_vertices
from tests.results.fields_by_hand import draw_fields, finish_one_fold
from tests.results.plots.groups import SIDES, SUBJECTS, stacked, write_group

LEAST = 2


def drawn(subject, hemisphere):
    """Return x, y and size of a subject's windows, (3, n), NaN where there is none."""
    fields = draw_fields(n_vertices(subject, hemisphere), 10 * subject + (hemisphere == "right")).astype(float)
    return np.where(fields[3] > 0, fields[:3], np.nan)


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    return write_group(tmp_path_factory.mktemp("group") / "data")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    settings = Settings(("alexnet-features.2-1a2b3c4d",), regression="fields", image_width=8.4)
    run = open_run(tmp_path_factory.mktemp("cache"), "seen", settings)
    for subject in SUBJECTS:
        share = run.start_subject(subject)
        for place, hemisphere in enumerate(SIDES):
            n = n_vertices(subject, hemisphere)
            share.save(f"{hemisphere}_field", draw_fields(n, 10 * subject + place)[None])
        finish_one_fold(share, {side: n_vertices(subject, side) for side in SIDES}, 1e9)
    return run


@pytest.mark.parametrize("what", ["angle", "eccentricity", "size"])
def test_a_map_has_the_mean_over_those_who_have_a_window_and_their_number(group, run, what):
    shown = plot_group_fields(group, run, Wishes(SUBJECTS), what)
    assert "3 subjects" in shown.title
    means, counts = shown.panels[0], shown.panels[1]
    assert counts.name == "subjects with a window"
    for hemisphere in SIDES:
        x, y, size = (stacked(lambda s, h, part=part: drawn(s, h)[part], hemisphere) for part in range(3))
        n = np.isfinite(x).sum(axis=0)
        values = {"eccentricity": np.hypot(x, y), "size": size, "angle": np.degrees(np.arctan2(y, x)) % 360}[what]
        for vertex in np.flatnonzero(n):
            known = values[:, vertex][np.isfinite(values[:, vertex])]
            mean = circmean(known, high=360) if what == "angle" else known.mean()
            found = means.values[hemisphere][vertex]
            assert np.isnan(found) if n[vertex] < LEAST else np.isclose(found, mean)
        code = counts.values[hemisphere]
        assert np.nanmax(code) - np.nanmin(code) == n.max()


def test_charts_give_every_subject_the_same_say(group, run):
    wishes = Wishes(SUBJECTS)
    each = [shown.drawn for _, shown in plot_coverage(group, run, wishes)]
    shown = plot_group_coverage(group, run, wishes).drawn
    for hemisphere in SIDES:
        alone = [one.panels[hemisphere] for one in each]
        for place, panel in enumerate(shown.panels[hemisphere]):
            mean = np.mean([one[place].density for one in alone], axis=0)
            np.testing.assert_allclose(panel.density, mean / max(mean.max(), 1e-300))
            assert len(panel.x) == sum(len(one[place].x) for one in alone)
    everywhere = ["All vertices"]
    sizes = [shown.drawn for _, shown in plot_size_by_eccentricity(group, run, wishes, everywhere)]
    for hemisphere, lines in plot_group_sizes(group, run, wishes, everywhere).drawn.items():
        assert [line.roi for line in lines if line.line is not None] == everywhere
        for place, line in enumerate(lines):
            known = [one[hemisphere][place].line for one in sizes if one[hemisphere][place].line is not None]
            assert (line.line is None) == (len(known) < LEAST)
            if line.line is not None:
                np.testing.assert_allclose(line.line, np.mean(known, axis=0))
            assert line.n_vertices == sum(one[hemisphere][place].n_vertices for one in sizes)


@pytest.mark.parametrize("what", ["angle", "size", "size-by-eccentricity", "coverage"])
def test_one_figure_of_all_is_drawn(group, run, tmp_path, what):
    path = tmp_path / "figure.png"
    algocli.plot(what, run, group=True, data_dir=group, path=path)
    assert [each.name for each in tmp_path.iterdir()] == ["figure.png"]
