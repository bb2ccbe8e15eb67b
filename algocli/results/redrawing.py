"""The mean score of every ROI over one holdout in each resample of its images: r, or R², is computed again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.budget import check_memory
from algocli.compute.choices import check_whole
from algocli.compute.cores import n_cores
from algocli.compute.threads import each_by_itself, in_threads
from algocli.compute.track import Track
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.results.held_out import Block, HeldOut, reader
from algocli.results.regions import Regions
from algocli.stats import bootstrap
from algocli.stats.measures import Measure

LEVEL = 0.95
# Vertices that a thread has at once, and how many threads at the most.
_VERTICES, _THREADS = 1024, 16


@dataclass(frozen=True)
class Redrawn:
    """Each run's mean score over the vertices of a ROI in every resample, (n_runs, n_resamples), widened."""

    means: NDArray[np.float64]

    def contrast(self, weights: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
        """Return a weighted sum over the runs in every resample, (n_resamples,)."""
        drawn: NDArray[np.float64] = np.asarray(weights, np.float64) @ self.means
        return drawn


def draw(n_images: int, *, n_resamples: int, seed: int) -> NDArray[np.float32]:
    """Draw resamples of images, (n_resamples, n_images), as `bootstrap.resample` does.

    Raises
    ------
    UsageError
        If they are none, or too many for the memory.
    """
    n_resamples, seed = check_whole("n_resamples", n_resamples, 1), check_whole("seed", seed, 0)
    # Counts as they are drawn and kept; in each thread a block's responses and scores, and what these are made with.
    of_thread = 4 * n_resamples * (_VERTICES + 8 * bootstrap.VERTICES) + 32 * n_images * _VERTICES
    needed = 24 * n_resamples * n_images + _n_threads() * of_thread
    check_memory(needed, remedy="fewer n_resamples=... need less; 1000 are usual")
    return bootstrap.resample(n_images, n_resamples=n_resamples, seed=seed)


def _n_threads() -> int:
    return min(n_cores(), _THREADS)


def members_of(rois: Regions, n_vertices: int) -> NDArray[np.float32]:
    """Return what each vertex counts in the mean of each ROI, (n_vertices, n_rois)."""
    members = np.zeros((n_vertices, len(rois)), np.float32)
    for column, vertices in enumerate(rois.values()):
        members[vertices, column] = 1 / len(vertices)
    return members


def redrawn(
    subject: Subject,
    side: Side,
    subject_runs: Sequence[HeldOut],
    members: NDArray[np.float32],
    counts: NDArray[np.float32],
    measure: Measure,
    track: Track,
) -> NDArray[np.float64]:
    """Return each run's mean score in every resample, widened for few images, (n_rois, n_runs, n_resamples)."""
    wanted = np.flatnonzero(members.any(axis=1))
    means = np.zeros((members.shape[1], len(subject_runs), len(counts)))
    parts, label = blocks(len(wanted), _VERTICES), f"subject {subject.id}, {side}: resampling"
    # One run after the other: of thirty together, a block would take gigabytes.
    for place, held in enumerate(subject_runs):
        redraw = partial(_redraw, reader(subject, side, [held]), members, counts, measure)
        # A fifth of the time is not the products' own: that too is spread over the cores.
        with each_by_itself():
            of_parts = in_threads(redraw, [wanted[part] for part in parts], n_threads=_n_threads())
            for some in track(of_parts, total=len(parts), label=label, unit="blocks"):
                means[:, place] += some
    return np.clip(bootstrap.widened(means, counts.shape[1], LEVEL), measure.lowest, 1)


def _redraw(
    read: Callable[[NDArray[np.int64]], Block],
    members: NDArray[np.float32],
    counts: NDArray[np.float32],
    measure: Measure,
    vertices: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return what some vertices add to the mean score of each ROI in every resample, (n_rois, n_resamples)."""
    block = read(vertices)
    scores = measure.redrawn(block.measured, block.predicted[0], counts)
    added: NDArray[np.float32] = (scores @ members[vertices]).T
    return added
