"""Networks that want other images than they are given: cast, or told what they take."""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from algocli.errors import UsageError
from algocli.features.networks.backbones import Backbone, list_layers, load_backbone
from algocli.features.networks.preprocessing import TUTORIAL, Transform
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
        (lambda: Net(1, 28), "takes images of 28 x 28 with 1 channel", "'input_size': (1, 28, 28)"),
        (lambda: Net(2), "takes images with 2 channels", "what its channels are made of"),
        (lambda: Net(3, 96), "takes images of 96 x 96, not of 224 x 224", "'input_size': (3, 96, 96)"),
        (lambda: Net(4), "takes images with 4 channels", "what its channels are made of"),
        (lambda: Net(3, 71), "does not take images of 224 x 224: ", "pretrained_cfg"),
        (lambda: Net(cast=torch.float16), "does not take images in float32: ", "leave out .half()"),
    ],
    ids=[
        "grey of one size",
        "of two channels",
        "of one size",
        "of four channels",
        "of an odd size",
        "of code that casts",
    ],
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


class OwnGrey(nn.Module):
    """Takes colours, and makes grey of them by itself."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply all."""
        output: torch.Tensor = self.net(x.mean(1, keepdim=True))
        return output


def photograph(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8), "RGB")


# What a network of one channel states, and the mean and deviation that follow; of nothing, ImageNet's in grey.
GREYS: list[tuple[Any, int, float, float]] = [
    (None, 224, 0.459, 0.2256),
    ({"input_size": (1, 28, 28), "mean": (0.1307,), "std": (0.3081,), "crop_pct": 1.0}, 28, 0.1307, 0.3081),
    ({"input_size": (1, 32, 32), "mean": 0.5, "std": 0.25, "crop_mode": "squash"}, 32, 0.5, 0.25),
    ({"input_size": (3, 64, 64), "mean": (0.5,) * 3, "std": (0.2,) * 3, "crop_pct": 1.0}, 64, 0.5, 0.2),
]


@pytest.mark.parametrize(("stated", "side", "mean", "std"), GREYS)
def test_a_network_of_one_channel_is_given_the_luminance(
    load: Any, stated: dict[str, Any] | None, side: int, mean: float, std: float
) -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    network, said = Net(1), list[str]()
    if stated is not None:
        network.pretrained_cfg = stated  # type: ignore[assignment]
    backbone = load(network.eval(), note=said.append)
    image, transform = photograph(90, 90), backbone.transform
    filters = transforms.InterpolationMode(transform.interpolation)
    by_torchvision = transforms.Compose([
        transforms.Grayscale(),
        transforms.Resize((transform.resize_size or side,) * 2, filters),
        transforms.CenterCrop(side),
        transforms.ToTensor(),
        transforms.Normalize((mean,), (std,)),
    ])  # fmt: skip
    with torch.inference_mode():
        expected = network(by_torchvision(image)[None])
        found = backbone(torch.from_numpy(transform.resize(image).copy())[None])["fc"]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=2e-4)
    assert any("grey" in line for line in said)
    identity = backbone.identity("fc")["transform"]
    assert identity["grey"] is True
    assert Transform.from_constants(identity).constants == transform.constants
    assert "fc" in [layer.name for layer in list_layers("python:fednets:net")]


def test_a_grey_of_colours_is_that_of_pillow_to_the_last_bit() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 50, 50, 3), dtype=np.uint8)
    grey = Transform(50, (0.0,) * 3, (1.0,) * 3, grey=True).normalise(torch.from_numpy(pixels))
    expected = [np.asarray(Image.fromarray(each).convert("L")) for each in pixels]
    np.testing.assert_array_equal((grey[:, 0] * 255).round().numpy().astype(np.uint8), np.stack(expected))


@pytest.mark.parametrize("stated", [None, {"input_size": (1, 28, 28), "mean": (0.1,), "std": (0.3,)}])
def test_a_network_that_makes_its_own_grey_has_the_key_that_it_had(load: Any, stated: Any) -> None:
    network, said = OwnGrey(Net(1)), list[str]()
    if stated is not None:
        network.pretrained_cfg = stated
    backbone = load(network, "net.fc", note=said.append)
    assert backbone.transform == TUTORIAL
    assert "grey" not in backbone.identity("net.fc")["transform"]
    assert not any("grey" in line for line in said)


def test_timms_networks_of_one_channel(load: Any) -> None:
    timm = pytest.importorskip("timm")
    backbone = load(timm.create_model("resnet18", in_chans=1), "layer1")
    assert backbone.transform.grey
    assert backbone(torch.from_numpy(probe_pixels(backbone.transform.size)[:2]))["layer1"].shape[0] == 2
    with pytest.raises(UsageError, match="takes images with 4 channels"):
        load(timm.create_model("resnet18", in_chans=4), "layer1")
