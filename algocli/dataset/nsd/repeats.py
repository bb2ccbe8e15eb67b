"""How often a subject's test images were shown, counted from NSD's table of all images or known beforehand."""

from __future__ import annotations

from pathlib import Path

from algocli.dataset.ceilings import Repeats
from algocli.dataset.challenge.layout import OFFICIAL_SIZES
from algocli.dataset.challenge.nsd_ids import parse_id
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.ids import N_REPEATS, find_stimuli, parse_trial, read_table, trial_columns
from algocli.errors import DataError, UsageError

_SESSIONS_OF_ALL = 40
_TRIALS_A_SESSION = 750


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
    table = read_table(path, ["nsdId", *trial_columns(subject.number)])
    places = find_stimuli([parse_id(row[0], str(path)) for row in table], subject.test_stimuli, str(path))
    n_trials = OFFICIAL_SIZES[subject.number].n_sessions * _TRIALS_A_SESSION
    counts = [0] * (N_REPEATS + 1)
    for place, stimulus in zip(places, subject.test_stimuli, strict=True):
        trials = [parse_trial(word, f"{path}, NSD id {stimulus.nsd_id}") for word in table[place][1:]]
        n_shown = sum(0 < trial <= n_trials for trial in trials)
        if not n_shown:
            raise DataError(
                f"by {path} subject {subject.number} did not see NSD id {stimulus.nsd_id} ({stimulus.path.name})",
                hint="for images of other origin give repeats=A,B,C: how many were shown 3, 2, 1 times",
            )
        counts[n_shown] += 1
    _, one, two, three = counts
    return Repeats(three, two, one)
