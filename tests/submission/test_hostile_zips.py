"""No bytes make the checking stumble, and none that it passes hold other predictions."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from algocli.submission.contents import examine
from algocli.submission.entries import EntryStream
from algocli.submission.shapes import ExpectedShapes
from algocli.submission.validate import validate
from algocli.submission.verdict import ZipFindings

from .by_hand import Files, header, write_zip

# The fixtures are only read, so that sharing them between examples is sound.
many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Where (as a share of the length), what is there afterwards, and how many bytes it takes the place of.
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.binary(max_size=4), st.integers(0, 6)),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@many
@given(edits=EDITS)
def test_a_mutated_zip_is_refused_or_holds_the_same_arrays(
    tmp_path: Path, tiny: ExpectedShapes, files: Files, method: int, edits: list[tuple[float, bytes, int]]
) -> None:
    path = write_zip(tmp_path / "made.zip", files, method)
    content = bytearray(path.read_bytes())
    for place, new, n_old in edits:
        start = int(place * len(content))
        content[start : start + n_old] = new
    path.write_bytes(content)
    if validate(path, tiny).ready:
        with zipfile.ZipFile(path) as archive:
            assert {name: archive.read(name) for name in files} == files


@many
@given(edits=EDITS)
def test_a_damaged_table_of_contents_is_refused_or_harmless(
    tmp_path: Path, tiny: ExpectedShapes, files: Files, edits: list[tuple[float, bytes, int]]
) -> None:
    path = write_zip(tmp_path / "made.zip", files)
    content = bytearray(path.read_bytes())
    table = content.index(b"PK\x01\x02")
    for place, new, _ in edits:
        start = table + int(place * (len(content) - table))
        content[start : start + len(new)] = new
    path.write_bytes(content)
    if validate(path, tiny).ready:
        with zipfile.ZipFile(path) as archive:
            assert {name: archive.read(name) for name in files} == files


LITERALS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["<f4", "O", "V0", "<f8", "i4,f4"]),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)
HEADERS = st.one_of(
    st.text(max_size=60),
    st.fixed_dictionaries({"descr": LITERALS, "fortran_order": LITERALS, "shape": LITERALS}).map(repr),
    st.fixed_dictionaries(
        {
            "descr": st.sampled_from(["<f4", "<f8", "|V0", "<U0", "|O", "<m8", "<M8[s]", "<f2", "<c16", "|S5"]),
            "fortran_order": st.booleans(),
            "shape": st.lists(st.integers(-3, 2**70) | st.integers(0, 10), max_size=4).map(tuple),
        }
    ).map(repr),
)


@many
@given(text=HEADERS, version=st.sampled_from([b"\x01\x00", b"\x02\x00", b"\x03\x00"]), data=st.binary(max_size=300))
def test_no_header_makes_the_reading_stumble(tiny: ExpectedShapes, text: str, version: bytes, data: bytes) -> None:
    content = header(text.encode("utf-8", "replace"), version) + data
    findings = ZipFindings()
    examine(EntryStream(io.BytesIO(content)), tiny.members[0], tiny, findings)
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    # numpy's own reader may raise anything on such a header; what matters is that ours then found a fault.
    except Exception:
        array = None
    if not findings.faults:
        assert array is not None
        assert (array.shape, array.dtype) == ((6, 10), np.float32)
