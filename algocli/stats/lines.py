"""A straight line through points, a few of which may lie anywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Huber's constant: of points that scatter normally the line is as good as 95 % of them would make it by least squares.
_HUBER = 1.345
# What turns the median distance of normal points from their middle into a standard deviation.
_NORMAL = 1.4826


def robust_line(x: NDArray[np.floating], y: NDArray[np.floating]) -> tuple[float, float]:
    """Fit y = slope x + intercept, with distances beyond the usual scatter counted as themselves, not as squares.

    Values that come in steps, as sizes of windows do, are averaged over; one through medians would stick to one step.

    Parameters
    ----------
    x, y : (n,)

    Returns
    -------
    (slope, intercept); NaN where no two x differ.

    Examples
    --------
    >>> x = np.arange(10.0)
    >>> slope, intercept = robust_line(x, np.where(x == 8, 99, 2 * x + 1))
    >>> round(slope, 2), round(intercept, 2)
    (2.0, 1.0)
    """
    from scipy.optimize import least_squares

    across, upwards = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not len(across) or np.ptp(across) == 0:
        return np.nan, np.nan
    design = np.column_stack([across, np.ones_like(across)])

    def residuals(line: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.asarray(design @ line - upwards)

    line = np.linalg.lstsq(design, upwards, rcond=None)[0]
    # The scatter is that around the line before: first that of least squares, which outliers have drawn, then ours.
    for _ in range(3):
        scatter = _NORMAL * float(np.median(np.abs(residuals(line))))
        if scatter == 0:
            break
        line = least_squares(residuals, line, jac=lambda _: design, loss="huber", f_scale=_HUBER * scatter).x
    return float(line[0]), float(line[1])
