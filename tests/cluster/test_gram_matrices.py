"""Gram matrices in blocks of columns on real engines: the bytes of no cluster, though a worker is killed at one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from algocli.encoding import gram_tasks
from algocli.features.store.column_products import BLOCKS
from algocli.features.store.gram import gram
from algocli.features.store.shards import FeatureStore
from tests.cluster.dask_processes import ROOT, scheduler, wait_until
from tests.cluster.slurm_here import Slurm
from tests.encoding.test_gram_tasks import left, multiply, stores_in

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrices are divided however small they are."""
    monkeypatch.setattr(gram_tasks, "WORTH_DIVIDING", 0.0)


def alone(folder: Path) -> list[str]:
    """Digest the matrices that are made without a cluster."""
    stores = stores_in(folder)
    for store in stores:
        gram(store)
    return left(stores)


def multiply_beside(stores: list[FeatureStore], word: str, kill: Callable[[], object]) -> list[str]:
    """Have matrices made on a cluster, one of whose workers is killed once a block is done; return what was noted."""
    notes, over = list[str](), threading.Event()

    def kill_one() -> None:
        kept = [store.folder / "gram" / BLOCKS for store in stores]
        wait_until(lambda: over.is_set() or any(True for folder in kept for _ in folder.glob("*")))
        kill()

    killing = threading.Thread(target=kill_one)
    killing.start()
    try:
        assert multiply(stores, word, notes) == 2 * 4 + 2
    finally:
        over.set()
        killing.join()
    return notes


def test_on_dask(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    stores = stores_in(tmp_path / "dask-cache")
    with scheduler(tmp_path / "dask", 2) as there:
        multiply_beside(stores, there.word, lambda: there.workers[0].kill())
        assert [worker.poll() for worker in there.workers] == [-signal.SIGKILL, None]
        assert multiply(stores, there.word, []) == 0
    assert left(stores) == alone(tmp_path / "alone")


def test_on_slurm(tmp_path: Path, asked: str, slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    stores = stores_in(tmp_path / "slurm-cache")

    def kill_one() -> None:
        wait_until(lambda: slurm.ask("squeue", "--noheader", "--states=RUNNING"))
        (job, *_) = slurm.ask("squeue", "--noheader", "--array", "--states=RUNNING", "--format=%i").split()
        slurm.ask("scancel", "--signal=KILL", "--full", job)

    notes = multiply_beside(stores, asked, kill_one)
    assert [line for line in notes if line.endswith("it is tried again")]
    assert multiply(stores, asked, []) == 0
    assert left(stores) == alone(tmp_path / "alone")
