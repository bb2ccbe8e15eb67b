"""Tokens, and attention's projections of them, against plain forward passes with hooks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from numpy.typing import NDArray

from algocli.errors import UsageError
from algocli.features.networks.backbones import Backbone, load_backbone
from algocli.features.networks.listing import list_names
from algocli.features.networks.probing import probe_pixels
from algocli.features.networks.tokens import Tokens, check_tokens
from algocli.features.reduction import Reducer, Reduction
from tests.support import transformers

FLOAT32 = np.dtype("float32")
# Of each network a block, the places of its class tokens and of its registers, and the side of its grid.
BLOCKS: dict[str, tuple[str, list[int], list[int], int]] = {
    "dinov2": ("blocks.1", [0], [1, 2, 3, 4], 4),
    "clip": ("blocks.1", [0], [], 3),
    "distilled": ("blocks.0", [0, 1], [], 3),
    "classless": ("blocks.1", [], [], 3),
    "as_many": ("blocks.1", [], [], 4),
    "eva": ("blocks.0", [0], [], 4),
    "dinov3": ("blocks.1", [0], [1, 2, 3, 4], 4),
    "registered": ("blocks.1", [], [0], 4),
    "flexible": ("blocks.1", [], [0, 1, 2, 3], 3),
    "dynamic": ("blocks.1", [0], [], 3),
    "of_torchvision": ("encoder.layers.encoder_layer_1", [0], [], 3),
    "within": ("trunk.blocks.1", [0], [1, 2, 3, 4], 4),
    "featured": ("trunk.blocks.1", [0], [], 3),
}
GRIDS = {
    "swin": {"layers.0.blocks.1": 28, "layers.1.blocks.0": 14, "layers.1": 14, "patch_embed": 28},
    "swin_of_torchvision": {"features.1.1": 28, "features.2": 14, "features.3.0": 14, "norm": 14},
}


@cache
def opened(name: str, *layers: str, **how: Any) -> Backbone:
    return load_backbone(f"python:tests.support.transformers:{name}", layers, "random:1", **how)


def plain(build: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return build().eval()


def images(backbone: Backbone) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pixels, and the images that a network is fed, by their definition."""
    pixels = torch.from_numpy(probe_pixels(backbone.transform.size)[:3])
    mean, std = torch.tensor(backbone.transform.mean), torch.tensor(backbone.transform.std)
    return pixels, ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()


def hooked(network: torch.nn.Module, module: str, fed: torch.Tensor) -> NDArray[np.float32]:
    kept: list[torch.Tensor] = []
    handle = network.get_submodule(module).register_forward_hook(lambda _m, _i, output: kept.append(output.clone()))
    with torch.no_grad():
        network(fed)
    handle.remove()
    return kept[0].numpy()


def reduced(backbone: Backbone, **wish: Any) -> NDArray[np.float32]:
    pixels, _ = images(backbone)
    (layer,) = backbone.layers
    reduce = Reducer(layer, Reduction(**wish))
    with torch.inference_mode():
        rows = reduce(backbone(pixels)[layer.name], FLOAT32)
    assert rows.shape == (3, reduce.n_features) == (3, np.prod(reduce.shape))
    return rows


def pooled(grid: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """Average (n, rows, columns, numbers) over cells of a grid; where they do not divide it, they overlap by one."""
    side = grid.shape[1]
    edges = [(place * side // cells, -(-(place + 1) * side // cells)) for place in range(cells)]
    means = [grid[:, a:b, c:d].mean((1, 2)) for a, b in edges for c, d in edges]
    return np.stack(means, 1).reshape(len(grid), -1)


@pytest.mark.parametrize("name", BLOCKS)
def test_tokens_are_those_of_a_plain_forward_pass(name: str) -> None:
    block, classes, registers, side = BLOCKS[name]
    backbone = opened(name, block)
    output = hooked(plain(getattr(transformers, name)), block, images(backbone)[1])
    patches = output[:, len(classes) + len(registers) :]
    assert patches.shape[1] == side**2
    grid = patches.reshape(3, side, side, -1)

    def same(expected: NDArray[np.float32], **wish: Any) -> None:
        np.testing.assert_allclose(reduced(backbone, **wish), expected.reshape(3, -1), atol=1e-5, rtol=1e-5)

    same(output)
    same(output, tokens="all")
    same(patches, tokens="patches")
    same(patches.mean(1), tokens="mean")
    same(pooled(grid, 2), pool=2)
    same(
        np.concatenate([output[:, : len(classes) + len(registers)].reshape(3, -1), pooled(grid, 2)], 1),
        tokens="all",
        pool=2,
    )
    for part, places in {"class": classes, "registers": registers}.items():
        if places:
            same(output[:, places], tokens=part)
            same(
                np.concatenate([output[:, places].reshape(3, -1), pooled(grid, 2)], 1), tokens=f"patches+{part}", pool=2
            )
        else:
            with pytest.raises(UsageError, match=f"no {part}.*{side} x {side} patches"):
                reduced(backbone, tokens=part)


@pytest.mark.parametrize(("name", "layer"), [(name, layer) for name, grids in GRIDS.items() for layer in grids])
def test_a_layer_with_channels_last_is_pooled_over_rows_and_columns(name: str, layer: str) -> None:
    backbone, side = opened(name, layer), GRIDS[name][layer]
    output = hooked(plain(getattr(transformers, name)), layer, images(backbone)[1])
    assert output.shape[1:3] == (side, side)
    np.testing.assert_allclose(reduced(backbone, pool=7), pooled(output, 7), atol=1e-5)
    np.testing.assert_allclose(reduced(backbone, tokens="mean"), output.mean((1, 2)), atol=1e-5)
    with pytest.raises(UsageError, match="no class token"):
        reduced(backbone, tokens="class", pool=None)


@pytest.mark.parametrize("name", [name for name in (*BLOCKS, "swin") if name != "featured"])
def test_a_patch_of_the_image_changes_the_token_in_its_place(name: str) -> None:
    """Before the first block tokens have not met: which of them a patch changes is where it stands."""
    network = plain(getattr(transformers, name))
    backbone = opened(name, BLOCKS[name][0] if name in BLOCKS else "layers.0.blocks.0")
    told = backbone.layers[0].tokens
    assert told is not None
    _, fed = images(backbone)
    first = next(
        part for part in network.modules() if isinstance(part, torch.nn.LayerNorm) and part.weight.shape[0] < 25
    )
    kept: list[torch.Tensor] = []
    first.register_forward_pre_hook(lambda _m, inputs: kept.append(inputs[0].clone()))
    step = backbone.transform.size // told.grid[0]
    for row, column in [(0, 0), (0, 2), (2, 1)]:
        other = fed[:1].clone()
        other[:, :, row * step : (row + 1) * step, column * step : (column + 1) * step] += 1
        kept.clear()
        with torch.no_grad():
            network(torch.cat([fed[:1], other]))
        (change,) = Tokens(told.axes, told.grid, told.class_tokens, told.registers).by_token(kept[0].diff(dim=0))
        changed = (change.abs().amax(-1) > 1e-6).nonzero()[:, 0].tolist()
        assert changed == [told.patches[row * told.grid[1] + column]]


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("last", "blocks.0"),
        ("reordered", "trunk.blocks.0"),
        ("merged", "blocks.1"),
        ("clip", "head"),
        ("clip", "patch_embed.flatten"),
        ("swin", "layers.0.blocks.1.roll"),
        ("swin", "layers.1.blocks.0.attn.qkv"),
    ],
)
def test_where_tokens_cannot_be_told_that_is_said(name: str, layer: str) -> None:
    try:
        backbone = opened(name, layer)
    except UsageError as error:
        assert "one row of numbers an image" in str(error)  # noqa: PT017 - windows are no images either
        return
    shape = " x ".join(map(str, backbone.layers[0].shape))
    with pytest.raises(UsageError, match=f"{layer} .{shape}. has no tokens"):
        reduced(backbone, tokens="patches")


@pytest.mark.parametrize("words", ["", "cls", "all+class", "class+class", "class+", 3, "Class"])
def test_other_words_for_tokens_are_refused(words: object) -> None:
    with pytest.raises(UsageError, match="tokens="):
        check_tokens(words)


def test_a_grid_finer_than_that_of_patches_is_refused_and_so_is_one_without_patches() -> None:
    with pytest.raises(UsageError, match="no more than 3 x 3 patches"):
        reduced(opened("clip", "blocks.0"), pool=4)
    with pytest.raises(UsageError, match="keeps none of them"):
        Reduction(pool=2, tokens="class+mean")


ATTENTION = {
    "clip": "blocks.1.attn",
    "of_torchvision": "encoder.layers.encoder_layer_1.self_attention",
    "within": "trunk.blocks.0.attn",
}


@pytest.mark.parametrize("name", ATTENTION)
def test_query_key_and_value_make_what_attention_is_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reaches the product of attention is compared, so that how they are projected does not matter."""
    network, module = plain(getattr(transformers, name)), ATTENTION[name]
    backbone = opened(name, *(f"{module}:{word}" for word in ("query", "key", "value")))
    pixels, fed = images(backbone)
    part: Any = network.get_submodule(module)
    given: list[tuple[torch.Tensor, ...]] = []
    inside: list[bool] = [False]
    true = torch.nn.functional.scaled_dot_product_attention

    def heard(query: Any, key: Any, value: Any, *rest: Any, **named: Any) -> Any:
        if inside[0]:
            given.append((query, key, value))
        return true(query, key, value, *rest, **named)

    part.register_forward_pre_hook(lambda *_: inside.__setitem__(0, True))
    part.register_forward_hook(lambda *_: inside.__setitem__(0, False))
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", heard)
    # In training torch's own attention takes no way of its own past the function.
    network.train()
    with torch.no_grad():
        network(fed)
    monkeypatch.undo()
    with torch.inference_mode():
        outputs = backbone(pixels)
    for word, heads in zip(("query", "key", "value"), given[0], strict=True):
        expected = heads.reshape(3, 2, -1, 12).transpose(1, 2).flatten(2)
        torch.testing.assert_close(outputs[f"{module}:{word}"], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "names"), [("eva", None), ("apart", ("q_proj", "k_proj", "v_proj"))])
def test_projections_are_what_their_weights_make_of_the_input(name: str, names: tuple[str, ...] | None) -> None:
    network = plain(getattr(transformers, name))
    backbone = opened(name, *(f"blocks.0.attn:{word}" for word in ("query", "key", "value")))
    pixels, fed = images(backbone)
    part: Any = network.get_submodule("blocks.0.attn")
    given: list[torch.Tensor] = []
    part.register_forward_pre_hook(lambda _m, inputs: given.append(inputs[0]))
    with torch.inference_mode():
        network(fed)
        outputs = backbone(pixels)
        for place, word in enumerate(("query", "key", "value")):
            if names:
                expected = getattr(part, names[place])(given[0])
            else:
                rows = slice(24 * place, 24 * place + 24)
                bias = (part.q_bias, torch.zeros(24), part.v_bias)[place]
                expected = given[0] @ part.qkv.weight[rows].T + bias
            torch.testing.assert_close(outputs[f"blocks.0.attn:{word}"], expected, atol=1e-5, rtol=1e-5)


def test_projections_of_a_network_that_is_watched_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [f"{ATTENTION['of_torchvision']}:{word}" for word in ("query", "key", "value")]
    traced = opened("of_torchvision", *layers)
    monkeypatch.setattr("algocli.features.networks.graphs.leaves_its_mark", lambda *_: True)
    watched = opened.__wrapped__("of_torchvision", *layers)
    assert type(traced.network) is not type(watched.network)
    pixels, _ = images(traced)
    with torch.inference_mode():
        for layer in layers:
            torch.testing.assert_close(watched(pixels)[layer], traced(pixels)[layer], atol=1e-6, rtol=1e-6)


def test_windowed_attention_of_torchvision_has_its_projections_where_the_patches_are() -> None:
    network = plain(transformers.swin_of_torchvision)
    backbone = opened("swin_of_torchvision", "features.1.1.attn:key")
    assert backbone.layers[0].tokens == Tokens("yxc", (28, 28))
    pixels, fed = images(backbone)
    before = hooked(network, "features.1.1.norm1", fed)
    attention: Any = network.get_submodule("features.1.1.attn")
    weight, bias = attention.qkv.weight[12:24].detach().numpy(), attention.qkv.bias[12:24].detach().numpy()
    with torch.inference_mode():
        np.testing.assert_allclose(
            backbone(pixels)["features.1.1.attn:key"].numpy(), before @ weight.T + bias, atol=1e-5
        )


def test_projections_are_listed_and_patterns_mean_them_only_with_their_colon() -> None:
    listed = {layer.name: layer for layer in list_names("python:tests.support.transformers:clip", ["blocks.0"])}
    assert listed["blocks.0.attn:value"].shape == (10, 24)
    assert [layer.name for layer in opened("clip", "blocks.?.attn:query").layers] == [
        "blocks.0.attn:query",
        "blocks.1.attn:query",
    ]
    assert not any(":" in layer.name for layer in opened("clip", "blocks.0.*").layers)
    with pytest.raises(UsageError, match=r"did you mean blocks.0.attn:query"):
        opened("clip", "blocks.0:query")


@pytest.mark.parametrize("name", ["dinov2", "clip", "eva", "swin"])
def test_images_of_another_size_are_taken_as_timm_itself_does_it(name: str) -> None:
    layer, side = ("layers.1", 168) if name == "swin" else ("blocks.1", 112 if name != "clip" else 96)
    backbone = opened(name, layer, image_size=side)
    assert backbone.transform.size == side
    original: Any = plain(getattr(transformers, name))
    made: dict[str, Any] = (
        {"depths": (2, 2), "num_heads": (2, 2), "embed_dim": 12}
        if name == "swin"
        else {
            "embed_dim": 24,
            "depth": 2,
            "num_heads": 2,
        }
    )
    resized = timm.create_model(
        original.pretrained_cfg["architecture"],
        img_size=side,
        num_classes=5,
        pretrained=True,
        pretrained_cfg_overlay={"state_dict": original.state_dict(), "num_classes": 5},
        **made,
    ).eval()
    output = hooked(resized, layer, images(backbone)[1])
    np.testing.assert_allclose(reduced(backbone), output.reshape(3, -1), atol=1e-5)


def test_weights_of_a_file_are_loaded_before_positions_are_interpolated(tmp_path: Path) -> None:
    torch.manual_seed(5)
    original: Any = transformers.of_torchvision()
    torch.save({name: one for name, one in original.state_dict().items() if "heads" not in name}, tmp_path / "w.pth")
    block = BLOCKS["of_torchvision"][0]
    model = "python:tests.support.transformers:of_torchvision"
    backbone = load_backbone(model, [block], str(tmp_path / "w.pth"), image_size=80)
    state = torchvision.models.vision_transformer.interpolate_embeddings(80, 16, original.state_dict())
    resized = torchvision.models.VisionTransformer(
        image_size=80, patch_size=16, num_layers=2, num_heads=2, hidden_dim=24, mlp_dim=48, num_classes=5
    ).eval()
    resized.load_state_dict(state)
    output = hooked(resized, block, images(backbone)[1])
    np.testing.assert_allclose(reduced(backbone), output.reshape(3, -1), atol=1e-5)
    assert backbone.layers[0].tokens == Tokens("tc", (5, 5), (0,))


def test_a_size_that_is_a_networks_own_is_no_other_network() -> None:
    own, asked, other = (opened("clip", "blocks.0", image_size=side) for side in (None, 48, 64))
    assert own.identity("blocks.0") == asked.identity("blocks.0")
    assert "image_size" not in own.identity("blocks.0")
    assert other.identity("blocks.0")["image_size"] == 64


@pytest.mark.parametrize(
    ("model", "layer", "side", "words"),
    [
        ("python:tests.support.transformers:clip", "blocks.0", 50, "patches of 16 x 16"),
        ("python:tests.support.transformers:clip", "blocks.0", 0, "from 1 on"),
        ("timm/mixer_s32_224", "blocks.0", 256, "cannot take images of 256 x 256"),
    ],
)
def test_a_size_that_cannot_be_had_is_refused_in_one_sentence(model: str, layer: str, side: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_backbone(model, [layer], "random", image_size=side)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "layer", "build", "n_special"),
    [
        ("vit_b_16", "encoder.layers.encoder_layer_5", lambda: torchvision.models.vit_b_16(), 1),
        ("timm/vit_base_patch16_clip_224", "blocks.5", lambda: timm.create_model("vit_base_patch16_clip_224"), 1),
        (
            "timm/vit_small_patch14_reg4_dinov2",
            "blocks.5",
            lambda: timm.create_model("vit_small_patch14_reg4_dinov2"),
            5,
        ),
        ("timm/swin_tiny_patch4_window7_224", "layers.2", lambda: timm.create_model("swin_tiny_patch4_window7_224"), 0),
    ],
)
def test_networks_of_full_size_have_the_tokens_of_a_plain_forward_pass(
    model: str, layer: str, build: Callable[[], torch.nn.Module], n_special: int
) -> None:
    backbone = load_backbone(model, [layer], "random:1")
    output = hooked(plain(build), layer, images(backbone)[1])
    output = output.reshape(3, -1, output.shape[-1])
    side = int((output.shape[1] - n_special) ** 0.5)
    grid = output[:, n_special:].reshape(3, side, side, -1)
    expected = np.concatenate([output[:, :n_special].reshape(3, -1), pooled(grid, 4)], 1)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(reduced(backbone, pool=4, tokens="all") / scale, expected / scale, atol=1e-5)
