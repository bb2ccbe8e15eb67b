"""A run: the folder that holds what one `train` found, with the settings, keys and versions that made it.

runs/NAME/manifest.json holds the settings, which all subjects share, and the folder of their data. runs/NAME/subjNN, or
whatever else a subject is called, holds one subject's arrays and its record; it is made aside and appears whole.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from algocli.compute.caches import where_writable
from algocli.compute.calls import forgiving
from algocli.compute.choices import check_path
from algocli.compute.leftovers import contents
from algocli.compute.tables import as_frame
from algocli.dataset import naming
from algocli.dataset.naming import SubjectId, by_id, check_subject_id, id_of, is_name, is_numbered, name_of
from algocli.dataset.sides import Side
from algocli.encoding.settings import Settings
from algocli.errors import DataError, MissingStep, NoAttribute, StorageError, UsageError, writing
from algocli.runs import p_values as kept_p
from algocli.runs.commands import again, on_its_data
from algocli.runs.latest import LATEST, mark
from algocli.runs.manifest import data_of, settings_in
from algocli.runs.subject_run import SubjectRun
from algocli.runs.vouched_arrays import place_aside

_NAME = r"[A-Za-z0-9][A-Za-z0-9._+=,-]{0,199}"


@forgiving
class Run:
    """One training's results for any number of subjects, in a folder `folder`.

    Examples
    --------
    >>> run = algocli.find_run("cache")
    >>> run.subjects, run.settings.regression
    ((1,), 'ols')
    >>> [(row["hemisphere"], row["n_vertices"]) for row in run.table()]
    [('left', 31), ('right', 41)]
    >>> run.subject(1).array("left_correlation").shape
    (31,)
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = check_path("folder", folder)
        # Another process may have replaced the run by one with others when it comes to training, and a run that is to
        # be replaced stays until then.
        self.opened_with: Settings | None = None
        self.opened_for: frozenset[SubjectId] = frozenset()

    def __repr__(self) -> str:
        return f"Run({self.name}: {naming.list_subjects(self.subjects)}; {str(self.folder)!r})"

    def __getattr__(self, name: str) -> Any:
        """Say where that is which every subject has.

        Raises
        ------
        NoAttribute
            Always: Python asks only for what is not there.
        """
        if not name.startswith("_") and hasattr(SubjectRun, name):
            raise NoAttribute(f"a run has no {name} of its own: each subject has", hint=f"run.subject(1).{name}")
        raise AttributeError(f"'Run' object has no attribute '{name}'", name=name, obj=self)

    @property
    def cache_dir(self) -> Path:
        """The cache that the run lies in, beside the features that it was made from."""
        return self.folder.parent.parent

    @property
    def name(self) -> str:
        """The folder's name, which says the settings unless the user chose one."""
        return self.folder.name

    @property
    def settings(self) -> Settings:
        """The settings that every subject of this run shares."""
        try:
            return settings_in(self.folder)
        except StorageError:
            raise
        except DataError as error:
            # Without its settings nothing in the folder can be told from what other settings would have left there.
            everyone = [id_of(subject_folder.name) for subject_folder in self.subject_folders()]
            raise DataError(error.message, hint=again(self.folder, everyone)) from error

    def has_settings(self, settings: Settings) -> bool:
        """Say whether this run exists and was made with these settings."""
        try:
            return self.settings == settings
        except DataError:
            return False

    @property
    def data(self) -> str | None:
        """The folder that held its subjects when it was begun; runs of old do not say."""
        return data_of(self.folder)

    @property
    def subjects(self) -> tuple[SubjectId, ...]:
        """The subjects that are done, rising."""
        named = [
            id_of(subject_folder.name)
            for subject_folder in self.subject_folders()
            if (subject_folder / "record.json").is_file()
        ]
        return tuple(subject for subject in sorted(named, key=by_id) if self._subject(subject).done)

    def subject_folders(self) -> list[Path]:
        """Return the folders of subjects, finished or not."""
        return [path for path in contents(self.folder) if path.is_dir() and _is_subject_folder(path)]

    def lock(self, number: SubjectId) -> Path:
        """Return the file that whoever trains a subject, or adds to it, holds, whether or not it is there."""
        return self._subject(number).lock

    def locks(self) -> list[Path]:
        """Return all files of that kind that there are."""
        return sorted(place_aside(self.folder).glob("*/lock"))

    def has(self, number: naming.AnySubjectId) -> bool:
        """Say whether a subject is done."""
        return self._subject(check_subject_id(number)).done

    def subject(self, number: naming.AnySubjectId) -> SubjectRun:
        """Return a finished subject.

        Raises
        ------
        MissingStep
            If this run has not been trained on that subject.
        """
        subject_run = self._subject(check_subject_id(number))
        if not subject_run.done:
            raise MissingStep(
                f"run {self.name} has no subject {number}",
                hint=on_its_data(self.folder, self.settings, [subject_run.id]),
            )
        return subject_run

    def table(self) -> list[dict[str, Any]]:
        """Return a row a subject and side: its run, its number of vertices, and median and mean r on held-out images.

        Raises
        ------
        DataError
            If an array is damaged.
        """
        subject_runs = [self.subject(subject) for subject in self.subjects]
        return [_summed_up(subject_run, side) for subject_run in subject_runs for side in subject_run.sides]

    def to_pandas(self) -> Any:
        """Return `table` as a pandas.DataFrame.

        Raises
        ------
        UsageError
            If pandas is not installed.
        """
        return as_frame(self.table())

    def start_subject(self, number: SubjectId) -> SubjectRun:
        """Return a subject of the run to be filled; its record, if there was one, is withdrawn first."""
        subject_run = self._subject(number)
        with writing(subject_run.folder):
            (subject_run.folder / "record.json").unlink(missing_ok=True)
        kept_p.withdraw(subject_run)
        return subject_run

    def _subject(self, number: SubjectId) -> SubjectRun:
        return SubjectRun(number, self.folder / name_of(number))

    def mark_latest(self) -> None:
        """Make this the run that is meant where none is named, unless runs may only be read."""
        with where_writable(self.folder.parent):
            mark(self.folder.parent, self.name)

    @property
    def finished_at(self) -> float:
        """When the last subject was done, in seconds since the epoch; 0 where none is."""
        times = [0.0]
        for number in self.subjects:
            # Another process may be replacing the run.
            with suppress(DataError):
                times.append(float(self._subject(number).record["finished_at"]))
        return max(times)


def _summed_up(subject_run: SubjectRun, side: Side) -> dict[str, Any]:
    r = subject_run.correlation(side)
    scores = {"n_vertices": len(r), "median_r": float(np.median(r)), "mean_r": float(np.mean(r))}
    return {"run": subject_run.folder.parent.name, "subject": subject_run.id, "hemisphere": side, **scores}


def _is_subject_folder(path: Path) -> bool:
    # Whoever trains a subject of whatever name begins with its lock: a folder without one is somebody else's.
    is_begun = (path / "lock").exists() or (path / "record.json").exists()
    return is_name(path.name) and (is_begun or is_numbered(path.name))


def check_run_name(name: str) -> str:
    """Return a run name that can be a folder's.

    Raises
    ------
    UsageError
        If it is empty, reserved, too long, or would leave the folder of runs.
    """
    if not isinstance(name, str) or not re.fullmatch(_NAME, name) or name == LATEST:
        raise UsageError(
            f"'{name}' cannot be a run's name", hint="use up to 200 letters, digits, dots, dashes, underscores"
        )
    return name
