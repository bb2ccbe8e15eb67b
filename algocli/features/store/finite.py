"""Whether rows about to be stored are finite, and how it is told where one is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algocli.errors import DataError


def refuse_non_finite(
    rows: NDArray[Any], came_as: DTypeLike, *, what: str, name: Callable[[int], str], remedy: str
) -> None:
    """See that rows about to be stored are finite.

    Parameters
    ----------
    rows : (n_rows, n_features) float16 or float32
    came_as
        The precision that they had before they were brought to this one.
    what, name
        What to call the features, and one of these rows, in the message.
    remedy
        How to keep what goes beyond float16.

    Raises
    ------
    DataError
        Naming the first row that is not finite.
    """
    bad = np.flatnonzero(~finite_rows(rows))
    if not len(bad):
        return
    where = name(int(bad[0]))
    # NaN never comes of a number that is too large.
    if np.can_cast(came_as, rows.dtype, "safe") or np.isnan(rows[bad[0]]).any():
        raise DataError(f"{what} yields numbers that are not finite for {where}")
    limit = f"{np.finfo(rows.dtype).max:g}"
    raise DataError(
        f"{what} goes beyond what {rows.dtype} holds ({limit}), or is not finite, for {where}",
        hint=remedy if rows.dtype == np.float16 else None,
    )


def finite_rows(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which rows, (n_rows, n_features) float16 or float32, are finite."""
    # A float is not finite where all bits of its exponent are set; comparing integers is an order of magnitude
    # faster than np.isfinite on float16.
    unsigned, mask = {"float16": (np.uint16, 0x7C00), "float32": (np.uint32, 0x7F800000)}[rows.dtype.name]
    broken: NDArray[np.bool_] = ((rows.view(unsigned) & mask) == mask).any(axis=1)
    return ~broken
