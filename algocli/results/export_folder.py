"""The folder that results are exported into: files of one export at a time, and none of an earlier one between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from algocli.compute.lock import hold
from algocli.encoding.regressions.registry import known_arrays
from algocli.errors import writing

# What files are called after their side, by the first word; the ROI classes of a dataset are none of a run's.
_QUANTITIES = ("correlation", "pred_val", "noise_ceiling", "accuracy", "p", "sig", "mask", "weight", "share")
_FIELDS = re.compile("prf[a-z]+")
_FORM = re.compile(r"([^._]+)[._]([^.]+)(\..+)?(\.npy|\.func\.gii|\.mgh|\.nii\.gz)")


@contextmanager
def exporting(folder: Path) -> Iterator[None]:
    """Have a folder for oneself within a `with` block: what two exports write at once would be of both."""
    lock = folder / ".lock"
    try:
        with hold(lock):
            try:
                yield
            finally:
                with suppress(OSError):
                    lock.unlink()
    finally:
        # Of an export that failed at once nothing is left.
        with suppress(OSError):
            folder.rmdir()


def delete_stale(written: Sequence[Path]) -> None:
    """Delete what an earlier export has left beside these files, and this one has no more: p values, say, of before.

    Only what export itself calls so, in the format of those that were written.

    Raises
    ------
    StorageError
        If it cannot be deleted.
    """
    for folder in {path.parent for path in written}:
        mine = {path.name for path in written if path.parent == folder}
        kinds = {kind for kind in map(_kind_of, mine) if kind is not None}
        for path in sorted(folder.iterdir()):
            if path.name not in mine and _kind_of(path.name) in kinds and path.is_file():
                with writing(path):
                    path.unlink()


def _kind_of(name: str) -> tuple[str, str] | None:
    """Return the side and the format of a file that export may have written; None of any other."""
    form = _FORM.fullmatch(name)
    if form is None:
        return None
    quantity = form[2]
    is_known = quantity in (*_QUANTITIES, *known_arrays(), "n_subjects") or _FIELDS.fullmatch(quantity) is not None
    return (form[1], form[4]) if is_known else None
