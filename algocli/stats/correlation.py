"""How well predictions follow measurements: Pearson's r, one number per vertex."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algocli.compute.arrays import blocks
from algocli.compute.calls import forgiving
from algocli.compute.cores import n_cores
from algocli.compute.threads import in_threads
from algocli.errors import DataError, UsageError

# Vertices a block: float64 copies of a block stay in the processor's cache.
BLOCK_VERTICES = 256
# Columns less their mean, (n_stimuli, n_vertices), and their norms.
Centred = tuple[NDArray[np.float64], NDArray[np.float64]]


@forgiving
def correlate(measured: ArrayLike, predicted: ArrayLike) -> NDArray[np.float64]:
    """Correlate measured and predicted responses, vertex by vertex.

    Parameters
    ----------
    measured, predicted : (n_stimuli, n_vertices)
        Responses in any unit; the score does not depend on it.

    Returns
    -------
    (n_vertices,) float64
        Pearson's r. A vertex whose responses or predictions never vary scores 0: nothing of it could be explained.

    Raises
    ------
    UsageError
        If one of them is no matrix of numbers.
    DataError
        If the two shapes differ, or a value is not finite.

    Examples
    --------
    >>> algocli.correlate([[1, 2], [2, 2], [3, 2]], [[2, 1], [4, 5], [6, 3]])
    array([1., 0.])
    """
    x, y = _matrix("measured", measured), _matrix("predicted", predicted)
    if x.shape != y.shape:
        raise DataError(f"measured responses have shape {x.shape}, predicted ones {y.shape}")
    vertices = blocks(x.shape[1], BLOCK_VERTICES)
    parts = in_threads(lambda block: _correlate_block(x[:, block], y[:, block]), vertices, n_threads=n_cores())
    return np.concatenate([np.empty(0), *parts])


def correlate_here(measured: NDArray[np.floating], predicted: NDArray[np.floating]) -> NDArray[np.float64]:
    """Do as `correlate` does with matrices of floats of one shape, in the thread that asks and in no other."""
    vertices = blocks(measured.shape[1], BLOCK_VERTICES)
    parts = [_correlate_block(measured[:, block], predicted[:, block]) for block in vertices]
    return np.concatenate([np.empty(0), *parts])


def _matrix(name: str, values: object) -> NDArray[np.floating]:
    try:
        matrix = np.asarray(values)
    # Rows of different lengths.
    except ValueError as error:
        raise UsageError(f"{name}: a matrix of numbers was expected, a column for each vertex") from error
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu" or not len(matrix):
        raise UsageError(
            f"{name} is {matrix.dtype} of shape {matrix.shape}; a matrix of numbers was expected, a row a stimulus",
            hint="one vertex alone is a column: values[:, None]" if matrix.ndim == 1 else None,
        )
    return matrix if matrix.dtype.kind == "f" else matrix.astype(np.float64)


def constant_vertices(responses: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Say which vertices never vary, (n_vertices,)."""
    # The mean of n equal floats may differ from them in the last bit, and dividing what is left
    # by itself would score a dead vertex near +-1: compare extremes instead of testing norm > 0.
    flat: NDArray[np.bool_] = responses.max(axis=0) == responses.min(axis=0)
    return flat


def _correlate_block(measured: NDArray[np.floating], predicted: NDArray[np.floating]) -> NDArray[np.float64]:
    # What is not finite is told later.
    with np.errstate(invalid="ignore", over="ignore"):
        return correlate_centred(centred(measured), centred(predicted))


def correlate_centred(measured: Centred, predicted: Centred) -> NDArray[np.float64]:
    """Correlate what `centred` has made of some vertices' responses, (n_vertices,).

    Raises
    ------
    DataError
        If a response is not finite.
    """
    (x, x_norm), (y, y_norm) = measured, predicted
    for name, norms in (("measured", x_norm), ("predicted", y_norm)):
        n_bad = int(np.count_nonzero(~np.isfinite(norms)))
        if n_bad:
            raise DataError(f"{name} responses hold NaN or infinity, for instance in {n_bad} of {len(norms)} vertices")
    norm = x_norm * y_norm
    r = np.divide(np.einsum("ij,ij->j", x, y), norm, out=np.zeros_like(norm), where=norm > 0)
    bounded: NDArray[np.float64] = np.clip(r, -1, 1)
    return bounded


def centred(block: NDArray[np.floating]) -> Centred:
    """Return columns less their mean and their norms, exactly 0 where a column never varies."""
    x = np.array(block, dtype=np.float64)
    mean = x.mean(axis=0)
    x -= mean
    norm = np.sqrt(np.einsum("ij,ij->j", x, x))
    # Only where the norm might be nothing but rounding are the extremes worth looking at.
    suspect = np.flatnonzero(norm <= 1e-6 * np.abs(mean) * len(x))
    norm[suspect[constant_vertices(block[:, suspect])]] = 0
    return x, norm


def standardised(block: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return columns of mean zero and length one, (n_stimuli, n_vertices); zeros where a column never varies.

    Products of such columns are correlations.
    """
    return of_length_one(centred(block))


def of_length_one(columns: Centred) -> NDArray[np.float32]:
    """Return what `standardised` makes of columns that are centred already."""
    x, norm = columns
    single = np.empty(x.shape, np.float32)
    # What is no number stays none.
    return np.divide(x, np.where(norm > 0, norm, np.inf), out=single, casting="same_kind")
