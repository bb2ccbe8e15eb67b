"""Runs the command line with a stand-in network, each job in a process of its own that may die at any moment.

Importing torch takes seconds. This program does it once and forks for every job: a line of JSON on its input is a
list of jobs to be started together; when all have ended it answers with their process ids and how they ended.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import gc
import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from algocli.features.networks.backbones import Backbone

# What changes a file system, as Python's audit events name it. Opening counts where it is for writing.
CHANGES = {"open", "os.rename", "os.mkdir"}
# And what takes something away.
REMOVALS = {"os.remove", "os.rmdir"}


def serve() -> None:
    """Answer until the input ends."""
    import torch
    import torchvision  # noqa: F401
    import zarr  # noqa: F401
    from typer.testing import CliRunner

    from algocli.cli import app

    for module in sys.argv[1:]:
        import_module(module)
    # What only a command line that is parsed makes the libraries import.
    CliRunner().invoke(app, ["validate", "nowhere.zip"])
    # What is here by now is no garbage: children that look for some would copy all of it.
    gc.freeze()
    # No thread may be at work when a process forks.
    torch.set_num_threads(1)
    for line in sys.stdin:
        jobs = json.loads(line)
        began = time.monotonic()
        pids = [_start(job) for job in jobs]
        for after, number, pid in sorted(_signals(pids, jobs)):
            time.sleep(max(0, began + after - time.monotonic()))
            # Not waited for yet, so that the number is still its own, alive or not.
            os.kill(pid, number)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        print(json.dumps([pids, codes]), flush=True)


def _signals(pids: Sequence[int], jobs: Sequence[dict[str, Any]]) -> Iterator[tuple[float, int, int]]:
    """Yield after how many seconds which signal goes to whom."""
    for pid, job in zip(pids, jobs, strict=True):
        if "signal" in job:
            yield job["after"], job["signal"], pid
        for after, number in job.get("signals", ()):
            yield after, number, pid


def _start(job: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    # Whoever starts tests in the background of a shell has them ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with open(job["output"], "w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        code = _run(job)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(job: dict[str, Any]) -> int:
    import algocli.compute.lock
    import algocli.compute.s3_uploads
    import algocli.features.extraction
    import algocli.features.networks.backbones
    import algocli.features.store.shards
    from algocli.cli import main
    from tests.features.stand_in import SHAPES, stand_in

    def load(_model: str, layers: Sequence[str], *_args: Any, **_options: Any) -> Backbone:
        # In the order in which they were asked for: no order is promised to what must not hang on it.
        return stand_in([name for name in layers if name in SHAPES] or ["edges"], seconds=job.get("seconds", 0.0))

    # Processes die here, but no power is cut: what was written is there, and a busy disk need not be waited for.
    if "armed" not in job:
        os.fsync = lambda _descriptor: None
    algocli.features.store.shards.MAX_SHARD_ROWS = job.get("rows", 8)
    # The widest of the stand-in's layers has shards of 4 rows.
    algocli.features.store.shards.SHARD_BYTES = 100_000
    if not job.get("real_network"):
        algocli.features.networks.backbones.load_backbone = load
    if "machine" in job:
        # Of a file system whose locks each machine keeps to itself: nobody sees what another holds.
        fcntl.flock = lambda _file, _kind: None
        algocli.compute.lock._KERNEL = Path(job["output"]).with_suffix(".machine")
        algocli.compute.lock._KERNEL.write_text(job["machine"])
    if "memory" in job:
        # What the interpreter and its libraries have reserved, of which most is never used, is not counted.
        most = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + job["memory"]
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if "alarm" in job:
        signal.alarm(job["alarm"])
    if "dwell" in job:
        algocli.features.extraction.hold = _dwelling(algocli.features.extraction.hold, job["dwell"])
    if "part_bytes" in job:
        algocli.compute.s3_uploads.PART_BYTES = job["part_bytes"]
    if "requests" in job:
        number, what = job.get("request", 0), job.get("signal_there", 0)
        _at_request(Path(job["requests"]), number, what, answered=job["answered"], scheme=job["scheme"])
    if "at_most" in job:
        threading.Thread(target=_end_after, args=(job["at_most"],), daemon=True).start()
    if "largest_file" in job:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"],) * 2)
    if "at" in job:
        if job["happens"] == "pause":
            _from_change(job["cache"], job["at"], _pausing(job), CHANGES | REMOVALS)
        else:
            changes = CHANGES | REMOVALS if job.get("once") else CHANGES
            _from_change(job["cache"], job["at"], HAPPENINGS[job["happens"]], changes, once=job.get("once", False))
    if "folder" in job:
        os.chdir(job["folder"])
    time.sleep(job.get("delay", 0))
    if "clock" in job:
        time.time = lambda: job["clock"]
    if "armed" in job:
        where, log, fault, number, lasting = job["armed"]
        ctypes.CDLL(None).shim_arm(os.fsencode(where), os.fsencode(log), fault, ctypes.c_long(number), lasting)
    if "waits_for" in job:
        _wait_until(Path(job["waits_for"]).exists)
    sys.argv = ["algocli", *job["arguments"]]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        if "touches" in job:
            Path(job["touches"]).touch()
    return 0


def _pausing(job: dict[str, Any]) -> Callable[[], None]:
    """Return what stops a job, once, until whoever waits for that has ended, or says that it waits in its turn."""
    stopped, gone_on = Path(job["touches"]), Path(job["goes_on"])

    def said_so() -> bool:
        return any("waiting for it" in Path(output).read_text() for output in job["outputs"])

    def pause() -> None:
        if not stopped.exists():
            stopped.write_text("in between")
            _wait_until(lambda: gone_on.exists() or said_so())

    return pause


def _wait_until(happened: Callable[[], bool]) -> None:
    # A machine that is busy is waited for, and one that hangs is not.
    for _ in range(3000):
        if happened():
            return
        time.sleep(0.01)
    _die()


def _dwelling(hold: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """Return a `hold` that rests after every lock it took: whoever comes the other way has time to take the next."""

    @contextmanager
    def hold_and_rest(*args: Any, **options: Any) -> Iterator[None]:
        with hold(*args, **options):
            time.sleep(seconds)
            yield

    return hold_and_rest


def _at_request(log: Path, number: int, what: int, *, answered: bool, scheme: str) -> None:
    """Have each request to a server of objects written down, and a signal come at one: before it, or once answered."""
    import aiohttp
    import s3fs.core

    # What everything goes through that is asked; of S3 by the names of its requests, of others by those of HTTP.
    home, name = (s3fs.core, "_error_wrapper") if scheme == "s3" else (aiohttp.ClientSession, "_request")
    real, seen = getattr(home, name), 0

    async def ask(*words: Any, **about: Any) -> Any:
        nonlocal seen
        seen += 1
        is_it = seen == number
        with log.open("a") as stream:
            stream.write(f"{words[0].__name__ if scheme == 's3' else words[1]}\n")
        if is_it and not answered:
            os.kill(os.getpid(), what)
        answer = await real(*words, **about)
        if is_it and answered:
            os.kill(os.getpid(), what)
        return answer

    setattr(home, name, ask)


def _end_after(seconds: float) -> None:
    """End a process that would wait for ever."""
    # In small steps: a machine that stood still meanwhile counts as one of them.
    for _ in range(round(10 * seconds)):
        time.sleep(0.1)
    _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _fill_up() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _refuse() -> None:
    raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def _fail() -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def _terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


HAPPENINGS = {
    "kill": _die,
    "full": _fill_up,
    "refused": _refuse,
    "failed": _fail,
    "terminated": _terminate,
    "hung up": _hang_up,
}


def _from_change(
    cache: str, number: int, happen: Callable[[], None], changes: Set[str] = CHANGES, *, once: bool = False
) -> None:
    """Let something happen before the change of that number to a folder, and before every later one, or only once."""
    seen = 0
    fsync = os.fsync

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == number or (seen > number and not once):
            happen()

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in changes or not isinstance(arguments[0], str | os.PathLike):
            return
        writes = event != "open" or arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes and os.fspath(arguments[0]).startswith(cache):
            count()

    def counted_fsync(descriptor: int) -> None:
        count()
        fsync(descriptor)

    sys.addaudithook(audit)
    os.fsync = counted_fsync


if __name__ == "__main__":
    serve()
