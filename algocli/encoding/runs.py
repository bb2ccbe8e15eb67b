"""A run: the folder that holds what one `train` found, with the settings, keys and versions that made it.

runs/NAME/manifest.json holds the settings, which all subjects share. runs/NAME/subjNN holds one subject's
arrays and its record.json, written last: a subject without a sound record is not done, whatever else lies there.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algocli.challenge.arrays import open_array
from algocli.challenge.layout import SUBJECTS, Hemisphere, subject_folder
from algocli.compute.arrays import publishing_rows, read_kept
from algocli.compute.files import publish, read_json, write_json
from algocli.encoding import kept_p
from algocli.encoding.settings import USUAL_ALPHAS, Alphas, Settings
from algocli.errors import DataError, MissingStep, UsageError

SCHEMA = 1
LATEST = "latest"
# What `predict` keeps of a subject's model.
_TRAIN_AGAIN = "train this subject again with --force"
MODEL = "model.npz"


class SubjectRun:
    """One subject's share of a run; arrays are opened as memory maps."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number = number
        self.folder = folder

    @property
    def done(self) -> bool:
        """Say whether everything of this subject is there."""
        if not (self.folder / "record.json").is_file():
            return False
        try:
            return isinstance(self.record.get("finished_at"), int | float)
        # A damaged record is no record: training again makes it, and other runs are none the worse for it.
        except DataError:
            return False

    @property
    def record(self) -> dict[str, Any]:
        """The provenance: feature keys, data digests, versions, command line, timings."""
        return read_json(self.folder / "record.json")

    def correlation(self, hemisphere: Hemisphere) -> NDArray[np.float64]:
        """Return r of held-out responses per vertex, (n_vertices,); with folds, the mean over folds."""
        return self._load_finite(f"{hemisphere}_correlation")

    def fold_correlations(self, hemisphere: Hemisphere) -> NDArray[np.float64]:
        """Return r per fold and vertex, (n_folds, n_vertices); a single holdout is one fold."""
        return self._load_finite(f"{hemisphere}_fold_correlation")

    def validation_rows(self) -> NDArray[np.int64]:
        """Return the training rows that were held out, (n_validation,), in the order of their predictions."""
        return self._load("validation_rows")

    def validation_folds(self) -> NDArray[np.int64]:
        """Return the fold of each held-out row, (n_validation,)."""
        return self._load("validation_folds")

    def validation_predictions(self, hemisphere: Hemisphere) -> NDArray[np.float32]:
        """Return predicted responses to the held-out rows, (n_validation, n_vertices)."""
        return self._load(f"{hemisphere}_pred_validation")

    def test_predictions(self, hemisphere: Hemisphere) -> NDArray[np.float32]:
        """Return predicted responses to the test images, (n_test, n_vertices); see `check_test_predictions`."""
        if self.done:
            self.check_test_predictions()
        return self._load(f"{hemisphere}_pred_test")

    def check_test_predictions(self) -> None:
        """Raise a MissingStep where there are none, as features were of the training images alone."""
        names = self.record.get("without_test")
        if names:
            raise MissingStep(
                f"run {self.folder.parent.name} has no test predictions of subject {self.number}: "
                f"{', '.join(names)} has features of the training images alone",
                hint=f"import features of the test images too, with --name {names[0]} --force, and train again",
            )

    def alphas(self, hemisphere: Hemisphere) -> NDArray[np.float32]:
        """Return ridge's penalty of each fit and vertex, (n_fits, n_vertices), relative to a component's mean variance.

        The fits are the folds in order and then the refit. A blend has one a layer: (n_fits, n_layers, n_vertices).
        That of banded ridge is to be divided by a layer's share.

        Raises
        ------
        DataError
            If the run's regression has none.
        """
        return self._load(f"{hemisphere}_alpha")

    def blend_weights(self, hemisphere: Hemisphere) -> NDArray[np.float32]:
        """Return how a blend weighs its layers' models, (n_fits, n_layers, n_vertices); none is negative.

        The fits are the folds in order and then the refit, the layers those of the settings.

        Raises
        ------
        DataError
            If the run is no blend.
        """
        return self._load(f"{hemisphere}_blend")

    def band_shares(self, hemisphere: Hemisphere) -> NDArray[np.float32]:
        """Return each layer's share in a banded ridge, (n_fits, n_layers, n_vertices); they sum to one.

        A layer's penalty is that of the vertex (`alphas`) over its share. Fits and layers are as a blend has them.

        Raises
        ------
        DataError
            If the run is no banded ridge.
        """
        return self._load(f"{hemisphere}_band")

    def has_array(self, name: str) -> bool:
        """Say whether there is an array of that name, such as 'left_blend'."""
        return (self.folder / f"{name}.npy").is_file()

    def discard(self, name: str) -> None:
        """Delete an array of that name, if there is one."""
        (self.folder / f"{name}.npy").unlink(missing_ok=True)

    def save(self, name: str, array: NDArray[Any]) -> None:
        """Store one array; visible only when whole."""
        self.save_blocks(name, array.shape, [array], array.dtype)

    def save_blocks(
        self, name: str, shape: tuple[int, ...], blocks: Iterable[NDArray[Any]], dtype: DTypeLike = np.float32
    ) -> None:
        """Store one array from consecutive blocks of rows, so that it never needs to be whole in memory."""
        with self.writing_rows(name, shape, dtype) as append:
            for block in blocks:
                append(block)

    @contextmanager
    def writing_rows(
        self, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32
    ) -> Iterator[Callable[[NDArray[Any]], object]]:
        """Store one array from blocks of rows, as they are handed over one after the other within a `with` block."""
        with publishing_rows(self.folder / f"{name}.npy", shape, dtype) as append:
            yield append

    def model(self) -> dict[str, NDArray[Any]] | None:
        """Return what was kept of this subject's model for new images.

        None where nothing was, it is damaged, or the subject has been trained again since.
        """
        kept = read_kept(self.folder / MODEL)
        return kept if kept is not None and str(kept.pop("record", None)) == self._record_digest() else None

    def save_model(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep what predictions of new images need of the model that the record stands for."""
        whose = np.array(self._record_digest())
        publish(self.folder / MODEL, lambda stream: np.savez(stream, record=whose, **arrays))  # type: ignore[arg-type]

    def _record_digest(self) -> str:
        return hashlib.sha256((self.folder / "record.json").read_bytes()).hexdigest()

    def finish(self, record: dict[str, Any]) -> None:
        """Declare this subject done; to be called last."""
        write_json(self.folder / "record.json", record)

    def _load_finite(self, name: str) -> NDArray[Any]:
        array = self._load(name)
        # A vertex that never varies has 0: training writes no NaN.
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise DataError(f"{self.folder / name}.npy is damaged: it holds NaN or infinity", hint=_TRAIN_AGAIN)
        return array

    def _load(self, name: str) -> NDArray[Any]:
        path = self.folder / f"{name}.npy"
        try:
            return open_array(path)
        except DataError as error:
            raise DataError(f"{path} is missing or damaged", hint=_TRAIN_AGAIN) from error


class Run:
    """One training's results for any number of subjects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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
        # Without its settings nothing in the folder can be told from what other settings would have left there.
        remedy = "delete that folder and train again"
        try:
            manifest = read_json(self.folder / "manifest.json")
        except DataError as error:
            raise DataError(error.message, hint=remedy) from error
        if manifest.get("schema") != SCHEMA:
            raise DataError(f"{self.folder} was written by another version of algocli", hint=remedy)
        try:
            found = dict(manifest["settings"])
            found["features"] = tuple(found["features"])
            found["alphas"] = Alphas(*found.get("alphas", USUAL_ALPHAS))
            return Settings(**found)
        except (KeyError, TypeError, UsageError) as error:
            raise DataError(f"the settings in {self.folder} are damaged", hint=remedy) from error

    def has_settings(self, settings: Settings) -> bool:
        """Say whether this run exists and was made with these settings."""
        try:
            return self.settings == settings
        except DataError:
            return False

    @property
    def subjects(self) -> tuple[int, ...]:
        """The subjects that are done, rising."""
        return tuple(n for n in SUBJECTS if self.has(n))

    def has(self, number: int) -> bool:
        """Say whether a subject is done."""
        return self._subject(number).done

    def subject(self, number: int) -> SubjectRun:
        """Return a finished subject.

        Raises
        ------
        MissingStep
            If this run has not been trained on that subject.
        """
        found = self._subject(number)
        if not found.done:
            raise MissingStep(f"run {self.name} has no subject {number}", hint=f"algocli train -s {number}")
        return found

    def start_subject(self, number: int) -> SubjectRun:
        """Return a subject's share to be filled; its record, if there was one, is withdrawn first."""
        share = self._subject(number)
        (share.folder / "record.json").unlink(missing_ok=True)
        kept_p.withdraw(share)
        return share

    def _subject(self, number: int) -> SubjectRun:
        return SubjectRun(number, self.folder / subject_folder(number))

    def mark_latest(self) -> None:
        """Make this the run that reports, figures and submissions take unless told otherwise."""
        publish(self.folder.parent / LATEST, lambda stream: stream.write(f"{self.name}\n".encode()))

    @property
    def finished_at(self) -> float:
        """When the last subject was done, in seconds since the epoch; 0 where none is."""
        return max((float(self._subject(n).record["finished_at"]) for n in self.subjects), default=0.0)


def open_run(cache_dir: Path, name: str, settings: Settings, *, replace: bool = False) -> Run:
    """Open the run of that name, making it where it does not exist.

    Parameters
    ----------
    replace
        Whether a run of that name with other settings is to be deleted.

    Raises
    ------
    UsageError
        If a run of that name was made with other settings and is not to be replaced.
    """
    run = Run(cache_dir / "runs" / name)
    manifest = run.folder / "manifest.json"
    if replace and not run.has_settings(settings):
        shutil.rmtree(run.folder, ignore_errors=True)
    if manifest.is_file() and run.settings != settings:
        raise UsageError(
            f"run {name} exists and was made with other settings: {run.settings.default_name}",
            hint="choose another --run name, or replace it with --force",
        )
    if not manifest.is_file():
        write_json(manifest, {"schema": SCHEMA, "name": name, "settings": asdict(settings)})
    return run


def check_run_name(name: str) -> str:
    """Return a run name that can be a folder's.

    Raises
    ------
    UsageError
        If it is empty, reserved, too long, or would leave the folder of runs.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+=,-]{0,199}", name) or name == LATEST:
        raise UsageError(
            f"'{name}' cannot be a run's name", hint="use up to 200 letters, digits, dots, dashes, underscores"
        )
    return name


def list_runs(cache_dir: Path | str) -> list[Run]:
    """List the runs with at least one finished subject, the latest first."""
    home = Path(cache_dir) / "runs"
    runs = [run for run in (Run(path.parent) for path in home.glob("*/manifest.json")) if run.subjects]
    pointer = home / LATEST
    latest = pointer.read_text(encoding="utf-8", errors="replace").strip() if pointer.is_file() else ""
    # A training that found its work done is the latest too, though it finished long ago.
    return sorted(runs, key=lambda run: (run.name != latest, -run.finished_at, run.name))


def find_run(cache_dir: Path | str, name: str = LATEST) -> Run:
    """Find a run by name, by an unambiguous beginning of one, or the latest.

    Raises
    ------
    MissingStep
        If there is no run at all.
    UsageError
        If none, or more than one, has such a name.
    """
    runs = list_runs(cache_dir)
    if not runs:
        raise MissingStep(f"{cache_dir} holds no finished run", hint="algocli train")
    if name == LATEST:
        return runs[0]
    exact = [run for run in runs if run.name == name]
    matching = exact or [run for run in runs if run.name.startswith(name)]
    if len(matching) != 1:
        found = "\n  ".join(run.name for run in matching or runs)
        problem = f"'{name}' fits {len(matching)} runs" if matching else f"no run is named '{name}'"
        raise UsageError(f"{problem}; there are:\n  {found}")
    return matching[0]
