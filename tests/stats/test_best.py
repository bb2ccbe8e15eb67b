"""The best on average over subjects, and how stable it is, against all ways to draw them anew."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from algocli.stats.best import best_over_subjects


def stability_by_all_ways(scores):
    """Draw subjects anew in all n^n ways: (n_things, n_subjects) to the share in which the best stays so."""
    n = scores.shape[1]
    best = scores.mean(axis=1).argmax()
    ways = np.array(list(product(range(n), repeat=n)))
    return (scores[:, ways].mean(axis=2).argmax(axis=0) == best).mean()


@pytest.fixture
def scores():
    return np.random.default_rng(11).normal([[[0.0]], [[0.3]], [[0.4]]], 1.0, (3, 5, 7))


def test_the_share_is_that_of_all_ways_to_draw_subjects(scores):
    best = best_over_subjects(scores, n_resamples=20_000)
    exact = [stability_by_all_ways(scores[..., column]) for column in range(7)]
    # Four standard errors.
    np.testing.assert_allclose(best.share, exact, atol=4 * np.sqrt(0.25 / 20_000))
    np.testing.assert_array_equal(best.index, scores.mean(axis=1).argmax(axis=0))


def test_a_column_is_of_the_subjects_who_have_it_and_of_nothing_else(scores):
    some = scores.copy()
    some[:, [1, 4], 2] = np.nan
    some[:, 0, 5] = np.nan
    some[:, :, 6] = np.nan
    best = best_over_subjects(some)
    alone = best_over_subjects(scores[:, [0, 2, 3], 2:3])
    assert (best.index[2], best.share[2]) == (alone.index[0], alone.share[0])
    assert best.index[6] == -1
    assert np.isnan(best.share[6])
    np.testing.assert_array_equal(best.share[[0, 1, 3, 4]], best_over_subjects(scores).share[[0, 1, 3, 4]])


def test_what_every_subject_says_is_stable_and_one_subject_says_nothing_of_it():
    scores = np.array([[[0.1, 0.3], [0.2, np.nan]], [[0.2, 0.1], [0.3, np.nan]]])
    best = best_over_subjects(scores)
    assert best.index.tolist() == [1, 0]
    np.testing.assert_array_equal(best.share, [1.0, np.nan])


def test_of_equal_things_the_first_is_the_best():
    assert best_over_subjects(np.ones((3, 4, 1))).index.tolist() == [0]


def test_images_that_are_drawn_too_make_the_best_less_stable_as_slow_resampling_says():
    rng = np.random.default_rng(3)
    scores = rng.normal([[[0.0]], [[0.25]]], 0.2, (2, 4, 2))
    scores[:, 1, 1] = np.nan
    draws = scores[..., None] + rng.normal(0, 0.6, (2, 4, 2, 50))
    found = best_over_subjects(scores, draws, n_resamples=4000)
    for column in range(2):
        having = np.flatnonzero(np.isfinite(scores[0, :, column]))
        won = np.zeros(2)
        for _ in range(4000):
            people = [draws[:, who, column, rng.integers(50)] for who in rng.choice(having, len(having))]
            won[np.sum(people, axis=0).argmax()] += 1 / 4000
        # Four standard errors of a difference.
        np.testing.assert_allclose(found.shares[:, column], won, atol=4 * np.sqrt(0.5 / 4000))
    assert (found.share < best_over_subjects(scores, n_resamples=4000).share).all()
