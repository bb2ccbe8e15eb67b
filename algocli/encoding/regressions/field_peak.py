"""Where between the windows that were tried a vertex looks: the least of a surface through their errors.

Windows that are tried have their centres on a grid, and fields of vertices do not. As a window moves or widens its
error changes smoothly, and errors of the windows around the best say on which side of it the least would be. So a
surface is fitted to the logarithms of these errors, a + b x + c y + d (x² + y²) + f s + g s² with s the logarithm of
the size, round as windows are: by least squares whose weights fall off with the distance from the best, as in locally
weighted regression (Cleveland and Devlin 1988), and its least is taken as in the method of response surfaces (Box and
Wilson 1951). That moves what is told of a vertex and nothing that predicts: the best of what was tried does. Centres
stay on the image, as those of windows do: beyond its edge nothing was shown, and nothing tells one place from another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.windows import Windows

# From where on windows no longer count: centres as multiples of the wider one's size, sizes as a factor.
_REACH, _FACTOR = 3.0, 2.5
# How far a peak may lie from the best window: centres as a multiple of its size, sizes as a factor. What lies further
# was not enclosed by what was tried.
_FURTHEST, _WIDENED = 1.0, 1.2
# How much of each of its terms a surface has to have beside the others, for windows to tell them apart.
_TOLD_APART = 1e-3
# A surface with all of its terms, one without a curve along sizes, and one without sizes.
_N_TERMS = (6, 5, 4)


@dataclass(frozen=True)
class Surface:
    """What makes the terms of a surface of errors.

    Attributes
    ----------
    windows : (n_some,)
        Those whose errors count.
    to_terms : (n_terms, n_some) float64
        By what the logarithms of their errors are multiplied; of no terms at all where these windows tell of none.
    """

    windows: NDArray[np.int64]
    to_terms: NDArray[np.float64]


class Surfaces:
    """The surfaces around each window that may be the best one, by which of the first round led to it.

    Parameters
    ----------
    width
        Of the image, in degrees.
    """

    def __init__(self, windows: Windows, width: float) -> None:
        self.windows, self.edge = windows, width / 2
        n_first, n_all = windows.n_first, len(windows)
        self.near = np.zeros((n_first, n_all), bool)
        for which in range(n_first):
            self.near[which, windows.near(which)] = True
        # Of each vertex there is room for all of the first round, and for as many as are near any one of it.
        self.places = np.where(self.near, n_first - 1 + self.near.cumsum(axis=1, dtype=np.int32), -1)
        self.places[:, :n_first] = np.arange(n_first)
        self._known: dict[tuple[int, int], Surface] = {}

    @property
    def n_places(self) -> int:
        """How many windows are tried at a vertex, at the most."""
        return n_tried(self.windows)

    def room_around(self, window: int) -> NDArray[np.float64]:
        """Return how far the image reaches from a window's centre, in sizes: left and down, right and up, (2, 2)."""
        *centre, size = self.windows.places[window]
        room: NDArray[np.float64] = (np.array([[-self.edge], [self.edge]]) - centre) / size
        return room

    def around(self, best: int, first: int) -> Surface:
        """Return the surface around the best window, of those near one of the first round."""
        if (best, first) not in self._known:
            self._known[best, first] = self._around(best, self.places[first] >= 0)
        return self._known[best, first]

    def _around(self, best: int, tried: NDArray[np.bool_]) -> Surface:
        # The whole image has no place among them.
        some = 1 + np.flatnonzero(tried[1:])
        steps = _steps(self.windows.places[some], self.windows.places[best])
        right, up, wider = steps
        apart = np.hypot(np.hypot(right, up) / (_REACH * np.maximum(np.exp(wider), 1)), wider / np.log(_FACTOR))
        right, up, wider = steps[:, apart < 1]
        terms = np.stack([np.ones(len(wider)), right, up, right**2 + up**2, wider, wider**2], axis=1)
        roots = np.sqrt((1 - apart[apart < 1] ** 3) ** 3)
        weighted = terms * roots[:, None]
        n_terms = next((n for n in _N_TERMS if np.linalg.matrix_rank(weighted[:, :n], tol=_TOLD_APART) == n), 0)
        return Surface(some[apart < 1], np.linalg.pinv(weighted[:, :n_terms]) * roots)


class Tried:
    """The errors of all windows that a fit has tried, at each vertex.

    Attributes
    ----------
    errors : (n_places, n_vertices) float32
        As shares of what the whole image leaves.
    first : (n_vertices,)
        The best of the first round, near which others were tried.
    """

    def __init__(self, surfaces: Surfaces, n_vertices: int) -> None:
        self.surfaces = surfaces
        self.errors = np.full((surfaces.n_places, n_vertices), np.nan, np.float32)
        self.first = np.zeros(n_vertices, np.int32)

    def keep(self, window: int, vertices: NDArray[np.int64], errors: NDArray[np.float64]) -> None:
        """Keep the errors of a window at some vertices."""
        self.errors[self.surfaces.places[self.first[vertices], window], vertices] = errors

    def peaks(self, best: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return x, y and size of each vertex's peak, (3, n_vertices), around its best window, (n_vertices,).

        The whole image is its own peak, and so is a window of which too few around it were tried.
        """
        peaks: NDArray[np.float64] = self.surfaces.windows.places[best].T.copy()
        pairs, which = np.unique(np.stack([best, self.first]), axis=1, return_inverse=True)
        for number, (window, first) in enumerate(pairs.T.tolist()):
            if window == 0:
                continue
            vertices = np.flatnonzero(which.ravel() == number)
            surface = self.surfaces.around(window, first)
            places = self.surfaces.places[first, surface.windows]
            errors = self.errors[places[:, None], vertices].astype(np.float64)
            # What is explained to the last digit has no logarithm.
            logs = np.log(np.maximum(errors, np.finfo(np.float32).tiny))
            *aside, wider = _peak(surface.to_terms @ logs, self.surfaces.room_around(window))
            peaks[:2, vertices] += np.stack(aside) * peaks[2, vertices]
            peaks[2, vertices] *= np.exp(wider)
        return peaks


def n_tried(windows: Windows) -> int:
    """Return how many windows are tried at a vertex, at the most."""
    return windows.n_first + max(len(windows.near(which)) for which in range(windows.n_first))


def _steps(places: NDArray[np.float64], best: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far windows lie from the best in its sizes, and by the logarithm of theirs, (3, n_windows)."""
    x, y, size = best
    return np.stack([(places[:, 0] - x) / size, (places[:, 1] - y) / size, np.log(places[:, 2] / size)])


def _peak(terms: NDArray[np.float64], room: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where surfaces are least, (3, n_vertices), of their terms, (n_terms, n_vertices): 0 where they are not."""
    n_terms, n_vertices = terms.shape
    peak = np.zeros((3, n_vertices))
    if n_terms >= _N_TERMS[-1]:
        # Round as they are, they have their least within the image side by side.
        peak[:2] = np.clip(_least(terms[1:3], terms[3]), *room[:, :, None])
        peak[:2] *= np.minimum(1, _FURTHEST / np.maximum(np.hypot(*peak[:2]), _FURTHEST))
    if n_terms == _N_TERMS[0]:
        peak[2] = np.clip(_least(terms[4], terms[5]), -np.log(_WIDENED), np.log(_WIDENED))
    return peak


def _least(slopes: NDArray[np.float64], curves: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(-slopes, 2 * curves, out=np.zeros_like(slopes), where=np.broadcast_to(curves > 0, slopes.shape))
