"""How far the score of a choice might have come out otherwise, had the subject seen other images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Note, Track
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.encoding.regressions.registry import regression_of
from algocli.results.held_out import HeldOut
from algocli.results.redrawing import LEVEL, members_of
from algocli.results.regions import Regions
from algocli.results.resampling import Linearised, predicted_influence, resample_rois
from algocli.stats import bootstrap
from algocli.stats.measures import CORRELATION

Interval = tuple[float, float]


def intervals_of_choices(
    subject: Subject,
    side: Side,
    subject_runs: Sequence[HeldOut],
    of: Regions,
    chosen: Mapping[str, NDArray[np.int64]],
    means: Mapping[str, float],
    counts: NDArray[np.float32],
    *,
    track: Track,
    note: Note,
) -> dict[str, Interval]:
    """Return the 95 % interval of each ROI's score.

    On a single holdout the choice hangs on none of the images that are drawn anew, and the interval is that of the run
    which was chosen. Of folds each image is in what the others' models, and choices, were made by: how much that does
    is not told, and the interval is as wide as it can be.

    Parameters
    ----------
    subject_runs
        Runs that held out the same images in the same folds.
    chosen
        By ROI the position of each fold's run, (n_folds,).
    means
        By ROI the score.
    counts : (n_resamples, n_validation)

    Raises
    ------
    UsageError
        If folds have too few images to tell.
    """
    folds = np.unique(subject_runs[0].folds)
    if len(folds) == 1:
        return _of_holdout(subject, side, subject_runs, of, chosen, counts, track, note)
    CORRELATION.small_fold(int(np.unique(subject_runs[0].folds, return_counts=True)[1].min()))
    columns = {roi: column for column, roi in enumerate(chosen)}
    predicted = np.zeros((len(subject_runs[0].rows), len(columns)))
    for place, held in enumerate(subject_runs):
        its = {roi: of[roi] for roi, runs in chosen.items() if (runs == place).any()}
        if its:
            members = members_of(its, subject.n_vertices(side))
            _, influence = predicted_influence(subject, side, held, members, CORRELATION, track)
            for place_of_roi, roi in enumerate(its):
                here = np.isin(held.folds, folds[chosen[roi] == place])
                predicted[here, columns[roi]] = influence[here, place_of_roi]
    # That inner folds use every image again, to choose, makes folds no more alike: measured on noise, where choices are
    # at their least stable, variances stay below what single runs have at the most.
    n_roles = max(regression_of(held.run.settings).n_roles for held in subject_runs)
    alone = np.zeros(1, np.int64)
    intervals: dict[str, Interval] = {}
    for roi, column in columns.items():
        straight = Linearised(
            np.array([means[roi]]), predicted[None, :, column], None, counts, alone, np.array([n_roles]), alone
        )
        intervals[roi] = bootstrap.interval(straight.contrast([1.0]), LEVEL)
    return intervals


def _of_holdout(
    subject: Subject,
    side: Side,
    subject_runs: Sequence[HeldOut],
    of: Regions,
    chosen: Mapping[str, NDArray[np.int64]],
    counts: NDArray[np.float32],
    track: Track,
    note: Note,
) -> dict[str, Interval]:
    intervals: dict[str, Interval] = {}
    for place, held in enumerate(subject_runs):
        its = {roi: of[roi] for roi, runs in chosen.items() if runs[0] == place}
        if its:
            resampled = resample_rois(subject, [held], {side: its}, counts, track=track, note=note)[side]
            intervals |= {roi: bootstrap.interval(redrawn.contrast([1.0]), LEVEL) for roi, redrawn in resampled.items()}
    return intervals
