"""Grows regions of cortex over the sphere: each hangs together and has exactly the size asked for.

A region starts with one vertex and takes, again and again, the one beside it that lies nearest to the source: a point,
the calcarine sulcus or the region before it.
"""

from __future__ import annotations

import heapq
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from algocli.dataset.challenge.layout import N_FSAVERAGE
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.demo import atlas
from algocli.demo.chance import generator
from algocli.demo.sphere import direction, fsaverage_sphere, smooth_field

_Vertices = NDArray[np.int64]
_Mask = NDArray[np.bool_]
_Depths = NDArray[np.float64]


class Growth:
    """What grows on one hemisphere's sphere, which is as coarse as the wanted number of vertices allows.

    Parameters
    ----------
    hemisphere
        Decides where the regions lie.
    n_left
        How many vertices the largest left hemispheres are to have: regions grow in proportion.
    """

    def __init__(self, hemisphere: Hemisphere, n_left: int) -> None:
        self.hemisphere = hemisphere
        self.n_left = n_left
        # Up to twice the vertices that the official region has on a mesh of 5, 6 or 7 halvings.
        n_halvings = next((n for n in (5, 6) if n_left <= 2 * _natural_count(n)), 7)
        self._crowding = min(1.0, n_left / _natural_count(n_halvings))
        self.positions = fsaverage_sphere(n_halvings).positions
        self._graph = _hilly_graph(hemisphere, n_halvings)

    def size(self, n_official: float) -> int:
        """Scale an official vertex count; what is there at full size keeps at least one vertex."""
        return max(1, round(n_official * self.n_left / atlas.N_REAL)) if n_official > 0 else 0

    def from_place(self, place: NDArray[np.float64], n: int, free: _Mask) -> tuple[_Vertices, _Depths]:
        """Grow `n` free vertices around a unit vector, as in `beyond`."""
        members = np.flatnonzero(free)
        return self.beyond(members[np.argmax(self.positions[members] @ place, keepdims=True)], n, free)

    def from_calcarine(self, n: int, free: _Mask) -> tuple[_Vertices, _Depths]:
        """Grow `n` free vertices along the calcarine, as in `beyond`."""
        start, towards = calcarine(self.hemisphere)
        # A region of fewer vertices than the sulcus has would be a broken line: shorten the sulcus with the region.
        angles = np.radians(np.linspace(0, atlas.CALCARINE_LENGTH * np.sqrt(self._crowding), 100))
        line = np.cos(angles)[:, None] * start + np.sin(angles)[:, None] * towards
        return self.beyond(np.unique([np.argmax(self.positions @ point) for point in line]), n, free)

    def beyond(self, sources: _Vertices, n: int, free: _Mask) -> tuple[_Vertices, _Depths]:
        """Grow `n` free vertices outwards from the rim of a patch: flood them in the order of their distance from it.

        Returns
        -------
        vertices : (n,) int64
            In the order of growth; fewer where the free ones that hang together do not suffice.
        depths : (n,) float64
            Their distance from the source as a share of the furthest one's.
        """
        distances = self._distances(sources, free)
        grown: list[int] = []
        met = ~free
        start = int(np.argmin(distances))
        rim = [(distances[start], start)] if free[start] else []
        met[start] = True
        while rim and len(grown) < n:
            vertex = heapq.heappop(rim)[1]
            grown.append(vertex)
            for beside in self._graph.indices[self._graph.indptr[vertex] : self._graph.indptr[vertex + 1]].tolist():
                if not met[beside]:
                    met[beside] = True
                    heapq.heappush(rim, (distances[beside], beside))
        vertices = np.array(grown, dtype=np.int64)
        return vertices, distances[vertices] / max(float(distances[vertices].max(initial=0)), 1e-9)

    def _distances(self, sources: _Vertices, free: _Mask) -> NDArray[np.float64]:
        """Measure how far each free vertex lies from the nearest source, over free ones; infinite elsewhere."""
        allowed = free.copy()
        allowed[sources] = True
        members = np.flatnonzero(allowed)
        starts = np.searchsorted(members, sources)
        distances = np.full(len(free), np.inf)
        distances[members] = dijkstra(self._graph[members][:, members], directed=False, indices=starts, min_only=True)
        distances[~free] = np.inf
        return distances


def calcarine(hemisphere: Hemisphere) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the calcarine as an arc: the unit vector where it starts, and one at right angles that it leaves along."""
    start, end = direction(*atlas.FOVEA[hemisphere]), direction(*atlas.CALCARINE[hemisphere])
    towards = end - (end @ start) * start
    return start, towards / np.linalg.norm(towards)


def _natural_count(n_halvings: int) -> float:
    """Count how many vertices of a mesh lie where the real challenge has its vertices."""
    return atlas.N_REAL * len(fsaverage_sphere(n_halvings).positions) / N_FSAVERAGE


@cache
def _hilly_graph(hemisphere: Hemisphere, n_halvings: int) -> csr_array:
    """Join neighbours by their distance, stretched or shrunk from place to place so that regions get uneven rims."""
    sphere = fsaverage_sphere(n_halvings)
    hills = np.exp(0.25 * smooth_field(sphere.positions, generator("terrain", HEMISPHERES.index(hemisphere))))
    start, end = sphere.edges.T
    lengths = np.linalg.norm(sphere.positions[start] - sphere.positions[end], axis=1) * (hills[start] + hills[end]) / 2
    both_ways = np.append(start, end), np.append(end, start)
    return csr_array((np.tile(lengths, 2), both_ways), shape=(len(hills), len(hills)))
