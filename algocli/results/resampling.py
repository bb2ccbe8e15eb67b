"""The mean r of every ROI, had other images been shown: in each resample of a run's held-out images.

A run trained in folds is scored as `report` scores it, by the mean of r over its folds, in each resample too:
predictions of different folds come from different models, and one r over all of them would mix up how the folds differ
with how their images do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.choices import check_whole
from algocli.compute.track import Track
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.results.held_out import HeldOut, read_blocks
from algocli.results.regions import Regions
from algocli.stats import bootstrap

LEVEL = 0.95


def draw(n_images: int, *, n_resamples: int, seed: int) -> NDArray[np.float32]:
    """Draw resamples of images, (n_resamples, n_images), as `bootstrap.resample` does.

    Raises
    ------
    UsageError
        If they are none, or too many for the memory.
    """
    n_resamples, seed = check_whole("n_resamples", n_resamples, 1), check_whole("seed", seed, 0)
    # Counts as they are drawn and kept; the dozen arrays of a block.
    needed = n_resamples * (24 * n_images + 48 * bootstrap.VERTICES)
    check_memory(needed, remedy="fewer n_resamples=... need less; 1000 are usual")
    return bootstrap.resample(n_images, n_resamples=n_resamples, seed=seed)


def resampled_means(
    subject: Subject,
    hemisphere: Side,
    subject_runs: Sequence[HeldOut],
    of: Regions,
    counts: NDArray[np.float32],
    *,
    track: Track,
) -> dict[str, NDArray[np.float64]]:
    """Return each run's mean r over the vertices of every ROI that has some, (n_runs, n_resamples).

    Parameters
    ----------
    subject_runs
        Runs that held out the same images.
    counts : (n_resamples, n_validation)
        As `draw` draws them; the same ones for whatever is to be compared.

    Raises
    ------
    DataError
        If the responses are not those that a run was trained on.
    """
    present = {name: vertices for name, vertices in of.items() if len(vertices)}
    members = np.zeros((subject.n_vertices(hemisphere), len(present)), np.float32)
    for column, vertices in enumerate(present.values()):
        members[vertices, column] = 1
    wanted = np.flatnonzero(members.any(axis=1))
    sums = np.zeros((len(subject_runs), len(counts), len(present)))
    for block in read_blocks(subject, hemisphere, subject_runs, wanted, track=track, doing="resampling"):
        for place, (held, predicted) in enumerate(zip(subject_runs, block.predicted, strict=True)):
            r = bootstrap.bootstrap_mean_r(block.measured, predicted, held.folds, counts)
            sums[place] += r @ members[block.vertices]
    return {name: sums[:, :, column] / len(present[name]) for column, name in enumerate(present)}
