"""Resampled correlations, held against drawing the images one by one, and their intervals against coverage."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from algocli.errors import DataError, UsageError
from algocli.stats import bootstrap
from algocli.stats.bootstrap import bootstrap_explained, bootstrap_r, interval, resample, widened
from algocli.stats.correlation import correlate
from algocli.stats.explained import explained_variance


def draw(n_stimuli: int, n_vertices: int, r: float, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    measured, noise = rng.standard_normal((2, n_stimuli, n_vertices))
    predicted = r * measured + np.sqrt(1 - r**2) * noise
    return (measured + 5).astype(np.float32), (3 * predicted + 100).astype(np.float32)


def test_weighted_moments_equal_correlations_of_the_drawn_images() -> None:
    measured, predicted = draw(50, 7, 0.4, seed=0)
    counts = resample(50, n_resamples=20, seed=1)
    found = bootstrap_r(measured, predicted, counts)
    for row, own in zip(found, counts.astype(int), strict=True):
        drawn = np.repeat(np.arange(50), own)
        np.testing.assert_allclose(row, correlate(measured[drawn], predicted[drawn]), atol=1e-5)


def test_a_resample_draws_as_many_images_as_there_are() -> None:
    counts = resample(37, n_resamples=200, seed=0)
    np.testing.assert_array_equal(counts.sum(axis=1), 37)
    # The share of images that a resample leaves out.
    assert (counts == 0).mean() == pytest.approx((1 - 1 / 37) ** 37, abs=0.01)


def test_a_seed_gives_the_same_resamples_again() -> None:
    np.testing.assert_array_equal(resample(30, n_resamples=5, seed=2), resample(30, n_resamples=5, seed=2))
    assert (resample(30, n_resamples=5, seed=2) != resample(30, n_resamples=5, seed=3)).any()


def test_an_interval_covers_the_true_mean_correlation_about_as_often_as_it_says() -> None:
    covered = []
    for seed in range(150):
        measured, predicted = draw(120, 8, 0.5, seed=seed)
        r = bootstrap_r(measured, predicted, resample(120, n_resamples=300, seed=seed))
        low, high = interval(r.mean(axis=1), 0.9)
        covered.append(low <= 0.5 <= high)
    assert 0.82 <= np.mean(covered) <= 0.96


def test_resamples_of_a_few_images_are_widened_to_the_interval_of_students_t() -> None:
    values = np.random.default_rng(8).standard_normal((4, 12))
    counts = resample(12, n_resamples=40000, seed=1)
    drawn = widened(values @ counts.T.astype(np.float64) / 12, 12)
    for own, of_mean in zip(values, drawn, strict=True):
        theirs = stats.ttest_1samp(own, 0).confidence_interval()
        # Quantiles of twelve numbers' resamples are not quite those of a normal distribution.
        assert interval(of_mean) == pytest.approx((theirs.low, theirs.high), abs=0.04 * (theirs.high - theirs.low))


@pytest.mark.parametrize("r", [0, 0.4])
def test_an_interval_of_few_images_covers_as_often_as_it_says(r: float) -> None:
    measured, predicted = draw(25, 1500, r, seed=9)
    drawn = bootstrap_r(measured, predicted, resample(25, n_resamples=600, seed=1)).T
    low, high = np.quantile(widened(drawn, 25), [0.025, 0.975], axis=1)
    narrow_low, narrow_high = np.quantile(drawn, [0.025, 0.975], axis=1)
    covered = np.mean((low <= r) & (r <= high))
    assert 0.93 <= covered <= 0.97
    assert np.mean((narrow_low <= r) & (r <= narrow_high)) < covered - 0.01


def test_the_same_resamples_make_the_comparison_of_two_runs_a_paired_one() -> None:
    measured, predicted = draw(100, 20, 0.4, seed=1)
    better = (predicted + 0.3 * measured).astype(np.float32)
    counts = resample(100, n_resamples=400, seed=0)
    mine, theirs = (bootstrap_r(measured, one, counts).mean(axis=1) for one in (better, predicted))
    unpaired = bootstrap_r(measured, predicted, resample(100, n_resamples=400, seed=1)).mean(axis=1)
    low, high = interval(mine - theirs)
    assert low > 0
    wide_low, wide_high = interval(mine - unpaired)
    assert high - low < (wide_high - wide_low) / 3


def test_vertices_that_never_vary_score_zero_in_every_resample() -> None:
    measured, predicted = draw(30, 3, 0.9, seed=2)
    measured[:, 0] = 0.1
    predicted[:, 1] = -4
    r = bootstrap_r(measured, predicted, resample(30, n_resamples=50))
    np.testing.assert_array_equal(r[:, :2], 0)
    assert (r[:, 2] > 0.5).all()


def test_a_resample_of_one_image_scores_zero() -> None:
    measured, predicted = draw(3, 4, 0.9, seed=3)
    np.testing.assert_array_equal(bootstrap_r(measured, predicted, np.array([[0, 3, 0]], np.float32)), 0)


def test_blocks_of_vertices_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    measured, predicted = draw(30, 11, 0.3, seed=4)
    counts = resample(30, n_resamples=9)
    whole = bootstrap_r(measured, predicted, counts)
    monkeypatch.setattr(bootstrap, "VERTICES", 4)
    np.testing.assert_allclose(bootstrap_r(measured, predicted, counts), whole, atol=1e-6)


def test_what_does_not_fit_is_refused() -> None:
    measured, predicted = draw(30, 11, 0.3, seed=5)
    with pytest.raises(DataError, match="29 images were resampled"):
        bootstrap_r(measured, predicted, resample(29, n_resamples=2))
    with pytest.raises(UsageError, match="0 resamples"):
        resample(29, n_resamples=0)


def test_r2_is_that_of_the_drawn_images_by_their_unbiased_variance_and_the_mean_error_of_all() -> None:
    measured, predicted = draw(50, 7, 0.4, seed=0)
    predicted = (predicted - 100) / 4 + 5
    counts = resample(50, n_resamples=20, seed=1)
    found = bootstrap_explained(measured, predicted, counts)
    for row, own in zip(found, counts.astype(int), strict=True):
        drawn = np.repeat(np.arange(50), own)
        off = (measured - predicted).mean(axis=0, dtype=np.float64)
        x, error = measured[drawn].astype(np.float64), (measured - predicted)[drawn].astype(np.float64)
        unexplained = off**2 + ((error - off) ** 2).mean(axis=0)
        np.testing.assert_allclose(row, 1 - unexplained / x.var(axis=0, ddof=1), atol=1e-5)


def test_r2_of_a_prediction_that_knows_the_mean_alone_varies_in_resamples_as_from_sample_to_sample() -> None:
    rng = np.random.default_rng(4)
    measured, fitted = rng.standard_normal((50, 3000)), rng.standard_normal((450, 3000))
    predicted = np.tile(fitted.mean(axis=0), (50, 1))
    found = bootstrap_explained(measured, predicted, resample(50, n_resamples=1000, seed=1))
    # What the fitted images add is told where parts are.
    told = np.sqrt(found.var(axis=0).mean()) * (1 + 50 / 450)
    assert told == pytest.approx(explained_variance(measured, predicted).std(), rel=0.1)


def test_r2_of_resamples_lies_about_what_they_are_drawn_from() -> None:
    measured, predicted = draw(60, 400, 0.5, seed=2)
    predicted = (predicted - 100) / 6 + 5
    found = bootstrap_explained(measured, predicted, resample(60, n_resamples=2000, seed=1))
    # By the sample's own variance they would lie .02 below; what is left is that a quotient's mean is none of means.
    assert found.mean() == pytest.approx(explained_variance(measured, predicted).mean(), abs=0.01)


def test_nothing_of_a_constant_vertex_is_explained_in_any_resample() -> None:
    measured, predicted = draw(30, 3, 0.5, seed=3)
    measured[:, 1] = 0.1
    found = bootstrap_explained(measured, predicted, resample(30, n_resamples=9, seed=1))
    assert not found[:, 1].any()
    assert np.isfinite(found).all()
