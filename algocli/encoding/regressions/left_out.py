"""How well ridge regression predicts an image that had no part in anything, its components included.

Components are those directions in which the fitted images differ most, each image among them: without it they would be
others, and in them it differs less. With every image left out in turn, and how much each has of a component put at its
mean over images (which is what generalised cross-validation does to leaving one out), the components' variances are the
roots mu of sum_l 1 / (mu - w_l), each between two of all the images' own variances w. What is predicted of an image
left out is then, in the basis of all images' components U,

    U q Uᵀ Y,   q_j = -1 / (n - 1) + sum_m nu_m / ((w_j - mu_m) (mu_m + alpha)),   nu_m = n / sum_l 1 / (mu_m - w_l)²

over the roots m that are kept; l goes over all components there are. Where all are kept, it is generalised
cross-validation itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.encoding.components import Components
from algocli.encoding.loadings import Loadings
from algocli.encoding.stacked import StackedComponents

# Components beyond those kept are put together in groups, each as wide as this share of its distance from those kept.
_GROUP = 0.05
# Halvings of the gap between two variances: a root is known to a billionth of it.
_HALVINGS = 30
# Roots at once: a few megabytes, with thousands of variances.
_ROOTS = 256


class ErrorWeights(NamedTuple):
    """What each component counts in the error that a penalty is chosen by: a sum over squares of loadings.

    Attributes
    ----------
    inside : (n_alphas, n_components)
    outside : (n_alphas,)
        Of whatever no component that is kept has of the responses.
    """

    inside: NDArray[np.float64]
    outside: NDArray[np.float64]

    def errors(self, fold: Components, loadings: Loadings, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the error for every penalty and vertex, (n_alphas, n_vertices).

        Parameters
        ----------
        squares : (n_vertices,)
            The sums of squares of the responses less their mean.
        """
        with np.errstate(invalid="ignore", over="ignore"):
            explained = loadings.products**2
            error: NDArray[np.float64] = self.inside @ explained
            # Where the components span all that so many images can, nothing lies outside.
            if len(fold.variances) < len(fold.fit) - 1:
                error += self.outside[:, None] * np.maximum(squares - explained.sum(axis=0), 0)
        return error


def gcv(fold: Components, alphas: NDArray[np.float64]) -> ErrorWeights:
    """Return the weights of generalised cross-validation, n_fit RSS / (n_fit - dof)², for rising penalties.

    Components are taken as given before any image was seen. The degrees of freedom count the intercept.
    """
    n_fit = len(fold.fit)
    left = alphas[:, None] / (fold.variances + alphas[:, None])
    # n_fit - dof, without taking numbers that are almost equal from each other.
    free = n_fit - 1 - len(fold.variances) + left.sum(axis=1)
    scale = n_fit / free**2
    return ErrorWeights(scale[:, None] * left**2, scale)


def left_out(fold: Components, alphas: NDArray[np.float64]) -> ErrorWeights:
    """Return the weights of the squared error of images left out of components and model alike, for rising penalties.

    Those of several layers' components side by side are taken as given: each layer has variances of its own.
    """
    n_kept, n_fit = len(fold.variances), len(fold.fit)
    if n_kept == n_fit - 1 or isinstance(fold, StackedComponents):
        return gcv(fold, alphas)
    beyond, counts = _beyond(fold)
    every = np.append(fold.variances, beyond)
    counts = np.append(np.ones(n_kept), counts)
    q = np.full((len(alphas), len(every)), -1 / (n_fit - 1))
    for part in blocks(n_kept, _ROOTS):
        roots = _roots(every, counts, part)
        # Two variances that are the same have a root between them that is the same too, and no part in anything.
        with np.errstate(divide="ignore", invalid="ignore"):
            nu = n_fit / (counts / (roots[:, None] - every) ** 2).sum(axis=1)
            terms = np.nan_to_num(nu[:, None] / (every - roots[:, None]), nan=0, posinf=0, neginf=0)
        q += (1 / (roots + alphas[:, None])) @ terms
    squared = (1 - q) ** 2
    # Whatever lies outside is noise for the most part, as much of it in each direction.
    outside = squared[:, n_kept:] @ counts[n_kept:] / counts[n_kept:].sum()
    return ErrorWeights(squared[:, :n_kept] / n_fit, outside / n_fit)


def _beyond(fold: Components) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the variances beyond those kept, in groups, and how many are in each.

    Only their sum is known: they are taken to go on from the last one that is kept as a power of their position.
    """
    n_kept, n_all = len(fold.variances), len(fold.fit) - 1
    edges = [n_kept]
    while edges[-1] < n_all:
        edges.append(min(n_all, edges[-1] + 1 + int(_GROUP * (edges[-1] - n_kept))))
    counts = np.diff(edges).astype(np.float64)
    logarithms = np.log((np.array(edges[:-1]) + 0.5 + counts / 2) / n_kept)
    rest, last = max(fold.total_variance - fold.variances.sum(), 0.0), fold.variances[-1]
    low, high = 0.0, 100.0
    for _ in range(_HALVINGS):
        power = (low + high) / 2
        too_much = last * counts @ np.exp(-power * logarithms) > rest
        low, high = (power, high) if too_much else (low, power)
    return last * np.exp(-high * logarithms), counts


def _roots(variances: NDArray[np.float64], counts: NDArray[np.float64], which: slice) -> NDArray[np.float64]:
    """Return where the sum of counts / (z - variances) is zero: below each of some variances, which fall."""
    above, below = variances[which], variances[which.start + 1 : which.stop + 1]
    low, high = np.zeros(len(above)), np.ones(len(above))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            total = (counts / ((below + middle * (above - below))[:, None] - variances)).sum(axis=1)
        low, high = np.where(total > 0, middle, low), np.where(total > 0, high, middle)
    return below + (low + high) / 2 * (above - below)
