"""Names of networks as people write them, each answered with one that can be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from algocli.errors import UsageError
from algocli.features.networks.building import build_network
from algocli.features.networks.names import canonical, meant_by
from algocli.features.store.kinds import Kind, is_of
from algocli.pipeline.sweep_grid import entries_of

SOME = [
    *("alexnet", "resnet50", "vgg16", "vgg16_bn", "vit_b_16", "efficientnet_b0", "inception_v3", "timm/resnet50"),
    *("timm/resnet50.a1_in1k", "timm/vit_base_patch14_dinov2", "timm/vit_base_patch14_dinov2.lvd142m"),
    *("timm/vit_small_patch16_224", "timm/vit_small_patch16_224.dino", "timm/vit_base_patch32_clip_224"),
]


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("ResNet50", "resnet50"),
        ("resnet-50", "resnet50"),
        ("microsoft/resnet-50", "resnet50"),
        ("torchvision.models.vgg16", "vgg16"),
        ("torchvision:vgg16", "vgg16"),
        ("VGG-16-BN", "vgg16_bn"),
        ("ViT-B/16", "vit_b_16"),
        ("EfficientNetB0", "efficientnet_b0"),
        ("InceptionV3", "inception_v3"),
        ("alexnt", "alexnet"),
        ("timm:resnet50", "timm/resnet50"),
        ("resnet50.a1_in1k", "timm/resnet50.a1_in1k"),
        ("hf-hub:timm/resnet50.a1_in1k", "timm/resnet50.a1_in1k"),
        ("https://huggingface.co/timm/resnet50.a1_in1k", "timm/resnet50.a1_in1k"),
        ("vit_small_patch16_224", "timm/vit_small_patch16_224"),
        ("dinov2", "timm/vit_base_patch14_dinov2"),
        ("facebook/dinov2-base", "timm/vit_base_patch14_dinov2"),
        ("dinov2_vitb14", "timm/vit_base_patch14_dinov2"),
        ("dino_vits16", "timm/vit_small_patch16_224.dino"),
        ("openai/clip-vit-base-patch32", "timm/vit_base_patch32_clip_224"),
        ("open_clip:ViT-B-32", "timm/vit_base_patch32_clip_224"),
    ],
)
def test_the_first_name_answered_is_the_one_meant(word: str, name: str) -> None:
    assert meant_by(word, SOME)[0] == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("timm:resnet10t.c3_in1k", "timm/resnet10t.c3_in1k"),
        ("timm/resnet10t", "timm/resnet10t"),
        ("hf/facebook/dinov2-base", "hf:facebook/dinov2-base"),
        ("open-clip:ViT-B-32:openai", "open_clip:ViT-B-32/openai"),
        ("torchvision:alexnet", "torchvision/alexnet"),
        ("torchhub:a/b:main:net", "torchhub:a/b:main:net"),
        ("python/mynets:tiny", "python:mynets:tiny"),
        ("timmy:net", "timmy:net"),
        ("alexnet", "alexnet"),
    ],
)
def test_however_a_source_and_a_name_are_joined_it_is_one_network(written: str, name: str) -> None:
    assert canonical(written) == canonical(canonical(written)) == name


def test_features_made_under_one_spelling_are_there_under_the_other() -> None:
    kind = Kind({"model": "timm/resnet10t", "weights": "c3_in1k", "layer": "conv1"})
    assert all(is_of(kind, f"timm{sign}resnet10t{tag}") for sign in ":/" for tag in ("", ".c3_in1k"))
    assert is_of(Kind({"model": "alexnet", "weights": "pretrained", "layer": "features.2"}), "torchvision/alexnet")
    assert entries_of(["timm:resnet10t"], {}) == entries_of(["timm/resnet10t"], {})
    with pytest.raises(UsageError, match="timm/resnet10t is named twice"):
        entries_of(["timm:resnet10t", "timm/resnet10t"], {})


def test_a_word_like_none_is_answered_with_none() -> None:
    assert meant_by("q", SOME) == meant_by("", SOME) == []


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("hf-hub:timm/resnet10t.c3_in1k", r"no network is called '.*' \(did you mean timm/resnet10t\.c3_in1k\?\)"),
        ("resnet10t", r"torchvision has no classifier 'resnet10t' \(did you mean timm/resnet10t\?\)"),
        ("timm/dinov2", r"timm has no network 'dinov2' \(did you mean timm/vit_\w+_dinov2 or "),
    ],
)
def test_a_name_that_cannot_be_built_is_answered_with_one_that_can(word: str, said: str) -> None:
    pytest.importorskip("timm")
    with pytest.raises(UsageError, match=said) as caught:
        build_network(word, "random")
    assert "algocli models" in str(caught.value.hint)


def test_a_file_in_a_networks_place_is_told_where_files_go(tmp_path: Path) -> None:
    (tmp_path / "mine.pth").touch()
    with pytest.raises(UsageError, match="no network is called") as caught:
        build_network(str(tmp_path / "mine.pth"))
    assert caught.value.hint is not None
    assert "name the network that it is of, and the file with weights=..." in caught.value.hint


def test_a_sweeps_file_in_the_place_of_a_network_is_told_where_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text("")
    with pytest.raises(UsageError) as caught:
        build_network(str(path))
    assert caught.value.hint == f"{path} is a file: of a sweep, it is named with file=..."
