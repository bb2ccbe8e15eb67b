"""What is left of stores by their records, while others fill them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algocli.features.pending import ImagesLeft
from algocli.features.store import shards
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import make_store


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[FeatureStore]:
    """Two layers of 300 images, in shards of 256 rows and of 64."""
    monkeypatch.setattr(shards, "SHARD_BYTES", 64 * 2000 * 4)
    rows = np.ones((300, 2000), np.float32)
    return [make_store(tmp_path / str(some.shape[1]) / "subj01", some) for some in (rows[:, :3], rows)]


def test_an_image_is_done_when_every_layer_has_it(stores: list[FeatureStore]) -> None:
    narrow, wide = stores
    assert [len(store.shards) for store in stores] == [2, 5]
    kept = {store.record_path(shard.index): store.record_path(shard.index).read_bytes()
            for store in stores for shard in store.shards}  # fmt: skip
    for path in kept:
        path.unlink()
    left = ImagesLeft()
    left.add(stores, None)
    assert (left.total, left.count()) == (300, 0)

    def bring(store: FeatureStore, index: int) -> int:
        path = store.record_path(index)
        path.write_bytes(kept[path])
        return left.count()

    assert bring(narrow, 0) == 0
    assert bring(wide, 0) == 64
    assert bring(wide, 4) == 64
    assert bring(narrow, 1) == 64 + 44
    assert [bring(wide, index) for index in (1, 2, 3)] == [172, 236, 300]
    assert left.count() == 300


def test_what_is_there_already_is_not_counted_nor_what_was_not_asked_for(stores: list[FeatureStore]) -> None:
    _, wide = stores
    for shard in (0, 4):
        wide.record_path(shard).unlink()
    left = ImagesLeft()
    left.add(stores, None)
    assert (left.total, left.count()) == (64 + 44, 0)
    some = ImagesLeft()
    some.add(stores, range(64, 300))
    assert some.total == 44


def test_a_record_that_is_damaged_vouches_for_no_image(stores: list[FeatureStore]) -> None:
    narrow, _ = stores
    narrow.record_path(1).unlink()
    left = ImagesLeft()
    left.add([narrow], None)
    narrow.record_path(1).write_bytes(narrow.record_path(0).read_bytes())
    assert left.count() == 0
