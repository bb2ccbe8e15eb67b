"""What images show as numbers: one for each category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algocli.errors import DataError
from algocli.features.words.saying import Shown

# Whether there is any, how many there are, or how much of the image they cover.
Measure = Literal["presence", "count", "share"]


def measure_each(shown: Sequence[Sequence[Shown]], categories: Sequence[str], measure: Measure) -> NDArray[np.float32]:
    """Return what each image shows, (n_stimuli, n_categories).

    A crowd is there, counts as one, and covers what its mask covers. Things that hide one another may together cover
    more than there is: no share is above 1.

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
    column = {name: place for place, name in enumerate(categories)}
    numbers = np.zeros((len(shown), len(categories)))
    for row, things in zip(numbers, shown, strict=True):
        for thing in things:
            if measure == "share" and thing.share is None:
                raise DataError(
                    f"nothing says how large the {thing.category} of an image is",
                    hint="measure='presence' or measure='count' needs no outlines",
                )
            row[column[thing.category]] += thing.share if measure == "share" else 1
    return (np.minimum(numbers, 1) if measure != "count" else numbers).astype(np.float32)
