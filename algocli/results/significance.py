"""Which vertices of a run are explained better than chance would have it.

Of one holdout the held-out images are permuted and the predictions stay. Models of several folds share images, so
that their scores on noise go up and down together: their chance is known from fitting the same folds to noise.

Where a model predicts the same of every image, r is 0 and p is 1. A blend, whose weights are never negative, predicts
nothing of most vertices that are noise: on a holdout p is uniform over the others alone, and cautious over all.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.track import Note, Track
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.errors import MissingStep, StorageError, UsageError
from algocli.results.held_out import HeldOut, data_is_gone, read_blocks
from algocli.runs import p_values as kept_p
from algocli.runs.between_folds import FoldsAgain
from algocli.runs.p_values import KeptP
from algocli.stats.influence import WIDEST
from algocli.stats.permutation import TIE, false_discovery_q, permutation_p, permute
from algocli.stats.tails import TAIL, tail_p

# Of the vertices that are called significant, the share that may be so by chance.
FALSE_DISCOVERIES = 0.05
# How many vertices of noise a permutation stands for where they serve all vertices together.
DRAWS = 10


def p_values(
    held: HeldOut, subject: Subject | None, *, n_permutations: int, seed: int, track: Track, note: Note
) -> KeptP:
    """Return the p of every vertex, (n_vertices,) a hemisphere: kept ones if there are, or new ones, which are kept.

    Parameters
    ----------
    subject
        The data that the run was trained on, or None where it is gone.
    n_permutations, seed
        How often held-out images are permuted, and from which random numbers. For a run in folds, `DRAWS` times as
        many vertices stand for all, their responses permuted before the folds are fitted once more.
    note
        Hears where they could not be kept, or are more cautious than they had to be.

    Raises
    ------
    DataError
        If they are to be computed and the responses are gone, or not those that the run was trained on.
    UsageError
        If there are too many permutations for the memory, or none.
    """
    subject_run = held.subject_run
    kept = kept_p.kept(subject_run)
    if kept is not None and (kept.n_permutations, kept.seed) == (n_permutations, seed):
        if not kept.widened:
            return kept
        # What was out of reach then may be at hand by now.
        if subject is None:
            note(kept.widened)
            return kept
    if subject is None:
        raise data_is_gone(held)
    before, widened = kept_p.state(subject_run), ""
    if len(np.unique(held.folds)) == 1:
        p = _of_permutations(held, subject, n_permutations, seed, track)
    else:
        try:
            p = _of_folds(held, subject, n_permutations, seed, track, note)
        except (MissingStep, UsageError) as error:
            widened = f"{error.message}: chance is taken to be as wide as models of different folds can make it"
            note(widened)
            p = _of_permutations(held, subject, n_permutations, seed, track, widened=WIDEST)
    computed = KeptP(p, n_permutations, seed, widened)
    try:
        kept_p.keep(subject_run, computed, before)
    except StorageError as error:
        note(f"p values could not be kept for next time: {error.message}")
    return computed


def significant(p: Mapping[Side, NDArray[np.float64]]) -> dict[Side, NDArray[np.bool_]]:
    """Say which vertices are significant, (n_vertices,) a hemisphere; false discoveries are controlled over both."""
    q = false_discovery_q(np.concatenate(list(p.values())))
    edges = np.cumsum([len(values) for values in p.values()])[:-1]
    return {side: part <= FALSE_DISCOVERIES for side, part in zip(p, np.split(q, edges), strict=True)}


def _of_folds(
    held: HeldOut, subject: Subject, n_permutations: int, seed: int, track: Track, note: Note
) -> dict[Side, NDArray[np.float64]]:
    """Compare each vertex's mean r with what the same folds give for responses in random order."""
    null = FoldsAgain(held.run, subject, track=track, note=note).chance(n_draws=DRAWS * n_permutations, seed=seed)
    null.sort()
    largest, spread = null[-max(1, int(TAIL * len(null))) :, None], np.sqrt(np.square(null).mean(keepdims=True))
    p = {}
    for side in subject.sides:
        r = held.subject_run.correlation(side)
        n_as_high = len(null) - np.searchsorted(null, r - TIE)
        p[side] = tail_p(n_as_high, len(null), largest, spread, r)
        # Nothing of it was ever predicted, which is no better than chance.
        p[side][~held.subject_run.fold_correlations(side).any(axis=0)] = 1
    return p


def _of_permutations(
    held: HeldOut, subject: Subject, n_permutations: int, seed: int, track: Track, *, widened: float = 1
) -> dict[Side, NDArray[np.float64]]:
    """Permute the held-out images of each fold, predictions as they are."""
    # Orders as they are drawn and kept: of all held-out images for as many permutations as the smallest fold has.
    n_steps = int(np.unique(held.folds, return_counts=True)[1].min())
    check_memory(24 * len(held.folds) * -(-n_permutations // n_steps), remedy="fewer n_permutations=... need less")
    permutations = permute(held.folds, n_permutations=n_permutations, seed=seed)
    p = {}
    for side in held.subject_run.sides:
        every = np.arange(subject.n_vertices(side))
        blocks = read_blocks(subject, side, [held], every, track=track, doing="permuting")
        parts = [permutation_p(block.measured, block.predicted[0], permutations, widened=widened) for block in blocks]
        p[side] = np.concatenate(parts)
    return p
