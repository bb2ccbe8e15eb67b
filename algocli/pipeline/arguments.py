"""What the functions of the pipeline take alike: subjects, runs, and the folders that they find both in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, get_args

from algocli.compute.choices import (
    check_choice,
    check_flag,
    check_kind,
    check_number,
    check_path,
    check_word,
    check_words,
    each_of,
    said,
)
from algocli.compute.files import in_a_heading
from algocli.compute.track import Note, Track
from algocli.dataset.challenge.subjects import Challenge
from algocli.dataset.naming import AnySubjectId, SubjectId, check_subject_ids
from algocli.dataset.protocol import Dataset, Roi, Subject, is_subject
from algocli.errors import UsageError
from algocli.pipeline.defaults import DEFAULT_DATA
from algocli.results.data_of_runs import refuse_gone
from algocli.results.telling import Correction
from algocli.runs.mixtures import home_of
from algocli.runs.run import Run

if TYPE_CHECKING:
    from algocli.compute.executors.specs import Cluster

# A folder of data, or a dataset that is open already; and where it has to be the challenge's.
Data = Dataset | Path | str
ChallengeData = Challenge | Path | str
# One file or folder, or several.
Paths = Iterable[Path | str] | Path | str
# Regions by their names, classes and sums of them, or one as a subject has it.
Rois = Iterable[Roi | str] | Roi | str
# Subjects by their numbers or names.
Ids = Iterable[AnySubjectId] | AnySubjectId

FIND_RUN = "algocli.find_run(cache_dir, name) returns one"
_FIND_RUNS = "algocli.find_runs(cache_dir, names) returns them"
_FIND_SUBJECTS = "Challenge(folder).subjects() returns all there are"


class HowToReport(TypedDict, total=False):
    """What `report` takes beside the run, whatever it returns."""

    data_dir: Data | None
    subjects: Ids | None
    rois: Rois | None
    min_ceiling: float | None
    correct: Correction | None
    significance: bool
    n_permutations: int
    intervals: bool
    n_resamples: int
    seed: int
    csv: Path | str | None
    html: Path | str | None
    title: str | None
    features_from: Paths | None
    cluster: str | None
    track: Track
    note: Note


class HowToCompare(TypedDict, total=False):
    """What `compare` takes beside the runs, whatever it returns."""

    nested: bool
    data_dir: Data | None
    subjects: Ids | None
    rois: Rois | None
    min_ceiling: float | None
    n_resamples: int
    seed: int
    correct: Correction | None
    csv: Path | str | None
    html: Path | str | None
    title: str | None
    features_from: Paths | None
    track: Track
    note: Note


def each_subject(subjects: object) -> list[Subject]:
    """Return one subject or several as a list.

    Raises
    ------
    UsageError
        If there is none, or one of them is something else.
    """
    if is_subject(subjects):
        return [subjects]
    several = each_of(subjects)
    for subject in several:
        if not is_subject(subject):
            what = "a Subject, or several," if subject is subjects else "a Subject"
            raise UsageError(f"subjects: {what} was expected; found {type(subject).__name__}", hint=_FIND_SUBJECTS)
    if not several:
        raise UsageError("subjects: there is none", hint=_FIND_SUBJECTS)
    return several


def cluster_of(cluster: str | None) -> Cluster | None:
    """Return the cluster that a word names; None, for none, stays None, and loads nothing of how to have one.

    Raises
    ------
    UsageError
        If it names none.
    """
    if cluster is None:
        return None
    from algocli.compute.executors.specs import check_cluster

    return check_cluster(cluster)


def device_on(cluster: Cluster | None, device: str) -> str:
    """Return the device that a word names, here or on the machines of a cluster.

    Raises
    ------
    UsageError
        If it is none.
    """
    from algocli.features.networks.devices import resolve_device

    return resolve_device(device, elsewhere=getattr(cluster, "has_own_devices", False))


def one_run(run: object) -> Run:
    """Return what is a run.

    Raises
    ------
    UsageError
        If it is something else, such as a run's name.
    """
    return check_kind("run", run, Run, FIND_RUN)


def each_run(runs: object) -> list[Run]:
    """Return one run or several as a list; there may be none.

    Raises
    ------
    UsageError
        If one of them is something else, such as a run's name.
    """
    return [check_kind("runs", run, Run, _FIND_RUNS) for run in each_of(runs)]


def some_ids(subjects: Ids | None) -> tuple[SubjectId, ...] | None:
    """Return the ids of subjects that are named by number or name; None, for all that there are, stays None.

    Raises
    ------
    UsageError
        If no subject can be called so, or there is none.
    """
    return None if subjects is None else check_subject_ids(subjects)


def some_rois(rois: Rois | None, name: str = "rois") -> tuple[str, ...] | None:
    """Return the names that ROIs are asked for by; None, for all that there are, stays None.

    Raises
    ------
    UsageError
        If one is neither a name nor a ROI, or there is none.
    """
    if rois is None:
        return None
    return check_words(name, [roi.name if isinstance(roi, Roi) else roi for roi in each_of(rois)])


def check_correction(correct: object, *, group: object) -> Correction:
    """Return how p are corrected, which for a group is usual, and for anything else is not.

    Raises
    ------
    UsageError
        If there is no such correction.
    """
    usual: Correction = "fdr" if check_flag("group", group) else "none"
    return usual if correct is None else check_choice("correct", correct, get_args(Correction))  # type: ignore[return-value]


def as_challenge(data_dir: ChallengeData) -> Challenge:
    """Return the challenge in a folder, or one that is open already."""
    return data_dir if isinstance(data_dir, Challenge) else Challenge(data_dir)


def data_of(runs: Sequence[Run], data_dir: Data | None) -> Dataset:
    """Return the data that was named, or else what the subjects of some runs were trained on, or the usual folder.

    Raises
    ------
    DataError
        If there is none of them.
    """
    from algocli.dataset.opening import open_dataset
    from algocli.results.data import gather

    if data_dir is not None:
        return open_dataset(data_dir)
    if not runs:
        return open_dataset(DEFAULT_DATA)
    gathered = gather(runs, DEFAULT_DATA)
    if not gathered.subject_ids:
        refuse_gone(runs[0], DEFAULT_DATA)
    return gathered


def challenge_of(runs: Sequence[Run], data_dir: ChallengeData | None) -> Challenge:
    """Return the challenge that was named, or else the one that runs were trained on, or that in the usual folder.

    Raises
    ------
    DataError
        If there is none of them.
    """
    if data_dir is not None:
        return as_challenge(data_dir)
    for run in runs:
        # Each subject may be a link: the folder that held it comes first.
        places = [run.subject(number).data_folder for number in run.subjects]
        homes = dict.fromkeys([*(home_of(run, n) for n in run.subjects), *(place.parent for place in places if place)])
        # Below a folder that may not be entered, os.path answers False where pathlib raises.
        there = [Challenge(home) for home in homes if home is not None and os.path.isdir(home)]  # noqa: PTH112
        for challenge in there:
            if challenge.subject_ids:
                return challenge
    if runs and not os.path.isdir(DEFAULT_DATA):  # noqa: PTH112
        refuse_gone(runs[0], DEFAULT_DATA)
    return Challenge(DEFAULT_DATA)


def refuse_file(folder: Path) -> None:
    """Refuse a file where a folder is to be written to.

    Raises
    ------
    UsageError
        If it is one.
    """
    if folder.is_file():
        raise UsageError(f"{folder} is a file; a folder was expected")


def check_title(title: object) -> str | None:
    """Return a heading of a user's own as a page or a picture can hold it; None stays None.

    Raises
    ------
    UsageError
        If it is no text, or empty.
    """
    return None if title is None else in_a_heading(check_word("title", title))


def check_pages(csv: Path | str | None, html: Path | str | None, title: str | None) -> Path | None:
    """Return where a page goes, None for none; refuse, before any work, one that cannot be written.

    Raises
    ------
    UsageError, StorageError
        With the reason.
    """
    page = None if html is None else check_path("html", html)
    check_title(title)
    if page is not None:
        from algocli.results.page.frame import check_page

        check_page(page)
        if csv is not None and page.resolve() == check_path("csv", csv).resolve():
            raise UsageError(f"html=... and csv=... name the same file, {page}", hint="give each its own")
    elif title is not None:
        raise UsageError("title=... is the heading of a page, and there is none", hint="add html=FILE")
    return page


def check_least_r(min_r: object) -> float:
    """Return the r above which a vertex has a layer, or raise the UsageError that it is no correlation."""
    if not 0 <= (least := check_number("min_r", min_r)) <= 1:
        raise UsageError(f"{said('min_r', min_r)}: a correlation from 0 to 1 was expected")
    return least


def choose_subjects(
    challenge: Dataset, runs: Sequence[Run], numbers: tuple[SubjectId, ...] | None
) -> tuple[SubjectId, ...]:
    """Return the subjects asked for; by default, those that the data and all runs have."""
    from algocli.results.compare import shared_subjects
    from algocli.results.scoring import scored_subjects

    if len(runs) > 1 and numbers is None:
        numbers = shared_subjects(runs, challenge)
    chosen = [subject.id for subject in challenge.subjects(numbers)]
    for run in runs:
        chosen = [subject.id for subject, _ in scored_subjects(challenge, run, numbers)]
    return tuple(chosen)
