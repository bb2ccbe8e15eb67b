"""Which server an address is of, as this machine's settings have it."""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from importlib import import_module
from typing import Any

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
    # What they raise, they write down before, with where it happened, or with all that was tried.
    for logger in ("gcsfs", "azure.identity"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
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
    if kind is AZURE:
        _check_account(system, bucket)
    return {S3: S3Server, GOOGLE: GoogleServer, AZURE: AzureServer}[kind](system)


def _check_account(system: Any, bucket: str) -> None:
    """Raise a UsageError if an address names one account, and this machine's connection string another.

    The library goes by the string, and would read and write a container of the same name there.
    """
    _, at, host = bucket.partition("@")
    asked, named = system.service_client.account_name, host.split(".")[0]
    if at and asked and asked != named:
        raise UsageError(
            f"az://{bucket} is of the account {named}, and AZURE_STORAGE_CONNECTION_STRING of {asked}",
            hint=f"write az://CONTAINER for that of {asked}, or have the variable be that of {named}",
        )
