"""Every file of every layout replaced by what is none: one sentence, no hang, and no memory for what it promises."""

from __future__ import annotations

import os
import random
import shutil
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import Jobs
from tests.support.challenge import write_tiny_challenge
from tests.support.inputs import INPUTS, Input

# Beyond what the libraries take; and seconds, after which a command hangs, however busy the machine.
MEMORY, SECONDS = 1_500_000_000, 300
TOGETHER = 4


def _replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def _listen(path: Path) -> None:
    # The address of a socket may have 107 letters.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def _absurd(path: Path) -> None:
    """Let a header promise far more than there is."""
    content = path.read_bytes()
    if content.startswith(b"\x93NUMPY") or path.suffix == ".npz":
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (16, 1000000000000), }\n"
        content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\0" * 64
        path.write_bytes(content)
        os.truncate(path, len(content) + 2**34)
    elif content.startswith(b"\x89PNG"):
        chunk = b"IHDR" + struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
        rows = zlib.compress(bytes(1 + 3 * 40_000) * 1000, 1) * 1
        parts = [chunk, b"IDAT" + rows, b"IEND"]
        framed = (struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts)
        path.write_bytes(content[:8] + b"".join(framed))
    else:
        # Numbers of a header, whatever they count.
        path.write_bytes(content[:16] + b"\xff" * 64 + content[80:])


MUTATIONS: dict[str, Callable[[Path], object]] = {
    "pipe": lambda path: _replace(path, os.mkfifo),
    "device": lambda path: _replace(path, lambda p: p.symlink_to("/dev/zero")),
    "folder": lambda path: _replace(path, Path.mkdir),
    "socket": lambda path: _replace(path, _listen),
    "dangling": lambda path: _replace(path, lambda p: p.symlink_to("nowhere")),
    "empty": lambda path: os.truncate(path, 0),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "a few bytes": lambda path: os.truncate(path, 9),
    "endless": lambda path: os.truncate(path, 2**40),
    "zeros": lambda path: (os.truncate(path, 0), os.truncate(path, 2**40)),
    "another kind": lambda path: path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 40),
    "one line": lambda path: path.write_bytes(b"1," * 200_000),
    "absurd": _absurd,
}
# What says itself where it ends may go on behind that; and MATLAB begins with a text of anyone's.
SOUND = {("hdf5", "endless"), ("brick", "endless"), ("mat", "absurd")}


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


def job(given: Input, home: Path) -> dict[str, object]:
    return {
        "arguments": given.command(home),
        "memory": MEMORY,
        "alarm": SECONDS,
        "real_network": "--weights" in given.arguments,
    }


def run(jobs: Jobs, tried: list[tuple[str, Input, Path]]) -> list[tuple[str, int, str]]:
    """Return what was tried, how each command ended and all that it said."""
    ended = []
    for start in range(0, len(tried), TOGETHER):
        some = tried[start : start + TOGETHER]
        results = jobs.run(*(job(given, home) for _, given, home in some))
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
        MUTATIONS[how](home / INPUTS[name].file)
        tried.append((f"{name}, {how}", INPUTS[name], home))
    wrong = []
    for pair, ended in zip(pairs, run(jobs, tried), strict=True):
        wrong += complaints([ended], may_be_sound=pair in SOUND)
    assert not wrong, "\n".join(wrong)


def test_what_is_no_input_is_told_in_one_sentence(jobs: Jobs, homes: Callable[[Input], Path]) -> None:
    # Each of the inputs and each of what takes its place, twice or more.
    order = list(MUTATIONS)
    places = [(name, 2 * number + step) for number, name in enumerate(INPUTS) for step in range(2)]
    replace(jobs, homes, [(name, order[place % len(order)]) for name, place in places])


@pytest.mark.slow
@pytest.mark.parametrize("how", MUTATIONS)
def test_whatever_is_no_input_is_told_in_one_sentence(jobs: Jobs, homes: Callable[[Input], Path], how: str) -> None:
    replace(jobs, homes, [(name, how) for name in INPUTS])


def _spoil(content: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    spoilt = bytearray(content)
    for _ in range(chance.choice((1, 1, 3, 10))):
        # Headers are at the beginning, and of zips at the end.
        place = chance.choice((chance.randrange(len(spoilt)), chance.randrange(min(256, len(spoilt)))))
        how = chance.randrange(4)
        if how == 0:
            spoilt[place] ^= 1 << chance.randrange(8)
        elif how == 1:
            spoilt[place : place + 4] = chance.choice((b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff" * 4))
        elif how == 2:
            spoilt[place] = chance.randrange(256)
        else:
            del spoilt[place : place + chance.randrange(1, 9)]
        if not spoilt:
            break
    return bytes(spoilt)


def fuzz(jobs: Jobs, homes: Callable[[Input], Path], n_each: int, first: int) -> None:
    for name, given in INPUTS.items():
        home = homes(given)
        content = (home / given.file).read_bytes()
        wrong = []
        for seed in range(first, first + n_each):
            (home / given.file).write_bytes(_spoil(content, seed))
            shutil.rmtree(home / "cache", ignore_errors=True)
            wrong += complaints(run(jobs, [(f"{name}, seed {seed}", given, home)]), may_be_sound=True)
        assert not wrong, "\n".join(wrong)


def test_damaged_bytes_end_in_numbers_or_in_one_sentence(jobs: Jobs, homes: Callable[[Input], Path]) -> None:
    fuzz(jobs, homes, 1, 0)


@pytest.mark.slow
def test_many_damaged_bytes_end_in_numbers_or_in_one_sentence(jobs: Jobs, homes: Callable[[Input], Path]) -> None:
    fuzz(jobs, homes, 60, 1000)
