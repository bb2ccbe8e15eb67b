"""`cache gc` beside a command that has just begun to make something: what is being made stays, and ends as always."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algocli.compute.caches import clearing, filling
from tests.faults.conftest import Ended, Jobs, extract
from tests.features.by_hand import digest_tree

Make = Callable[[Path], dict[str, Any]]


@dataclass
class Writer:
    """A command, the cache that it begins with, and the digest of what it leaves when nobody disturbs it."""

    begin: Path
    make: Make
    unused: bool
    digest: str


def digest_of(cache: Path) -> str:
    """Digest the arrays that a cache holds; records of runs tell of times."""
    (cache.parent / "arrays").mkdir()
    for path in sorted(cache.rglob("*")):
        whole = path.suffix in (".npy", ".npz") or path.parent.name == "done" or "c" in path.relative_to(cache).parts
        if path.is_file() and whole and ".aside" not in path.parts:
            # Not by its number: whether a digest is remembered, and lies there too, hangs on the clock.
            shutil.copy(path, cache.parent / "arrays" / "-".join(path.relative_to(cache).parts))
    digest = digest_tree(cache.parent / "arrays")
    shutil.rmtree(cache.parent / "arrays")
    return digest


def leave(cache: Path) -> list[Path]:
    """Leave what killed commands leave."""
    remains = [cache / "runs" / "latest.0a1b2c3d.partial", cache / "runs" / "killed"]
    remains[1].mkdir(parents=True)
    (remains[1] / "manifest.json").write_text("{}")
    remains[0].touch()
    return remains


@pytest.fixture(scope="module")
def writers(jobs: Jobs, challenge: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Writer]:
    """Each begins with what those before it have made."""
    home = tmp_path_factory.mktemp("writers")
    matrix = home / "mine.npy"
    np.save(matrix, np.random.default_rng(0).standard_normal((27, 12)).astype(np.float32))
    data = ["--data-dir", str(challenge), "--cache-dir"]
    features = ["-l", "edges", "--model", "stand-in", "--pca", "5", "--run", "mine", "--folds", "2"]

    def words(*said: str) -> Make:
        return lambda cache: {"arguments": [*said[:1], *data, str(cache), *said[1:]], "cache": str(cache)}

    commands: dict[str, tuple[Make, bool]] = {
        "extract": (lambda cache: extract(challenge, cache), True),
        "import-features": (words("import-features", str(matrix), "--name", "theirs"), False),
        "train": (words("train", *features), False),
        "report": (words("report", "--significance", "--permutations", "20", "--json"), False),
    }
    made: dict[str, Writer] = {}
    cache = home / "cache"
    cache.mkdir()
    for name, (make, unused) in commands.items():
        begin = home / name
        shutil.copytree(cache, begin)
        (ended,) = jobs.run(make(cache))
        assert ended.code == 0, ended.said
        made[name] = Writer(begin, make, unused, digest_of(cache))
    return made


def beside(jobs: Jobs, writer: Writer, folder: Path, number: int) -> tuple[Ended, Ended] | None:
    """Stop a writer before its change of that number while `gc` is at work; None where it does not come so far."""
    cache = folder / "cache"
    shutil.copytree(writer.begin, cache)
    remains = leave(cache)
    stopped, gone_on = folder / "stopped", folder / "gone on"
    work = writer.make(cache) | {"at": number, "happens": "pause", "touches": str(stopped), "goes_on": str(gone_on)}
    words = ["cache", "gc", "--yes", "--cache-dir", str(cache), *(["--unused"] if writer.unused else [])]
    clear = {"arguments": words, "cache": str(cache), "waits_for": str(stopped), "touches": str(gone_on)}
    made, cleared = jobs.run(work, clear)
    assert made.code == 0, (number, made.said, cleared.said)
    assert cleared.code == 0, (number, cleared.said)
    assert not any(path.exists() for path in remains), (number, cleared.said)
    # What is whole by then, and no run has named it yet, goes as was asked.
    assert digest_of(cache) == writer.digest or (writer.unused and not stopped.read_text()), number
    assert list(cache.rglob("*.partial")) == []
    return (made, cleared) if stopped.read_text() else None


@pytest.mark.parametrize("name", ["extract", "import-features", "train", "report"])
def test_what_is_being_made_stays(jobs: Jobs, writers: dict[str, Writer], tmp_path: Path, name: str) -> None:
    waited = []
    for number in (5, 20, 33):
        met = beside(jobs, writers[name], tmp_path / str(number), number)
        if met is not None:
            waited.append("waiting for it" in met[1].said)
    assert any(waited)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["extract", "import-features", "train", "report"])
def test_what_is_being_made_stays_whenever_it_is_met(
    jobs: Jobs, writers: dict[str, Writer], tmp_path: Path, name: str
) -> None:
    number = 1
    while beside(jobs, writers[name], tmp_path / str(number), number) is not None:
        shutil.rmtree(tmp_path / str(number))
        number += 1
    assert number > 10


def test_whoever_clears_says_who_fills_and_the_other_way_round(tmp_path: Path) -> None:
    notes: list[str] = []

    class Told(Exception):
        pass

    def note(message: str) -> None:
        notes.append(message)
        raise Told

    with filling(tmp_path):
        with filling(tmp_path, note):
            pass
        with pytest.raises(Told), clearing(tmp_path, note):
            pass
    with clearing(tmp_path, note), pytest.raises(Told), filling(tmp_path, note):
        pass
    assert len(notes) == 2
    assert all(told.startswith(f"{tmp_path} is held by process ") for told in notes)
