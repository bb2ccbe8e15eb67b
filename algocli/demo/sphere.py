"""The spherical mesh of fsaverage, made by halving the edges of an icosahedron, and patterns on it.

Five halvings give the 10,242 vertices of fsaverage5, seven the 163,842 of fsaverage. Vertices and faces are numbered
as FreeSurfer numbers them, so that an index found here means the same vertex on any fsaverage surface. Both
hemispheres share the sphere; what differs is which piece of cortex lies where on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

# The faces of the icosahedron, in the order and with the starting corners that fix all later numbers.
_ICOSAHEDRON = (
    *((0, 3, 4), (0, 4, 5), (0, 5, 1), (0, 1, 2), (0, 2, 3), (3, 2, 8), (3, 8, 9), (3, 9, 4), (4, 9, 10), (4, 10, 5)),
    *((5, 10, 6), (5, 6, 1), (1, 6, 7), (1, 7, 2), (2, 7, 8), (8, 11, 9), (9, 11, 10), (10, 11, 6), (6, 11, 7)),
    (7, 11, 8),
)


@dataclass(frozen=True)
class Sphere:
    """A triangular mesh of the unit sphere.

    Attributes
    ----------
    positions : (n_vertices, 3) float64
        Unit vectors.
    faces : (n_faces, 3) int64
        Vertex numbers of each triangle.
    """

    positions: NDArray[np.float64]
    faces: NDArray[np.int64]

    @property
    def edges(self) -> NDArray[np.int64]:
        """Each pair of neighbours once, (n_edges, 2), smaller number first."""
        pairs = self.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
        # Two faces share an edge and run along it in opposite directions: one of the two has the smaller number first.
        return pairs[pairs[:, 0] < pairs[:, 1]]


@cache
def fsaverage_sphere(n_halvings: int) -> Sphere:
    """Return the sphere of fsaverage after so many halvings: 5 for fsaverage5, 7 for fsaverage itself.

    The vertices of each mesh are the first of the next, at the same places.
    """
    if n_halvings == 0:
        return Sphere(_icosahedron_positions(), np.array(_ICOSAHEDRON))
    return _halve(fsaverage_sphere(n_halvings - 1))


def _icosahedron_positions() -> NDArray[np.float64]:
    """Two poles and two rings of five, as FreeSurfer turns them."""
    height = 1 / np.sqrt(5)
    longitudes = np.radians([*range(-72, 288, 72), *range(-108, 252, 72)])
    ring = 2 * height * np.stack([np.cos(longitudes), np.sin(longitudes)], axis=1)
    heights = np.repeat([height, -height], 5)[:, None]
    return np.vstack([[0, 0, 1], np.hstack([ring, heights]), [0, 0, -1]])


def _halve(sphere: Sphere) -> Sphere:
    """Put a vertex on the middle of every edge and cut each face into four."""
    n_before = len(sphere.positions)
    a, b, c = sphere.faces.T
    # Middles are numbered as the faces first meet them, each face by its third, second and first edge.
    sides = np.sort(np.stack([[c, a], [b, c], [a, b]], axis=0).transpose(2, 0, 1).reshape(-1, 2), axis=1)
    pairs, first_met, number = np.unique(sides, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first_met)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    ca, bc, ab = n_before + rank[number.reshape(-1, 3)].T

    middles = sphere.positions[pairs[order]].sum(axis=1)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    # The corner at `a` replaces its face; the other three quarters follow, face by face, after all of those.
    corners = np.stack([a, ab, ca], axis=1)
    others = np.stack([[ca, bc, c], [ab, bc, ca], [ab, b, bc]], axis=0).transpose(2, 0, 1).reshape(-1, 3)
    return Sphere(np.vstack([sphere.positions, middles]), np.vstack([corners, others]))


def direction(longitude: float, latitude: float) -> NDArray[np.float64]:
    """Return the unit vector at a longitude and latitude in degrees."""
    lon, lat = np.radians(longitude), np.radians(latitude)
    return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def smooth_field(
    positions: NDArray[np.float64], rng: np.random.Generator, *, wavelength: float = 25.0
) -> NDArray[np.float64]:
    """Return values that vary smoothly over the sphere, about standard normal, (n_vertices,).

    Parameters
    ----------
    positions : (n_vertices, 3)
        Unit vectors.
    rng
        Where the pattern comes from; the same state gives the same pattern at any mesh size.
    wavelength
        Degrees from one crest to the next.
    """
    n_waves = 24
    waves = rng.standard_normal((n_waves, 3))
    waves *= 360 / wavelength / np.linalg.norm(waves, axis=1, keepdims=True)
    phases = rng.uniform(0, 2 * np.pi, n_waves)
    crests = np.cos(np.einsum("vk,wk->vw", positions, waves) + phases)
    return np.asarray(crests.sum(axis=1) / np.sqrt(n_waves / 2))
