"""Figures of runs and data: that they show the right numbers, and say how many."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.errors import UsageError
from algocli.results.plots import plot_accuracy, plot_bars, plot_response, plot_roi, plot_vertices

DPI = 50
SIDES = {"left": "lh", "right": "rh"}


def words(drawn):
    return "\n".join(text.get_text() for text in drawn.figure.texts).replace("\n", " ")


def places(folder, hemisphere):
    return np.flatnonzero(np.load(folder / f"subj01/roi_masks/{SIDES[hemisphere]}.all-vertices_fsaverage_space.npy"))


@pytest.mark.parametrize("hemisphere", SIDES)
def test_a_map_of_accuracy_has_r_at_its_vertices_and_nothing_elsewhere(challenge, run, tiny_challenge, hemisphere):
    [(number, drawn)] = plot_accuracy(challenge, run, subjects=[1], dpi=DPI)
    assert number == 1
    vertices = places(tiny_challenge, hemisphere)
    np.testing.assert_array_equal(
        drawn.drawn[hemisphere][vertices], np.load(run.folder / f"subj01/{hemisphere}_correlation.npy")
    )
    assert np.isfinite(drawn.drawn[hemisphere]).sum() == len(vertices)


def test_a_map_says_what_it_scores_and_how_much_it_shows(challenge, run):
    [(_, drawn)] = plot_accuracy(challenge, run, subjects=[1], dpi=DPI)
    said = words(drawn)
    assert "validation" in said
    assert "a-run" in said
    assert "31 of 31 left and 41 of 41 right vertices shown" in said


def test_all_subjects_share_one_scale(challenge, run):
    bars = [drawn.figure.axes[1] for _, drawn in plot_accuracy(challenge, run, dpi=DPI)]
    assert len(bars) == 2
    assert bars[0].get_xlim() == bars[1].get_xlim()


def test_vertices_of_the_larger_mesh_are_counted_but_not_shown(tiny_challenge, tmp_path, challenge):
    from algocli.challenge.subjects import Challenge

    masks = tmp_path / "subj01/roi_masks"
    masks.mkdir(parents=True)
    for side in SIDES.values():
        mask = np.zeros(163_842, dtype=np.int64)
        mask[[5, 10_241, 10_242, 100_000]] = 1
        np.save(masks / f"{side}.all-vertices_fsaverage_space.npy", mask)
    [(_, drawn)] = plot_vertices(Challenge(tmp_path), dpi=DPI)
    assert "2 of 4 left and 2 of 4 right vertices shown" in words(drawn)
    assert np.flatnonzero(np.isfinite(drawn.drawn["left"])).tolist() == [5, 10_241]


def test_a_roi_is_set_apart_from_the_other_challenge_vertices(challenge, tiny_challenge):
    [(_, drawn)] = plot_roi(challenge, ["ppa"], subjects=[1], dpi=DPI)
    codes = np.load(tiny_challenge / "subj01/roi_masks/lh.floc-places_challenge_space.npy")
    shown = drawn.drawn["left"][places(tiny_challenge, "left")]
    np.testing.assert_array_equal(shown == 0, codes == 2)
    np.testing.assert_array_equal(shown == 1, codes != 2)
    assert f"PPA {np.sum(codes == 2)} of {np.sum(codes == 2)} left" in words(drawn)


def test_of_overlapping_rois_the_last_is_on_top_and_that_is_said(challenge, tiny_challenge):
    [(_, drawn)] = plot_roi(challenge, ["V1v", "early"], subjects=[1], dpi=DPI)
    early = np.load(tiny_challenge / "subj01/roi_masks/lh.streams_challenge_space.npy") == 1
    np.testing.assert_array_equal(drawn.drawn["left"][places(tiny_challenge, "left")] == 1, early)
    assert "overlap" in words(drawn)


def test_an_absent_roi_is_no_error(challenge):
    [(_, drawn)] = plot_roi(challenge, ["aTL-faces"], subjects=[1], dpi=DPI)
    legend = [text.get_text() for text in drawn.figure.legends[0].get_texts()]
    assert legend == ["aTL-faces (absent)", "other challenge vertices"]


def test_more_rois_than_colours_are_refused(challenge):
    names = ["V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "hV4", "EBA", "OFA", "OPA"]
    with pytest.raises(UsageError, match="10 ROIs"):
        list(plot_roi(challenge, names))


def test_bars_may_be_restricted_to_rois(challenge, run):
    [(_, drawn)] = plot_bars(challenge, run, rois=["PPA", "RSC"], subjects=[6], dpi=DPI)
    assert {row.roi for row in drawn.drawn} == {"PPA", "RSC"}


def test_a_response_is_the_row_of_the_measurements(challenge, tiny_challenge):
    [(_, drawn)] = plot_response(challenge, 3, subjects=[1], dpi=DPI)
    measured = np.load(tiny_challenge / "subj01/training_split/training_fmri/rh_training_fmri.npy")[3]
    np.testing.assert_array_equal(drawn.drawn["right"][places(tiny_challenge, "right")], measured)
    assert "train-0004_nsd-01009.png" in words(drawn)


def test_a_response_within_a_roi_leaves_the_rest_out(challenge, tiny_challenge):
    [(_, drawn)] = plot_response(challenge, 0, rois=["PPA"], subjects=[1], dpi=DPI)
    inside = np.load(tiny_challenge / "subj01/roi_masks/lh.floc-places_challenge_space.npy") == 2
    np.testing.assert_array_equal(np.isfinite(drawn.drawn["left"][places(tiny_challenge, "left")]), inside)


def test_a_row_that_is_not_there_is_refused_with_the_range(challenge):
    with pytest.raises(UsageError, match="rows go from 0 to 11"):
        list(plot_response(challenge, 12, subjects=[1]))


def test_a_title_of_ones_own_is_kept_and_told_apart_by_subject(challenge, run):
    [(_, alone)] = plot_bars(challenge, run, subjects=[1], title="Mine", dpi=DPI)
    both = [drawn.figure.texts[0].get_text() for _, drawn in plot_bars(challenge, run, title="Mine", dpi=DPI)]
    assert alone.figure.texts[0].get_text() == "Mine"
    assert both == ["Mine, subject 1", "Mine, subject 6"]
