"""Networks that want other images than they are given: cast, or told what they take."""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from algocli.errors import UsageError
from algocli.features.networks.backbones import Backbone, list_layers, load_backbone
from algocli.features.networks.probing import probe_pixels


class Net(nn.Module):
    """A convolution, and a fully connected layer on its mean or, where images are of one size, on all of it."""

    def __init__(self, channels: int = 3, side: int | None = None, cast: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(channels, 4, 3, 2), nn.ReLU()
        self.fc = nn.Linear(4 * ((side - 3) // 2 + 1) ** 2 if side else 4, 5)
        self.side, self.cast = side, cast

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply all."""
        x = self.act(self.conv(x.to(self.cast)))
        output: torch.Tensor = self.fc(x.flatten(1) if self.side else x.mean((2, 3)))
        return output


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Backbone]:
    """Return a function that loads a network of one's own."""
    module: Any = types.ModuleType("fednets")
    monkeypatch.setitem(sys.modules, "fednets", module)

    def load(network: nn.Module, layer: str = "fc", **options: Any) -> Backbone:
        module.net = lambda: network
        return load_backbone("python:fednets:net", layer, **options)

    return load


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("part", ["all", "conv"])
def test_a_network_in_another_precision_is_computed_in_float32(load: Any, dtype: torch.dtype, part: str) -> None:
    network, said = Net(), list[str]()
    (network if part == "all" else network.conv).to(dtype)
    expected = copy.deepcopy(network).float()
    backbone = load(network, note=said.append)
    pixels = torch.from_numpy(probe_pixels(224))
    with torch.inference_mode():
        features = backbone(pixels)["fc"]
        torch.testing.assert_close(features, expected(backbone.transform.normalise(pixels)), rtol=1e-5, atol=1e-5)
    assert features.dtype == torch.float32
    assert any(str(dtype).removeprefix("torch.") in line and "in float32" in line for line in said)


def test_a_network_that_casts_its_images_itself_stays_what_it_is(load: Any) -> None:
    network, said = Net(cast=torch.bfloat16).bfloat16(), list[str]()
    backbone = load(network, note=said.append)
    assert backbone(torch.from_numpy(probe_pixels(224)))["fc"].dtype == torch.bfloat16
    assert not any("float32" in line for line in said)


@pytest.mark.parametrize(
    ("network", "said", "hint"),
    [
        (lambda: Net(1), "takes images with 1 channel; these are in colour", "x.mean(1, keepdim=True)"),
        (lambda: Net(1, 28), "takes images of 28 x 28 with 1 channel", "'input_size': (3, 28, 28)"),
        (lambda: Net(3, 96), "takes images of 96 x 96, not of 224 x 224", "'input_size': (3, 96, 96)"),
        (lambda: Net(4), "takes images with 4 channels", "what its channels are made of"),
        (lambda: Net(3, 71), "does not take images of 224 x 224: ", "pretrained_cfg"),
        (lambda: Net(cast=torch.float16), "does not take images in float32: ", "leave out .half()"),
    ],
    ids=["grey", "grey of one size", "of one size", "of four channels", "of an odd size", "of code that casts"],
)
def test_what_a_network_takes_is_told_in_one_sentence(
    load: Any, capfd: pytest.CaptureFixture[str], network: Any, said: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=f"^python:fednets:net {said}") as caught:
        load(network())
    assert hint in str(caught.value.hint)
    assert "\n" not in caught.value.message
    # Torch's tracer prints tracebacks of its own.
    assert capfd.readouterr() == ("", "")


def test_the_hint_leads_to_features(load: Any) -> None:
    network = Net(3, 96)
    network.pretrained_cfg = {"input_size": (3, 96, 96), "mean": (0.5,) * 3, "std": (0.5,) * 3}  # type: ignore[assignment]
    assert load(network, transform="model").transform.size == 96


def test_a_wrong_size_leaves_no_traceback_of_generated_code(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("timm")
    with pytest.raises(UsageError, match="does not take images of 224 x 224") as caught:
        list_layers("timm/vit_tiny_patch16_384", transform="tutorial")
    assert caught.value.hint == "prepare them as it was trained: transform='model'"
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_program_of_torchscript_is_refused_but_within_a_network(load: Any) -> None:
    program = torch.jit.trace(Net().eval(), torch.zeros(1, 3, 224, 224))
    with pytest.raises(UsageError, match="gives a TorchScript program") as caught:
        load(program)
    assert "one that calls it" in str(caught.value.hint)

    class Calls(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.program = program

        def forward(self, x: torch.Tensor) -> Any:
            return self.program(x)

    backbone, pixels = load(Calls(), "program"), torch.from_numpy(probe_pixels(224))
    with torch.inference_mode():
        expected = program(backbone.transform.normalise(pixels))
        torch.testing.assert_close(backbone(pixels)["program"], expected, rtol=1e-5, atol=1e-5)


def test_layers_of_a_compiled_network_are_those_of_what_was_compiled(load: Any) -> None:
    network = Net()
    assert load(torch.compile(network)).identity("fc") == load(network).identity("fc")
