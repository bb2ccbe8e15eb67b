"""Where predicted test responses come from: runs or their average, a zip, or other tools' files in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial, reduce
from pathlib import Path
from shlex import quote
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from algocli.compute.arrays import refuse_not_finite
from algocli.compute.files import read_json
from algocli.compute.kinds import mismatch
from algocli.compute.opening import open_file
from algocli.compute.track import Track, silent
from algocli.compute.vouching import digest_file
from algocli.dataset.arrays import open_array
from algocli.dataset.challenge.layout import SUBJECTS, check_subjects
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.errors import DataError, UsageError
from algocli.runs.datasets import refuse_other_data
from algocli.runs.mixtures import home_of
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun
from algocli.submission.package import NOT_FINITE, Prediction
from algocli.submission.shapes import ExpectedShapes, Member
from algocli.submission.validate import validate

# What is read of the record beside a zip.
_RECORD = {"sha256": str, "runs?": [{"other_files?": {str: {str: str}}}]}


def of_run(run: Run, subjects: Sequence[SubjectId]) -> list[Prediction]:
    """Return the test predictions of a run's subjects.

    Raises
    ------
    UsageError
        If one is no subject of the challenge.
    MissingStep
        If the run lacks one of the subjects, or their test predictions.
    """
    subject_runs = {number: run.subject(number) for number in _of_the_challenge(subjects)}
    for subject_run in subject_runs.values():
        subject_run.check_test_predictions()
    return [
        Prediction(
            number,
            hemisphere,
            partial(subject_run.test_predictions, hemisphere),
            str(subject_run.path_of(f"{hemisphere}_pred_test")),
        )
        for number, subject_run in subject_runs.items()
        for hemisphere in HEMISPHERES
    ]


def _of_the_challenge(subjects: Sequence[SubjectId]) -> list[int]:
    """Return subjects by number, and refuse those of another dataset."""
    strangers = [subject for subject in subjects if subject not in SUBJECTS]
    if strangers:
        raise UsageError(
            f"subject {', '.join(map(str, strangers))} is none of the challenge's, which go from {SUBJECTS[0]} to "
            f"{SUBJECTS[-1]}: nothing can be submitted",
            hint="`algocli export` writes the numbers of any dataset",
        )
    return [int(subject) for subject in subjects]


def of_runs(runs: Sequence[Run], subjects: Sequence[int] | None = None) -> tuple[list[Prediction], list[str]]:
    """Return each subject's predictions from the first run that has the subject, and how these runs differ.

    Raises
    ------
    MissingStep
        If no run has a subject that was asked for.
    """
    chosen = {n: run for run in reversed(runs) for n in _of_the_challenge(run.subjects)}
    wanted = sorted(chosen) if subjects is None else check_subjects(subjects)
    run_of = {n: chosen.get(n, runs[0]) for n in wanted}
    predictions = [prediction for n, run in run_of.items() for prediction in of_run(run, [n])]
    return predictions, list(_differences(run_of))


def averaged(runs: Sequence[Run], subjects: Sequence[int] | None = None, *, weighted: bool = False) -> list[Prediction]:
    """Return the mean of several runs' predictions.

    Parameters
    ----------
    runs
        At least two.
    subjects
        By default those that all runs have.
    weighted
        Whether a run counts at each vertex by its r on held-out training images, a negative one as 0; where none is
        above 0, all count alike.

    Raises
    ------
    UsageError
        If there are fewer than two runs, they share no subject, or were trained on different data of one.
    MissingStep
        If a run lacks one of the subjects that were asked for, or their test predictions.
    """
    if len(runs) < 2:
        raise UsageError("an average is of two runs or more", hint="algocli submit --average RUN RUN")
    shared = sorted(set.intersection(*(set(_of_the_challenge(run.subjects)) for run in runs)))
    if not (subjects or shared):
        raise UsageError(f"{' and '.join(run.name for run in runs)} have no subject in common")
    subject_runs = {
        n: [run.subject(n) for run in runs] for n in (shared if subjects is None else check_subjects(subjects))
    }
    for number, of_subject in subject_runs.items():
        for subject_run in of_subject:
            subject_run.check_test_predictions()
        refuse_other_data(runs, number, doing="averaged", images=True)
    return [
        Prediction(n, hemisphere, partial(_average, of_subject, hemisphere, weighted))
        for n, of_subject in subject_runs.items()
        for hemisphere in HEMISPHERES
    ]


def in_folder(folder: Path, expected: ExpectedShapes, subjects: Sequence[int] | None = None) -> list[Prediction]:
    """Return the predictions that lie in a folder as they do in a zip: subj01/lh_pred_test.npy and so on.

    Parameters
    ----------
    folder, expected
        Where they lie, and what a submission holds.
    subjects
        By default those of whom the folder has anything.

    Raises
    ------
    DataError
        If there is none, or one hemisphere of a subject lacks; when it is read, if it is no whole .npy file.
    """
    there = {member.subject for member in expected.members if (folder / member.name).is_file()}
    if not there:
        raise DataError(f"{folder} holds no predictions: {expected.members[0].name} and its like were expected there")
    members = [member for member in expected.members if member.subject in (there if subjects is None else subjects)]
    missing = [member.name for member in members if not (folder / member.name).is_file()]
    if missing:
        raise DataError(f"{folder} lacks {', '.join(missing)}")
    return [
        Prediction(m.subject, m.hemisphere, partial(open_array, folder / m.name), str(folder / m.name)) for m in members
    ]


def in_zip(path: Path, expected: ExpectedShapes, *, track: Track = silent) -> list[Prediction]:
    """Return the predictions of a submission's zip, which may lack subjects.

    Raises
    ------
    DataError
        If the zip has faults: what is in it cannot be trusted to be what it is called.
    """
    verdict = validate(path, expected, partial=True, track=track)
    if not verdict.ready:
        n = len(verdict.faults)
        raise DataError(
            f"{path} is not ready: {verdict.faults[0]}" + (f" ({n} faults in all)" if n > 1 else ""),
            hint=f"algocli validate {quote(str(path))}",
        )
    return [
        Prediction(member.subject, member.hemisphere, partial(_read_member, path, member), f"{path}: {member.name}")
        for member in expected.members
        if member.subject in verdict.subjects
    ]


def known_files(path: Path) -> dict[str, dict[str, str]]:
    """Return what the runs of a zip had beside images and responses: digests, by subject and path below its folder.

    The record beside the zip says it; nothing is known where there is none, or where it is another's or damaged.
    """
    with suppress(DataError):
        about = read_json(path.with_suffix(".json"))
        if mismatch(about, _RECORD) is None and about["sha256"] == digest_file(path):
            every = [run.get("other_files") or {} for run in about.get("runs") or ()]
            return {subject: files for of_run in reversed(every) for subject, files in of_run.items()}
    return {}


def _read_member(path: Path, member: Member) -> NDArray[np.floating]:
    with open_file(path) as file, ZipFile(file) as archive, archive.open(member.name) as stream:
        array: NDArray[np.floating] = npy_format.read_array(stream, allow_pickle=False)
        return array


def _differences(run_of: Mapping[int, Run]) -> Iterator[str]:
    """Say how each subject's settings, and the place of its data, differ from those of the first subject."""
    first, *others = run_of
    usual, home = asdict(run_of[first].settings), home_of(run_of[first], first)
    for number in others:
        place = home_of(run_of[number], number)
        if place != home:
            yield (
                f"subject {number} is of {place or 'data that is not recorded'}, subject {first} of "
                f"{home or 'data that is not recorded'}: see that these are one dataset"
            )
        changed = [
            f"{name} {value} instead of {usual[name]}"
            for name, value in asdict(run_of[number].settings).items()
            if value != usual[name]
        ]
        if changed:
            yield f"subject {number} is of run {run_of[number].name}: {', '.join(changed)}"


def _average(subject_runs: Sequence[SubjectRun], hemisphere: Hemisphere, weighted: bool) -> NDArray[np.float32]:
    for subject_run in subject_runs:
        # An average of them would not tell whose they are.
        name = str(subject_run.path_of(f"{hemisphere}_pred_test"))
        refuse_not_finite(name, subject_run.test_predictions(hemisphere), hint=NOT_FINITE)
    shapes = {subject_run.test_predictions(hemisphere).shape for subject_run in subject_runs}
    if len(shapes) > 1:
        raise DataError(
            f"the runs predict the {hemisphere} hemisphere of subject {subject_runs[0].id} in shapes "
            f"{' and '.join(map(str, sorted(shapes)))}: they were made from different data"
        )
    weights = np.array(
        [subject_run.correlation(hemisphere) if weighted else 1.0 for subject_run in subject_runs], dtype=np.float64
    )
    weights = np.maximum(weights, 0)
    total = weights.sum(axis=0)
    weights = np.where(total > 0, weights / np.where(total > 0, total, 1), 1 / len(subject_runs))
    parts = (
        subject_run.test_predictions(hemisphere) * weight.astype(np.float32)
        for subject_run, weight in zip(subject_runs, weights, strict=True)
    )
    return reduce(np.add, parts)
