"""Every fault that a zip can have, each made by hand in an otherwise sound one."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.errors import DataError
from algocli.submission import contents, entries
from algocli.submission.shapes import ExpectedShapes
from algocli.submission.validate import validate
from algocli.submission.verdict import THE_ZIP, Verdict, ZipFault, ZipFindings

from .by_hand import Files, header, npy, write_zip

T = TypeVar("T")
Check = Callable[..., Verdict]
NAME = "subj01/lh_pred_test.npy"


def only_fault(verdict: Verdict) -> ZipFault:
    """Return the single fault: a zip with one thing wrong must not be accused of two."""
    assert [str(fault) for fault in verdict.faults[1:]] == []
    assert not verdict.ready
    return verdict.faults[0]


def test_a_sound_zip_is_ready(check: Check, files: Files) -> None:
    verdict = check(files)
    assert (verdict.faults, verdict.notes, verdict.subjects) == ((), (), (1, 2, 3))
    assert verdict.ready
    assert verdict.n_bytes == verdict.path.stat().st_size


def test_a_zip_made_by_the_shells_zip_with_its_folder_entries_is_ready(check: Check, files: Files) -> None:
    assert check({"subj01/": b"", "subj02/": b"", "subj03/": b"", **files}).ready


def test_a_path_that_is_not_there_is_an_error_and_no_verdict(tmp_path: Path, tiny: ExpectedShapes) -> None:
    with pytest.raises(DataError, match="is missing"):
        validate(tmp_path / "absent.zip", tiny)
    with pytest.raises(DataError, match="is a directory"):
        validate(tmp_path, tiny)


# --- what is no zip -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"hello", "no zip"),
        (b"\x1f\x8b\x08\x00rest", "gzip"),
        (b"7z\xbc\xaf\x27\x1crest", "7-Zip"),
        (b"Rar!\x1a\x07", "RAR"),
        (b"\x93NUMPY\x01\x00", ".npy array"),
    ],
)
def test_another_kind_of_file_is_called_by_its_name(
    tmp_path: Path, tiny: ExpectedShapes, content: bytes, found: str
) -> None:
    (tmp_path / "made.zip").write_bytes(content)
    fault = only_fault(validate(tmp_path / "made.zip", tiny))
    assert fault.file == THE_ZIP
    assert found in fault.found


def test_a_zip_cut_short_is_told_from_what_never_was_one(tmp_path: Path, tiny: ExpectedShapes, files: Files) -> None:
    path = write_zip(tmp_path / "made.zip", files)
    os.truncate(path, path.stat().st_size // 2)
    assert "cut short" in only_fault(validate(path, tiny)).found


# --- damaged and hostile entries ------------------------------------------------------------------------------


def test_a_flipped_byte_is_found_by_the_checksum(tmp_path: Path, tiny: ExpectedShapes, files: Files) -> None:
    path = write_zip(tmp_path / "made.zip", files, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(files[NAME][-20:])] ^= 1
    path.write_bytes(content)
    fault = only_fault(validate(path, tiny))
    assert fault.file == NAME
    assert "CRC" in fault.found


def test_an_encrypted_file_is_not_tried(tmp_path: Path, tiny: ExpectedShapes, files: Files) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.getinfo(NAME).flag_bits |= 0x1
    assert "encrypted" in only_fault(validate(tmp_path / "made.zip", tiny)).found


def test_a_symbolic_link_is_told(tmp_path: Path, tiny: ExpectedShapes, files: Files) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.getinfo(NAME).external_attr = 0o120777 << 16
    assert "symbolic link" in only_fault(validate(tmp_path / "made.zip", tiny)).found


@pytest.mark.parametrize(("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")])
def test_a_rare_compression_is_named(
    tmp_path: Path, tiny: ExpectedShapes, files: Files, method: int, name: str
) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in files.items():
            archive.writestr(file, content, compress_type=method if file == NAME else None)
    assert name in only_fault(validate(tmp_path / "made.zip", tiny)).found


def test_a_declared_size_below_the_real_one_is_damage(tmp_path: Path, tiny: ExpectedShapes, files: Files) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.getinfo(NAME).file_size -= 40
    assert {fault.file for fault in validate(tmp_path / "made.zip", tiny).faults} == {NAME}


def test_an_archive_that_swells_is_refused_and_not_unpacked(check: Check, files: Files) -> None:
    files[NAME] += bytes(20_000_000)
    verdict = check(files)
    assert verdict.n_bytes < 50_000
    assert [fault.file for fault in verdict.faults] == [THE_ZIP, NAME]
    assert "20.0 MB once unpacked" in verdict.faults[0].found
    assert "more bytes" in verdict.faults[1].found


def test_no_more_is_unpacked_than_the_largest_sane_file(tiny: ExpectedShapes) -> None:
    class Counted(io.BytesIO):
        n_read = 0

        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            self.n_read += len(piece)
            return piece

    member = tiny.members[0]
    for array in (np.zeros((6, 10), "<f4"), np.zeros((500_000, 10), "<f4"), np.zeros((10**6, 10), "<f8")):
        stream = Counted(npy(array) + bytes(3_000_000))
        contents.examine(entries.EntryStream(stream), member, tiny, ZipFindings())
        assert stream.n_read <= contents.most_bytes(member)


def test_a_pickle_is_reported_and_never_opened(check: Check, files: Files, tmp_path: Path) -> None:
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (trap,))

    files[NAME] = npy(np.array([Trap()], dtype=object), allow_pickle=True)
    assert "pickle" in only_fault(check(files)).found
    assert not trap.exists()


# --- names and places -----------------------------------------------------------------------------------------


def test_an_extra_parent_folder_is_one_fault_that_names_it(check: Check, files: Files) -> None:
    fault = only_fault(check({f"my submission/{name}": content for name, content in files.items()}))
    assert fault.file == "my submission/"
    assert "6 of the files" in fault.found
    assert "cd 'my submission' && zip -r" in fault.mend


def test_contents_are_judged_wherever_the_file_lies(
    check: Check, files: Files, arrays: dict[str, NDArray[np.float32]]
) -> None:
    files[NAME] = npy(arrays[NAME].astype(np.float64))
    verdict = check({f"outer/{name}": content for name, content in files.items()})
    assert [(fault.file, fault.expected) for fault in verdict.faults][1:] == [(NAME, "float32")]


def test_a_missing_subject_is_named(check: Check, files: Files) -> None:
    fault = only_fault(check({name: content for name, content in files.items() if "subj02" not in name}))
    assert fault.found == "no predictions for subject 2"
    assert fault.expected == "all 3 subjects"


def test_partial_allows_a_missing_subject_and_says_so(check: Check, files: Files) -> None:
    verdict = check({name: content for name, content in files.items() if "subj02" not in name}, partial=True)
    assert verdict.ready
    assert verdict.subjects == (1, 3)
    assert verdict.notes == ("without subject 2: the leaderboard takes only all 3 subjects",)


@pytest.mark.parametrize("partial", [False, True])
def test_half_a_subject_is_never_right(check: Check, files: Files, partial: bool) -> None:
    del files["subj03/rh_pred_test.npy"]
    fault = only_fault(check(files, partial=partial))
    assert (fault.file, fault.found) == ("subj03/rh_pred_test.npy", "nothing")


@pytest.mark.parametrize("partial", [False, True])
def test_an_empty_zip_is_never_right(check: Check, partial: bool) -> None:
    assert only_fault(check({}, partial=partial)).found == "no predictions"


@pytest.mark.parametrize(
    "wrong",
    [
        "subj1/lh_pred_test.npy",
        "SUBJ01/LH_pred_test.npy",
        "sub-01/lh_pred_test.npy",
        "subj01/left_pred_test.npy",
        "subj01/lh_pred_val.npy",
        "subj01/lh.npy",
        "subj01_lh_pred_test.npy",
        "predictions/subject_1/lh_predictions.npy",
    ],
)
def test_a_misnamed_file_is_told_its_name(check: Check, files: Files, wrong: str) -> None:
    files[wrong] = files.pop(NAME)
    fault = only_fault(check(files))
    assert (fault.file, fault.expected) == (wrong, NAME)


def test_a_lost_subject_folder_is_told(check: Check, files: Files) -> None:
    files["lh_pred_test.npy"] = files.pop(NAME)
    outside, missing = check(files).faults
    assert outside.expected == "subjNN/lh_pred_test.npy"
    assert (missing.file, missing.found) == (NAME, "nothing")


def test_what_the_operating_system_leaves_is_one_fault(check: Check, files: Files) -> None:
    junk = ["__MACOSX/subj01/._lh_pred_test.npy", ".DS_Store", "subj01/.DS_Store", "subj02/Thumbs.db"]
    fault = only_fault(check({**files, **dict.fromkeys(junk, b"junk")}))
    assert fault.file == junk[0]
    assert "3 more" in fault.found
    assert "__MACOSX" in fault.mend


def test_a_stray_file_is_named(check: Check, files: Files) -> None:
    assert only_fault(check({**files, "README.txt": b"hello"})).file == "README.txt"


def test_a_thousand_strays_are_summed_up(check: Check, files: Files) -> None:
    verdict = check({**files, **{f"images/{n:04d}.png": b"" for n in range(1000)}})
    assert len(verdict.faults) == 10
    assert "990 more" in verdict.faults[-1].found


def test_a_second_copy_elsewhere_is_a_stray(check: Check, files: Files) -> None:
    assert only_fault(check({**files, f"old/{NAME}": files[NAME]})).file == f"old/{NAME}"


def test_a_ninth_subject_is_a_stray(check: Check, files: Files) -> None:
    assert only_fault(check({**files, "subj09/lh_pred_test.npy": files[NAME]})).file == "subj09/lh_pred_test.npy"


def test_duplicate_entries_are_told(tmp_path: Path, tiny: ExpectedShapes, files: Files) -> None:
    path = write_zip(tmp_path / "made.zip", files)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(NAME, files[NAME])
    fault = next(fault for fault in validate(path, tiny).faults)
    assert (fault.file, fault.found) == (NAME, "2 entries of this name")


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("subj01\\lh_pred_test.npy", "backslashes"),
        ("/subj01/lh_pred_test.npy", "root of a disk"),
        ("C:/subj01/lh_pred_test.npy", "drive letter"),
        ("../subj01/lh_pred_test.npy", "climbs out"),
        ("other/../subj01/lh_pred_test.npy", "climbs out"),
    ],
)
def test_a_path_that_plays_tricks_is_told(check: Check, files: Files, given: str, kind: str) -> None:
    files[given] = files.pop(NAME)
    verdict = check(files)
    assert kind in verdict.faults[0].found
    assert verdict.faults[0].file == given


def test_a_null_in_a_name_is_told(tmp_path: Path, tiny: ExpectedShapes, files: Files) -> None:
    path = write_zip(tmp_path / "made.zip", {**files, "subj01/lh_pred_test.npy!.txt": b""})
    path.write_bytes(path.read_bytes().replace(b".npy!.txt", b".npy\0.txt"))
    assert "null character" in validate(path, tiny).faults[0].found


def test_a_name_that_would_steer_the_terminal_is_made_harmless(check: Check, files: Files) -> None:
    assert only_fault(check({**files, "\x1b[2Jgone": b""})).file == "\\x1b[2Jgone"


# --- headers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["<f8", "<f2", ">f4", "<i4", "<i8", "|b1", "<c8", "<U3", "|V4"])
def test_a_wrong_dtype_is_the_only_fault(check: Check, files: Files, dtype: str) -> None:
    values = np.random.default_rng(1).integers(0, 99, (6, 10))
    files[NAME] = npy(values.view("V4")[:, :10] if dtype == "|V4" else values.astype(dtype))
    fault = only_fault(check(files))
    assert (fault.file, fault.expected) == (NAME, "float32")


def test_byte_order_is_told_from_dtype(check: Check, files: Files, arrays: dict[str, NDArray[np.float32]]) -> None:
    files[NAME] = npy(arrays[NAME].astype(">f4"))
    assert only_fault(check(files)).found == "big-endian float32"


def test_fortran_order_is_told(check: Check, files: Files, arrays: dict[str, NDArray[np.float32]]) -> None:
    files[NAME] = npy(np.asfortranarray(arrays[NAME]))
    assert "Fortran" in only_fault(check(files)).found


@pytest.mark.parametrize(
    ("shape", "mend"),
    [
        ((10, 6), "transposed"),
        ((6, 13), "other hemisphere"),
        ((9, 11), "subject 3's left hemisphere"),
        ((9, 13), "left and right swapped"),
        ((6, 4), "only ROIs"),
        ((40, 10), "training images"),
        ((46, 10), "keep the last 6 rows"),
        ((40, 4), "training images: predict the test images; some vertices are left out"),
        ((6, 23), "both hemispheres"),
        ((6, 163_842), "fsaverage"),
        ((5, 10), "each of the 6 test images"),
        ((6, 17), "the 10 vertices"),
        ((0, 10), "each of the 6 test images"),
        ((1, 6, 10), "squeeze"),
        ((60,), "reshape(6, 10)"),
        ((7,), "one matrix"),
        ((), "one matrix"),
    ],
)
def test_a_wrong_shape_is_explained(check: Check, files: Files, shape: tuple[int, ...], mend: str) -> None:
    values = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    files[NAME] = npy(np.asarray(values, dtype=np.float32))
    verdict = check(files)
    fault = next(fault for fault in verdict.faults if fault.file == NAME)
    assert fault.found == f"shape {shape}"
    assert mend in fault.mend


def test_swapped_hemispheres_are_told_in_both_files(check: Check, files: Files) -> None:
    left, right = "subj01/lh_pred_test.npy", "subj01/rh_pred_test.npy"
    files[left], files[right] = files[right], files[left]
    assert ["swapped" in fault.mend for fault in check(files).faults] == [True, True]


GOOD_HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (6, 10), }\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"1.0,2.0\n",
        b"\x93NUMPY",
        b"\x93NUMPY\x09\x09" + GOOD_HEADER,
        header(GOOD_HEADER)[:-10],
        header(b"["),
        header(b"-" * 9000 + b"1"),
        header(b"(" * 9000),
        header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-6, 10)}\n"),
        header(b"{'descr': 'no such', 'fortran_order': False, 'shape': (6, 10)}\n"),
        header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (6L, 0777)}\n"),
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b" " * 100_000,
        header(GOOD_HEADER + b" " * 20_000, b"\x02\x00"),
    ],
    ids=range(14),
)
def test_what_is_no_npy_file_is_told(check: Check, files: Files, content: bytes) -> None:
    files[NAME] = content
    fault = only_fault(check(files))
    assert (fault.file, fault.found) == (NAME, "something that is no .npy file")


def test_a_header_of_version_two_is_as_good(check: Check, files: Files) -> None:
    files[NAME] = header(GOOD_HEADER, b"\x02\x00") + files[NAME][-240:]
    assert check(files).ready


# --- values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_nan_and_infinity_are_counted_apart(
    check: Check, files: Files, arrays: dict[str, NDArray[np.float32]], dtype: str
) -> None:
    values = arrays[NAME].astype(dtype)
    values[2, 3] = values[4, 4] = np.nan
    values[1, 1], values[1, 2], values[5, 9] = np.inf, -np.inf, np.inf
    files[NAME] = npy(values)
    found = [fault.found for fault in check(files).faults]
    assert found == ["float64"] * (dtype == "<f8") + ["2 values that are NaN", "3 values that are infinite"]


def test_values_are_judged_across_blocks(
    check: Check, files: Files, arrays: dict[str, NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "BLOCK", 100)
    values = arrays[NAME]
    values[:, 3] = 0.5
    values[5, 0] = np.nan
    values[:, 7] = 0.25
    values[5, 7] = 0
    files[NAME] = npy(values)
    verdict = check(files)
    assert only_fault(verdict).found == "1 values that are NaN"
    assert "1 of 10 vertices" in verdict.notes[0]


def test_some_constant_vertices_are_a_note(check: Check, files: Files, arrays: dict[str, NDArray[np.float32]]) -> None:
    arrays[NAME][:, [0, 5]] = 0.1
    files[NAME] = npy(arrays[NAME])
    verdict = check(files)
    assert verdict.ready
    assert "2 of 10 vertices" in verdict.notes[0]


def test_one_prediction_for_every_image_is_a_fault(
    check: Check, files: Files, arrays: dict[str, NDArray[np.float32]]
) -> None:
    files[NAME] = npy(np.tile(arrays[NAME][:1], (6, 1)))
    assert only_fault(check(files)).found == "the same prediction for every image"


def test_an_array_cut_short_is_told_before_its_values(check: Check, files: Files) -> None:
    files[NAME] = files[NAME][:-100]
    fault = only_fault(check(files))
    assert fault.found == "140 bytes of values: the file was cut short"
    assert fault.expected.startswith("240 bytes")


def test_bytes_after_the_array_are_told(check: Check, files: Files) -> None:
    files[NAME] += b"\n"
    assert "more bytes" in only_fault(check(files)).found


def test_the_same_contents_twice_are_a_note(check: Check, files: Files) -> None:
    files["subj02/lh_pred_test.npy"] = files[NAME]
    verdict = check(files)
    assert verdict.ready
    assert "subj01/lh_pred_test.npy and subj02/lh_pred_test.npy have the same contents" in verdict.notes[0]


# --- size, and all at once ------------------------------------------------------------------------------------


def test_stored_files_are_a_note_below_the_limit(check: Check, files: Files) -> None:
    verdict = check(files, method=zipfile.ZIP_STORED)
    assert verdict.ready
    assert "without compression" in verdict.notes[0]


@pytest.mark.parametrize(
    ("method", "mend"), [(zipfile.ZIP_STORED, "compress it"), (zipfile.ZIP_DEFLATED, "last bits away")]
)
def test_a_zip_above_the_limit_is_told_how_to_shrink(
    check: Check, files: Files, monkeypatch: pytest.MonkeyPatch, method: int, mend: str
) -> None:
    monkeypatch.setattr("algocli.submission.validate.LIMIT", 1000)
    fault = only_fault(check(files, method=method))
    assert fault.file == THE_ZIP
    assert mend in fault.mend


def test_all_faults_come_at_once(check: Check, files: Files, arrays: dict[str, NDArray[np.float32]]) -> None:
    files[NAME] = npy(arrays[NAME].astype(np.float64))
    files["subj01/rh_pred_test.npy"] = npy(arrays["subj01/rh_pred_test.npy"].T.copy())
    files["subj02/lh_pred_test.npy"] = b"text"
    del files["subj02/rh_pred_test.npy"]
    files["subj3/lh_pred_test.npy"] = files.pop("subj03/lh_pred_test.npy")
    arrays["subj03/rh_pred_test.npy"][0, 0] = np.nan
    files["subj03/rh_pred_test.npy"] = npy(arrays["subj03/rh_pred_test.npy"])
    files[".DS_Store"] = b""
    assert len(check(files).faults) == 7


def test_progress_sees_each_file(tmp_path: Path, tiny: ExpectedShapes, files: Files) -> None:
    seen = []

    def track(items: Iterable[T], *, total: int, label: str, unit: str = "") -> Iterable[T]:
        seen.append((len(list(items)), total, label))
        return items

    validate(write_zip(tmp_path / "made.zip", files), tiny, track=track)
    assert seen == [(6, 6, "checking")]


def test_the_mend_for_left_over_files_works(tmp_path: Path, tiny: ExpectedShapes, files: Files) -> None:
    if subprocess.run(["which", "zip"], capture_output=True).returncode:
        pytest.skip("the zip program is not here")
    junk = dict.fromkeys(["__MACOSX/subj01/._lh_pred_test.npy", ".DS_Store", "subj01/.DS_Store", "subj01/._x"], b"j")
    path = write_zip(tmp_path / "made.zip", {**files, **junk})
    mend = only_fault(validate(path, tiny)).mend
    subprocess.run(mend.replace("FILE.zip", str(path)), shell=True, check=True, capture_output=True)
    assert validate(path, tiny).ready
