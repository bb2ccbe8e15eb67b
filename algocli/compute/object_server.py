"""The server on which objects lie, as other programs on this machine find it, and what it says where it refuses."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

from algocli.errors import UsageError, first_line, install_hint

WHO_ASKS = "AWS_ENDPOINT_URL names the server, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, who asks"


def reason(error: BaseException) -> str:
    """Return what an error says, within a sentence."""
    line = first_line(error).rstrip(".")
    return line[:1].lower() + line[1:]


def failures() -> tuple[type[Exception], ...]:
    """Return what tells of a server, or of the way to it: OSErrors, and the errors of the library that speaks to it."""
    botocore = sys.modules.get("botocore.exceptions")
    return (OSError,) if botocore is None else (OSError, botocore.BotoCoreError, botocore.ClientError)


@lru_cache(maxsize=1)
def server() -> Any:
    """Return what speaks to the server; nothing that it has listed is remembered.

    Raises
    ------
    UsageError
        If it is not installed.
    """
    try:
        import fsspec

        # Whatever is read whole is read at once.
        return fsspec.filesystem("s3", use_listings_cache=False, max_concurrency=1)
    except ImportError as error:
        raise UsageError("addresses of s3:// need the package s3fs", hint=install_hint("s3")) from error
