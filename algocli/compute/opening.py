"""The one way in which files that others made are opened: regular files of a size that can be right, and no others.

To open a pipe waits for whoever writes to it, a device has no end, and a file that was only given its size is read as
zeros for hours. Links are followed to what they lead to.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import TextIO

from algocli.compute.addresses import Address, as_path
from algocli.compute.anywhere import Place
from algocli.compute.budget import gigabytes
from algocli.errors import DataError, reading

# More than any list, table of contents or record takes: one of 73,000 images is of 15 MB.
LARGEST_TEXT = 512 * 2**20
# Of a table: 200,000 features in full precision take 5 MB.
_LONGEST_LINE = 64 * 2**20
# What lies where a file should have been fetched, by how it begins (in small letters, space before it aside), with how
# to fetch it.
_STANDS_FOR_ANOTHER = {
    (b"version https://git-lfs",): ("a pointer of Git LFS in place of the file itself", "fetch it with: git lfs pull"),
    (b"/annex/objects/", b"../.git/annex", b".git/annex"): (
        "a pointer of git-annex in place of the file itself",
        "fetch it with: datalad get, or git annex get",
    ),
    (b"<!doctype", b"<html", b"<head", b"<?xml", b"<error"): (
        "a web page or an answer of a server, not the file itself",
        "its address led elsewhere, as to a page of login or consent: download it again",
    ),
}
# Longer than whatever is looked for at the beginning of a file.
_BEGINNING = 64
# What is no regular file, by what stat says of it.
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def check_file(path: Path, most: int | None = None) -> int:
    """See that a path leads to a regular file, without opening it, and return its size in bytes.

    Parameters
    ----------
    most
        The bytes that such a file takes at most; None where any number can be right.

    Raises
    ------
    DataError
        If it is missing, something else than a regular file, or larger.
    """
    with reading(path):
        return _check(path, os.stat(path), most)


def check_content(path: Path) -> None:
    """See that a file is there itself, and not empty, a pointer to it, or what a server said in its place.

    Raises
    ------
    DataError
        If it is not, saying what it is; or as `open_descriptor`.
    """
    with open_file(path) as stream, reading(path):
        beginning = stream.read(_BEGINNING)
    if not beginning:
        raise DataError(f"{path} is empty", hint="copy it again")
    for signs, (what, hint) in _STANDS_FOR_ANOTHER.items():
        if beginning.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(signs):
            raise DataError(f"{path} is {what}", hint=hint)


def open_descriptor(path: Path, most: int | None = None) -> int:
    """Open a file for plain system calls; whoever asks closes it.

    Raises
    ------
    DataError
        As `check_file`, or if it may not be read.
    """
    with reading(path):
        try:
            # Should the path lead to a pipe, this does not wait for its writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno == errno.ENXIO:
                check_file(path)
            raise
        try:
            _check(path, os.fstat(descriptor), most)
        except BaseException:
            os.close(descriptor)
            raise
    return descriptor


def open_file(path: Path, most: int | None = None) -> BufferedReader:
    """Open a file for reading.

    Raises
    ------
    DataError
        As `open_descriptor`.
    """
    return open(path, "rb", opener=lambda *_: open_descriptor(path, most))


def read_file(path: Place, most: int) -> bytes:
    """Read a whole file, or object.

    Raises
    ------
    DataError
        As `open_descriptor`, or if the disk fails.
    """
    if isinstance(path, Address):
        return path.read(most)
    with open_file(as_path(path), most) as stream, reading(path):
        return stream.read()


def open_text(path: Path, most: int = LARGEST_TEXT) -> TextIO:
    r"""Open a text in UTF-8, with or without the mark that spreadsheets put first; '\n' and '\r' stay as they are.

    Raises
    ------
    DataError
        As `open_descriptor`.
    """
    return TextIOWrapper(open_file(path, most), encoding="utf-8-sig", newline="")


def lines_of(path: Path, stream: TextIO) -> Iterator[str]:
    """Yield the lines of a text, each with its end.

    Raises
    ------
    DataError
        If one goes on without end, as bytes do that are no text.
    """
    # Of a line that is longer, no more is read.
    for number, line in enumerate(iter(lambda: stream.readline(_LONGEST_LINE + 1), ""), 1):
        if len(line) > _LONGEST_LINE:
            raise DataError(f"{path}, line {number} is of more than {gigabytes(_LONGEST_LINE)}: it is no table of text")
        yield line


def _check(path: Path, status: os.stat_result, most: int | None) -> int:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise DataError(f"{path} cannot be read: is {_KINDS.get(kind, 'something else')}, not a file")
    if most is not None and status.st_size > most:
        raise DataError(
            f"{path} is of {gigabytes(status.st_size)}; no file of its kind takes more than {gigabytes(most)}",
            hint="is it the right file? copy it again",
        )
    return status.st_size
