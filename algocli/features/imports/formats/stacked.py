"""Files with an array for each image, under the image's name: their rows are these arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.features.imports.formats.labels import is_image_name
from algocli.features.imports.formats.matrix import Labels, Matrix

ReadMany = Callable[[Sequence[str]], Sequence[NDArray[Any]]]


def stack(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    dtypes: Mapping[str, np.dtype[Any]],
    read_many: ReadMany,
    refuse_holes: Callable[[Sequence[str]], None] | None = None,
) -> Matrix | None:
    """Return the matrix of a file's arrays, a row each; None where they are not of one kind, each named after an image.

    Parameters
    ----------
    shapes, dtypes
        Those of all arrays, by their names.
    read_many
        Reads arrays by their names.
    refuse_holes
        Raises a DataError if one of some arrays was never written.
    """
    kinds = {(shape, dtypes[name]) for name, shape in shapes.items()}
    if len(shapes) < 2 or len(kinds) != 1 or not all(map(is_image_name, shapes)):
        return None
    names = list(shapes)
    ((shape, dtype),) = kinds

    def read(rows: Sequence[int]) -> NDArray[Any]:
        return np.stack([np.asarray(array) for array in read_many([names[row] for row in rows])])

    def check(rows: Sequence[int]) -> None:
        if refuse_holes is not None:
            refuse_holes([names[row] for row in rows])

    labels = Labels(tuple(names), f"{path.name}, by which its arrays are called")
    return Matrix(path, None, (len(names), *shape), dtype, read, labels, check)
