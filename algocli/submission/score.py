"""The official score, and the leaderboard's files of it: how well predictions explain responses, relative to the noise.

The organisers' rule: each vertex's r over the test images, negative ones as 0; r² over the noise ceiling, at most
100 %; the mean over the vertices, of all subjects and hemispheres together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import level_rounding, refuse_not_finite
from algocli.compute.files import publish
from algocli.compute.track import Track, silent
from algocli.dataset.ceilings import CeilingUnit
from algocli.dataset.challenge.layout import ROI_NAMES, subject_folder
from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import ALL_VERTICES, HEMISPHERES, Hemisphere, check_hemisphere, prefix
from algocli.errors import DataError
from algocli.results.regions import Regions, regions
from algocli.results.scoring import VertexScores, accuracy, pool, read_ceiling, squared
from algocli.stats.correlation import correlate
from algocli.submission.package import NOT_FINITE, Prediction

# Noise ceilings of one hemisphere of a subject as shares of variance, and the unit they were read in.
ReadCeiling = Callable[[Subject, Hemisphere], tuple[NDArray[np.float64], CeilingUnit | None]]

# The first lines, and the spelling of 'hemishphere', are the leaderboard's: `diff` is to find only numbers.
_MEAN = "Score is the mean noise-normalized encoding accuracy across all vertices of each"
_BY_ROI = f"ROI scores. {_MEAN} ROI from all subjects and hemispheres appended together."
_BY_SIDE = f"Subject and hemishphere scores. {_MEAN} subject and hemisphere."
_BY_ALL = f"Subject, hemisphere, and ROI scores. {_MEAN} subject, hemisphere, and ROI."
_ALL = "All_vertices"


@dataclass(frozen=True)
class ScoreRow:
    """The score of one ROI in one hemisphere of one subject: mean and median of its vertices, in percent.

    None where the ROI is absent. Where `subject` and `hemisphere` are None, all are pooled.
    """

    subject: int | None
    hemisphere: Hemisphere | None
    roi: str
    n_vertices: int
    mean: float | None
    median: float | None


@dataclass(frozen=True)
class Score:
    """The official score in percent, over all vertices of all subjects, and its parts.

    `n_zero_ceiling` vertices have a ceiling of 0 and count 100 as soon as r > 0; `mean_without_zero_ceiling` leaves
    them out. `adjusted_mean` is without what chance adds to the r² of few images, signed and not cut off
    (`results.scoring.OverallAccuracy`), `n_images` how many of each subject's it is from. `n_constant` vertices were
    predicted, or measured, the same for every image: their r is 0. `rows` are by subject, hemisphere and ROI, 'All
    vertices' first; `pooled` by ROI over all of them.
    """

    mean: float
    median: float
    n_vertices: int
    n_zero_ceiling: int
    mean_without_zero_ceiling: float | None
    adjusted_mean: float | None
    n_low_ceiling: int
    n_images: Mapping[int, int]
    n_constant: int
    unit_assumed: CeilingUnit | Literal["mixed", "ncsnr"]
    subjects: tuple[int, ...]
    rows: tuple[ScoreRow, ...]
    pooled: tuple[ScoreRow, ...]

    def row(self, subject: int | None, hemisphere: Hemisphere | None, roi: str) -> ScoreRow:
        """Return one row; that of an ROI that the data does not name has no vertices."""
        wanted = (subject, None if hemisphere is None else check_hemisphere(hemisphere), roi)
        everything = self.pooled if subject is None else self.rows
        rows = (row for row in everything if (row.subject, row.hemisphere, row.roi) == wanted)
        return next(rows, ScoreRow(*wanted, 0, None, None))


@dataclass(frozen=True)
class _Side:
    """One hemisphere: its scores, and where its ROIs are."""

    subject: int
    hemisphere: Hemisphere
    scores: VertexScores
    percent: NDArray[np.float64]
    regions: Regions
    n_constant: int
    n_images: int


def score(
    challenge: Challenge,
    predictions: Iterable[Prediction],
    *,
    read: ReadCeiling | None = None,
    track: Track = silent,
) -> Score:
    """Score predicted test responses against the measured ones.

    Parameters
    ----------
    challenge
        The data folder, which must have the subjects' test responses.
    predictions
        One for each hemisphere of the subjects to score; each is read once, and never two at a time.
    read
        Gives the noise ceilings; by default the data folder's.
    track
        Wraps the hemispheres while they are scored.

    Raises
    ------
    DataError
        If there are no predictions, test responses or noise ceilings, or they do not fit together.
    """
    chosen = sorted(predictions, key=lambda prediction: (prediction.subject, HEMISPHERES.index(prediction.hemisphere)))
    for subject in challenge.subjects({prediction.subject for prediction in chosen}):
        _refuse_without_responses(subject)
    sides = [
        _score_side(challenge.subject(prediction.subject), prediction, read or ceiling_of_folder)
        for prediction in track(chosen, total=len(chosen), label="scoring")
    ]
    overall = pool([side.scores for side in sides])
    if overall is None:
        raise DataError("there is nothing to score: the predictions hold no subject")
    return Score(
        mean=overall.mean,
        median=overall.median,
        n_vertices=sum(len(side.percent) for side in sides),
        n_zero_ceiling=overall.n_zero_ceiling,
        mean_without_zero_ceiling=overall.mean_without_zero_ceiling,
        adjusted_mean=overall.adjusted_mean,
        n_low_ceiling=overall.n_low_ceiling,
        n_images={side.subject: side.n_images for side in sides},
        n_constant=sum(side.n_constant for side in sides),
        unit_assumed="ncsnr" if read else overall.unit_assumed,
        subjects=tuple(dict.fromkeys(side.subject for side in sides)),
        rows=tuple(_rows(sides)),
        pooled=tuple(_pooled(sides)),
    )


def ceiling_of_folder(subject: Subject, hemisphere: Hemisphere) -> tuple[NDArray[np.float64], CeilingUnit | None]:
    """Return the noise ceilings that the data folder has.

    Raises
    ------
    DataError
        If it has none, or they are damaged.
    """
    ceiling, unit = read_ceiling(subject, hemisphere)
    if ceiling is None:
        raise DataError(
            f"{subject.layout.noise_ceiling(hemisphere)} does not exist: without noise ceilings there is no score",
            hint="`algocli import-ceilings FOLDER` brings them; or nsd=DIR computes them from NSD's ncsnr",
        )
    return ceiling, unit


def _refuse_without_responses(subject: Subject) -> None:
    if not subject.has_responses("test"):
        raise DataError(
            f"{subject.layout.responses('test', 'left').parent} holds no test responses of {subject.name}",
            hint="they have been public since August 2023: put lh_test_fmri.npy and rh_test_fmri.npy there",
        )


def _score_side(subject: Subject, prediction: Prediction, read: ReadCeiling) -> _Side:
    hemisphere = prediction.hemisphere
    measured, predicted = subject.responses("test", hemisphere), prediction.read()
    if predicted.shape != measured.shape:
        raise DataError(
            f"the predictions for the {hemisphere} hemisphere of {subject.name} are of shape {predicted.shape}; the "
            f"test responses are of shape {measured.shape}"
        )
    # A mean over vertices would take a response that is no number for one that nothing explains.
    refuse_not_finite(subject.responses_name("test", hemisphere), measured, hint="`algocli data` lists every fault")
    refuse_not_finite(str(prediction), predicted, hint=NOT_FINITE)
    predicted = level_rounding(predicted)
    constant = (np.ptp(predicted, axis=0) == 0) | (np.ptp(measured, axis=0) == 0)
    ceiling, unit = read(subject, hemisphere)
    r = correlate(measured, predicted)
    scores = VertexScores(r, ceiling, unit, squared(r[None], np.array([len(measured)])))
    percent = accuracy(scores.correlation, ceiling)
    of = regions(subject, hemisphere, {*ROI_NAMES, *(roi.name for roi in subject.rois), ALL_VERTICES})
    return _Side(subject.number, hemisphere, scores, percent, of, int(constant.sum()), len(measured))


def _rows(sides: Sequence[_Side]) -> Iterator[ScoreRow]:
    for side in sides:
        for roi in _names(sides):
            vertices = side.regions.get(roi, np.array([], dtype=np.int64))
            yield _row(side.subject, side.hemisphere, roi, side.percent[vertices])


def _pooled(sides: Sequence[_Side]) -> Iterator[ScoreRow]:
    for roi in _names(sides):
        parts = [side.percent[side.regions[roi]] for side in sides if roi in side.regions]
        yield _row(None, None, roi, np.concatenate([*parts, np.array([])]))


def _names(sides: Sequence[_Side]) -> Mapping[str, None]:
    """Name all vertices, the official ROIs in their order, and then what else the data has."""
    others = (name for side in sides for name in side.regions)
    return dict.fromkeys([ALL_VERTICES, *ROI_NAMES, *others])


def _row(subject: int | None, hemisphere: Hemisphere | None, roi: str, percent: NDArray[np.float64]) -> ScoreRow:
    if not len(percent):
        return ScoreRow(subject, hemisphere, roi, 0, None, None)
    return ScoreRow(subject, hemisphere, roi, len(percent), float(percent.mean()), float(np.median(percent)))


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
