"""Headers and pickles that promise more than there is: refused before room is made."""

from __future__ import annotations

import io
import pickle
import resource
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from algocli.dataset.arrays import load_mapping, open_array
from algocli.dataset.pixels import read_image
from algocli.errors import DataError


@pytest.fixture(autouse=True)
def _little_memory() -> Iterator[None]:
    """Let a gigabyte more be reserved than is now."""
    usual = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 10**9, usual[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, usual)


def pickled(value: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array(value, dtype=object), allow_pickle=True)
    return stream.getvalue()


def test_a_small_png_of_a_large_picture_is_not_decoded(tmp_path: Path) -> None:
    """One of 40,000 x 40,000 pixels takes 5 MB, and 4.8 GB once it is decoded."""
    deflate = zlib.compressobj(1)
    rows = b"".join(deflate.compress(bytes(120_001 * 100)) for _ in range(400)) + deflate.flush()
    chunks = [b"IHDR" + struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0), b"IDAT" + rows, b"IEND"]
    framed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))
    with pytest.raises(DataError, match="too many pixels to be safely decoded"):
        read_image(tmp_path / "a.png")


def test_a_program_that_draws_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(DataError, match="is a program that draws, no image"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("change", ["longer", "shorter", "header"])
def test_an_array_ends_where_its_header_says(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.ones((4, 4), "f4"))
    content = path.read_bytes()
    path.write_bytes(
        {
            "longer": content + b"\0",
            "shorter": content[:-1],
            # Of version 2, with a header of 4 GB.
            "header": b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + content[10:],
        }[change]
    )
    with pytest.raises(DataError, match=r"is no whole \.npy array: (it is of|its header would be of 4294967295 bytes)"):
        open_array(path)


def test_a_mapping_of_a_million_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(pickled({code: f"ROI {code}" for code in range(1_000_000)}))
    with pytest.raises(DataError, match=r"no file of its kind takes more than 1\.0 MB"):
        load_mapping(tmp_path / "a.npy")


def test_a_pickle_that_keeps_something_far_away_is_refused(tmp_path: Path) -> None:
    """Python makes room for all places before the one that is named: of nine bytes, 34 GB."""
    header = pickled({})
    begin = header.index(b"\n") + 1
    program = pickle.PROTO + b"\x02" + pickle.EMPTY_DICT + pickle.LONG_BINPUT + b"\xff\xff\xff\x7f" + pickle.STOP
    (tmp_path / "a.npy").write_bytes(header[:begin] + program)
    with pytest.raises(DataError, match="it asks for 2147483647 places"):
        load_mapping(tmp_path / "a.npy")


@pytest.mark.parametrize("name", ["FFA\x1b[31m", "FFA\ud800", "FFA\u202e1", "FFA\n"])
def test_a_name_that_a_screen_would_obey_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.npy").write_bytes(pickled({1: name}))
    with pytest.raises(DataError, match="no name that could be printed") as caught:
        load_mapping(tmp_path / "a.npy")
    assert caught.value.message.isprintable()
