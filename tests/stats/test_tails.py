"""p values beyond the largest draw, held against the distribution that the draws are from."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, norm, pearsonr

from algocli.stats.permutation import permutation_p, permute
from algocli.stats.tails import TAIL, tail_p


def p_beyond(draws: NDArray[np.float64], r: NDArray[np.float64]) -> NDArray[np.float64]:
    draws = np.sort(draws)
    largest, spread = draws[-int(TAIL * len(draws)) :, None], np.sqrt(np.mean(draws**2, keepdims=True))
    return tail_p(len(draws) - np.searchsorted(draws, r), len(draws), largest, spread, r)


def test_a_normal_tail_goes_on_as_it_does() -> None:
    sd = 0.02
    ratios = []
    for seed in range(20):
        draws = sd * np.random.default_rng(seed).standard_normal(10_000)
        at = sd * norm.isf([1e-5, 1e-6, 1e-8])
        ratios.append(np.log10(p_beyond(draws, at) / norm.sf(at / sd)))
    assert np.abs(np.median(ratios, axis=0)).max() < 0.5
    assert np.min(ratios) > -1


def test_where_a_draw_is_as_high_the_share_stands() -> None:
    draws = np.random.default_rng(0).normal(0, 0.1, 1000)
    r = np.sort(draws)[[0, 500, 990, 999]]
    np.testing.assert_allclose(p_beyond(draws, r), np.array([1001, 501, 11, 2]) / 1001)


def test_p_falls_as_r_rises_and_is_never_nothing() -> None:
    draws = np.random.default_rng(0).normal(0, 0.05, 1000)
    p = p_beyond(draws, np.linspace(draws.max() + 1e-6, 0.9, 50))
    assert (np.diff(p) < 0).all()
    assert p[0] <= 1 / 1001
    assert p[-1] > 0


def test_too_few_draws_tell_no_tail() -> None:
    draws = np.random.default_rng(0).normal(0, 0.1, 99)
    assert p_beyond(draws, np.array([0.9])) == 1 / 100


def test_draws_that_are_all_alike_tell_no_tail() -> None:
    assert p_beyond(np.zeros(1000), np.array([0.9])) == 1 / 1001


def test_few_real_vertices_among_many_survive_their_correction() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 500, 3919)).astype(np.float32)
    y[:, :60] += 0.35 * x[:, :60]
    p = permutation_p(x, y, permute(np.zeros(500, np.int64)))
    found = false_discovery_control(p) <= 0.05
    assert found[:60].sum() >= 55
    assert found[60:].sum() <= 6
    exact = [pearsonr(x[:, place], y[:, place], alternative="greater").pvalue for place in range(60)]
    assert abs(np.median(np.log10(p[:60] / exact))) < 1.5


@pytest.mark.parametrize("n", [60, 500])
def test_beyond_a_thousand_permutations_p_is_what_a_million_say(n: int) -> None:
    rng = np.random.default_rng(n)
    x, y = rng.standard_normal((2, n))
    unit = (x - x.mean()) / np.linalg.norm(x - x.mean())
    y = (y - y.mean()) / np.linalg.norm(y - y.mean())
    every = np.sort(np.concatenate([rng.permuted(np.tile(y, (20_000, 1)), axis=1) @ unit for _ in range(10)]))
    at = every[[-20, -4]]
    drawn = rng.permuted(np.tile(every, (9, 1)), axis=1)[:, :1000]
    ratios = [np.log10(p_beyond(draws, at) / np.array([1e-4, 2e-5])) for draws in drawn]
    assert np.abs(np.median(ratios, axis=0)).max() < 0.5
