"""Features that stay in memory once they are written: multiplied to the same bytes, without being read again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Subject
from algocli.features.extraction import Wanted, extract_together
from algocli.features.passage import Passage
from algocli.features.store.columns import widen
from algocli.features.store.gram import gram
from algocli.features.store.readable import Readable
from algocli.features.store.shards import FeatureStore
from tests.features.conftest import write_subject
from tests.features.stand_in import stand_in

AMPLE = 10**9


@pytest.fixture(autouse=True)
def _short_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 8)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return write_subject(tmp_path_factory.mktemp("at hand") / "challenge")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[slice]]:
    """The rows of every block that is read from a store."""
    seen: list[slice] = []
    usual = Readable.read

    def read(self: Readable, rows: Any = slice(None), columns: slice = slice(None)) -> Any:
        seen.append(rows)
        return usual(self, rows, columns)

    monkeypatch.setattr(Readable, "read", read)
    return seen


def stores_of(subject: Subject, cache: Path, how: Passage, spare: int = 0) -> list[FeatureStore]:
    (made,) = extract_together(subject, [Wanted(stand_in(("edges", "wide")), how)], cache, spare=spare)
    return made.stores


def matrix(store: FeatureStore) -> bytes:
    return (store.folder / "gram" / "matrix.npy").read_bytes()


@pytest.mark.parametrize("how", [Passage(batch_size=5), Passage("float32", batch_size=5)])
def test_what_stays_is_multiplied_to_the_same_bytes_and_not_read(
    subject: Subject, tmp_path: Path, reads: list[slice], how: Passage
) -> None:
    read_again = stores_of(subject, tmp_path / "read", how)
    for store in read_again:
        gram(store)
    assert len(reads) > 0
    reads.clear()
    kept = stores_of(subject, tmp_path / "kept", how, AMPLE)
    for store in kept:
        gram(store)
    assert reads == []
    assert [matrix(store) for store in kept] == [matrix(store) for store in read_again]


def test_what_stays_is_what_is_on_the_disk(subject: Subject, tmp_path: Path) -> None:
    for store in stores_of(subject, tmp_path, Passage(batch_size=5), AMPLE):
        assert sorted(store.at_hand) == [shard.index for shard in store.shards]
        there = np.concatenate([store.at_hand[shard.index] for shard in store.shards])
        np.testing.assert_array_equal(there, store.read())


def test_no_more_stays_than_there_is_room_for(subject: Subject, tmp_path: Path, reads: list[slice]) -> None:
    how, whole = Passage(batch_size=5), stores_of(subject, tmp_path / "whole", Passage(batch_size=5))
    n_bytes = [store.n_stimuli * store.n_features * store.dtype.itemsize for store in whole]
    room = sum(n_bytes) // 2
    some = stores_of(subject, tmp_path / "some", how, room)
    kept = [rows.nbytes for store in some for rows in store.at_hand.values()]
    assert 0 < sum(kept) <= room
    for store in (*whole, *some):
        gram(store)
    assert [matrix(store) for store in some] == [matrix(store) for store in whole]
    assert len(reads) > 0
    assert not any(store.at_hand for store in stores_of(subject, tmp_path / "none", how))


def test_what_another_has_written_meanwhile_does_not_stay(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = FeatureStore.write

    def second(self: FeatureStore, shard: Any, rows: Any) -> bool:
        # The other's need not agree to the last bit.
        usual(self, shard, np.nextafter(rows, rows.dtype.type(np.inf)))
        return usual(self, shard, rows)

    monkeypatch.setattr(FeatureStore, "write", second)
    assert not any(store.at_hand for store in stores_of(subject, tmp_path, Passage(batch_size=5), AMPLE))


def test_half_floats_widen_to_the_same_bits_with_torch_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(256, 256)
    columns = halves[:, 10:200]
    outs = [np.empty((300, 190), np.float32)[:256] for _ in range(2)]
    assert "torch" in sys.modules
    widen(columns, outs[0])
    monkeypatch.delitem(sys.modules, "torch")
    widen(columns, outs[1])
    numbers = ~np.isnan(outs[1])
    np.testing.assert_array_equal(outs[0][numbers].view(np.uint32), outs[1][numbers].view(np.uint32))
    assert np.isnan(outs[0][~numbers]).all()
    np.testing.assert_array_equal(outs[1][numbers], columns[numbers].astype(np.float32))


def test_half_floats_that_may_not_be_written_widen_too() -> None:
    halves = np.arange(6, dtype=np.float16).reshape(2, 3)
    halves.flags.writeable = False
    out = np.empty((2, 3), np.float32)
    widen(halves, out)
    np.testing.assert_array_equal(out, halves)
