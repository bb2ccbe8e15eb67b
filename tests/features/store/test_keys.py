"""Keys: whatever changes a number changes the key, and nothing else does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.features.networks.backbones import Backbone, Layer
from algocli.features.networks.preprocessing import Transform
from algocli.features.store.keys import digest_of, recipe
from tests.features.by_hand import extract_one as extract
from tests.features.stand_in import SIZE, stand_in


def key_of(subject: Subject, cache: Path, backbone: Backbone | None = None, **options: Any) -> str:
    """Extract and return the key of the store."""
    options = {"dtype": "float32", **options}
    return extract(subject, stand_in() if backbone is None else backbone, cache, **options).key


@pytest.fixture
def key(shared_subject: Subject, tmp_path: Path) -> str:
    return key_of(shared_subject, tmp_path / "cache")


@pytest.mark.parametrize(
    "other",
    [
        lambda: stand_in(gain=1 + 1e-6),
        lambda: replace(stand_in(), transform=Transform(size=SIZE, mean=(0.485, 0.456, 0.407))),
        lambda: replace(stand_in(), transform=Transform(size=SIZE, std=(0.229, 0.224, 0.226))),
        lambda: replace(stand_in(), computation={"architecture": "another"}),
    ],
    ids=["weights", "mean", "std", "architecture"],
)
def test_another_network_is_another_key(
    shared_subject: Subject, tmp_path: Path, key: str, other: Callable[[], Backbone]
) -> None:
    assert key_of(shared_subject, tmp_path / "cache", other()) != key


def test_another_layer_is_another_key(shared_subject: Subject, tmp_path: Path, key: str) -> None:
    backbone = stand_in()
    network = backbone.network
    renamed = torch.nn.Sequential()
    renamed.forward = lambda images: {"again": network(images)["edges"]}  # type: ignore[method-assign]
    other = replace(
        backbone,
        layers=(Layer("again", backbone.layers[0].shape),),
        network=renamed,
        weights_digests={"again": backbone.weights_digests["edges"]},
    )
    assert key_of(shared_subject, tmp_path / "cache", other) != key


def test_another_precision_is_another_key(shared_subject: Subject, tmp_path: Path, key: str) -> None:
    assert key_of(shared_subject, tmp_path / "cache", dtype="float16") != key


def test_an_image_changed_by_one_pixel_is_another_key(subject: Subject, tmp_path: Path) -> None:
    before = key_of(subject, tmp_path / "cache")
    path = subject.test_stimuli[2].path
    with Image.open(path) as image:
        pixels = np.array(image)
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(path)
    assert key_of(subject, tmp_path / "cache") != before


def test_two_images_that_change_places_are_another_key(subject: Subject, tmp_path: Path) -> None:
    before = key_of(subject, tmp_path / "cache")
    one, other = (subject.train_stimuli[row].path for row in (3, 8))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    assert key_of(subject, tmp_path / "cache") != before


def test_an_image_of_another_id_is_another_key(subject: Subject, tmp_path: Path) -> None:
    before = key_of(subject, tmp_path / "cache")
    last = subject.test_stimuli[-1]
    last.path.rename(last.path.with_name(last.path.name.replace(f"{last.nsd_id:05d}", f"{last.nsd_id + 1:05d}")))
    again = Challenge(subject.layout.folder.parent).subject(1)
    assert key_of(again, tmp_path / "cache") != before


def test_images_elsewhere_with_another_time_are_the_same_key(subject: Subject, tmp_path: Path) -> None:
    before = key_of(subject, tmp_path / "cache")
    shutil.copytree(subject.layout.folder.parent, tmp_path / "elsewhere")
    assert key_of(Challenge(tmp_path / "elsewhere").subject(1), tmp_path / "cache") == before


@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_the_batch_size_is_no_part_of_the_key(
    shared_subject: Subject, tmp_path: Path, key: str, batch_size: int
) -> None:
    assert key_of(shared_subject, tmp_path / "other", batch_size=batch_size) == key


def test_chunks_and_codec_are_no_part_of_the_key(
    shared_subject: Subject, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algocli.features.store.readable.CHUNK_FEATURES", 50)
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 4)
    assert key_of(shared_subject, tmp_path / "other") == key


def test_versions_and_the_device_are_no_part_of_the_key(
    shared_subject: Subject, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchvision

    monkeypatch.setattr(torch, "__version__", "99.0")
    monkeypatch.setattr(torchvision, "__version__", "99.0")
    store = extract(shared_subject, stand_in(), tmp_path / "other", dtype="float32", device="cpu:0")
    assert store.key == key
    assert store.manifest["provenance"]["versions"]["torch"] == "99.0"
    assert store.manifest["provenance"]["device"] == "cpu:0"


def test_where_the_weights_came_from_is_no_part_of_the_key(shared_subject: Subject, tmp_path: Path, key: str) -> None:
    assert key_of(shared_subject, tmp_path / "other", replace(stand_in(), weights="somewhere.pth")) == key


def test_a_recipe_is_named_so_that_a_person_and_a_file_system_can_read_it() -> None:
    how = recipe("a model/x", "layer:1", "pretrained", {"weights": "0" * 64}, "float16")
    assert how.name.startswith("a-model-x-layer-1-")
    assert how.name != recipe("a model/x", "layer:1", "pretrained", {"weights": "1" * 64}, "float16").name


def test_a_digest_hangs_on_values_and_not_on_the_order_of_names() -> None:
    assert digest_of({"a": 1, "b": [2, {"c": 3, "d": 4}]}) == digest_of({"b": [2, {"d": 4, "c": 3}], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": "1"})
    assert digest_of({"a": [1, 2]}) != digest_of({"a": [2, 1]})
