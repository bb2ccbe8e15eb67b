"""Curves that level off, held against scipy's least squares and against curves that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from algocli.stats.saturation import fit_saturation

N = np.array([50.0, 100.0, 200.0, 400.0, 800.0])


def level_off(n: np.ndarray, c: float, b: float) -> np.ndarray:
    return c / np.sqrt(1 + b / n)


def test_a_known_curve_is_known_again() -> None:
    known = np.array([[0.3, 20.0], [0.55, 150.0], [0.9, 700.0]])
    found = fit_saturation(N, np.stack([level_off(N, *one) for one in known], axis=1))
    np.testing.assert_allclose(found.ceiling, known[:, 0], rtol=0.01)
    np.testing.assert_allclose(found.half_at, known[:, 1], rtol=0.03)
    assert not found.is_open.any()
    np.testing.assert_allclose(found.at(N)[:, 1], level_off(N, 0.55, 150), atol=2e-3)


def test_noisy_curves_are_fitted_as_scipy_does() -> None:
    rng = np.random.default_rng(2)
    noisy = level_off(N, 0.5, 180)[:, None] + 0.01 * rng.standard_normal((len(N), 20))
    found = fit_saturation(N, noisy)
    for column in range(noisy.shape[1]):
        (c, b), _ = curve_fit(level_off, N, noisy[:, column], p0=(0.5, 100), bounds=([0, 0], [1, 1e5]))
        assert found.ceiling[column] == pytest.approx(c, rel=0.01)
        assert found.half_at[column] == pytest.approx(b, rel=0.04)


def test_what_nothing_bounds_is_open() -> None:
    rising = np.sqrt(N) / 100
    steep = np.array([0.2, 0.4, 0.6, 0.8, 0.99])
    flat = np.full(len(N), 0.4)
    found = fit_saturation(N, np.stack([rising, steep, flat, -flat], axis=1))
    assert found.is_open.tolist() == [True, True, False, False]
    assert found.ceiling[2:].tolist() == [pytest.approx(0.4, rel=1e-3), 0]
