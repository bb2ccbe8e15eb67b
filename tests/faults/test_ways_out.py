"""What leaves the cache, stopped on its way: a file is whole or not there, and its repeat leaves nothing beside it."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import Ended, Jobs, extract
from tests.features.by_hand import digest_tree

COMMANDS = {
    "submit": ("submit", "--partial", "--run", "mine", "-o", "OUT/mine.zip"),
    "export": ("export", "--run", "mine", "--format", "csv", "-o", "OUT"),
    "report": ("report", "--run", "mine", "--json", "--csv", "OUT/rows.csv", "--html", "OUT/page.html"),
    "plot": ("plot", "rois", "--run", "mine", "-o", "OUT/rois.png"),
}
# Those that write the same way, each stopped at one moment.
OTHERS = {
    "predict": ("predict", "DATA/subj01/test_split/test_images", "--run", "mine", "-o", "OUT/new"),
    "stimuli": ("stimuli", "--csv", "OUT/stimuli.csv"),
    "demo": ("demo", "OUT/demo", "--train", "4", "--test", "2", "-s", "1", "--vertices", "300"),
}
# As often as each changes the folder, with all that it takes away.
MOMENTS = {"submit": 13, "export": 5, "report": 10, "plot": 5}
SOME_AND_ALL = pytest.mark.parametrize(
    "step", [pytest.param(3, id="some"), pytest.param(1, id="all", marks=pytest.mark.slow)]
)


@pytest.fixture(scope="module")
def trained(jobs: Jobs, challenge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the runs 'mine' and 'other'."""
    cache = tmp_path_factory.mktemp("trained") / "cache"
    assert jobs.run(extract(challenge, cache))[0].code == 0
    for run, pca in (("other", "3"), ("mine", "5")):
        words = ["train", "-l", "edges", "--model", "stand-in", "--pca", pca, "--run", run]
        (ended,) = jobs.run({"arguments": [*words, "--data-dir", str(challenge), "--cache-dir", str(cache)]})
        assert ended.code == 0, ended.said
    return cache


Start = Callable[..., Ended]


@pytest.fixture
def start(jobs: Jobs, challenge: Path, trained: Path, tmp_path: Path) -> Start:
    """Run a command into the folder 'out' of a test."""

    def run(name: str, **how: Any) -> Ended:
        places = {"OUT": tmp_path / "out", "DATA": challenge}
        words = [words_in(word, places) for word in (COMMANDS | OTHERS)[name]]
        data = [] if name == "demo" else ["--data-dir", str(challenge)]
        cache = [] if name in ("demo", "stimuli") else ["--cache-dir", str(trained)]
        words = [words[0], *data, *cache, *words[1:]]
        (ended,) = jobs.run({"arguments": words, "cache": str(tmp_path / "out"), **how})
        return ended

    return run


def words_in(word: str, places: dict[str, Path]) -> str:
    for name, place in places.items():
        word = word.replace(name, str(place))
    return word


def emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def partials(folder: Path) -> list[Path]:
    return list(folder.rglob("*.partial"))


@SOME_AND_ALL
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_and_repeated_it_leaves_the_same_and_nothing_beside_it(
    start: Start, tmp_path: Path, name: str, step: int
) -> None:
    out = tmp_path / "out"
    emptied(out)
    assert start(name).code == 0
    expected = digest_tree(out)
    emptied(out)
    left = 0
    for number in range(step, MOMENTS[name] + 1, step):
        ended = start(name, at=number, happens="kill", once=True)
        assert ended.code in (0, -signal.SIGKILL)
        left += len(partials(out))
    assert left
    assert start(name).code == 0
    assert digest_tree(out) == expected


@SOME_AND_ALL
@pytest.mark.parametrize("name", COMMANDS)
def test_terminated_it_says_so_and_leaves_nothing_unfinished(
    start: Start, tmp_path: Path, name: str, step: int
) -> None:
    out = tmp_path / "out"
    codes = []
    for number in range(step, MOMENTS[name] + 1, step):
        emptied(out)
        ended = start(name, at=number, happens="terminated")
        codes.append(ended.code)
        assert "Traceback" not in ended.said
        assert ended.code == 0 or "terminated: what is finished stays finished" in ended.said
        assert partials(out) == []
    assert set(codes) <= {0, 128 + signal.SIGTERM}
    assert codes[0] == 143


@pytest.mark.parametrize("fault", ["failed", "full"])
@SOME_AND_ALL
@pytest.mark.parametrize("name", COMMANDS)
def test_a_fault_of_the_disk_is_told_or_does_no_harm(
    start: Start, tmp_path: Path, name: str, fault: str, step: int
) -> None:
    out = tmp_path / "out"
    emptied(out)
    assert start(name).code == 0
    expected = digest_tree(out)
    codes = []
    for number in range(step, MOMENTS[name] + 1, step):
        emptied(out)
        ended = start(name, at=number, happens=fault, once=True)
        codes.append(ended.code)
        assert "Traceback" not in ended.said, ended.said
        assert partials(out) == []
        if ended.code == 0:
            assert digest_tree(out) == expected, number
        else:
            assert "error: " in ended.said
    assert set(codes) <= {0, 3}
    assert 3 in codes


@SOME_AND_ALL
@pytest.mark.parametrize("happens", ["kill", "terminated", "failed"])
def test_a_zip_is_never_beside_the_record_of_another(start: Start, tmp_path: Path, happens: str, step: int) -> None:
    out = tmp_path / "out"
    content = b"the zip of another run"
    for number in range(step, MOMENTS["submit"] + 1, step):
        emptied(out)
        (out / "mine.zip").write_bytes(content)
        (out / "mine.json").write_text(json.dumps({"sha256": sha256(content).hexdigest()}))
        ended = start("submit", at=number, happens=happens, once=True)
        if (out / "mine.json").exists():
            told = json.loads((out / "mine.json").read_text())["sha256"]
            assert told == sha256((out / "mine.zip").read_bytes()).hexdigest(), (number, ended.said)


@pytest.mark.parametrize("name", OTHERS)
def test_others_that_write_leave_nothing_unfinished_either(start: Start, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    emptied(out)
    assert start(name).code == 0
    expected = digest_tree(out)
    for number, (happens, code) in enumerate((("kill", -9), ("terminated", 143), ("hung up", 129)), start=1):
        emptied(out)
        ended = start(name, at=number, happens=happens, once=True)
        assert ended.code in (0, code), ended.said
        assert happens == "kill" or partials(out) == []
        assert start(name).code == 0
        assert digest_tree(out) == expected


@pytest.mark.parametrize("number", [3, 11, 25, 40])
def test_an_extraction_that_is_terminated_ends_with_143_and_goes_on(
    jobs: Jobs, challenge: Path, tmp_path: Path, number: int
) -> None:
    (ended,) = jobs.run(extract(challenge, tmp_path, rows=8, at=number, happens="terminated"))
    assert ended.code == 143, ended.said
    assert ended.said.splitlines()[-1].startswith("terminated: ")
    assert partials(tmp_path) == []
    (ended,) = jobs.run(extract(challenge, tmp_path, rows=8))
    assert ended.code == 0, ended.said
