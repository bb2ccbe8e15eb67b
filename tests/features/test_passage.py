"""Several layers in one pass, and rows shared out between processes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algocli.challenge.subjects import Subject
from algocli.errors import StorageError, UsageError
from algocli.features.backbones import Backbone
from algocli.features.extraction import extract
from algocli.features.passage import Passage
from tests.features.by_hand import extract_one, store_digest
from tests.features.conftest import write_subject
from tests.features.stand_in import stand_in


def two_layers() -> Backbone:
    """Return the stand-in with a second, wider layer."""
    return stand_in(("edges", "wide"))


@pytest.fixture(autouse=True)
def _short_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """27 images are 7 shards of the narrow layer and 14 of the wide one."""
    monkeypatch.setattr("algocli.features.store.MAX_SHARD_ROWS", 4)
    monkeypatch.setattr("algocli.features.store.SHARD_BYTES", 60_000)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return write_subject(tmp_path_factory.mktemp("passage") / "challenge")


def test_a_layer_is_the_same_store_alone_and_beside_another(subject: Subject, tmp_path: Path) -> None:
    alone = extract_one(subject, stand_in(), tmp_path / "alone")
    narrow, wide = extract(subject, two_layers(), tmp_path / "both")
    assert (narrow.rows_per_shard, wide.rows_per_shard) == (4, 2)
    assert narrow.folder.relative_to(tmp_path / "both") == alone.folder.relative_to(tmp_path / "alone")
    assert store_digest(narrow.folder) == store_digest(alone.folder)


def test_adding_a_layer_later_touches_no_other(subject: Subject, tmp_path: Path) -> None:
    alone = extract_one(subject, stand_in(), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (alone.folder / "features.zarr").rglob("*")}
    notes: list[str] = []
    _, wide = extract(subject, two_layers(), tmp_path, note=notes.append)
    assert wide.complete
    assert any("is complete, nothing to do" in note for note in notes)
    assert {path: path.stat().st_mtime_ns for path in (alone.folder / "features.zarr").rglob("*")} == before


@settings(max_examples=10, deadline=None)
@given(cuts=st.sets(st.integers(1, 26), max_size=3), data=st.data(), batch_size=st.integers(1, 9))
def test_any_partition_of_the_rows_in_any_order_gives_the_same_stores(
    subject: Subject, tmp_path_factory: pytest.TempPathFactory, cuts: set[int], data: Any, batch_size: int
) -> None:
    whole = [store_digest(store.folder) for store in extract(subject, two_layers(), tmp_path_factory.mktemp("whole"))]
    cache = tmp_path_factory.mktemp("parts")
    edges = [0, *sorted(cuts), 27]
    parts = [range(a, b) for a, b in pairwise(edges)]
    for rows in data.draw(st.permutations(parts)):
        stores = extract(subject, two_layers(), cache, Passage(batch_size=batch_size, rows=rows))
    assert [store.complete for store in stores] == [True, True]
    assert [store_digest(store.folder) for store in stores] == whole


def test_rows_that_are_done_are_said_to_be_done(subject: Subject, tmp_path: Path) -> None:
    notes: list[str] = []
    for _ in range(2):
        (store,) = extract(subject, stand_in(), tmp_path, Passage(rows=range(8)), note=notes.append)
    assert sum(map(len, store.pending())) == 27 - 8
    assert notes[-1].endswith("these rows are done, nothing to do")


@pytest.mark.parametrize("numerics", ["tf32", "float16"])
def test_a_mode_that_the_device_lacks_is_refused(subject: Subject, tmp_path: Path, numerics: Any) -> None:
    with pytest.raises(UsageError, match="needs a CUDA device"):
        extract(subject, stand_in(), tmp_path, Passage(numerics=numerics))


def test_bfloat16_is_another_key_and_close_to_full_precision(subject: Subject, tmp_path: Path) -> None:
    full = extract_one(subject, stand_in(), tmp_path, dtype="float32")
    fast = extract_one(subject, stand_in(), tmp_path, dtype="float32", numerics="bfloat16")
    assert fast.key != full.key
    exact, rounded = full.read(), fast.read()
    assert not np.array_equal(exact, rounded)
    np.testing.assert_allclose(rounded, exact, atol=0.02 * np.abs(exact).max())


def test_what_does_not_fit_on_the_disk_is_refused_before_an_image_is_read(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algocli.compute.budget.free_disk", lambda _folder: 1000)
    monkeypatch.setattr("algocli.challenge.images.read_image", None)
    with pytest.raises(StorageError, match="are to be written"):
        extract(subject, stand_in(), tmp_path)


def test_images_pass_in_the_same_batches_whatever_else_is_asked_for(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The narrow layer has shards of 16 rows, the wide one of 2.
    monkeypatch.setattr("algocli.features.store.MAX_SHARD_ROWS", 16)
    sizes: dict[str, list[int]] = {}

    def record(name: str, backbone: Backbone) -> Backbone:
        seen = sizes[name] = []
        # As tried already: the images of a trial are none of the subject's.
        tried = {("cpu", Passage().numerics)}
        return replace(backbone, network=Counting(backbone.network, seen), tried=tried)

    extract(subject, record("both", two_layers()), tmp_path / "both", Passage(batch_size=5))
    extract(subject, record("wide", stand_in(("wide",))), tmp_path / "wide", Passage(batch_size=5))
    assert sorted(sizes["wide"]) == sorted(sizes["both"]) == [1, 1, 5, 5, 5, 5, 5]


class Counting(torch.nn.Module):
    """A network that notes how many images it is given at a time."""

    def __init__(self, network: torch.nn.Module, seen: list[int]) -> None:
        super().__init__()
        self.network = network
        self.seen = seen

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        self.seen.append(len(images))
        return self.network(images)


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "float64"},
        {"dtype": "Float16"},
        {"numerics": "fp32"},
        {"numerics": "half"},
        {"batch_size": 0},
        {"batch_size": 1.5},
        {"device": ""},
        {"reduction": 4},
        {"rows": (0, 5)},
        {"rows": range(0, 10, 2)},
        {"rows": range(-3, 5)},
    ],
    ids=str,
)
def test_a_passage_that_there_is_not_is_refused_by_its_field(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        Passage(**options)
