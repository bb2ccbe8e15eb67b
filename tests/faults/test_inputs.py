"""Every file of every layout replaced by what is none: one sentence, no hang, and no memory for what it promises."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.campaign.mutations import spoil
from tests.faults.conftest import Jobs
from tests.support.challenge import write_tiny_challenge
from tests.support.inputs import INPUTS, Input
from tests.support.replacements import REPLACEMENTS, SOUND

TOGETHER = 4


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Input], Path]:
    """Make a folder with the sound files of an input."""
    base = tmp_path_factory.mktemp("sound")
    write_tiny_challenge(base / "challenge", (1,), n_train=12, n_test=4, image_size=40)
    made: list[Path] = []

    def make(given: Input) -> Path:
        home = tmp_path_factory.mktemp("home")
        shutil.copytree(base, home, dirs_exist_ok=True)
        if given.write is not None:
            (home / given.file).parent.mkdir(parents=True, exist_ok=True)
            given.write(home / given.file)
        made.append(home)
        return home

    yield make
    for home in made:
        shutil.rmtree(home)


def run(jobs: Jobs, tried: list[tuple[str, Input, Path]]) -> list[tuple[str, int, str]]:
    """Return what was tried, how each command ended and all that it said."""
    ended = []
    for start in range(0, len(tried), TOGETHER):
        some = tried[start : start + TOGETHER]
        results = jobs.run(*(given.job(home) for _, given, home in some))
        ended += [(name, result.code, result.said) for (name, _, _), result in zip(some, results, strict=True)]
    return ended


def complaints(ended: list[tuple[str, int, str]], *, may_be_sound: bool = False) -> list[str]:
    """Say which commands ended otherwise than in one sentence and the exit code of a wrong input."""
    wrong = []
    for name, code, said in ended:
        is_told = code in (2, 3, 4) and "Traceback" not in said and ("error: " in said or code == 3)
        if not (is_told or (may_be_sound and code == 0 and "Traceback" not in said)):
            wrong.append(f"--- {name}: {code}\n{said[-1500:]}")
    return wrong


def test_sound_files_are_read(jobs: Jobs, homes: Callable[[Input], Path]) -> None:
    ended = run(jobs, [(name, given, homes(given)) for name, given in INPUTS.items()])
    assert not [(name, code, said) for name, code, said in ended if code != 0]


def replace(jobs: Jobs, homes: Callable[[Input], Path], pairs: list[tuple[str, str]]) -> None:
    tried = []
    for name, how in pairs:
        home = homes(INPUTS[name])
        REPLACEMENTS[how](home / INPUTS[name].file)
        tried.append((f"{name}, {how}", INPUTS[name], home))
    wrong = []
    for pair, ended in zip(pairs, run(jobs, tried), strict=True):
        wrong += complaints([ended], may_be_sound=pair in SOUND)
    assert not wrong, "\n".join(wrong)


def test_what_is_no_input_is_told_in_one_sentence(jobs: Jobs, homes: Callable[[Input], Path]) -> None:
    # Each of the inputs and each of what takes its place, twice or more.
    order = list(REPLACEMENTS)
    places = [(name, 2 * number + step) for number, name in enumerate(INPUTS) for step in range(2)]
    replace(jobs, homes, [(name, order[place % len(order)]) for name, place in places])


@pytest.mark.slow
@pytest.mark.parametrize("how", REPLACEMENTS)
def test_whatever_is_no_input_is_told_in_one_sentence(jobs: Jobs, homes: Callable[[Input], Path], how: str) -> None:
    replace(jobs, homes, [(name, how) for name in INPUTS])


def fuzz(jobs: Jobs, homes: Callable[[Input], Path], n_each: int, first: int) -> None:
    for name, given in INPUTS.items():
        home = homes(given)
        content = (home / given.file).read_bytes()
        wrong = []
        for seed in range(first, first + n_each):
            (home / given.file).write_bytes(content)
            spoil(home / given.file, random.Random(seed))
            shutil.rmtree(home / "cache", ignore_errors=True)
            wrong += complaints(run(jobs, [(f"{name}, seed {seed}", given, home)]), may_be_sound=True)
        assert not wrong, "\n".join(wrong)


def test_damaged_bytes_end_in_numbers_or_in_one_sentence(jobs: Jobs, homes: Callable[[Input], Path]) -> None:
    fuzz(jobs, homes, 1, 0)


@pytest.mark.slow
def test_many_damaged_bytes_end_in_numbers_or_in_one_sentence(jobs: Jobs, homes: Callable[[Input], Path]) -> None:
    fuzz(jobs, homes, 60, 1000)
