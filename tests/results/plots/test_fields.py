"""Maps and charts of receptive fields show what is in the run's own array."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.dataset.rois import choose_areas
from algocli.errors import UsageError
from algocli.results.drawing.keys import Scale, Wheel
from algocli.results.plots.field_charts import plot_coverage, plot_size_by_eccentricity, size_rows
from algocli.results.plots.fields import plot_fields
from algocli.results.plots.request import Wishes
from tests.results.by_hand import n_vertices
from tests.results.fields_by_hand import draw_fields, write_fields_run

SIDES = {"left": 0, "right": 1}


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return write_fields_run(tmp_path_factory.mktemp("cache"))


def planted(hemisphere):
    return draw_fields(n_vertices(1, hemisphere), 10 + SIDES[hemisphere]).astype(float)


@pytest.mark.parametrize(
    ("what", "of", "key"),
    [
        ("angle", lambda x, y, size: np.degrees(np.arctan2(y, x)) % 360, Wheel),
        ("eccentricity", lambda x, y, size: np.sqrt(x**2 + y**2), Scale),
        ("size", lambda x, y, size: size, Scale),
    ],
)
def test_a_map_has_each_window_at_its_vertex_and_bare_cortex_elsewhere(challenge, seen, what, of, key):
    [(_, drawn)] = plot_fields(challenge, seen, Wishes((1,), surface="fsaverage"), what)
    assert isinstance(drawn.key, key)
    for hemisphere in SIDES:
        x, y, size, margin = planted(hemisphere)
        values = drawn.panels[0].values[hemisphere]
        places = challenge.subject(1).places(hemisphere).vertices
        np.testing.assert_allclose(values[places], np.where(margin > 0, of(x, y, size), np.nan), rtol=1e-6)
        assert np.isnan(np.delete(values, places)).all()
    n_without = sum(int((planted(h)[3] == 0).sum()) for h in SIDES)
    assert f"Without colour, of 72 vertices: {n_without} for which no window" in drawn.caption
    assert "the very middle" not in drawn.caption


def test_what_lies_in_no_direction_has_no_colour_and_is_counted(challenge, tmp_path):
    fits = {h: np.tile(np.array([0, 0, 1, 0.1], np.float32)[:, None], (1, 1, n_vertices(1, h))) for h in SIDES}
    fits["left"][0, 0, 5] = 2
    run = write_fields_run(tmp_path, fits=fits)
    [(_, drawn)] = plot_fields(challenge, run, Wishes((1,), surface="fsaverage"), "angle")
    assert sum(int(np.isfinite(side).sum()) for side in drawn.panels[0].values.values()) == 1
    assert "Without colour, of 72 vertices: 71 whose window lies in the very middle." in drawn.caption


def test_the_coverage_is_the_mean_of_the_gaussians_as_they_are_seen(challenge, seen):
    [(_, chart)] = plot_coverage(challenge, seen, Wishes((1,)), ["All vertices"])
    reach = chart.drawn.reach
    for hemisphere in SIDES:
        [area] = chart.drawn.panels[hemisphere]
        x, y, size, margin = planted(hemisphere)
        windows = [each for each, has in zip(zip(x, y, size, strict=True), margin > 0, strict=True) if has]
        n = len(area.density)
        expected = np.empty((n, n))
        for row, up in enumerate(np.linspace(reach, -reach, n)):
            for column, right in enumerate(np.linspace(-reach, reach, n)):
                away = [((right - a) ** 2 + (up - b) ** 2) / (2 * s**2) for a, b, s in windows]
                expected[row, column] = np.mean(np.exp(-np.array(away)))
        np.testing.assert_allclose(area.density, expected / expected.max(), atol=1e-9)
        assert len(area.x) == len(windows)


def test_dots_are_medians_of_their_bins_and_lines_are_of_all_windows(challenge, seen):
    [(_, chart)] = plot_size_by_eccentricity(challenge, seen, Wishes((1,)), ["All vertices", "FFA-2"])
    for hemisphere in SIDES:
        x, y, size, margin = planted(hemisphere)
        eccentricity = np.hypot(x, y)
        everywhere, nowhere = chart.drawn[hemisphere]
        for middle, median in zip(everywhere.eccentricity, everywhere.median_size, strict=True):
            inside = (margin > 0) & (np.abs(eccentricity - middle) <= 0.25)
            assert inside.sum() >= 5
            assert median == pytest.approx(np.median(size[inside]))
        # Planted sizes are .3 + .2 times the eccentricity.
        np.testing.assert_allclose(everywhere.line, (0.2, 0.3), atol=1e-5)
        assert nowhere.line is None
        assert nowhere.n_vertices == 0
    rows = size_rows(challenge, seen, Wishes((1,)), ["All vertices", "FFA-2"])
    assert [(row.hemisphere, row.slope, row.n_vertices) for row in rows[:2]] == [
        ("left", chart.drawn["left"][0].line[0], chart.drawn["left"][0].n_vertices),
        ("left", None, 0),
    ]
    told = [text.get_text() for axes in chart.figure.axes for text in axes.get_legend().get_texts()]
    assert sum("All vertices  slope 0.20, n" in text for text in told) == 2
    assert sum("FFA-2  too few, n 0" in text for text in told) == 2


def test_without_words_areas_are_whole_and_others_of_their_class():
    classes = {"V1v": "prf", "V1d": "prf", "hV4": "prf", "FFA-1": "faces", "FFA-2": "faces"}
    assert choose_areas([], classes) == ("V1", "hV4")
    assert choose_areas(["v1", "faces"], classes) == ("V1", "FFA-1", "FFA-2")
    assert choose_areas(["FFA,V1v+hV4"], classes) == ("FFA", "V1v+hV4")
    assert choose_areas([], {"A": "one", "B": "two"}) == ("A", "B")
    with pytest.raises(UsageError, match="no ROI is named 'V9'"):
        choose_areas(["V9"], classes)
