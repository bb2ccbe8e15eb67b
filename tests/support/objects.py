"""A server of this machine's own that speaks S3, for tests: a process of moto's, and a bucket in it."""

from __future__ import annotations

import os
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
from algocli.compute.object_server import server

BUCKET = "bucket"
# Seconds that it is waited for.
_LONGEST = 120


@dataclass(frozen=True)
class Objects:
    """A server that is up, and how programs find it."""

    port: int

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find it: the address, and the names that it takes from anyone."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "anyone",
            "AWS_SECRET_ACCESS_KEY": "anything",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def at(self, prefix: str) -> Address:
        """Return an address in the bucket."""
        return Address(f"s3://{BUCKET}/{prefix}")


@contextmanager
def serving_objects(folder: Path, least_part: int = 5 * 2**20) -> Iterator[Objects]:
    """Have a server within a `with` block, which takes no smaller parts of an object but for the last, as S3 does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        objects = Objects(free.getsockname()[1])
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(objects.port)]
    with (folder / "server.log").open("wb") as log:
        environment = {**os.environ, "S3_UPLOAD_PART_MIN_SIZE": str(least_part)}
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder, env=environment)
    try:
        _wait(objects.port, process)
        yield objects
    finally:
        process.terminate()
        process.wait()


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


@contextmanager
def asking_anew() -> Iterator[None]:
    """Have this process find its server by the environment within a `with` block, and again after it."""
    import s3fs

    for clear in (s3fs.S3FileSystem.clear_instance_cache, server.cache_clear):
        clear()
    try:
        yield
    finally:
        for clear in (s3fs.S3FileSystem.clear_instance_cache, server.cache_clear):
            clear()


def make_bucket(url: str | None = None) -> Any:
    """Make the bucket, and return what speaks to the server, by default that which the environment names."""
    import fsspec

    there = fsspec.filesystem("s3", use_listings_cache=False, endpoint_url=url, skip_instance_cache=True)
    there.mkdir(BUCKET)
    return there
