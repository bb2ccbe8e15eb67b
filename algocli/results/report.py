"""A run's scores, ROI by ROI."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.remarks import counted
from algocli.compute.track import Note
from algocli.dataset.ceilings import CeilingUnit
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import ALL_VERTICES, Side
from algocli.errors import DataError
from algocli.features.store.commands import preparation
from algocli.features.store.library import read_recipe
from algocli.results.certainty import Asked, Certainty, assess
from algocli.results.data_of_runs import Origin, recorded_subjects, tell_changed_files, tell_other_places
from algocli.results.field_layers import tell_apart
from algocli.results.held_out import scored_on, share_of_same_images
from algocli.results.receptive_fields import COLUMNS as OF_FIELDS
from algocli.results.receptive_fields import has_fields, read_fields
from algocli.results.regions import Chosen, Regions, choose_rois, classes_of, regions, tell_min_ceiling, with_sums
from algocli.results.report_rows import COLUMNS, Report, RoiRow
from algocli.results.rows import OfLayers
from algocli.results.scoring import (
    VertexScores,
    add_square,
    mean_adjusted,
    pool,
    read_scores,
    scored_subjects,
)
from algocli.runs.mixtures import tell_mixtures
from algocli.runs.networks import networks_of, tell_random_weights
from algocli.runs.run import Run
from algocli.runs.scored_images import tell_split
from algocli.runs.subject_run import SubjectRun

NOTHING = Asked()


def summarise(
    data: Dataset | Path,
    run: Run,
    *,
    subjects: Iterable[SubjectId] | None = None,
    rois: Sequence[str] | None = None,
    min_ceiling: float = 0,
    asked: Asked = NOTHING,
) -> Report:
    """Score every ROI of a run's subjects, and all vertices together.

    Parameters
    ----------
    data
        The data that the run was made from: it knows which vertices a ROI has. Where it is a folder, each subject is
        scored on the data that its record names, and the folder's takes its place where that is gone. A subject that
        is in neither has no rows but those of all vertices.
    run
        A finished run.
    subjects
        Subject numbers; by default all that the run and the data share, or all subjects of the run.
    rois
        Names of the only ROIs to score, 'All vertices' among them; by default all, 'All vertices' last.
    min_ceiling
        The least noise ceiling, as a share of variance, of the vertices that rows count; 0 for any.
    asked
        What to say of how sure the scores are; by default nothing.

    Raises
    ------
    UsageError
        If the data names no such ROI, or memory does not suffice for what was asked.
    DataError, MissingStep
        If data and run do not fit together, a subject is missing from either, or a ROI is asked for and no data is
        left.
    """
    if isinstance(data, Path):
        origins = recorded_subjects(run, data, subjects)
        wants_masks = any(name.lower() not in (ALL_VERTICES.lower(), "all") for name in rois or ())
        if wants_masks and all(origin.subject is None for origin in origins):
            raise DataError(origins[0].note, hint="name the data that has the ROIs with data_dir=...")
        pairs = [(origin.subject, origin.subject_run) for origin in origins]
        return _report(run, pairs, (rois, min_ceiling), asked, filter(None, map(_told, origins)))
    scored = scored_subjects(data, run, subjects)
    left_out = _left_out(data, run) if subjects is None else ()
    return _report(run, scored, (rois, min_ceiling), asked, [*left_out, *tell_other_places(scored)])


def _report(
    run: Run,
    pairs: Sequence[tuple[Subject | None, SubjectRun]],
    which: tuple[Sequence[str] | None, float],
    asked: Asked,
    remarks: Iterable[str],
) -> Report:
    """Score subjects that are paired with their data, or with None where there is none."""
    numbers = [subject_run.id for _, subject_run in pairs]
    told = (*tell_mixtures(run, numbers), *tell_split(run, numbers), *tell_random_weights([run]), *tell_apart(run))
    notes = [*remarks, *tell_changed_files(pairs), *told]
    classes = classes_of(subject for subject, _ in pairs if subject is not None)
    chosen = choose_rois(which[0], classes, which[1])
    notes += tell_min_ceiling(chosen.min_ceiling)
    # What does not fit is told before anything that takes a while.
    scores = {subject_run.id: _scores(subject, subject_run) for subject, subject_run in pairs}
    rows: list[RoiRow] = []
    whose, refitted = OfLayers(run=run.name, **networks_of(run).fields), False
    of_each = [
        {side: _regions(subject, side, seen, chosen) for side, seen in scores[subject_run.id].items()}
        for subject, subject_run in pairs
    ]
    assessed = _assessed(run, pairs, of_each, asked, notes.append)
    for (_, subject_run), of, sure in zip(pairs, of_each, assessed, strict=True):
        sides = scores[subject_run.id]
        refitted |= any(certainty.refitted for certainty in sure.values())
        for side in sides:
            seen = _fields(run, subject_run, side, of[side], len(sides[side].correlation))
            rows += _rows(whose, (subject_run.id, side), sides[side], of[side], sure[side], seen)
    everything = {f"subject {number} {side}": sides[side] for number, sides in scores.items() for side in sides}
    # Without a single accuracy there is nothing that a ceiling explains.
    if any(row.accuracy is not None for row in rows):
        notes += _ceiling_notes(everything)
    overall = pool(list(everything.values()))
    columns, prepared = COLUMNS + asked.columns, tuple(_preparation(run))
    columns += OF_FIELDS if any(map(has_fields, (subject_run for _, subject_run in pairs))) else ()
    # To list all images takes as long as everything else that a plain report does.
    drawn_of = [subject for subject, _ in pairs if subject is not None and asked.n_resamples is not None]
    return Report(
        run.name,
        tuple(rows),
        with_sums(chosen, classes),
        tuple(notes),
        overall,
        columns,
        prepared,
        refitted,
        share_of_same_images(run, drawn_of),
        chosen.min_ceiling,
        scored_on(run, [subject_run for _, subject_run in pairs]),
    )


def _assessed(
    run: Run,
    pairs: Sequence[tuple[Subject | None, SubjectRun]],
    of: Sequence[Mapping[Side, Regions]],
    asked: Asked,
    note: Note,
) -> Iterator[dict[Side, Certainty]]:
    """Yield how sure the scores of each subject are, of its ROIs as `of` has them."""
    if asked.cluster is not None and asked.columns:
        from algocli.results.certainty_tasks import assess_on

        yield from assess_on(asked.cluster, run, pairs, of, asked, note)
        return
    for (subject, subject_run), own in zip(pairs, of, strict=True):
        yield assess(run, subject_run.id, subject, own, asked, note)


def _scores(subject: Subject | None, subject_run: SubjectRun) -> dict[Side, VertexScores]:
    if subject is not None:
        return {h: add_square(read_scores(subject, subject_run, h), subject_run, h) for h in subject.sides}
    # What a run knows by itself, without the data that it was made from.
    return {
        h: VertexScores(np.asarray(subject_run.correlation(h), dtype=np.float64), None, None) for h in subject_run.sides
    }


def _regions(subject: Subject | None, hemisphere: Side, scores: VertexScores, chosen: Chosen) -> Regions:
    if subject is not None:
        return regions(subject, hemisphere, chosen)
    return {ALL_VERTICES: np.arange(len(scores.correlation))} if ALL_VERTICES in chosen else {}


def _fields(
    run: Run, subject_run: SubjectRun, hemisphere: Side, of: Regions, n_vertices: int
) -> Mapping[str, Mapping[str, Any]]:
    """Sum up the receptive fields of every region, where the run has found any."""
    if not has_fields(subject_run):
        return {}
    fields = read_fields(run, subject_run.id, hemisphere, n_vertices)
    return {name: fields.sum_up(vertices) for name, vertices in of.items()}


def _rows(
    whose: OfLayers,
    who: tuple[SubjectId, Side],
    scores: VertexScores,
    of: Regions,
    sure: Certainty,
    seen: Mapping[str, Mapping[str, Any]],
) -> Iterator[RoiRow]:
    accuracy, adjusted = scores.accuracy, scores.adjusted_accuracy
    for name, vertices in of.items():
        r = scores.correlation[vertices]
        percent = _mean(accuracy[vertices]) if accuracy is not None else None
        fair = mean_adjusted(adjusted[vertices]) if adjusted is not None else None
        low, high = sure.intervals.get(name, (None, None))
        head = (*who, name, len(vertices))
        share = sure.significant_share(vertices)
        row = RoiRow(*head, _median(r), _mean(r), percent, low, high, share, fair, **whose.origin)
        yield replace(row, **seen.get(name, {}))


def _median(values: NDArray[np.float64]) -> float | None:
    return _number(np.median(values)) if len(values) else None


def _mean(values: NDArray[np.float64]) -> float | None:
    return _number(np.mean(values)) if len(values) else None


def _number(value: np.floating) -> float | None:
    return None if math.isnan(value) else float(value)


def _preparation(run: Run) -> Iterator[str]:
    """Say how images were prepared, once for all layers of a network; nothing of features that are gone."""
    said: dict[str, None] = {}
    with suppress(DataError):
        for name in run.settings.features:
            with suppress(DataError):
                said[preparation(read_recipe(run.cache_dir / "features" / name)) or ""] = None
    yield from filter(None, said)


def _told(origin: Origin) -> str:
    lost = ": neither ROIs nor accuracy; --data-dir names data that has them" if origin.subject is None else ""
    return origin.note + lost


def _left_out(challenge: Dataset, run: Run) -> Iterator[str]:
    absent = [n for n in run.subjects if n not in challenge.subject_ids]
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
        have, they = ("has", "it counts") if n_zero == 1 else ("have", "they count")
        zero = f"{counted(n_zero, 'vertices')} {have} a noise ceiling of 0"
        yield f"{zero}; by the official rule {they} 100 % where r > 0"
