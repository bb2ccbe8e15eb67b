"""Reads the entries of a zip as streams, trusting nothing that it says about itself."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from algocli.submission.verdict import ZipFindings

# The most that is unpacked at a time.
BLOCK = 4 << 20

_ENCRYPTED = 0x1
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}


class DamagedEntryError(Exception):
    """An entry that does not unpack; the text says why."""


class EntryStream:
    """One entry being unpacked, whatever goes wrong with it coming out as `DamagedEntryError`."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = BLOCK, /) -> bytes:
        """Unpack at most `size` bytes.

        Raises
        ------
        ValueError
            If more than a block is asked for at once: only a header that lies about its own length does that.
        DamagedEntryError
            If the entry does not unpack.
        """
        if not 0 <= size <= BLOCK:
            raise ValueError(f"it declares {size} bytes")
        try:
            return self._stream.read(size)
        # A damaged archive raises nearly anything: zlib.error, BadZipFile, EOFError, ValueError, struct.error.
        except Exception as error:
            raise DamagedEntryError(_reason(error)) from error

    def read_fully(self, size: int) -> bytes:
        """Unpack `size` bytes, or what there is if the entry ends before."""
        pieces = []
        while size and (piece := self.read(min(size, BLOCK))):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


@contextmanager
def open_entry(archive: ZipFile, info: ZipInfo) -> Iterator[EntryStream]:
    """Open an entry for reading.

    Raises
    ------
    DamagedEntryError
        If the zip's table of contents and the entry itself disagree.
    """
    try:
        stream = archive.open(info)
    except Exception as error:
        raise DamagedEntryError(_reason(error)) from error
    with stream:
        yield EntryStream(stream)


def can_be_read(name: str, info: ZipInfo, findings: ZipFindings) -> bool:
    """Say whether an entry is a plain file, stored or deflated, without a password; add a fault where it is not."""
    if info.flag_bits & _ENCRYPTED:
        findings.fault(name, found="an encrypted file", expected="a plain one", mend="zip without a password")
        return False
    if stat.S_ISLNK(info.external_attr >> 16):
        findings.fault(name, found="a symbolic link", expected="the file itself", mend="zip without --symlinks (-y)")
        return False
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        method = _METHODS.get(info.compress_type, f"method {info.compress_type}")
        findings.fault(
            name,
            found=f"compression by {method}",
            expected="deflate, which every unpacker knows",
            mend="zip with the program's standard compression",
        )
        return False
    return True


def _reason(error: Exception) -> str:
    # The system's words for an offset that no file can have help nobody.
    if isinstance(error, OSError) and error.errno == errno.EINVAL:
        return "its place lies outside the zip"
    return str(error) or type(error).__name__
