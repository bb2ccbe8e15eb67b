"""What is exported into one folder is of one run: nothing of an earlier export lies between its files."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import algocli
from algocli.results.export_folder import delete_stale, exporting


@pytest.mark.parametrize(
    ("written", "stale", "kept"),
    [
        (
            ["lh_correlation.npy", "rh_correlation.npy"],
            ["lh_p.npy", "rh_alpha.npy", "lh_prfangle.npy"],
            ["notes.npy", "lh_notes.npy", "lh_p.txt", "lh.p.mgh", "left_p.npy", "vertices.csv"],
        ),
        (
            ["lh.correlation.func.gii"],
            ["lh.p.func.gii", "lh.weight.features.2.func.gii", "lh.prfsize.func.gii"],
            ["lh.sig.mgh", "rh.p.func.gii", "lh.p.label.gii", "lh.streams.label.gii", "lh_p.npy"],
        ),
        (["lh.correlation.mgh"], ["lh.sig.mgh", "lh.share.conv1.mgh"], ["lh.thickness.mgh", "lh.streams.annot"]),
        (["lh.accuracy.nii.gz"], ["lh.p.nii.gz", "lh.n_subjects.nii.gz"], ["lh.mine.nii.gz", "brain.nii.gz"]),
        (["vertices.csv"], [], ["lh_p.npy", "lh.p.mgh"]),
    ],
    ids=["npy", "gifti", "mgh", "nifti", "csv"],
)
def test_what_an_export_has_no_more_is_deleted_and_nothing_else(tmp_path, written, stale, kept):
    for name in (*written, *stale, *kept):
        (tmp_path / name).write_bytes(b"")
    delete_stale([tmp_path / name for name in written])
    assert {path.name for path in tmp_path.iterdir()} == {*written, *kept}


def test_p_values_of_a_run_that_was_trained_again_do_not_lie_beside_its_scores(run, tmp_path):
    earlier = tmp_path / "subj06/lh_p.npy"
    earlier.parent.mkdir()
    earlier.write_bytes(b"of before")
    other = tmp_path / "subj01/lh_p.npy"
    other.parent.mkdir()
    other.write_bytes(b"of a subject that is not exported")
    written = algocli.export(run, tmp_path, subjects=6)
    assert sorted(earlier.parent.iterdir()) == sorted(written)
    assert other.exists()


def test_one_export_waits_for_the_other(tmp_path):
    order: list[str] = []
    begun, may_end = threading.Event(), threading.Event()

    def first() -> None:
        with exporting(tmp_path / "out"):
            begun.set()
            may_end.wait()
            order.append("first")

    def second() -> None:
        begun.wait()
        with exporting(tmp_path / "out"):
            order.append("second")

    threads = [threading.Thread(target=each) for each in (first, second)]
    for thread in threads:
        thread.start()
    begun.wait()
    threads[1].join(0.2)
    may_end.set()
    for thread in threads:
        thread.join()
    assert order == ["first", "second"]


@pytest.mark.parametrize("there", [(), ("mine.txt",)])
def test_an_export_that_fails_leaves_the_folder_as_it_was(tmp_path: Path, there):
    out = tmp_path / "out"
    if there:
        out.mkdir()
        (out / there[0]).write_text("mine")
    with pytest.raises(ZeroDivisionError), exporting(out):
        1 / 0  # noqa: B018
    assert out.exists() == bool(there)
    assert [path.name for path in out.glob("*")] == list(there)
