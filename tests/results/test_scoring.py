"""Accuracy relative to the noise ceiling, and the marriage of a run with its data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algocli.errors import DataError, MissingStep
from algocli.results.scoring import accuracy, as_share, read_scores, scored_subjects
from tests.results.by_hand import write_run


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


def test_a_ceiling_above_one_is_percent():
    share, unit = as_share(np.array([0.0, 50.0, 85.0], dtype=np.float32))
    assert unit == "percent"
    assert share.dtype == np.float64
    np.testing.assert_allclose(share, [0.0, 0.5, 0.85])


def test_ceilings_up_to_one_are_shares():
    share, unit = as_share(np.array([0.0, 0.5, 1.0]))
    assert unit == "share"
    np.testing.assert_array_equal(share, [0.0, 0.5, 1.0])


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 101.0, np.inf])
def test_ceilings_that_are_neither_are_refused(wrong):
    with pytest.raises(DataError):
        as_share(np.array([0.5, wrong]))


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
