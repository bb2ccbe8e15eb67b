"""A disk that fails while something of a run is deleted is told in one sentence."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from algocli.errors import StorageError
from algocli.runs import aside
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = Run(tmp_path / "cache/runs/mine")
    (made.folder / "subj01").mkdir(parents=True)
    return made


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "unlink", fail)
    monkeypatch.setattr("algocli.runs.aside.shutil.rmtree", fail)


@pytest.mark.usefixtures("failing")
def test_an_array_that_cannot_be_deleted(run: Run) -> None:
    with pytest.raises(StorageError, match=r"cannot write .*subj01"):
        SubjectRun(1, run.folder / "subj01").discard("left_pred_test")


@pytest.mark.usefixtures("failing")
def test_a_record_that_cannot_be_withdrawn(run: Run) -> None:
    with pytest.raises(StorageError, match=r"cannot write .*subj01"):
        run.start_subject(1)


def test_what_a_killed_training_left_that_cannot_be_deleted(run: Run, request: pytest.FixtureRequest) -> None:
    with aside.aside(run, 1) as made:
        made.folder.mkdir(parents=True)
        request.getfixturevalue("failing")
        with pytest.raises(StorageError, match="cannot write"):
            aside.clear(run, 1)
        request.getfixturevalue("monkeypatch").undo()
