"""Units of noise ceilings, and the way from NSD's signal-to-noise ratios to them."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.dataset.ceilings import Repeats, as_share, ceiling_from_ncsnr, list_faults
from algocli.errors import DataError, UsageError


def test_a_ceiling_above_one_is_percent() -> None:
    share, unit = as_share(np.array([0.0, 50.0, 85.0], dtype=np.float32))
    assert unit == "percent"
    assert share.dtype == np.float64
    np.testing.assert_allclose(share, [0.0, 0.5, 0.85])


def test_ceilings_up_to_one_are_shares() -> None:
    share, unit = as_share(np.array([0.0, 0.5, 1.0]))
    assert unit == "share"
    np.testing.assert_array_equal(share, [0.0, 0.5, 1.0])


def test_a_unit_that_is_given_is_not_guessed() -> None:
    share, _ = as_share(np.array([0.0, 0.5]), "percent")
    np.testing.assert_array_equal(share, [0.0, 0.005])


def test_shares_above_one_are_refused_with_the_unit_that_would_fit() -> None:
    with pytest.raises(DataError, match="its largest noise ceiling is 85; no share") as caught:
        as_share(np.array([0.2, 85.0]), "share")
    assert caught.value.hint == "unit='percent'"


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 101.0, np.inf])
def test_ceilings_that_are_neither_are_refused(wrong: float) -> None:
    with pytest.raises(DataError):
        as_share(np.array([0.5, wrong]))


def test_every_kind_of_fault_is_counted() -> None:
    values = np.array([0.5, np.nan, -0.1, -2.0, 101.0, np.inf])
    assert list_faults(values) == "2 not finite, 2 negative, 1 above 100"


# Signal 1 and noise 1 a trial: of three trials' mean a third of the noise is left, so 1 / (1 + 1/3) is explainable.
@pytest.mark.parametrize(
    ("repeats", "ncsnr", "ceiling"),
    [
        (Repeats(159, 0, 0), 1.0, 3 / 4),
        (Repeats(0, 10, 0), 1.0, 2 / 3),
        (Repeats(0, 0, 7), 1.0, 1 / 2),
        # One image's noise of 1/3 three times, of 1/2 twice, of 1 once: 3 over six images.
        (Repeats(3, 2, 1), 1.0, 2 / 3),
        (Repeats(3, 2, 1), 0.5, 1 / 3),
        (Repeats(159, 0, 0), 0.0, 0.0),
    ],
)
def test_ceilings_follow_from_signal_to_noise_as_worked_by_hand(repeats: Repeats, ncsnr: float, ceiling: float) -> None:
    found = ceiling_from_ncsnr(np.array([ncsnr], dtype=np.float32), repeats)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [ceiling], rtol=1e-12)


def test_the_ceiling_is_the_squared_correlation_of_a_mean_over_repeats_with_its_signal() -> None:
    rng = np.random.default_rng(0)
    signal = 0.8 * rng.standard_normal(200_000)
    mean = signal + rng.standard_normal((3, 200_000)).mean(axis=0)
    expected = np.corrcoef(signal, mean)[0, 1] ** 2
    assert ceiling_from_ncsnr(np.array([0.8]), Repeats(1, 0, 0)) == pytest.approx([expected], abs=0.005)


@pytest.mark.parametrize("wrong", [np.nan, -0.1, np.inf])
def test_ratios_that_cannot_be_are_refused_and_counted(wrong: float) -> None:
    with pytest.raises(DataError, match="1 of 2 signal-to-noise ratios"):
        ceiling_from_ncsnr(np.array([0.5, wrong]), Repeats(1, 0, 0))


def test_a_unit_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unit='Percent' is not known.*did you mean percent"):
        as_share(np.array([0.0, 0.5]), "Percent")  # type: ignore[arg-type]
