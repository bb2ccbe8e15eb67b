"""The short form of `make calibration`: p of noise is uniform with folds too, and intervals hold what they should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from tests.benchmarks import calibrated_parts
from tests.benchmarks.calibration import Case, coverage, discoveries, p_of_noise


@pytest.mark.parametrize("folds", [None, 2, 5])
@pytest.mark.parametrize("regression", ["ols", "ridge"])
def test_p_of_noise_is_uniform(regression: str, folds: int | None) -> None:
    p = p_of_noise(Case(regression, folds, 200, 0), n_people=1, n_vertices=3000)
    # Vertices are compared with the same draws, which vary by themselves: three standard errors of both.
    assert np.mean(p <= 0.05) == pytest.approx(0.05, abs=0.02)
    assert np.mean(p <= 0.001) < 0.004
    assert kstest(p, "uniform").statistic < 0.04


def test_a_blend_of_noise_is_no_better() -> None:
    p = p_of_noise(Case("blend", 5, 200, 0, n_layers=2), n_people=1, n_vertices=1500)
    assert np.mean(p <= 0.05) == pytest.approx(0.05, abs=0.025)
    assert np.mean(p <= 0.001) < 0.005


def test_of_what_folds_discover_few_are_false() -> None:
    false, power = discoveries(Case("ridge", 5, 200, 0.7), n_vertices=2000)
    assert false.value < 0.09
    assert power > 0.8


@pytest.mark.parametrize("signal", [0, 0.7])
def test_intervals_of_folds_hold_the_truth_about_as_often_as_they_say(signal: float) -> None:
    _, covered = coverage(Case("ols", 5, 200, signal), n_people=9)
    # 270 intervals, of which those of one person share their images.
    assert min(share.value for share in covered.values()) > 0.88


def test_intervals_of_a_holdout_hold_what_its_model_scores_on_other_images() -> None:
    _, covered = coverage(Case("ridge", None, 540, 0.7), n_people=5)
    assert min(share.value for share in covered.values()) > 0.86


def test_a_blend_is_not_told_apart_from_the_layer_that_it_is_nearly_made_of() -> None:
    _, covered = coverage(Case("blend", 2, 200, 0.7, ("the best layer",), n_layers=2), n_people=3, seed=7)
    assert min(share.value for share in covered.values()) > 0.93


def test_runs_that_differ_only_in_their_choice_of_penalties_are_not_told_apart() -> None:
    _, covered = coverage(Case("ridge", 5, 200, 0.7, ("another grid",)), n_people=8)
    assert covered["another grid"].value > 0.91


def test_intervals_of_parts_of_folds_hold_what_such_models_come_to() -> None:
    found = calibrated_parts.coverage(calibrated_parts.Case("ridge", 5, 200, calibrated_parts.CAUSES), n_people=15)
    # 150 intervals a part, of which those of one person share their images.
    assert min(told.covered for told in found.values()) > 0.85
    # What A alone causes is seen, and that B alone causes nothing.
    assert found["A"].marked > 0.9
    assert found["B"].marked < 0.05
