"""Hours of mixed commands on one cache, in one process and in jobs beside it: does anything grow, is anything left?

    python -m tests.faults.soak --seconds 3600 --reports 100

Every round extracts, trains, reports, plots, exports and makes mistakes, always the same ones, while two jobs train and
extract on the same cache. After each it is read what the process holds: memory, descriptors, threads, temporary files;
and the names of all files in the cache and beside it. At the end `cache verify` is asked whether the cache is sound.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from scipy import stats
from typer.testing import CliRunner

from tests.faults.conftest import ROOT, Jobs
from tests.support.challenge import write_tiny_challenge

# A round that leaves less than this behind, in KiB, is told from one that leaves nothing by no bound.
MOST_KIB_A_ROUND = 64
# The first rounds import, compile and fill what is meant to be kept.
WARM_UP = 3


@dataclass(frozen=True)
class Held:
    """What a process holds between two rounds."""

    memory: int  # KiB of its own, without the pages of files
    descriptors: int
    threads: int
    temporary: frozenset[str]
    files: frozenset[str]


@dataclass(frozen=True)
class Place:
    """A challenge, a cache, what commands write beside them, and where temporary files go."""

    home: Path

    @property
    def cache(self) -> Path:
        """The one cache."""
        return self.home / "cache"

    def words(self, *words: str) -> list[str]:
        """Add the folders to a command; OUT is where it writes."""
        said = [word.replace("OUT", str(self.home / "out")) for word in words]
        where = {"--data-dir": self.home / "challenge", "--cache-dir": self.cache}
        without = {"cache": ["--data-dir"], "doctor": ["--data-dir"]}.get(words[0], [])
        return said + [str(part) for option in where if option not in without for part in (option, where[option])]

    def held(self) -> Held:
        """Read what this process holds now."""
        gc.collect()
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return Held(
            int(status["RssAnon"].split()[0]),
            len(os.listdir("/proc/self/fd")),
            int(status["Threads"]),
            # A folder of its compiler is made by torch when it is imported, and kept.
            frozenset(name for name in os.listdir(tempfile.gettempdir()) if not name.startswith("torchinductor_")),
            frozenset(str(path.relative_to(self.home)) for path in self.home.rglob("*") if path.is_file()),
        )


TRAIN = ("train", "--model", "stand-in", "--layer", "edges", "--device", "cpu", "--pca", "5", "--folds", "3")
# Each with how it ends. Mistakes are a part of life, and so is what is done already.
ROUND: tuple[tuple[int, tuple[str, ...]], ...] = (
    (0, ("extract", "--model", "stand-in", "--layer", "edges", "--layer", "corner", "--device", "cpu")),
    (0, (*TRAIN, "--run", "plain", "--force")),
    (0, (*TRAIN, "--run", "plain")),
    (0, (*TRAIN, "--run", "ridge", "--regression", "ridge", "--force")),
    (0, ("report", "--run", "ridge", "--intervals", "--significance", "--permutations", "9", "--json")),
    (0, ("report", "--run", "plain", "--html", "OUT/report.html", "--csv", "OUT/report.csv")),
    (0, ("compare", "plain", "ridge", "--html", "OUT/compare.html")),
    (0, ("plot", "accuracy", "--run", "plain", "--dpi", "50", "-o", "OUT/accuracy.png")),
    (0, ("plot", "rois", "--run", "ridge", "--dpi", "50", "-o", "OUT/rois.svg")),
    (0, ("export", "--run", "plain", "--format", "csv", "-o", "OUT/csv")),
    (0, ("export", "--run", "plain", "--format", "gifti", "-o", "OUT/gifti")),
    (0, ("submit", "--run", "plain", "--partial", "-o", "OUT/submission.zip")),
    (0, ("score", "plain")),
    (0, ("cache", "list")),
    (0, ("cache", "verify")),
    (0, ("cache", "gc", "--yes")),
    (2, ("report", "--run", "plain", "--roi", "FFA1")),
    (3, (*TRAIN, "--folds", "1000")),
    (2, ("report", "--run", "nobody")),
    (4, ("train", "--model", "stand-in", "--layer", "wide", "--device", "cpu")),
)
# What two jobs do meanwhile, on runs that a round of commands does not ask for.
BESIDE = (
    (*TRAIN, "--run", "beside", "--force"),
    ("extract", "--model", "stand-in", "--layer", "corner", "--device", "cpu"),
)
REPORTS = tuple(ending for ending in ROUND if ending[1][0] in ("report", "compare", "plot") and not ending[0])


def soak(
    home: Path, seconds: float, reports: int = 0, *, fewest: int = WARM_UP + 3, say: Callable[[str], object] = print
) -> list[str]:
    """Go round for so many seconds, then only report so many times; say what was held, and return what is wrong.

    Rounds are as many as `fewest` even where that takes longer.
    """
    place = Place(home)
    _prepare(place)
    with _one_network(), _temporary_files_in(home.parent / f"{home.name}-tmp"), _serving(home) as jobs:
        wrong = [f"in rounds: {what}" for what in _rounds(place, jobs, seconds, fewest, say)]
        if reports:
            wrong += [f"in reports: {what}" for what in _repeat(place, REPORTS, iter(range(reports)), say)]
        wrong += _run(place, [(0, ("cache", "verify"))])
    return wrong


def _prepare(place: Place) -> None:
    write_tiny_challenge(place.home / "challenge", (1,), n_train=40, n_test=4, image_size=40)
    (place.home / "out").mkdir()


def _rounds(place: Place, jobs: Jobs, seconds: float, fewest: int, say: Callable[[str], object]) -> list[str]:
    end = time.monotonic() + seconds

    def until_then() -> Iterator[int]:
        done = 0
        while done < fewest or time.monotonic() < end:
            # Features of one layer are made anew in every round.
            for features in place.cache.glob("features/*-corner-*"):
                shutil.rmtree(features)
            yield done
            done += 1

    wrong = _run(place, ROUND[:2])
    with ThreadPoolExecutor(1) as beside:
        return wrong + _repeat(place, ROUND, until_then(), say, lambda: beside.submit(_jobs, place, jobs).result)


def _jobs(place: Place, jobs: Jobs) -> list[str]:
    ended = jobs.run(*({"arguments": place.words(*words), "cache": str(place.cache)} for words in BESIDE))
    return [f"a job ended with {end.code}: {end.said}" for end in ended if end.code]


def _repeat(
    place: Place,
    commands: Sequence[tuple[int, tuple[str, ...]]],
    rounds: Iterator[int],
    say: Callable[[str], object],
    begin_beside: Callable[[], Callable[[], list[str]]] = lambda: list,
) -> list[str]:
    """Run the same commands in every round, read what is held after each, and return what is wrong."""
    seen: list[Held] = []
    for number in rounds:
        end_beside = begin_beside()
        wrong = _run(place, commands) + end_beside()
        if wrong:
            return [f"round {number + 1}: {what}" for what in wrong]
        seen.append(place.held())
        say(_told(number, seen[-1]))
    return judge(seen)


def _run(place: Place, commands: Sequence[tuple[int, tuple[str, ...]]]) -> list[str]:
    from algocli.cli import app

    wrong = []
    for code, words in commands:
        result = CliRunner().invoke(app, place.words(*words))
        if result.exit_code != code:
            ended = f"{result.exit_code}, not {code} ({result.exception!r})"
            wrong.append(f"{' '.join(words)} ended with {ended}: {result.output[-2000:]}")
    return wrong


def _told(number: int, held: Held) -> str:
    return (
        f"round {number + 1:4d}: {held.memory / 1024:7.1f} MiB, {held.descriptors} descriptors, "
        f"{held.threads} threads, {len(held.temporary)} temporary, {len(held.files)} files"
    )


def judge(seen: Sequence[Held]) -> list[str]:
    """Say what grows in rounds of the same commands, or is left by them, once they are warm.

    Memory grows where even the lower end of the 95 % interval of Theil and Sen's slope is above the bound: one round
    that happened to need more says nothing.
    """
    warm = seen[min(WARM_UP, len(seen) // 2) :]
    first, last = warm[0], warm[-1]
    wrong = []
    if len(warm) > 2:
        memory = [held.memory for held in warm]
        slope, _, lower, _ = stats.theilslopes(memory, np.arange(len(memory)))
        if lower > MOST_KIB_A_ROUND:
            wrong.append(f"memory grows by {slope:.0f} KiB a round (at least {lower:.0f})")
    for what in ("descriptors", "threads"):
        before, after = getattr(first, what), getattr(last, what)
        if after > before:
            wrong.append(f"{what} grew from {before} to {after}")
    if last.temporary:
        wrong.append(f"temporary files are left: {', '.join(sorted(last.temporary)[:5])}")
    if last.files != first.files:
        changed = sorted(last.files ^ first.files)
        wrong.append(f"{len(changed)} files came or went, such as {', '.join(changed[:5])}")
    return wrong


@contextmanager
def _one_network() -> Iterator[None]:
    """Whatever network is asked for, it is the stand-in of the jobs; shards are as theirs."""
    import algocli.features.store.shards as shards
    from tests.features.stand_in import SHAPES, stand_in

    def load(_model: str, layers: Sequence[str], *_args: Any, **_options: Any) -> Any:
        return stand_in([name for name in layers if name in SHAPES] or ["edges"])

    name = "algocli.features.networks.backbones.load_backbone"
    with mock.patch(name, load), mock.patch.multiple(shards, MAX_SHARD_ROWS=8, SHARD_BYTES=100_000):
        yield


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    folder.mkdir()
    with mock.patch.object(tempfile, "tempdir", str(folder)), mock.patch.dict(os.environ, TMPDIR=str(folder)):
        yield
    shutil.rmtree(folder)


@contextmanager
def _serving(home: Path) -> Iterator[Jobs]:
    said = home.parent / f"{home.name}-said"
    said.mkdir()
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.faults.server"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, cwd=ROOT, env=environment, **pipes) as process:
        yield Jobs(process, said)
        assert process.stdin is not None
        process.stdin.close()
    shutil.rmtree(said)


def main() -> int:
    """Soak, say what is wrong, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600, help="how long commands are mixed (default: an hour)")
    parser.add_argument("--reports", type=int, default=100, help="rounds of reports, pages and plots after that")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wrong = soak(Path(folder) / "soak", asked.seconds, asked.reports)
    print("\n".join(wrong) or "nothing grew, nothing was left, and the cache is sound")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
