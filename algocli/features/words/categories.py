"""What images show as numbers: one for each category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algocli.errors import DataError
from algocli.features.words.outlines import share_covered
from algocli.features.words.saying import Shown

# Whether there is any, how many there are, or how much of the image they cover.
Measure = Literal["presence", "count", "share"]


def measure_each(shown: Sequence[Sequence[Shown]], categories: Sequence[str], measure: Measure) -> NDArray[np.float32]:
    """Return what each image shows, (n_stimuli, n_categories).

    A crowd is there, counts as one, and covers what its mask covers. What several things of a category cover counts
    once where they overlap.

    Raises
    ------
    DataError
        If a share was asked for and nothing says how large something is.

    Examples
    --------
    >>> measure_each([[Shown("cat"), Shown("cat")], []], ["cat", "dog"], "count")
    array([[2., 0.],
           [0., 0.]], dtype=float32)
    """
    count = _share if measure == "share" else len
    numbers = np.zeros((len(shown), len(categories)))
    for row, things in zip(numbers, shown, strict=True):
        by_category: dict[str, list[Shown]] = {}
        for thing in things:
            by_category.setdefault(thing.category, []).append(thing)
        row[:] = [count(by_category.get(name, [])) for name in categories]
    return (np.minimum(numbers, 1) if measure == "presence" else numbers).astype(np.float32)


def _share(things: Sequence[Shown]) -> float:
    """Return how much of an image some things of a category cover together."""
    outlines = [thing.outline for thing in things if thing.outline is not None]
    if len(outlines) < len(things):
        raise DataError(
            f"nothing says how large the {things[0].category} of an image is",
            hint="measure='presence' or measure='count' needs no outlines",
        )
    return share_covered(outlines)
