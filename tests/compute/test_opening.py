"""What may be opened, and what is refused before it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from algocli.compute.opening import check_file, lines_of, open_file, open_text, read_file
from algocli.errors import DataError


def test_a_link_to_a_file_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").symlink_to("a")
    assert check_file(tmp_path / "b") == 3
    assert read_file(tmp_path / "b", 3) == b"abc"


@pytest.mark.parametrize("kind", ["pipe", "directory", "device", "missing"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it"
    {
        "pipe": lambda: os.mkfifo(path),
        "directory": path.mkdir,
        "device": lambda: path.symlink_to("/dev/zero"),
        "missing": lambda: None,
    }[kind]()
    for look in (check_file, open_file, open_text, lambda p: read_file(p, 10)):
        with pytest.raises(DataError, match=f"{path} (cannot be read: is a {kind}, not a file|is missing)"):
            look(path)


def test_a_file_that_was_only_given_its_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    os.truncate(tmp_path / "a", 2**40)
    with pytest.raises(DataError, match=r"is of 1100 GB; no file of its kind takes more than 1\.0 MB"):
        read_file(tmp_path / "a", 10**6)


def test_lines_keep_their_ends_and_none_goes_on_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffa,b\r\n1,2\n".encode())
    with open_text(path) as stream:
        assert list(lines_of(path, stream)) == ["a,b\r\n", "1,2\n"]
    with path.open("ab") as appended:
        appended.truncate(100_000_000)
    with open_text(path) as stream, pytest.raises(DataError, match=r"line 3 is of more than 67\.1 MB"):
        list(lines_of(path, stream))
