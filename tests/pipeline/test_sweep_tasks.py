"""A sweep on a cluster: the table of no cluster, whoever of the workers dies."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import algocli
from algocli.compute.executors.local import LocalCluster
from algocli.compute.executors.tasks import Outcome
from algocli.compute.track import unheard
from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import UsageError
from algocli.features.room import BASE_MEMORY
from algocli.features.store.gram import is_made
from algocli.pipeline.sweep_tasks import InnerFolds
from tests.features.by_hand import list_stores, store_digest
from tests.pipeline.left import FALLS, cache_wide_features, left
from tests.support.challenge import write_tiny_challenge

NETWORKS = """
import torch


def small(seed):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 16, 16), torch.nn.Conv2d(4, 5, 3, 2)).eval()


def one():
    return small(1)


def two():
    return small(2)
"""
ONE, TWO = (f"python:cluster_networks:{name}" for name in ("one", "two"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    write_tiny_challenge(folder / "challenge", n_train=60, n_test=6, image_size=24)
    (folder / "cluster_networks.py").write_text(NETWORKS)
    (folder / "falls.py").write_text(FALLS)
    return folder


def swept(home: Path, cache: Path, cluster: str | None, notes: list[str], **options: Any) -> algocli.Sweep:
    subjects = Challenge(home / "challenge").subjects()
    return algocli.sweep(
        subjects,
        [{"name": ONE, "layers": ["0", "1"]}, {"name": TWO, "layers": ["1"]}],
        n_components=[3, 5],
        device="cpu",
        csv=cache.with_suffix(".csv"),
        cache_dir=cache,
        cluster=cluster,
        note=notes.append,
        **options,
    )


def table(cache: Path) -> dict[str, bytes]:
    return {path.name.removeprefix(cache.name): path.read_bytes() for path in cache.parent.glob(f"{cache.name}*.csv")}


@pytest.fixture
def seen(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Tasks by the module that has them handed out, in place of having them done."""
    monkeypatch.syspath_prepend(home)
    tasks: dict[str, list[Any]] = {"sweep_tasks": [], "extraction_tasks": []}

    def watch(module: str) -> None:
        class Watched:
            def do(self, handed_out: Any, *_: Any, **__: Any) -> None:
                tasks[module] += handed_out
                raise UsageError("that is seen")

            run = do

            def prepare(self, *_: Any) -> None:
                pass

        monkeypatch.setattr(f"algocli.pipeline.{module}.crew_of", lambda *_: nullcontext(Watched()))

    for module in tasks:
        watch(module)
    return tasks


def test_rows_say_what_memory_they_need_as_an_extractions_do(
    home: Path, tmp_path: Path, seen: dict[str, list[Any]]
) -> None:
    with pytest.raises(UsageError, match="that is seen"):
        swept(home, tmp_path / "swept", "local:2", [])
    subjects, where = Challenge(home / "challenge").subjects(), {"cache_dir": tmp_path / "made", "cluster": "local:2"}
    with pytest.raises(UsageError, match="that is seen"):
        algocli.extract(subjects, ONE, ["0", "1"], weights="pretrained", device="cpu", **where)
    of_one = {task.needs for task in seen["sweep_tasks"] if task.order.model == ONE}
    assert of_one == {task.needs for task in seen["extraction_tasks"]}
    (needs,) = of_one
    assert needs.memory > BASE_MEMORY
    # Of two layers less than of one.
    assert {task.needs.memory < needs.memory for task in seen["sweep_tasks"] if task.order.model == TWO} == {True}


def test_rows_know_when_nothing_is_left_of_them_and_what_they_are_part_of(
    home: Path, tmp_path: Path, seen: dict[str, list[Any]]
) -> None:
    with pytest.raises(UsageError, match="that is seen"):
        swept(home, tmp_path / "swept", "local:2", [])
    first, *others = seen["sweep_tasks"]
    assert first.known() is None
    first.run(unheard)
    assert first.known() == Outcome()
    assert {task.known() for task in others} == {None}
    # Cut otherwise, as by another number of workers, it is the same work.
    assert replace(first, rows=range(1, 2)).whole == first.whole
    assert len({task.whole for task in seen["sweep_tasks"]}) == 4


@pytest.mark.slow
def test_any_number_of_workers_leaves_the_table_of_none_and_a_repeat_calls_no_worker(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(home)
    tables, features, runs, order = {}, {}, {}, {}
    for name, cluster in (("none", None), ("one", "local:1"), ("two", "local:2")):
        cache = tmp_path / name
        found = swept(home, cache, cluster, [])
        assert not found.failed
        tables[name], order[name] = table(cache), [run.name for run in found.runs]
        features[name] = {store.name: store_digest(store.folder) for store in list_stores(cache)}
        runs[name] = left(cache)
    assert sorted(tables["none"]) == [".csv", ".nested.csv"]
    for made in (tables, features, runs, order):
        assert made["none"] == made["one"] == made["two"]
    assert (len(order["none"]), len(features["none"])) == (6, 3)

    def never(cluster: LocalCluster, *_how: object) -> None:
        raise AssertionError(cluster)

    monkeypatch.setattr(LocalCluster, "open", never)
    swept(home, tmp_path / "two", "local:2", [])
    assert (table(tmp_path / "two"), left(tmp_path / "two")) == (tables["none"], runs["none"])


@pytest.mark.parametrize("how", [{}, {"standardised": True}])
def test_large_matrices_of_inner_folds_are_those_that_they_need(
    home: Path, tmp_path: Path, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, cache = Challenge(home / "challenge").subject(6), tmp_path / "cache"
    cache_wide_features(cache, home / "challenge", ("features.2",))
    run = algocli.train(subject, layers="features.2", n_components=3, holdout=0.2, cache_dir=cache, **how)
    for folder in [*cache.glob("features/*/*/gram"), *cache.glob("features/*/*/standardised")]:
        shutil.rmtree(folder)
    task = InnerFolds(run, subject)
    assert task.large_matrices() == []
    monkeypatch.setattr("algocli.encoding.gram_tasks.WORTH_DIVIDING", 0.0)
    matrices = task.large_matrices()
    assert len(matrices) == (5 if how else 1)
    task.run(unheard)
    assert [is_made(matrix) for matrix in matrices] == [True] * len(matrices)
    assert len(list(cache.glob("features/*/*/standardised/*/record.json"))) == (5 if how else 0)


@pytest.mark.slow
def test_a_worker_killed_in_a_model_costs_that_model_alone(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(home)
    monkeypatch.setenv("FALLS_IN", str(tmp_path / "fallen"))
    notes: list[str] = []
    for name, cluster in (("none", None), ("two", "local:2")):
        if cluster is not None:
            # Features are there, as a sweep that was interrupted leaves them.
            shutil.copytree(tmp_path / "none" / "features", tmp_path / name / "features")
        found = swept(home, tmp_path / name, cluster, notes, regression="python:falls:Falls", nested=False)
        assert (len(found.runs), found.failed) == (6, {})
        (tmp_path / "fallen").mkdir(exist_ok=True)
    assert (tmp_path / "fallen" / "fallen").exists()
    assert len([line for line in notes if line.endswith("it is tried again")]) == 1
    assert table(tmp_path / "two") == table(tmp_path / "none")
    assert left(tmp_path / "two") == left(tmp_path / "none")


@pytest.mark.slow
def test_an_image_that_cannot_be_read_fails_its_networks_and_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(home)
    spoilt = Path(shutil.copytree(home, tmp_path / "home"))
    # Not among the few that networks are tried on.
    broken = sorted((spoilt / "challenge/subj06/training_split/training_images").iterdir())[30]
    broken.write_bytes(broken.read_bytes()[:-30])
    found = swept(spoilt, tmp_path / "cache", "local:1", [])
    assert sorted(found.failed) == [ONE, TWO]
    assert all(broken.name in error.message for error in found.failed.values())
    assert [store.complete for store in list_stores(tmp_path / "cache")] == [True, False] * 3
