"""Responses from single trials: z-scored within each session, then averaged over an image's repeats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.opening import open_file
from algocli.compute.track import Track, silent
from algocli.dataset.challenge.layout import N_FSAVERAGE
from algocli.dataset.nsd.tree import Tree
from algocli.dataset.nsd.trials import Trials
from algocli.dataset.sides import SPLITS, Hemisphere, Split
from algocli.errors import DataError, first_line

# Trials that are read at a time.
_ROWS = 64


@dataclass(frozen=True)
class Averages:
    """One hemisphere's responses, (n_images, n_vertices) float32 for each split, and which vertices they are of.

    `vertices` are fsaverage indices, rising: those asked for that have a finite, varying beta in every session. `kept`
    says which columns of the responses these are.
    """

    responses: dict[Split, NDArray[np.float32]]
    vertices: NDArray[np.int64]
    kept: NDArray[np.bool_]


def count_trials(path: Path) -> int:
    """Return how many trials a session's file holds.

    Raises
    ------
    DataError
        If it is no map on fsaverage with a value for every trial.
    """
    return _open(path).n_trials


def average(
    tree: Tree, hemisphere: Hemisphere, trials: Trials, asked: NDArray[np.int64], track: Track = silent
) -> Averages:
    """Average one hemisphere's betas, session by session.

    Every vertex is z-scored over all trials of a session. A vertex that is not finite, or never varies, in any session
    is left out.

    Parameters
    ----------
    tree, hemisphere
        Whose betas.
    trials
        Which image each trial showed.
    asked : (n,)
        The fsaverage indices of the vertices wanted, rising.
    track
        Wraps the sessions.

    Raises
    ------
    DataError
        If a file is damaged, of another surface, or of another number of trials, or no vertex is left.
    """
    n_sessions, n_trials = trials.shown.shape
    n_images: dict[Split, int] = {"train": len(trials.train_ids), "test": len(trials.test_ids)}
    sums = {split: np.zeros((n_images[split], len(asked)), dtype=np.float32) for split in SPLITS}
    times = {split: np.zeros(n_images[split], dtype=np.int64) for split in SPLITS}
    kept = np.ones(len(asked), dtype=bool)
    for session in track(range(n_sessions), total=n_sessions, label=f"sessions, {hemisphere}"):
        path = tree.session(hemisphere, session + 1)
        scores = _z_score(_read(path, n_trials, asked), kept)
        if not kept.any():
            raise DataError(f"{path} leaves no vertex of the mask with finite, varying betas in every session so far")
        for split in SPLITS:
            chosen, rows = trials.rows(session, split)
            # An image may be shown twice in one session: one trial after the other.
            for trial, row in zip(chosen, rows, strict=True):
                sums[split][row] += scores[trial]
                times[split][row] += 1
    for split in SPLITS:
        sums[split] /= times[split][:, None]
    return Averages(sums, asked[kept], kept)


def _z_score(betas: NDArray[np.float32], kept: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Z-score each vertex over a session's trials in place, and strike out of `kept` those that have no z-score."""
    with np.errstate(invalid="ignore", over="ignore"):
        mean = betas.mean(axis=0, dtype=np.float64)
        spread = betas.std(axis=0, dtype=np.float64)
        # The mean of equal values may differ from them in the last bit: a dead vertex is told by its extremes.
        spread[np.ptp(betas, axis=0) == 0] = 0
        kept &= np.isfinite(mean) & (spread > 0)
        betas -= mean.astype(np.float32)
        betas /= np.where(spread > 0, spread, 1).astype(np.float32)
    return betas


def _read(path: Path, n_trials: int, asked: NDArray[np.int64]) -> NDArray[np.float32]:
    """Read a session's betas of some vertices, (n_trials, n_vertices), a block of trials at a time."""
    session = _open(path)
    if session.n_trials != n_trials:
        raise DataError(f"{path} has {session.n_trials} trials; the left hemisphere's first session has {n_trials}")
    betas = np.empty((n_trials, len(asked)), dtype=np.float32)
    for start in range(0, n_trials, _ROWS):
        block = session.read(start, min(_ROWS, n_trials - start))
        # A trial that is 0 at every vertex is a hole: a file that was given its size and not all of its content.
        empty = np.flatnonzero(~block.any(axis=1))
        if len(empty):
            raise DataError(
                f"{path} is 0 at every vertex in trial {start + empty[0] + 1} of {n_trials}: it was never written to "
                "the end",
                hint="copy the file again",
            )
        betas[start : start + _ROWS] = block[:, asked]
    return betas


@dataclass(frozen=True)
class _Session:
    """A session's file: on disk one trial, 163,842 values, follows the other."""

    path: Path
    dtype: np.dtype[Any]
    offset: int
    n_trials: int

    def read(self, start: int, n_trials: int) -> NDArray[Any]:
        """Read some trials, (n_trials, 163,842)."""
        # Not mapped into memory: its pages would count as ours.
        offset = self.offset + start * N_FSAVERAGE * self.dtype.itemsize
        return np.fromfile(self.path, self.dtype, n_trials * N_FSAVERAGE, offset=offset).reshape(n_trials, -1)


def _open(path: Path) -> _Session:
    from nibabel.freesurfer.mghformat import MGHHeader

    try:
        with open_file(path) as stream:
            header: Any = MGHHeader.from_fileobj(stream)  # type: ignore[no-untyped-call]
        shape = tuple(int(n) for n in header.get_data_shape())
        session = _Session(path, header.get_data_dtype(), header.get_data_offset(), shape[3] if len(shape) == 4 else 1)
    except DataError:
        raise
    # On a damaged file nibabel raises its own errors, and those of struct and numpy.
    except Exception as error:
        reason = first_line(error)
        raise DataError(f"{path} is no whole map of FreeSurfer: {reason}", hint="copy the file again") from error
    if shape[:3] != (N_FSAVERAGE, 1, 1):
        raise DataError(
            f"{path} is of shape {shape}; betas on fsaverage, {N_FSAVERAGE} x 1 x 1 x trials, were expected"
        )
    n_bytes = session.offset + session.n_trials * N_FSAVERAGE * session.dtype.itemsize
    if path.stat().st_size < n_bytes:
        raise DataError(f"{path} is no whole map of FreeSurfer: it ends early", hint="copy the file again")
    return session
