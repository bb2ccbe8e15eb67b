"""Objects too large for one request of S3: sent part by part, and what is left of them where nobody sends the rest.

Nothing is seen of such an object until its last part is there and the sender says so. What a killed one has sent by
then stays on the server, which lists it among no objects and may have it paid for, until somebody aborts the upload.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

from algocli.compute.object_kinds import failures
from algocli.compute.threads import in_threads

# Of what is too large to be held, this much is sent or read at a time, several side by side.
PART_BYTES = 16 * 2**20
# Parts that are sent side by side, and in memory.
SIDE_BY_SIDE = 4
# An upload of which nothing has arrived for so long, in seconds, has nobody any more who sends it.
ABANDONED = 24 * 3600.0

# A bucket and a key, as the server's words name them.
Named = Mapping[str, str]


@dataclass(frozen=True)
class Upload:
    """An object that was begun and is not there.

    Attributes
    ----------
    bucket, key
        Where it would be.
    id
        What tells it from other uploads of the same object.
    n_bytes
        What of it has arrived.
    idle
        The seconds since some of it did, or since it was begun, by the server's clock.
    """

    bucket: str
    key: str
    id: str
    n_bytes: int
    idle: float

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody sends it any more."""
        return self.idle >= ABANDONED


def send(system: Any, named: Named, path: Path, part_bytes: int, begun: Callable[[str], None]) -> None:
    """Have an object be what a file is, of which a few parts are in memory at a time; what fails leaves nothing.

    Parameters
    ----------
    system
        s3fs, which speaks to the server.
    begun
        Is told the upload's id before the first part is sent: whoever is killed after that can be cleared up after.

    Raises
    ------
    OSError
        If somebody aborts the upload meanwhile, or the server refuses.
    """
    upload = {**named, "UploadId": str(system.call_s3("create_multipart_upload", **named)["UploadId"])}
    numbers = range(1, -(-path.stat().st_size // part_bytes) + 1)
    try:
        begun(upload["UploadId"])
        parts = list(in_threads(partial(_send_part, system, upload, path, part_bytes), numbers, n_threads=SIDE_BY_SIDE))
        system.call_s3("complete_multipart_upload", **upload, MultipartUpload={"Parts": parts})
    except BaseException as error:
        # What is refused here was refused above, and is told.
        with suppress(*failures()):
            abort(system, named, upload["UploadId"])
        if isinstance(error, FileNotFoundError):
            raise OSError("its upload was aborted meanwhile") from error
        raise


def abort(system: Any, named: Named, upload: str) -> None:
    """Have the server forget an upload and what has arrived of it; one that it does not know is forgotten already."""
    with suppress(FileNotFoundError):
        system.call_s3("abort_multipart_upload", **named, UploadId=upload)


def unfinished(system: Any, bucket: str, prefix: str, meant: re.Pattern[str]) -> Iterator[Upload]:
    """Yield what was begun below a prefix and is not there, by whomever: there is no telling who sends it.

    Parameters
    ----------
    meant
        The keys that are meant: of others nothing more is asked.
    """
    after: dict[str, str] = {}
    while True:
        about = system.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix, **after)
        for begun in about.get("Uploads", ()):
            # What was finished, or aborted, a moment ago is not there.
            with suppress(FileNotFoundError):
                if meant.fullmatch(begun["Key"]):
                    yield _as_it_is(system, bucket, begun["Key"], begun["UploadId"], begun["Initiated"])
        if not about.get("IsTruncated"):
            return
        after = {"KeyMarker": about["NextKeyMarker"], "UploadIdMarker": about["NextUploadIdMarker"]}


def _send_part(system: Any, upload: Named, path: Path, part_bytes: int, number: int) -> dict[str, Any]:
    with path.open("rb") as stream:
        stream.seek((number - 1) * part_bytes)
        about = system.call_s3("upload_part", **upload, PartNumber=number, Body=stream.read(part_bytes))
    return {"PartNumber": number, "ETag": about["ETag"]}


def _as_it_is(system: Any, bucket: str, key: str, upload: str, last: datetime) -> Upload:
    """Look at what of an upload has arrived, and when."""
    n_bytes, after = 0, 0
    while True:
        named = {"Bucket": bucket, "Key": key, "UploadId": upload, "PartNumberMarker": after}
        about = system.call_s3("list_parts", **named)
        parts = about.get("Parts", ())
        n_bytes += sum(part["Size"] for part in parts)
        last = max([last, *(part["LastModified"] for part in parts)])
        if not about.get("IsTruncated"):
            return Upload(bucket, key, upload, n_bytes, (_now(about) - last).total_seconds())
        after = int(about["NextPartNumberMarker"])


def _now(about: Mapping[str, Any]) -> datetime:
    """Return when the server answered, by its own clock, if it says so: this machine's may be another."""
    try:
        said = parsedate_to_datetime(about["ResponseMetadata"]["HTTPHeaders"]["date"])
    except (LookupError, TypeError, ValueError):
        said = datetime.now(UTC)
    return said if said.tzinfo else said.replace(tzinfo=UTC)
