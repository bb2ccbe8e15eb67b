"""Noise ceilings against scipy's correlations with means of ranks, written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr, zscore

from algocli.stats.similarity.ceilings import noise_ceiling
from algocli.stats.similarity.measures import direction, pairs_of


def test_the_ceiling_is_how_similar_people_are_to_the_mean_of_the_others_and_of_all():
    rng = np.random.default_rng(0)
    truth = rng.random((12, 12))
    people = [truth + truth.T + (noise := rng.standard_normal((12, 12))) + noise.T for _ in range(5)]
    upper = np.triu_indices(12, 1)
    rows = np.array([matrix[upper] for matrix in people])
    for measure, prepared, alike in (
        ("spearman", rankdata(rows, axis=1), lambda a, b: spearmanr(a, b).statistic),
        ("pearson", zscore(rows, axis=1), lambda a, b: np.corrcoef(a, b)[0, 1]),
    ):
        result = noise_ceiling(np.stack([direction(item, measure, pairs_of(12, measure)) for item in people]), measure)
        others = [np.delete(prepared, place, axis=0).mean(axis=0) for place in range(5)]
        assert result.low == pytest.approx(np.mean([alike(*two) for two in zip(rows, others, strict=True)]), abs=1e-10)
        assert result.high == pytest.approx(np.mean([alike(row, prepared.mean(axis=0)) for row in rows]), abs=1e-10)
        assert result.low < result.high
