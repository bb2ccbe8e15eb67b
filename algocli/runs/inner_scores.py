"""How well a run's models predict images that they could have been fitted on, and were not: what to choose runs by.

Within what each fold fits, some images are left out in turn and predicted by a model of the others, components and all.
No image that the fold holds out has a part in it, so that a choice by these scores is judged fairly by the fold's own.
They are kept beside the run for as long as this is what it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import keep, level_rounding, read_kept
from algocli.compute.caches import where_writable
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.copies import find_copies
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.encoding.kernels import Kernels, fits_together, view_of
from algocli.encoding.reach import most_components
from algocli.encoding.settings import Settings
from algocli.encoding.splits import Fold, nested_folds
from algocli.runs.between_folds import FoldsAgain
from algocli.runs.run import Run
from algocli.runs.splitting import saved_split
from algocli.runs.subject_run import INNER, SubjectRun
from algocli.stats.correlation import correlate

# Rises when the same run comes to have other scores.
_SCHEMA = 1
# By side the mean r over the inner folds of each fold, (n_folds, n_vertices).
InnerR = dict[Side, NDArray[np.float64]]


class InnerScores:
    """The inner scores of one subject of a run: kept ones if there are, or new ones, which are kept.

    Raises
    ------
    MissingStep
        If the run has not been trained on the subject.
    DataError
        If images are missing, or too few to be left out in turn.
    """

    def __init__(self, run: Run, subject: Subject, *, track: Track = silent, note: Note = unheard) -> None:
        self.run, self.subject, self.note = run, subject, note
        self.subject_run: SubjectRun = run.subject(subject.id)
        n_train = len(subject.train_stimuli)
        first = find_copies([image.path for image in subject.train_stimuli], run.cache_dir, track=track)
        self.inner = nested_folds(saved_split(self.subject_run, n_train), first, run.settings.seed)
        self._whose = f"{_SCHEMA} {self.subject_run.record_digest()} {_digest(self.inner)}"
        self._kept = read_kept(self._path, self._whose)

    @property
    def n_models(self) -> int:
        """How many models are to be fitted; none where the scores are kept."""
        return 0 if self._kept is not None else len(_models(self.inner))

    def fits(self) -> list[NDArray[np.int64]]:
        """Return the images of every model, whether or not its scores are kept."""
        return [fold.fit for fold, _ in _models(self.inner)]

    @property
    def seconds(self) -> float:
        """About how long these take, by what the training took; 0 where that is not recorded."""
        record = self.subject_run.record
        clock = record.get("seconds") or {}
        fitting = sum(seconds for stage, seconds in clock.items() if stage not in ("inputs", "gram"))
        return self.n_models * float(fitting) / (len(self.inner) + self.run.settings.refit)

    def read(self) -> InnerR:
        """Return by side the mean r over the inner folds of each fold, (n_folds, n_vertices).

        Raises
        ------
        MissingStep
            If the features are gone.
        UsageError
            If code of others, which the run names, would have to run.
        DataError
            If the responses are not those that the run was trained on.
        """
        if self._kept is None:
            scores = score_inner(FoldsAgain(self.run, self.subject, note=self.note), self.inner)
            self._kept = dict(scores)
            with where_writable(self.subject_run.folder):
                keep(self._path, self._whose, self._kept)
        return {side: self._kept[side] for side in self.subject_run.sides}

    @property
    def _path(self) -> Path:
        return self.subject_run.folder / INNER


def score_inner(again: FoldsAgain, inner: Sequence[Sequence[Fold]]) -> InnerR:
    """Fit the models of every inner fold, and score what each leaves out.

    Parameters
    ----------
    inner
        The inner folds of each fold. What several leave out by one model is predicted by one.

    Returns
    -------
    By side (n_folds, n_vertices): r as the run's own report has it, the mean over inner folds of one r each.

    Raises
    ------
    UsageError
        If so few images have not the components that the settings ask for.
    """
    subject = again.subject
    models = _models(inner)
    settings = _within_reach(again, [model.fit for model, _ in models])
    kernels = Kernels(again.stores, settings, len(subject.train_stimuli), track=again.track)
    by_side = {side: np.zeros((len(inner), subject.n_vertices(side))) for side in subject.sides}
    n_vertices = max(map(subject.n_vertices, subject.sides))
    n_together = fits_together(settings, max(len(model.fit) for model, _ in models), n_vertices)
    for start in range(0, len(models), n_together):
        chunk = models[start : start + n_together]
        views = [view_of(kernels, model.fit) for model, _ in chunk]
        scores = [[view.project(part) for _, part in judged] for view, (_, judged) in zip(views, chunk, strict=True)]
        views = [view.without_kernels() for view in views]
        for side, total in by_side.items():
            responses = subject.responses("train", side)
            fitted = again.regression.fit(settings, views, responses, again.note)
            for model, (_, judged), of_parts in zip(fitted, chunk, scores, strict=True):
                for (fold, part), of_part in zip(judged, of_parts, strict=True):
                    predicted = level_rounding(again.regression.predict(model, of_part))
                    total[fold] += correlate(np.asarray(responses[part]), predicted) / len(inner[fold])
    return by_side


# A model to be fitted, and for whom it predicts what: the numbers of folds, each with rows that it leaves out.
_Model = tuple[Fold, list[tuple[int, NDArray[np.int64]]]]


def _models(inner: Sequence[Sequence[Fold]]) -> list[_Model]:
    """Return the models of all inner folds, those of the same images once."""
    models: dict[bytes, _Model] = {}
    for number, folds in enumerate(inner):
        for fold in folds:
            models.setdefault(fold.fit.tobytes(), (fold, []))[1].append((number, fold.held_out))
    return list(models.values())


def _within_reach(again: FoldsAgain, fits: Sequence[NDArray[np.int64]]) -> Settings:
    """Return the settings, with as many components as the fewest images of an inner fold allow."""
    settings = again.settings
    if settings.n_components is None:
        return settings
    most = most_components(settings, len(again.subject.train_stimuli), min(fits, key=len))
    if not 0 < most < settings.n_components:
        return settings
    again.note(
        f"subject {again.subject.id}: inner folds fit as few as {min(map(len, fits))} images, which allow {most} "
        f"components, and not {settings.n_components}"
    )
    return replace(settings, n_components=most)


def _digest(inner: Sequence[Sequence[Fold]]) -> str:
    """Return a digest of which images are left out by which inner fold."""
    digest = hashlib.sha256()
    for folds in inner:
        for fold in folds:
            for rows in (fold.fit, fold.held_out):
                digest.update(len(rows).to_bytes(8, "little") + rows.astype("<i8").tobytes())
    return digest.hexdigest()[:16]
