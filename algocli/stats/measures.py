"""What a score is to those who ask how sure it is: how it depends on each image, and how it is redrawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.stats.bootstrap import bootstrap_explained, bootstrap_r
from algocli.stats.correlation import correlate
from algocli.stats.explained import explained_variance
from algocli.stats.influence import (
    Measured,
    Predicted,
    of_explained,
    of_predicted,
    small_fold,
    small_fold_explained,
)

_Matrix = NDArray[np.floating]


@dataclass(frozen=True)
class Measure:
    """How well predictions do, one number per vertex.

    Attributes
    ----------
    score
        Of measured and predicted responses, (n_stimuli, n_vertices) each, returns (n_vertices,).
    redrawn
        Of these and the counts of resamples, (n_resamples, n_stimuli), returns (n_resamples, n_vertices).
    of_predicted
        How it depends on each image, and on what is predicted of each.
    of_images
        Of measured and predicted responses of a fold, and the number of images that its model was fitted on, returns
        how much each image moves it, (n_stimuli, n_vertices), as one that was drawn.
    small_fold
        What to multiply that by in a fold of some images; refuses too few.
    lowest
        The least that it can be; the most is 1.
    """

    score: Callable[[_Matrix, _Matrix], NDArray[np.float64]]
    redrawn: Callable[[_Matrix, _Matrix, NDArray[np.float32]], NDArray[np.float32]]
    of_predicted: Callable[[_Matrix, _Matrix], Predicted]
    of_images: Callable[[_Matrix, _Matrix, int], NDArray[np.float32]]
    small_fold: Callable[[int], float]
    lowest: float


CORRELATION = Measure(
    correlate,
    bootstrap_r,
    of_predicted,
    lambda measured, predicted, _: Measured(measured).correlate_with_influence(predicted)[1],
    small_fold,
    -1,
)
EXPLAINED = Measure(
    explained_variance,
    bootstrap_explained,
    of_explained,
    lambda *fold: of_explained(*fold).influence,
    small_fold_explained,
    -np.inf,
)
