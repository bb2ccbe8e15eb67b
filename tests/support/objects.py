"""Servers of this machine's own on which objects lie, for tests: a process of each kind, and a bucket in it.

That of S3 is moto's, that of Google's gcp-storage-emulator, both of the extra dev; that of Azure's is azurite, of npm.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algocli.compute.addresses import Address
from algocli.compute.object_kinds import AZURE, GOOGLE, KINDS, S3, ObjectKind
from algocli.compute.serving import server_of

BUCKET = "bucket"
_asked_before: list[Any] = []
# Seconds that it is waited for.
_LONGEST = 120
# The account that azurite has for everybody, as its documentation tells.
_AZURE_NAME = "devstoreaccount1"
_AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True)
class Objects:
    """A server that is up, and how programs find it."""

    port: int
    kind: ObjectKind = S3

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find it: the address, and the names that it takes from anyone."""
        url = f"http://127.0.0.1:{self.port}"
        if self.kind is GOOGLE:
            return {"STORAGE_EMULATOR_HOST": url, "NO_GCE_CHECK": "true"}
        if self.kind is AZURE:
            words = {"AccountName": _AZURE_NAME, "AccountKey": _AZURE_KEY, "BlobEndpoint": f"{url}/{_AZURE_NAME}"}
            said = ";".join(f"{word}={value}" for word, value in words.items())
            return {"AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;{said};"}
        return {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "anyone",
            "AWS_SECRET_ACCESS_KEY": "anything",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def at(self, prefix: str) -> Address:
        """Return an address in the bucket."""
        return Address(f"{self.kind.scheme}://{BUCKET}/{prefix.strip('/')}")


def why_none(kind: ObjectKind) -> str:
    """Say why no server of a kind can be begun here; nothing where one can."""
    needed = {S3: ("s3fs", "moto"), GOOGLE: ("gcsfs", "gcp_storage_emulator"), AZURE: ("adlfs",)}[kind]
    missing = [package for package in needed if importlib.util.find_spec(package) is None]
    if missing:
        return f"{' and '.join(missing)} not installed: the extra dev"
    if kind is AZURE and shutil.which("azurite-blob") is None:
        return "azurite is not installed: npm install --global azurite"
    return ""


@contextmanager
def serving_objects(folder: Path, kind: ObjectKind = S3, least_part: int = 5 * 2**20) -> Iterator[Objects]:
    """Have a server within a `with` block; S3's takes no smaller parts of an object but for the last, as Amazon's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        objects = Objects(free.getsockname()[1], kind)
    with (folder / "server.log").open("wb") as log:
        environment = {**os.environ, "S3_UPLOAD_PART_MIN_SIZE": str(least_part)}
        words = _words(kind, objects.port)
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder, env=environment)
    try:
        _wait(objects.port, process)
        yield objects
    finally:
        process.terminate()
        process.wait()


def _words(kind: ObjectKind, port: int) -> list[str]:
    """Return the command that begins a server."""
    at = str(port)
    if kind is GOOGLE:
        return [
            sys.executable,
            "-m",
            "gcp_storage_emulator",
            "start",
            "--host=127.0.0.1",
            "--in-memory",
            f"--port={at}",
        ]
    if kind is AZURE:
        quiet = ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"]
        return ["azurite-blob", "--blobHost", "127.0.0.1", "--blobPort", at, *quiet]
    return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", at]


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _LONGEST
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def system() -> Any:
    """Return s3fs, as this process asks the server through it."""
    return server_of(S3, BUCKET).system


@contextmanager
def asking_anew() -> Iterator[None]:
    """Have this process find its server by the environment within a `with` block, and again after it."""
    _forget_servers()
    try:
        yield
    finally:
        _forget_servers()


def _forget_servers() -> None:
    import fsspec

    server_of.cache_clear()
    for kind in KINDS:
        if importlib.util.find_spec(kind.package) is not None:
            system = fsspec.get_filesystem_class(kind.scheme)
            # One that is collected before its connections are closed warns of that, whatever test runs then.
            _asked_before.extend(system._cache.values())
            system.clear_instance_cache()


def make_bucket(url: str | None = None, kind: ObjectKind = S3) -> Any:
    """Make the bucket, and return what speaks to the server, by default that which the environment names."""
    import fsspec

    named = {} if url is None else {"endpoint_url": url}
    there = fsspec.filesystem(kind.scheme, use_listings_cache=False, skip_instance_cache=True, **named)
    there.mkdir(BUCKET)
    return there
