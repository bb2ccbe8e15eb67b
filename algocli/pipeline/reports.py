"""What runs found, from Python: one run's scores, and several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from algocli.compute.choices import check_choice, check_flag, check_path, check_words
from algocli.compute.track import Track, silent
from algocli.dataset.opening import open_dataset
from algocli.errors import UsageError
from algocli.pipeline.arguments import Data, Ids, each_run, one_run, some_ids
from algocli.pipeline.defaults import DEFAULT_DATA
from algocli.results.certainty import Asked
from algocli.results.report import Report, summarise, write_csv
from algocli.results.telling import Correction
from algocli.runs.run import Run

if TYPE_CHECKING:
    from algocli.results.compare import Comparison


def report(
    run: Run,
    *,
    data_dir: Data | None = None,
    subjects: Ids | None = None,
    rois: Sequence[str] | str | None = None,
    significance: bool = False,
    n_permutations: int = 1000,
    intervals: bool = False,
    n_resamples: int = 1000,
    seed: int = 0,
    csv: Path | str | None = None,
    html: Path | str | None = None,
    title: str | None = None,
    track: Track = silent,
) -> Report:
    """Score a run: its `rows` have the correlations, and the noise-normalised accuracy, of every ROI.

    Parameters
    ----------
    data_dir
        The folder of the data, or the dataset itself; by default each subject's data where it was trained.
    subjects
        Numbers or names of the only subjects to score; by default all that the run has.
    rois
        Names of the only ROIs to score, or one name; by default all, 'All vertices' last.
    significance, n_permutations
        Whether also to say what share of vertices is explained better than chance (q <= .05), by so many permutations
        of the held-out images. For a run in folds, ten times as many vertices have their responses permuted before its
        folds are fitted once more.
    intervals, n_resamples
        Whether also to bound each mean r by a 95 % interval, from so many draws of the held-out images.
    seed
        Seed of permutations and draws.
    csv, html
        Files to write the rows to, at full precision, and a web page with charts and cortices.
    title
        A heading of the page's own.

    Returns
    -------
    The scores; r are on held-out training images, accuracies in percent.

    Raises
    ------
    UsageError
        If the data names no such ROI, or an argument is not what it can be.
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
    page = check_pages(csv, html, title)
    asked = Asked(
        n_permutations=n_permutations if check_flag("significance", significance) else None,
        n_resamples=n_resamples if check_flag("intervals", intervals) else None,
        seed=seed,
        track=track,
    )
    only = None if rois is None else check_words("rois", rois)
    data = DEFAULT_DATA if data_dir is None else open_dataset(data_dir)
    found = summarise(data, run, subjects=some_ids(subjects), rois=only, asked=asked)
    if csv is not None:
        write_csv(found, check_path("csv", csv))
    if page is not None:
        write_page(found, run, page, data_dir=data_dir, title=title, asked=asked, rois=only)
    return found


def write_page(
    found: Report,
    run: Run,
    path: Path,
    *,
    data_dir: Data | None,
    title: str | None,
    asked: Asked,
    rois: Sequence[str] | None,
) -> None:
    """Write a report as one web page; what is asked for is told there as a command."""
    from algocli.results.data import gather
    from algocli.results.page import frame
    from algocli.results.page.report_page import build_report_page

    data = gather(run, DEFAULT_DATA, found.subjects) if data_dir is None else open_dataset(data_dir)
    frame.write_page(build_report_page(found, run, data, title=title, asked=asked, rois=rois), path)


def compare(
    runs: Sequence[Run],
    *,
    data_dir: Data | None = None,
    subjects: Ids | None = None,
    rois: Sequence[str] | str | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    correct: Correction = "none",
    html: Path | str | None = None,
    title: str | None = None,
    track: Track = silent,
) -> Comparison:
    """Compare runs with the first of them, ROI by ROI, by a paired bootstrap over the held-out images.

    Parameters
    ----------
    runs
        Two or more, which held out the same images; the first is the reference.
    data_dir
        The folder of the data, or the dataset itself; by default where the reference was trained.
    subjects, rois
        As for `report`; by default what all runs share.
    n_resamples, seed
        How often the held-out images are drawn anew, and the seed of these draws.
    correct
        'fdr' or 'max' gives each row a `p` that is corrected for how many differences a subject has: by the share of
        false discoveries, or by the largest of all differences in every resample.
    html, title
        A file to write a web page to, and its heading.

    Returns
    -------
    Its `rows` have each difference in mean r and the 95 % interval of it.

    Raises
    ------
    UsageError
        If runs cannot be compared, or an argument is not what it can be.
    MissingStep, DataError, StorageError
        If a run lacks a subject, data and runs do not fit together, or the page cannot be written.

    Examples
    --------
    >>> subject = algocli.Challenge("demo").subject(1)
    >>> runs = [algocli.train(subject, n_components=n) for n in (3, 6)]
    >>> row = algocli.compare(runs, rois="All vertices").rows[0]
    >>> row.low <= row.difference <= row.high
    True
    """
    from algocli.results import compare as results

    some, page = each_run(runs), check_pages(None, html, title)
    check_choice("correct", correct, get_args(Correction))
    moved = None if data_dir is None else open_dataset(data_dir)
    found = results.compare(
        some,
        data_dir=moved,
        subjects=some_ids(subjects),
        rois=None if rois is None else check_words("rois", rois),
        n_resamples=n_resamples,
        seed=seed,
        correct=correct,
        track=track,
    )
    if page is not None:
        write_compare_page(found, some, page, data_dir=moved, title=title, drawn=(n_resamples, seed), rois=rois)
    return found


def write_compare_page(
    found: Comparison,
    runs: Sequence[Run],
    path: Path,
    *,
    data_dir: Data | None,
    title: str | None,
    drawn: tuple[int, int],
    rois: Sequence[str] | str | None,
) -> None:
    """Write a comparison as one web page; `drawn` is how often images were drawn anew, and the seed."""
    from algocli.results.data import gather
    from algocli.results.page import frame
    from algocli.results.page.compare_page import build_compare_page

    data = gather(runs[0], DEFAULT_DATA, found.subjects) if data_dir is None else open_dataset(data_dir)
    only = None if rois is None else list(check_words("rois", rois))
    frame.write_page(build_compare_page(found, runs, data, title=title, drawn=drawn, rois=only), path)


def check_pages(csv: Path | str | None, html: Path | str | None, title: str | None) -> Path | None:
    """Return where a page goes, None for none; refuse, before any work, one that cannot be written.

    Raises
    ------
    UsageError, StorageError
        With the reason.
    """
    page = None if html is None else check_path("html", html)
    if page is not None:
        from algocli.results.page.frame import check_page

        check_page(page)
        if csv is not None and page.resolve() == check_path("csv", csv).resolve():
            raise UsageError(f"html=... and csv=... name the same file, {page}", hint="give each its own")
    elif title is not None:
        raise UsageError("title=... is the heading of a page, and there is none", hint="add html=FILE")
    return page
