"""Extraction: the right numbers in the right rows, and a sentence for everything that can go wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.images import read_image
from algocli.errors import DataError
from algocli.features.networks.backbones import load_backbone
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import extract_one as extract
from tests.features.by_hand import store_digest
from tests.features.stand_in import SIZE, stand_in

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture(autouse=True)
def _several_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """27 images are 7 shards."""
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 4)


def by_hand(path: Path, gain: float = 1.0) -> NDArray[np.float64]:
    """Compute the stand-in's features of one file: 4 x 4 patches times sines, without torch."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR))
    x = (pixels / 255 - MEAN) / STD
    weights = gain * np.sin(1 + np.arange(5 * 3 * 4 * 4)).reshape(5, 3, 4, 4)
    side = SIZE // 4
    patches = x.reshape(side, 4, side, 4, 3)
    return np.einsum("iyjxc,kcyx->kij", patches, weights).ravel()


def test_every_row_holds_the_features_of_its_image(shared_subject: Subject, tmp_path: Path) -> None:
    store = extract(shared_subject, stand_in(), tmp_path, dtype="float32")
    expected = np.stack([by_hand(stimulus.path) for stimulus in shared_subject.stimuli])
    assert store.complete
    assert store.read().dtype == np.float32
    np.testing.assert_allclose(store.read(), expected, atol=1e-4)


def test_training_rows_come_first(shared_subject: Subject, tmp_path: Path) -> None:
    store = extract(shared_subject, stand_in(), tmp_path, dtype="float32")
    n_train = len(shared_subject.train_stimuli)
    assert store.n_stimuli == 27
    first_test = by_hand(shared_subject.test_stimuli[0].path)
    np.testing.assert_allclose(store.read(slice(n_train, n_train + 1))[0], first_test, atol=1e-4)


def test_half_precision_is_the_rounding_of_single(shared_subject: Subject, tmp_path: Path) -> None:
    single = extract(shared_subject, stand_in(), tmp_path, dtype="float32").read()
    half = extract(shared_subject, stand_in(), tmp_path, dtype="float16").read()
    np.testing.assert_array_equal(half, single.astype(np.float16))


def test_a_real_network_fills_the_store_with_its_flattened_features(shared_subject: Subject, tmp_path: Path) -> None:
    backbone = load_backbone("squeezenet1_1", ["features.0"], "random:3")
    store = extract(shared_subject, backbone, tmp_path, dtype="float32", batch_size=5)
    stack = torch.from_numpy(np.stack([backbone.transform.resize(read_image(s.path)) for s in shared_subject.stimuli]))
    with torch.inference_mode():
        expected = torch.flatten(backbone(stack)["features.0"], 1).numpy()
    assert (expected < 0).any()
    np.testing.assert_array_equal(store.read(), expected)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 32])
def test_the_batch_size_changes_no_byte(shared_subject: Subject, tmp_path: Path, batch_size: int) -> None:
    reference = extract(shared_subject, stand_in(), tmp_path / "reference")
    store = extract(shared_subject, stand_in(), tmp_path / "other", batch_size=batch_size)
    assert store_digest(store.folder) == store_digest(reference.folder)


def test_a_second_extraction_finds_the_work_done(shared_subject: Subject, tmp_path: Path) -> None:
    store = extract(shared_subject, stand_in(), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (store.folder / "features.zarr").rglob("*")}
    notes: list[str] = []
    backbone = stand_in()
    backbone.network.forward = None  # type: ignore[method-assign, assignment]
    extract(shared_subject, backbone, tmp_path, note=notes.append)
    assert notes == [f"subject 1: {store.folder.parent.name} is complete, nothing to do"]
    assert {path: path.stat().st_mtime_ns for path in (store.folder / "features.zarr").rglob("*")} == before


def test_only_what_is_missing_is_passed_through_the_network(shared_subject: Subject, tmp_path: Path) -> None:
    store = extract(shared_subject, stand_in(), tmp_path)
    whole = store_digest(store.folder)
    for shard in (store.shards[1], store.shards[6]):
        store.forget(shard)
    seen: list[int] = []
    backbone = stand_in()
    backbone.tried.add(("cpu", "float32"))
    forward = backbone.network.forward

    def counted(images: torch.Tensor) -> dict[str, Any]:
        seen.append(len(images))
        return forward(images)  # type: ignore[no-any-return]

    backbone.network.forward = counted  # type: ignore[method-assign]
    notes: list[str] = []
    extract(shared_subject, backbone, tmp_path, note=notes.append)
    assert sum(seen) == 4 + 3
    assert notes[0].endswith(": 20 of 27 images are done already")
    assert store_digest(store.folder) == whole


def test_the_display_counts_the_images_that_are_left_and_sees_their_end(
    shared_subject: Subject, tmp_path: Path
) -> None:
    ended: list[tuple[str, int, int]] = []

    def track(items: Any, *, total: int, label: str, unit: str = "") -> Any:
        n = 0
        for item in items:
            yield item
            n += 1
        ended.append((label, total, n))

    store = extract(shared_subject, stand_in(), tmp_path, track=track)
    store.forget(store.shards[0])
    extract(shared_subject, stand_in(), tmp_path, track=track)
    counts = [(total, n) for label, total, n in ended if label == "subject 1: features"]
    assert counts == [(27, 27), (4, 4)]


def test_a_greyscale_image_among_the_others_is_converted(subject: Subject, tmp_path: Path) -> None:
    path = subject.train_stimuli[5].path
    with Image.open(path) as image:
        image.convert("L").save(path)
    store = extract(subject, stand_in(), tmp_path / "cache", dtype="float32")
    np.testing.assert_allclose(store.read(slice(5, 6))[0], by_hand(path), atol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 32])
def test_a_truncated_image_is_named_and_what_is_finished_stays(
    subject: Subject, tmp_path: Path, batch_size: int
) -> None:
    expected = store_digest(extract(subject, stand_in(), tmp_path / "sound").folder)
    path = subject.train_stimuli[14].path
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(DataError, match=path.name):
        extract(subject, stand_in(), tmp_path / "cache", batch_size=batch_size)
    (folder,) = (tmp_path / "cache" / "features").glob("*/subj01-*")
    broken = FeatureStore(folder)
    # Row 14 lies in the fourth shard.
    assert [shard.index for shard in broken.pending()] == [3, 4, 5, 6]
    assert list(broken.damaged()) == []
    path.write_bytes(content)
    mended = extract(subject, stand_in(), tmp_path / "cache", batch_size=batch_size)
    # Mended, it is another set of images; the finished rows belong to the broken one.
    assert mended.folder != folder
    assert store_digest(mended.folder) == expected


def test_an_image_that_cannot_be_read_for_a_while_costs_only_its_shard(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = store_digest(extract(subject, stand_in(), tmp_path / "sound").folder)
    backbone, unlucky = stand_in(), subject.train_stimuli[14].path

    def fail(path: Path) -> Any:
        if path == unlucky:
            raise DataError(f"{path} cannot be read: input/output error")
        return read_image(path)

    with monkeypatch.context() as patch:
        patch.setattr("algocli.dataset.images.read_image", fail)
        with pytest.raises(DataError, match=unlucky.name):
            extract(subject, backbone, tmp_path / "cache")
    notes: list[str] = []
    store = extract(subject, backbone, tmp_path / "cache", note=notes.append)
    assert notes[0].endswith(": 12 of 27 images are done already")
    assert store_digest(store.folder) == expected


def test_a_feature_beyond_float16_is_refused_with_the_layer_and_the_remedy(
    shared_subject: Subject, tmp_path: Path
) -> None:
    backbone = stand_in(gain=20_000.0)
    with pytest.raises(DataError, match=r"layer edges goes beyond what float16 holds \(65504\)") as caught:
        extract(shared_subject, backbone, tmp_path)
    assert "dtype='float32'" in str(caught.value.hint)
    assert shared_subject.stimuli[0].path.name in caught.value.message
    store = extract(shared_subject, backbone, tmp_path, dtype="float32")
    assert np.abs(store.read()).max() > 65504
    expected = by_hand(shared_subject.stimuli[2].path, 20_000.0)
    np.testing.assert_allclose(store.read(slice(2, 3))[0], expected, rtol=1e-4, atol=1)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_feature_that_is_not_finite_is_refused_with_its_image(
    shared_subject: Subject, tmp_path: Path, bad: float, dtype: Any
) -> None:
    backbone = stand_in()
    forward = backbone.network.forward
    pixels = torch.from_numpy(backbone.transform.resize(read_image(shared_subject.stimuli[9].path)).copy())[None]
    unlucky = backbone.transform.normalise(pixels)

    def spoil(images: torch.Tensor) -> dict[str, torch.Tensor]:
        output = forward(images)["edges"]
        output[(images == unlucky).flatten(1).all(dim=1), 4, 7, 7] = bad
        return {"edges": output}

    backbone.network.forward = spoil  # type: ignore[method-assign]
    with pytest.raises(DataError, match=f"layer edges .*{shared_subject.stimuli[9].path.name}"):
        extract(shared_subject, backbone, tmp_path, dtype=dtype)
    (folder,) = (tmp_path / "features").glob("*/subj01-*")
    assert {shard.index for shard in FeatureStore(folder).pending()} >= {2}


@pytest.mark.parametrize("value", [65504.0, -65504.0, 6e-8, 0.0])
def test_the_largest_and_smallest_numbers_of_float16_are_finite(value: float) -> None:
    from algocli.features.store.finite import finite_rows

    rows = np.full((2, 3), value, np.float16)
    assert finite_rows(rows).tolist() == [True, True]
    rows[1, 2] = np.nan
    assert finite_rows(rows).tolist() == [True, False]


def test_the_manifest_says_what_the_features_are(shared_subject: Subject, tmp_path: Path) -> None:
    store = extract(shared_subject, stand_in(), tmp_path)
    manifest = json.loads((store.folder / "manifest.json").read_text())
    assert manifest["shape"] == [27, 320]
    assert manifest["dtype"] == "float16"
    assert manifest["identity"]["layer"] == "edges"
    assert manifest["identity"]["post"] == "flatten"
    assert manifest["provenance"]["subject"] == 1
    assert manifest["provenance"]["shape"] == [5, 8, 8]
    assert manifest["provenance"]["versions"]["torch"] == torch.__version__
