"""Which image each trial showed, which images are for training and which for testing, how often these were shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.ceilings import Repeats
from algocli.dataset.challenge.image_names import parse_id
from algocli.dataset.challenge.layout import OFFICIAL_SIZES
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.ids import find_stimuli, read_table
from algocli.dataset.sides import Split
from algocli.errors import DataError, UsageError

_UNKNOWN = -1
# NSD showed each image to a subject up to three times.
_N_REPEATS = 3
_SESSIONS_OF_ALL = 40
_TRIALS_A_SESSION = 750


@dataclass(frozen=True)
class Trials:
    """A subject's images and trials.

    `train_ids` and `test_ids` are NSD ids, rising. An image that some session before the last `n_test_sessions` shows
    is for training, from those sessions' trials alone; an image that only the last ones show is for testing. `shown`
    (n_sessions, n_trials) has the NSD id of every trial.
    """

    train_ids: NDArray[np.int64]
    test_ids: NDArray[np.int64]
    shown: NDArray[np.int64]
    n_test_sessions: int

    def rows(self, session: int, split: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the trials of a session, from 0, that count for a split, and the rows of their images in it."""
        is_test_session = session >= len(self.shown) - self.n_test_sessions
        nowhere = np.array([], dtype=np.int64)
        if is_test_session != (split == "test"):
            return nowhere, nowhere
        ids = self.test_ids if split == "test" else self.train_ids
        trials = np.flatnonzero(np.isin(self.shown[session], ids))
        return trials, np.searchsorted(ids, self.shown[session, trials])

    @property
    def repeats(self) -> Repeats:
        """How many test images were shown three times, twice and once."""
        in_test = self.shown[len(self.shown) - self.n_test_sessions :].ravel()
        counts = np.bincount(np.searchsorted(self.test_ids, in_test[np.isin(in_test, self.test_ids)]))
        return Repeats(*(int(np.sum(counts == times)) for times in (3, 2, 1)))


def read_trials(path: Path, subject: int, n_sessions: int, n_trials: int, n_test_sessions: int) -> Trials:
    """Read what a subject saw from NSD's nsd_stim_info_merged.csv.

    Parameters
    ----------
    path
        Its columns subjectK_rep0 to subjectK_rep2 hold the number, from 1, of the trial that shows an image.
    subject
        K.
    n_sessions, n_trials
        How many sessions took place, and of how many trials each.
    n_test_sessions
        How many of the last sessions are for testing.

    Raises
    ------
    DataError
        If the file does not say of every trial which image it showed, or a split has no image.
    """
    if not 0 < n_test_sessions < n_sessions:
        raise DataError(f"of {n_sessions} sessions the last {n_test_sessions} cannot be for testing alone")
    known: set[int] = set()
    shown = np.full(n_sessions * n_trials, _UNKNOWN)
    for word, *trials in read_table(path, ["nsdId", *_trial_columns(subject)]):
        nsd_id = parse_id(word, str(path))
        if nsd_id in known:
            raise DataError(f"{path} names NSD id {nsd_id} twice")
        known.add(nsd_id)
        for trial in [_parse_trial(trial, f"{path}, NSD id {nsd_id}") for trial in trials]:
            if not 0 < trial <= len(shown):
                continue
            if shown[trial - 1] != _UNKNOWN:
                raise DataError(f"{path}: trial {trial} of subject {subject} shows two images")
            shown[trial - 1] = nsd_id
    unknown = np.flatnonzero(shown == _UNKNOWN)
    if len(unknown):
        raise DataError(
            f"{path} does not say what {len(unknown)} of subject {subject}'s {len(shown)} trials showed; the first is "
            f"trial {unknown[0] + 1}"
        )
    by_session = shown.reshape(n_sessions, n_trials)
    train = np.unique(by_session[:-n_test_sessions])
    test = np.setdiff1d(by_session[-n_test_sessions:], train)
    if not len(test):
        raise DataError(f"the last {n_test_sessions} sessions of subject {subject} show no image for the first time")
    return Trials(train, test, by_session, n_test_sessions)


def usual_repeats(subject: int) -> Repeats:
    """Return what is known of subjects who completed all 40 sessions: every test image was shown three times.

    Raises
    ------
    UsageError
        If the subject did not.
    """
    size = OFFICIAL_SIZES[subject]
    if size.n_sessions < _SESSIONS_OF_ALL:
        raise UsageError(
            f"subject {subject} had {size.n_sessions} of {_SESSIONS_OF_ALL} sessions: not all test images were shown "
            "three times",
            hint="count them with stim_info=nsd_stim_info_merged.csv, or give repeats=A,B,C: images shown 3, 2, 1 "
            "times",
        )
    return Repeats(size.n_test, 0, 0)


def count_repeats(subject: Subject, path: Path) -> Repeats:
    """Count how often a subject's test images were shown in the sessions that took place.

    Parameters
    ----------
    path
        NSD's nsd_stim_info_merged.csv. Its columns subjectK_rep0 to subjectK_rep2 hold the number, from 1, of the
        trial that shows an image to subject K, within 40 planned sessions of 750 trials; 0 stands for none.

    Raises
    ------
    DataError
        If the file lacks a column or one of the images, holds a word for a number, or says that an image was not
        shown.
    """
    table = read_table(path, ["nsdId", *_trial_columns(subject.number)])
    places = find_stimuli([parse_id(row[0], str(path)) for row in table], subject.test_stimuli, str(path))
    n_trials = OFFICIAL_SIZES[subject.number].n_sessions * _TRIALS_A_SESSION
    counts = [0] * (_N_REPEATS + 1)
    for place, stimulus in zip(places, subject.test_stimuli, strict=True):
        trials = [_parse_trial(word, f"{path}, NSD id {stimulus.nsd_id}") for word in table[place][1:]]
        n_shown = sum(0 < trial <= n_trials for trial in trials)
        if not n_shown:
            raise DataError(
                f"by {path} subject {subject.number} did not see NSD id {stimulus.nsd_id} ({stimulus.path.name})",
                hint="for images of other origin give repeats=A,B,C: how many were shown 3, 2, 1 times",
            )
        counts[n_shown] += 1
    _, once, two, three = counts
    return Repeats(three, two, once)


def _trial_columns(subject: int) -> list[str]:
    """Name the columns of NSD's table of images that hold the trials that show an image to a subject."""
    return [f"subject{subject}_rep{repeat}" for repeat in range(_N_REPEATS)]


def _parse_trial(word: str, where: str) -> int:
    """Turn a word into the number of a trial, which counts from 1; 0 stands for none.

    Raises
    ------
    DataError
        If it is none; `where` says what holds it.
    """
    if not (word.isascii() and word.isdecimal() and len(word) <= 9):
        raise DataError(f"{where}: '{word[:20]}' is no number of a trial; whole numbers from 0 were expected")
    return int(word)
