"""Everything that can go wrong for a user, each with the exit code that a script can test.

AlgocliError            says what was found, what was expected and (as a hint) what to do
├── UsageError      2   the request itself makes no sense: no such option, model, layer or ROI
│   └── NoAttribute     an object has no such attribute, and another one has
├── DataError       3   what lies on disk is missing, malformed or does not fit together
│   ├── StorageError    the disk is full, or a file may not be read
│   │   └── ReadOnly    a folder may not be written
│   ├── Replaced        what was read was replaced meanwhile
│   └── NoPixels        an image is whole, and its file does not say what it looks like
├── DiskFault       3   the disk fails while it is read: what lies there may be whole
├── WorkerFault     3   a worker of a cluster died of a task, again and again
├── EngineFault     3   a cluster cannot be reached, refuses, lacks what the work needs, or is gone
└── MissingStep     4   an earlier step has not run; the hint is the command that runs it

Anything else that escapes is a bug, keeps its traceback and exits with 1.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import quote


class AlgocliError(Exception):
    """A mistake that a user can mend, told in one sentence.

    Parameters
    ----------
    message
        What was found and what was expected.
    hint
        What to do about it: a command, or a short clause.

    Examples
    --------
    >>> try:
    ...     algocli.find_run("nowhere")
    ... except algocli.AlgocliError as error:
    ...     print(f"{error.message}; {error.hint}")
    nowhere holds no finished run; algocli train
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AlgocliError):
    """The request cannot be carried out as it was written."""

    exit_code = 2


class NoAttribute(UsageError, AttributeError):
    """An object has no such attribute; the hint says what has."""


class DataError(AlgocliError):
    """Something on disk is missing, malformed, or disagrees with its neighbour."""

    exit_code = 3


class Replaced(DataError):
    """What was read was replaced meanwhile, by what may be read just as well."""


class StorageError(DataError):
    """The disk refused to take what was to be written."""


class ReadOnly(StorageError):
    """What was to be written belongs to somebody else, or lies on a disk that may only be read."""


class NoPixels(DataError):
    """An image is whole, and its file does not say what it looks like."""


class DiskFault(AlgocliError):
    """A disk, or the way to it, fails in reading; no `DataError`: nothing may be taken for missing or damaged by it."""

    exit_code = 3


class WorkerFault(AlgocliError):
    """A worker of a cluster was killed, or ran out of memory, each time that it was given a task."""

    exit_code = 3


class EngineFault(AlgocliError):
    """What hands work out on a cluster does not answer or refuses, has workers that lack something, or is gone."""

    exit_code = 3


class MissingStep(AlgocliError):
    """An earlier command has not run; the hint is that command."""

    exit_code = 4


class ByHand(Exception):
    """Tasks were written down for somebody else to submit, as was asked for: nothing more is done here.

    Attributes
    ----------
    tasks, script
        Their list, and what `sbatch` takes.
    n_tasks
        How many there are.
    """

    def __init__(self, tasks: Path, script: Path, n_tasks: int) -> None:
        super().__init__(f"{n_tasks} tasks are listed in {tasks}: sbatch {quote(str(script))} submits them")
        self.tasks, self.script, self.n_tasks = tasks, script, n_tasks


# What a disk, or the network before it, says when it fails, whatever lies on it.
_FAILS = (errno.EIO, errno.ESTALE)
# What says of the machine or a network that something cannot be read now, and nothing of what it is.
_FOR_NOW = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.ENOLCK}
_FOR_NOW |= {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EINTR, errno.EBUSY}
# What says that nothing may be written there, however much room there is.
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
# What the operating system says when a disk, not the program, is at fault.
_DISK_FAULTS = {
    errno.ENOSPC: ("the disk is full", "free some space, then repeat the command: what is finished stays finished"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, then repeat the command"),
    errno.EACCES: ("no permission to write", "choose another folder, or change its permissions"),
    errno.EPERM: ("no permission to write", "choose another folder, or change its permissions"),
    errno.EROFS: ("the file system is read-only", "choose a folder that can be written"),
    errno.ENOENT: ("the folder cannot be made, or is gone", "choose another folder"),
    errno.ENOTDIR: ("a file stands where a folder is needed", "choose another folder"),
    errno.EEXIST: ("a file stands where a folder is needed", "choose another folder"),
    errno.EISDIR: ("a folder stands where the file should go", "choose another name"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one"),
    errno.EIO: ("the disk reports a fault", "look after the disk, or choose another folder; then repeat the command"),
    errno.EFBIG: ("the file would be larger than this file system allows", "choose another folder"),
}


@contextmanager
def writing(path: object) -> Iterator[None]:
    """Tell a full disk or a read-only folder met while writing `path` as one sentence.

    Raises
    ------
    StorageError
        In place of the OSError; other errors pass unchanged.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_FAULTS:
            raise
        reason, remedy = _DISK_FAULTS[error.errno]
        kind = ReadOnly if error.errno in _READ_ONLY else StorageError
        raise kind(f"cannot write {path}: {reason}", hint=remedy) from error


@contextmanager
def reading(path: object) -> Iterator[None]:
    """Tell a file or a folder that is missing, or that may not be read, as one sentence.

    Raises
    ------
    DataError
        In place of the OSError, as a StorageError where permission is lacking; other errors pass unchanged.
    DiskFault
        If the disk itself fails, or cannot be read for now.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{path} is missing") from error
    except PermissionError as error:
        # Nothing that is done to the data helps: whoever owns it has to let us.
        hint = f"chmod u+rX {quote(str(path))}, or ask whoever it belongs to"
        raise StorageError(f"{path} cannot be read: permission denied", hint=hint) from error
    except OSError as error:
        if error.errno in _FAILS:
            raise DiskFault(
                f"{path} cannot be read: the disk reports a fault", hint=_DISK_FAULTS[errno.EIO][1]
            ) from error
        message = f"{path} cannot be read: {(error.strerror or first_line(error)).lower()}"
        if error.errno in _FOR_NOW:
            raise DiskFault(message, hint="repeat the command; where it says so again, look after the disk") from error
        raise DataError(message) from error


def first_line(error: BaseException) -> str:
    """Return the first line of what another library says, which may fill a screen; of an empty one its kind."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def all_refused(refused: Mapping[str, AlgocliError], n_all: int, how: str) -> AlgocliError:
    """Return one error of the kind of the first of several, with the reason of each.

    Parameters
    ----------
    refused
        By what each is about.
    n_all
        Of how many things these are.
    how
        As in 'models could not be trained'.
    """
    first = next(iter(refused.values()))
    if len(refused) == n_all and len({error.message for error in refused.values()}) == 1:
        return first
    reasons = "".join(f"\n  {what}: {error.message}" for what, error in refused.items())
    rest = "; the rest is done" if len(refused) < n_all else ""
    return type(first)(f"{len(refused)} of {n_all} {how}{rest}:{reasons}", hint=first.hint)


def install_hint(extra: str) -> str:
    """Return how to install what an extra of this package stands for, such as 'timm'.

    From the source and never by name: on the public index the name algocli is another project's.
    """
    return f"pip install -e '.[{extra}]', in the folder of algocli's source"
