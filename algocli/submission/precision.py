"""Rounds away the last bits of float32 predictions, which no score feels but every compressor does.

The low mantissa bits of a prediction are noise to deflate: they make up most of a zip. float32 keeps 24
significant bits; without the last 12, a value is still right to 1 part in 8,192.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

N_MANTISSA_BITS = 23


def round_mantissa(values: NDArray[np.float32], n_bits: int) -> NDArray[np.float32]:
    """Round to the nearest float32 whose last `n_bits` mantissa bits are zero, ties to even.

    Parameters
    ----------
    values
        Finite values, any shape.
    n_bits
        How many of the 23 stored mantissa bits to clear; 0 returns the values as they are.

    Returns
    -------
    float32, the same shape
        A value within half a step of float32's largest becomes infinite, as in every rounding.
    """
    if not 0 <= n_bits <= N_MANTISSA_BITS:
        raise ValueError(f"{n_bits} bits: float32 stores {N_MANTISSA_BITS} of mantissa")
    if n_bits == 0:
        return values
    # IEEE floats of one sign are ordered as their bit patterns, and the carry out of a full
    # mantissa steps into the exponent: rounding the integer rounds the number.
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    shift = np.uint32(n_bits)
    just_below_half = np.uint32((1 << (n_bits - 1)) - 1)
    is_odd = (bits >> shift) & np.uint32(1)
    return (((bits + just_below_half + is_odd) >> shift) << shift).view(np.float32)


class RoundingLoss:
    """Measures, over blocks of rows, how much of each vertex's variance over images rounding has changed."""

    def __init__(self, n_vertices: int) -> None:
        self._n_rows = 0
        self._origin: NDArray[np.float64] | None = None
        self._sum = np.zeros(n_vertices)
        self._squares = np.zeros(n_vertices)
        self._errors = np.zeros(n_vertices)

    def add(self, exact: NDArray[np.float32], rounded: NDArray[np.float32]) -> None:
        """Take in the next rows before and after rounding, (n_rows, n_vertices) each."""
        wide = exact.astype(np.float64)
        self._errors += ((wide - rounded) ** 2).sum(axis=0)
        # Sums of squares about the first row instead of zero: a large mean would swallow a small variance.
        self._origin = wide[0].copy() if self._origin is None else self._origin
        wide -= self._origin
        self._sum += wide.sum(axis=0)
        self._squares += (wide**2).sum(axis=0)
        self._n_rows += len(wide)

    @property
    def largest(self) -> float:
        """The squared error over the summed squares about the mean, for the vertex that lost most.

        A vertex's correlation with its exact self is lower than 1 by half of this, or by less.
        Vertices that never varied have nothing to lose.
        """
        spread = self._squares - self._sum**2 / max(1, self._n_rows)
        varied = spread > 0
        return float((self._errors[varied] / spread[varied]).max(initial=0.0))
