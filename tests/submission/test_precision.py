"""Rounding of mantissas against numpy's own narrower floats, and against correlation itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from algocli.submission.precision import RoundingLoss, round_mantissa

FINITE = hnp.arrays(np.float32, 20, elements=st.floats(-(2.0**100), 2.0**100, width=32))


def test_thirteen_bits_less_is_float16_ties_included() -> None:
    # float16 stores 10 bits of mantissa; within its normal range the two roundings are one.
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.standard_normal(10_000), 1 + np.arange(64) / 2**12]).astype(np.float32)
    values = values[np.abs(values) > 2.0**-14]
    np.testing.assert_array_equal(round_mantissa(values, 13), values.astype(np.float16).astype(np.float32))


@given(values=FINITE, n_bits=st.integers(1, 23))
def test_an_error_is_at_most_half_a_step_and_the_last_bits_are_zero(values: NDArray[np.float32], n_bits: int) -> None:
    rounded = round_mantissa(values, n_bits)
    assert rounded.dtype == np.float32
    assert not (rounded.view(np.uint32) & ((1 << n_bits) - 1)).any()
    half_step = np.spacing(np.abs(values)).astype(np.float64) * 2.0 ** (n_bits - 1)
    assert (np.abs(rounded.astype(np.float64) - values) <= half_step).all()


@given(values=FINITE, n_bits=st.integers(0, 23))
def test_rounding_twice_changes_nothing(values: NDArray[np.float32], n_bits: int) -> None:
    once = round_mantissa(values, n_bits)
    np.testing.assert_array_equal(round_mantissa(once, n_bits), once)


def test_no_bits_leave_the_values_alone_and_too_many_are_a_bug() -> None:
    values = np.array([1.1, 2.2], dtype=np.float32)
    np.testing.assert_array_equal(round_mantissa(values, 0), values)
    with pytest.raises(ValueError, match="24 bits"):
        round_mantissa(values, 24)


def test_the_loss_bounds_what_correlation_loses() -> None:
    rng = np.random.default_rng(0)
    exact = (rng.standard_normal((50, 30)) * 0.2 + rng.standard_normal(30)).astype(np.float32)
    rounded = round_mantissa(exact, 16)
    loss = RoundingLoss(30)
    for rows in (slice(0, 7), slice(7, 50)):
        loss.add(exact[rows], rounded[rows])
    error = ((exact.astype(np.float64) - rounded) ** 2).sum(axis=0) / (50 * exact.astype(np.float64).var(axis=0))
    assert loss.largest == pytest.approx(error.max(), rel=1e-6)
    lost = [1 - np.corrcoef(exact[:, v], rounded[:, v])[0, 1] for v in range(30)]
    assert 0 < max(lost) <= loss.largest


def test_a_vertex_that_never_varies_has_nothing_to_lose() -> None:
    constant = np.full((5, 2), np.float32(0.1))
    loss = RoundingLoss(2)
    loss.add(constant, round_mantissa(constant, 12))
    assert loss.largest == 0.0
