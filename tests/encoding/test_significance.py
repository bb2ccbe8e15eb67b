"""p values of correlations, held against scipy's tests and against what chance must give."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, kstest, pearsonr

from algocli.encoding import significance
from algocli.encoding.significance import false_discovery_q, permutation_p
from algocli.errors import DataError, UsageError


def draw(n_stimuli: int, n_vertices: int, r: float, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    measured, noise = rng.standard_normal((2, n_stimuli, n_vertices))
    predicted = r * measured + np.sqrt(1 - r**2) * noise
    return measured.astype(np.float32), (3 * predicted + 1).astype(np.float32)


def test_chance_gives_every_p_equally_often() -> None:
    p = permutation_p(*draw(60, 1500, 0, seed=0), n_permutations=199, seed=1)
    # Steps of 1/200 are nearly a continuum.
    assert kstest(p - np.random.default_rng(2).uniform(0, 1 / 200, p.shape), "uniform").pvalue > 0.01
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.02)


def test_p_is_the_share_of_permutations_that_correlate_as_highly() -> None:
    measured, predicted = draw(20, 9, 0.2, seed=3)
    rng = np.random.default_rng(5)
    orders = [rng.permutation(20) for _ in range(50)]
    expected = []
    for vertex in range(9):
        x, y = measured[:, vertex].astype(float), predicted[:, vertex].astype(float)
        r = pearsonr(x, y).statistic
        expected.append((1 + sum(pearsonr(x[order], y).statistic >= r for order in orders)) / 51)
    np.testing.assert_allclose(permutation_p(measured, predicted, n_permutations=50, seed=5), expected)


def test_p_agrees_with_the_t_test_of_a_correlation() -> None:
    measured, predicted = draw(200, 30, 0.1, seed=4)
    truth = [pearsonr(measured[:, v], predicted[:, v], alternative="greater").pvalue for v in range(30)]
    np.testing.assert_allclose(permutation_p(measured, predicted, n_permutations=3000), truth, atol=0.04)


def test_a_strong_correlation_has_the_smallest_p_there_is_and_its_opposite_the_largest() -> None:
    measured, predicted = draw(100, 5, 0.9, seed=6)
    np.testing.assert_allclose(permutation_p(measured, predicted, n_permutations=99), 0.01)
    np.testing.assert_allclose(permutation_p(measured, -predicted, n_permutations=99), 1)


def test_vertices_that_never_vary_and_what_is_no_number_are_never_significant() -> None:
    measured, predicted = draw(50, 4, 0.9, seed=7)
    measured[:, 0] = 0.1
    predicted[:, 1] = 7
    measured[3, 2] = np.nan
    with np.errstate(invalid="ignore"):
        p = permutation_p(measured, predicted, n_permutations=99)
    np.testing.assert_allclose(p, [1, 1, 1, 0.01])


def test_a_seed_gives_the_same_p_again_for_any_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    measured, predicted = draw(40, 50, 0.2, seed=8)
    first = permutation_p(measured, predicted, n_permutations=99, seed=3)
    monkeypatch.setattr(significance, "VERTICES", 7)
    np.testing.assert_array_equal(permutation_p(measured, predicted, n_permutations=99, seed=3), first)
    assert (permutation_p(measured, predicted, n_permutations=99, seed=4) != first).any()


def test_a_mean_far_from_zero_changes_nothing() -> None:
    measured, predicted = draw(40, 50, 0.2, seed=9)
    far = permutation_p(measured.astype(np.float64) + 1e5, predicted, n_permutations=99)
    np.testing.assert_array_equal(far, permutation_p(measured, predicted, n_permutations=99))


def test_shapes_that_differ_and_no_permutations_are_refused() -> None:
    measured, predicted = draw(40, 5, 0.2, seed=9)
    with pytest.raises(DataError):
        permutation_p(measured[1:], predicted)
    with pytest.raises(UsageError, match="0 permutations"):
        permutation_p(measured, predicted, n_permutations=0)


def test_no_vertices_are_no_values() -> None:
    assert permutation_p(np.empty((10, 0)), np.empty((10, 0))).shape == (0,)
    assert false_discovery_q(np.empty(0)).shape == (0,)


def test_q_is_scipys() -> None:
    p = np.random.default_rng(10).uniform(size=100) ** 2
    np.testing.assert_array_equal(false_discovery_q(p), false_discovery_control(p, method="bh"))
