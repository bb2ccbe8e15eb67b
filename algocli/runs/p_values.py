"""The p values of a run, kept in its folder: they take a while and hold for as long as the run is what it was.

left_p.npy, right_p.npy, or whatever the sides are called, mean something only together with significance.json, which is
written last and says what they were computed from.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.caches import filling
from algocli.compute.kinds import NUMBER
from algocli.compute.lock import hold_if_free
from algocli.compute.track import Note
from algocli.compute.vouching import digest_file, is_unchanged, read_sealed, write_sealed
from algocli.dataset.arrays import open_array
from algocli.dataset.sides import Side
from algocli.errors import DataError, StorageError, writing
from algocli.runs.vouched_arrays import FILES, P_VALUES

if TYPE_CHECKING:
    from algocli.runs.subject_run import SubjectRun

# What the p values were computed from.
RECORD = "significance.json"
# Rises when the same seed comes to give other p values. Of a single holdout those of before hold too: they end at the
# highest permutation, where now its tail goes on.
SCHEMA = 2
_OF_HOLDOUT = 1
_KINDS = {
    "schema": int,
    "n_permutations": int,
    "seed": int,
    "trained_at": NUMBER,
    "files?": {str: str},
    "widened?": str,
}


@dataclass(frozen=True)
class KeptP:
    """The p values of a subject, (n_vertices,) a side, and the permutations that they are from.

    `widened` says why the chance of folds was not computed but taken to be as wide as it can be; mostly it is empty.
    """

    p: dict[Side, NDArray[np.float64]]
    n_permutations: int
    seed: int
    widened: str = ""


def state(subject_run: SubjectRun) -> dict[str, Any]:
    """Return what tells a training from any other: p values are of the one that they were computed from."""
    record = subject_run.record
    return {"inputs": record.get("inputs"), "trained_at": record["finished_at"]}


def keep(subject_run: SubjectRun, values: KeptP, state_before: Mapping[str, Any]) -> None:
    """Keep p values in place of others, unless the run has been trained again by now.

    Parameters
    ----------
    state_before
        The run's `state` before its arrays were read.

    Raises
    ------
    StorageError
        If the folder cannot be written, or nobody can tell whether another process writes there.
    """
    with filling(subject_run.cache_dir), hold_if_free([subject_run.lock]) as free:
        if not free:
            raise StorageError(f"{subject_run.lock} is held by another process, or cannot be opened")
        if not (subject_run.done and state(subject_run) == state_before):
            return
        withdraw(subject_run)
        try:
            _write(subject_run, values, state_before)
        except BaseException:
            # Those of one hemisphere alone would be taken for damaged ones.
            with suppress(StorageError):
                withdraw(subject_run)
            raise


def _write(subject_run: SubjectRun, values: KeptP, state_before: Mapping[str, Any]) -> None:
    for hemisphere, p in values.p.items():
        subject_run.save(f"{hemisphere}_p", p)
    basis = {"schema": SCHEMA, "n_permutations": values.n_permutations, "seed": values.seed, **state_before}
    if values.widened:
        basis["widened"] = values.widened
    files = {name: subject_run.digest_of(subject_run.folder / name) for name in _names(subject_run)}
    write_sealed(subject_run.folder / RECORD, {**basis, FILES: files})


def withdraw(subject_run: SubjectRun) -> None:
    """Delete the p values of a run that is to be trained again, or to have others.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    with writing(subject_run.folder):
        for path in (subject_run.folder / RECORD, *subject_run.folder.glob("*_p.npy")):
            path.unlink(missing_ok=True)


def faults(subject_run: SubjectRun) -> list[Path]:
    """Return what of the p values that were kept is not what was written, or is missing, as far as that is known."""
    record = subject_run.folder / RECORD
    if not record.exists():
        return sorted(subject_run.folder.glob(f"*{P_VALUES}"))
    try:
        files = read_sealed(record, kinds=_KINDS).get(FILES) or {}
    except DataError:
        return [record]
    return [
        record.with_name(name) for name, digest in files.items() if not is_unchanged(record.with_name(name), digest)
    ]


def withdraw_damaged(subject_run: SubjectRun, note: Note) -> None:
    """Delete p values of which something is not what was written, and say so: they are computed when asked for."""
    damaged = faults(subject_run)
    if damaged:
        again = make_again(subject_run)
        # Where they cannot be deleted, nobody takes them for what was kept.
        with suppress(StorageError):
            withdraw(subject_run)
        note(f"subject {subject_run.id}: {damaged[0]} is damaged, or lacks its record: {again} computes p values again")


def kept_of_whole(subject_run: SubjectRun) -> KeptP | None:
    """Return what `kept` does, of a run of which everything is read that its records vouch for.

    Raises
    ------
    DataError
        If some of it is not what was written.
    """
    subject_run.check()
    for path in faults(subject_run):
        raise DataError(f"{path} is missing or damaged", hint=make_again(subject_run))
    return kept(subject_run)


def is_unvouched(subject_run: SubjectRun) -> bool:
    """Say whether p values were kept by an earlier version, whose record has no digests of them."""
    with suppress(DataError):
        record = subject_run.folder / RECORD
        return record.is_file() and FILES not in read_sealed(record)
    return False


def vouch(subject_run: SubjectRun) -> None:
    """Have the record of p values vouch for them as they are now.

    Raises
    ------
    DataError, StorageError
        If some are missing, or the record cannot be written.
    """
    record = subject_run.folder / RECORD
    files = {name: digest_file(subject_run.folder / name) for name in _names(subject_run)}
    write_sealed(record, {**read_sealed(record), FILES: files})


def make_again(subject_run: SubjectRun) -> str:
    """Return the command that computes a subject's p values once more.

    Of how many permutations they were, and of which seed, their record alone knows: where it is damaged, whoever wants
    others than is usual has to say so again, as every table of p values says how many it rests on.
    """
    words = f"algocli report --run {quote(subject_run.folder.parent.name)} --significance"
    with suppress(DataError):
        record = read_sealed(subject_run.folder / RECORD, kinds=_KINDS)
        words += f" --permutations {record['n_permutations']} --seed {record['seed']}"
    return f"{words} -s {subject_run.id}"


def _names(subject_run: SubjectRun) -> list[str]:
    return [f"{side}{P_VALUES}" for side in subject_run.sides]


def kept(subject_run: SubjectRun) -> KeptP | None:
    """Return the p values that are kept of a run, or None where there are none, or none that still hold."""
    try:
        basis = read_sealed(subject_run.folder / RECORD, kinds=_KINDS)
        basis.pop(FILES, None)
        if faults(subject_run):
            return None
        p = {hemisphere: open_array(subject_run.folder / f"{hemisphere}_p.npy") for hemisphere in subject_run.sides}
    # What is damaged is computed again.
    except DataError:
        return None
    numbers: dict[str, Any] = {name: basis.get(name) for name in ("n_permutations", "seed")}
    widened = basis.pop("widened", "")
    fits = all(values.shape == subject_run.correlation(hemisphere).shape for hemisphere, values in p.items())
    holds = basis.get("schema") == SCHEMA or (basis.get("schema") == _OF_HOLDOUT and subject_run.n_folds == 1)
    if not (fits and holds) or basis != {"schema": basis["schema"], **numbers, **state(subject_run)}:
        return None
    return KeptP(p, **numbers, widened=str(widened))
