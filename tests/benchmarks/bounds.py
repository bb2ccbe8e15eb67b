"""What is measured of calibration, how sure that is, and whether it lies within the bounds of what is promised.

A figure is out where it is beyond a bound by more than two of its standard errors. Where no more than a bound is
promised (the model does not tell how its folds depend on each other, or predicts nothing of many vertices), what is on
the safe side is in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

ERRORS = 2
COVERED, ONE_IN_TWENTY, ONE_IN_A_THOUSAND = (0.93, 0.97), (0.04, 0.06), (0.0, 0.002)
# Of three dozen cases that are uniform, one in thirty times one is said not to be.
LEAST_KS_P = 0.001


@dataclass(frozen=True)
class Share:
    """How often something is so, and the standard error of that."""

    value: float
    error: float

    @classmethod
    def of_people(cls, shares: NDArray[np.float64]) -> Share:
        """Average over people, whose own intervals share their images."""
        return cls(float(shares.mean()), float(shares.std(ddof=1) / np.sqrt(len(shares))))

    @classmethod
    def of(cls, value: float, n: float) -> Share:
        """Of so many that are independent."""
        return cls(value, float(np.sqrt(max(value * (1 - value), 1 / n) / n)))

    def within(self, low: float, high: float) -> bool:
        return low - ERRORS * self.error <= self.value <= high + ERRORS * self.error


@dataclass
class Verdicts:
    """Says of every figure whether it is in, and in the end of all."""

    n: int = 0
    out: list[str] = field(default_factory=list)

    def judge(self, case: str, name: str, share: Share, bounds: tuple[float, float]) -> str:
        """Return a share as it is printed."""
        return f"{name} {share.value:.4f} ±{share.error:.4f} {self.word(case, name, share.within(*bounds))}"

    def word(self, case: str, name: str, is_in: bool) -> str:
        """Count a figure, and return the word for it."""
        self.n += 1
        if not is_in:
            self.out.append(f"{' '.join(case.split())}: {name}")
        return "in" if is_in else "OUT"

    def told(self) -> str:
        """Say it of all in a line."""
        if not self.out:
            return f"calibrated: all {self.n} figures are within their bounds"
        return f"NOT calibrated: {len(self.out)} of {self.n} figures are out of their bounds: {'; '.join(self.out)}"
