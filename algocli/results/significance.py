"""Which vertices of a run are explained better than chance would have it, by permuted held-out images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.track import Note, Track
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.errors import StorageError
from algocli.results.held_out import HeldOut, data_is_gone, read_blocks
from algocli.runs import p_values as kept_p
from algocli.runs.p_values import KeptP
from algocli.stats.permutation import Permutations, false_discovery_q, permutation_p, permute

# Of the vertices that are called significant, the share that may be so by chance.
FALSE_DISCOVERIES = 0.05


def p_values(
    held: HeldOut, subject: Subject | None, *, n_permutations: int, seed: int, track: Track, note: Note
) -> dict[Side, NDArray[np.float64]]:
    """Return the p of every vertex, (n_vertices,) a hemisphere: kept ones if there are, or new ones, which are kept.

    Parameters
    ----------
    subject
        The data that the run was trained on, or None where it is gone.
    n_permutations, seed
        How often held-out images are permuted, and from which random numbers.
    note
        Hears where they could not be kept.

    Raises
    ------
    DataError
        If they are to be computed and the responses are gone, or not those that the run was trained on.
    UsageError
        If there are too many permutations for the memory, or none.
    """
    subject_run = held.subject_run
    found = kept_p.kept(subject_run)
    if found is not None and (found.n_permutations, found.seed) == (n_permutations, seed):
        return found.p
    if subject is None:
        raise data_is_gone(held)
    before = kept_p.state(subject_run)
    # Orders as they are drawn and kept: of all held-out images for as many permutations as the smallest fold has.
    n_steps = int(np.unique(held.folds, return_counts=True)[1].min())
    check_memory(24 * len(held.folds) * -(-n_permutations // n_steps), remedy="fewer n_permutations=... need less")
    permutations = permute(held.folds, n_permutations=n_permutations, seed=seed)
    p = {hemisphere: _compute(held, subject, hemisphere, permutations, track) for hemisphere in subject_run.sides}
    try:
        kept_p.keep(subject_run, KeptP(p, n_permutations, seed), before)
    except StorageError as error:
        note(f"p values are not kept for next time: {error.message}")
    return p


def significant(p: Mapping[Side, NDArray[np.float64]]) -> dict[Side, NDArray[np.bool_]]:
    """Say which vertices are significant, (n_vertices,) a hemisphere; false discoveries are controlled over both."""
    q = false_discovery_q(np.concatenate(list(p.values())))
    edges = np.cumsum([len(values) for values in p.values()])[:-1]
    return {side: part <= FALSE_DISCOVERIES for side, part in zip(p, np.split(q, edges), strict=True)}


def _compute(
    held: HeldOut, subject: Subject, hemisphere: Side, permutations: Permutations, track: Track
) -> NDArray[np.float64]:
    every = np.arange(subject.n_vertices(hemisphere))
    blocks = read_blocks(subject, hemisphere, [held], every, track=track, doing="permuting")
    return np.concatenate([permutation_p(block.measured, block.predicted[0], permutations) for block in blocks])
