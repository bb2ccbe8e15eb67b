"""Angles in degrees: their mean, and how one set of them goes with another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Of a mean arrow shorter than this, of arrows of length 1, nobody can say where it points.
_NOWHERE = 1e-9


def mean_angle(degrees: NDArray[np.floating]) -> float:
    """Return where angles, (n,), point on average, from 0 to 360; NaN where there are none or they cancel out.

    Examples
    --------
    >>> round(mean_angle(np.array([350.0, 30.0])), 6)
    10.0
    """
    arrows = np.exp(1j * np.radians(np.asarray(degrees, dtype=np.float64)))
    mean = arrows.mean() if len(arrows) else 0
    return float(np.degrees(np.angle(mean)) % 360) if abs(mean) > _NOWHERE else np.nan


def mean_angles(degrees: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return where the angles of each column, (n_angles, n_columns), point on average, (n_columns,).

    What is NaN does not count; a column is NaN where nothing is left of it, or angles cancel out.

    Examples
    --------
    >>> mean_angles(np.array([[350.0, 90.0], [30.0, np.nan]])).round(6).tolist()
    [10.0, 90.0]
    """
    arrows = np.exp(1j * np.radians(np.asarray(degrees, dtype=np.float64)))
    sums = np.nansum(arrows, axis=0)
    lengths = np.abs(sums) / np.maximum(np.isfinite(arrows).sum(axis=0), 1)
    return np.where(lengths > _NOWHERE, np.degrees(np.angle(sums)) % 360, np.nan)


def correlate_angles(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Correlate two angles of the same things, after Jammalamadaka and SenGupta.

    It is Pearson's r of the sines of how far each angle is turned from the mean of its kind, the sines not centred
    again: 1 where both turn alike, -1 where one is the mirror image of the other, whatever the zero of either is.

    Parameters
    ----------
    first, second : (n,)
        Degrees, in any turn of the circle.

    Returns
    -------
    From -1 to 1; NaN of fewer than two, or where one of them has no mean. An angle that never varies scores 0.

    Examples
    --------
    >>> angles = np.array([350.0, 10.0, 40.0])
    >>> round(correlate_angles(angles, angles + 90), 6)
    1.0
    """
    if len(first) < 2:
        return np.nan
    means = mean_angle(first), mean_angle(second)
    one, other = (np.sin(np.radians(np.asarray(a) - mean)) for a, mean in zip((first, second), means, strict=True))
    size = np.sqrt(np.sum(one**2) * np.sum(other**2))
    # What rounding leaves of an angle that never varies would correlate with anything.
    return float(np.sum(one * other) / size) if not size <= _NOWHERE else 0.0
