"""Stored rows beside the same computed anew: what is a fault, and of what nothing can be said."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.images import open_images
from algocli.features.audit import NotRecomputed, Sample, recompute, sample_rows
from algocli.features.extraction import extract
from algocli.features.networks.backbones import Backbone, load_backbone
from algocli.features.passage import Passage
from algocli.features.reduction import Reduction
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import extract_one, list_stores
from tests.features.stand_in import stand_in

Change = Callable[[FeatureStore], None]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> list[Backbone]:
    """The network that is found when one is loaded again; to be replaced by another."""
    found = [stand_in()]
    monkeypatch.setattr("algocli.features.networks.backbones.load_backbone", lambda *_asked, **_options: found[0])
    return found


@pytest.fixture
def store(subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FeatureStore:
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 8)
    return extract_one(subject, stand_in(), tmp_path / "cache")


def audit(tmp_path: Path, **options: Any) -> list[Sample | NotRecomputed]:
    cache = tmp_path / "cache"
    return list(recompute(list_stores(cache), tmp_path / "challenge", cache, **options))


def reason(tmp_path: Path, **options: Any) -> str:
    (one,) = audit(tmp_path, **options)
    assert isinstance(one, NotRecomputed)
    return one.reason


def verdicts(tmp_path: Path) -> list[bool]:
    return [one.agrees for one in audit(tmp_path) if isinstance(one, Sample)]


def change(store: FeatureStore, row: int, column: int, value: Callable[[Any], Any]) -> None:
    """Change one stored feature, with a record that agrees with it."""
    shard = next(shard for shard in store.shards if shard.start <= row < shard.stop)
    rows = store.read(slice(shard.start, shard.stop))
    rows[row - shard.start, column] = value(rows[row - shard.start, column])
    store.forget(shard)
    store.write(shard, rows)
    assert not list(store.damaged())


@pytest.mark.parametrize("how", [{}, {"dtype": "float32"}, {"reduction": Reduction(4)}, {"numerics": "bfloat16"}])
def test_what_was_extracted_agrees(
    subject: Subject, tmp_path: Path, network: list[Backbone], how: dict[str, Any]
) -> None:
    extract_one(subject, stand_in(), tmp_path / "cache", **how)
    first, last = audit(tmp_path)
    assert isinstance(first, Sample)
    assert isinstance(last, Sample)
    assert (first.row, first.image, first.agrees) == (0, "train-0001_nsd-01000.png", True)
    assert (last.row, last.agrees) == (26, True)


@pytest.mark.parametrize("row", [0, 26])
def test_a_changed_value_with_a_corrected_checksum_is_found(
    store: FeatureStore, tmp_path: Path, network: list[Backbone], row: int
) -> None:
    change(store, row, 5, lambda value: value + 0.1)
    samples = [one for one in audit(tmp_path) if isinstance(one, Sample)]
    assert [one.row for one in samples if not one.agrees] == [row]
    (fault,) = (one for one in samples if not one.agrees)
    assert fault.difference == pytest.approx(0.1, rel=0.02)


def test_a_value_that_is_not_finite_is_a_fault(store: FeatureStore, tmp_path: Path, network: list[Backbone]) -> None:
    change(store, 0, 5, lambda _value: np.nan)
    assert verdicts(tmp_path) == [False, True]


def test_the_neighbouring_float16_is_no_fault(store: FeatureStore, tmp_path: Path, network: list[Backbone]) -> None:
    change(store, 0, 5, lambda value: np.nextafter(value, np.float16(9)))
    assert verdicts(tmp_path) == [True, True]


def test_a_float32_that_differs_in_the_fourth_digit_is_a_fault(
    subject: Subject, tmp_path: Path, network: list[Backbone]
) -> None:
    store = extract_one(subject, stand_in(), tmp_path / "cache", dtype="float32")
    largest = int(np.abs(store.read([0])).argmax())
    change(store, 0, largest, lambda value: value * np.float32(1.0003))
    assert verdicts(tmp_path) == [False, True]


def test_rows_of_a_store_that_is_not_complete_are_taken_where_it_is_done(
    store: FeatureStore, tmp_path: Path, network: list[Backbone]
) -> None:
    for shard in (store.shards[0], store.shards[3]):
        store.forget(shard)
    assert sample_rows(store) == (8, 23)
    assert verdicts(tmp_path) == [True, True]


def test_a_store_without_a_finished_row_is_passed_over(
    store: FeatureStore, tmp_path: Path, network: list[Backbone]
) -> None:
    for shard in store.shards:
        store.forget(shard)
    assert audit(tmp_path) == []


def test_other_weights_are_told_and_are_no_fault(store: FeatureStore, tmp_path: Path, network: list[Backbone]) -> None:
    network[0] = stand_in(gain=2.0)
    assert reason(tmp_path) == "the weights 'a formula' of stand-in are no longer those that it was made with"


def test_another_transform_is_told(store: FeatureStore, tmp_path: Path, network: list[Backbone]) -> None:
    network[0] = replace(network[0], transform=replace(network[0].transform, interpolation="bicubic"))
    assert reason(tmp_path) == "stand-in is no longer what it was made with: transform changed"


def test_images_that_are_gone_are_told_without_a_network(store: FeatureStore, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "challenge")
    assert reason(tmp_path) == f"{tmp_path / 'challenge'} is not a folder"


def test_images_of_other_ids_are_told(
    store: FeatureStore, subject: Subject, tmp_path: Path, network: list[Backbone]
) -> None:
    last = subject.test_stimuli[-1].path
    last.rename(last.with_name("test-0006_nsd-09999.png"))
    assert "holds other images" in reason(tmp_path)


def test_an_image_with_another_content_is_no_fault_of_the_store(
    store: FeatureStore, subject: Subject, tmp_path: Path, network: list[Backbone]
) -> None:
    Image.fromarray(np.full((40, 40, 3), 200, np.uint8)).save(subject.stimuli[0].path)
    assert reason(tmp_path) == "the images are no longer those that it was made from"


def test_images_elsewhere_are_read_where_they_were(subject: Subject, tmp_path: Path, network: list[Backbone]) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    lines = ["file,nsd_id"]
    for stimulus in subject.stimuli:
        with Image.open(stimulus.path) as image:
            image.rotate(90).save(folder / f"{stimulus.nsd_id}.png")
        lines.append(f"{stimulus.nsd_id}.png,{stimulus.nsd_id}")
    (folder / "ids.csv").write_text("\n".join(lines))
    extract(subject, stand_in(), tmp_path / "cache", Passage(), images=open_images(subject, folder))
    assert verdicts(tmp_path) == [True, True]
    shutil.rmtree(folder)
    assert reason(tmp_path) == f"{folder} is missing"


@pytest.mark.parametrize("model", ["python:mine:net", "torchhub:some/one:net"])
def test_code_that_a_store_names_runs_only_where_it_is_trusted(
    subject: Subject, tmp_path: Path, network: list[Backbone], model: str
) -> None:
    network[0] = replace(network[0], model=model)
    extract_one(subject, network[0], tmp_path / "cache")
    assert reason(tmp_path) == f"{model} is code that would run here: trust_remote_code=True allows it"
    assert [one.agrees for one in audit(tmp_path, trust_code=True) if isinstance(one, Sample)] == [True, True]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("weights") / "alexnet.pth"
    torch.save({n: t for n, t in torchvision.models.alexnet().state_dict().items() if n.startswith("features")}, path)
    return path


@pytest.fixture
def layers(subject: Subject, tmp_path: Path, checkpoint: Path) -> Iterator[Path]:
    """Two layers of a real network in a cache; yields its checkpoint, to be spoilt."""
    own = tmp_path / "own.pth"
    shutil.copy(checkpoint, own)
    backbone = load_backbone("alexnet", ["features.0", "features.2"], str(own))
    extract(subject, backbone, tmp_path / "cache")
    return own


def test_a_network_is_built_once_for_all_of_its_layers(
    layers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def load(*words: Any, **options: Any) -> Backbone:
        asked.append(words)
        return load_backbone(*words, **options)

    monkeypatch.setattr("algocli.features.networks.backbones.load_backbone", load)
    assert verdicts(tmp_path) == [True] * 4
    assert asked == [("alexnet", ["features.0", "features.2"], str(layers), "cpu")]


def test_a_checkpoint_that_has_changed_is_told(layers: Path, tmp_path: Path) -> None:
    state = torch.load(layers, weights_only=True)
    state["features.0.bias"] += 1
    torch.save(state, layers)
    reasons = [one.reason for one in audit(tmp_path) if isinstance(one, NotRecomputed)]
    assert reasons == [f"the weights '{layers}' of alexnet are no longer those that it was made with"] * 2


def test_a_checkpoint_that_is_gone_is_told(layers: Path, tmp_path: Path) -> None:
    layers.unlink()
    reasons = [one.reason for one in audit(tmp_path) if isinstance(one, NotRecomputed)]
    assert reasons == [f"there is no weights file {layers}"] * 2


def test_a_subject_that_the_data_folder_lacks_is_told(
    store: FeatureStore, tmp_path: Path, network: list[Backbone]
) -> None:
    (tmp_path / "challenge/subj01").rename(tmp_path / "challenge/subj02")
    assert "has no subject 1" in reason(tmp_path)
    assert Challenge(tmp_path / "challenge").subject_ids == (2,)
