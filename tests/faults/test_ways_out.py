"""A submission and an extraction, stopped on their way: a zip has its own record or none, nothing unfinished stays."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from tests.faults.conftest import Jobs, extract

# As often as `submit` changes the folder, with all that it takes away.
MOMENTS = 13


@pytest.fixture(scope="module")
def trained(jobs: Jobs, challenge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the run 'mine'."""
    cache = tmp_path_factory.mktemp("trained") / "cache"
    assert jobs.run(extract(challenge, cache))[0].code == 0
    words = ["train", "-l", "edges", "--model", "stand-in", "--pca", "5", "--run", "mine"]
    (ended,) = jobs.run({"arguments": [*words, "--data-dir", str(challenge), "--cache-dir", str(cache)]})
    assert ended.code == 0, ended.said
    return cache


@pytest.mark.parametrize("step", [pytest.param(3, id="some"), pytest.param(1, id="all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("happens", ["kill", "terminated", "failed"])
def test_a_zip_is_never_beside_the_record_of_another(
    jobs: Jobs, challenge: Path, trained: Path, tmp_path: Path, happens: str, step: int
) -> None:
    out = tmp_path / "out"
    content = b"the zip of another run"
    words = ["submit", "--partial", "--run", "mine", "-o", str(out / "mine.zip")]
    words += ["--data-dir", str(challenge), "--cache-dir", str(trained)]
    for number in range(step, MOMENTS + 1, step):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        (out / "mine.zip").write_bytes(content)
        (out / "mine.json").write_text(json.dumps({"sha256": sha256(content).hexdigest()}))
        (ended,) = jobs.run({"arguments": words, "cache": str(out), "at": number, "happens": happens, "once": True})
        if (out / "mine.json").exists():
            told = json.loads((out / "mine.json").read_text())["sha256"]
            assert told == sha256((out / "mine.zip").read_bytes()).hexdigest(), (number, ended.said)


@pytest.mark.parametrize("number", [3, 25])
def test_an_extraction_that_is_terminated_ends_with_143_and_goes_on(
    jobs: Jobs, challenge: Path, tmp_path: Path, number: int
) -> None:
    (ended,) = jobs.run(extract(challenge, tmp_path, rows=8, at=number, happens="terminated"))
    assert ended.code == 143, ended.said
    assert ended.said.splitlines()[-1].startswith("terminated: ")
    assert list(tmp_path.rglob("*.partial")) == []
    (ended,) = jobs.run(extract(challenge, tmp_path, rows=8))
    assert ended.code == 0, ended.said
