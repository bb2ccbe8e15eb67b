"""A line through points of which some lie anywhere, held to scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import HuberRegressor

from algocli.stats.lines import robust_line

RNG = np.random.default_rng(8)
X = RNG.uniform(0, 5, 300)


def test_it_is_the_line_of_hubers_regression():
    y = 0.2 * X + 0.3 + 0.1 * RNG.standard_normal(300)
    y[X > 4.8] += 5
    slope, intercept = robust_line(X, y)
    theirs = HuberRegressor(alpha=0).fit(X[:, None], y)
    assert slope == pytest.approx(theirs.coef_[0], abs=0.01)
    assert intercept == pytest.approx(theirs.intercept_, abs=0.02)
    assert np.polyfit(X, y, 1)[0] > slope + 0.05


def test_values_in_steps_are_averaged_over():
    y = np.round((0.1 * X + 0.3 + 0.1 * RNG.standard_normal(300)) * 4) / 4
    assert robust_line(X, y)[0] == pytest.approx(0.1, abs=0.02)


def test_points_on_a_line_give_it_and_one_place_gives_none():
    np.testing.assert_allclose(robust_line(X, 2 * X - 1), (2, -1), atol=1e-9)
    assert np.isnan(robust_line(np.ones(4), X[:4])).all()
    assert np.isnan(robust_line(X[:0], X[:0])).all()
