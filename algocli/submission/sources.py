"""Where predicted test responses come from: a run, a zip that was made before, or other tools' files in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from algocli.challenge.layout import HEMISPHERES
from algocli.compute.track import Track, silent
from algocli.encoding.runs import Run
from algocli.errors import DataError
from algocli.submission.package import Prediction
from algocli.submission.shapes import ExpectedShapes, Member
from algocli.submission.validate import validate


def of_run(run: Run, subjects: Sequence[int]) -> list[Prediction]:
    """Return the test predictions of a run's subjects.

    Raises
    ------
    MissingStep
        If the run lacks one of the subjects.
    """
    shares = {number: run.subject(number) for number in subjects}
    return [
        Prediction(number, hemisphere, partial(share.test_predictions, hemisphere))
        for number, share in shares.items()
        for hemisphere in HEMISPHERES
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
            hint=f"algocli validate {path}",
        )
    return [
        Prediction(member.subject, member.hemisphere, partial(_read_member, path, member))
        for member in expected.members
        if member.subject in verdict.subjects
    ]


def _read_member(path: Path, member: Member) -> NDArray[np.floating]:
    with ZipFile(path) as archive, archive.open(member.name) as stream:
        array: NDArray[np.floating] = npy_format.read_array(stream, allow_pickle=False)
        return array
