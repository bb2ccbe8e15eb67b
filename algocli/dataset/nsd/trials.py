"""Which image each trial showed, and which images are thereby for training and which for testing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.ceilings import Repeats
from algocli.dataset.challenge.nsd_ids import parse_id
from algocli.dataset.ids import parse_trial, read_table, trial_columns
from algocli.dataset.sides import Split
from algocli.errors import DataError

_UNKNOWN = -1


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
    for word, *trials in read_table(path, ["nsdId", *trial_columns(subject)]):
        nsd_id = parse_id(word, str(path))
        if nsd_id in known:
            raise DataError(f"{path} names NSD id {nsd_id} twice")
        known.add(nsd_id)
        for trial in [parse_trial(trial, f"{path}, NSD id {nsd_id}") for trial in trials]:
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
