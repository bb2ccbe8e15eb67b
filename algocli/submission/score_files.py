"""The four text files that the leaderboard wrote of a score, line by line as it wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

from algocli.compute.files import publish
from algocli.dataset.challenge.layout import ROI_NAMES, subject_folder
from algocli.dataset.sides import ALL_VERTICES, HEMISPHERES, prefix
from algocli.submission.score import Score, ScoreRow

# The first lines, and the spelling of 'hemishphere', are the leaderboard's: `diff` is to find only numbers.
_MEAN = "Score is the mean noise-normalized encoding accuracy across all vertices of each"
_BY_ROI = f"ROI scores. {_MEAN} ROI from all subjects and hemispheres appended together."
_BY_SIDE = f"Subject and hemishphere scores. {_MEAN} subject and hemisphere."
_BY_ALL = f"Subject, hemisphere, and ROI scores. {_MEAN} subject, hemisphere, and ROI."
_ALL = "All_vertices"


def write_score_files(score: Score, folder: Path) -> list[Path]:
    """Write scores.txt, scores_roi.txt and two more with subjects and hemispheres apart; return their paths.

    An absent ROI is `nan`, as the leaderboard has it; one that some subject has is pooled over those who have it.

    Raises
    ------
    StorageError
        If a file cannot be written.
    """
    files = {
        "scores.txt": [f"{_ALL}: {score.mean}"],
        "scores_roi.txt": [_BY_ROI, *_pooled_lines(score)],
        "scores_subj_hemishphere.txt": [_BY_SIDE, *_side_lines(score)],
        "scores_subj_hemishphere_roi.txt": [_BY_ALL, *_roi_lines(score)],
    }
    for name, lines in files.items():
        publish(folder / name, partial(_write, lines=lines))
    return [folder / name for name in files]


def _write(stream: IO[bytes], lines: Iterable[str]) -> None:
    stream.writelines(f"{line}\n".encode() for line in lines)


def _pooled_lines(score: Score) -> Iterator[str]:
    yield f"{_ALL}: {score.mean}"
    yield from (f"{roi}: {_number(score.row(None, None, roi))}" for roi in ROI_NAMES)


def _side_lines(score: Score) -> Iterator[str]:
    for subject in score.subjects:
        for hemisphere in HEMISPHERES:
            row = score.row(subject, hemisphere, ALL_VERTICES)
            yield f"{subject_folder(subject)} {prefix(hemisphere).upper()}: {_number(row)}"


def _roi_lines(score: Score) -> Iterator[str]:
    for subject in score.subjects:
        for hemisphere in HEMISPHERES:
            side = f"{subject_folder(subject)} {prefix(hemisphere).upper()}"
            yield from (f"{side} {roi}: {_number(score.row(subject, hemisphere, roi))}" for roi in ROI_NAMES)


def _number(row: ScoreRow) -> str:
    return "nan" if row.mean is None else str(row.mean)
