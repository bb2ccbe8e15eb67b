"""Judges one file of a submission from its unpacking stream, a block of rows at a time.

Nothing is unpickled, and nothing beyond the size that the predictions would have in float64 is unpacked.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import Header, read_header
from algocli.submission.entries import BLOCK, DamagedEntryError, EntryStream
from algocli.submission.shapes import ExpectedShapes, Member
from algocli.submission.verdict import ZipFindings

_HEADER_ALLOWANCE = 1 << 16
_FLOAT32 = np.dtype("<f4")


def most_bytes(member: Member) -> int:
    """Return the largest size that is unpacked: float64 is wrong but still read, so that its NaNs are told as well."""
    return 2 * member.n_bytes + _HEADER_ALLOWANCE


def examine(stream: EntryStream, member: Member, expected: ExpectedShapes, findings: ZipFindings) -> None:
    """Check header and values of one file against what the challenge expects of it."""
    try:
        header = _read_header(stream)
        if header is None:
            _not_npy(member, findings)
            return
        _examine_dtype(header, member, findings)
        if header.dtype.hasobject:
            return
        _examine_order(header, member, findings)
        examine_shape(header.shape, member, expected, findings)
        if header.n_bytes <= most_bytes(member):
            _examine_values(stream, header, member, findings)
    except DamagedEntryError as damage:
        findings.damage(member.name, f"damaged contents ({damage})")


def _read_header(stream: EntryStream) -> Header | None:
    """Return the .npy header, or None where there is none to be made out."""
    try:
        # numpy warns of headers from Python 2, and Python of odd literals: neither is of use to the user here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = read_header(stream)
    except DamagedEntryError:
        raise
    # The header is parsed as a Python literal, which on arbitrary text can raise nearly anything.
    except Exception:
        return None
    return header if all(length >= 0 for length in header.shape) else None


def _not_npy(member: Member, findings: ZipFindings) -> None:
    findings.fault(
        member.name,
        found="something that is no .npy file",
        expected="one array, written by np.save",
        mend="write it with np.save(path, predictions)",
    )


def _examine_dtype(header: Header, member: Member, findings: ZipFindings) -> None:
    dtype = header.dtype
    if dtype.hasobject:
        kind, mend = "pickled Python objects (they were not opened)", "save one plain array of numbers"
    elif dtype.newbyteorder("<") == _FLOAT32 and dtype != _FLOAT32:
        kind, mend = "big-endian float32", "save predictions.astype('<f4')"
    elif dtype != _FLOAT32:
        kind, mend = f"{dtype}", "save predictions.astype(np.float32)"
    else:
        return
    findings.fault(member.name, found=kind, expected="float32", mend=mend)


def _examine_order(header: Header, member: Member, findings: ZipFindings) -> None:
    if header.is_fortran:
        findings.fault(
            member.name,
            found="values stored column by column (Fortran order)",
            expected="row by row (C order)",
            mend="save np.ascontiguousarray(predictions)",
        )


def examine_shape(shape: tuple[int, ...], member: Member, expected: ExpectedShapes, findings: ZipFindings) -> None:
    """Add a fault where a shape is not the expected one, with what it seems to be instead."""
    if shape == member.shape:
        return
    if len(shape) == 2:
        mend = expected.explain(member, (shape[0], shape[1]))
    elif tuple(length for length in shape if length != 1) == member.shape:
        mend = "save predictions.squeeze()"
    elif math.prod(shape) == math.prod(member.shape):
        mend = f"save predictions.reshape{member.shape}"
    else:
        mend = "save one matrix, a row for each test image and a column for each vertex"
    findings.fault(
        member.name,
        found=f"shape {shape}",
        expected=f"{member.shape}: test images x vertices of the {member.hemisphere} hemisphere",
        mend=mend,
    )


def _examine_values(stream: EntryStream, header: Header, member: Member, findings: ZipFindings) -> None:
    """Read what the header declares, count what is no prediction, and see that the file ends there."""
    numeric = header.dtype.kind in "fiu"
    # Only then do whole rows follow each other; elsewhere values are merely counted.
    in_rows = numeric and header.shape == member.shape and not header.is_fortran
    n_columns = member.shape[1] if in_rows else 1
    row_bytes = n_columns * header.dtype.itemsize
    tally = _Tally(n_columns)
    n_left = header.n_bytes
    while n_left:
        wanted = min(n_left, row_bytes * max(1, BLOCK // row_bytes))
        content = stream.read_fully(wanted)
        n_left -= len(content)
        n_rows = len(content) // row_bytes
        if numeric and n_rows:
            values = np.frombuffer(content, dtype=header.dtype, count=n_rows * n_columns)
            tally.add(values.reshape(n_rows, n_columns))
        if len(content) < wanted:
            break
    _examine_end(stream, header, n_left, member, findings)
    tally.report_not_finite(member, findings)
    if in_rows and not n_left:
        tally.report_constant(member, findings)


def _examine_end(stream: EntryStream, header: Header, n_missing: int, member: Member, findings: ZipFindings) -> None:
    if n_missing:
        end = f"{header.n_bytes - n_missing} bytes of values: the file was cut short"
    # Reading past the last byte is also what makes zipfile compare the checksum.
    elif stream.read(1):
        end = "more bytes after the end of the array"
    else:
        return
    findings.fault(
        member.name,
        found=end,
        expected=f"{header.n_bytes} bytes of values, as its header declares",
        mend="write the file again with np.save",
    )


class _Tally:
    """Counts, over the blocks of one array, what cannot be scored."""

    def __init__(self, n_columns: int) -> None:
        self.n_nan = 0
        self.n_infinite = 0
        self._first: NDArray[Any] | None = None
        self._varies = np.zeros(n_columns, dtype=bool)

    def add(self, block: NDArray[Any]) -> None:
        """Take in the next rows, (n_rows, n_columns)."""
        n_not_finite = block.size - int(np.count_nonzero(np.isfinite(block)))
        if n_not_finite:
            n_nan = int(np.count_nonzero(np.isnan(block)))
            self.n_nan += n_nan
            self.n_infinite += n_not_finite - n_nan
        if self._first is None:
            self._first = block[0].copy()
        # Extremes or variances would let a NaN pass as constant; a NaN differs even from itself.
        self._varies |= (block != self._first).any(axis=0)

    def report_not_finite(self, member: Member, findings: ZipFindings) -> None:
        """Add a fault for NaN and one for infinite values."""
        for n_values, name in ((self.n_nan, "NaN"), (self.n_infinite, "infinite")):
            if n_values:
                findings.fault(
                    member.name,
                    found=f"{n_values} values that are {name}",
                    expected="finite numbers",
                    mend="find out where the model breaks: one such value voids its vertex's score",
                )

    def report_constant(self, member: Member, findings: ZipFindings) -> None:
        """Say how many vertices, here columns, have the same prediction for every image."""
        n_constant = int(np.count_nonzero(~self._varies))
        if member.shape[0] < 2 or not n_constant:
            return
        if n_constant == len(self._varies):
            findings.fault(
                member.name,
                found="the same prediction for every image",
                expected="predictions that differ between images",
                mend="predict again: a vertex whose prediction never varies scores 0",
            )
        else:
            findings.note(
                f"{member.name}: {n_constant} of {len(self._varies)} vertices have the same prediction "
                "for every image; each scores 0"
            )
