"""Writes the zip for the leaderboard: the same predictions give the same bytes, and only a zip that passes appears."""

from __future__ import annotations

import hashlib
import stat
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, refuse_not_finite, write_header
from algocli.compute.choices import check_whole
from algocli.compute.files import as_json, make_safe, publishing
from algocli.compute.remarks import list_some
from algocli.compute.track import Track, silent
from algocli.dataset.sides import Hemisphere
from algocli.errors import DataError, MissingStep, StorageError, UsageError
from algocli.submission.contents import examine_shape
from algocli.submission.entries import BLOCK
from algocli.submission.precision import N_MANTISSA_BITS, RoundingLoss, round_mantissa
from algocli.submission.shapes import ExpectedShapes, Member
from algocli.submission.validate import validate
from algocli.submission.verdict import ZipFault, ZipFindings

# Above this size of the zip there is no safe margin below the limit.
ROUND_BEYOND = 290 * 10**6
# Few bits do: each saves some 3 %. Beyond these, scores would begin to feel it.
MOST_ROUNDED = 12

# What to do about predictions that hold NaN or infinity.
NOT_FINITE = "look at what made them; if a run did, train this subject again"

# Mantissas are noise: level 6 takes seven times as long as level 1 to save another 2 %.
_LEVEL = 1
_MOST_FAULTS = 5
_UNIX = 3
_PLAIN_FILE = stat.S_IFREG | 0o644


@dataclass(frozen=True)
class Prediction:
    """One hemisphere's predicted test responses, read only when their turn comes.

    `read` returns (n_test, n_vertices) floats, test images in name order; a memory map is welcome. `source` is the file
    that they are read from, where they are of one.
    """

    subject: int
    hemisphere: Hemisphere
    read: Callable[[], NDArray[np.floating]]
    source: str | None = None

    def __str__(self) -> str:
        return self.source or f"what is predicted for the {self.hemisphere} hemisphere of subject {self.subject}"


@dataclass(frozen=True)
class Packaged:
    """A zip that was written and found ready, and the record beside it.

    `rounding_loss` is the largest share of a vertex's variance that clearing `rounded_bits` mantissa bits changed.
    """

    path: Path
    record: Path
    n_bytes: int
    sha256: str
    subjects: tuple[int, ...]
    rounded_bits: int
    rounding_loss: float
    notes: tuple[str, ...]


def package(
    predictions: Iterable[Prediction],
    out: Path,
    expected: ExpectedShapes,
    *,
    partial: bool = False,
    round_bits: int | Literal["auto"] = "auto",
    provenance: Mapping[str, Any] | None = None,
    train: Callable[[Sequence[int]], str] | None = None,
    track: Track = silent,
) -> Packaged:
    """Write the zip of a submission, prove it right, and only then give it its name.

    The bytes depend on the predictions alone (and on the version of zlib): fixed order, times and permissions.

    Parameters
    ----------
    predictions
        One for each subject and hemisphere, in any order; each is read once, and never two at a time.
    out
        The zip; an existing one is replaced in one step. A record of the same name ending in .json joins it.
    expected
        The shapes that the challenge, or a data folder, asks for.
    partial
        Whether whole subjects may be missing.
    round_bits
        How many mantissa bits to round away; 'auto' clears the fewest that keep the zip
        below 290 MB.
    provenance
        What the record shall say about where the predictions come from.
    train
        Returns the command that trains some subjects, for whoever lacks them.
    track
        Wraps the files while they are written and again while they are checked.

    Raises
    ------
    UsageError
        If `out` does not end in .zip, or `round_bits` is neither 'auto' nor a number of bits.
    MissingStep
        If predictions are missing that the submission must hold.
    DataError
        If a prediction cannot be submitted; the message lists what is wrong, and nothing is written.
    StorageError
        If the disk is full or the folder may not be written.
    """
    if out.suffix.lower() != ".zip" or out.is_dir():
        raise UsageError(f"{out} cannot become a zip", hint="name a file that ends in .zip")
    n_rounded = None if round_bits == "auto" else _check_bits(round_bits)
    record = out.with_suffix(".json")
    if record.is_dir():
        raise StorageError(f"cannot write {record}: a folder stands where the file should go", hint="name another zip")
    chosen = _in_order(predictions, expected)
    _refuse_missing([member for member, _ in chosen], expected, train or _usual_training, partial=partial)
    n_bits = _bits_to_round(chosen) if n_rounded is None else n_rounded
    # The record is written first and gets its name last, and in between there is none: no zip is ever beside the record
    # of another.
    with publishing(record) as about, publishing(out) as stream:
        loss = _write(stream, chosen, n_bits, expected, out, track)
        unnamed = Path(stream.name)
        verdict = validate(unnamed, expected, partial=partial, track=track)
        if not verdict.ready:
            raise _refusal(out, verdict.faults)
        with unnamed.open("rb") as written:
            sha256 = hashlib.file_digest(written, "sha256").hexdigest()
        packaged = Packaged(
            path=out,
            record=record,
            n_bytes=verdict.n_bytes,
            sha256=sha256,
            subjects=verdict.subjects,
            rounded_bits=n_bits,
            rounding_loss=loss,
            notes=verdict.notes,
        )
        about.write(as_json({**(provenance or {}), **asdict(packaged), "path": out.name, "record": record.name}))
        make_safe(about)
        make_safe(stream)
        record.unlink(missing_ok=True)
    return packaged


def _check_bits(value: object) -> int:
    expected = f"'auto', or a whole number from 0 to {N_MANTISSA_BITS}, was expected"
    return check_whole("round_bits", value, 0, N_MANTISSA_BITS, expected)


def _write(
    stream: IO[bytes],
    chosen: Sequence[tuple[Member, Prediction]],
    n_bits: int,
    expected: ExpectedShapes,
    out: Path,
    track: Track,
) -> float:
    """Fill the stream of a zip, and return the largest loss by rounding."""
    largest = 0.0
    with ZipFile(stream, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for member, prediction in track(chosen, total=len(chosen), label="packing"):
            array = _checked(member, prediction, expected, out)
            largest = max(largest, _write_member(archive, member, array, n_bits))
    stream.flush()
    return largest


def _checked(member: Member, prediction: Prediction, expected: ExpectedShapes, out: Path) -> NDArray[Any]:
    array = prediction.read()
    findings = ZipFindings()
    if array.dtype.kind != "f":
        findings.fault(member.name, found=str(array.dtype), expected="floats", mend="predict with floats")
    examine_shape(array.shape, member, expected, findings)
    if findings.faults:
        raise _refusal(out, findings.faults)
    refuse_not_finite(str(prediction), array, hint=NOT_FINITE)
    return array


def _write_member(archive: ZipFile, member: Member, array: NDArray[Any], n_bits: int) -> float:
    """Write one array as float32, a block of rows at a time, and return the loss by rounding."""
    n_test, n_vertices = member.shape
    n_rows = max(1, BLOCK // (4 * n_vertices))
    loss = RoundingLoss(n_vertices)
    # An entry opened by name is dated 1980-01-01, whatever the clock says.
    with archive.open(member.name, "w") as stream:
        write_header(stream, member.shape, "<f4")
        for rows in blocks(n_test, n_rows):
            exact = _as_float32(array[rows], member)
            rounded = round_mantissa(exact, n_bits)
            if n_bits:
                loss.add(exact, rounded)
            stream.write(rounded.astype("<f4", copy=False).tobytes())
    info = archive.getinfo(member.name)
    info.create_system, info.external_attr = _UNIX, _PLAIN_FILE << 16
    return loss.largest


def _as_float32(rows: NDArray[np.floating], member: Member) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        values = np.asarray(rows, dtype=np.float32)
    n_bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if n_bad:
        raise DataError(
            f"the predictions for {member} hold {n_bad} values that are NaN or infinite in float32",
            hint=NOT_FINITE,
        )
    return values


def _bits_to_round(chosen: Sequence[tuple[Member, Prediction]]) -> int:
    """Return the fewest mantissa bits without which the zip keeps its margin, going by a block of each file."""
    if sum(member.n_bytes for member, _ in chosen) <= ROUND_BEYOND:
        return 0
    samples = [(member, _sample(member, prediction.read())) for member, prediction in chosen]
    for n_bits in range(MOST_ROUNDED):
        if sum(_deflated_size(member, sample, n_bits) for member, sample in samples) <= ROUND_BEYOND:
            return n_bits
    return MOST_ROUNDED


def _sample(member: Member, array: NDArray[Any]) -> NDArray[np.float32]:
    if array.dtype.kind != "f" or array.ndim != 2:
        # It will be refused, with the reason.
        return np.zeros((0, 0), dtype=np.float32)
    with np.errstate(over="ignore"):
        return np.array(array[: max(1, BLOCK // (4 * member.shape[1]))], dtype=np.float32)


def _deflated_size(member: Member, sample: NDArray[np.float32], n_bits: int) -> float:
    content = round_mantissa(sample, n_bits).tobytes()
    return member.n_bytes * len(zlib.compress(content, _LEVEL)) / max(1, len(content))


def _in_order(predictions: Iterable[Prediction], expected: ExpectedShapes) -> list[tuple[Member, Prediction]]:
    """Pair the predictions with the files that they become, in the order of the zip."""
    given = {(prediction.subject, prediction.hemisphere): prediction for prediction in predictions}
    members = {(member.subject, member.hemisphere): member for member in expected.members}
    unknown = sorted({subject for subject, _ in given.keys() - members.keys()})
    if unknown:
        raise DataError(f"the submission has no place for subject {_listed(unknown)}")
    return [(member, given[key]) for key, member in members.items() if key in given]


def _usual_training(subjects: Sequence[int]) -> str:
    return f"algocli train -s {_listed(subjects)}"


def _refuse_missing(
    members: Sequence[Member], expected: ExpectedShapes, train: Callable[[Sequence[int]], str], *, partial: bool
) -> None:
    """Stop before anything is written where hemispheres are missing, or subjects that may not be."""
    have = {member.subject for member in members}
    absent = [member for member in expected.members if member not in members]
    half = [member for member in absent if member.subject in have]
    if half:
        raise MissingStep(
            f"there are no predictions for {', '.join(map(str, half))}",
            hint=train(sorted({member.subject for member in half})),
        )
    if absent and not (partial and have):
        subjects = sorted({member.subject for member in absent})
        also = "" if not have else " (or partial=True, for a zip that the leaderboard will not take)"
        raise MissingStep(
            f"there are no predictions for subject {_listed(subjects)}",
            hint=f"{train(subjects)}{also}",
        )


def _refusal(out: Path, faults: Sequence[ZipFault]) -> DataError:
    told = list_some(faults, _MOST_FAULTS, between="; ")
    return DataError(f"{out} was not written: {told}", hint=faults[0].mend)


def _listed(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))
