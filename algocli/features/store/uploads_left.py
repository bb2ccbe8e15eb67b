"""What was begun to be sent to a cache's addresses and nobody goes on with, for `cache gc` to abort."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from algocli.compute.addresses import Address
from algocli.compute.cache_places import address_of_cache
from algocli.compute.durations import told_time
from algocli.compute.lock import hold_if_free
from algocli.compute.s3_uploads import Upload
from algocli.compute.track import Note, unheard
from algocli.errors import DataError, DiskFault, UsageError
from algocli.features.store.allocation import address_in
from algocli.features.store.library import store_folders
from algocli.features.store.unfinished import NAME, Stopped, forget_upload, stopped_upload

STOPPED = "uploads that were begun, and that nobody goes on with"
# Below the features of a cache, as `publish_matrix` sends it.
_MATRIX = rf"[^/]+/[^/]+/gram/{NAME}"


@dataclass(frozen=True)
class UploadLeft:
    """An upload that nobody goes on with, told and deleted as a `Leftover` is.

    Parameters
    ----------
    path
        Of the object that it would have become.
    n_bytes
        What of it has arrived.
    still
        Says whether that is so now.
    folder
        The matrix's, where it was sent from this cache.
    """

    path: Address
    id: str
    n_bytes: int
    detail: str
    still: Callable[[], bool] = field(compare=False, repr=False)
    folder: Path | None = None
    why: str = STOPPED

    @property
    def is_held(self) -> bool:
        """Whether a process works on what it was sent from."""
        with hold_if_free(self._locks()) as free:
            return not free

    def delete(self) -> bool:
        """Abort it, unless somebody works on it by now; say whether it is gone.

        Raises
        ------
        DiskFault, StorageError
            If the server does not answer or refuses, or the folder cannot be written.
        """
        with hold_if_free(self._locks()) as free:
            if not free or not self.still():
                return False
            self.path.abort(self.id)
            if self.folder is not None:
                forget_upload(self.folder)
        return True

    def _locks(self) -> list[Path]:
        return [] if self.folder is None else [self.folder / "lock"]


def find_uploads(cache_dir: Path, note: Note = unheard) -> list[UploadLeft]:
    """List the uploads to a cache's addresses that nobody goes on with; what keeps one from seeing them is told."""
    found: dict[str, UploadLeft] = {}
    try:
        stores = {folder: at for folder in store_folders(cache_dir) if (at := address_in(folder)) is not None}
        own = address_of_cache(cache_dir)
    except (DataError, UsageError) as error:
        note(f"what was left unfinished at addresses is not known: {error.message}")
        return []
    homes = {at.parent.parent for at in stores.values()} | ({own / "features"} if own is not None else set())
    for home in sorted(homes):
        try:
            begun = home.unfinished(_MATRIX)
        except (DataError, DiskFault) as error:
            note(f"what was left unfinished in {home} is not known: {error.message}")
            begun = []
        found |= {upload.id: _abandoned(upload) for upload in begun if upload.is_abandoned}
        arrived = {upload.id: upload.n_bytes for upload in begun}
        # Last: of these more is known.
        here = {folder: at for folder, at in stores.items() if at.parent.parent == home}
        found |= {left.id: left for left in _of_this_machine(here, arrived)}
    return list(found.values())


def _of_this_machine(stores: Mapping[Path, Address], arrived: Mapping[str, int]) -> Iterator[UploadLeft]:
    for folder, at in stores.items():
        gram, home = folder / "gram", at / "gram"
        stopped = stopped_upload(gram, home)
        if stopped is not None:
            still = partial(_is_still, gram, home, stopped)
            n_bytes, detail = arrived.get(stopped.upload, 0), "by a process that was killed"
            yield UploadLeft(stopped.there, stopped.upload, n_bytes, detail, still, gram)


def _is_still(folder: Path, home: Address, stopped: Stopped) -> bool:
    return stopped_upload(folder, home) == stopped


def _abandoned(upload: Upload) -> UploadLeft:
    there = Address(f"s3://{upload.bucket}/{upload.key}")
    detail = f"nothing has arrived for {told_time(upload.idle)}"
    return UploadLeft(there, upload.id, upload.n_bytes, detail, partial(_is_abandoned, there, upload.id))


def _is_abandoned(there: Address, upload: str) -> bool:
    with suppress(DataError):
        return any(each.id == upload and each.is_abandoned for each in there.unfinished())
    return False
