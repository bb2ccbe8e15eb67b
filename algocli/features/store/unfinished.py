"""Gram matrices that are being sent to an address, in more than one request: what is left of them, and whose it is.

    gram/upload.json   in a store's folder, while its matrix is being sent: the upload's id, and which process sends it

Whoever sends the same matrix again from there aborts what a killed process has sent by then. Of all other uploads it
cannot be told from here whether somebody goes on with them: they count as abandoned once nothing has arrived for a day.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from algocli.compute.addresses import Address
from algocli.compute.lock import machine
from algocli.compute.vouching import read_sealed, write_sealed
from algocli.errors import DataError, DiskFault, StorageError, writing

_RECORD = "upload.json"
_KINDS = {"name": str, "upload": str, "sender": {"machine": str, "host": str, "pid": int}}
# As matrices are called that are sent.
NAME = r"[0-9a-f]{64}\.npy"


class Stopped(NamedTuple):
    """An upload that a process of this machine has begun, and no process goes on with."""

    there: Address
    upload: str


def keep_upload(folder: Path, name: str, upload: str) -> None:
    """Write down in a matrix's folder that it is being sent, before any of it is. Hold its lock."""
    write_sealed(folder / _RECORD, {"name": name, "upload": upload, "sender": _sender()})


def forget_upload(folder: Path) -> None:
    """Write down that it is sent no more. Hold its lock."""
    with writing(folder):
        (folder / _RECORD).unlink(missing_ok=True)


def stopped_upload(folder: Path, home: Address) -> Stopped | None:
    """Return what a process of this machine that is no more was sending from a matrix's folder; None of nothing.

    Parameters
    ----------
    home
        Where matrices of the folder's store are sent.
    """
    with suppress(DataError):
        record = read_sealed(folder / _RECORD, kinds=_KINDS)
        if re.fullmatch(NAME, record["name"]) and _is_gone(record["sender"]):
            return Stopped(home / record["name"], record["upload"])
    return None


def abort_stopped(folder: Path, home: Address) -> None:
    """Abort what a process of this machine that is no more was sending from a matrix's folder. Hold its lock.

    Where the server refuses, nothing is lost by that: the upload is abandoned.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    found = stopped_upload(folder, home)
    if found is not None:
        with suppress(StorageError):
            found.there.abort(found.upload)
        forget_upload(folder)


def abort_abandoned(there: Address, *, but: str) -> None:
    """Abort what anybody was sending of an object and has given up, as far as one is let; one upload stays."""
    with suppress(DataError, DiskFault):
        for upload in there.unfinished():
            if upload.is_abandoned and upload.id != but:
                there.abort(upload.id)


def _sender() -> dict[str, Any]:
    return {"machine": machine(), "host": socket.gethostname(), "pid": os.getpid()}


def _is_gone(sender: Mapping[str, Any]) -> bool:
    """Say whether a process was one of this machine, and is no more.

    The lock of its folder would tell as much, but for disks on which locks do not reach from machine to machine, or
    which have none.
    """
    here = _sender()
    if any(sender[word] != here[word] for word in ("machine", "host")):
        return False
    try:
        os.kill(sender["pid"], 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    # Numbers are given again: what holds the lock sends nothing else from there.
    return bool(sender["pid"] == here["pid"])
