"""The cortex as a mesh, and the way from a subject's challenge vertices to the mesh's vertices.

fsaverage's first 10,242 vertices of a hemisphere are fsaverage5's, in the same order: a map on fsaverage, cut
there, is right on the smaller mesh. Coordinates must always come from the mesh that is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algocli.challenge.layout import N_FSAVERAGE, N_FSAVERAGE5, Hemisphere
from algocli.errors import DataError

Surface = Literal["fsaverage5"]

N_VERTICES: dict[Surface, int] = {"fsaverage5": N_FSAVERAGE5}


@dataclass(frozen=True)
class Mesh:
    """One inflated hemisphere.

    `points` (n_vertices, 3) in mm: x to the right, y to the front, z up. `faces` (n_faces, 3), counter-clockwise
    seen from outside. `sulcal_depth` (n_vertices,), positive in a sulcus. `normals` (n_vertices, 3), unit, outward.
    """

    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    sulcal_depth: NDArray[np.float64]
    normals: NDArray[np.float64]

    @property
    def n_vertices(self) -> int:
        """The number of vertices."""
        return len(self.points)


@lru_cache(maxsize=4)
def load_mesh(surface: Surface, hemisphere: Hemisphere) -> Mesh:
    """Load an inflated hemisphere; fsaverage5 lies inside nilearn and needs no network.

    Raises
    ------
    DataError
        If mesh and sulcal depth disagree.
    """
    from nilearn.datasets import fetch_surf_fsaverage
    from nilearn.surface import load_surf_data, load_surf_mesh

    files = fetch_surf_fsaverage(surface)
    mesh = load_surf_mesh(files[f"infl_{hemisphere}"])
    points = np.asarray(mesh.coordinates, dtype=np.float64)
    faces = np.asarray(mesh.faces, dtype=np.int64)
    depth = np.asarray(load_surf_data(files[f"sulc_{hemisphere}"]), dtype=np.float64)
    if len(points) != N_VERTICES[surface] or depth.shape != (len(points),):
        raise DataError(f"{surface} has {len(points)} points and {depth.size} depths; {N_VERTICES[surface]} expected")
    return Mesh(points, faces, depth, vertex_normals(points, faces))


def vertex_normals(points: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    """Average the directions of the faces around each vertex, larger faces counting more.

    Returns
    -------
    (n_vertices, 3) float64, of length 1
    """
    corners = points[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.stack(
        [np.bincount(faces.ravel(), np.repeat(across[:, axis], 3), len(points)) for axis in range(3)], axis=1
    )
    lengths: NDArray[np.float64] = np.linalg.norm(normals, axis=1, keepdims=True)
    unit: NDArray[np.float64] = normals / np.maximum(lengths, 1e-12)
    return unit


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
    return full[: N_VERTICES[surface]]
