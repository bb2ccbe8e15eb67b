"""Networks of transformers, small and drawn, from folders: held against the library's own forward pass with hooks."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from algocli.errors import DataError, UsageError
from algocli.features.networks.backbones import Backbone, list_layers, load_backbone
from algocli.features.networks.probing import probe_pixels
from algocli.features.networks.stated import of_processor
from algocli.features.store.commands import request_of

transformers = pytest.importorskip("transformers", reason="transformers, whose networks these are, is not installed")

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "image_size": 32,
    "patch_size": 8,
}
TEXT = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 50,
    "bos_token_id": 0,
    "eos_token_id": 1,
}


@pytest.fixture(autouse=True)
def silent():
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def vit() -> Any:
    return transformers.ViTForImageClassification(transformers.ViTConfig(**SMALL))


def dinov2() -> Any:
    return transformers.Dinov2WithRegistersModel(transformers.Dinov2WithRegistersConfig(**SMALL, num_register_tokens=4))


def clip() -> Any:
    config = transformers.CLIPConfig(vision_config={**SMALL, "projection_dim": 8}, text_config=TEXT)
    return transformers.CLIPModel(config)


def swin() -> Any:
    return transformers.SwinModel(
        transformers.SwinConfig(
            image_size=32, patch_size=4, embed_dim=8, depths=[1, 2], num_heads=[2, 4], window_size=4
        )
    )


# Each with its part that takes images, and some layers with their shapes and tokens.
KINDS: dict[str, tuple[Callable[[], Any], str, dict[str, str | None]]] = {
    "vit": (vit, "vit", {"embeddings": "1 + 4 x 4", "layers.0": "1 + 4 x 4", "layers.1.attention": "1 + 4 x 4"}),
    "dinov2 with registers": (dinov2, "", {"encoder.layer.1": "1 + 4 + 4 x 4", "layernorm": "1 + 4 + 4 x 4"}),
    "clip": (clip, "vision_model", {"encoder.layers.0": "1 + 4 x 4", "encoder": "1 + 4 x 4", "post_layernorm": None}),
    "swin": (swin, "", {"encoder.layers.0.blocks.0": "8 x 8", "encoder.layers.1.blocks.1": "4 x 4"}),
}


def written(model: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder


def by_hooks(network: torch.nn.Module, layers: list[str], images: torch.Tensor) -> dict[str, torch.Tensor]:
    kept: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            # Attention yields its weights too, a block of Swin's the size of its grid, an encoder a record.
            kept[name] = (output if isinstance(output, torch.Tensor) else output[0]).clone()

        return hook

    for layer in layers:
        network.get_submodule(layer).register_forward_hook(keep(layer))
    with torch.inference_mode():
        network.eval()(images)
    return kept


def assert_as_by_hooks(backbone: Backbone, network: torch.nn.Module) -> None:
    pixels = torch.from_numpy(probe_pixels(32))
    mean, std = (torch.tensor(value)[:, None, None] for value in (backbone.transform.mean, backbone.transform.std))
    images = (pixels.permute(0, 3, 1, 2).to(torch.float32) / 255 - mean) / std
    names = [layer.name for layer in backbone.layers]
    expected = by_hooks(network, names, images)
    with torch.inference_mode():
        yielded = backbone(pixels)
    assert list(yielded) == names
    for name in names:
        torch.testing.assert_close(yielded[name], expected[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_those_of_hooks_on_the_librarys_own_forward_pass(kind: str, tmp_path: Path) -> None:
    make, part, tokens = KINDS[kind]
    torch.manual_seed(3)
    model = make()
    backbone = load_backbone(f"hf:{written(model, tmp_path)}", list(tokens))
    assert_as_by_hooks(backbone, model.get_submodule(part))
    words = {layer.name: layer.tokens and layer.tokens.words(layer.shape) for layer in backbone.layers}
    told = {name: said and said.partition(" tokens")[0] for name, said in words.items()}
    assert told == tokens


def test_keys_differ_with_weights_and_not_with_the_folder(tmp_path: Path) -> None:
    model = vit()
    first = load_backbone(f"hf:{written(model, tmp_path / 'a')}", ["layers.1"])
    again = load_backbone(f"hf:{tmp_path / 'a'}", ["layers.1"], str(written(model, tmp_path / "b")))
    other = load_backbone(f"hf:{written(vit(), tmp_path / 'c')}", ["layers.1"])
    assert first.identity("layers.1") == again.identity("layers.1") != other.identity("layers.1")


def test_one_folder_in_parts_in_half_precision_or_of_another_names_prefix_is_the_same(tmp_path: Path) -> None:
    model = vit()
    state = {name: tensor.half().float() for name, tensor in model.state_dict().items()}
    model.load_state_dict(state)
    whole = load_backbone(f"hf:{written(model, tmp_path / 'whole')}", ["layers.1"])
    model.save_pretrained(tmp_path / "parts", max_shard_size="20KB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 2
    model.half().save_pretrained(tmp_path / "half")
    wrapped = {"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in model.state_dict().items()}}
    torch.save(wrapped, tmp_path / "trained.pth")
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "config.json").write_bytes((tmp_path / "whole/config.json").read_bytes())
    torch.save(state, bare / "pytorch_model.bin")
    precision = "kept in float16, computed with in float32"
    for weights, words in {
        "parts": "",
        "half": precision,
        "bin": "",
        "trained.pth": f"'state_dict/module.'; {precision}",
    }.items():
        said: list[str] = []
        same = load_backbone(f"hf:{tmp_path / 'whole'}", ["layers.1"], str(tmp_path / weights), note=said.append)
        assert same.weights_digests == whole.weights_digests, weights
        assert [text for text in said if text.startswith("weights of")][1:] == []
        assert any(text.startswith("weights of") and text.endswith(words) for text in said) == bool(words), weights


def test_how_images_are_prepared_is_what_the_folder_says(tmp_path: Path) -> None:
    said: list[str] = []
    folder = written(clip(), tmp_path)
    unsaid = load_backbone(f"hf:{folder}", ["encoder.layers.0"], note=said.append)
    assert (unsaid.asks_for, unsaid.transform.size) == (None, 32)
    assert "nothing is known of how it was trained" in said[-1]
    size = {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}}
    transformers.CLIPImageProcessor(**size).save_pretrained(folder)
    said.clear()
    backbone = load_backbone(f"hf:{folder}", ["encoder.layers.0"], note=said.append)
    assert said == []
    assert backbone.transform.words.startswith("shorter side 40, centre 32, bicubic, mean 0.481/")
    assert backbone.identity("encoder.layers.0") != unsaid.identity("encoder.layers.0")
    # As the library prepares an image that needs no resize.
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    theirs = transformers.AutoImageProcessor.from_pretrained(folder)(image, return_tensors="pt")["pixel_values"]
    ours = backbone.transform.normalise(torch.from_numpy(image[4:36, 4:36].copy())[None])
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "384 x 384 squeezed, bicubic, mean 0.5, std 0.5"),
        ({"size": {"shortest_edge": 224}}, "shorter side 256, centre 224, bicubic, mean 0.5, std 0.5"),
        ({"do_rescale": False}, None),
        ({"do_pad": True}, None),
        ({"image_processor_type": "LevitImageProcessor"}, None),
    ],
)
def test_settings_of_a_processor_are_followed_to_the_letter_or_not_at_all(changed: Any, words: str | None) -> None:
    settings = transformers.ConvNextImageProcessor().to_dict() | changed
    told = of_processor(settings)
    assert (told and told.words) == words


def test_a_kind_is_drawn_from_its_usual_settings_by_a_seed() -> None:
    drawn = [load_backbone("hf:resnet", ["embedder"], f"random:{seed}") for seed in (1, 1, 2)]
    first, again, other = (backbone.weights_digests["embedder"] for backbone in drawn)
    assert first == again != other


def test_images_of_another_size_have_positions_interpolated(tmp_path: Path) -> None:
    model = vit()
    backbone = load_backbone(f"hf:{written(model, tmp_path)}", ["layers.1"], image_size=48)
    (layer,) = backbone.layers
    assert layer.tokens is not None
    assert (layer.shape, layer.tokens.grid) == ((37, 32), (6, 6))
    pixels = torch.from_numpy(probe_pixels(48))
    with torch.inference_mode():
        images = backbone.transform.normalise(pixels)
        told = model.vit(images, interpolate_pos_encoding=True, output_hidden_states=True)
        torch.testing.assert_close(backbone(pixels)["layers.1"], told.hidden_states[2], rtol=0, atol=1e-5)


def test_code_of_a_folder_runs_only_where_that_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    from safetensors.torch import save_file

    model = vit()
    folder = written(model, tmp_path / "net")
    save_file(model.vit.state_dict(), folder / "model.safetensors")
    (folder / "own.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n"
        "from transformers import ViTConfig, ViTModel\nclass Own(ViTConfig):\n    model_type = 'own'\n"
        "class OwnModel(ViTModel):\n    config_class = Own\n"
    )
    settings = json.loads((folder / "config.json").read_text())
    settings |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.OwnModel"}}
    (folder / "config.json").write_text(json.dumps(settings))
    for call in (load_backbone, list_layers):
        with pytest.raises(UsageError, match="runs code of its own on this machine") as refusal:
            call(f"hf:{folder}", *([["layers.1"]] if call is load_backbone else []))
        assert "trust_remote_code=True" in str(refusal.value.hint)
    with pytest.raises(UsageError, match="runs code of its own"):
        load_backbone("hf:vit", ["layers.1"], str(folder))
    assert not (tmp_path / "ran").exists()
    backbone = load_backbone(f"hf:{folder}", ["layers.1"], trust_remote_code=True)
    assert (tmp_path / "ran").exists()
    # Code that is not the library's is a part of the key.
    assert {"code", "probe"} <= backbone.identity("layers.1").keys()


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_a_pickle_in_a_folder_is_not_run(tmp_path: Path) -> None:
    folder = written(vit(), tmp_path / "net")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Evil(tmp_path / "ran")}))
    with pytest.raises(DataError, match="no checkpoint that can be read without running its code"):
        load_backbone(f"hf:{folder}", ["layers.1"])
    assert not (tmp_path / "ran").exists()


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def drop(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def spoil(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def reshape(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    name = next(name for name in state if name.endswith(("intermediate.dense.weight", "fc1.weight")))
    save_file({**state, name: torch.zeros(3, 3)}, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (cut, "no sound safetensors file"),
        (drop, "holds no weights"),
        (spoil, "cannot be read as JSON"),
        (reshape, "lacks|another architecture"),
    ],
)
def test_what_is_wrong_with_a_folder_is_one_sentence(harm: Callable[[Path], None], told: str, tmp_path: Path) -> None:
    folder = written(vit(), tmp_path)
    harm(folder)
    with pytest.raises(DataError, match=told) as refusal:
        load_backbone(f"hf:{folder}", ["layers.1"])
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "weights", "told"),
    [
        ("hf:vit", "pretrained", "is a kind of network, of which there are many weights"),
        ("hf:dinov", "random", "knows no 'dinov' .did you mean dinov2"),
        ("hf:bert", "random", "is no network of images"),
        ("hf:./nowhere", "random", "there is no folder nowhere"),
        ("hf:siglip2_vision_model", "random", "takes more than an image"),
        ("hf:vit", "other", "has no weights 'other'"),
    ],
)
def test_names_that_mean_nothing_are_refused(name: str, weights: str, told: str) -> None:
    with pytest.raises((UsageError, DataError), match=told):
        load_backbone(name, ["layers.1"], weights)


def test_names_of_timms_are_not_converted_but_told(tmp_path: Path) -> None:
    torch.save({f"blocks.{n}.attn.qkv.weight": torch.zeros(96, 32) for n in (0, 1)}, tmp_path / "timm.pth")
    with pytest.raises(DataError, match="calls its tensors as timm does, and this network is transformers's"):
        load_backbone(f"hf:{written(vit(), tmp_path / 'net')}", ["layers.1"], str(tmp_path / "timm.pth"))


def test_a_record_of_such_features_asks_for_the_same_again(tmp_path: Path) -> None:
    backbone = load_backbone(f"hf:{written(vit(), tmp_path)}", ["layers.1"])
    named = {"model": backbone.model, "weights": "pretrained", "layer": "layers.1", "asks_for": None}
    request = request_of({**named, "identity": backbone.identity("layers.1")})
    again = load_backbone(backbone.model, ["layers.1"], request.weights, transform=request.transform)
    assert again.identity("layers.1") == backbone.identity("layers.1")
