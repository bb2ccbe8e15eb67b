"""Lists of tasks in files: a line is worked on by its number, and no list that others may have written is taken."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from algocli.cli import app
from algocli.compute.executors.arrays import (
    JobArray,
    arrays_in,
    keep_about,
    new_array,
    readable_arrays,
)
from algocli.compute.executors.job_leftovers import find_job_leftovers
from algocli.compute.executors.lists import end_of, line_of, read_list, work
from algocli.compute.executors.slurm_queue import Queue
from algocli.compute.executors.standing import list_jobs
from algocli.compute.files import write_json
from algocli.dataset.challenge.subjects import Challenge
from algocli.encoding.gram_tasks import Products
from algocli.errors import DataError, UsageError
from algocli.features.store.factor import Factor
from algocli.features.store.gram import is_made
from algocli.features.store.shards import FeatureStore
from algocli.runs.leftovers import find_in_cache
from tests.features.by_hand import cache_features, list_stores
from tests.support.challenge import write_tiny_challenge


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_challenge(tmp_path_factory.mktemp("data") / "challenge", n_train=8, n_test=2, image_size=16)


@pytest.fixture
def stores(challenge: Path, tmp_path: Path) -> list[FeatureStore]:
    """Features of both subjects, whose products nobody has computed."""
    for subject in Challenge(challenge).subjects():
        rows = np.random.default_rng(subject.number).standard_normal((10, 30)).astype(np.float32)
        cache_features(tmp_path / "cache", subject, rows)
    return list_stores(tmp_path / "cache")


@pytest.fixture
def array(stores: list[FeatureStore], tmp_path: Path) -> JobArray:
    lines = [line_of(Products((store.folder,), "cpu"), threads=1) for store in stores]
    return new_array(tmp_path / "cache", lines, {"command": ["/usr/bin/algocli", "extract", "-s 1"], "jobs": []})


def test_a_line_is_worked_on_by_its_number_and_says_how_it_went(array: JobArray, stores: list[FeatureStore]) -> None:
    assert work(array.list_path, 1).error is None
    assert [is_made(Factor((store,))) for store in stores] == [False, True]
    end = end_of(array.folder, 1)
    assert end is not None
    assert (end["state"], end["label"]) == ("done", array.lines[1].label)
    assert end["ended_at"] >= end["began_at"]
    assert end_of(array.folder, 0) is None


def test_the_command_takes_its_line_from_the_element_of_an_array(
    array: JobArray, stores: list[FeatureStore], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("work", str(array.list_path)) == 2
    assert "--index 0" in capsys.readouterr().err
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    assert run_here("work", str(array.list_path)) == 0
    assert run_here("work", str(array.list_path), "--index", "0") == 0
    assert [is_made(Factor((store,))) for store in stores] == [True, True]
    assert array.job(1) == "12_1"
    assert run_here("work", str(array.list_path), "--index", "2") == 2
    assert "lines 0 to 1" in capsys.readouterr().err


def test_relative_paths_are_those_of_whoever_wrote_the_list(
    stores: list[FeatureStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = line_of(Products((stores[0].folder.relative_to(tmp_path),), "cpu"), threads=1)
    array = new_array(Path("cache"), [line], {})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert work(array.list_path, 0).error is None
    assert is_made(Factor((stores[0],)))


def test_what_a_task_refuses_is_the_commands_error_and_kept(
    array: JobArray, stores: list[FeatureStore], capsys: pytest.CaptureFixture[str]
) -> None:
    (stores[0].folder / "manifest.json").unlink()
    assert run_here("work", str(array.list_path), "--index", "0") == 4
    end = end_of(array.folder, 0)
    assert end is not None
    assert end["state"] == "failed"
    assert end["said"] in capsys.readouterr().err.replace("\n", " ")


def test_an_array_is_its_owners_alone_whatever_the_umask(stores: list[FeatureStore], tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        array = new_array(tmp_path / "cache", [line_of(Products((stores[0].folder,), "cpu"), threads=1)], {})
    finally:
        os.umask(before)
    assert array.folder.stat().st_mode & 0o777 == 0o700
    # So nobody comes to a list that everybody might write.
    assert array.list_path.stat().st_mode & 0o022
    assert len(read_list(array.list_path)) == 1


@pytest.mark.parametrize("opened", [lambda array: array.folder.chmod(0o770), lambda array: make_open(array.list_path)])
def test_a_list_that_others_can_write_is_not_taken(array: JobArray, opened: Callable[[JobArray], None]) -> None:
    opened(array)
    with pytest.raises(UsageError, match="others than you can write"):
        work(array.list_path, 0)
    assert not (array.folder / "ends").exists()


def make_open(path: Path) -> None:
    path.parent.chmod(0o755)
    path.chmod(0o666)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file away")
def test_a_list_of_somebody_else_is_not_taken(array: JobArray) -> None:
    os.chown(array.list_path, 12345, -1)
    with pytest.raises(UsageError, match="others than you can write"):
        work(array.list_path, 0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": "0.0.0"}, "was written by algocli 0.0.0"),
        ({"digest": "0" * 16}, "is damaged"),
        ({"folder": "/tmp"}, "is damaged"),
        ({"description": {"object": "algocli.compute.files:Path", "has": {}}}, "is damaged"),
        ({"wrong": 1}, "is damaged, or no list"),
    ],
)
def test_a_damaged_line_is_told_and_not_worked_on(array: JobArray, change: dict[str, object], told: str) -> None:
    first, second = array.list_path.read_text().splitlines()
    array.list_path.write_text("\n".join([json.dumps(json.loads(first) | change), second]) + "\n")
    with pytest.raises(DataError, match=told):
        work(array.list_path, 0)


def test_what_is_no_task_is_not_run(stores: list[FeatureStore], tmp_path: Path) -> None:
    class Posing:
        label = "nothing"

    line = line_of(Products((stores[0].folder,), "cpu"), threads=1)
    from algocli.compute.executors.descriptions import describe
    from algocli.compute.executors.lists import _digest

    description = describe(tmp_path)
    posing = vars(line) | {"description": description, "digest": _digest(description, line.folder)}
    array = new_array(tmp_path / "cache", [type(line)(**posing)], {})
    with pytest.raises(DataError, match="is no task"):
        work(array.list_path, 0)


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ({"7_0": "PENDING", "7_1": "RUNNING"}, ["queued", "running"]),
        ({"7_0": "COMPLETING", "7_1": "TIMEOUT"}, ["running", "failed"]),
        ({}, ["failed", "failed"]),
        # Nothing is said: what was not heard of since is as it was.
        (None, ["queued", "queued"]),
    ],
)
def test_how_a_task_stands_is_what_it_says_and_else_what_slurm_says(
    array: JobArray, states: dict[str, str] | None, told: list[str]
) -> None:
    queue = None if states is None else Queue(states)
    assert [row.state for row in array.rows(queue)] == ["listed", "listed"]
    keep_about(array, {"jobs": ["7_0", "7_1"]})
    array.log(1).write_text("one\nOut of memory: it was killed\n")
    rows = array.rows(queue)
    assert [row.state for row in rows] == told
    if told[1] == "failed":
        assert rows[1].said == f"{'timeout' if states else 'it ended'} one\nOut of memory: it was killed"
    # What has said that it is done is done, whatever SLURM forgets.
    work(array.list_path, 0)
    assert array.rows(queue)[0].state == "done"


def test_jobs_lists_what_is_there_and_tells_the_command(
    array: JobArray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = str(tmp_path / "cache")
    work(array.list_path, 0)
    assert run_here("jobs", "--cache-dir", cache, "--json") == 0
    told = json.loads(capsys.readouterr().out)["jobs"]
    assert [(row["state"], row["index"]) for row in told] == [("done", 0), ("listed", 1)]
    assert run_here("jobs", "--cache-dir", cache) == 0
    out = capsys.readouterr().out
    assert "1 listed, 1 done" in out
    assert "algocli extract '-s 1'" in out
    assert array.lines[1].label in out
    assert array.lines[0].label not in out
    assert run_here("jobs", "--cache-dir", cache, "--all") == 0
    assert array.lines[0].label in capsys.readouterr().out
    assert run_here("jobs", "--cache-dir", str(tmp_path / "none")) == 0
    assert "was handed to SLURM" in capsys.readouterr().err


def _others_may_write(array: JobArray) -> None:
    array.folder.chmod(0o777)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda array: (array.folder / "array.json").write_text("{"), "array.json is missing or damaged"),
        (lambda array: write_json(array.folder / "array.json", {"jobs": 3}), "jobs is a whole number; a list"),
        (lambda array: array.list_path.write_text('{"label": 3}\n'), "tasks.jsonl is damaged, or no list of tasks"),
        (lambda array: array.list_path.unlink(), "tasks.jsonl is missing"),
        (_others_may_write, "others than you can write"),
    ],
)
def test_a_damaged_array_is_told_by_jobs_with_the_way_out_and_hides_no_other(
    array: JobArray,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[JobArray], object],
    told: str,
) -> None:
    cache = tmp_path / "cache"
    other = new_array(cache, array.lines[:1], {"jobs": []})
    spoil(array)
    rows = {row.array: row for row in list_jobs(cache)[0]}
    assert [rows[folder].state for folder in (array.folder, other.folder)] == ["damaged", "listed"]
    assert told in rows[array.folder].said
    assert readable_arrays(cache)[0].folder == other.folder
    assert run_here("jobs", "--cache-dir", str(cache)) == 0
    said = capsys.readouterr()
    assert f"{array.folder.name}: 1 damaged" in said.out
    assert told in said.out
    assert f"{other.folder.name}: 1 listed" in said.out
    assert f"algocli cache gc --cache-dir {cache}: what cannot be read is cleared away" in said.err
    assert array.folder in [left.path for left in find_job_leftovers(cache)]


@pytest.mark.parametrize("end", [{"state": 3}, {"state": "done", "began_at": "early"}, []])
def test_a_damaged_end_of_a_line_counts_as_none(array: JobArray, tmp_path: Path, end: object) -> None:
    work(array.list_path, 0)
    (array.folder / "ends" / "0.json").write_text(json.dumps(end))
    assert [row.state for row in list_jobs(tmp_path / "cache")[0]] == ["listed", "listed"]


def test_what_has_ended_is_cleared_away_and_nothing_that_is_expected(array: JobArray, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def cleared() -> list[Path]:
        return [left.path for left in find_in_cache(cache) if "jobs" in left.path.parts]

    assert cleared() == []
    work(array.list_path, 0)
    assert cleared() == []
    work(array.list_path, 1)
    assert cleared() == [array.folder]
    # What is done is done, whoever did it.
    (array.folder / "ends" / "1.json").unlink()
    assert cleared() == [array.folder]
    (left,) = find_job_leftovers(cache)
    assert left.delete()
    assert arrays_in(cache) == []


def test_a_cache_that_holds_jobs_is_listed_with_them(
    array: JobArray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("cache", "list", "--cache-dir", str(tmp_path / "cache")) == 0
    assert "1 list: algocli jobs" in capsys.readouterr().out
    assert run_here("cache", "list", "--cache-dir", str(tmp_path / "cache"), "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)["jobs"]
    assert told["jobs"] == array.folder.name
    assert told["n_bytes"] > 0


def run_here(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        app(list(words))
    return int(end.value.code or 0)
