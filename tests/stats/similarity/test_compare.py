"""Similarities against scipy and direct computations; how sure they are against what happens when images are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform
from scipy.stats import kendalltau, pearsonr, spearmanr

from algocli.stats.similarity import chance, strips
from algocli.stats.similarity import compare as module
from algocli.stats.similarity.chance import p_of_chance
from algocli.stats.similarity.compare import compare
from algocli.stats.similarity.shared import turns
from algocli.stats.similarity.sources import Given
from tests.stats.similarity.worlds import as_layer, as_roi, draw, rois

RSA = ("spearman", "pearson", "kendall", "cosine")
CKA = ("cka", "cka-unbiased")


def tau_a(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Concordant less discordant pairs of pairs, counted one by one."""
    signs = [np.sign(np.subtract.outer(each, each))[np.triu_indices(len(each), 1)] for each in (first, second)]
    return float((signs[0] * signs[1]).mean())


def cka(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """As Kornblith et al. (2019) have it for features."""
    x, y = (each - each.mean(axis=0) for each in (first, second))
    norm = np.linalg.norm
    return float(norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y)))


def unbiased_cka(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """By the unbiased estimator of HSIC (Song et al. 2012), term by term."""

    def hsic(k: NDArray[np.float64], m: NDArray[np.float64]) -> float:
        n = len(k)
        k, m = k - np.diag(np.diagonal(k)), m - np.diag(np.diagonal(m))
        ones = np.ones(n)
        terms = np.trace(k @ m) + (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
        return float((terms - 2 / (n - 2) * (ones @ k @ m @ ones)) / (n * (n - 3)))

    k, m = first @ first.T, second @ second.T
    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


ORACLES = {
    "spearman": lambda a, b: spearmanr(a, b).statistic,
    "pearson": lambda a, b: pearsonr(a, b).statistic,
    "kendall": tau_a,
    "cosine": lambda a, b: a @ b / np.sqrt(a @ a * (b @ b)),
}


@pytest.mark.parametrize("distance", ["correlation", "euclidean", "cosine"])
@pytest.mark.parametrize("measure", RSA)
def test_rsa_is_that_of_distances_between_features(measure, distance):
    features, responses = draw(30, np.random.default_rng(3))
    result = compare([as_layer(features)], [as_roi(responses)], measure, distance, n_permutations=1).values[0, 0]
    expected = ORACLES[measure](pdist(features, distance), pdist(responses, distance))
    assert result == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(("measure", "oracle"), [("cka", cka), ("cka-unbiased", unbiased_cka)])
def test_cka_is_that_of_the_features(measure, oracle):
    features, responses = draw(30, np.random.default_rng(3))
    result = compare([as_layer(features)], [as_roi(responses)], measure, n_permutations=1).values[0, 0]
    assert result == pytest.approx(oracle(features, responses), abs=1e-10)


def test_ties_lower_taus_and_not_its_share_of_all_pairs():
    rng = np.random.default_rng(0)
    coarse, fine = squareform(rng.integers(0, 3, 66).astype(float)), squareform(rng.random(66))
    result = compare([Given(coarse)], [Given(fine)], "kendall", n_permutations=1).values[0, 0]
    expected = tau_a(squareform(coarse), squareform(fine))
    assert result == pytest.approx(expected, abs=1e-12)
    assert abs(result) < abs(kendalltau(squareform(coarse), squareform(fine)).statistic)


def test_a_view_of_which_all_pairs_are_alike_is_similar_to_none():
    alike, other = 1 - np.eye(12), squareform(pdist(draw(12, np.random.default_rng(0))[0]))
    for measure in ("spearman", "pearson", "kendall"):
        result = compare([Given(alike)], [Given(other)], measure, n_permutations=20)
        assert result.values[0, 0] == 0
        assert p_of_chance(result.chance, result.of_sample)[0, 0] == 1


@pytest.mark.parametrize("measure", ["spearman", "cosine", "cka", "cka-unbiased"])
def test_chance_is_what_images_in_another_order_give(measure):
    features, responses = draw(20, np.random.default_rng(3))
    views = [as_layer(features), as_layer(responses), as_layer(features[:, :5])]
    result = compare(views, [as_roi(responses)], measure, n_permutations=40, seed=5)
    rng = np.random.default_rng(5)
    for draws in result.chance[:40]:
        order = rng.permutation(20)
        again = compare(views, [as_roi(responses[order])], measure, n_permutations=1).values
        np.testing.assert_allclose(draws, again, atol=1e-6)


@pytest.mark.parametrize("measure", ["spearman", "cka"])
def test_chance_of_many_views_a_few_at_a_time_is_that_of_all_at_once(measure, monkeypatch):
    features, responses = draw(20, np.random.default_rng(3))
    first, second = ([as_layer(some[:, :k]) for k in (3, 4, 5, 6, 7)] for some in (features, responses))
    whole = compare(first, second, measure, n_permutations=40).chance
    monkeypatch.setattr(chance, "_VIEWS", 2)
    monkeypatch.setattr(chance, "_NUMBERS", 1500)
    np.testing.assert_allclose(compare(first, second, measure, n_permutations=40).chance, whole, atol=1e-6)


@pytest.mark.parametrize("measure", ["spearman", "pearson", "cosine", "cka", "cka-unbiased"])
def test_many_images_a_strip_at_a_time_have_the_similarity_that_they_have_at_once(measure, monkeypatch):
    features, responses = draw(90, np.random.default_rng(3))
    first = [as_layer(features), as_roi(responses)]
    second = [as_roi(responses), as_layer(responses + features[:, :1]), as_roi(features)]
    whole = compare(first, second, measure, n_permutations=1).values
    monkeypatch.setattr(module, "SAMPLE", 40)
    monkeypatch.setattr(strips, "_STRIP", 900)
    monkeypatch.setattr(strips, "HELD_BYTES", 1)
    result = compare(first, second, measure, n_permutations=1)
    assert len(result.sample) == 40
    # Ranks are of distances rounded to one in 65,536.
    np.testing.assert_allclose(result.values, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("measure", ["spearman", "pearson", "cka", "cka-unbiased"])
def test_rois_that_share_vertices_have_the_similarity_that_each_has_by_itself(measure, monkeypatch):
    features, responses = draw(90, np.random.default_rng(3))
    of_subject, of_other = (
        rois(some, [np.arange(start, stop) for start, stop in ((0, 30), (2, 9), (5, 20), (9, 14), (28, 30))])
        for some in (responses, features)
    )
    monkeypatch.setattr(module, "SAMPLE", 40)
    monkeypatch.setattr(strips, "_STRIP", 900)
    layer, views = as_layer(features), [*of_subject[:3], as_layer(responses), *of_other, *of_subject[3:]]
    alone = [compare([layer], [view], measure, n_permutations=1).values[0, 0] for view in views]
    for bytes_at_once in (1, 10**6):
        monkeypatch.setattr(strips, "HELD_BYTES", bytes_at_once)
        result = compare([layer], views, measure, n_permutations=1).values[0]
        np.testing.assert_allclose(result, alone, rtol=0, atol=1e-5)


def test_vertices_that_rois_share_are_multiplied_once():
    _, responses = draw(8, np.random.default_rng(3))
    views = rois(responses, [np.arange(start, stop) for start, stop in ((0, 30), (2, 9), (5, 20), (9, 14), (28, 40))])
    order = turns(views)
    # The last has a sixth of its vertices in the first: it is no part of it.
    assert [(turn.place, turn.kept) for turn in order] == [(1, False), (2, False), (3, False), (0, True), (4, False)]
    assert [len(turn.common) for turn in order] == [7, 11, 0, 0, 0]
    assert [len(turn.alone) for turn in order] == [0, 4, 5, 12, 12]


@pytest.mark.slow
@pytest.mark.parametrize("measure", [*RSA, *CKA])
def test_views_that_have_nothing_in_common_are_found_similar_as_often_as_p_says(measure):
    rng, p = np.random.default_rng(11), []
    for seed in range(200):
        features, responses = draw(20, rng, shared=0)
        result = compare([as_layer(features)], [as_roi(responses)], measure, n_permutations=39, seed=seed)
        p.append(p_of_chance(result.chance, result.of_sample)[0, 0])
    # Of 200 at one in twenty, 10 with a standard deviation of 3.
    assert 2 <= sum(np.array(p) <= 0.05) <= 20
    assert np.mean(p) == pytest.approx(0.5, abs=0.08)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0.0, 0.8, 2.0])
@pytest.mark.parametrize("measure", [*RSA, "cka-unbiased"])
def test_intervals_hold_the_similarity_of_all_images_of_the_kind(measure, shared):
    rng = np.random.default_rng(12)

    def once(n_images: int):
        features, responses = draw(n_images, rng, shared)
        return compare([as_layer(features)], [as_roi(responses)], measure, n_permutations=1)

    # Far more images tell what the truth is: its own error is a sixth of that of 50.
    truth = np.mean([once(450).values[0, 0] for _ in range(4)])
    result = [once(50) for _ in range(120)]
    held = np.mean([item.low[0, 0] <= truth <= item.high[0, 0] for item in result])
    assert held >= 0.87
    # Nor are they wider than they need be, as those of images drawn with replacement are.
    width = np.mean([item.high[0, 0] - item.low[0, 0] for item in result]) / (2 * 2.01)
    assert width / np.std([item.values[0, 0] for item in result]) == pytest.approx(1, abs=0.25)


def test_what_is_the_same_is_so_for_sure():
    view = as_layer(draw(20, np.random.default_rng(3))[0])
    result = compare([view], [view], n_permutations=99)
    assert result.values[0, 0] == pytest.approx(1, abs=1e-12)
    assert result.low[0, 0] == pytest.approx(1, abs=1e-6)
    assert p_of_chance(result.chance, result.of_sample)[0, 0] == 0.01
