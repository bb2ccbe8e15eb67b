"""What a group says, against scipy one score at a time, brute force, and what intervals are to hold."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import integrate, stats

from algocli.stats.groups import flip_signs, mean_of_subjects, prevalence, signed_rank_p


@pytest.fixture
def scores() -> np.ndarray:
    """Eight subjects, of whom some lack some of six scores; the fourth is one subject's, the fifth nobody's."""
    rng = np.random.default_rng(7)
    drawn = rng.standard_normal((8, 6)) * rng.uniform(0.1, 30, 6) + rng.uniform(-1, 3, 6)
    drawn[2:4, 1] = drawn[1:, 3] = drawn[:, 4] = np.nan
    return drawn


def present(scores: np.ndarray, column: int) -> np.ndarray:
    return scores[np.isfinite(scores[:, column]), column]


def test_means_and_intervals_are_students(scores: np.ndarray) -> None:
    group = mean_of_subjects(scores, level=0.9)
    for column in (0, 1, 2, 5):
        alone = present(scores, column)
        expected = stats.ttest_1samp(alone, 0).confidence_interval(0.9)
        assert group.low[column] == pytest.approx(expected.low, rel=1e-12)
        assert group.high[column] == pytest.approx(expected.high, rel=1e-12)
        n = len(alone)
        # To the third digit, Hedges' correction is 1 - 3 / (4 df - 1).
        hedges = alone.mean() / alone.std(ddof=1) * (1 - 3 / (4 * (n - 1) - 1))
        assert group.effect_size[column] == pytest.approx(hedges, rel=3e-3)
    assert group.n_subjects.tolist() == [8, 6, 8, 1, 0, 8]
    assert group.mean[3] == scores[0, 3]
    assert np.isnan([group.sd[3], group.low[3], group.effect_size[3], group.mean[4]]).all()


@pytest.mark.parametrize("alternative", ["greater", "two-sided"])
def test_all_flips_of_few_subjects_are_tried(scores: np.ndarray, alternative: str) -> None:
    flipped = flip_signs(scores, alternative)
    both = np.abs if alternative == "two-sided" else np.asarray
    assert flipped.n_flips == 256
    assert np.isnan(flipped.p[4])
    assert np.isnan(flipped.p_of_largest[4])
    size = np.sqrt(np.nansum(scores**2, axis=0))
    every = [0, 1, 2, 3, 5]
    largest = []
    for signs in product((1, -1), repeat=8):
        sums = np.nansum(np.array(signs)[:, None] * scores, axis=0)[every] / size[every]
        largest.append(both(sums).max())
    for column in every:
        alone = present(scores, column)
        sums = [both(np.dot(signs, alone)) for signs in product((1, -1), repeat=len(alone))]
        assert flipped.p[column] == pytest.approx(np.mean(np.array(sums) >= both(alone.sum()) - 1e-9))
        reached = np.mean(np.array(largest) >= both(alone.sum()) / size[column] - 1e-12)
        assert flipped.p_of_largest[column] == pytest.approx(reached)


def test_of_many_subjects_signs_are_drawn_together_and_alike() -> None:
    rng = np.random.default_rng(3)
    scores = np.repeat(rng.standard_normal((20, 1)) + 0.3, 2, axis=1)
    flipped = flip_signs(scores, "greater", seed=5)
    again = flip_signs(scores, "greater", seed=5)
    # Of two scores that are the same, the larger is either: only where both have the same signs is that no more often.
    assert flipped.p_of_largest[0] == pytest.approx(flipped.p[0])
    assert flipped.p.tolist() == again.p.tolist()
    assert flipped.p[0] == pytest.approx(stats.ttest_1samp(scores[:, 0], 0, alternative="greater").pvalue, abs=0.03)


def test_a_single_subject_says_little() -> None:
    assert flip_signs(np.array([[0.4, -0.1]]), "greater").p.tolist() == [0.5, 1.0]


def test_flips_keep_to_their_level_and_to_that_of_the_largest() -> None:
    rng = np.random.default_rng(0)
    alone, any_of_20 = [], []
    for _ in range(300):
        common = rng.standard_normal((8, 1))
        flipped = flip_signs(common + rng.standard_normal((8, 20)), "greater")
        alone.append(flipped.p[0] <= 0.05)
        any_of_20.append((flipped.p_of_largest <= 0.05).any())
    assert np.mean(alone) < 0.09
    assert 0.01 < np.mean(any_of_20) < 0.09


def test_signed_ranks_are_scipys(scores: np.ndarray) -> None:
    p = signed_rank_p(scores, "greater")
    for column in (0, 1, 2, 3, 5):
        assert p[column] == stats.wilcoxon(present(scores, column), alternative="greater").pvalue
    assert np.isnan(p[4])
    assert signed_rank_p(np.zeros((4, 1)), "two-sided").tolist() == [1.0]


@pytest.mark.parametrize(("showing", "of"), [(0, 8), (1, 8), (5, 8), (8, 8), (3, 3), (17, 40)])
def test_prevalence_is_the_densest_part_of_its_posterior(showing: int, of: int) -> None:
    wrong = 0.05

    def likelihood(share: float) -> float:
        seen = wrong + (1 - wrong) * share
        return float(stats.binom.pmf(showing, of, seen))

    found = prevalence(showing, of, false_positives=wrong)
    grid = np.linspace(0, 1, 20_001)
    density = np.array([likelihood(share) for share in grid])
    assert found.share == pytest.approx(grid[density.argmax()], abs=1e-4)
    total = integrate.quad(likelihood, 0, 1)[0]
    assert integrate.quad(likelihood, found.low, found.high)[0] / total == pytest.approx(0.95, abs=1e-4)
    # Nothing outside is likelier than anything inside.
    inside = (grid >= found.low) & (grid <= found.high)
    assert density[inside].min() >= density[~inside].max() - 1e-3 * density.max()


def test_scores_that_are_all_the_same_have_no_spread_and_no_effect_size() -> None:
    score = 0.1 + 0.2 / 3
    group = mean_of_subjects(np.full((8, 3), [score, -score / 7, 0.0]))
    assert group.sd.tolist() == [0, 0, 0]
    assert np.isnan(group.effect_size).all()
    np.testing.assert_array_equal(group.low, group.mean)
