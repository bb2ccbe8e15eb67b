"""Finds every reason why the leaderboard would refuse a zip, before it is uploaded."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from algocli.compute.budget import gigabytes
from algocli.compute.opening import open_file
from algocli.compute.track import Track, silent
from algocli.submission.contents import examine, most_bytes
from algocli.submission.entries import DamagedEntryError, can_be_read, open_entry
from algocli.submission.placement import place, report_missing
from algocli.submission.shapes import ExpectedShapes, Member
from algocli.submission.verdict import THE_ZIP, Verdict, ZipFindings

# The organisers say '300 MB'. A million bytes each is the stricter reading, and so the safe one.
LIMIT = 300 * 10**6
# What is larger is not looked into: a table of contents may be as large as its zip.
_ABSURD = 10 * LIMIT

# How files begin that are taken for a zip.
_SIGNATURES = {
    b"\x1f\x8b": "a gzip file (.tar.gz?)",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x93NUMPY": "a .npy array",
    b"PK\x03\x04": "a zip that was cut short: the table at its end is missing or damaged",
    b"": "something that is no zip",
}


def validate(
    path: Path,
    expected: ExpectedShapes,
    *,
    partial: bool = False,
    track: Track = silent,
) -> Verdict:
    """Read a zip from end to end and list all that is wrong with it; the zip itself is only read, never unpacked.

    Parameters
    ----------
    path
        The zip.
    expected
        The shapes that the challenge, or a data folder, asks for.
    partial
        Whether whole subjects may be missing.
    track
        Wraps the files while they are read, to show how far the work is.

    Raises
    ------
    DataError
        If the file does not exist or cannot be opened. A bad zip raises nothing: its faults are the verdict.
    """
    findings = ZipFindings()
    with open_file(path) as stream:
        n_bytes = os.fstat(stream.fileno()).st_size
        archive = _open_zip(stream, findings)
        subjects: tuple[int, ...] = ()
        if archive is not None:
            with archive:
                placed = place(archive.infolist(), expected, findings)
                subjects = report_missing(placed, expected, findings, partial=partial)
                _examine_sizes(n_bytes, archive.infolist(), expected, findings)
                for member in track(placed, total=len(placed), label="checking"):
                    _examine_entry(archive, placed[member], member, expected, findings)
                _report_twins(placed, findings)
    return Verdict(path, n_bytes, subjects, tuple(findings.faults), tuple(findings.notes))


def _open_zip(stream: IO[bytes], findings: ZipFindings) -> ZipFile | None:
    if os.fstat(stream.fileno()).st_size > _ABSURD:
        findings.fault(
            THE_ZIP,
            found=f"a file of {gigabytes(os.fstat(stream.fileno()).st_size)}",
            expected=f"at most {LIMIT / 1e6:.0f} MB",
            mend="make the zip again; if it came over a network, copy it again",
        )
        return None
    try:
        return ZipFile(stream)
    # A damaged table of contents raises nearly anything: BadZipFile, struct.error, ValueError, UnicodeDecodeError.
    except Exception:
        stream.seek(0)
        beginning = stream.read(8)
        kind = next(name for signature, name in _SIGNATURES.items() if beginning.startswith(signature))
        findings.fault(
            THE_ZIP,
            found=kind if beginning else "an empty file",
            expected="a zip",
            mend="make the zip again; if it came over a network, copy it again",
        )
        return None


def _examine_sizes(n_bytes: int, infos: list[ZipInfo], expected: ExpectedShapes, findings: ZipFindings) -> None:
    stored = any(info.compress_type == ZIP_STORED and info.file_size for info in infos)
    if n_bytes > LIMIT:
        findings.fault(
            THE_ZIP,
            found=f"{n_bytes / 1e6:.1f} MB" + (", stored without compression" if stored else ""),
            expected=f"at most {LIMIT / 1e6:.0f} MB",
            mend="compress it: zip -r -9" if stored else "round the predictions' last bits away: `algocli submit` does",
        )
    elif stored:
        findings.note("files are stored without compression; deflate would make the upload smaller")
    n_unpacked = sum(info.file_size for info in infos)
    n_expected = sum(member.n_bytes for member in expected.members)
    if n_unpacked > sum(most_bytes(member) for member in expected.members):
        findings.fault(
            THE_ZIP,
            found=f"{n_unpacked / 1e6:.1f} MB once unpacked",
            expected=f"{n_expected / 1e6:.1f} MB",
            mend="leave out what is no prediction for the test images",
        )


def _examine_entry(
    archive: ZipFile, info: ZipInfo, member: Member, expected: ExpectedShapes, findings: ZipFindings
) -> None:
    if not can_be_read(member.name, info, findings):
        return
    try:
        with open_entry(archive, info) as stream:
            examine(stream, member, expected, findings)
    except DamagedEntryError as damage:
        findings.damage(member.name, f"a damaged entry ({damage})")


def _report_twins(placed: Mapping[Member, ZipInfo], findings: ZipFindings) -> None:
    """Note files with equal contents: subjects 1, 2, 5 and 7 share a shape, so only this betrays a copy."""
    twins: dict[tuple[int, int], list[str]] = defaultdict(list)
    for member, info in placed.items():
        twins[info.CRC, info.file_size].append(member.name)
    for names in twins.values():
        if len(names) > 1:
            findings.note(f"{' and '.join(names)} have the same contents: is one a copy of the wrong subject?")
