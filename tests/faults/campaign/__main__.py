"""Runs the campaign: all kinds of faults in turn, so that each has its share of the time, in two processes."""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from queue import Empty
from typing import Any

from tests.faults.campaign.outcome import Outcome
from tests.faults.campaign.table import table
from tests.faults.campaign.worker import SHARES, work

HOUR = 3600
COMPILED = ("kills", "disk")
# And what takes a server of objects.
SERVED, SERVER = "addresses", ("moto", "s3fs")
# Progress is told this often, in seconds; a trial that is going on at the end has so many more.
EVERY = 60
GRACE = 300


def main(words: Sequence[str] | None = None) -> int:
    """Return 0 if all survived and each kind was tried as often as it should be."""
    options = _options(words)
    home = options.home or Path(tempfile.mkdtemp(prefix="faults-"))
    print(f"seed {options.seed}, {options.seconds} s, in {home}", flush=True)
    queue: multiprocessing.Queue[tuple[str, Outcome] | None] = multiprocessing.get_context("spawn").Queue()
    workers = [
        multiprocessing.get_context("spawn").Process(
            target=work, args=(queue, home / str(number), f"{options.seed}.{number}", options.only, options.seconds)
        )
        for number in range(options.workers)
    ]
    for worker in workers:
        worker.start()
    outcomes = list(_told(queue, workers, time.monotonic() + options.seconds + GRACE))
    return _conclude(outcomes, options)


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__)
    parser.add_argument("--seconds", type=float, default=HOUR)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(SHARES), help=",".join(SHARES))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--home", type=Path, help="an empty folder to work in; copies of what failed are kept there")
    options = parser.parse_args(words)
    options.only = [kind for kind in options.only if find_spec(f"tests.faults.campaign.{kind}")]
    if not all(map(find_spec, SERVER)):
        print(f"{SERVED} is left out: it takes {' and '.join(SERVER)}, of the extra dev")
        options.only = [kind for kind in options.only if kind != SERVED]
    if shutil.which("cc") is None:
        print(f"{' and '.join(COMPILED)} are left out: what sees every change to the disk is compiled with cc")
        options.only = [kind for kind in options.only if kind not in COMPILED]
    return options


def _told(queue: Any, workers: Sequence[Any], until: float) -> Iterator[tuple[str, Outcome]]:
    """Yield what workers put into a queue until all have ended; print failures at once, and progress now and then."""
    done: Counter[str] = Counter()
    spoken = time.monotonic()
    ended = 0
    while ended < len(workers):
        try:
            entry = queue.get(timeout=5)
        except Empty:
            if not any(worker.is_alive() for worker in workers):
                raise RuntimeError("a process of the campaign has died") from None
            if time.monotonic() > until:
                for worker in workers:
                    worker.terminate()
                yield "campaign", Outcome("the campaign", "time", "hang", "a trial did not end")
                return
            continue
        if entry is None:
            ended += 1
            continue
        kind, outcome = entry
        done[kind] += 1
        if not outcome.survived:
            print(f"{outcome.verdict.upper()}: {kind}, {outcome.command}, {outcome.detail}", flush=True)
        if time.monotonic() - spoken > EVERY:
            spoken = time.monotonic()
            print(", ".join(f"{count} {kind}" for kind, count in done.items()), flush=True)
        yield entry


def _conclude(outcomes: Sequence[tuple[str, Outcome]], options: argparse.Namespace) -> int:
    print(table(outcomes))
    tried = Counter(kind for kind, _ in outcomes)
    failed = [outcome for _, outcome in outcomes if not outcome.survived]
    for kind in options.only:
        wanted = int(SHARES[kind] * options.seconds / HOUR)
        if tried[kind] < wanted:
            print(f"{kind}: {tried[kind]} of {wanted}: this machine is too slow for {options.seconds:.0f} s")
    print(f"{len(outcomes)} tried, {len(failed)} did not survive; seed {options.seed}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
