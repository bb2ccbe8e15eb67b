"""Checks a subject's responses and noise ceilings: shapes, types, and every number in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Track
from algocli.dataset.ceilings import EXPECTED, CeilingUnit, list_faults, unit_of
from algocli.dataset.challenge.findings import COPY_AGAIN, FROM_ARCHIVE, Findings
from algocli.dataset.challenge.layout import SubjectLayout, describe_owners, official_owners
from algocli.dataset.sides import HEMISPHERES, SPLITS, Hemisphere, Split

# Split and hemisphere say which file; (n_stimuli, n_vertices) memory maps.
Responses = dict[tuple[Split, Hemisphere], NDArray[Any]]

_BLOCK_BYTES = 4 * 2**20
_FINGERPRINT_BYTES = 2**16
_SAMPLED_ROWS = 100
# Rows that are named where many are at fault.
_SHOWN = 5
# Z-scored per session and averaged over up to three repeats, the released responses have a standard
# deviation of about 0.7; none can pass 1.
_PLAUSIBLE_MEAN = 0.1
_PLAUSIBLE_STD = (0.3, 1.1)


def check_shapes(
    number: int,
    layout: SubjectLayout,
    n_rows: Mapping[Split, int | None],
    n_vertices: Mapping[Hemisphere, int | None],
    findings: Findings,
) -> Responses:
    """Open every response file and compare it with images and masks; None stands for a count that is not known.

    The organisers withheld the test responses: their absence is no fault, that of one hemisphere is.
    """
    opened: Responses = {}
    for split in SPLITS:
        paths = {h: layout.responses(split, h) for h in HEMISPHERES}
        if split == "test" and not any(path.exists() for path in paths.values()):
            continue
        for hemisphere, path in paths.items():
            array = findings.open(path)
            if array is None or not _is_matrix(path, array, split, findings):
                continue
            opened[split, hemisphere] = array
            owner = describe_owners(number, hemisphere, official_owners(array.shape[0], array.shape[1], split))
            _check_rows(path, array, split, n_rows[split], owner, findings)
            _check_columns(path, array, hemisphere, n_vertices, owner, findings)
    return opened


def check_copies(layout: SubjectLayout, responses: Responses, seen: dict[bytes, Path], findings: Findings) -> None:
    """Compare the first numbers of every file with those `seen` in other files, and add them there."""
    # Subjects 1, 2, 5 and 7 have the same shapes: a file in the wrong folder shows in nothing else.
    for (split, hemisphere), array in responses.items():
        path = layout.responses(split, hemisphere)
        start = array.reshape(-1, order="A")[: _FINGERPRINT_BYTES // array.itemsize]
        first = seen.setdefault(hashlib.sha256(start.tobytes()).digest(), path)
        if first != path:
            findings.fault(path, f"holds the same numbers as {first}", FROM_ARCHIVE)


def check_numbers(number: int, layout: SubjectLayout, responses: Responses, findings: Findings, track: Track) -> None:
    """Read every response: all must be finite, and they should look z-scored."""
    tallies = {key: _Tally(array) for key, array in responses.items()}
    blocks = ((tally, block) for key, tally in tallies.items() for block in tally.read(layout.responses(*key)))
    total = sum(tally.n_blocks for tally in tallies.values())
    for tally, block in track(blocks, total=total, label=f"subject {number}: reading responses", unit="blocks"):
        tally.add(block)
    for (split, hemisphere), tally in tallies.items():
        path, array = layout.responses(split, hemisphere), responses[split, hemisphere]
        bad_rows, bad_columns = tally.not_finite
        if tally.n_left:
            findings.fault(path, "could be read only in part", COPY_AGAIN)
        elif bad_rows:
            findings.fault(
                path,
                f"holds NaN or infinite values, in {bad_rows} of {len(array)} rows and {bad_columns} of "
                f"{array.shape[1]} vertices",
                "copy it again: the released responses are all finite",
            )
        elif tally.zero_rows:
            first = ", ".join(map(str, tally.zero_rows[:_SHOWN])) + (", ..." if tally.zero_rows[_SHOWN:] else "")
            findings.fault(
                path,
                f"is 0 at every vertex in {len(tally.zero_rows)} of {len(array)} rows ({first}): it was never written "
                "to the end",
                COPY_AGAIN,
            )
        else:
            _check_distribution(tally.sample, f"{hemisphere} {split} responses", findings)


def check_ceilings(
    layout: SubjectLayout, n_vertices: Mapping[Hemisphere, int | None], findings: Findings
) -> dict[Hemisphere, CeilingUnit | None]:
    """Check the noise ceilings, which may be absent together; return the unit that each file seems to have."""
    units: dict[Hemisphere, CeilingUnit | None] = dict.fromkeys(HEMISPHERES)
    paths = {h: layout.noise_ceiling(h) for h in HEMISPHERES}
    if not any(path.exists() for path in paths.values()):
        return units
    for hemisphere, path in paths.items():
        ceiling = findings.open(path)
        if ceiling is None:
            continue
        expected = n_vertices[hemisphere]
        if ceiling.ndim != 1 or ceiling.dtype.kind not in "fiu":
            findings.fault(
                path, f"is {ceiling.dtype} of shape {ceiling.shape}; a row of float64 was expected", COPY_AGAIN
            )
        elif expected is not None and len(ceiling) != expected:
            findings.fault(
                path, f"has {len(ceiling)} values; the {hemisphere} mask has {expected} vertices", COPY_AGAIN
            )
        else:
            units[hemisphere] = _check_range(path, ceiling, findings)
    return units


def _is_matrix(path: Path, array: NDArray[Any], split: Split, findings: Findings) -> bool:
    if array.ndim != 2 or array.dtype.kind != "f" or not array.size:
        problem = f"is {array.dtype.name} of shape {array.shape}; a float32 matrix, images x vertices, was expected"
        findings.fault(path, problem, FROM_ARCHIVE)
        return False
    if array.dtype.newbyteorder("=") != np.float32:
        findings.note(f"{split} responses are {array.dtype.name}; the released ones are float32")
    if not array.dtype.isnative:
        findings.note(f"{split} responses are in another machine's byte order: every read converts them")
    if not array.flags.c_contiguous:
        findings.note(f"{split} responses are in Fortran order: reading some of their rows is slow")
    return True


def _check_rows(
    path: Path, array: NDArray[Any], split: Split, expected: int | None, owner: str, findings: Findings
) -> None:
    if expected is not None and len(array) != expected:
        problem = f"has {len(array)} rows; there are {expected} {split} images"
        findings.fault(path, problem, owner or "copy it and the folder of images again")


def _check_columns(
    path: Path,
    array: NDArray[Any],
    hemisphere: Hemisphere,
    n_vertices: Mapping[Hemisphere, int | None],
    owner: str,
    findings: Findings,
) -> None:
    expected, n_columns = n_vertices[hemisphere], array.shape[1]
    if expected is None or n_columns == expected:
        return
    other = next(h for h in HEMISPHERES if h != hemisphere)
    if n_columns == n_vertices[other]:
        owner = f"this looks like the {other} hemisphere: left and right may be swapped"
    problem = f"has {n_columns} columns; the {hemisphere} mask has {expected} vertices"
    findings.fault(path, problem, owner or "copy it and the mask again")


class _Tally:
    """Reads an array line by line, as it lies on disk, counts what is not finite and keeps a sample of rows.

    A line is a row, or a column where the array is in Fortran order.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self._by_rows = array.flags.c_contiguous
        n_lines, self._length = array.shape if self._by_rows else array.shape[::-1]
        self._dtype = array.dtype
        self._offset = int(getattr(array, "offset", 0))
        self._lines_a_block = max(1, _BLOCK_BYTES // (self._length * array.itemsize))
        self.n_blocks = -(-n_lines // self._lines_a_block)
        self.n_left = n_lines
        self._n_added = self._n_bad = 0
        self._is_bad_across = np.zeros(self._length, dtype=bool)
        self._is_zero = np.ones(len(array), dtype=bool)
        self._sampled = np.unique(np.linspace(0, len(array) - 1, _SAMPLED_ROWS).astype(np.int64))
        self.sample = np.zeros((len(self._sampled), array.shape[1]), dtype=array.dtype)

    def read(self, path: Path) -> Iterator[NDArray[Any]]:
        """Yield (n_lines, length) blocks of one buffer; end early where the file does."""
        # Reading instead of touching the memory map keeps 750 MB out of this process, and a file that is
        # cut while it is read ends in a fault instead of a signal.
        buffer = np.empty((self._lines_a_block, self._length), dtype=self._dtype)
        with suppress(OSError), path.open("rb") as stream:
            stream.seek(self._offset)
            while self.n_left:
                block = buffer[: self.n_left]
                if stream.readinto(block.view(np.uint8).reshape(-1).data) != block.nbytes:
                    return
                self.n_left -= len(block)
                yield block

    def add(self, block: NDArray[Any]) -> None:
        """Take in the next block."""
        here = slice(self._n_added, self._n_added + len(block))
        self._n_added = here.stop
        if self._by_rows:
            places = np.flatnonzero((self._sampled >= here.start) & (self._sampled < here.stop))
            self.sample[places] = block[self._sampled[places] - here.start]
        else:
            self.sample[:, here] = block[:, self._sampled].T
        if self._by_rows:
            self._is_zero[here] = ~block.any(axis=1)
        else:
            self._is_zero &= ~block.any(axis=0)
        finite = np.isfinite(block)
        if not finite.all():
            self._n_bad += int(np.count_nonzero(~finite.all(axis=1)))
            self._is_bad_across |= ~finite.all(axis=0)

    @property
    def not_finite(self) -> tuple[int, int]:
        """How many rows and how many columns hold a value that is not finite."""
        counts = self._n_bad, int(np.count_nonzero(self._is_bad_across))
        return counts if self._by_rows else counts[::-1]

    @property
    def zero_rows(self) -> list[int]:
        """The rows, from 0, in which every number is 0."""
        rows: list[int] = np.flatnonzero(self._is_zero).tolist()
        return rows


def _check_distribution(sample: NDArray[Any], name: str, findings: Findings) -> None:
    n_rows, n_vertices = sample.shape
    if n_rows < 2:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = float(sample.mean(dtype=np.float64)), float(sample.std(dtype=np.float64))
    # Vertices rise and fall together, so the mean of few rows strays as far as that of one vertex would.
    far_from_0 = max(_PLAUSIBLE_MEAN, 3 * std / n_rows**0.5)
    if not (abs(mean) < far_from_0 and _PLAUSIBLE_STD[0] < std < _PLAUSIBLE_STD[1]):
        findings.note(
            f"{name} have mean {mean:.3g} and standard deviation {std:.3g} in {n_rows} rows; "
            "z-scored ones have about 0 and 0.7"
        )
    n_constant = int(np.count_nonzero(sample.min(axis=0) == sample.max(axis=0)))
    if n_constant:
        findings.note(f"{name} are constant at {n_constant} of {n_vertices} vertices in {n_rows} rows")


def _check_range(path: Path, ceiling: NDArray[Any], findings: Findings) -> CeilingUnit | None:
    listed = list_faults(ceiling)
    if listed:
        findings.fault(
            path,
            f"holds {listed} among {len(ceiling)} noise ceilings",
            f"{EXPECTED}: copy it again",
        )
        return None
    return unit_of(ceiling)
