"""Maps of differences between two runs."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.errors import DataError, UsageError
from algocli.results.plots.difference import difference_map, plot_difference
from algocli.results.plots.request import Wishes
from tests.results.by_hand import n_vertices, write_run
from tests.results.single_layers import write_layer_run

ONE = Wishes((1,))


def ramp(hemisphere):
    return np.linspace(0.0, 0.6, n_vertices(1, hemisphere))


@pytest.fixture
def pair(tmp_path):
    return write_layer_run(tmp_path, "ramp", "features.2", ramp), write_layer_run(tmp_path, "flat", "features.5", 0.2)


def test_a_map_has_the_difference_at_its_vertices_and_nothing_elsewhere(challenge, pair):
    [(number, drawn)] = plot_difference(challenge, *pair, ONE)
    assert number == 1
    shown = drawn.panels[0].values["right"]
    vertices = challenge.subject(1).fsaverage_vertices("right")
    np.testing.assert_allclose(shown[vertices], ramp("right") - 0.2)
    assert np.isfinite(shown).sum() == len(vertices)


def test_zero_is_in_the_middle_of_the_scale(challenge, pair):
    [(_, drawn)] = plot_difference(challenge, *pair, ONE)
    assert drawn.key.low == -drawn.key.high == pytest.approx(-0.4)


def test_one_end_of_the_scale_tells_the_other(challenge, pair):
    [(_, drawn)] = plot_difference(challenge, *pair, Wishes((1,), high=0.1))
    assert (drawn.key.low, drawn.key.high) == (-0.1, 0.1)


def test_the_caption_counts_who_is_better_where(challenge, pair):
    [(_, drawn)] = plot_difference(challenge, *pair, ONE)
    r = np.concatenate([ramp("left"), ramp("right")])
    assert f"Median r {np.median(r):.3f} and 0.200; of 72 vertices ramp is the better at {np.sum(r > 0.2)}" in (
        drawn.caption
    )
    assert f"flat at {np.sum(r < 0.2)} " in drawn.caption


def test_the_subjects_own_map_equals_that_of_the_plot(challenge, pair):
    [(_, drawn)] = plot_difference(challenge, *pair, ONE)
    own = difference_map(challenge.subject(1), *pair, ONE)
    assert own.key == drawn.key
    assert own.caption == drawn.caption
    assert own.title == "ramp against flat, subject 1"


@pytest.mark.parametrize(("rows", "told"), [((1, 4, 7), False), ((1, 4, 8), True), ((7, 1, 4), False)])
def test_other_held_out_images_are_told_of(challenge, pair, tmp_path, rows, told):
    other = write_layer_run(tmp_path, "other", "features.5", 0.1, rows)
    [(_, drawn)] = plot_difference(challenge, pair[0], other, ONE)
    assert ("held out different images" in drawn.caption) == told


def test_a_run_with_other_vertices_is_refused(challenge, pair, tmp_path):
    other = write_run(tmp_path, "other", extra=1)
    with pytest.raises(DataError, match="the run has 32 left vertices of subject 1"):
        list(plot_difference(challenge, pair[0], other, ONE))


def test_a_run_does_not_differ_from_itself(challenge, pair):
    with pytest.raises(UsageError, match="run flat does not differ from itself"):
        list(plot_difference(challenge, pair[1], pair[1], ONE))


def test_by_default_only_subjects_of_both_runs_are_shown(challenge, pair, tmp_path):
    both = write_run(tmp_path, "both")
    assert [number for number, _ in plot_difference(challenge, both, pair[0], Wishes())] == [1]
