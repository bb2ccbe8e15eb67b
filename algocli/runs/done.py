"""Models that are there already, whatever their runs are called: with the same settings, of the same features and data.

A run that its user named is read for what it is, and nothing is put into it: he may mean something else by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from algocli.compute.track import Track, silent
from algocli.dataset.protocol import Subject
from algocli.encoding.names import is_automatic
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings
from algocli.errors import AlgocliError, DataError, MissingStep
from algocli.runs.datasets import Home, differing
from algocli.runs.finding import list_runs
from algocli.runs.run import Run
from algocli.runs.splitting import find_sameness, is_same, saved_split
from algocli.runs.training import is_trained


@dataclass(frozen=True)
class Asked:
    """The subjects of which models are asked for, and what the images of their features were read from.

    Attributes
    ----------
    home
        The dataset that they belong to.
    stimuli
        As `train` takes it.
    """

    subjects: Sequence[Subject]
    home: Home
    stimuli: Path | None = None
    track: Track = silent

    def are_in(self, run: Run) -> bool:
        """Say whether a run has every subject, as a training with its settings would make it now.

        Where its features are gone, or not made yet, the data decides: what is made under their name are these.
        """
        return all(run.has(subject.id) for subject in self.subjects) and all(self._has(run, s) for s in self.subjects)

    def _has(self, run: Run, subject: Subject) -> bool:
        try:
            cache_dir = self.home.cache_dir
            if not is_trained(subject, run, cache_dir, home=self.home, stimuli=self.stimuli, track=self.track):
                return False
        except MissingStep:
            known, now = run.subject(subject.id).record.get("inputs"), self.home.digests(subject.id)
            if differing(known, now) != []:
                return False
        except AlgocliError:
            return False
        with suppress(AlgocliError):
            return self._is_as_now(run, subject)
        return False

    def _is_as_now(self, run: Run, subject: Subject) -> bool:
        """Say whether the code that a regression runs, and the images that are held out, are what they were."""
        settings, trained = run.settings, run.subject(subject.id)
        if trained.other_code(regression_of(settings).provenance()):
            return False
        same = find_sameness(subject, settings, self.home, self.home.cache_dir, self.track)
        if not same.matters:
            return True
        return is_same(same.split(settings), saved_split(trained, len(subject.train_stimuli)))


def find_done(
    wanted: Iterable[Settings], asked: Asked, alike: Callable[[Settings], Settings] = lambda settings: settings
) -> dict[Settings, Run]:
    """Return the runs that have the models of some settings, of every subject.

    Parameters
    ----------
    alike
        Levels what settings may differ in; runs with the very ones come first.

    Returns
    -------
    A run for all settings that have one: one that its user named only where no other has them.
    """
    there: dict[Settings, list[Run]] = {}
    for run in list_runs(asked.home.cache_dir):
        with suppress(DataError):
            there.setdefault(alike(run.settings), []).append(run)
    done = {}
    for settings in wanted:
        runs = there.get(alike(settings), [])
        runs = sorted(runs, key=lambda run: (is_named(run), run.settings != settings, run.name))
        found = next((run for run in runs if asked.are_in(run)), None)
        if found is not None:
            done[settings] = found
    return done


def is_named(run: Run) -> bool:
    """Say whether a run has a name that its user gave it."""
    return not is_automatic(run.name, run.settings.default_name)
