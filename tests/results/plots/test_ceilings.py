"""r against what a perfect model would reach."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import DataError
from algocli.results.drawing.density import count_in_cells
from algocli.results.drawing.style import DARK, LIGHT
from algocli.results.plots.ceilings import plot_ceiling
from algocli.results.plots.request import Wishes
from tests.results.by_hand import write_run
from tests.support.challenge import write_tiny_challenge

ONE = Wishes((1,), dpi=50)


def texts(chart):
    return " ".join("\n".join(text.get_text() for text in chart.figure.texts).split())


def test_every_vertex_is_counted_where_its_ceiling_and_its_r_are(challenge, run, tiny_challenge):
    [(_, chart)] = plot_ceiling(challenge, run, ONE)
    for hemisphere, side in (("left", "lh"), ("right", "rh")):
        perfect = np.sqrt(np.load(tiny_challenge / f"subj01/test_split/noise_ceiling/{side}_noise_ceiling.npy"))
        r = np.load(run.folder / f"subj01/{hemisphere}_correlation.npy")
        density = chart.drawn[hemisphere]
        expected = np.zeros_like(density.counts)
        for x, y in zip(perfect, r, strict=True):
            expected[
                np.searchsorted(density.x_edges, x, "right") - 1, np.searchsorted(density.y_edges, y, "right") - 1
            ] += 1
        np.testing.assert_array_equal(density.counts, expected)


def test_what_is_drawn_is_what_was_counted(challenge, run):
    [(_, chart)] = plot_ceiling(challenge, run, ONE)
    for axes, density in zip(chart.figure.axes, chart.drawn.values(), strict=False):
        [cells] = axes.collections
        shown = np.ma.filled(cells.get_array(), 0)
        np.testing.assert_array_equal(shown, density.counts.T)


def test_cells_are_narrow_only_where_many_vertices_fill_them():
    rng = np.random.default_rng(0)
    for n, width in ((4_999, 0.05), (5_000, 0.02)):
        points = rng.uniform(0, 0.9, n), rng.uniform(-0.2, 0.8, n)
        [density] = count_in_cells({"left": points}).values()
        assert density.width == pytest.approx(width)
        assert density.counts.sum() == n
        assert 0.0 in density.y_edges


def test_the_line_of_a_perfect_model_is_the_diagonal(challenge, run):
    [(_, chart)] = plot_ceiling(challenge, run, ONE)
    lines = [line.get_xydata() for line in chart.figure.axes[0].lines]
    assert any(len(line) == 2 and line[0].tolist() == [0, 0] and line[1][0] == line[1][1] > 0 for line in lines)


def test_the_caption_counts_vertices_without_a_ceiling(challenge, run):
    [(_, chart)] = plot_ceiling(challenge, run, ONE)
    assert "31 left and 41 right vertices; of 2 the noise ceiling is 0" in texts(chart)


def test_one_hemisphere_has_one_field(challenge, run):
    [(_, chart)] = plot_ceiling(challenge, run, Wishes((1,), ("right",), dpi=50))
    assert list(chart.drawn) == ["right"]
    assert len(chart.figure.axes) == 2


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_more_vertices_the_further_is_the_colour_from_the_paper(challenge, run, theme):
    [(_, chart)] = plot_ceiling(challenge, run, Wishes((1,), dpi=50, theme=theme))
    colours = chart.figure.axes[0].collections[0].get_cmap()(np.linspace(0, 1, 9))[:, :3]
    brightness = colours @ (0.2126, 0.7152, 0.0722)
    steps = np.diff(brightness)
    assert (steps > 0).all() if theme == DARK else (steps < 0).all()
    assert to_hex(chart.figure.get_facecolor()) == theme.paper


def test_without_ceilings_it_says_where_they_may_come_from(tmp_path):
    folder = write_tiny_challenge(tmp_path / "bare", (1,), image_size=8, known_test=False)
    with pytest.raises(DataError, match="subject 1 has no noise ceilings") as caught:
        list(plot_ceiling(Challenge(folder), write_run(tmp_path, subjects=(1,)), ONE))
    assert caught.value.hint.startswith("`algocli import-ceilings")
