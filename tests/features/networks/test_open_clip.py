"""Image towers of open_clip, small and drawn, held against the library's own forward pass with hooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from algocli.errors import DataError, UsageError
from algocli.features.networks.backbones import load_backbone
from algocli.features.networks.offers import list_offers
from algocli.features.networks.probing import probe_pixels

open_clip = pytest.importorskip("open_clip", reason="open_clip, whose networks these are, is not installed")

MODEL = "open_clip:ViT-B-32"
CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 8, "vocab_size": 50, "width": 16, "heads": 2, "layers": 1},
}
LAYERS = ["conv1", "ln_pre", "transformer.resblocks.0", "transformer.resblocks.1", "ln_post"]


@pytest.fixture
def whole() -> Any:
    torch.manual_seed(0)
    return open_clip.CLIP(**CONFIG)


@pytest.fixture
def folder(whole: Any, tmp_path: Path) -> Path:
    """Write a folder as the hub has it of a network, both towers in one file."""
    prepared = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "resize_mode": "squash", "interpolation": "bicubic"}
    settings = {"model_cfg": CONFIG, "preprocess_cfg": prepared}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(settings))
    torch.save(whole.state_dict(), tmp_path / "open_clip_pytorch_model.bin")
    return tmp_path


def test_layers_are_those_of_hooks_on_the_librarys_own_forward_pass(whole: Any, folder: Path) -> None:
    said: list[str] = []
    backbone = load_backbone(MODEL, LAYERS, str(folder), note=said.append)
    assert "tensors under 'visual.'" in said[-1]
    assert backbone.transform.words == "32 x 32 squeezed, bicubic, mean 0.5, std 0.25"
    kept: dict[str, torch.Tensor] = {}
    for layer in LAYERS:
        whole.visual.get_submodule(layer).register_forward_hook(
            lambda _module, _inputs, output, layer=layer: kept.update({layer: output.clone()})
        )
    pixels = torch.from_numpy(probe_pixels(32))
    with torch.inference_mode():
        whole.eval().encode_image((pixels.permute(0, 3, 1, 2) / 255 - 0.5) / 0.25)
        yielded = backbone(pixels)
    for layer in LAYERS:
        torch.testing.assert_close(yielded[layer], kept[layer], rtol=0, atol=1e-5)
    words = {layer.name: layer.tokens and layer.tokens.words(layer.shape) for layer in backbone.layers}
    assert words["conv1"] == "4 x 4 tokens x 64"
    assert words["transformer.resblocks.1"] == "1 + 4 x 4 tokens x 64"


def test_keys_differ_with_weights_and_images_may_have_another_size(whole: Any, folder: Path, tmp_path: Path) -> None:
    block = "transformer.resblocks.1"
    first = load_backbone(MODEL, [block], str(folder))
    torch.save({f"module.{name}": tensor for name, tensor in whole.state_dict().items()}, tmp_path / "again.bin")
    (tmp_path / "open_clip_pytorch_model.bin").rename(tmp_path / "kept.pth")
    with pytest.raises(DataError, match="holds several checkpoints"):
        load_backbone(MODEL, [block], str(folder))
    (tmp_path / "kept.pth").unlink()
    assert load_backbone(MODEL, [block], str(folder)).identity(block) == first.identity(block)
    whole.visual.transformer.resblocks[1].ln_1.weight.data += 1
    torch.save(whole.state_dict(), tmp_path / "again.bin")
    larger = load_backbone(MODEL, [block], str(folder), image_size=48)
    assert larger.weights_digests != first.weights_digests
    (layer,) = larger.layers
    assert layer.shape == (37, 64)


def test_without_the_name_of_weights_they_are_listed_and_a_wrong_one_is_met_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="has weights of several names: openai"):
        load_backbone(MODEL, ["conv1"])
    with pytest.raises(UsageError, match=r"has no weights 'opnai' .did you mean openai"):
        load_backbone(f"{MODEL}/opnai", ["conv1"])
    with pytest.raises(UsageError, match=r"open_clip has no architecture 'ViT-B32' .did you mean open_clip:ViT-B-32"):
        load_backbone("open_clip:ViT-B32", ["conv1"])
    with pytest.raises(UsageError, match=r"no architecture 'ViT-B-33' .did you mean open_clip:ViT-B-32"):
        load_backbone("open_clip:ViT-B-33:openai", ["conv1"])
    (offer,) = list_offers("open_clip:ViT-B-32-256")
    assert "open_clip:ViT-B-32-256/datacomp_s34b_b86k" in offer.spellings


def test_pretrained_weights_are_what_the_library_downloads_run_as_they_were_trained(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No network here: the library's function that downloads gives a file of this disk."""
    asked: list[str] = []

    def download(settings: dict[str, Any]) -> str:
        asked.append(settings["hf_hub"])
        return str(folder / "open_clip_pytorch_model.bin")

    monkeypatch.setattr("open_clip.pretrained.download_pretrained", download)
    monkeypatch.setattr(open_clip, "get_model_config", lambda _name: json.loads(json.dumps(CONFIG)))
    backbone = load_backbone(f"{MODEL}/openai", ["transformer.resblocks.0"])
    assert asked == ["timm/vit_base_patch32_clip_224.openai/"]
    assert backbone.computation["arguments"]["quick_gelu"] is True
    assert backbone.weights == "openai"
    assert backbone.transform.words.startswith("shorter side 32, centre 32, bicubic, mean 0.481/")


def test_where_nothing_answers_the_command_that_fetches_them_elsewhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "algocli.features.networks.hub.unreachable", lambda hosts: dict.fromkeys(hosts, "name or service not known")
    )
    with pytest.raises(DataError, match=r"cannot be downloaded: .* is out of reach") as refusal:
        load_backbone(f"{MODEL}/laion2b_e16", ["conv1"])
    assert "algocli fetch-weights open_clip:ViT-B-32/laion2b_e16 --to DIR" in str(refusal.value.hint)
