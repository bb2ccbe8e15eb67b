"""The arrays of one subject of a run, on disk, and the record that vouches for each of them.

The record is written last: a subject without a sound record is not done, whatever else lies there. It has the digest of
every array, and one of itself; of an array that is large, the cache remembers that it was read, and as what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algocli.compute.arrays import publishing_rows
from algocli.compute.kinds import NUMBER
from algocli.compute.vouching import DigestBehind, digest_file, is_unchanged, write_sealed
from algocli.dataset.arrays import open_array
from algocli.dataset.naming import SubjectId
from algocli.dataset.vouched import is_whole, read_record
from algocli.errors import DataError, Replaced, StorageError, writing
from algocli.runs.commands import again

# Under which a record tells the digest of each array; one of old does not.
FILES = "files"
# How the arrays end that are kept later, with a record of their own.
P_VALUES = "_p.npy"
# What a record holds, as far as it is read again; one of old may lack all but the first.
_DIGESTS = {str: str}
_RECORD = {
    "finished_at": NUMBER,
    "settings?": dict,
    "inputs?": {"features?": [str], "responses?": _DIGESTS, "stimuli?": str},
    "n_vertices?": {str: int},
    "files?": _DIGESTS,
    **dict.fromkeys(("n_test?", "n_train?", "seed?"), int),
    **{name: [str] for name in ("without_test?", "sides?", "command_line?")},
    **dict.fromkeys(("held_out?", "regression?", "shared?", "copies?", "versions?", "seconds?"), dict),
    "data?": str,
    "other_files?": _DIGESTS,
    "networks?": {str: {"model": str, "layer?": str, "weights?": str}},
}
# Where, beside the folders of runs, subjects are made until they are whole.
_ASIDE = ".aside"


def place_aside(run: Path) -> Path:
    """Return the folder beside that of a run where its subjects are made; it is on the same disk, behind any link."""
    run = run.resolve()
    return run.parent / _ASIDE / run.name


def is_trained(folder: Path) -> bool:
    """Say whether a subject's folder has, or had, a record; earlier versions trained in it, and left their lock."""
    is_begun = any(folder.glob("*.npy")) and not (folder / "lock").exists()
    return is_begun or (folder / "record.json").is_file()


class VouchedArrays:
    """A folder of arrays, filled, finished by a record, and read again only as the record has them."""

    def __init__(self, subject: SubjectId, folder: Path) -> None:
        self.id = subject
        self.folder = folder
        # By file, of what was written here; and which training was read from first.
        self._digests: dict[str, DigestBehind] = {}
        self._trained_at: float | None = None

    @property
    def lock(self) -> Path:
        """The file that whoever trains this subject, or adds to it, holds."""
        return place_aside(self.folder.parent) / self.folder.name / "lock"

    @property
    def cache_dir(self) -> Path:
        """The cache that the run lies in."""
        return self.folder.parent.parent.parent

    @property
    def arrays(self) -> tuple[str, ...]:
        """The names of the arrays that there are, such as 'left_correlation'."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.npy")))

    @property
    def done(self) -> bool:
        """Say whether everything of this subject is there."""
        if not (self.folder / "record.json").is_file():
            return False
        try:
            self._whole_record()
        # A damaged record is no record: training again makes it, and other runs are none the worse for it.
        except DataError:
            return False
        return True

    @property
    def record(self) -> dict[str, Any]:
        """The provenance: feature keys, data digests, versions, command line, timings."""
        return {name: value for name, value in self._whole_record().items() if name != FILES}

    @property
    def vouched(self) -> dict[str, str] | None:
        """The sha256 of each array by its file, as the record has them; None where it is of old and has none."""
        files: dict[str, str] | None = self._whole_record().get(FILES)
        return files

    def check_record(self) -> None:
        """Refuse a record that is not what was written.

        Raises
        ------
        DataError
            If it is missing or damaged.
        """
        self._whole_record()

    def path_of(self, name: str) -> Path:
        """Return the file of an array, such as 'left_blend', whether or not it is there."""
        return self.folder / f"{name}.npy"

    def has_array(self, name: str) -> bool:
        """Say whether there is an array of that name, or the record says that there should be."""
        return self.path_of(name).is_file() or (self.done and self.path_of(name).name in (self.vouched or ()))

    def discard(self, name: str) -> None:
        """Delete an array of that name, if there is one.

        Raises
        ------
        StorageError
            If the folder cannot be written.
        """
        with writing(self.folder):
            self.path_of(name).unlink(missing_ok=True)
        self._digests.pop(self.path_of(name).name, None)

    def save(self, name: str, array: NDArray[Any]) -> None:
        """Store one array; visible only when whole."""
        with self.writing_rows(name, array.shape, array.dtype) as append:
            append(array)

    @contextmanager
    def writing_rows(
        self, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32
    ) -> Iterator[Callable[[NDArray[Any]], object]]:
        """Store one array from blocks of rows, as they are handed over one after the other within a `with` block."""
        path, digest = self.path_of(name), DigestBehind()
        with publishing_rows(path, shape, dtype, digest) as append:
            yield append
        self._digests[path.name] = digest

    def digest_of(self, path: Path) -> str:
        """Return the sha256 of an array's file, without reading what was written here."""
        written = self._digests.get(path.name)
        return digest_file(path) if written is None else written.hexdigest()

    def finish(self, record: dict[str, Any]) -> None:
        """Declare this subject done, and vouch for every array that it has; to be called last."""
        arrays = [path for path in sorted(self.folder.glob("*.npy")) if not path.name.endswith(P_VALUES)]
        files = {path.name: self.digest_of(path) for path in arrays}
        write_sealed(self.folder / "record.json", {**record, FILES: files})
        self._trained_at = None

    def faults(self) -> list[Path]:
        """Read all that the record vouches for, and return the arrays that are not what was written.

        Raises
        ------
        DataError
            If the record is damaged.
        """
        record = self._whole_record()
        files = record.get(FILES) or {}
        faults = [self.folder / name for name, digest in files.items() if not is_unchanged(self.folder / name, digest)]
        # Another training may have taken the place of the one whose record this was.
        return self.faults() if faults and self._whole_record() != record else faults

    def check(self) -> None:
        """Read all that the record vouches for, whether or not it was read before.

        Raises
        ------
        DataError
            If the record, or an array, is not what was written.
        """
        for path in self.faults():
            self._refuse(path)

    def _whole_record(self) -> dict[str, Any]:
        try:
            return read_record(self.folder / "record.json", kinds=_RECORD)
        except StorageError:
            raise
        except DataError as error:
            raise self.damaged(error.message) from error

    def _check(self, path: Path, *, in_full: bool) -> None:
        """Refuse an array that is not the one that its training left, as far as the record says what that was."""
        if path.name.endswith(P_VALUES) or not (self.folder / "record.json").is_file():
            return
        record = self._whole_record()
        self._refuse_other(record)
        files = record.get(FILES)
        if files is None:
            return
        digest = str(files.get(path.name))
        if not (is_unchanged(path, digest) if in_full else is_whole(path, digest, self.cache_dir)):
            self._refuse(path)

    def _refuse(self, path: Path) -> NoReturn:
        # Another training may have taken the place of the one that was read.
        self._refuse_other(self.record)
        self._open(path)
        raise self.damaged(f"{path} is damaged: it is not what was written")

    def _refuse_other(self, record: Mapping[str, Any]) -> None:
        """Refuse to mix what two trainings have left."""
        trained_at = record.get("finished_at")
        if self._trained_at is None:
            self._trained_at = trained_at
        elif self._trained_at != trained_at:
            raise Replaced(
                f"subject {self.id} of run {self.folder.parent.name} was trained again while it was read",
                hint="repeat the command",
            )

    def load_finite(self, name: str) -> NDArray[Any]:
        """Open an array of floats, none of which is NaN or infinite.

        Raises
        ------
        DataError
            If some are, or as `load` does.
        """
        array = self.load(name)
        # A vertex that never varies has 0: training writes no NaN.
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise self.damaged(f"{self.path_of(name)} is damaged: it holds NaN or infinity")
        return array

    def load(self, name: str, *, in_full: bool = False) -> NDArray[Any]:
        """Open an array as a memory map.

        Parameters
        ----------
        in_full
            Whether it is read whether or not it was read before.

        Raises
        ------
        DataError
            If it is missing, or not what was written.
        """
        path = self.path_of(name)
        self._check(path, in_full=in_full)
        return self._open(path)

    def damaged(self, message: str) -> DataError:
        """Return the error that says so, with the command that trains this subject again."""
        return DataError(message, hint=again(self.folder.parent, [self.id]))

    def _open(self, path: Path) -> NDArray[Any]:
        try:
            return open_array(path)
        except StorageError:
            raise
        except DataError as error:
            raise self.damaged(f"{path} is missing or damaged") from error
