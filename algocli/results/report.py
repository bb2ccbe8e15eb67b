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
from algocli.encoding.runs import Run, SubjectRun
from algocli.errors import DataError, UsageError
from algocli.results.origin import Origin, recorded_subjects
from algocli.results.scoring import CeilingUnit, OverallAccuracy, VertexScores, pool, read_scores, scored_subjects

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
    `overall` is over all vertices of all the subjects whatever the rows are; None unless all have noise ceilings.
    """

    run: str
    rows: tuple[RoiRow, ...]
    classes: dict[str, str]
    notes: tuple[str, ...] = ()
    overall: OverallAccuracy | None = None

    @property
    def subjects(self) -> tuple[int, ...]:
        """The subjects of the rows, each once, in their order."""
        return tuple(dict.fromkeys(row.subject for row in self.rows))

    @property
    def rois(self) -> tuple[str, ...]:
        """The ROIs of the rows, each once, in their order."""
        return tuple(dict.fromkeys(row.roi for row in self.rows))

    def rois_of(self, subject: int) -> tuple[str, ...]:
        """Return the ROIs that a subject has rows of, in the order of `rois`."""
        named = {row.roi for row in self.rows if row.subject == subject}
        return tuple(roi for roi in self.rois if roi in named)

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
    return _report(run, pairs, rois, _left_out(challenge, run) if subjects is None else ())


def summarise_recorded(
    run: Run, usual: Path, *, subjects: Iterable[int] | None = None, rois: Sequence[str] | None = None
) -> Report:
    """Score a run as `summarise` does, on the data that each subject's record names.

    Parameters
    ----------
    run
        A finished run.
    usual
        The data folder to take where the recorded one is gone. A subject that is in neither has no rows but those of
        all vertices.
    subjects, rois
        As for `summarise`; by default all subjects of the run.

    Raises
    ------
    UsageError
        If the data names no such ROI.
    DataError, MissingStep
        If a ROI is asked for and no data is left, data and run do not fit together, or the run lacks a subject.
    """
    origins = recorded_subjects(run, usual, subjects)
    wants_masks = any(name.lower() != ALL_VERTICES.lower() for name in rois or ())
    if wants_masks and all(origin.subject is None for origin in origins):
        raise DataError(origins[0].note, hint="name the data that has the ROIs with --data-dir")
    pairs = [(origin.subject, origin.share) for origin in origins]
    return _report(run, pairs, rois, filter(None, map(_told, origins)))


def _report(
    run: Run,
    pairs: Sequence[tuple[Subject | None, SubjectRun]],
    rois: Sequence[str] | None,
    notes: Iterable[str],
) -> Report:
    """Score subjects that are paired with their data, or with None where there is none."""
    classes = {roi.name: roi.roi_class for subject, _ in pairs if subject is not None for roi in subject.rois}
    chosen = check_rois(rois, [*classes, ALL_VERTICES]) if rois else None
    rows: list[RoiRow] = []
    everything: dict[str, VertexScores] = {}
    for subject, share in pairs:
        for hemisphere in HEMISPHERES:
            scores = read_scores(subject, share, hemisphere) if subject is not None else _bare(share, hemisphere)
            everything[f"subject {share.number} {hemisphere}"] = scores
            rows.extend(_rows(share.number, subject, hemisphere, scores, chosen))
    # Without a single accuracy there is nothing that a ceiling explains.
    assumed = _ceiling_notes(everything) if any(row.accuracy is not None for row in rows) else ()
    return Report(run.name, tuple(rows), classes, (*notes, *assumed), pool(list(everything.values())))


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


def _bare(share: SubjectRun, hemisphere: Hemisphere) -> VertexScores:
    """Read what a run knows by itself, without the data that it was made from."""
    return VertexScores(np.asarray(share.correlation(hemisphere), dtype=np.float64), None, None)


def _rows(
    number: int, subject: Subject | None, hemisphere: Hemisphere, scores: VertexScores, chosen: Sequence[str] | None
) -> Iterator[RoiRow]:
    accuracy = scores.accuracy

    def row(name: str, vertices: NDArray[np.int64] | slice) -> RoiRow:
        r = scores.correlation[vertices]
        share = _mean(accuracy[vertices]) if accuracy is not None else None
        return RoiRow(number, hemisphere, name, len(r), _median(r), _mean(r), share)

    if subject is not None:
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


def _told(origin: Origin) -> str:
    lost = ": neither ROIs nor accuracy; --data-dir names data that has them" if origin.subject is None else ""
    return origin.note + lost


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
    absent = [name for name, scores in everything.items() if scores.noise_ceiling is None]
    if absent:
        yield f"no accuracy over all vertices: noise ceilings are missing of {', '.join(absent)}"
    n_zero = sum(int(np.sum(s.noise_ceiling == 0)) for s in everything.values() if s.noise_ceiling is not None)
    if n_zero:
        yield f"{n_zero:,} vertices have a noise ceiling of 0; by the official rule they count 100 % where r > 0"
