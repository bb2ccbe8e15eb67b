"""Servers that speak S3: asked in its own words where those say more than fsspec's, or ask once for what takes two."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from algocli.compute import s3_uploads
from algocli.compute.object_server import ObjectServer
from algocli.compute.s3_uploads import Upload


class S3Server(ObjectServer):
    """A server that speaks S3, through s3fs."""

    def read(self, key: str, most: int | None) -> bytes:
        """Read a whole object, or of one that is larger than `most` at least a byte more than that."""
        # One more than it can have tells that it is too large; it is read at once, and not asked for its size first.
        part = {} if most is None else {"start": 0, "end": most + 1}
        try:
            return bytes(self.system.cat_file(key, **part))
        except OSError as error:
            # Of an empty one there is no part.
            if error.errno != errno.EINVAL or (self.stamp(key) or "").split()[:1] != ["0"]:
                raise
            return b""

    def write(self, key: str, content: bytes) -> str:
        """Have an object be this, by one request that does all or nothing; return its stamp."""
        return f"{len(content)} {self._mark(self.system.call_s3('put_object', **_named(key), Body=content))}"

    def send(self, key: str, path: Path, begun: Callable[[str], None]) -> None:
        """Have an object be what a file is, of which some parts are in memory at a time; none is seen before the last.

        Parameters
        ----------
        begun
            Is told the id of the upload, where it takes more than one request.
        """
        if path.stat().st_size < 2 * s3_uploads.PART_BYTES:
            self.system.call_s3("put_object", **_named(key), Body=path.read_bytes())
        else:
            s3_uploads.send(self.system, _named(key), path, s3_uploads.PART_BYTES, begun)

    def abort(self, key: str, upload: str) -> None:
        """Forget an upload of an object, and what has arrived of it."""
        s3_uploads.abort(self.system, _named(key), upload)

    def unfinished(self, key: str, pattern: str) -> Iterator[Upload]:
        """Yield what was begun and never finished of an object, or of those below of a pattern's names."""
        bucket, within = _named(key).values()
        meant = re.compile("/".join(filter(None, [re.escape(within), pattern])))
        yield from s3_uploads.unfinished(self.system, bucket, within, meant)

    def first_below(self, key: str) -> str | None:
        """Return the key of the first object below, by one question; None where nothing is."""
        bucket, within = _named(key).values()
        prefix = f"{within}/" if within else ""
        try:
            about = self.system.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)
        except FileNotFoundError:
            return None
        return next((f"{bucket}/{each['Key']}" for each in about.get("Contents", ())), None)

    def _about(self, key: str) -> Mapping[str, Any] | None:
        try:
            about: Mapping[str, Any] = self.system.call_s3("head_object", **_named(key))
        except FileNotFoundError:
            return None
        return {**about, "size": about["ContentLength"]}

    def _mark(self, about: Mapping[str, Any]) -> str:
        return str(about["ETag"]).strip('"')


def _named(key: str) -> dict[str, str]:
    bucket, _, within = key.partition("/")
    return {"Bucket": bucket, "Key": within}
