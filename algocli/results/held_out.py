"""What was measured and what runs predicted of the images that they held out, some vertices at a time.

Whatever is computed anew from responses must come from those that a run was trained on: its stored scores tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, take
from algocli.compute.threads import one_ahead
from algocli.compute.track import Track
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.dataset.stimuli import StimulusId
from algocli.errors import DataError
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun
from algocli.stats.correlation import correlate_here

# Vertices at once: 80 MB of a full subject's responses where every image was held out.
VERTICES = 2048
# A stored r and the same computed again differ by rounding; one of other responses by far more.
SAME_R = 1e-3


@dataclass(frozen=True)
class HeldOut:
    """A subject of a run, its held-out rows brought into rising order.

    Attributes
    ----------
    rows : (n_validation,)
        Rows of the training images.
    order : (n_validation,)
        Where the run's predictions have each of them.
    folds : (n_validation,)
        The fold of each.
    """

    run: Run
    subject_run: SubjectRun
    rows: NDArray[np.int64]
    order: NDArray[np.int64]
    folds: NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Some vertices of a hemisphere.

    Attributes
    ----------
    vertices : (n_some,)
        Indices into the challenge vertices, rising.
    measured : (n_validation, n_some)
    predicted : for each run (n_validation, n_some)
    """

    vertices: NDArray[np.int64]
    measured: NDArray[np.float32]
    predicted: list[NDArray[np.float32]]


def held_out(run: Run, number: SubjectId) -> HeldOut:
    """Return the images that a run held out of a subject.

    Raises
    ------
    MissingStep
        If the run has not been trained on that subject.
    DataError
        If the run's split is damaged.
    """
    subject_run = run.subject(number)
    subject_run.check_split()
    rows, folds = subject_run.validation_rows(), subject_run.validation_folds()
    order = np.argsort(rows)
    return HeldOut(run, subject_run, rows[order], order, folds[order])


def scored_on(run: Run, subject_runs: Iterable[SubjectRun]) -> dict[str, Any]:
    """Return what some subjects of a run were scored on, as JSON has it: which training images, and how many of each.

    Parameters
    ----------
    subject_runs
        As they were opened to read their scores: they refuse to tell of another training.

    Raises
    ------
    DataError
        If a split is damaged.
    """
    settings = run.settings
    n_images = {str(subject_run.id): len(subject_run.validation_rows()) for subject_run in subject_runs}
    split = {name: getattr(settings, name) for name in ("shared", "holdout", "folds", "seed")}
    return {"split": "train", **split, "n_images": n_images}


def share_of_same_images(run: Run, subjects: Sequence[Subject]) -> float:
    """Return what share of a subject's held-out images were held out of another too, on average over subjects.

    Images are the same by their ids where these number a collection, and elsewhere by their files. Where they are gone
    nothing is known to be the same: a report needs no images.
    """
    if len(subjects) < 2:
        return 0.0
    try:
        seen = [_held_out_images(subject, run.subject(subject.id).validation_rows()) for subject in subjects]
    except DataError:
        return 0.0
    counts = Counter(image for images in seen for image in images)
    return float(np.mean([sum(counts[image] > 1 for image in images) / max(1, len(images)) for images in seen]))


def _held_out_images(subject: Subject, rows: NDArray[np.int64]) -> list[StimulusId | Path]:
    images, has_numbers = subject.train_stimuli, subject.ids.n is not None
    return [images[row].id if has_numbers else images[row].path for row in rows[rows < len(images)].tolist()]


def remark_on_images(runs: Sequence[Run], number: SubjectId) -> str:
    """Return a sentence where runs held out different images of a subject, nothing where they held out the same.

    Raises
    ------
    DataError, MissingStep
        As `held_out` does.
    """
    first, *others = (held_out(run, number).rows for run in runs)
    if all(np.array_equal(first, rows) for rows in others):
        return ""
    return "The runs held out different images, so that part of the differences is chance."


def data_is_gone(held: HeldOut) -> DataError:
    """Return what to raise where the responses that a run was trained on are nowhere."""
    folder = held.subject_run.data_folder
    where = f"is no longer in {folder}" if folder else "is nowhere named in the run's record"
    return DataError(
        f"the data of subject {held.subject_run.id}, which run {held.run.name} was trained on, {where}",
        hint="name the challenge data with data_dir=...",
    )


def read_blocks(
    subject: Subject,
    hemisphere: Side,
    subject_runs: Sequence[HeldOut],
    vertices: NDArray[np.int64],
    *,
    track: Track,
    doing: str,
) -> Iterator[Block]:
    """Read responses to held-out images, measured and as each run predicted them; the next block while one is in use.

    Parameters
    ----------
    subject_runs
        Runs that held out the same images.
    vertices : (n_wanted,)
        The only ones to read, rising.
    doing
        What progress is to be shown of, in a word.

    Raises
    ------
    DataError
        If the responses are not those that a run was trained on.
    """
    read, parts = reader(subject, hemisphere, subject_runs), blocks(len(vertices), VERTICES)
    label = f"subject {subject.id}, {hemisphere}: {doing}"
    read_ahead = one_ahead(read(vertices[part]) for part in parts)
    yield from track(read_ahead, total=len(parts), label=label, unit="blocks")


def reader(subject: Subject, hemisphere: Side, subject_runs: Sequence[HeldOut]) -> Callable[[NDArray[np.int64]], Block]:
    """Return what reads some vertices' responses to held-out images, as `read_blocks` does, in any thread.

    Raises
    ------
    DataError
        If the responses are not those that a run was trained on; from what is returned too.
    """
    responses = subject.responses("train", hemisphere)
    rows, n_vertices = subject_runs[0].rows, responses.shape[1]
    stored = [held.subject_run.correlation(hemisphere) for held in subject_runs]
    predictions = [held.subject_run.validation_predictions(hemisphere) for held in subject_runs]
    for held, r, predicted in zip(subject_runs, stored, predictions, strict=True):
        if (r.shape, predicted.shape) != ((n_vertices,), (len(rows), n_vertices)) or rows[-1] >= len(responses):
            raise _other_data(subject, held.run)

    def read(some: NDArray[np.int64]) -> Block:
        block = Block(some, take(responses, rows, some), [])
        for held, r, predicted in zip(subject_runs, stored, predictions, strict=True):
            block.predicted.append(take(predicted, held.order, some))
            again = _mean_r(block.measured, block.predicted[-1], held.folds)
            if not np.allclose(again, r[some], rtol=0, atol=SAME_R):
                raise _other_data(subject, held.run)
        return block

    return read


def _mean_r(
    measured: NDArray[np.float32], predicted: NDArray[np.float32], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Score a run as its training did, (n_some,): by the mean of r over its folds."""
    parts = [folds == fold for fold in np.unique(folds)]
    r: NDArray[np.float64] = np.mean([correlate_here(measured[inside], predicted[inside]) for inside in parts], axis=0)
    return r


def _other_data(subject: Subject, run: Run) -> DataError:
    return DataError(
        f"run {run.name} was not trained on the responses of subject {subject.id} in {subject.folder}",
        hint="name the folder that it was trained on with data_dir=..., or train again on this one",
    )
