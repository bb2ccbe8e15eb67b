"""What single images do to a subject's cortex: the responses measured, and beside them those predicted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import Side
from algocli.errors import UsageError
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.plots.request import Values, Wishes, known_rois, places, restricted
from algocli.results.scoring import scored_subjects
from algocli.runs.networks import name_runs
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun
from algocli.stats.correlation import correlate

_UNIT = "response (z-scored in each session)"


def plot_response(
    challenge: Dataset,
    wishes: Wishes,
    *,
    row: int | None = None,
    nsd_id: int | None = None,
    rois: Sequence[str] = (),
) -> Iterator[tuple[SubjectId, BrainMap]]:
    """Show one training image, and each subject's measured responses to it.

    Parameters
    ----------
    challenge, wishes
        Whose responses, and how to show them.
    row, nsd_id
        Which image, by its row from 0 or by its id.
    rois
        Names of ROIs or of ROI classes to whose vertices the map is restricted.

    Raises
    ------
    UsageError
        If a subject has no such training image, or the data names no such ROI.
    DataError
        If a subject, its images or its responses are missing.
    """
    chosen = challenge.subjects(wishes.subjects)
    only = known_rois(chosen, rois)
    # All are found before the first is drawn.
    placed = [(subject, find_row(subject, row, nsd_id)) for subject in chosen]
    for subject, at in placed:
        title = wishes.heading(f"Responses to training image {at}", subject.id, chosen)
        measured = wishes.explainable(subject, _within(subject, _measured(subject, at, wishes), only))
        image = subject.train_stimuli[at]
        said = f"Measured responses to {image.path.name}{_where(subject, only, wishes)}."
        yield subject.id, _beside(subject, image.path, {"": measured}, title, said, wishes)


def plot_prediction(
    challenge: Dataset,
    run: Run,
    wishes: Wishes,
    *,
    row: int | None = None,
    nsd_id: int | None = None,
    rois: Sequence[str] = (),
) -> Iterator[tuple[SubjectId, BrainMap]]:
    """Show one held-out image, and each subject's measured and predicted responses to it on one colour scale.

    Parameters are those of `plot_response`; the image is by default the first that the run held out.

    Raises
    ------
    UsageError
        If a subject's run did not hold out the image, or the data names no such ROI.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    pairs = scored_subjects(challenge, run, wishes.subjects)
    only = known_rois([subject for subject, _ in pairs], rois)
    placed = [
        (subject, subject_run, *_held_out_row(subject, subject_run, row, nsd_id)) for subject, subject_run in pairs
    ]
    for subject, subject_run, at, position in placed:
        title = wishes.heading(f"Responses to held-out image {at}", subject.id, pairs)
        measured = wishes.explainable(subject, _within(subject, _measured(subject, at, wishes), only))
        rows = {
            h: np.asarray(subject_run.validation_predictions(h)[position], np.float64) for h in wishes.sides(subject)
        }
        predicted = wishes.explainable(subject, _within(subject, rows, only))
        image = subject.train_stimuli[at]
        said = f"{image.path.name}{_where(subject, only, wishes)}; {_agreement(measured, predicted)}."
        said += f"\n{name_runs([run])}"
        values = {"measured": measured, "predicted": predicted}
        yield subject.id, _beside(subject, image.path, values, title, said, wishes)


def _beside(
    subject: Subject, image: Path, values: Mapping[str, Values], title: str, said: str, wishes: Wishes
) -> BrainMap:
    """Put an image beside the responses to it, all on one scale."""
    panels = tuple(Panel(wishes.on_surface(subject, sides), name) for name, sides in values.items())
    shown = np.concatenate([side for sides in values.values() for side in sides.values()])
    return BrainMap(
        panels,
        wishes.symmetric_scale(shown, _UNIT),
        title,
        f"{said}\n{wishes.count(panels[0].values, next(iter(values.values())))}",
        wishes.surface,
        wishes.outlines(subject),
        image,
    )


def find_row(subject: Subject, row: int | None, nsd_id: int | None) -> int:
    """Return the row of a training image that is given by its row or by its id.

    Raises
    ------
    UsageError
        If the subject has no such training image.
    """
    images = subject.train_stimuli
    if nsd_id is not None:
        row_of_id = next((at for at, image in enumerate(images) if str(image.id) == str(nsd_id)), None)
        if row_of_id is None:
            raise UsageError(
                f"no training image of subject {subject.id} has {subject.ids.name} {nsd_id}",
                hint=f"`algocli stimuli -s {subject.id}` lists those there are",
            )
        return row_of_id
    if row is None or not 0 <= row < len(images):
        raise UsageError(f"subject {subject.id} has no training image {row}: rows go from 0 to {len(images) - 1}")
    return row


def _held_out_row(subject: Subject, subject_run: SubjectRun, row: int | None, nsd_id: int | None) -> tuple[int, int]:
    """Return a held-out image's row among the training images, and among the run's predictions."""
    held_out = subject_run.validation_rows()
    at = int(held_out.min()) if row is None and nsd_id is None else find_row(subject, row, nsd_id)
    positions = np.flatnonzero(held_out == at)
    if not len(positions):
        some = ", ".join(map(str, np.sort(held_out)[:5]))
        raise UsageError(
            f"training image {at} of subject {subject.id} was not held out: the model was fitted to it",
            hint=f"held out were {some} and {len(held_out) - 5:,} others" if len(held_out) > 5 else f"held out: {some}",
        )
    return at, int(positions[0])


def _measured(subject: Subject, row: int, wishes: Wishes) -> dict[Side, NDArray[np.float64]]:
    return {h: np.asarray(subject.responses("train", h)[row], dtype=np.float64) for h in wishes.sides(subject)}


def _within(subject: Subject, values: Values, only: Sequence[str]) -> Values:
    return restricted(subject, values, only) if only else values


def _where(subject: Subject, only: Sequence[str], wishes: Wishes) -> str:
    """Say where responses are from, and which of these ROIs a hemisphere lacks."""
    if not only:
        return ""
    lacking = [
        f"{h} {' and '.join(absent)}"
        for h in wishes.sides(subject)
        if (absent := [name for name in only if not len(places(subject, name, [h])[h])])
    ]
    return f" in {', '.join(only)}" + (f" (absent: {'; '.join(lacking)})" if lacking else "")


def _agreement(measured: Values, predicted: Values) -> str:
    columns = _column(measured), _column(predicted)
    return f"r over the vertices {correlate(*columns)[0]:.2f}" if len(columns[0]) else "no vertex to predict"


def _column(values: Values) -> NDArray[np.float64]:
    """Line up the vertices that are shown, (n_vertices, 1)."""
    together = np.concatenate(list(values.values()))
    column: NDArray[np.float64] = together[np.isfinite(together)][:, None]
    return column
