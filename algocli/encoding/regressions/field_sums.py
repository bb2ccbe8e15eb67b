"""Sums over images from which ridge regression on any window follows, for several fits at once.

Images that are in the same fits are summed up together: for so many folds and a refit the products of features and
responses, nearly all of the work, are computed once. Each group is summed up about its own mean, so that nothing is
lost where means are large, and no image has a part in a fit that it is not in, down to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from algocli.features.algebra import Algebra, Multiplier

# A channel that varies by no more of its mean is the same for all images but for rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Groups:
    """The images of several fits, in groups of those that are in the same ones.

    Attributes
    ----------
    rows : (n_rows,)
        All images that are in a fit, one group after the other.
    parts
        Where each group stands in `rows`.
    members : (n_fits, n_groups) float64
        1 where a group is in a fit.
    """

    rows: NDArray[np.int64]
    parts: list[slice]
    members: NDArray[np.float64]

    @classmethod
    def of(cls, fits: Sequence[NDArray[np.int64]]) -> Groups:
        """Group the rows of some fits."""
        every = np.unique(np.concatenate(fits))
        inside = np.array([np.isin(every, fit) for fit in fits])
        patterns, group = np.unique(inside, axis=1, return_inverse=True)
        order = np.argsort(group.ravel(), kind="stable")
        edges = np.concatenate([[0], np.cumsum(np.bincount(group.ravel()))]).tolist()
        parts = [slice(start, stop) for start, stop in pairwise(edges)]
        return cls(every[order], parts, patterns.astype(np.float64))

    @property
    def sizes(self) -> NDArray[np.float64]:
        """How many images each group has, (n_groups,)."""
        return np.array([part.stop - part.start for part in self.parts], np.float64)

    @property
    def n_fit(self) -> NDArray[np.float64]:
        """How many images each fit has, (n_fits,)."""
        n_fit: NDArray[np.float64] = self.members @ self.sizes
        return n_fit

    def means(self, of_groups: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean of each fit, (n_fits, n_columns), of those of the groups, (n_groups, n_columns)."""
        means: NDArray[np.float64] = (self.members * self.sizes) @ of_groups / self.n_fit[:, None]
        return means


@dataclass(frozen=True)
class Moments:
    """Means and squares about the mean of some columns, in each fit.

    Attributes
    ----------
    group_means : (n_groups, n_columns)
    means : (n_fits, n_columns)
    squares : (n_fits, n_columns)
        Summed up.
    """

    group_means: NDArray[np.float64]
    means: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, columns: NDArray[np.float32], groups: Groups) -> Moments:
        """Sum up columns, which are given as rows, (n_columns, n_rows), of images as the groups have them."""
        means, squares = [], []
        # What is not finite shows in the means, and is told from there with its place in the file.
        with np.errstate(invalid="ignore", over="ignore"):
            for part in groups.parts:
                mean = columns[:, part].mean(axis=1, dtype=np.float64)
                less = columns[:, part] - mean[:, None].astype(np.float32)
                off = less.mean(axis=1, dtype=np.float64)
                n = part.stop - part.start
                means.append(mean)
                squares.append(np.einsum("ij,ij->i", less, less, dtype=np.float64) - n * off**2)
            group_means = np.array(means)
            of_fits = groups.means(group_means)
            total = groups.members @ np.array(squares)
            for fit, (mean, member) in enumerate(zip(of_fits, groups.members, strict=True)):
                total[fit] += (member * groups.sizes) @ (group_means - mean) ** 2
        return cls(group_means, of_fits, np.maximum(total, 0))

    def taken(self, which: NDArray[np.int64] | slice) -> Moments:
        """Return those of some columns."""
        return Moments(self.group_means[:, which], self.means[:, which], self.squares[:, which])


@dataclass(frozen=True)
class Axes:
    """Directions of one window's channels over the images of one fit, each channel divided by its spread.

    Attributes
    ----------
    means : (n_channels,) float64
    to_axes : (n_channels, n_axes) float32
        What turns products with channels into those with axes, the spread included.
    variances : (n_axes,) float64
        The sum of squares along each axis.
    alphas : (n_alphas,) float64
        The penalties, in the same unit.
    """

    means: NDArray[np.float64]
    to_axes: NDArray[np.float32]
    variances: NDArray[np.float64]
    alphas: NDArray[np.float64]


class PooledWindow:
    """The channels of one window, (n_channels, n_rows), of images as the groups have them; they are overwritten."""

    def __init__(
        self, channels: NDArray[np.float32], groups: Groups, relative_alphas: NDArray[np.float64], algebra: Algebra
    ) -> None:
        self.groups, self.algebra = groups, algebra
        self._group_means = np.array([channels[:, part].mean(axis=1, dtype=np.float64) for part in groups.parts])
        scatters = []
        for part, mean in zip(groups.parts, self._group_means, strict=True):
            channels[:, part] -= mean[:, None].astype(np.float32)
            wide = channels[:, part].astype(np.float64)
            off = wide.mean(axis=1)
            scatters.append(wide @ wide.T - (part.stop - part.start) * np.outer(off, off))
        self._channels = channels
        self._scatters = np.array(scatters)
        self.axes = [self._axes(fit, relative_alphas) for fit in range(len(groups.members))]

    def _axes(self, fit: int, relative_alphas: NDArray[np.float64]) -> Axes:
        member = self.groups.members[fit]
        counts = member * self.groups.sizes
        means = counts @ self._group_means / counts.sum()
        apart = self._group_means - means
        scatter = np.tensordot(member, self._scatters, 1) + (apart * counts[:, None]).T @ apart
        spread = np.sqrt(np.maximum(scatter.diagonal(), 0) / counts.sum())
        inverse = np.divide(1, spread, out=np.zeros_like(spread), where=spread > _ROUNDING * np.abs(means))
        variances, vectors = self.algebra.eigh(scatter * np.outer(inverse, inverse))
        # In the unit of ridge on components: the mean over all dimensions that so many images can have.
        unit = max(float(variances.sum()), np.finfo(float).tiny) / max(counts.sum() - 1, 1)
        to_axes = (inverse[:, None] * vectors).astype(np.float32)
        return Axes(means, to_axes, np.maximum(variances, 0), relative_alphas * unit)

    def products(self, multipliers: Sequence[Multiplier], moments: Moments) -> NDArray[np.float32]:
        """Return what channels and responses have in common in each fit, (n_fits, n_vertices, n_channels).

        Parameters
        ----------
        multipliers
            What multiplies by the responses of some vertices, (n_vertices, n_rows), one entry a group.
        moments
            Those of these responses.
        """
        groups = self.groups
        with np.errstate(invalid="ignore", over="ignore"):
            pairs = zip(multipliers, groups.parts, strict=True)
            of_groups = [multiply(self._channels[:, part].T) for multiply, part in pairs]
            n_vertices, n_channels = of_groups[0].shape
            stacked = np.stack(of_groups).reshape(len(of_groups), -1)
            total = (groups.members.astype(np.float32) @ stacked).reshape(-1, n_vertices, n_channels)
            for fit, (axes, member) in enumerate(zip(self.axes, groups.members, strict=True)):
                apart = (member * groups.sizes)[:, None] * (self._group_means - axes.means)
                shift = moments.group_means - moments.means[fit]
                total[fit] += (shift.T @ apart).astype(np.float32)
        return total
