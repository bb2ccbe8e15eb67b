"""Work on a cluster with the cache at an address: the bytes of no cluster, whoever dies, and who cannot ask is told."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import algocli
from algocli.compute.addresses import Address
from algocli.compute.cache_places import folder_of
from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import DiskFault, EngineFault
from tests.cluster.dask_processes import Scheduler, scheduler, wait_until
from tests.cluster.test_slurm import ROOT, until
from tests.pipeline.left import FALLS, left
from tests.pipeline.test_extraction_tasks import NETWORK
from tests.support.challenge import write_tiny_challenge
from tests.support.objects import Objects, make_bucket, serving_objects

pytestmark = pytest.mark.slow

Left = tuple[dict[str, bytes], dict[str, object]]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_challenge(
        tmp_path_factory.mktemp("data") / "challenge", (1,), n_train=600, n_test=6, image_size=16, known_test=False
    )


@pytest.fixture
def at(objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Address:
    """An address; and a folder to work in, with a network, and a regression that takes its process along, once."""
    (tmp_path / "small.py").write_text(NETWORK)
    (tmp_path / "falls.py").write_text(FALLS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.setenv("FALLS_IN", str(tmp_path / "fallen"))
    monkeypatch.chdir(tmp_path)
    return objects.at(f"clusters{tmp_path}")


def extract(data: Path, cache: Address, cluster: str | None, **how: Any) -> str:
    (store,) = algocli.extract(
        Challenge(data).subjects(), "python:small:network", ["0"], weights="random", device="cpu",
        cluster=cluster, cache_dir=str(cache), **how,
    ).stores  # fmt: skip
    assert store.place.parent.parent == cache / "features"
    return str(store.name)


def train(data: Path, cache: Address, cluster: str | None, features: str, **how: Any) -> None:
    algocli.train(
        Challenge(data).subjects(), features, n_components=4, regression="python:falls:Falls", name="mine",
        cluster=cluster, cache_dir=str(cache), **how,
    )  # fmt: skip


def made_by(data: Path, cache: Address, cluster: str | None, kill: Callable[[Address], None] | None = None) -> Left:
    """Extract and train, while somebody is killed; return what is at the address, and what is here."""
    notes: list[str] = []
    killing = threading.Thread(target=kill or (lambda _: None), args=(cache,), daemon=True)
    killing.start()
    name = extract(data, cache, cluster, note=notes.append)
    killing.join(60)
    if kill:
        # Whoever is next takes its process with it.
        Path("fallen").mkdir()
    train(data, cache, cluster, name, note=notes.append)
    if kill:
        assert Path("fallen/fallen").exists()
        assert len([line for line in notes if line.endswith("it is tried again")]) >= 1
    objects = {path: content for path, content in cache.read_all().items() if not path.endswith("manifest.json")}
    assert [path for path in objects if "/gram/" in path]
    assert cache.unfinished(".*") == []
    return objects, left(folder_of(cache))


def has_begun(cache: Address) -> bool:
    return bool(list(cache.glob("features/*/*/done/*.json")))


def test_processes_of_this_machine_make_the_same_though_one_is_killed(many: Path, at: Address) -> None:
    here = made_by(many, at / "here", None)

    def kill(cache: Address) -> None:
        wait_until(lambda: has_begun(cache))
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)

    assert made_by(many, at / "there", "local:2", kill) == here


def test_workers_of_dask_make_the_same_though_one_is_killed(many: Path, at: Address, tmp_path: Path) -> None:
    here = made_by(many, at / "here", None)
    with scheduler(tmp_path / "dask", 2) as dask:

        def kill(cache: Address) -> None:
            wait_until(lambda: has_begun(cache))
            dask.workers[0].kill()

        there = made_by(many, at / "there", dask.word, kill)
        assert sorted(str(worker.poll()) for worker in dask.workers) == ["-9", "None"]
    assert there == here


def test_jobs_of_slurm_make_the_same_though_one_is_killed(many: Path, at: Address, asked: str, slurm: Any) -> None:
    here = made_by(many, at / "here", None)

    def kill(cache: Address) -> None:
        until(lambda: slurm.ask("squeue", "--noheader", "--states=RUNNING"))
        (job, *_) = slurm.ask("squeue", "--noheader", "--array", "--states=RUNNING", "--format=%i").split()
        slurm.ask("scancel", f"--signal={signal.SIGKILL}", "--full", job)

    assert made_by(many, at / "there", asked, kill) == here


def test_jobs_of_slurm_that_may_not_ask_are_told(
    many: Path, at: Address, tmp_path: Path, asked: str, slurm: Any
) -> None:
    settings = tmp_path / "slurm.toml"
    setup = 'setup = ["unset AWS_ACCESS_KEY_ID", "export AWS_EC2_METADATA_DISABLED=true"]\n'
    settings.write_text(settings.read_text() + setup)
    with pytest.raises(DiskFault, match=r"s3://\S+ cannot be read: unable to locate credentials") as refused:
        extract(many, at, asked)
    assert str(refused.value.hint).startswith("where workers run, AWS_ENDPOINT_URL names the server")


def refused_by(scheduler: Scheduler, data: Path, at: Address, **environment: str) -> EngineFault:
    """Return what is said of a worker in an environment of its own."""
    try:
        scheduler.begin_workers(1, AWS_EC2_METADATA_DISABLED="true", **environment)
        with pytest.raises(EngineFault) as refused:
            extract(data, at, scheduler.word)
    finally:
        scheduler.end()
    assert str(refused.value.hint).startswith("in the environment in which workers are begun: AWS_ENDPOINT_URL names")
    assert not has_begun(at)
    return refused.value


def test_workers_of_dask_that_may_not_ask_are_named(many: Path, at: Address, tmp_path: Path) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    said = refused_by(Scheduler(tmp_path), many, at, **nobody)
    assert re.fullmatch(
        r"the worker tcp://\S+ may not ask: s3://\S+ cannot be read: unable to locate credentials", said.message
    )


def test_workers_of_dask_that_ask_another_server_are_named(many: Path, at: Address, tmp_path: Path) -> None:
    with serving_objects(tmp_path) as other:
        make_bucket(other.environment["AWS_ENDPOINT_URL"])
        said = refused_by(Scheduler(tmp_path), many, at, **other.environment)
    assert re.fullmatch(
        r"the worker tcp://\S+ asks another server: it does not see s3://\S+/features/\S+", said.message
    )
