"""Which features runs refer to, and which runs were begun and never finished a subject."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from algocli.compute.caches import sharing
from algocli.compute.lock import hold
from algocli.encoding.settings import Settings
from algocli.features.store.leftovers import KILLED, UNUSED
from algocli.features.store.shards import FeatureStore
from algocli.runs.finding import list_runs
from algocli.runs.leftovers import UNFINISHED, find_in_cache, is_used
from algocli.runs.opening import open_run
from algocli.runs.run import Run
from tests.features.by_hand import make_store


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return make_store(tmp_path / "features/mine/subj01-0a1b2c3d", np.ones((4, 3), np.float32))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Begin a run in its place, as earlier versions did: the lock was there first."""
    run = open_run(tmp_path, "begun", Settings(features=("mine",)))
    run.start_subject(1).save("left_correlation", np.zeros(3))
    (run.folder / "subj01/lock").touch()
    return run


def paths(cache: Path) -> list[Path]:
    return [one.path for one in find_in_cache(cache)]


def test_a_run_without_a_finished_subject_may_go(tmp_path: Path, run: Run) -> None:
    (run.folder / "subj01/right_correlation.npy.0a1b2c3d.partial").write_text("half")
    (leftover,) = find_in_cache(tmp_path)
    assert (leftover.path, leftover.why) == (run.folder, UNFINISHED)
    assert leftover.delete()
    assert not run.folder.exists()


def test_what_a_killed_command_shared_with_its_workers_may_go_and_what_looks_like_it_stays(tmp_path: Path) -> None:
    with sharing(tmp_path) as folder:
        (folder / "seen").touch()
        killed = Path(shutil.copytree(folder, tmp_path / ".shared-0a1b2c3d"))
    (tmp_path / ".shared-file").touch()
    (leftover,) = find_in_cache(tmp_path)
    assert (leftover.path, leftover.why) == (killed, KILLED)
    assert leftover.delete()
    assert [path.name for path in tmp_path.iterdir()] == [".shared-file"]


def test_one_with_a_finished_subject_stays(tmp_path: Path, run: Run) -> None:
    run.start_subject(6).finish({"finished_at": 1.0})
    assert find_in_cache(tmp_path) == []


def test_one_with_a_damaged_record_stays(tmp_path: Path, run: Run) -> None:
    (run.folder / "subj01/record.json").write_text("{")
    assert list_runs(tmp_path) == []
    assert find_in_cache(tmp_path) == []


def test_one_that_has_lost_its_only_record_stays_and_so_do_its_features(
    tmp_path: Path, run: Run, store: FeatureStore
) -> None:
    (run.folder / "subj01/lock").unlink()
    assert not run.subjects
    assert find_in_cache(tmp_path, unused=True) == []


def test_one_with_something_unknown_stays(tmp_path: Path, run: Run) -> None:
    (run.folder / "figures").mkdir()
    assert find_in_cache(tmp_path) == []


def test_one_that_is_being_trained_is_held(tmp_path: Path, run: Run) -> None:
    with hold(run.lock(1)):
        (leftover,) = find_in_cache(tmp_path)
        assert leftover.is_held
        assert not leftover.delete()
    assert run.has_settings(Settings(features=("mine",)))


def test_one_that_was_finished_meanwhile_stays(tmp_path: Path, run: Run) -> None:
    (leftover,) = find_in_cache(tmp_path)
    run.start_subject(1).finish({"finished_at": 1.0})
    assert not leftover.delete()
    assert run.subjects == (1,)


def test_a_link_among_the_runs_is_not_followed(tmp_path: Path, run: Run) -> None:
    run.folder.rename(tmp_path / "elsewhere")
    run.folder.symlink_to(tmp_path / "elsewhere")
    assert paths(tmp_path) == []


def test_a_store_is_used_where_a_record_names_its_key(tmp_path: Path, store: FeatureStore, run: Run) -> None:
    assert not is_used(tmp_path, store)
    run.start_subject(1).finish({"finished_at": 1.0, "inputs": {"features": [store.key]}})
    assert is_used(tmp_path, store)
    assert [one.why for one in find_in_cache(tmp_path, unused=True)] == []


def test_a_store_that_a_training_reads_is_used(tmp_path: Path, store: FeatureStore, run: Run) -> None:
    with hold(run.lock(1)):
        assert is_used(tmp_path, store)
    assert UNUSED in [one.why for one in find_in_cache(tmp_path, unused=True)]


def test_a_store_that_a_damaged_record_may_name_is_used(tmp_path: Path, store: FeatureStore, run: Run) -> None:
    (run.folder / "subj01/record.json").write_text("{")
    assert is_used(tmp_path, store)
