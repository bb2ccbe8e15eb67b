"""A server of jobs that may die, and what they work on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from algocli.features.store.shards import FeatureStore
from tests.faults.campaign.shim import preloading
from tests.features.by_hand import store_digest
from tests.support.challenge import write_tiny_challenge

ROOT = Path(__file__).parents[2]


@dataclass
class Ended:
    """How a job ended: 0, an exit code, or less the number of the signal that killed it; and all it said."""

    pid: int
    code: int
    said: str


@dataclass
class Jobs:
    """Runs jobs in processes of their own."""

    process: subprocess.Popen[str]
    home: Path
    count: int = 0

    def run(self, *jobs: dict[str, Any]) -> list[Ended]:
        """Start jobs together and wait until all have ended."""
        outputs = []
        for job in jobs:
            self.count += 1
            output = self.home / f"{self.count}.txt"
            # One that is killed at once says nothing.
            output.touch()
            job["output"] = str(output)
            outputs.append(output)
        for job in jobs:
            job["outputs"] = list(map(str, outputs))
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(jobs) + "\n")
        self.process.stdin.flush()
        pids, codes = json.loads(self.process.stdout.readline())
        return [Ended(pid, code, path.read_text()) for pid, code, path in zip(pids, codes, outputs, strict=True)]


@contextmanager
def serving(home: Path, *imports: str, **environment: str) -> Iterator[Jobs]:
    """Start the server, let it import some modules beside what it needs, and keep what jobs say in a folder."""
    command = [sys.executable, "-m", "tests.faults.server", *imports]
    # The jobs are small and many: threads of linear algebra would only wait for each other.
    environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | environment
    ) as process:
        yield Jobs(process, home)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="package")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    home = tmp_path_factory.mktemp("said")
    with serving(home, **preloading(home)) as jobs:
        yield jobs


@pytest.fixture(scope="package")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """27 images of one subject: 4 shards of 8 rows, or 2 of 16."""
    folder = tmp_path_factory.mktemp("faults") / "challenge"
    return write_tiny_challenge(folder, (1,), n_train=25, n_test=2, image_size=40, known_test=False)


@pytest.fixture(scope="package")
def whole(jobs: Jobs, challenge: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """The digest of a store that nothing disturbed, for 8 and for 16 rows a shard."""
    digests = {}
    for rows in (8, 16):
        cache = tmp_path_factory.mktemp("whole")
        (ended,) = jobs.run(extract(challenge, cache, rows=rows))
        assert ended.code == 0, ended.said
        digests[rows] = store_digest(store_in(cache).folder)
    return digests


def extract(challenge: Path, cache: Path, **options: Any) -> dict[str, Any]:
    """Return the job of extracting a challenge into a cache."""
    arguments = ["extract", "--data-dir", str(challenge), "--cache-dir", str(cache), "--device", "cpu"]
    return {"arguments": arguments + options.pop("arguments", []), "cache": str(cache), **options}


def store_in(cache: Path, layer: str = "*") -> FeatureStore:
    """Open the only store of a cache, or the only one of a layer."""
    (folder,) = (cache / "features").glob(f"*-{layer}-*/subj01-*")
    return FeatureStore(folder)
