"""Several networks in one pass over the images: each ends with the bytes that it has alone, whatever befalls others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.images import ImageFiles, open_images
from algocli.errors import DataError, StorageError, UsageError
from algocli.features.extraction import Wanted, extract, extract_together
from algocli.features.networks.backbones import Backbone
from algocli.features.networks.preprocessing import Transform
from algocli.features.outlook import count_rows_left, in_passes
from algocli.features.passage import Passage
from algocli.features.reduction import Reduction
from tests.features.by_hand import store_digest
from tests.features.conftest import write_subject
from tests.features.stand_in import SIZE, stand_in

HALF, SINGLE = Passage(batch_size=5), Passage("float32", batch_size=5)
POOLED = Passage("float32", batch_size=5, reduction=Reduction(pool=2))


@pytest.fixture(autouse=True)
def _short_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 8)
    monkeypatch.setattr("algocli.features.store.shards.SHARD_BYTES", 60_000)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return write_subject(tmp_path_factory.mktemp("together") / "challenge")


def named(model: str, layers: Sequence[str] = ("edges",), **how: Any) -> Backbone:
    return replace(stand_in(layers, **how), model=model)


def four() -> list[Wanted]:
    """Return what is wanted of three networks: two that are fed alike, of one of them two kinds; one fed otherwise."""
    first, second = named("first", ("edges", "wide")), named("second", ("edges", "corner"), gain=2.0)
    other = replace(named("other"), transform=Transform(SIZE, resize_size=SIZE + 8, interpolation="bicubic"))
    return [Wanted(first, HALF), Wanted(second, SINGLE), Wanted(second, POOLED, ("edges",)), Wanted(other, SINGLE)]


@pytest.fixture(scope="module")
def alone(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The digest of every store, each network extracted by a command of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 8)
        patch.setattr("algocli.features.store.shards.SHARD_BYTES", 60_000)
        cache, found = tmp_path_factory.mktemp("alone"), {}
        for each in four():
            for store in extract(subject, each.backbone, cache, each.how):
                found[store.name] = store_digest(store.folder)
        yield found


def digests(made: Iterable[Any]) -> dict[str, str]:
    return {store.name: store_digest(store.folder) for each in made for store in each.stores if store.complete}


@dataclass(frozen=True)
class Counting(ImageFiles):
    """Images that note which of them were read."""

    read: list[int] = field(default_factory=list)

    def load(self, rows: Sequence[int]) -> list[Image.Image]:
        self.read.extend(rows)
        return super().load(rows)


def test_networks_of_one_pass_have_the_stores_that_each_has_alone(
    subject: Subject, alone: dict[str, str], tmp_path: Path
) -> None:
    found = digests(extract_together(subject, four(), tmp_path))
    assert len(found) == 6
    assert found == {name: alone[name] for name in found}


def test_every_image_is_decoded_once_for_all_networks(subject: Subject, tmp_path: Path) -> None:
    usual = open_images(subject)
    assert isinstance(usual, ImageFiles)
    images = Counting(usual.kind, usual.stimuli, usual.paths)
    extract_together(subject, four(), tmp_path, images=images)
    assert sorted(images.read) == list(range(27))


@settings(max_examples=6, deadline=None)
@given(stops=st.lists(st.integers(1, 26), min_size=1, max_size=2))
def test_stopped_anywhere_it_goes_on_to_the_same_bytes(
    subject: Subject, alone: dict[str, str], tmp_path_factory: pytest.TempPathFactory, stops: list[int]
) -> None:
    cache = tmp_path_factory.mktemp("stopped")
    for stop in stops:

        def track(items: Iterable[Any], *, total: int, label: str, unit: str = "", at: int = stop) -> Iterator[Any]:
            for place, item in enumerate(items):
                if place == at and "features" in label:
                    raise KeyboardInterrupt
                yield item

        with suppress(KeyboardInterrupt):
            extract_together(subject, four(), cache, track=track)
    found = digests(extract_together(subject, four(), cache))
    assert found == {name: alone[name] for name in found}
    assert len(found) == 6


class Moody(torch.nn.Module):
    """Raises at an image that is lighter than all that networks are tried with, in the fourth batch and later."""

    def __init__(self) -> None:
        super().__init__()
        self.n = 0

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        self.n += len(images)
        if self.n > 25:
            raise RuntimeError("out of luck")
        return {"edges": images[:, :, ::8, ::8].repeat(1, 2, 2, 2)[:, :5, :8, :8]}


@pytest.mark.parametrize("kind", ["beyond float16", "raising"])
def test_a_network_that_fails_on_the_way_leaves_the_others_alone(
    subject: Subject, alone: dict[str, str], tmp_path: Path, kind: str
) -> None:
    failing = named("failing", gain=1e6) if kind == "beyond float16" else replace(named("failing"), network=Moody())
    wanted = [*four()[:1], Wanted(failing, HALF), *four()[1:]]
    made = extract_together(subject, wanted, tmp_path)
    assert [each.fault is None for each in made] == [True, False, True, True, True]
    assert isinstance(made[1].fault, DataError if kind == "beyond float16" else UsageError)
    assert not made[1].stores[0].complete
    found = digests(made)
    assert len(found) == 6
    assert found == {name: alone[name] for name in found}


def test_what_concerns_the_disk_concerns_all(subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr("algocli.features.store.shards.FeatureStore.write", full)
    with pytest.raises(StorageError):
        extract_together(subject, four(), tmp_path)


def test_what_is_left_to_make_is_counted_before_and_after(subject: Subject, tmp_path: Path) -> None:
    (wanted, *_), content = four(), open_images(subject).digest(tmp_path)
    left = [count_rows_left(wanted, reduce, subject, content, tmp_path) for reduce in wanted.reducers]
    extract(subject, wanted.backbone, tmp_path, replace(HALF, rows=range(8)))
    then = [count_rows_left(wanted, reduce, subject, content, tmp_path) for reduce in wanted.reducers]
    extract(subject, wanted.backbone, tmp_path, HALF)
    after = [count_rows_left(wanted, reduce, subject, content, tmp_path) for reduce in wanted.reducers]
    assert (left, then, after) == ([27, 27], [19, 19], [0, 0])


@given(
    networks=st.lists(st.tuples(st.sampled_from(["float32", "bfloat16"]), st.integers(1, 60))),
    memory=st.integers(1, 100),
)
def test_every_network_is_in_one_pass_which_memory_holds_and_no_two_could_be_one(
    networks: list[Any], memory: int
) -> None:
    passes = in_passes(networks, memory)
    assert sorted(place for places in passes for place in places) == list(range(len(networks)))
    for places in passes:
        assert len({networks[place][0] for place in places}) == 1
        assert len(places) == 1 or sum(networks[place][1] for place in places) <= memory
    for places, following in pairwise(passes):
        if networks[places[0]][0] == networks[following[0]][0]:
            assert sum(networks[place][1] for place in (*places, following[0])) > memory
