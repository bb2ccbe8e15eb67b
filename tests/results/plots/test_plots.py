"""Figures of runs and data: that they show the right numbers, and say how many."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.errors import UsageError
from algocli.results.plots.accuracy import plot_accuracy, plot_bars
from algocli.results.plots.request import Wishes
from algocli.results.plots.responses import plot_prediction, plot_response
from algocli.results.plots.rois import plot_roi, plot_vertices

ONE, ALL = Wishes((1,)), Wishes()
SIDES = {"left": "lh", "right": "rh"}


def words(drawn):
    return f"{drawn.title} {drawn.caption}".replace("\n", " ")


def values_of(drawn, hemisphere):
    return drawn.panels[0].values[hemisphere]


def places(folder, hemisphere):
    return np.flatnonzero(np.load(folder / f"subj01/roi_masks/{SIDES[hemisphere]}.all-vertices_fsaverage_space.npy"))


@pytest.mark.parametrize("hemisphere", SIDES)
def test_a_map_of_accuracy_has_r_at_its_vertices_and_nothing_elsewhere(challenge, run, tiny_challenge, hemisphere):
    [(number, drawn)] = plot_accuracy(challenge, run, ONE)
    assert number == 1
    vertices = places(tiny_challenge, hemisphere)
    np.testing.assert_array_equal(
        values_of(drawn, hemisphere)[vertices], np.load(run.folder / f"subj01/{hemisphere}_correlation.npy")
    )
    assert np.isfinite(values_of(drawn, hemisphere)).sum() == len(vertices)


def test_a_map_says_what_it_scores_and_how_much_it_shows(challenge, run):
    [(_, drawn)] = plot_accuracy(challenge, run, ONE)
    said = words(drawn)
    assert "validation" in said
    assert "a-run" in said
    assert "31 of 31 left and 41 of 41 right vertices shown" in said


def test_all_subjects_share_one_scale(challenge, run):
    first, second = (drawn.key for _, drawn in plot_accuracy(challenge, run, ALL))
    assert first == second


def test_vertices_of_the_larger_mesh_are_counted_but_not_shown(tiny_challenge, tmp_path, challenge):
    from algocli.dataset.challenge.subjects import Challenge

    masks = tmp_path / "subj01/roi_masks"
    masks.mkdir(parents=True)
    for side in SIDES.values():
        mask = np.zeros(163_842, dtype=np.int64)
        mask[[5, 10_241, 10_242, 100_000]] = 1
        np.save(masks / f"{side}.all-vertices_fsaverage_space.npy", mask)
    [(_, drawn)] = plot_vertices(Challenge(tmp_path), ALL)
    assert "2 of 4 left and 2 of 4 right vertices shown" in words(drawn)
    assert np.flatnonzero(np.isfinite(values_of(drawn, "left"))).tolist() == [5, 10_241]


def test_a_roi_is_set_apart_from_the_other_challenge_vertices(challenge, tiny_challenge):
    [(_, drawn)] = plot_roi(challenge, ["ppa"], ONE)
    codes = np.load(tiny_challenge / "subj01/roi_masks/lh.floc-places_challenge_space.npy")
    shown = values_of(drawn, "left")[places(tiny_challenge, "left")]
    np.testing.assert_array_equal(shown == 0, codes == 2)
    np.testing.assert_array_equal(shown == 1, codes != 2)
    assert f"PPA {np.sum(codes == 2)} of {np.sum(codes == 2)} left" in words(drawn)


def test_of_overlapping_rois_the_last_is_on_top_and_that_is_said(challenge, tiny_challenge):
    [(_, drawn)] = plot_roi(challenge, ["V1v", "early"], ONE)
    early = np.load(tiny_challenge / "subj01/roi_masks/lh.streams_challenge_space.npy") == 1
    np.testing.assert_array_equal(values_of(drawn, "left")[places(tiny_challenge, "left")] == 1, early)
    assert "overlap" in words(drawn)


def test_an_absent_roi_is_no_error(challenge):
    [(_, drawn)] = plot_roi(challenge, ["aTL-faces"], ONE)
    assert drawn.key.names == ["aTL-faces (absent)", "other challenge vertices"]


def test_more_rois_than_colours_are_refused(challenge):
    names = ["V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "hV4", "EBA", "OFA", "OPA"]
    with pytest.raises(UsageError, match="10 ROIs"):
        list(plot_roi(challenge, names, ALL))


def test_bars_may_be_restricted_to_rois(challenge, run):
    [(_, drawn)] = plot_bars(challenge, run, Wishes((6,)), ["PPA", "RSC"])
    assert {row.roi for row in drawn.drawn} == {"PPA", "RSC"}


def test_a_response_is_the_row_of_the_measurements(challenge, tiny_challenge):
    [(_, drawn)] = plot_response(challenge, ONE, row=3)
    measured = np.load(tiny_challenge / "subj01/training_split/training_fmri/rh_training_fmri.npy")[3]
    np.testing.assert_array_equal(values_of(drawn, "right")[places(tiny_challenge, "right")], measured)
    assert "train-0004_nsd-01009.png" in words(drawn)


def test_a_response_within_a_roi_leaves_the_rest_out(challenge, tiny_challenge):
    [(_, drawn)] = plot_response(challenge, ONE, row=0, rois=["PPA"])
    inside = np.load(tiny_challenge / "subj01/roi_masks/lh.floc-places_challenge_space.npy") == 2
    np.testing.assert_array_equal(np.isfinite(values_of(drawn, "left")[places(tiny_challenge, "left")]), inside)


def test_a_row_that_is_not_there_is_refused_with_the_range(challenge):
    with pytest.raises(UsageError, match="rows go from 0 to 11"):
        list(plot_response(challenge, ONE, row=12))


def test_a_title_of_ones_own_is_kept_and_told_apart_by_subject(challenge, run):
    [(_, alone)] = plot_bars(challenge, run, Wishes((1,), title="Mine"))
    both = [drawn.figure.texts[0].get_text() for _, drawn in plot_bars(challenge, run, Wishes(title="Mine"))]
    assert alone.figure.texts[0].get_text() == "Mine"
    assert both == ["Mine, subject 1", "Mine, subject 6"]


def test_the_name_of_a_class_stands_for_its_rois(challenge):
    [(_, drawn)] = plot_roi(challenge, ["floc-PLACES"], ONE)
    assert [name.split(" (")[0] for name in drawn.key.names[:-1]] == ["OPA", "PPA", "RSC"]


def test_an_image_is_found_by_its_nsd_id(challenge):
    [(_, by_row)] = plot_response(challenge, ONE, row=3)
    [(_, by_id)] = plot_response(challenge, ONE, nsd_id=1009)
    assert by_row.stimulus == by_id.stimulus
    assert by_row.stimulus.name == "train-0004_nsd-01009.png"
    with pytest.raises(UsageError, match="no training image of subject 1 has NSD id 5"):
        list(plot_response(challenge, ONE, nsd_id=5))


@pytest.mark.parametrize("hemisphere", SIDES)
def test_a_prediction_is_shown_beside_what_was_measured(challenge, run, tiny_challenge, hemisphere):
    share = run.folder / "subj01"
    rows = np.load(share / "validation_rows.npy")
    position = len(rows) - 1
    [(_, drawn)] = plot_prediction(challenge, run, ONE, row=int(rows[position]))
    measured, predicted = drawn.panels
    assert (measured.name, predicted.name) == ("measured", "predicted")
    vertices = places(tiny_challenge, hemisphere)
    path = tiny_challenge / f"subj01/training_split/training_fmri/{SIDES[hemisphere]}_training_fmri.npy"
    np.testing.assert_array_equal(measured.values[hemisphere][vertices], np.load(path)[rows[position]])
    path = share / f"{hemisphere}_pred_validation.npy"
    np.testing.assert_array_equal(predicted.values[hemisphere][vertices], np.load(path)[position])


def test_an_image_that_the_model_was_fitted_to_is_refused_as_a_prediction(challenge, run):
    held_out = np.load(run.folder / "subj01/validation_rows.npy")
    fitted = next(row for row in range(12) if row not in held_out)
    with pytest.raises(UsageError, match=f"training image {fitted} of subject 1 was not held out"):
        list(plot_prediction(challenge, run, ONE, row=fitted))


def test_outlines_are_the_vertices_inside_each_roi_of_a_class(challenge, tiny_challenge):
    [(_, drawn)] = plot_vertices(challenge, Wishes((1,), outlined=("floc-places",)))
    codes = np.load(tiny_challenge / "subj01/roi_masks/lh.floc-places_challenge_space.npy")
    expected = places(tiny_challenge, "left")[codes == 2]
    np.testing.assert_array_equal(drawn.outlines["left"]["PPA"], expected)


def test_a_scale_goes_from_and_to_where_it_was_told(challenge, run):
    [(_, drawn)] = plot_accuracy(challenge, run, Wishes((1,), low=-0.2, high=0.3, colours="cividis"))
    assert (drawn.key.low, drawn.key.high, drawn.key.colours) == (-0.2, 0.3, "cividis")
    with pytest.raises(UsageError, match="cannot go from 1 to 0"):
        list(plot_accuracy(challenge, run, Wishes((1,), low=1.0, high=0.0)))
    with pytest.raises(UsageError, match="no colour map 'virids'; did you mean viridis"):
        list(plot_accuracy(challenge, run, Wishes((1,), colours="virids")))


def test_an_image_that_one_subject_lacks_is_refused_before_any_is_drawn(challenge):
    with pytest.raises(UsageError, match="no training image of subject 6 has NSD id 1009"):
        next(plot_response(challenge, Wishes(), nsd_id=1009))
