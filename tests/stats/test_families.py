"""p of many differences, held against scipy's corrections and against how often noise is called a difference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control, norm

from algocli.stats.families import corrected_p


def draw(rng: np.random.Generator, truth: np.ndarray, shared: float = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return 2,000 resamples about an observation about the truth, of differences that vary by one."""
    n = len(truth)
    noise = np.sqrt(1 - shared) * rng.standard_normal((n, 2001)) + np.sqrt(shared) * rng.standard_normal(2001)
    observed = truth + noise[:, 0]
    return observed[:, None] + noise[:, 1:], observed


def test_false_discoveries_are_controlled_as_scipy_does() -> None:
    resampled, observed = draw(np.random.default_rng(0), np.repeat([0.0, 4.0], 20))
    p = 2 * norm.sf(np.abs(observed))
    np.testing.assert_allclose(corrected_p(resampled, observed, "fdr"), false_discovery_control(p), atol=0.03, rtol=0.3)


@pytest.mark.parametrize("shared", [0, 0.8])
def test_of_many_that_are_none_one_is_called_a_difference_one_time_in_twenty(shared: float) -> None:
    rng = np.random.default_rng(1)
    called = [(corrected_p(*draw(rng, np.zeros(30), shared), "max") <= 0.05).any() for _ in range(200)]
    assert 0.015 <= np.mean(called) <= 0.1


def test_what_goes_up_and_down_together_counts_as_few() -> None:
    rng = np.random.default_rng(2)
    apart, together = (corrected_p(*draw(rng, np.full(40, 3.0), shared), "max") for shared in (0, 0.999))
    assert np.median(together) < np.median(apart)


@pytest.mark.parametrize("correction", ["fdr", "max"])
def test_the_unit_of_a_difference_does_not_matter(correction) -> None:
    resampled, observed = draw(np.random.default_rng(3), np.linspace(0, 5, 12))
    unit = np.geomspace(1e-3, 1e3, 12)
    np.testing.assert_allclose(
        corrected_p(resampled * unit[:, None], observed * unit, correction),
        corrected_p(resampled, observed, correction),
    )


@pytest.mark.parametrize("correction", ["fdr", "max"])
def test_what_does_not_vary_is_no_difference(correction) -> None:
    resampled, observed = draw(np.random.default_rng(4), np.array([9.0, 9.0]))
    resampled[1], observed[1] = 0, 0
    assert corrected_p(resampled, observed, correction)[1] == 1
    assert len(corrected_p(np.empty((0, 5)), np.empty(0), correction)) == 0


def test_p_of_what_is_above_0_is_one_sided() -> None:
    resampled, observed = draw(np.random.default_rng(5), np.linspace(-3, 3, 40))
    p = corrected_p(resampled, observed, "none", above=True)
    np.testing.assert_allclose(p, norm.sf(observed), atol=0.04)
    np.testing.assert_allclose(corrected_p(resampled, observed, "none"), 2 * norm.sf(np.abs(observed)), atol=0.06)
    np.testing.assert_allclose(corrected_p(resampled, observed, "fdr", above=True), false_discovery_control(p))
    assert (corrected_p(resampled, observed, "max", above=True) >= p).all()
