"""Which server an address is of, as this machine's settings have it."""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from importlib import import_module

from algocli.compute.clouds import AzureServer, GoogleServer
from algocli.compute.object_kinds import AZURE, GOOGLE, S3, ObjectKind, failures, reason
from algocli.compute.object_server import ObjectServer
from algocli.compute.s3_server import S3Server
from algocli.errors import UsageError, install_hint


@lru_cache(maxsize=16)
def server_of(kind: ObjectKind, bucket: str) -> ObjectServer:
    """Return what speaks to the server on which a bucket lies.

    Raises
    ------
    UsageError
        If it is not installed, or this machine does not say who is asking.
    """
    # Asks, before all else, whether a bucket is of a kind that few are, by another way, which not every server has.
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    # What it raises, it writes down before, with where it happened.
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    # Whatever is read whole is read at once.
    words = {"use_listings_cache": False} | ({"max_concurrency": 1} if kind is S3 else {})
    try:
        import_module(kind.package)
        from fsspec.core import url_to_fs

        # The name of one of Azure's may say on whose account it lies.
        system, _ = url_to_fs(f"{kind.scheme}://{bucket}", **words)
    except ImportError as error:
        hint = install_hint(kind.extra)
        raise UsageError(f"addresses of {kind.scheme}:// need the package {kind.package}", hint=hint) from error
    # Azure's asks on the spot who is asking, Google's looks for its certificates.
    except Exception as error:
        if not isinstance(error, (ValueError, *failures())):
            raise
        raise UsageError(
            f"addresses of {kind.scheme}:// cannot be asked: {reason(error)}", hint=kind.who_asks
        ) from error
    return {S3: S3Server, GOOGLE: GoogleServer, AZURE: AzureServer}[kind](system)
