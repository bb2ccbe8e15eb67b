"""How long the search for windows takes, added up from its operations by how fast a machine does each kind.

The products of channels and responses are nearly all of it where images are many; where they are few, the axes of every
window are.
"""

from __future__ import annotations

import numpy as np

from algocli.encoding.regressions.field_search import POOLED_BYTES
from algocli.encoding.regressions.models import Work
from algocli.encoding.windows import Windows

# By how much slower than large products in single precision these are, measured: the search's own products, those in
# double precision, and finding eigenvectors, which threads do for a window each; and how many features are read and
# widened in a second.
_OWN, _DOUBLE, _EIGEN, _READ = 1.3, 3.0, 4.0, 3e8


def search_seconds(windows: Windows, n_channels: int, n_features: int, n_alphas: int, work: Work) -> float:
    """Estimate both rounds of the search for one window of some layers, which have so many channels and features.

    Of the `work` the fits are all that are looked for at once, and the vertices those of two sides.
    """
    n_fit, n_models = work.n_fit, work.n_fits
    n_windows = len(windows)
    # Of the second round a vertex tries those near its best: about as many as are near any.
    n_near = float(np.mean([len(windows.near(which)) for which in range(windows.n_first)]))
    tried = work.n_vertices * (windows.n_first + (n_near if n_windows > windows.n_first else 0))
    products = 2 * tried * n_fit * n_channels
    judging = tried * n_models * (2 * n_channels**2 + _DOUBLE * 2 * n_alphas * n_channels)
    # Each side reads and sums up features again.
    pooling = 2 * 2 * n_windows * n_features * n_fit
    scatter = 2 * _DOUBLE * 2 * n_windows * n_fit * n_channels**2
    axes = 2 * _EIGEN * n_windows * n_models * 9 * n_channels**3
    n_passes = -(-4 * n_channels * n_fit * n_windows // POOLED_BYTES)
    reading = 2 * n_passes * n_features * n_fit / _READ
    return reading + (_OWN * (products + judging + pooling) + scatter + axes) / work.rate
