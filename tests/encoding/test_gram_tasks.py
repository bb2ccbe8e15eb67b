"""Gram matrices on a cluster: the bytes of no cluster, whoever of the workers dies."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.compute.executors.crew import crew_of
from algocli.compute.executors.specs import check_cluster
from algocli.compute.track import silent, unheard
from algocli.encoding import gram_tasks
from algocli.encoding.gram_tasks import BlockProducts, Products, large_matrices, multiply_stores
from algocli.encoding.settings import Settings
from algocli.errors import AlgocliError, DataError
from algocli.features.store.column_products import BLOCKS
from algocli.features.store.factor import Factor
from algocli.features.store.gram import blocks_left, gram, multiply_block
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import digest_tree, make_store

T = TypeVar("T")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    """Have as many threads as there are, as the workers have: last digits hang on it."""


def stores_in(folder: Path, n: int = 2) -> list[FeatureStore]:
    """Make stores of four blocks of columns, wide enough for last digits to hang on how many threads multiply."""
    stores = []
    for number in range(n):
        features = np.random.default_rng(number).standard_normal((1100, 3 * 8192 + 100)).astype(np.float16)
        stores.append(make_store(folder / "features" / "recipe" / f"subj01-0123456{number}", features, of=number))
    return stores


def left(stores: list[FeatureStore]) -> list[str]:
    return [digest_tree(store.folder / "gram") for store in stores]


def multiply(stores: list[FeatureStore], cluster: str, notes: list[str]) -> int:
    where = check_cluster(cluster)
    with crew_of(where, stores[0].cache_dir, notes.append) as crew:
        n_tasks, refused = multiply_stores(stores, crew, where.n_workers, "cpu", silent, notes.append)
    assert not refused
    return n_tasks


@pytest.mark.slow
def test_any_number_of_workers_makes_the_matrices_of_none_though_one_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gram_tasks, "WORTH_DIVIDING", 0.0)
    made, notes = {}, list[str]()

    def kill_one() -> None:
        while not list((tmp_path / "local:2").glob(f"features/*/*/gram/{BLOCKS}/*")):
            time.sleep(0.001)
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)

    for cluster in (None, "local:1", "local:2"):
        stores = stores_in(tmp_path / str(cluster))
        if cluster is None:
            for store in stores:
                gram(store)
        else:
            if cluster == "local:2":
                threading.Thread(target=kill_one, daemon=True).start()
            # One worker alone has nobody to share a matrix with.
            assert multiply(stores, cluster, notes) == (2 if cluster == "local:1" else 2 * 4 + 2)
        made[cluster] = left(stores)
    assert made[None] == made["local:1"] == made["local:2"]
    assert len([line for line in notes if line.endswith("it is tried again")]) == 1
    assert multiply(stores, "local:2", notes) == 0


@pytest.mark.slow
def test_blocks_that_are_done_are_not_handed_out_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram_tasks, "WORTH_DIVIDING", 0.0)
    (alone,), (store,) = stores_in(tmp_path / "alone", 1), stores_in(tmp_path / "divided", 1)
    gram(alone)
    for number in (3, 1):
        multiply_block(Factor((store,)), number)
    assert multiply([store], "local:2", []) == 2 + 1
    assert left([store]) == left([alone])


@pytest.mark.slow
@pytest.mark.parametrize("standard", [None, np.arange(100, 1000)], ids=["plain", "standardised"])
def test_a_command_that_is_interrupted_between_blocks_goes_on_with_those_that_are_done(
    tmp_path: Path, standard: NDArray[np.int64] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gram_tasks, "WORTH_DIVIDING", 0.0)
    alone, divided = (Factor(tuple(stores_in(tmp_path / name, 1)), standard) for name in ("alone", "divided"))
    Products.of(alone, "cpu").run(unheard)
    where = check_cluster("local:2")

    def interrupted(items: Iterable[T], *, total: int, label: str, unit: str = "") -> Iterator[T]:
        yield next(iter(items))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), crew_of(where, divided.cache_dir, unheard) as crew:
        gram_tasks.multiply([divided], crew, where.n_workers, "cpu", interrupted, unheard)
    assert not multiprocessing.active_children()
    n_left = len(blocks_left(divided))
    assert n_left < 4
    with crew_of(where, divided.cache_dir, unheard) as crew:
        assert gram_tasks.multiply([divided], crew, where.n_workers, "cpu", silent, unheard) == (n_left + 1, {})
    assert digest_tree(divided.folder) == digest_tree(alone.folder)


def test_a_matrix_that_is_small_is_one_task(tmp_path: Path) -> None:
    store = make_store(tmp_path / "features" / "recipe" / "subj01-01234567", np.eye(9, 8200, dtype=np.float32))
    assert multiply([store], "local:2", []) == 1


def test_where_the_disk_has_no_room_for_products_a_matrix_is_one_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(tmp_path / "features" / "recipe" / "subj01-01234567", np.eye(9, 8200, dtype=np.float32))
    # Of two blocks 9 x 9 products of four bytes, by symmetry half of them; and as much for others.
    for free, n_tasks in ((2 * 9 * 9 * 4 - 1, 1), (2 * 9 * 9 * 4, 3)):
        monkeypatch.setattr(gram_tasks, "WORTH_DIVIDING", 0.0)
        monkeypatch.setattr(gram_tasks, "free_disk", lambda _, free=free: free)
        assert multiply([store], "local:2", []) == n_tasks
        shutil.rmtree(store.folder / "gram")


def test_products_on_disk_are_those_of_two_batches_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = [
        make_store(tmp_path / "features" / "recipe" / f"subj01-0123456{n}", np.eye(9, 8200 * n, dtype=np.float32))
        for n in (1, 2, 3)
    ]
    batches = gram_tasks._batches([Factor((store,)) for store in stores], 2)
    assert [[numbers for _, numbers in batch] for batch in batches] == [[[0, 1]], [[0, 1, 2]], [[0, 1, 2, 3]]]
    # Of seven blocks the products, half of 9 x 9 numbers of four bytes; and as much for others.
    for free, have_room in ((2 * 7 * 2 * 9 * 9, True), (2 * 7 * 2 * 9 * 9 - 1, False)):
        monkeypatch.setattr(gram_tasks, "free_disk", lambda _, free=free: free)
        assert gram_tasks._have_room(batches) == have_room
    assert gram_tasks._have_room([[]])


def test_matrices_of_the_same_features_have_names_of_their_own(tmp_path: Path) -> None:
    stores = [
        make_store(tmp_path / "features" / name / "subj01-01234567", np.eye(9, dtype=np.float32), layer=name)
        for name in "ab"
    ]
    factors = [
        Factor((stores[0],)),
        *(Factor((stores[0],), np.arange(n)) for n in (7, 8)),
        *(Factor(tuple(stores), np.arange(n)) for n in (7, 8)),
    ]
    tasks = [Products.of(factor, "cpu") for factor in factors]
    assert [task.factor.key for task in tasks] == [factor.key for factor in factors]
    labels = [task.label for task in tasks]
    assert len(set(labels)) == 5
    assert labels[0] == "subject 1, Gram matrix of a"
    assert labels[3].startswith("subject 1, standardised Gram matrix ")
    assert labels[3].endswith(" of a + b")
    # What cannot be had of one matrix is no reason to leave out another.
    refused: dict[str, AlgocliError] = {BlockProducts(tasks[1], 0).label: DataError("it is damaged")}
    assert [gram_tasks._is_hopeless(task, refused) for task in tasks] == [False, True, False, False, False]


def test_of_small_matrices_none_is_made_beforehand_and_no_split_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = [make_store(tmp_path / name, np.eye(9, dtype=np.float32), layer=name) for name in "ab"]
    settings, asked = Settings(("a", "b"), n_components=2, standardised=True, scaled=False), list[int]()

    def fits() -> list[NDArray[np.int64]]:
        asked.append(1)
        return [np.arange(6), np.arange(9)]

    assert (large_matrices(stores, settings, fits), asked) == ([], [])
    monkeypatch.setattr(gram_tasks, "WORTH_DIVIDING", 9 * 9 * 18 / 2)
    # Side by side they are large, and by themselves they are not.
    assert [len(factor.stores) for factor in large_matrices(stores, settings, fits)] == [2, 2]
    assert large_matrices(stores, replace(settings, scaled=True), fits) == []
    assert large_matrices(stores, replace(settings, standardised=False), fits) == []
    assert asked == [1]


def test_of_many_matrices_each_is_one_task_and_blocks_lie_on_disk_a_few_at_a_time(tmp_path: Path) -> None:
    stores = [
        make_store(tmp_path / "features" / "recipe" / f"subj01-0123456{n}", np.eye(9, 8200 * n, dtype=np.float32))
        for n in (1, 2, 3)
    ]
    whole, *divided = [Factor((store,)) for store in stores]
    rounds = gram_tasks._rounds([whole], gram_tasks._batches(divided, 2), "cpu")
    told = [[task.label.split("matrix of recipe")[1] for task in tasks] for tasks in rounds]
    assert told == [
        ["", ", column block 1", ", column block 2", ", column block 3"],
        ["", ", column block 1", ", column block 2", ", column block 3", ", column block 4"],
        [""],
    ]


def test_products_that_are_kept_go_into_a_matrix_that_is_added_up_by_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, divided = stores_in(tmp_path / "alone", 1), stores_in(tmp_path / "divided", 1)
    gram(alone[0])
    for number in (0, 2):
        multiply_block(Factor((divided[0],)), number)
    monkeypatch.setattr("algocli.features.store.tiles.GROUP_BYTES", 1)
    gram(divided[0])
    assert left(divided) == left(alone)
