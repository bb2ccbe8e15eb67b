"""Packaging: what goes in comes out, byte for byte the same, or nothing appears at all."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.errors import DataError, MissingStep, StorageError, UsageError
from algocli.submission.package import Prediction, package
from algocli.submission.precision import round_mantissa
from algocli.submission.shapes import ExpectedShapes
from algocli.submission.validate import validate
from tests.support.processes import unmeasured

Arrays = dict[str, NDArray[Any]]


def predictions(arrays: Arrays, tiny: ExpectedShapes) -> list[Prediction]:
    """Return the arrays as what a run would hand over."""

    def reader(array: NDArray[Any]) -> Callable[[], NDArray[Any]]:
        return lambda: array

    return [Prediction(m.subject, m.hemisphere, reader(arrays[m.name])) for m in tiny.members if m.name in arrays]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_goes_in_comes_out(tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays) -> None:
    packaged = package(predictions(arrays, tiny), tmp_path / "made.zip", tiny)
    with zipfile.ZipFile(packaged.path) as archive:
        assert archive.namelist() == list(arrays)
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        for name, array in arrays.items():
            with archive.open(name) as stream:
                np.testing.assert_array_equal(np.load(stream), array)
    assert packaged.subjects == (1, 2, 3)
    assert (packaged.rounded_bits, packaged.rounding_loss) == (0, 0.0)


def test_the_zip_unpacks_with_names_and_permissions_that_anyone_may_read(
    tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays
) -> None:
    packaged = package(predictions(arrays, tiny), tmp_path / "made.zip", tiny)
    with zipfile.ZipFile(packaged.path) as archive:
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_same_predictions_in_any_order_give_the_same_bytes(
    tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays
) -> None:
    first = package(predictions(arrays, tiny), tmp_path / "first.zip", tiny)
    second = package(reversed(predictions(arrays, tiny)), tmp_path / "second.zip", tiny)
    assert first.path.read_bytes() == second.path.read_bytes()


def test_float64_is_stored_as_float32(tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays) -> None:
    wide = {name: array.astype(np.float64) for name, array in arrays.items()}
    narrow = package(predictions(arrays, tiny), tmp_path / "narrow.zip", tiny)
    assert package(predictions(wide, tiny), tmp_path / "wide.zip", tiny).sha256 == narrow.sha256


def test_memory_maps_and_fortran_order_are_welcome(tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays) -> None:
    plain = package(predictions(arrays, tiny), tmp_path / "plain.zip", tiny)
    mapped = {}
    for n, (name, array) in enumerate(arrays.items()):
        np.save(tmp_path / f"{n}.npy", np.asfortranarray(array))
        mapped[name] = np.load(tmp_path / f"{n}.npy", mmap_mode="r")
    assert package(predictions(mapped, tiny), tmp_path / "mapped.zip", tiny).sha256 == plain.sha256


def test_each_prediction_is_read_once_and_in_turn(tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays) -> None:
    reads = []

    def reader(name: str) -> Callable[[], NDArray[Any]]:
        def read() -> NDArray[Any]:
            reads.append(name)
            return arrays[name]

        return read

    given = [Prediction(m.subject, m.hemisphere, reader(m.name)) for m in reversed(tiny.members)]
    package(given, tmp_path / "made.zip", tiny)
    assert reads == list(arrays)


def test_the_record_beside_the_zip_says_what_it_is(tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays) -> None:
    packaged = package(predictions(arrays, tiny), tmp_path / "made.zip", tiny, provenance={"run": "alexnet", "seed": 4})
    record = json.loads((tmp_path / "made.json").read_text())
    assert packaged.record == tmp_path / "made.json"
    assert (record["run"], record["seed"], record["path"]) == ("alexnet", 4, "made.zip")
    assert record["sha256"] == hashlib.sha256(packaged.path.read_bytes()).hexdigest() == packaged.sha256
    assert record["n_bytes"] == packaged.path.stat().st_size


# --- rounding -------------------------------------------------------------------------------------------------


def test_rounding_clears_the_fewest_bits_that_keep_the_zip_below_its_limit(
    tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    wide = {
        name: rng.standard_normal((len(array), 400 * array.shape[1])).astype(np.float32)
        for name, array in arrays.items()
    }
    shapes = {
        n: dataclasses.replace(shape, n_vertices={h: 400 * count for h, count in shape.n_vertices.items()})
        for n, shape in tiny.by_subject.items()
    }
    expected = ExpectedShapes(shapes)
    sizes = [
        package(predictions(wide, expected), tmp_path / f"{n}.zip", expected, round_bits=n).n_bytes for n in range(8)
    ]
    limit = (sizes[4] + sizes[5]) // 2
    monkeypatch.setattr("algocli.submission.package.ROUND_BEYOND", limit)
    rounded = package(predictions(wide, expected), tmp_path / "rounded.zip", expected)
    assert (rounded.rounded_bits, rounded.n_bytes) == (5, sizes[5])
    assert 0 < rounded.rounding_loss < 1e-9
    with zipfile.ZipFile(rounded.path) as archive, archive.open("subj03/rh_pred_test.npy") as stream:
        np.testing.assert_array_equal(np.load(stream), round_mantissa(wide["subj03/rh_pred_test.npy"], 5))


def test_rounding_can_be_chosen_and_declined(
    tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert package(predictions(arrays, tiny), tmp_path / "a.zip", tiny, round_bits=8).rounded_bits == 8
    monkeypatch.setattr("algocli.submission.package.ROUND_BEYOND", 1000)
    assert package(predictions(arrays, tiny), tmp_path / "b.zip", tiny, round_bits=0).rounding_loss == 0.0


def test_a_zip_above_the_limit_does_not_appear(
    tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algocli.submission.validate.LIMIT", 1000)
    with pytest.raises(DataError, match="expected at most") as caught:
        package(predictions(arrays, tiny), tmp_path / "made.zip", tiny)
    assert "last bits away" in (caught.value.hint or "")
    assert names_in(tmp_path) == []


# --- refusals -------------------------------------------------------------------------------------------------


def without(arrays: Arrays, part: str) -> Arrays:
    return {name: array for name, array in arrays.items() if part not in name}


def test_a_missing_subject_is_a_missing_step(tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays) -> None:
    with pytest.raises(MissingStep, match="no predictions for subject 2") as caught:
        package(predictions(without(arrays, "subj02"), tiny), tmp_path / "made.zip", tiny)
    assert "algocli train -s 2" in (caught.value.hint or "")
    assert "partial=True" in (caught.value.hint or "")
    assert names_in(tmp_path) == []


def test_partial_lets_subjects_be_missing(tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays) -> None:
    packaged = package(predictions(without(arrays, "subj02"), tiny), tmp_path / "made.zip", tiny, partial=True)
    assert packaged.subjects == (1, 3)
    assert "without subject 2" in packaged.notes[0]


@pytest.mark.parametrize("partial", [False, True])
def test_half_a_subject_and_none_at_all_are_missing_steps(
    tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays, partial: bool
) -> None:
    with pytest.raises(MissingStep, match="subject 3's right hemisphere"):
        package(predictions(without(arrays, "subj03/rh"), tiny), tmp_path / "made.zip", tiny, partial=partial)
    with pytest.raises(MissingStep, match="subject 1,2,3"):
        package([], tmp_path / "made.zip", tiny, partial=partial)


def test_a_subject_that_has_no_place_is_told(tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays) -> None:
    given = [*predictions(arrays, tiny), Prediction(7, "left", lambda: np.zeros((2, 2)))]
    with pytest.raises(DataError, match="no place for subject 7"):
        package(given, tmp_path / "made.zip", tiny)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda a: a.T, "transposed|shape"),
        (lambda a: a[:, :4], "shape"),
        (lambda a: a.astype(np.int32), "int32"),
        (lambda a: np.where(a == a[2, 2], np.nan, a), "1 values that are NaN or infinite"),
        (lambda a: a.astype(np.float64) * 1e300, "99 values that are NaN or infinite"),
        (lambda a: np.tile(a[:1], (9, 1)), "same prediction for every image"),
    ],
)
def test_what_cannot_be_submitted_leaves_nothing_behind(
    tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays, wrong: Callable[[NDArray[Any]], NDArray[Any]], message: str
) -> None:
    arrays["subj03/lh_pred_test.npy"] = wrong(arrays["subj03/lh_pred_test.npy"])
    with pytest.raises(DataError, match=message):
        package(predictions(arrays, tiny), tmp_path / "made.zip", tiny)
    assert names_in(tmp_path) == []


def test_a_failed_packaging_leaves_the_old_zip_alone(tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays) -> None:
    before = package(predictions(arrays, tiny), tmp_path / "made.zip", tiny)
    arrays["subj03/lh_pred_test.npy"][0, 0] = np.nan
    with pytest.raises(DataError):
        package(predictions(arrays, tiny), tmp_path / "made.zip", tiny)
    assert names_in(tmp_path) == ["made.json", "made.zip"]
    assert hashlib.sha256((tmp_path / "made.zip").read_bytes()).hexdigest() == before.sha256


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays) -> None:
    def interrupted(items: Iterable[Any], **_: Any) -> Iterable[Any]:
        yield next(iter(items))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        package(predictions(arrays, tiny), tmp_path / "made.zip", tiny, track=interrupted)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["made.tar", "made", "made.json"])
def test_a_name_that_is_no_zip_is_a_usage_error(tmp_path: Path, tiny: ExpectedShapes, name: str) -> None:
    with pytest.raises(UsageError, match="cannot become a zip"):
        package([], tmp_path / name, tiny)


# --- a process that dies, and a disk that is full -------------------------------------------------------------

CHILD = """
import os, resource, signal, sys
from pathlib import Path
import numpy as np
from algocli.errors import StorageError
from algocli.submission.package import Prediction, package
from algocli.submission.shapes import ExpectedShapes, SubjectShape

fate, out = sys.argv[1], Path(sys.argv[2])
shapes = ExpectedShapes({n: SubjectShape(50, {"left": 500, "right": 500}) for n in (1, 2)})

def read(member):
    if fate == "killed" and member is shapes.members[2]:
        os.kill(os.getpid(), signal.SIGKILL)
    return np.random.default_rng(0).standard_normal(member.shape)

if fate == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
try:
    package([Prediction(m.subject, m.hemisphere, lambda m=m: read(m)) for m in shapes.members], out, shapes)
except StorageError as error:
    sys.exit(str(error))
"""


def run_child(fate: str, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CHILD, fate, str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=unmeasured())


def test_a_killed_packaging_leaves_the_old_zip_and_never_a_half_one(
    tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays
) -> None:
    before = package(predictions(arrays, tiny), tmp_path / "made.zip", tiny)
    assert run_child("killed", tmp_path / "made.zip").returncode == -signal.SIGKILL
    assert validate(tmp_path / "made.zip", tiny).ready
    assert hashlib.sha256((tmp_path / "made.zip").read_bytes()).hexdigest() == before.sha256
    run_child("killed", tmp_path / "new.zip")
    assert not (tmp_path / "new.zip").exists()


def test_a_disk_that_takes_no_more_is_told_in_a_sentence(tmp_path: Path) -> None:
    child = run_child("full", tmp_path / "made.zip")
    assert (child.returncode, child.stderr.count("\n")) == (1, 1)
    assert "made.zip: the file would be larger than this file system allows" in child.stderr
    assert names_in(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="no permission"):
        package(predictions(arrays, tiny), tmp_path / "made.zip", tiny)


def test_a_folder_in_the_place_of_the_record_is_told_before_there_is_a_zip(
    tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays
) -> None:
    (tmp_path / "made.json").mkdir()
    with pytest.raises(StorageError, match=r"made\.json: a folder stands"):
        package(predictions(arrays, tiny), tmp_path / "made.zip", tiny)
    assert names_in(tmp_path) == ["made.json"]


@pytest.mark.parametrize("bits", ["Auto", "off", 24, -1, 2.0, True])
def test_bits_that_there_are_not_are_refused_before_anything_is_read(
    tmp_path: Path, tiny: ExpectedShapes, arrays: Arrays, bits: Any
) -> None:
    with pytest.raises(UsageError, match="round_bits="):
        package(predictions(arrays, tiny), tmp_path / "x.zip", tiny, round_bits=bits)
    assert names_in(tmp_path) == []
