"""p values of correlations, held against scipy's tests and against what chance must give."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, kstest, pearsonr

from algocli.errors import DataError, UsageError
from algocli.stats import permutation as significance
from algocli.stats.permutation import Permutations, false_discovery_q, permutation_p, permute


def draw(n_stimuli: int, n_vertices: int, r: float, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    measured, noise = rng.standard_normal((2, n_stimuli, n_vertices))
    predicted = r * measured + np.sqrt(1 - r**2) * noise
    return measured.astype(np.float32), (3 * predicted + 1).astype(np.float32)


def one_fold(n_stimuli: int, *, n_permutations: int = 1000, seed: int = 0) -> Permutations:
    return permute(np.zeros(n_stimuli, np.int64), n_permutations=n_permutations, seed=seed)


def mixed_folds(n_stimuli: int) -> NDArray[np.int64]:
    """Three folds, of which the last is larger, whose images lie between each other's."""
    return np.random.default_rng(0).permutation(np.minimum(np.arange(n_stimuli) * 4 // n_stimuli, 2))


FOLDS = {"holdout": np.zeros(60, np.int64), "folds": mixed_folds(60)}
each_split = pytest.mark.parametrize("folds", FOLDS.values(), ids=FOLDS.keys())


def one_by_one(permutations: Permutations) -> Iterator[list[tuple[NDArray[np.int64], NDArray[np.int64]]]]:
    """Yield every permutation: for each fold rows of the measured responses and rows of the predictions."""
    for number in range(permutations.n_permutations):
        order, step = divmod(number, permutations.n_steps)
        folds = zip(permutations.measured, permutations.predicted, strict=True)
        yield [(np.roll(measured[order], -step), predicted) for measured, predicted in folds]


@each_split
def test_a_permutation_pairs_every_image_with_one_of_its_fold(folds: NDArray[np.int64]) -> None:
    found = list(one_by_one(permute(folds, n_permutations=70)))
    assert len(found) == 70
    for pairs in found:
        for measured, predicted in pairs:
            own = np.flatnonzero(folds == folds[predicted[0]])
            np.testing.assert_array_equal(np.sort(measured), own)
            np.testing.assert_array_equal(np.sort(predicted), own)


def test_every_permutation_comes_equally_often() -> None:
    found = [
        measured[np.argsort(predicted)] for [(measured, predicted)] in one_by_one(one_fold(4, n_permutations=24_000))
    ]
    permutations, count = np.unique(found, axis=0, return_counts=True)
    assert len(permutations) == 24
    np.testing.assert_allclose(count, 1000, atol=150)


@each_split
def test_chance_gives_every_p_equally_often(folds: NDArray[np.int64]) -> None:
    p = permutation_p(*draw(60, 1500, 0, seed=0), permute(folds, n_permutations=199, seed=1))
    # Steps of 1/200 are nearly a continuum.
    assert kstest(p - np.random.default_rng(2).uniform(0, 1 / 200, p.shape), "uniform").pvalue > 0.01
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.02)


@each_split
def test_p_is_the_share_of_permutations_that_correlate_as_highly(folds: NDArray[np.int64]) -> None:
    measured, predicted = draw(60, 9, 0.1, seed=3)
    own = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    permutations = permute(folds, n_permutations=100, seed=5)
    assert permutations.n_steps < 100  # several orders are drawn
    expected = []
    for vertex in range(9):
        x, y = measured[:, vertex].astype(float), predicted[:, vertex].astype(float)
        r = np.mean([pearsonr(x[rows], y[rows]).statistic for rows in own])
        by_chance = [np.mean([pearsonr(x[a], y[b]).statistic for a, b in pairs]) for pairs in one_by_one(permutations)]
        expected.append((1 + np.sum(np.array(by_chance) >= r)) / 101)
    assert len(set(expected)) > 5
    np.testing.assert_allclose(permutation_p(measured, predicted, permutations), expected)


def test_p_agrees_with_the_t_test_of_a_correlation() -> None:
    measured, predicted = draw(200, 30, 0.1, seed=4)
    truth = [pearsonr(measured[:, v], predicted[:, v], alternative="greater").pvalue for v in range(30)]
    np.testing.assert_allclose(permutation_p(measured, predicted, one_fold(200, n_permutations=3000)), truth, atol=0.04)


def test_what_images_share_with_their_neighbours_does_not_matter() -> None:
    # Both drift slowly: shifted in their own order they would stay alike, and p would depend on that.
    rng = np.random.default_rng(11)
    measured, predicted = np.cumsum(rng.standard_normal((2, 100, 30)), axis=1)
    p = permutation_p(measured, predicted, one_fold(100, n_permutations=2000))
    truth = [pearsonr(measured[:, v], predicted[:, v], alternative="greater").pvalue for v in range(30)]
    np.testing.assert_allclose(p, truth, atol=0.04)


def test_a_difference_between_folds_is_no_correlation_within_them() -> None:
    measured, predicted = draw(60, 200, 0, seed=12)
    shift = 5 * FOLDS["folds"][:, None]
    within = permutation_p(measured + shift, predicted + shift, permute(FOLDS["folds"], n_permutations=199))
    assert (within <= 0.05).mean() < 0.12
    assert (permutation_p(measured + shift, predicted + shift, one_fold(60, n_permutations=199)) <= 0.05).all()


@each_split
def test_planted_vertices_are_found_and_no_others(folds: NDArray[np.int64]) -> None:
    measured, predicted = draw(60, 400, 0, seed=13)
    predicted[:, :50] += 3 * measured[:, :50]
    q = false_discovery_q(permutation_p(measured, predicted, permute(folds, n_permutations=999)))
    assert (q[:50] <= 0.05).all()
    assert (q[50:] <= 0.05).mean() < 0.03


def test_a_strong_correlation_has_the_smallest_p_there_is_and_its_opposite_the_largest() -> None:
    measured, predicted = draw(100, 5, 0.9, seed=6)
    permutations = one_fold(100, n_permutations=99)
    np.testing.assert_allclose(permutation_p(measured, predicted, permutations), 0.01)
    np.testing.assert_allclose(permutation_p(measured, -predicted, permutations), 1)


def test_vertices_that_never_vary_and_what_is_no_number_are_never_significant() -> None:
    measured, predicted = draw(50, 4, 0.9, seed=7)
    measured[:, 0] = 0.1
    predicted[:, 1] = 7
    measured[3, 2] = np.nan
    with np.errstate(invalid="ignore"):
        p = permutation_p(measured, predicted, one_fold(50, n_permutations=99))
    np.testing.assert_allclose(p, [1, 1, 1, 0.01])


def test_a_seed_gives_the_same_p_again_for_any_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    measured, predicted = draw(40, 50, 0.2, seed=8)
    first = permutation_p(measured, predicted, one_fold(40, n_permutations=99, seed=3))
    monkeypatch.setattr(significance, "VERTICES", 7)
    again = permutation_p(measured, predicted, one_fold(40, n_permutations=99, seed=3))
    np.testing.assert_array_equal(again, first)
    assert (permutation_p(measured, predicted, one_fold(40, n_permutations=99, seed=4)) != first).any()


def test_a_mean_far_from_zero_changes_nothing() -> None:
    measured, predicted = draw(40, 50, 0.2, seed=9)
    permutations = one_fold(40, n_permutations=99)
    far = permutation_p(measured.astype(np.float64) + 1e5, predicted, permutations)
    np.testing.assert_array_equal(far, permutation_p(measured, predicted, permutations))


def test_shapes_that_differ_and_no_permutations_are_refused() -> None:
    measured, predicted = draw(40, 5, 0.2, seed=9)
    with pytest.raises(DataError):
        permutation_p(measured[1:], predicted, one_fold(40))
    with pytest.raises(DataError, match="39 images were permuted"):
        permutation_p(measured, predicted, one_fold(39))
    with pytest.raises(UsageError, match="0 permutations"):
        one_fold(40, n_permutations=0)


def test_no_vertices_are_no_values() -> None:
    assert permutation_p(np.empty((10, 0)), np.empty((10, 0)), one_fold(10)).shape == (0,)
    assert false_discovery_q(np.empty(0)).shape == (0,)


def test_q_is_scipys() -> None:
    p = np.random.default_rng(10).integers(1, 60, size=100) / 60
    np.testing.assert_allclose(false_discovery_q(p), false_discovery_control(p, method="bh"), rtol=1e-15)


def test_q_of_a_few_is_what_one_reckons_by_hand() -> None:
    # Times 4/3, 4/1, 4/4, 4/2 for their ranks, and no larger than that of the next larger p.
    np.testing.assert_allclose(false_discovery_q(np.array([0.03, 0.005, 0.9, 0.025])), [0.04, 0.02, 0.9, 0.04])
