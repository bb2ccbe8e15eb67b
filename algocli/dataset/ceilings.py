"""Noise ceilings: how much of a vertex's variance any model could explain, and how that follows from NSD's figures."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import check_choice
from algocli.errors import DataError

CeilingUnit = Literal["share", "percent"]

EXPECTED = "shares of variance (0 to 1) or percent (0 to 100) were expected"
_LARGEST: dict[CeilingUnit, float] = {"share": 1.0, "percent": 100.0}


class Repeats(NamedTuple):
    """How many test images were shown three times, twice and once; their responses are means over these."""

    three: int
    two: int
    one: int

    @property
    def noise(self) -> float:
        """The share of a single trial's noise variance that averaging leaves, over all images: 1/3 to 1."""
        return (self.three / 3 + self.two / 2 + self.one) / sum(self)

    def __str__(self) -> str:
        return ",".join(map(str, self))


def ceiling_from_ncsnr(ncsnr: NDArray[np.floating], repeats: Repeats) -> NDArray[np.float64]:
    """Turn noise-ceiling signal-to-noise ratios into noise ceilings: ncsnr² / (ncsnr² + the noise that is left).

    Parameters
    ----------
    ncsnr : (n_vertices,)
        The standard deviation of the signal over that of a single trial's noise, as NSD gives it.
    repeats
        What the responses to be explained are means of.

    Returns
    -------
    (n_vertices,) float64
        Explainable shares of variance, 0 to 1.

    Raises
    ------
    DataError
        If a ratio is negative or not a finite number.
    """
    ratios = np.asarray(ncsnr, dtype=np.float64)
    wrong = np.flatnonzero(~(np.isfinite(ratios) & (ratios >= 0)))
    if len(wrong):
        raise DataError(
            f"{len(wrong)} of {len(ratios)} signal-to-noise ratios are negative or not finite, the first of them at "
            f"position {wrong[0]}",
            hint="every vertex of the challenge needs a ratio from 0 up: copy the file again",
        )
    signal = ratios**2
    return signal / (signal + repeats.noise)


def unit_of(ceiling: NDArray[np.floating]) -> CeilingUnit:
    """Tell the unit of noise ceilings, (n_vertices,), by their maximum: no share of variance is above 1.

    Where responses hold any signal, some ceiling is above 1 percent.
    """
    # Not the maximum itself: among values that are not finite it would be none either.
    return "percent" if (ceiling > 1).any() else "share"


def as_share(ceiling: NDArray[np.floating], unit: CeilingUnit | None = None) -> tuple[NDArray[np.float64], CeilingUnit]:
    """Bring noise ceilings to shares of variance.

    Parameters
    ----------
    ceiling : (n_vertices,)
        Shares of variance or percent.
    unit
        Which; by default the maximum tells.

    Returns
    -------
    ((n_vertices,) float64 in 0..1, the unit that was found)

    Raises
    ------
    UsageError
        If there is no such unit.
    DataError
        If a value is not finite, negative or above what the unit allows.
    """
    values = np.asarray(ceiling, dtype=np.float64)
    wrong = list_faults(values)
    if wrong:
        first = np.flatnonzero(~((values >= 0) & (values <= 100)))[0]
        raise DataError(
            f"it holds {wrong} among {len(values)} noise ceilings, the first of them at position {first}", hint=EXPECTED
        )
    known_unit = unit_of(values) if unit is None else unit
    check_choice("unit", known_unit, get_args(CeilingUnit))
    top = float(values.max(initial=0))
    if top > _LARGEST[known_unit]:
        raise DataError(
            f"its largest noise ceiling is {top:.4g}; no share of variance is above 1", hint="unit='percent'"
        )
    return values / _LARGEST[known_unit], known_unit


def list_faults(ceiling: NDArray[np.floating]) -> str:
    """Count the values that no noise ceiling can have, as in '2 not finite, 1 negative'; empty where there is none."""
    n_wrong = {
        "not finite": np.count_nonzero(~np.isfinite(ceiling)),
        "negative": np.count_nonzero(ceiling < 0),
        "above 100": np.count_nonzero((ceiling > 100) & np.isfinite(ceiling)),
    }
    return ", ".join(f"{count} {problem}" for problem, count in n_wrong.items() if count)
