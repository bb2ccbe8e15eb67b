"""The wheel that directions have for a key: even, closed, and right about what lies between two directions."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from algocli.errors import UsageError
from algocli.results.drawing.colour_maps import CYCLIC, find_colours
from algocli.results.drawing.keys import Wheel
from algocli.results.drawing.raster import Pixels
from tests.results.drawing.test_colour_maps import in_lab

TURN = np.arange(0, 360, 10.0)


@pytest.fixture(scope="module")
def lab():
    return in_lab(Wheel("angle").at(TURN))


def test_no_direction_is_lighter_than_another(lab):
    assert np.ptp(lab[:, 0]) < 2  # of whole numbers


def test_equal_turns_look_equally_different_all_around(lab):
    steps = np.linalg.norm(lab - np.roll(lab, 1, axis=0), axis=1)
    assert np.abs(steps / steps.mean() - 1).max() < 0.35
    across = np.linalg.norm(lab - np.roll(lab, len(lab) // 2, axis=0), axis=1)
    assert across.min() > 10 * steps.mean()


def test_no_colour_of_the_circle_is_cut_off_by_what_a_screen_can_show():
    colours = find_colours(CYCLIC)(np.linspace(0, 1, 720))[:, :3]
    assert ((colours > 0) & (colours < 1)).all()


def pixels(*weights):
    """Return pixels of one face with the given weights of its corners."""
    n = len(weights)
    return Pixels((1, n), np.arange(n), np.tile([0, 1, 2], (n, 1)), np.array(weights, np.float32))


def test_between_350_and_10_degrees_lies_0_and_not_180():
    colours, shown = Wheel("angle").colour(pixels((0.5, 0.5, 0)), np.array([350.0, 10, np.nan]))
    assert shown.all()
    np.testing.assert_allclose(colours, Wheel("angle").at(np.array([0.0])), atol=0.02)


def test_a_vertex_without_a_direction_takes_its_surroundings_from_none():
    _, shown = Wheel("angle").colour(pixels((0.8, 0.1, 0.1), (0.1, 0.1, 0.8)), np.array([45.0, np.nan, np.nan]))
    assert shown.tolist() == [True, False]


def test_the_wheel_is_drawn_as_the_visual_field_is_seen():
    figure = Figure(figsize=(4, 2))
    Wheel("angle").draw(figure, 3.8, 0.2, 2.7)
    [axes] = figure.axes
    for bar in axes.patches:
        middle = np.degrees(bar.get_x() + bar.get_width() / 2)
        np.testing.assert_allclose(bar.get_facecolor()[:3], Wheel("angle").at(np.array([middle]))[0])
    # Right and up of the drawing, whatever the axes have been told.
    to_figure = axes.transData.transform
    middle, right, up = to_figure([(0, 0), (0, 1), (np.pi / 2, 1)])
    assert right[0] > middle[0] + 10
    assert up[1] > middle[1] + 10
    words = {text.get_text(): text.get_position() for text in axes.texts}
    assert set(words) == {"right", "up", "left", "down"}


def test_other_colours_go_by_their_name():
    assert Wheel("angle").between("hsv").colours == "hsv"
    with pytest.raises(UsageError, match="no colour map 'hvs'"):
        Wheel("angle").between("hvs")
