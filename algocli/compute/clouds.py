"""Google's and Azure's servers of objects, through fsspec's libraries for them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from algocli.compute.object_server import ObjectServer


class GoogleServer(ObjectServer):
    """Google Cloud Storage; what is begun to be sent and never finished it forgets after a week."""

    def write(self, key: str, content: bytes) -> str:
        """Have an object be this, by one request that does all or nothing; return its stamp."""
        # The server's own digest is held against that of what was sent.
        self.system.pipe_file(key, content, consistency="md5", chunksize=len(content) + 1)
        return f"{len(content)} {_in_letters(hashlib.md5(content, usedforsecurity=False).digest())}"

    def _mark(self, about: Mapping[str, Any]) -> str:
        # One that was put together of several has none.
        return str(about.get("md5Hash") or about["etag"])


class AzureServer(ObjectServer):
    """Azure's Blob Storage; blocks that nobody makes an object of it forgets after a week."""

    def write(self, key: str, content: bytes) -> str:
        """Have an object be this, by one request that does all or nothing; return its stamp."""
        from azure.core.exceptions import ResourceNotFoundError

        digest = hashlib.md5(content, usedforsecurity=False).digest()
        try:
            self.system.pipe_file(key, content, content_settings={"content_md5": digest})
        except ResourceNotFoundError as error:
            raise FileNotFoundError(key) from error
        return f"{len(content)} {_in_letters(digest)}"

    def for_asyncio(self) -> Any:
        """Return fsspec's file system for a library that has a loop of its own."""
        from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper

        # One of its own would close its connections as Python ends, in a loop that has ended before, and say so.
        return AsyncFileSystemWrapper(self.system, asynchronous=True)

    def _found(self, key: str) -> Mapping[str, Mapping[str, Any]]:
        found: Any = super()._found(key)
        if isinstance(found, Mapping):
            return found
        # Where an object lies at the key itself, adlfs lists that alone.
        container, _, within = key.partition("/")
        below: Mapping[str, Mapping[str, Any]] = self.system.find(container, prefix=within, detail=True)
        return below

    def _mark(self, about: Mapping[str, Any]) -> str:
        digest = (about.get("content_settings") or {}).get("content_md5")
        return _in_letters(digest) if digest else str(about["etag"])


def _in_letters(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
