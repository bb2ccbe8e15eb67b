"""Two machines at one cache, on a disk whose locks each keeps to itself: it ends as if one had done it all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import Ended, Jobs, extract
from tests.faults.test_clearing import digest_of
from tests.support.challenge import write_tiny_challenge

HERE, THERE = "here", "there"
Make = Callable[[Path], dict[str, Any]]


@dataclass
class Meeting:
    """Two commands, the cache that they begin with, and the digest of what they leave one after the other."""

    jobs: Jobs
    begin: Path
    first: Make
    second: Make
    digest: str

    def at(self, number: int, folder: Path) -> bool:
        """Stop the first before its change of that number while the second does its work; say if it came so far."""
        cache, stopped, gone_on = folder / "cache", folder / "stopped", folder / "gone on"
        shutil.copytree(self.begin, cache)
        pause = {"at": number, "happens": "pause", "touches": str(stopped), "goes_on": str(gone_on), "machine": HERE}
        other = {"waits_for": str(stopped), "touches": str(gone_on), "machine": THERE}
        ended = self.jobs.run(self.first(cache) | pause, self.second(cache) | other)
        assert [one.code for one in ended] == [0, 0], (number, said(ended))
        assert digest_of(cache) == self.digest, (number, said(ended))
        self.verify(cache)
        assert list(cache.rglob("*.partial")) == [], number
        return bool(stopped.read_text())

    def verify(self, cache: Path) -> None:
        """See that everything is what its record vouches for."""
        words = ["cache", "verify", "--cache-dir", str(cache), "--quiet"]
        (ended,) = self.jobs.run({"arguments": words, "cache": str(cache)})
        assert ended.code == 0, ended.said


def said(ended: list[Ended]) -> str:
    return "\n".join(f"{one.code}: {one.said}" for one in ended)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two") / "challenge"
    return write_tiny_challenge(folder, (1, 2), n_train=25, n_test=2, image_size=16, known_test=False)


@pytest.fixture(scope="module")
def meetings(jobs: Jobs, two: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Meeting]:
    """What is trained begins with features alone: their Gram matrices are still to be made."""
    home = tmp_path_factory.mktemp("meetings")
    bare = ["--no-gram"]

    def train(*words: str) -> Make:
        fixed = ["-l", "edges", "--model", "stand-in", "--pca", "5", "--run", "mine", "--data-dir", str(two), *words]
        return lambda cache: {"arguments": ["train", *fixed, "--cache-dir", str(cache)], "cache": str(cache)}

    def extracting(*words: str) -> Make:
        return lambda cache: extract(two, cache, rows=8, arguments=["-s", "1", *words])

    (home / "nothing").mkdir()
    made = jobs.run(extract(two, home / "features", arguments=bare), extract(two, home / "trained", arguments=bare))
    made += jobs.run(train("--seed", "3")(home / "trained"))
    assert {one.code for one in made} == {0}, said(made)
    first, again = train("-s", "1"), train("-s", "1", "--force")
    pairs: dict[str, tuple[str, Make, Make]] = {
        "extract": ("nothing", extracting(), extracting()),
        "train": ("features", first, first),
        "train others": ("features", first, train("-s", "2")),
        "train in place of a run": ("trained", again, train("-s", "2", "--force")),
    }
    meetings = {}
    for name, (begin, one, other) in pairs.items():
        cache = Path(shutil.copytree(home / begin, home / name / "cache"))
        ended = [*jobs.run(one(cache)), *jobs.run(other(cache))]
        assert [one.code for one in ended] == [0, 0], said(ended)
        meetings[name] = Meeting(jobs, home / begin, one, other, digest_of(cache))
    return meetings


KINDS = ("extract", "train", "train others", "train in place of a run")


@pytest.mark.parametrize("name", KINDS)
def test_one_that_stopped_anywhere_goes_on_beside_what_the_other_has_done(
    meetings: dict[str, Meeting], tmp_path: Path, name: str
) -> None:
    met = [meetings[name].at(number, tmp_path / str(number)) for number in (3, 17, 30, 41)]
    assert sum(met) > 2


# Each is a test of some minutes, in place of one that a busy machine would take for one that hangs.
N_SHARES = 6


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, N_SHARES + 1))
@pytest.mark.parametrize("name", KINDS)
def test_one_that_stopped_at_any_change_goes_on_beside_what_the_other_has_done(
    meetings: dict[str, Meeting], tmp_path: Path, name: str, first: int
) -> None:
    for number in count(first, N_SHARES):
        if not meetings[name].at(number, tmp_path / str(number)):
            break
        shutil.rmtree(tmp_path / str(number))
    assert number > 10
