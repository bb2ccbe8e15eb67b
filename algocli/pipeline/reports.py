"""What runs found, from Python: one run's scores, and several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack, overload

from algocli.compute.calls import anew, forgiving
from algocli.compute.choices import check_flag, check_path
from algocli.compute.track import Note, Track, said_aside, shown
from algocli.dataset.opening import open_dataset
from algocli.errors import UsageError
from algocli.pipeline.arguments import (
    Data,
    HowToCompare,
    HowToReport,
    Ids,
    Paths,
    Rois,
    check_correction,
    check_pages,
    check_title,
    cluster_of,
    each_run,
    one_run,
    some_ids,
    some_rois,
)
from algocli.pipeline.borrowing import borrow_for
from algocli.pipeline.defaults import DEFAULT_DATA
from algocli.results.certainty import Asked
from algocli.results.regions import check_min_ceiling
from algocli.results.report import summarise
from algocli.results.report_rows import Report
from algocli.results.rows import write_csv
from algocli.results.telling import Correction
from algocli.runs.meanwhile import unreplaced
from algocli.runs.run import Run

if TYPE_CHECKING:
    from algocli.results.difference_rows import Comparison
    from algocli.results.group_compare import GroupComparison
    from algocli.results.group_report import GroupReport


@overload
def report(run: Run, *, group: Literal[False] = False, **how: Unpack[HowToReport]) -> Report: ...
@overload
def report(run: Run, *, group: Literal[True], **how: Unpack[HowToReport]) -> GroupReport: ...
@overload
def report(run: Run, *, group: bool, **how: Unpack[HowToReport]) -> Report | GroupReport: ...


@forgiving
@anew
def report(
    run: Run,
    *,
    group: bool = False,
    data_dir: Data | None = None,
    subjects: Ids | None = None,
    rois: Rois | None = None,
    min_ceiling: float | None = None,
    correct: Correction | None = None,
    significance: bool = False,
    n_permutations: int = 1000,
    intervals: bool = False,
    n_resamples: int = 1000,
    seed: int = 0,
    csv: Path | str | None = None,
    html: Path | str | None = None,
    title: str | None = None,
    features_from: Paths | None = None,
    cluster: str | None = None,
    track: Track = shown,
    note: Note = said_aside,
) -> Report | GroupReport:
    """Score a run: its `rows` have the correlations, and the noise-normalised accuracies, of every ROI.

    The images are training images held out; the leaderboard's test images may score lower or higher. The official
    accuracy, `row.accuracy`, runs high on few images, by about 1 / n in r²; `row.adjusted_accuracy` does not, and is
    about 0 on average on noise. The noise ceilings of both are those of the test images.

    Parameters
    ----------
    group
        Whether to sum up over subjects: one row for each side and ROI, in place of one for each subject as well.
    data_dir
        The folder of the data, or the dataset itself; by default each subject's data where it was trained.
    subjects
        Numbers or names of the only subjects to score; by default all that the run has.
    rois
        The only ROIs to score: their names, classes ('floc-faces'), names of several ('FFA') or sums ('V1v+V1d'); by
        default all, 'All vertices' last.
    min_ceiling
        The least noise ceiling, as a share of variance, of the vertices that rows count; by default any.
    correct
        How p of a group is corrected for the number of ROIs and sides: 'fdr', the usual, by the share of false
        discoveries, 'max' by the largest of all when signs are flipped, 'none' not at all.
    significance, n_permutations
        Whether also to say what share of vertices is explained better than chance (q <= .05), by so many permutations
        of the held-out images. For a run in folds, ten times as many vertices have their responses permuted before its
        folds are fitted once more.
    intervals, n_resamples
        Whether also to bound each mean r by a 95 % interval, from so many draws of the held-out images: how far it
        might have come out otherwise, had this subject seen other images, not had there been other subjects. For a
        group they are drawn anyway: how many subjects show an effect is told by each one's own interval.
    seed
        Seed of permutations and draws.
    csv, html
        Files to write the rows to, at full precision, and a web page with charts and cortices.
    title
        A heading of the page's own.
    features_from
        Other caches, to read the features in that the run was trained on where its own has them no more: a run in
        folds is fitted once more to say how sure it is.
    cluster
        Where it is found out how sure the scores are, subjects side by side, as in 'local:2', two processes of this
        machine, which divide its cores and its memory; 'slurm:FILE.toml', jobs of SLURM; or 'dask:tcp://HOST:PORT',
        the workers of a Dask scheduler. The rows are the same. By default that is done here.
    track, note
        Shows how far it is; hears what becomes of a cluster's workers.

    Returns
    -------
    The scores, a Report; r are on held-out training images, accuracies in percent. Of a group a GroupReport: its rows
    have the mean r over subjects with the 95 % interval of other subjects and images, p by flips of signs and by
    signed ranks, effect size and prevalence, and `each` is the report of every subject.

    Raises
    ------
    UsageError
        If the data names no such ROI, a group has but one subject, or an argument is not what it can be.
    MissingStep
        If the run has not been trained on a subject that was asked for.
    DataError, StorageError
        If data and run do not fit together, or a file cannot be written.

    Examples
    --------
    >>> run = algocli.find_run("cache")
    >>> found = algocli.report(run, rois=["EBA", "All vertices"])
    >>> [(row.hemisphere, row.roi) for row in found.rows]
    [('left', 'EBA'), ('left', 'All vertices'), ('right', 'EBA'), ('right', 'All vertices')]
    """
    one_run(run)
    page, numbers = check_pages(csv, html, title), some_ids(subjects)
    correction = check_correction(correct, group=group)
    if group:
        from algocli.results.group import check_group

        check_group(run.subjects if numbers is None else numbers)
    elif correct is not None:
        raise UsageError(f"correct={correct!r} is about p over subjects, and none are asked for", hint="add group=True")
    # Checked even where one of them has no say.
    how_often = {"n_permutations": n_permutations, "n_resamples": n_resamples, "seed": seed}
    asked = Asked(**how_often, track=track, note=note, cluster=cluster_of(cluster))
    if not check_flag("significance", significance):
        asked = replace(asked, n_permutations=None)
    if not (check_flag("intervals", intervals) or group):
        asked = replace(asked, n_resamples=None)
    only, least = some_rois(rois), check_min_ceiling(min_ceiling)
    borrow_for([run], features_from, numbers)
    data = DEFAULT_DATA if data_dir is None else open_dataset(data_dir)
    with unreplaced([run]):
        each = summarise(data, run, subjects=numbers, rois=only, min_ceiling=least, asked=asked)
        result: Report | GroupReport = each
        if group:
            from algocli.results.group_report import group_report

            result = group_report(each, correct=correction, seed=seed)
        if csv is not None:
            write_csv(result, check_path("csv", csv))
        if page is not None:
            from algocli.pipeline.pages import write_page

            write_page(result, run, page, data_dir=data_dir, title=check_title(title), asked=asked, rois=only)
    return result


@overload
def compare(runs: Sequence[Run], *, group: Literal[False] = False, **how: Unpack[HowToCompare]) -> Comparison: ...
@overload
def compare(runs: Sequence[Run], *, group: Literal[True], **how: Unpack[HowToCompare]) -> GroupComparison: ...
@overload
def compare(runs: Sequence[Run], *, group: bool, **how: Unpack[HowToCompare]) -> Comparison | GroupComparison: ...


@forgiving
@anew
def compare(
    runs: Sequence[Run],
    *,
    group: bool = False,
    nested: bool = False,
    data_dir: Data | None = None,
    subjects: Ids | None = None,
    rois: Rois | None = None,
    min_ceiling: float | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    correct: Correction | None = None,
    csv: Path | str | None = None,
    html: Path | str | None = None,
    title: str | None = None,
    features_from: Paths | None = None,
    track: Track = shown,
    note: Note = said_aside,
) -> Comparison | GroupComparison:
    """Compare runs with the first of them, ROI by ROI, by a paired bootstrap over the held-out images.

    Whichever is best looks better on these images than on others, as it was chosen by them, and `notes` say by how much
    at the most; with `nested` the best of each ROI is chosen by others.

    Parameters
    ----------
    runs
        Two or more, which held out the same images; the first is the reference.
    group
        Whether to sum up over subjects: one row for each side, ROI and run, in place of one for each subject as well.
    nested
        Whether also to choose the best run of each ROI as `algocli.nested` does.
    data_dir
        The folder of the data, or the dataset itself; by default where the reference was trained.
    subjects, rois, min_ceiling, features_from
        As for `report`; by default what all runs share.
    n_resamples, seed
        How often the held-out images are drawn anew, and the seed of these draws.
    correct
        'fdr' or 'max' gives each row a `p` that is corrected for how many differences a subject has: by the share of
        false discoveries, or by the largest of all differences in every resample; usually there is none. Of a group
        `p_corrected` is so, by the largest of all when signs are flipped; there 'fdr' is usual, and 'none' leaves it.
    csv
        A file to write a row to for each subject, side, ROI and run, at full precision; the reference's have no
        difference; of a group for each side, ROI and run. Choices go to a file beside it: x.nested.csv for x.csv.
    html, title
        A file to write a web page to, and its heading.

    Returns
    -------
    A Comparison: its `rows` have each difference in mean r and the 95 % interval of it. Of a group a GroupComparison:
    its rows have the mean difference over subjects as `report` has their mean r, and `best` says which run is best in
    each ROI, and how stable that is. A comparison's `nested`, and that of a group's `each`, has the choices.

    Raises
    ------
    UsageError
        If runs cannot be compared, a group has but one subject, or an argument is not what it can be.
    MissingStep, DataError, StorageError
        If a run lacks a subject, data and runs do not fit together, or a file cannot be written.

    Examples
    --------
    >>> subject = algocli.Challenge("demo").subject(1)
    >>> runs = [algocli.train(subject, n_components=n) for n in (3, 6)]
    >>> row = algocli.compare(runs, rois="All vertices").rows[0]
    >>> row.low <= row.difference <= row.high
    True
    """
    from algocli.pipeline.choices import write_compared
    from algocli.results import compare as results
    from algocli.results import nested as choosing
    from algocli.results.group import check_group
    from algocli.results.group_compare import group_comparison

    some, page = each_run(runs), check_pages(csv, html, title)
    numbers, correction = some_ids(subjects), check_correction(correct, group=group)
    moved = None if data_dir is None else open_dataset(data_dir)
    borrow_for(some, features_from, numbers)
    least = check_min_ceiling(min_ceiling)
    if group:
        check_group(results.shared_subjects(some, moved) if numbers is None else numbers)
    only, chooses = some_rois(rois), check_flag("nested", nested)
    with unreplaced(some):
        each = results.compare(
            some,
            data_dir=moved,
            subjects=numbers,
            rois=only,
            min_ceiling=least,
            n_resamples=n_resamples,
            seed=seed,
            correct="none" if group else correction,
            keep_draws=group,
            track=track,
        )
        if chooses:
            each = choosing.add_choices(
                each, some, data_dir=moved, rois=only, drawn=(n_resamples, seed), track=track, note=note
            )
        comparison = group_comparison(each, correct=correction, seed=seed) if group else each
        if csv is not None:
            write_compared(comparison, check_path("csv", csv))
        if page is not None:
            from algocli.pipeline.pages import write_compare_page

            write_compare_page(
                comparison, some, page, data_dir=moved, title=check_title(title), drawn=(n_resamples, seed), rois=only
            )
    return comparison
