"""A place on which every command has been given once, copies of it, and a server that runs commands in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.campaign.outcome import Verdict
from tests.faults.conftest import ROOT, Ended, Jobs
from tests.support.challenge import write_tiny_challenge

# Seconds after which a command on what lies in a place hangs, however busy the machine.
SECONDS = 120
_FOLDERS = {"ALGOCLI_DATA_DIR": "data", "ALGOCLI_CACHE_DIR": "cache"}
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

MODEL = ("--model", "stand-in", "-l", "edges")
EXTRACT = ("extract", *MODEL, "--device", "cpu")
IMPORT = ("import-features", "theirs.npy", "--name", "theirs")
RIDGE = ("train", *MODEL, "--pca", "5", "--regression", "ridge", "--standardise")
PLAIN = ("train", *MODEL, "--pca", "4", "--folds", "2")
PREDICT = ("predict", "data/subj01/test_split/test_images", "--device", "cpu")


@contextmanager
def serving(said: Path, *imports: str, **more: str) -> Iterator[Jobs]:
    """Serve jobs whose folders are as a place has them, within a `with` block; `said` is for what they say."""
    said.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **_FOLDERS, **dict.fromkeys(_THREADS, "1"), "MPLBACKEND": "agg", **more}
    command = [sys.executable, "-m", "tests.faults.campaign.warm", *imports]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        try:
            yield Jobs(process, said)
        finally:
            assert process.stdin is not None
            process.stdin.close()


@dataclass(frozen=True)
class Stage:
    """A sound place, with folders `data` and `cache`, and how commands are run in a copy of it."""

    jobs: Jobs
    whole: Path
    folder: Path
    _numbers: Iterator[int] = field(default_factory=count, repr=False)

    def run(self, place: Path, words: Sequence[str], *, quiet: bool = True, **how: Any) -> Ended:
        """Run one command in a place."""
        return self.together(place, [{"arguments": list(words), **how}], quiet=quiet)[0]

    def together(self, place: Path, jobs: Sequence[dict[str, Any]], *, quiet: bool = True) -> list[Ended]:
        """Run commands in a place at the same time."""
        more = ["--quiet"] if quiet else []
        common = {"folder": str(place), "cache": str(place / "cache"), "alarm": SECONDS}
        return self.jobs.run(*({**common, **job, "arguments": [*job["arguments"], *more]} for job in jobs))

    def done(self, place: Path, words: Sequence[str], *, quiet: bool = True) -> Ended:
        """Run a command that succeeds.

        Raises
        ------
        RuntimeError
            If it does not: then nothing can be said of faults.
        """
        ended = self.run(place, words, quiet=quiet)
        if ended.code != 0:
            raise RuntimeError(f"{' '.join(words)}: {ended.code}\n{ended.said}")
        return ended

    @contextmanager
    def copy(self, whole: Path | None = None) -> Iterator[Path]:
        """Return a copy of a place, by default of the whole one, for a `with` block."""
        place = self.folder / f"place{next(self._numbers)}"
        # Times too: what was remembered of files is to be true of the copy's as well.
        shutil.copytree(self.whole if whole is None else whole, place, symlinks=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


def begin(folder: Path) -> Path:
    """Write data of two subjects, and begin a place with a link to it and another program's features; return that."""
    write_tiny_challenge(folder / "data", (1, 2), n_train=24, n_test=4, image_size=24, known_test=True)
    place = folder / "begun"
    place.mkdir()
    (place / "data").symlink_to("../data")
    for seed, name in enumerate(("theirs", "before")):
        np.save(place / f"{name}.npy", np.random.default_rng(seed).standard_normal((28, 12)).astype(np.float32))
    # Not of the last two seconds, which no digest is remembered of.
    for path in folder.rglob("*"):
        os.utime(path, (1.7e9, 1.7e9))
    return place


def verdict_of(ended: Ended) -> Verdict | None:
    """Say how a command failed that ended neither well nor as documented; None where it did not fail."""
    if ended.code == -14:
        return "hang"
    if "memory does not suffice" in ended.said:
        return "memory"
    if "Traceback" in ended.said or ended.code not in (0, 2, 3, 4, 130, 143):
        return "traceback"
    n_errors = sum(line.startswith("error: ") for line in ended.said.splitlines())
    return None if n_errors == (ended.code in (2, 3, 4)) else "wrong"
