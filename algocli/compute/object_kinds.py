"""The kinds of object stores at whose addresses features can lie, and what of a machine's settings each goes by.

An address of another kind is refused: that its writes are whole, and survive a process that is killed, is promised by
these, and held by tests against a server of each kind.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from algocli.errors import first_line


@dataclass(frozen=True)
class ObjectKind:
    """A kind of object store.

    Attributes
    ----------
    scheme
        By which its addresses are written.
    others
        Schemes that mean the same.
    package, extra
        What speaks to it, and the extra of this package that has it installed.
    outer
        What a bucket is called there.
    who_asks
        How its server is found, and who is asking, in the words of its own programs.
    failures
        The errors of the libraries that speak to it, by their modules.
    """

    scheme: str
    others: tuple[str, ...]
    package: str
    extra: str
    outer: str
    who_asks: str
    failures: tuple[tuple[str, tuple[str, ...]], ...]


_WEB = ("aiohttp", ("ClientError",))
S3 = ObjectKind(
    "s3", ("s3a",), "s3fs", "s3", "bucket",
    "AWS_ENDPOINT_URL names the server, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, who asks",
    (("botocore.exceptions", ("BotoCoreError", "ClientError")), _WEB),
)  # fmt: skip
GOOGLE = ObjectKind(
    "gs", ("gcs",), "gcsfs", "gs", "bucket",
    "GOOGLE_APPLICATION_CREDENTIALS names the file that says who asks, STORAGE_EMULATOR_HOST a server of another's",
    (("gcsfs.retry", ("HttpError", "ChecksumError", "NonRetryableError")),
     ("google.auth.exceptions", ("GoogleAuthError",)), _WEB),
)  # fmt: skip
AZURE = ObjectKind(
    "az", ("abfs", "abfss"), "adlfs", "az", "container",
    "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING, say who asks",
    (("azure.core.exceptions", ("AzureError",)), _WEB),
)  # fmt: skip
KINDS = (S3, GOOGLE, AZURE)
_BY_SCHEME = {scheme: kind for kind in KINDS for scheme in (kind.scheme, *kind.others)}
# How addresses may begin, for a sentence.
SCHEMES = ", ".join(f"{kind.scheme}://" for kind in KINDS[:-1]) + f" or {KINDS[-1].scheme}://"
# gcsfs tells some of what a server refuses by a ValueError that begins so.
_REFUSALS = ("Bad Request: ", "Bucket is requester pays")
_ADDRESS = re.compile(rf"({'|'.join(_BY_SCHEME)}):/+([^/*?\[\]\x00-\x1f][^*?\[\]\x00-\x1f]*)", re.IGNORECASE)


def is_address(text: str) -> bool:
    """Say whether a text is an address, or that a `Path` of it was, which has lost a slash.

    Examples
    --------
    >>> is_address("s3://bucket/prefix"), is_address("gs:/bucket"), is_address("sftp://host/prefix")
    (True, True, False)
    """
    return split_address(text) is not None


def split_address(text: str) -> tuple[ObjectKind, tuple[str, ...]] | None:
    """Return the kind of an address, and its parts from the bucket on; None of what is no address."""
    written = _ADDRESS.fullmatch(text)
    # Azure's library takes a last # for none of the name's.
    if written is None or (_BY_SCHEME[written[1].lower()] is AZURE and text.rstrip("/").endswith("#")):
        return None
    return _BY_SCHEME[written[1].lower()], tuple(part for part in written[2].split("/") if part)


def failures() -> tuple[type[Exception], ...]:
    """Return what tells of a server, or of the way to it: OSErrors, and the errors of libraries that speak to one."""
    # TimeoutError, of asyncio too, is an OSError.
    return (OSError, *_loaded())


def is_failure(error: BaseException) -> bool:
    """Say whether an error tells of a server, or of the way to it."""
    return isinstance(error, failures()) or (isinstance(error, ValueError) and str(error).startswith(_REFUSALS))


def reason(error: BaseException) -> str:
    """Return what an error says, within a sentence."""
    line = first_line(error).rstrip(".!")
    # 'No such ...', but not 'SSL ...'.
    return line if line[1:2].isupper() else line[:1].lower() + line[1:]


def _loaded() -> Iterator[type[Exception]]:
    for module, names in {named for kind in KINDS for named in kind.failures}:
        # Nobody has raised what is of a module that is not loaded.
        if module in sys.modules:
            # Nor what a version of it has not.
            yield from (getattr(sys.modules[module], name) for name in names if hasattr(sys.modules[module], name))
