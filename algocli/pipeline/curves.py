"""Learning curves from Python: what more images would bring."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from algocli.compute.calls import anew, forgiving
from algocli.compute.choices import check_path, each_of
from algocli.compute.track import Note, Track, said_aside, shown
from algocli.dataset.naming import SubjectId, name_of
from algocli.encoding.settings import check_settings
from algocli.errors import UsageError
from algocli.pipeline.arguments import (
    Data,
    Ids,
    Paths,
    Rois,
    check_title,
    cluster_of,
    data_of,
    one_run,
    some_ids,
    some_rois,
)
from algocli.pipeline.borrowing import borrow_for
from algocli.results.curve import learn
from algocli.results.curve_rows import Curve
from algocli.results.regions import check_min_ceiling
from algocli.results.rows import write_csv
from algocli.runs.growing import MAY_DIFFER
from algocli.runs.meanwhile import unreplaced
from algocli.runs.run import Run


@forgiving
@anew
def curve(
    run: Run,
    *,
    sizes: int | Iterable[int] = 8,
    repeats: int = 3,
    data_dir: Data | None = None,
    subjects: Ids | None = None,
    rois: Rois | None = None,
    min_ceiling: float | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    csv: Path | str | None = None,
    path: Path | str | None = None,
    title: str | None = None,
    features_from: Paths | None = None,
    cluster: str | None = None,
    track: Track = shown,
    note: Note = said_aside,
    **settings: Any,
) -> Curve:
    """Fit models on growing numbers of a run's images, all scored on the same held-out ones.

    Images to fit on are drawn by chance, each subset within the next larger one, and components are found in each anew;
    features are not read again. A curve of 8 sizes takes as long as a few trainings.

    Parameters
    ----------
    run
        What is trained on all images: its features, its settings, and the images that it holds out.
    sizes
        How many numbers of images, evenly spaced on a logarithmic scale up to all; or these numbers themselves.
    repeats
        How many subsets of each size at the most; of more than half of the images there is one, of a third two.
    data_dir, subjects, rois, min_ceiling, features_from
        As for `report`.
    n_resamples, seed
        How often held-out images and subsets are drawn anew for the interval of each ceiling; the seed is that of the
        subsets, too.
    csv
        A file to write the rows to, at full precision; the ceilings go to a file beside it: x.ceilings.csv for x.csv.
    path, title
        A .png, .svg or .pdf file to draw the curves to, of several subjects one each; and a heading.
    cluster
        Where the models of the subjects are fitted side by side, as in 'local:2', two processes of this machine, which
        divide its cores and its memory; 'slurm:FILE.toml', jobs of SLURM; or 'dask:tcp://HOST:PORT', the workers of a
        Dask scheduler. The rows are the same. By default all is done here.
    track, note
        What shows progress, and hears what else there is to say.
    **settings
        Fields of `Settings` that are to be otherwise than the run has them, such as n_components=500 or
        regression='ridge'; not its features, nor which images it holds out.

    Returns
    -------
    A Curve: its `rows` have by subject, side, ROI and number of images the mean r over the ROI and over repeats, and
    how far these are apart; its `ceilings` what each curve comes to with images without end, with its 95 % interval,
    and of how many images a model explains half as much.

    Raises
    ------
    UsageError
        If an argument is not what it can be, or the run's regression is code of others.
    MissingStep
        If the run lacks a subject, or its features are gone.
    DataError, StorageError
        If data and run do not fit together, or a file cannot be written.

    Examples
    --------
    >>> found = algocli.curve(algocli.find_run("cache"), sizes=3, rois="All vertices")
    >>> found.sizes[-1], [row.n_images for row in found.of_roi(1, "left", "All vertices")] == list(found.sizes)
    (117, True)
    """
    one_run(run)
    check_settings(settings)
    fixed = [name for name in settings if name not in MAY_DIFFER]
    if fixed:
        raise UsageError(
            f"{fixed[0]}=... of a curve are its run's",
            hint="train a run with it, or change one of " + ", ".join(MAY_DIFFER),
        )
    numbers, only, least = some_ids(subjects), some_rois(rois), check_min_ceiling(min_ceiling)
    where = cluster_of(cluster)
    some = sizes if isinstance(sizes, int) else list(each_of(sizes))
    pictures, heading = _check_picture(path), check_title(title)
    borrow_for([run], features_from, numbers)
    with unreplaced([run]):
        learned = learn(
            run,
            data_of([run], data_dir),
            subjects=numbers,
            rois=only,
            min_ceiling=least,
            sizes=some,
            n_repeats=repeats,
            n_resamples=n_resamples,
            seed=seed,
            changed=settings,
            cluster=where,
            track=track,
            note=note,
        )
    if csv is not None:
        write_curve(learned, check_path("csv", csv))
    if pictures is not None:
        draw_curves(learned, pictures, heading)
    return learned


def write_curve(learned: Curve, csv: Path) -> list[Path]:
    """Write the rows of a curve, and its ceilings to a file beside it; return the files.

    Raises
    ------
    StorageError
        If one cannot be written.
    """
    beside = csv.with_name(f"{csv.stem}.ceilings{csv.suffix}")
    write_csv(learned, csv)
    write_csv(learned.end, beside)
    return [csv, beside]


def draw_curves(learned: Curve, path: Path, title: str | None = None) -> None:
    """Draw the curves of each subject to a file of its picture.

    Raises
    ------
    StorageError
        If one cannot be written.
    """
    from algocli.results.drawing.style import render
    from algocli.results.plots.curves import plot_curve

    for subject, picture in pictures(learned, path).items():
        render(plot_curve(learned, subject, title=title).figure, picture)


def pictures(learned: Curve, path: Path | None) -> dict[SubjectId, Path]:
    """Return the file that each subject's curves are drawn to."""
    if path is None:
        return {}
    several = len(learned.subjects) > 1
    return {n: path.with_stem(f"{path.stem}_{name_of(n)}") if several else path for n in learned.subjects}


def _check_picture(path: Path | str | None) -> Path | None:
    """Return where pictures go; refuse what they cannot be written as before any work is done."""
    if path is None:
        return None
    from algocli.results.drawing.style import check_suffix

    picture = check_path("path", path)
    check_suffix(picture)
    return picture
