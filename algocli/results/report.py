"""A run's scores, ROI by ROI: the rows behind the table, the JSON, the CSV and the bar chart."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.challenge.layout import ALL_VERTICES, HEMISPHERES, Hemisphere
from algocli.challenge.subjects import Challenge, Subject
from algocli.compute.files import publish
from algocli.encoding.runs import Run
from algocli.errors import UsageError
from algocli.results.scoring import CeilingUnit, VertexScores, read_scores, scored_subjects

# Goes wherever a score is shown, so that nobody takes it for what the leaderboard would say.
SCORED_ON = "held-out training images (validation)"


@dataclass(frozen=True)
class RoiRow:
    """The scores of one ROI in one hemisphere of one subject; None where there is nothing to score.

    `median_r` and `mean_r` are over the ROI's vertices, r being on held-out training images; `accuracy` is the mean
    noise-normalised encoding accuracy in percent, None where the data folder has no noise ceilings.
    """

    subject: int
    hemisphere: Hemisphere
    roi: str
    n_vertices: int
    median_r: float | None
    mean_r: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Report:
    """All rows of a run, subject by subject and hemisphere by hemisphere, ROIs in the order of their classes.

    `classes` tells the class of each ROI (`ALL_VERTICES` has none); `notes` say what was assumed on the way.
    """

    run: str
    rows: tuple[RoiRow, ...]
    classes: dict[str, str]
    notes: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[int, ...]:
        """The subjects of the rows, each once, in their order."""
        return tuple(dict.fromkeys(row.subject for row in self.rows))

    @property
    def rois(self) -> tuple[str, ...]:
        """The ROIs of the rows, each once, in their order."""
        return tuple(dict.fromkeys(row.roi for row in self.rows))

    @property
    def has_accuracy(self) -> bool:
        """Say whether any row is normalised by a noise ceiling."""
        return any(row.accuracy is not None for row in self.rows)

    def row(self, subject: int, hemisphere: Hemisphere, roi: str) -> RoiRow | None:
        """Return one row, or None where that subject's data does not name the ROI."""
        wanted = (subject, hemisphere, roi)
        return next((row for row in self.rows if (row.subject, row.hemisphere, row.roi) == wanted), None)


def summarise(
    challenge: Challenge, run: Run, *, subjects: Iterable[int] | None = None, rois: Sequence[str] | None = None
) -> Report:
    """Score every ROI of a run's subjects, and all vertices together.

    Parameters
    ----------
    challenge
        The data that the run was made from: it knows which vertices a ROI has.
    run
        A finished run.
    subjects
        Subject numbers; by default all that the run and the data folder share.
    rois
        Names of the only ROIs to score, 'All vertices' among them; by default all, 'All vertices' last.

    Raises
    ------
    UsageError
        If the data names no such ROI.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    pairs = scored_subjects(challenge, run, subjects)
    classes = {roi.name: roi.roi_class for subject, _ in pairs for roi in subject.rois}
    chosen = check_rois(rois, [*classes, ALL_VERTICES]) if rois else None
    rows: list[RoiRow] = []
    everything: dict[str, VertexScores] = {}
    for subject, share in pairs:
        for hemisphere in HEMISPHERES:
            scores = read_scores(subject, share, hemisphere)
            everything[f"subject {subject.number} {hemisphere}"] = scores
            rows.extend(_rows(subject, hemisphere, scores, chosen))
    left_out = _left_out(challenge, run) if subjects is None else ()
    # Without a single accuracy there is nothing that a ceiling explains.
    assumed = _ceiling_notes(everything) if any(row.accuracy is not None for row in rows) else ()
    return Report(run.name, tuple(rows), classes, (*left_out, *assumed))


def check_rois(names: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the names as they are known, each once; upper and lower case do not matter.

    Raises
    ------
    UsageError
        If a name is not known; the nearest ones and the whole list are told.
    """
    spelled = {name.lower(): name for name in known}
    found: dict[str, None] = {}
    for name in names:
        if name.lower() not in spelled:
            near = difflib.get_close_matches(name.lower(), spelled, n=3, cutoff=0.6)
            guess = f"; did you mean {' or '.join(spelled[word] for word in near)}?" if near else ""
            raise UsageError(f"no ROI is named '{name}'{guess}", hint=f"there are {', '.join(known)}")
        found[spelled[name.lower()]] = None
    return tuple(found)


def write_csv(report: Report, path: Path) -> None:
    """Write the rows as CSV at full precision, a missing score as an empty cell.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(RoiRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in report.rows)
    publish(path, lambda stream: stream.write(text.getvalue().encode()))


def _rows(
    subject: Subject, hemisphere: Hemisphere, scores: VertexScores, chosen: Sequence[str] | None
) -> Iterator[RoiRow]:
    accuracy = scores.accuracy

    def row(name: str, vertices: NDArray[np.int64] | slice) -> RoiRow:
        r = scores.correlation[vertices]
        share = _mean(accuracy[vertices]) if accuracy is not None else None
        return RoiRow(subject.number, hemisphere, name, len(r), _median(r), _mean(r), share)

    for roi in subject.rois:
        if chosen is None or roi.name in chosen:
            yield row(roi.name, subject.roi_vertices(roi, hemisphere))
    if chosen is None or ALL_VERTICES in chosen:
        yield row(ALL_VERTICES, slice(None))


def _median(values: NDArray[np.float64]) -> float | None:
    return _number(np.median(values)) if len(values) else None


def _mean(values: NDArray[np.float64]) -> float | None:
    return _number(np.mean(values)) if len(values) else None


def _number(value: np.floating) -> float | None:
    return None if math.isnan(value) else float(value)


def _left_out(challenge: Challenge, run: Run) -> Iterator[str]:
    absent = [n for n in run.subjects if n not in challenge.found]
    if absent:
        yield f"the run also has subject {', '.join(map(str, absent))}, whose data is not in {challenge.folder}"


def _ceiling_notes(everything: Mapping[str, VertexScores]) -> Iterator[str]:
    whose: dict[CeilingUnit, list[str]] = {}
    for name, scores in everything.items():
        if scores.unit is not None:
            whose.setdefault(scores.unit, []).append(name)
    for unit, names in whose.items():
        spelled = {"share": "shares of variance (0 to 1)", "percent": "percent (0 to 100)"}[unit]
        of_whom = f" of {', '.join(names)}" if len(whose) > 1 else ""
        yield f"noise ceilings{of_whom} were read as {spelled}, going by their largest value"
    n_zero = sum(int(np.sum(s.noise_ceiling == 0)) for s in everything.values() if s.noise_ceiling is not None)
    if n_zero:
        yield f"{n_zero:,} vertices have a noise ceiling of 0; by the official rule they count 100 % where r > 0"
