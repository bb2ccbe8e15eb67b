"""Accuracy relative to the noise ceiling, and the marriage of a run with its data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algocli.dataset.ceilings import as_share
from algocli.errors import DataError, MissingStep
from algocli.results.scoring import VertexScores, accuracy, pool, read_scores, scored_subjects
from tests.results.by_hand import write_run
from tests.results.official import official_percent


@pytest.mark.parametrize(
    ("r", "ceiling", "percent"),
    [
        (0.5, 0.5, 50.0),
        (0.3, 0.9, 10.0),
        (-0.5, 0.5, 0.0),
        (0.9, 0.1, 100.0),
        (1e-3, 0.0, 100.0),
        (0.0, 0.0, 0.0),
        (-0.2, 0.0, 0.0),
    ],
)
def test_accuracy_follows_the_official_rule(r, ceiling, percent):
    assert accuracy(np.array([r]), np.array([ceiling])) == pytest.approx([percent])


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1)), min_size=1, max_size=30))
def test_accuracy_equals_the_rule_written_out_vertex_by_vertex(pairs):
    expected = []
    for r, ceiling in pairs:
        explained = r * r if r > 0 else 0.0
        expected.append(min(100.0, explained / (ceiling or 1e-14) * 100.0))
    r, ceilings = np.array(pairs).T
    # Below the smallest normal number nothing has twelve digits.
    np.testing.assert_allclose(accuracy(r, ceilings), expected, rtol=1e-12, atol=1e-300)


def test_a_run_of_another_data_folder_is_recognised_by_its_vertices(challenge, tmp_path):
    run = write_run(tmp_path, extra=3)
    with pytest.raises(DataError, match=r"34 left vertices .* has 31: the run was made from another data folder"):
        read_scores(challenge.subject(1), run.subject(1), "left")


def test_by_default_the_subjects_that_run_and_data_share_are_scored(challenge, tmp_path):
    run = write_run(tmp_path, subjects=(2, 6, 7))
    assert [subject.number for subject, _ in scored_subjects(challenge, run)] == [6]


def test_run_and_data_with_no_subject_in_common_are_refused(challenge, tmp_path):
    run = write_run(tmp_path, subjects=(2, 3))
    with pytest.raises(DataError, match=r"run a-run has subject 2, 3; .* has subject 1, 6"):
        scored_subjects(challenge, run)


def test_a_subject_without_training_is_a_missing_step(challenge, tmp_path):
    run = write_run(tmp_path, subjects=(1,))
    with pytest.raises(MissingStep):
        scored_subjects(challenge, run, [1, 6])


def test_a_subject_without_data_is_a_data_error(challenge, run):
    with pytest.raises(DataError, match="no subject 2"):
        scored_subjects(challenge, run, [2])


def scores(r, ceiling, unit="share"):
    return VertexScores(np.array(r), None if ceiling is None else np.array(ceiling), None if ceiling is None else unit)


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(-1, 1), st.sampled_from([0.0, 1e-12, 0.1, 0.4, 1.0])), min_size=1, max_size=20),
        min_size=1,
        max_size=4,
    )
)
def test_the_overall_accuracy_is_the_rule_over_all_vertices_at_once(hemispheres):
    columns = [np.array(pairs).T for pairs in hemispheres]
    r, ceiling = np.concatenate(columns, axis=1)
    expected = official_percent(r, ceiling)
    overall = pool([scores(*pair) for pair in columns])
    assert overall.mean == pytest.approx(expected.mean(), rel=1e-12, abs=1e-300)
    assert overall.median == pytest.approx(np.median(expected), rel=1e-12, abs=1e-300)
    assert overall.n_zero_ceiling == np.count_nonzero(ceiling == 0)
    if np.any(ceiling > 0):
        rest = expected[ceiling > 0]
        assert overall.mean_without_zero_ceiling == pytest.approx(rest.mean(), rel=1e-12, abs=1e-300)
    else:
        assert overall.mean_without_zero_ceiling is None


def test_vertices_weigh_alike_however_many_their_hemisphere_has():
    assert pool([scores([0.5] * 3, [0.25] * 3), scores([0.0], [0.25])]).mean == 75.0


def test_constant_predictions_explain_nothing_even_under_ceilings_of_zero():
    overall = pool([scores([0.0, 0.0, 0.0], [0.0, 1e-13, 0.5])])
    assert (overall.mean, overall.median, overall.mean_without_zero_ceiling) == (0.0, 0.0, 0.0)


def test_a_tiny_ceiling_is_no_zero_ceiling():
    overall = pool([scores([0.5, 0.5, 0.0], [0.0, 1e-15, 0.5])])
    assert (overall.n_zero_ceiling, overall.mean_without_zero_ceiling) == (1, 50.0)


def test_one_hemisphere_without_ceilings_leaves_no_overall_accuracy():
    assert pool([scores([0.5], [0.5]), scores([0.5], None)]) is None


def test_no_vertex_at_all_has_no_overall_accuracy():
    assert pool([]) is None


@pytest.mark.parametrize(
    ("units", "told"), [(("share",) * 2, "share"), (("percent",) * 2, "percent"), (("share", "percent"), "mixed")]
)
def test_the_unit_that_was_assumed_is_told(units, told):
    assert pool([scores([0.5], [0.5], unit) for unit in units]).unit_assumed == told


ASSETS = Path(os.environ.get("ALGOCLI_TEST_ASSETS", "/nowhere"), "nsd")


@pytest.mark.skipif(not ASSETS.is_dir(), reason="ALGOCLI_TEST_ASSETS names no folder with real noise ceilings")
@pytest.mark.parametrize("side", ["lh", "rh"])
def test_a_real_ceiling_in_percent_gives_the_score_of_its_shares(side):
    percent = np.load(ASSETS / f"noise_ceiling_subj01_{side}_percent.npy")
    r = np.random.default_rng(0).uniform(-0.2, 0.8, len(percent))
    share, unit = as_share(percent)
    overall = pool([VertexScores(r, share, unit)])
    expected = official_percent(r, percent.astype(np.float64) / 100)
    assert overall.unit_assumed == "percent"
    assert overall.n_zero_ceiling == np.count_nonzero(percent == 0) > 0
    assert overall.mean == pytest.approx(expected.mean(), rel=1e-12)
    assert overall.mean_without_zero_ceiling == pytest.approx(expected[percent > 0].mean(), rel=1e-12)


def test_the_adjusted_accuracy_keeps_the_sign_cuts_nothing_off_and_leaves_low_ceilings_out():
    r, square = np.array([0.6, -0.4, 0.9, 0.2, 0.1]), np.array([0.35, -0.15, 0.8, 0.03, -0.01])
    ceiling = np.array([0.5, 0.5, 0.4, 0.01, 0.0])
    scores = VertexScores(r, ceiling, "share", square)
    np.testing.assert_allclose(scores.adjusted_accuracy, [70, -30, 200, np.nan, np.nan])
    overall = pool([scores])
    assert overall.adjusted_mean == pytest.approx(80)
    assert overall.n_low_ceiling == 2
    # One side that cannot tell it leaves nothing to tell of all.
    assert pool([scores, VertexScores(r, ceiling, "share")]).adjusted_mean is None
