"""Angles: their mean and their correlation, held to scipy and to what is known of a circle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import circmean

from algocli.stats.circular import correlate_angles, mean_angle

RNG = np.random.default_rng(3)
ANGLES = RNG.uniform(200, 420, 50)


def test_the_mean_is_that_of_scipy():
    assert mean_angle(ANGLES) == pytest.approx(circmean(ANGLES, high=360))


@pytest.mark.parametrize("angles", [[], [0, 180], [0, 120, 240]])
def test_what_points_nowhere_has_no_mean(angles):
    assert np.isnan(mean_angle(np.array(angles, float)))


def test_the_zero_and_the_turn_of_the_circle_do_not_matter():
    assert correlate_angles(ANGLES, ANGLES % 360 + 77) == pytest.approx(1)
    assert correlate_angles(ANGLES, -ANGLES) == pytest.approx(-1)


def test_small_angles_correlate_as_numbers_do():
    first, second = RNG.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 400).T
    expected = np.corrcoef(first, second)[0, 1]
    assert correlate_angles(10 + first / 10, 300 + second / 10) == pytest.approx(expected, abs=1e-3)


def test_it_is_the_sum_over_pairs():
    """Jammalamadaka and SenGupta's definition with the mean directions taken out by hand."""
    other = ANGLES + RNG.normal(0, 40, 50)
    one, two = (np.sin(np.radians(a) - circmean(np.radians(a))) for a in (ANGLES, other))
    assert correlate_angles(ANGLES, other) == pytest.approx((one @ two) / np.sqrt((one @ one) * (two @ two)))


def test_what_never_varies_scores_0_and_one_alone_nothing():
    assert correlate_angles(np.full(5, 33.3), RNG.uniform(0, 90, 5)) == 0
    assert np.isnan(correlate_angles(np.array([1.0]), np.array([2.0])))
