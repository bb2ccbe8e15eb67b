"""An extraction that stopped anywhere, for any reason, goes on where it was and ends with the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algocli.dataset.challenge.subjects import Subject
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import extract_one as extract
from tests.features.by_hand import store_digest
from tests.features.conftest import write_subject
from tests.features.stand_in import stand_in


class Stop(Exception):
    """What stops an extraction here."""


@pytest.fixture(autouse=True)
def _several_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """27 images are 7 shards."""
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 4)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return write_subject(tmp_path_factory.mktemp("resume") / "challenge")


@pytest.fixture(scope="module")
def whole(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 4)
        return store_digest(extract(subject, stand_in(), tmp_path_factory.mktemp("whole")).folder)


def stop_after(n_images: int, error: type[BaseException]) -> Any:
    """Return a display that stops the work when so many images have passed."""

    def track(items: Any, *, total: int, label: str, unit: str = "") -> Iterator[Any]:
        for done, item in enumerate(items):
            if unit == "images" and label.endswith("features") and done == n_images:
                raise error
            yield item

    return track


@settings(max_examples=25, deadline=None)
@given(
    stops=st.lists(st.integers(0, 26), min_size=1, max_size=3),
    batch_sizes=st.lists(st.integers(1, 9), min_size=4, max_size=4),
)
def test_interrupted_after_any_image_it_resumes_to_the_same_bytes(
    subject: Subject,
    whole: str,
    tmp_path_factory: pytest.TempPathFactory,
    stops: list[int],
    batch_sizes: list[int],
) -> None:
    cache = tmp_path_factory.mktemp("cache")
    n_done = 0
    for n_images, batch_size in zip(stops, batch_sizes, strict=False):
        try:
            extract(subject, stand_in(), cache, batch_size=batch_size, track=stop_after(n_images, KeyboardInterrupt))
        except KeyboardInterrupt:
            (folder,) = (cache / "features").glob("*/subj01-*")
            store = FeatureStore(folder)
            left = sum(map(len, store.pending()))
            # Whatever was whole has been kept, and nothing that had been kept is lost.
            assert 27 - left >= n_done + max(0, n_images // 4 - 1) * 4 - 3
            n_done = 27 - left
            assert list(store.damaged()) == []
    store = extract(subject, stand_in(), cache, batch_size=batch_sizes[-1])
    assert store.complete
    assert store_digest(store.folder) == whole


@pytest.mark.parametrize("n_failures", range(1, 8))
def test_a_write_that_fails_costs_its_own_shard(
    subject: Subject, whole: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_failures: int
) -> None:
    write, calls = FeatureStore.write, [0]

    def fail(self: FeatureStore, shard: Any, rows: Any) -> None:
        calls[0] += 1
        if calls[0] == n_failures:
            raise Stop
        write(self, shard, rows)

    with monkeypatch.context() as patch:
        patch.setattr(FeatureStore, "write", fail)
        with pytest.raises(Stop):
            extract(subject, stand_in(), tmp_path)
    (folder,) = (tmp_path / "features").glob("*/subj01-*")
    assert FeatureStore(folder).pending()[0].index == n_failures - 1
    assert store_digest(extract(subject, stand_in(), tmp_path).folder) == whole


def test_torn_shards_are_made_again_and_nothing_else_is_touched(subject: Subject, whole: str, tmp_path: Path) -> None:
    store = extract(subject, stand_in(), tmp_path)
    shards = store.folder / "features.zarr" / "c"
    (shards / "2" / "0").write_bytes(b"torn")
    (shards / "5" / "0").unlink()
    untouched = {path: path.stat().st_mtime_ns for path in shards.rglob("0") if path.parent.name not in "25"}
    for shard in store.damaged():
        store.forget(shard)
    assert [shard.index for shard in store.pending()] == [2, 5]
    assert store_digest(extract(subject, stand_in(), tmp_path).folder) == whole
    assert {path: path.stat().st_mtime_ns for path in untouched} == untouched


def test_a_store_begun_by_another_layout_of_shards_is_finished_in_its_own(
    subject: Subject, whole: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        extract(subject, stand_in(), tmp_path, track=stop_after(11, KeyboardInterrupt))
    # As a later version, or one with another memory budget, would cut them.
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 16)
    monkeypatch.setattr("algocli.features.store.readable.CHUNK_FEATURES", 50)
    store = extract(subject, stand_in(), tmp_path)
    assert store.rows_per_shard == 4
    assert store_digest(store.folder) == whole
