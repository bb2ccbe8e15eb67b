"""What a score would come to, had there been images without end: a curve that levels off, fitted to its beginning.

A model of k components that is fitted on n images predicts what it would predict of images without end, and beside it
an error whose variance falls as k / n. Against responses that it can explain up to a correlation c it reaches

    r(n) = c / sqrt(1 + b / n),

where b is the number of images at which the error is as large as what is predicted: there half of the variance is
explained that can be. It is near that where penalties keep the error small, and where n counts, for least squares, the
images that are left beside those which the components and the mean need: of random components the error falls as
k / (n - k - 1). A model that finds more to learn the more it sees, as of all components, rises for longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# From where to where b is searched for, in units of the largest number of images, and in how many steps.
_LEAST, _MOST, _STEPS = 1e-4, 100.0, 400
# A ceiling above this is as high as it may be, but for a step of that search.
_HIGHEST = 0.98
# Curves at once: 60 MB of misfits.
_BLOCK = 20_000


@dataclass(frozen=True)
class Saturation:
    """Curves that level off, each (n_curves,).

    Attributes
    ----------
    ceiling
        c, from 0 to 1: what the score comes to.
    half_at
        b: of how many images a model explains half as much variance.
    is_open
        Whether nothing tells where the curve ends: b, or c, is as large as it may be.
    """

    ceiling: NDArray[np.float64]
    half_at: NDArray[np.float64]
    is_open: NDArray[np.bool_]

    def at(self, n: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the curves at some numbers of images, (n_sizes, n_curves)."""
        curves: NDArray[np.float64] = self.ceiling / np.sqrt(1 + self.half_at / np.asarray(n, np.float64)[:, None])
        return curves


def fit_saturation(n: NDArray[np.floating], r: NDArray[np.floating]) -> Saturation:
    """Fit curves by least squares.

    Parameters
    ----------
    n : (n_sizes,)
        Numbers of images, two at least.
    r : (n_sizes, n_curves)

    Examples
    --------
    >>> n = np.array([100.0, 200.0, 400.0])
    >>> curve = fit_saturation(n, 0.5 / np.sqrt(1 + 150 / n)[:, None])
    >>> round(float(curve.ceiling[0]), 2), round(float(curve.half_at[0]), -1)
    (0.5, 150.0)
    """
    sizes, scores = np.asarray(n, np.float64), np.asarray(r, np.float64)
    parts = [_fit(sizes, scores[:, start : start + _BLOCK]) for start in range(0, scores.shape[1], _BLOCK)]
    ceiling, half_at, is_open = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Saturation(ceiling, half_at, is_open)


def _fit(n: NDArray[np.float64], r: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    grid = n.max() * np.geomspace(_LEAST, _MOST, _STEPS)
    # For a given b the best c follows; of (n_steps, n_curves) the one of least squares counts.
    shapes = 1 / np.sqrt(1 + grid[:, None] / n)
    squares = np.square(shapes).sum(axis=1)[:, None]
    agreement = shapes @ r
    ceilings = np.clip(agreement / squares, 0, 1)
    misfit = ceilings * (ceilings * squares - 2 * agreement)
    best = misfit.argmin(axis=0)
    ceiling = ceilings[best, np.arange(r.shape[1])]
    return ceiling, grid[best], (best == _STEPS - 1) | (ceiling > _HIGHEST)
