"""Whether rows about to be stored, and the products of those that are, are finite; how it is told where not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algocli.errors import DataError

if TYPE_CHECKING:
    from algocli.features.store.readable import Readable
    from algocli.features.store.tiles import Tiles


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


def refuse_unusable(stores: Sequence[Readable], tiles: Tiles) -> None:
    """See that products of features are finite in float32, by the tiles of their sums.

    Raises
    ------
    DataError
        If they are not, with what of the features is the reason.
    """
    # No product of two images is larger than that of the larger one with itself: the diagonal speaks for all.
    if (tiles.diagonal() <= np.finfo(np.float32).max).all():
        return
    for store in stores:
        if not all(np.isfinite(store.read(slice(None), columns)).all() for columns in store.column_blocks()):
            raise DataError(f"{store.folder} holds features that are not finite", hint="algocli cache verify")
    where, remedy = " or ".join(str(store.folder) for store in stores), "scale them down, or choose another layer"
    raise DataError(f"{where} holds features too large for their products to be float32", hint=remedy)
