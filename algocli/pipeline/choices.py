"""Which of several runs is best in each ROI, from Python: chosen in inner folds, and scored outside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from algocli.compute.calls import anew, forgiving
from algocli.compute.choices import check_flag, check_path
from algocli.compute.track import Note, Track, said_aside, shown
from algocli.dataset.opening import open_dataset
from algocli.pipeline.arguments import Data, Ids, Paths, Rois, each_run, some_ids, some_rois
from algocli.pipeline.borrowing import borrow_for
from algocli.results.difference_rows import Comparison
from algocli.results.group_compare import GroupComparison
from algocli.results.nested import choose_nested
from algocli.results.nested_rows import Nested
from algocli.results.regions import check_min_ceiling
from algocli.results.rows import write_csv, write_records
from algocli.runs.meanwhile import unreplaced
from algocli.runs.run import Run


@forgiving
@anew
def nested(
    runs: Sequence[Run],
    *,
    data_dir: Data | None = None,
    subjects: Ids | None = None,
    rois: Rois | None = None,
    min_ceiling: float | None = None,
    intervals: bool = True,
    n_resamples: int = 1000,
    seed: int = 0,
    csv: Path | str | None = None,
    features_from: Paths | None = None,
    track: Track = shown,
    note: Note = said_aside,
) -> Nested:
    """Choose the best run of each ROI in inner folds, and score it outside them: the score is not flattered.

    Whichever of many runs scores best on some images looks better there than on others. Here every fold, or the
    holdout, has a choice of its own: within the images that its models are fitted on some are left out in turn, each
    run is fitted again on the rest, and the run of the highest mean r over the ROI's vertices is taken. What it
    predicts of the fold's held-out images, which had no part in that, is scored as in the run's own report.

    Parameters
    ----------
    runs
        Two or more, which held out the same images in the same folds; of any regression but code of others.
    data_dir, subjects, rois, min_ceiling
        As for `compare`.
    intervals, n_resamples, seed
        Whether to bound each score by a 95 % interval, from so many draws of the held-out images, and their seed.
    csv
        A file to write the rows to, at full precision.
    features_from
        As for `report`.
    track, note
        What shows progress, and hears how many models are to be fitted: five for each run and fold, or as many as pairs
        of folds. What they score is kept with the run.

    Returns
    -------
    A Nested: its `rows` have by subject, side and ROI the `run` that was chosen, in how many folds, the `mean_r` of the
    choice with its interval, and for comparison the `naive_mean_r` of the run that is best on the held-out images.

    Raises
    ------
    UsageError
        If there is but one run, they were split differently, or an argument is not what it can be.
    MissingStep
        If a run lacks a subject, or features are gone.
    DataError, StorageError
        If data and runs do not fit together, or a file cannot be written.

    Examples
    --------
    >>> subject = algocli.Challenge("demo").subject(1)
    >>> runs = [algocli.train(subject, n_components=n) for n in (3, 6)]
    >>> row = algocli.nested(runs, rois="EBA").rows[0]
    >>> row.run in [run.name for run in runs], row.naive_mean_r >= row.mean_r
    (True, True)
    """
    some, numbers = each_run(runs), some_ids(subjects)
    moved = None if data_dir is None else open_dataset(data_dir)
    borrow_for(some, features_from, numbers)
    with unreplaced(some):
        found = choose_nested(
            some,
            data_dir=moved,
            subjects=numbers,
            rois=some_rois(rois),
            min_ceiling=check_min_ceiling(min_ceiling),
            n_resamples=n_resamples if check_flag("intervals", intervals) else None,
            seed=seed,
            track=track,
            note=note,
        )
    if csv is not None:
        write_csv(found, check_path("csv", csv))
    return found


def write_compared(found: Comparison | GroupComparison, csv: Path) -> list[Path]:
    """Write the rows of a comparison, those of its choices to a file beside it, and return the files.

    Raises
    ------
    StorageError
        If one cannot be written.
    """
    write_records(found.columns, found.every_run(), csv)
    choices = (found.each if isinstance(found, GroupComparison) else found).nested
    if choices is None:
        return [csv]
    beside = csv.with_name(f"{csv.stem}.nested{csv.suffix}")
    write_csv(choices, beside)
    return [csv, beside]
