"""Which training images a model is fitted on and which are held out to judge it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.fields import Fields
from algocli.errors import DataError

N_INNER_FOLDS = 5
# With fewer, the inner folds would be too few to choose anything by; with more, there would be more than are needed.
SHARED_FOLDS = (4, 5, 6)
MOST_INNER_FOLDS = max(N_INNER_FOLDS, *SHARED_FOLDS)
# With at least so many folds, and no more, the others of a fold are its inner ones where layers are chosen: to leave
# out any two is then no more work than five inner folds in each.
PAIRED_FOLDS = range(4, 2 * N_INNER_FOLDS + 2)
# With two, every r is 1 or -1.
FEWEST_HELD_OUT = 3


@dataclass(frozen=True)
class Fold:
    """Rows of the training images: those to fit on and those held out, each rising."""

    fit: NDArray[np.int64]
    held_out: NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """How the training images of a subject are used; both hemispheres share it.

    Attributes
    ----------
    folds
        What is fitted and held out, once or in turn.
    used : (n_used,)
        Rows of the training images that are used at all, rising: a refit is fitted on all of them.
    """

    folds: list[Fold]
    used: NDArray[np.int64]

    def fits(self, *, refit: bool) -> list[NDArray[np.int64]]:
        """Return the images of every fit in turn: those of each fold, and last, where there is a refit, all."""
        return [fold.fit for fold in self.folds] + ([self.used] if refit else [])


def make_folds(settings: Fields, n_train: int) -> list[Fold]:
    """Split training images of which no two are the same, and none is another subject's, as the settings say.

    Raises
    ------
    DataError
        If there are too few images to split so.
    """
    if settings.folds is not None:
        return k_folds(n_train, settings.folds, settings.seed)
    assert settings.holdout is not None  # Settings admits one of the two
    return [holdout(n_train, settings.holdout, settings.seed)]


def make_split(settings: Fields, first: NDArray[np.int64], shared: NDArray[np.bool_]) -> Split:
    """Split the training images of a subject as the settings say, the same image always to one side.

    Every image goes where the split would have put the first that has its pixels: what is no copy stays where it was.

    Parameters
    ----------
    first : (n_train,)
        The row of the first image with the same pixels, as `dataset.copies.find_copies` returns it.
    shared : (n_train,)
        Whether other subjects saw the image; it matters only to settings that ask for it.

    Raises
    ------
    DataError
        If there are too few images to split so, or too few are held out to tell anything by their r.
    """
    # A copy of what others saw is what others saw.
    shared = np.isin(first, first[shared])
    if settings.shared == "only":
        return _hold_out_shared(shared)
    used = np.flatnonzero(~shared) if settings.shared == "exclude" else np.arange(len(first))
    try:
        check_folds(settings, len(used))
    except DataError as error:
        if settings.shared == "all":
            raise
        left = f"shared='exclude' leaves {len(used)} of {len(first)} training images, as other subjects saw the others"
        raise DataError(f"{left}: {error.message}", hint=error.hint) from error
    folds = [Fold(used[fold.fit], used[fold.held_out]) for fold in make_folds(settings, len(used))]
    split = Split(_keep_together(folds, used, first), used)
    _check_held_out(split)
    return split


def _hold_out_shared(shared: NDArray[np.bool_]) -> Split:
    """Hold out what other subjects saw, all of it, and fit on the rest."""
    fold = Fold(np.flatnonzero(~shared), np.flatnonzero(shared))
    n_shared, n = len(fold.held_out), len(shared)
    if n_shared < FEWEST_HELD_OUT:
        raise DataError(
            f"shared='only' holds out the images that other subjects saw, which are {n_shared} of {n} training images; "
            f"with fewer than {FEWEST_HELD_OUT} no r says anything",
            hint="leave shared='only' away, and hold out any images",
        )
    if len(fold.fit) < 2:
        raise DataError(
            f"shared='only' leaves {len(fold.fit)} of {n} training images to fit on: other subjects saw all others",
            hint="use shared='all', which fits on some of them and holds out the others",
        )
    return Split([fold], np.arange(n))


def _keep_together(folds: list[Fold], used: NDArray[np.int64], first: NDArray[np.int64]) -> list[Fold]:
    """Move every copy to the part of the first image that it is a copy of."""
    part = np.full(len(first), -1)
    for number, fold in enumerate(folds):
        part[fold.held_out] = number
    part = part[first][used]
    return [Fold(used[part != number], used[part == number]) for number in range(len(folds))]


def _check_held_out(split: Split) -> None:
    """Refuse a split of which copies, that stay together, have left too little."""
    n_held_out, n_fit = (
        min(sizes) for sizes in zip(*((len(f.held_out), len(f.fit)) for f in split.folds), strict=True)
    )
    if n_held_out < FEWEST_HELD_OUT or n_fit < 2:
        raise DataError(
            f"{len(split.used)} images, of which some are the same and stay on one side, are split into {n_fit} to be "
            f"fitted and {n_held_out} to be held out, and with fewer than {FEWEST_HELD_OUT} no r says anything",
            hint="use another seed=..., fewer folds=... or a larger holdout=...",
        )


def check_folds(settings: Fields, n_train: int) -> None:
    """Refuse a split that holds out too few images at a time to tell anything by their r.

    Raises
    ------
    DataError
        If there are too few images; the hint is a setting with which there are enough.
    """
    if settings.folds is None:
        n_fewest = _n_held_out(n_train, settings.holdout or 0)
        asked = f": holdout={settings.holdout:g} holds out {n_fewest}"
    else:
        n_fewest = n_train // settings.folds
        asked = f" into {settings.folds} folds: folds={settings.folds} holds out {n_fewest} at a time"
    if n_fewest < FEWEST_HELD_OUT:
        raise DataError(
            f"{n_train} images cannot be split{asked}, and with fewer than {FEWEST_HELD_OUT} no r says anything",
            hint=_enough(settings, n_train),
        )


def _enough(settings: Fields, n_train: int) -> str:
    """Name a setting that holds out enough images."""
    n_folds = n_train // FEWEST_HELD_OUT
    if settings.folds is not None and n_folds >= 2:
        return f"use folds={n_folds} or fewer"
    enough = (share / 20 for share in range(1, 11) if _n_held_out(n_train, share / 20) >= FEWEST_HELD_OUT)
    share = next(enough, None)
    if share is None or n_train - _n_held_out(n_train, share) < 2:
        return f"{2 * FEWEST_HELD_OUT} images are needed at least"
    return f"use holdout={share:g} or more"


def _n_held_out(n_train: int, share: float) -> int:
    return n_train - int(np.round(n_train / 100 * (100 - 100 * share)))


def holdout(n_train: int, share: float, seed: int) -> Fold:
    """Hold out a share of the images once, to the index as the challenge's tutorial does.

    The tutorial rounds n / 100 * percent, shuffles with numpy's legacy generator and fits on what comes first.

    Raises
    ------
    DataError
        If nothing is left to fit on or to hold out.
    """
    n_fit = n_train - _n_held_out(n_train, share)
    if not 2 <= n_fit <= n_train - 2:
        raise DataError(f"{n_train} images cannot be split with {share:g} of them held out: both parts need two")
    order = _shuffled(n_train, seed)
    return Fold(np.sort(order[:n_fit]), np.sort(order[n_fit:]))


def k_folds(n_train: int, n_folds: int, seed: int) -> list[Fold]:
    """Hold out every image once, in `n_folds` parts of nearly equal size.

    Raises
    ------
    DataError
        If a part would have fewer than two images.
    """
    if n_train < 2 * n_folds:
        raise DataError(f"{n_train} images cannot be split into {n_folds} folds of at least two")
    parts = np.array_split(_shuffled(n_train, seed), n_folds)
    everything = np.arange(n_train)
    return [Fold(np.setdiff1d(everything, part), np.sort(part)) for part in parts]


def inner_folds(settings: Fields, n_train: int, fit: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Divide the fitted images of one fold, or of the refit, into parts that are left out in turn.

    Where there are a few folds, the others of them are these parts: what leaves out two folds is then the same set of
    images whichever of the two is being judged, and components of half as many sets are to be found.

    Parameters
    ----------
    fit : (n_fit,)
        Rows of the training images, as `make_folds` gives them, or all.

    Returns
    -------
    The rows of each part, rising.

    Raises
    ------
    DataError
        If there are too few images.
    """
    if settings.folds in SHARED_FOLDS:
        others = [fold.held_out for fold in make_folds(settings, n_train) if np.isin(fold.held_out, fit).all()]
        # Where images are left out, or copies were moved, they do not make up what is fitted.
        if sum(map(len, others)) == len(fit):
            return others
    return [fit[fold.held_out] for fold in k_folds(len(fit), N_INNER_FOLDS, settings.seed)]


def nested_folds(split: Split, first: NDArray[np.int64], seed: int) -> list[list[Fold]]:
    """Divide what each fold of a split fits into inner folds, by which something is chosen that the fold then judges.

    The same image goes always to one side. Of several folds the others are the inner ones, if there are a few: what
    leaves out two of them is one model, whichever of the two is being judged.

    Parameters
    ----------
    first : (n_train,)
        As `make_split` has it.
    seed
        Of inner folds that are drawn.

    Returns
    -------
    For each fold its inner ones, in rows of the training images.

    Raises
    ------
    DataError
        If there are too few images.
    """
    return [_within(fold.fit, parts) for fold, parts in zip(split.folds, _inner_parts(split, first, seed), strict=True)]


def _inner_parts(split: Split, first: NDArray[np.int64], seed: int) -> list[list[NDArray[np.int64]]]:
    if len(split.folds) in PAIRED_FOLDS:
        return [[other.held_out for other in split.folds if other is not fold] for fold in split.folds]
    return [_together(fold.fit, first[fold.fit], seed) for fold in split.folds]


def _together(fit: NDArray[np.int64], first: NDArray[np.int64], seed: int) -> list[NDArray[np.int64]]:
    """Divide some images, (n_fit,), into parts; every copy goes to that of the first that it is a copy of."""
    n_parts = min(N_INNER_FOLDS, len(fit) // FEWEST_HELD_OUT)
    sizes = [0]
    if n_parts >= 2:
        part = np.empty(len(fit), np.int64)
        for number, fold in enumerate(k_folds(len(fit), n_parts, seed)):
            part[fold.held_out] = number
        _, representative, which = np.unique(first, return_index=True, return_inverse=True)
        part = part[representative][np.ravel(which)]
        sizes = np.bincount(part, minlength=n_parts).tolist()
    if min(sizes) < FEWEST_HELD_OUT:
        raise DataError(
            f"{len(fit)} fitted images cannot be divided into inner folds of at least {FEWEST_HELD_OUT}",
            hint="fit more images: a smaller holdout=..., or more folds=...",
        )
    return [fit[part == number] for number in range(n_parts)]


def _within(fit: NDArray[np.int64], parts: list[NDArray[np.int64]]) -> list[Fold]:
    return [Fold(np.setdiff1d(fit, part), part) for part in parts]


def _shuffled(n: int, seed: int) -> NDArray[np.int64]:
    order = np.arange(n)
    # numpy keeps this legacy generator's stream frozen for ever: the same seed gives the tutorial's own order.
    np.random.RandomState(seed).shuffle(order)
    return order
