"""Models of some of the images that a fold fits, drawn by chance, and what they know of those that it holds out.

All that there is to a model of fewer images is a part of the Gram matrix: their rows and columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from algocli.compute.cores import n_cores
from algocli.compute.threads import each_by_itself, in_threads
from algocli.encoding.eigen import EXACT_SIZE, is_exact
from algocli.encoding.kernels import Kernels, view_within
from algocli.encoding.reach import most_components
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.regressions.view import Scores, View
from algocli.encoding.settings import Settings
from algocli.encoding.splits import Fold
from algocli.errors import UsageError

# The fewest images, by default: such a share of all, and where least squares has to do without penalties, so many for
# each component, as long as there are several sizes to a curve.
_LEAST_SHARE, _FEWEST, _PER_COMPONENT, _LEAST_SPAN = 1 / 20, 10, 2, 4


@dataclass(frozen=True)
class Subset:
    """Some fitted images of a fold, ready to fit a model on.

    `rows` are theirs among the training images, by which responses have to be taken: the view counts them from 0. Of
    all that the fold fits there are none, and the view is of all responses as they are.
    """

    rows: NDArray[np.int64] | None
    view: View
    held_out_scores: Scores

    def responses(self, every: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the responses that a model of the view is fitted to, (n_rows, n_vertices)."""
        return every if self.rows is None else np.asarray(every[self.rows])

    def in_order(self, rows: NDArray[np.int64]) -> Subset:
        """Return it with the same rows in another order, for a regression that fits some vertices (`fits_some`)."""
        if self.rows is None:
            return self
        # Where among them each of those that rise has its place.
        places = np.argsort(rows)
        components = [replace(each, fit=places) for each in self.view.components]
        return Subset(rows, replace(self.view, components=components), self.held_out_scores)


def usual_sizes(n_fit: int, n_sizes: int, settings: Settings) -> list[int]:
    """Return numbers of images from few to all, evenly spaced on a logarithmic scale."""
    least = max(_FEWEST, n_fit * _LEAST_SHARE)
    if settings.n_components is not None and not regression_of(settings).has_penalties:
        least = max(least, min(_PER_COMPONENT * settings.n_components, n_fit / _LEAST_SPAN))
    return sorted({round(n) for n in np.geomspace(min(least, n_fit), n_fit, n_sizes).tolist()})


def draw_nested(fit: NDArray[np.int64], sizes: Sequence[int], seed: Sequence[int]) -> dict[int, NDArray[np.int64]]:
    """Draw subsets of some images by chance, each the beginning of the next larger one; all are as they are."""
    order = np.random.default_rng(seed).permutation(fit)
    return {n: order[:n] if n < len(fit) else fit for n in sizes}


def within_reach(settings: Settings, n_fit: int) -> Settings:
    """Return the settings with as many components as so few images allow.

    Raises
    ------
    UsageError
        If they allow none.
    """
    if settings.n_components is None:
        return settings
    most = most_components(settings, n_fit, np.arange(n_fit))
    if most < 1:
        raise UsageError(f"{n_fit} images are too few for a model of them", hint="leave out the smallest of sizes=...")
    return settings if most >= settings.n_components else replace(settings, n_components=most)


def take(kernels: Kernels, settings: Settings, fold: Fold, rows: NDArray[np.int64]) -> Subset:
    """Fit components on some of a fold's images, and score those that it holds out.

    Parameters
    ----------
    settings
        With as many components as there can be.
    rows : (n_some,)
        Among those that the fold fits, rising; what is found for all of these is kept, and of fewer is not.

    Raises
    ------
    DataError, UsageError
        If there are too few images, or float32 does not show their components.
    """
    if len(rows) == len(fold.fit):
        view = view_within(settings, kernels.n_train, kernels.of(fold.fit), fold.fit)
        return Subset(None, view.without_kernels(), view.project(fold.held_out))
    both, n = np.concatenate([rows, fold.held_out]), len(rows)
    grams = [gram.taken(both) for gram in kernels.of(rows)]
    view = view_within(settings, n, [gram.leading(n) for gram in grams], np.arange(n))
    scores = replace(view, kernels=grams).project(np.arange(n, len(both)))
    return Subset(rows, view.without_kernels(), scores)


def take_each(kernels: Kernels, wanted: Sequence[tuple[Settings, Fold, NDArray[np.int64]]]) -> Iterator[Subset]:
    """Take several subsets as `take` does, and yield them in this order.

    Those that need little are taken side by side, a core each: they are the work of a second or less, of which much is
    small matrices, and what several cores do of these together is to wait for one another.

    Raises
    ------
    DataError, UsageError
        As `take`.
    """
    is_light = kernels.are_at_hand and not any(_is_large(settings, len(rows)) for settings, _, rows in wanted)
    if not is_light or len(wanted) < 2:
        for one in wanted:
            yield take(kernels, *one)
        return
    with each_by_itself():
        yield from in_threads(lambda one: take(kernels, *one), wanted, n_threads=n_cores())


def _is_large(settings: Settings, n: int) -> bool:
    """Say whether all of a large matrix is decomposed, which is work for all cores."""
    return n > EXACT_SIZE and is_exact(n, settings.n_components or n)
