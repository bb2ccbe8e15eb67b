"""Which entry of a zip is meant to be which file, and what lies there under a wrong name or for no reason.

A file in the wrong place is still matched to the one that it seems meant to be, so that its contents are
judged in the same pass and nobody mends a folder only to learn of the next fault.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zipfile import ZipInfo

from algocli.dataset.sides import HEMISPHERES, Hemisphere, prefix
from algocli.submission.shapes import ExpectedShapes, Member
from algocli.submission.verdict import THE_ZIP, ZipFindings, printable

# What macOS and Windows leave in folders.
_JUNK = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|\._[^/]*$|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_DRIVE = re.compile(r"^[A-Za-z]:")
_TRICKS = {
    "a path with backslashes": (re.compile(r"\\"), "zip with forward slashes"),
    "a path from the root of a disk": (re.compile(r"^[/\\]"), "zip with relative paths"),
    "a path with a drive letter": (_DRIVE, "zip with relative paths"),
    "a path that climbs out with '..'": (re.compile(r"(^|[/\\])\.\.([/\\]|$)"), "zip from inside the folder"),
    "a path with a null character": (re.compile("\0"), "zip again with another program"),
}
# 'subj3', 'sub-03', 'Subject_3' and 's3' are all meant to be subject 3.
_SUBJECT = re.compile(r"(?<![a-z])s(?:ub(?:j(?:ect)?)?)?[-_ ]?0*([1-9]\d?)(?!\d)", re.IGNORECASE)
_HEMISPHERE = re.compile(r"(?<![a-z])(lh|rh|left|right)(?![a-z])", re.IGNORECASE)
_AT_ROOT = "subj01 to subj08 at the root of the zip"
# A zip of the whole data folder has ten thousand strays; the first few tell as much.
_MOST_STRAYS = 10


@dataclass(frozen=True)
class _Entry:
    info: ZipInfo
    # The path as a plain one: forward slashes, relative, nothing that climbs.
    path: str

    @property
    def given(self) -> str:
        return self.info.orig_filename


def place(infos: Iterable[ZipInfo], expected: ExpectedShapes, findings: ZipFindings) -> dict[Member, ZipInfo]:
    """Match the entries of a zip to the files that a submission must hold, adding a fault for each that does not fit.

    Returns
    -------
    dict
        The entry of every expected file that is there, in whatever place, in the order of `expected`.
    """
    entries = [_Entry(info, _plain(info.orig_filename)) for info in infos]
    files = [entry for entry in entries if not entry.given.endswith(("/", "\\"))]
    _tricks(entries, findings)
    _junk(files, findings)
    files = [entry for entry in files if not _is_junk(entry)]
    placed: dict[Member, _Entry] = {}
    left = _take_exact(files, expected, placed, findings)
    left = _take_moved(left, expected, placed, findings)
    left = _take_misnamed(left, expected, placed, findings)
    _strays(left, findings)
    return {member: placed[member].info for member in expected.members if member in placed}


def report_missing(
    placed: Iterable[Member], expected: ExpectedShapes, findings: ZipFindings, *, partial: bool
) -> tuple[int, ...]:
    """Add a fault for what is missing; whole subjects may be where the submission is meant to be partial.

    Returns
    -------
    tuple of int
        The subjects that are there, be it with one hemisphere.
    """
    have = set(placed)
    subjects = tuple(sorted({member.subject for member in have}))
    for member in expected.members:
        if member not in have and member.subject in subjects:
            findings.fault(
                member.name,
                found="nothing",
                expected=f"float32 of shape {member.shape}",
                mend=f"add the predictions of {member}",
            )
    absent = [str(n) for n in sorted(expected.by_subject) if n not in subjects]
    whole = f"all {len(expected.by_subject)} subjects"
    if absent and partial and subjects:
        findings.note(f"without subject {', '.join(absent)}: the leaderboard takes only {whole}")
    elif absent:
        absence = f"no predictions for subject {', '.join(absent)}" if subjects else "no predictions"
        findings.fault(THE_ZIP, found=absence, expected=whole, mend="add the missing subjects' folders")
    return subjects


def _plain(given: str) -> str:
    path = _DRIVE.sub("", given.partition("\0")[0].replace("\\", "/"))
    return "/".join(part for part in path.split("/") if part not in ("", ".."))


def _tricks(entries: Sequence[_Entry], findings: ZipFindings) -> None:
    """Report paths that would unpack elsewhere than they seem to: one fault a kind, however many entries."""
    for kind, (pattern, mend) in _TRICKS.items():
        names = [entry.given for entry in entries if pattern.search(entry.given)]
        if names:
            findings.fault(names[0], found=_counted(kind, len(names)), expected=_AT_ROOT, mend=mend)


def _counted(kind: str, n: int) -> str:
    return kind if n == 1 else f"{kind} (and {n - 1} more like it)"


def _is_junk(entry: _Entry) -> bool:
    return bool(_JUNK.search(entry.path))


def _junk(files: Sequence[_Entry], findings: ZipFindings) -> None:
    names = [entry.given for entry in files if _is_junk(entry)]
    if names:
        findings.fault(
            names[0],
            found=_counted("a file that the operating system left", len(names)),
            expected="nothing but predictions",
            mend="zip -d FILE.zip '__MACOSX/*' '*.DS_Store' '*/._*'",
        )


def _take_exact(
    files: Sequence[_Entry], expected: ExpectedShapes, placed: dict[Member, _Entry], findings: ZipFindings
) -> list[_Entry]:
    """Place what has the right name; of duplicates the last one, as unpacking would."""
    by_name = {member.name: member for member in expected.members}
    copies: dict[Member, list[_Entry]] = defaultdict(list)
    for entry in files:
        if entry.path in by_name:
            copies[by_name[entry.path]].append(entry)
    for member, entries in copies.items():
        placed[member] = entries[-1]
        if len(entries) > 1:
            findings.fault(
                member.name,
                found=f"{len(entries)} entries of this name",
                expected="one",
                mend="make the zip anew instead of adding to the old one",
            )
    return [entry for entry in files if entry.path not in by_name]


def _take_moved(
    files: Sequence[_Entry], expected: ExpectedShapes, placed: dict[Member, _Entry], findings: ZipFindings
) -> list[_Entry]:
    """Place what has the right name inside another folder, and report each such folder once."""
    left: list[_Entry] = []
    folders: dict[str, int] = defaultdict(int)
    for entry in files:
        member = next((m for m in expected.members if entry.path.endswith(f"/{m.name}")), None)
        if member is None or member in placed:
            left.append(entry)
            continue
        placed[member] = entry
        folders[entry.path.removesuffix(f"/{member.name}")] += 1
    for folder, n_files in folders.items():
        findings.fault(
            f"{folder}/",
            found=f"{n_files} of the files inside the folder '{folder}'",
            expected=_AT_ROOT,
            # The folder's name comes from the zip and this line is made to be pasted into a shell.
            mend=f"zip from inside it: cd {shlex.quote(printable(folder))} && zip -r ../submission.zip subj*",
        )
    return left


def _take_misnamed(
    files: Sequence[_Entry], expected: ExpectedShapes, placed: dict[Member, _Entry], findings: ZipFindings
) -> list[_Entry]:
    """Place what names a subject and a hemisphere in some other way, where that file is still missing."""
    by_meaning = {(member.subject, member.hemisphere): member for member in expected.members}
    left = []
    for entry in files:
        hemisphere, subject = _hemisphere_in(entry.path), _subject_in(entry.path)
        member = by_meaning.get((subject, hemisphere)) if subject and hemisphere else None
        if member is not None and member not in placed:
            placed[member] = entry
            findings.fault(
                entry.given,
                found="another name",
                expected=member.name,
                mend="give it that name, if these are the predictions",
            )
        elif member is None and subject is None and hemisphere and entry.path.endswith(".npy"):
            findings.fault(
                entry.given,
                found="a file outside any subject's folder",
                expected=f"subjNN/{prefix(hemisphere)}_pred_test.npy",
                mend="put it into its subject's folder",
            )
        else:
            left.append(entry)
    return left


def _hemisphere_in(path: str) -> Hemisphere | None:
    words = {word.lower() for word in _HEMISPHERE.findall(path.rpartition("/")[2])}
    meant = [h for h in HEMISPHERES if words & {h, prefix(h)}]
    return meant[0] if len(meant) == 1 else None


def _subject_in(path: str) -> int | None:
    numbers = {int(number) for number in _SUBJECT.findall(path)}
    return numbers.pop() if len(numbers) == 1 else None


def _strays(files: Sequence[_Entry], findings: ZipFindings) -> None:
    shown, rest = files[: _MOST_STRAYS - 1], files[_MOST_STRAYS - 1 :]
    for entry, n_alike in [(entry, 1) for entry in shown] + [(entry, len(rest)) for entry in rest[:1]]:
        findings.fault(
            entry.given,
            found=_counted("a file that belongs to no submission", n_alike),
            expected="nothing but predictions",
            mend="leave it out of the zip",
        )
