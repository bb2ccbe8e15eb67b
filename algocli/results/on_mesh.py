"""The way from a subject's vertices to those of the cortex as a mesh.

A map on fsaverage, cut where a smaller surface ends, is right on that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algocli.compute.choices import check_choice
from algocli.dataset.challenge.layout import N_FSAVERAGE
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.errors import DataError, UsageError
from algocli.results.surface import N_VERTICES, Surface


def has_places(subject: Subject) -> bool:
    """Say whether a subject's vertices have places on fsaverage, so that maps can be drawn."""
    places = [subject.places(side) for side in subject.sides]
    return all(place is not None and place.space == "fsaverage" for place in places)


def vertices_on_mesh(subject: Subject, side: Side) -> NDArray[np.int64]:
    """Return the place on fsaverage of every vertex of a side, (n_vertices,), rising.

    Raises
    ------
    UsageError
        If the dataset does not say.
    """
    places = subject.places(side)
    if places is None or places.space != "fsaverage":
        raise UsageError(
            f"nothing says where on a cortex the responses of subject {subject.id} are: this dataset has no maps",
            hint="reports, charts and exports of arrays and tables go without",
        )
    return places.vertices


def fsaverage_map(
    values: ArrayLike, fsaverage_vertices: NDArray[np.integer], n: int = N_FSAVERAGE
) -> NDArray[np.float64]:
    """Put the values of challenge vertices to their places on fsaverage.

    Parameters
    ----------
    values : (n_vertices,)
        One value for each challenge vertex.
    fsaverage_vertices : (n_vertices,)
        Their fsaverage indices, below `n`.
    n
        The number of fsaverage vertices of a hemisphere.

    Returns
    -------
    (n,) float64
        NaN outside the challenge: a 0 there could not be told from a value of 0.

    Raises
    ------
    DataError
        If there is not one value for each vertex.
    """
    placed = np.asarray(values, dtype=np.float64)
    if placed.shape != fsaverage_vertices.shape:
        raise DataError(f"{placed.size} values for {fsaverage_vertices.size} vertices")
    full = np.full(n, np.nan)
    full[fsaverage_vertices] = placed
    return full


def cut(full: NDArray[np.float64], surface: Surface) -> NDArray[np.float64]:
    """Keep of a map on fsaverage what lies on a smaller surface's vertices."""
    check_choice("surface", surface, tuple(N_VERTICES))
    return full[: N_VERTICES[surface]]
