"""Networks cut at a layer, held against plain forward passes with hooks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from numpy.typing import NDArray

from algocli.errors import DataError, UsageError
from algocli.features.networks.backbones import Backbone, Layer, list_layers, load_backbone
from algocli.features.networks.devices import resolve_device
from algocli.features.store.keys import recipe
from tests.support.challenge import patchwork

Pixels = NDArray[np.uint8]
# Small, quick to build, with in-place activations after every convolution.
QUICK, QUICK_LAYER = "squeezenet1_1", "features.3.squeeze"
FAMILIES = [
    "inception_v3", "googlenet", "vit_b_16", "swin_t", "efficientnet_b0", "convnext_tiny", "regnet_y_400mf",
    "mnasnet0_5", "shufflenet_v2_x0_5", "vgg11", "resnext50_32x4d", "mobilenet_v3_small", "densenet121",
]  # fmt: skip


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy(np.stack([patchwork(rng, 224) for _ in range(6)]))


@pytest.fixture(scope="module")
def alexnet() -> torch.nn.Module:
    return plain("alexnet", 1)


def plain(model: str, seed: int) -> torch.nn.Module:
    """Build a network as its documentation says, weights drawn with a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: torch.nn.Module = getattr(torchvision.models, model)(weights=None)
    return network.eval()


def hooked(network: torch.nn.Module, module: str, pixels: torch.Tensor) -> NDArray[np.float32]:
    """Return what a module yields, copied before anything that follows can change it in place."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    images = ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()
    kept: list[torch.Tensor] = []
    handle = network.get_submodule(module).register_forward_hook(lambda _m, _i, output: kept.append(output.clone()))
    with torch.no_grad():
        network(images)
    handle.remove()
    return kept[0].numpy()


def run(backbone: Backbone, pixels: torch.Tensor) -> NDArray[np.float32]:
    (features,) = run_all(backbone, pixels).values()
    return features


def run_all(backbone: Backbone, pixels: torch.Tensor) -> dict[str, NDArray[np.float32]]:
    with torch.inference_mode():
        return {name: output.contiguous().numpy() for name, output in backbone(pixels).items()}


def weights_of(backbone: Backbone) -> Any:
    (digest,) = backbone.weights_digests.values()
    return digest


def assert_close(found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Compare to 1e-5 of the largest value: convolutions sum in another order when channels lie last."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("layer", ["features.0", "features.2", "features.3", "features.12", "avgpool", "classifier.4"])
def test_alexnets_features_equal_those_of_a_hook(alexnet: torch.nn.Module, pixels: torch.Tensor, layer: str) -> None:
    assert_close(run(load_backbone("alexnet", layer, "random:1"), pixels), hooked(alexnet, layer, pixels))


def test_a_module_stands_for_its_last_node(pixels: torch.Tensor) -> None:
    backbone = load_backbone("resnet18", ["layer2"], "random:1")
    assert backbone.layers == (Layer("layer2", (128, 28, 28)),)
    assert_close(run(backbone, pixels), hooked(plain("resnet18", 1), "layer2", pixels))


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        ("vit_b_16", "encoder.layers.encoder_layer_1"),
        pytest.param("resnet50", "layer3", marks=pytest.mark.slow),
        pytest.param("vit_b_16", "encoder.layers.encoder_layer_11", marks=pytest.mark.slow),
    ],
)
def test_other_families_features_equal_those_of_a_hook(pixels: torch.Tensor, model: str, layer: str) -> None:
    assert_close(run(load_backbone(model, layer, "random:3"), pixels[:2]), hooked(plain(model, 3), layer, pixels[:2]))


def test_timms_features_equal_those_of_a_hook(pixels: torch.Tensor) -> None:
    timm = pytest.importorskip("timm")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = timm.create_model("resnet10t", pretrained=False).eval()
    backbone = load_backbone("timm/resnet10t", ["layer1", "layer3"], "random:3")
    for layer, features in run_all(backbone, pixels[:2]).items():
        assert_close(features, hooked(network, layer, pixels[:2]))


def test_layers_asked_for_together_are_what_they_are_alone(pixels: torch.Tensor) -> None:
    names = ["features.2", "features.7", "classifier.1"]
    together = load_backbone("alexnet", [names[2], names[0], "features.7", names[1]], "random:1")
    assert [layer.name for layer in together.layers] == names
    features = run_all(together, pixels)
    for layer in names:
        alone = load_backbone("alexnet", [layer], "random:1")
        assert together.identity(layer) == alone.identity(layer)
        np.testing.assert_array_equal(features[layer], run(alone, pixels))


def test_a_pattern_asks_for_every_layer_that_fits() -> None:
    backbone = load_backbone("alexnet", "features.1?", "random")
    assert [layer.name for layer in backbone.layers] == ["features.10", "features.11", "features.12"]


def test_a_pattern_passes_over_what_can_be_no_feature() -> None:
    names = {layer.name for layer in load_backbone("shufflenet_v2_x0_5", "stage2.0.*", "random").layers}
    # Neither the size of the batch nor the numbers of channels.
    assert "stage2.0.cat" in names
    assert "stage2.0.size" not in names
    with pytest.raises(UsageError, match=r"layer stage2\.0\.size yields Size, not one row of numbers an image"):
        load_backbone("shufflenet_v2_x0_5", ["stage2.0.size"], "random")


def test_the_key_of_the_tutorials_features_stays_what_it_was() -> None:
    identity = load_backbone("alexnet", ["features.2"], "random:0").identity("features.2")
    assert recipe("alexnet", "features.2", "random:0", identity, "float16").name == "alexnet-features.2-d8fdf675"


def test_a_transformers_early_layer_hangs_on_no_later_block() -> None:
    backbone = load_backbone("vit_b_16", "encoder.layers.encoder_layer_1.add", "random")
    blocks = {name.split(".")[2] for name in backbone.network.state_dict() if name.startswith("encoder.layers.")}
    assert blocks == {"encoder_layer_0", "encoder_layer_1"}


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        ("resnet18", "layer1.0.bn2"),  # out += identity follows, in place
        ("resnet18", "layer2.0.downsample.1"),
        (QUICK, QUICK_LAYER),
        ("mobilenet_v2", "features.2.conv.3"),
        # functional.relu(..., inplace=True) follows
        pytest.param("densenet121", "features.norm5", marks=pytest.mark.slow),
    ],
)
def test_nothing_that_follows_a_layer_changes_it_in_place(pixels: torch.Tensor, model: str, layer: str) -> None:
    expected = hooked(plain(model, 2), layer, pixels[:2])
    assert (expected < 0).any()
    assert_close(run(load_backbone(model, layer, "random:2"), pixels[:2]), expected)


def test_googlenet_is_fed_what_its_pretrained_weights_were_trained_on(pixels: torch.Tensor) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        # As torchvision itself builds it where it loads the weights.
        network = torchvision.models.googlenet(weights=None, transform_input=True, init_weights=True).eval()
    backbone = load_backbone("googlenet", "conv1.conv", "random:4")
    assert_close(run(backbone, pixels[:2]), hooked(network, "conv1.conv", pixels[:2]))
    assert backbone.identity("conv1.conv")["arguments"]["transform_input"] is True


@pytest.mark.parametrize("layer", ["features.0", "features.3"])
def test_a_convolutions_output_is_not_rectified(pixels: torch.Tensor, layer: str) -> None:
    features = run(load_backbone("alexnet", layer, "random:0"), pixels)
    assert (features < 0).mean() > 0.1
    rectified = run(load_backbone("alexnet", f"features.{int(layer[-1]) + 1}", "random:0"), pixels)
    np.testing.assert_array_equal(np.maximum(features, 0), rectified)


def test_dropout_and_batch_statistics_are_those_of_inference(pixels: torch.Tensor) -> None:
    backbone = load_backbone("alexnet", "classifier.4", "random:1")
    np.testing.assert_array_equal(run(backbone, pixels), run(backbone, pixels))
    backbone = load_backbone("resnet18", "layer1", "random:1")
    np.testing.assert_allclose(run(backbone, pixels[:1]), run(backbone, pixels)[:1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("model", "layer"), [("alexnet", "features.12"), (QUICK, "features.5")])
def test_the_batch_size_changes_no_bit(pixels: torch.Tensor, model: str, layer: str) -> None:
    backbone = load_backbone(model, layer, "random:1")
    many = pixels.repeat(6, 1, 1, 1)[:33]
    whole = run(backbone, many)
    for size in (1, 7, 32):
        parts = [run(backbone, many[start : start + size]) for start in range(0, len(many), size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_in_a_fully_connected_layer_the_batch_size_changes_rounding_at_most(pixels: torch.Tensor) -> None:
    backbone = load_backbone("alexnet", "classifier.6", "random:1")
    parts = [run(backbone, pixels[row : row + 1]) for row in range(len(pixels))]
    assert_close(np.concatenate(parts), run(backbone, pixels))


def test_random_weights_are_the_same_for_the_same_seed() -> None:
    digests = [weights_of(load_backbone(QUICK, QUICK_LAYER, word)) for word in ("random:5", "random:5", "random:6")]
    assert digests[0] == digests[1] != digests[2]
    bare, zero = (weights_of(load_backbone(QUICK, QUICK_LAYER, word)) for word in ("random", "random:0"))
    assert bare == zero


def test_torchs_own_generator_is_left_as_it_was() -> None:
    torch.manual_seed(123)
    before = torch.random.get_rng_state()
    load_backbone(QUICK, QUICK_LAYER, "random:5")
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that gives a whole checkpoint, or one cut, spoilt, or of another network."""
    folder = tmp_path_factory.mktemp("checkpoints")
    state = plain(QUICK, 9).state_dict()

    def save(name: str, content: dict[str, torch.Tensor]) -> None:
        torch.save(content, folder / name)

    save("whole", state)
    save("cut", {name: tensor for name, tensor in state.items() if name.startswith(("features.0.", "features.3.sq"))})
    save("cut too early", {name: tensor for name, tensor in state.items() if name.startswith("features.0")})
    save("other", plain("squeezenet1_0", 9).state_dict())
    return lambda name: folder / name


def test_a_checkpoint_is_loaded(checkpoints: Callable[[str], Path], pixels: torch.Tensor) -> None:
    backbone = load_backbone(QUICK, QUICK_LAYER, str(checkpoints("whole")))
    assert_close(run(backbone, pixels), hooked(plain(QUICK, 9), QUICK_LAYER, pixels))


def test_a_checkpoint_that_lacks_only_later_layers_is_the_same_weights(
    checkpoints: Callable[[str], Path], pixels: torch.Tensor
) -> None:
    whole, cut = (load_backbone(QUICK, QUICK_LAYER, str(checkpoints(name))) for name in ("whole", "cut"))
    assert whole.identity(QUICK_LAYER) == cut.identity(QUICK_LAYER)
    np.testing.assert_array_equal(run(whole, pixels), run(cut, pixels))


def test_a_checkpoint_cut_before_the_layer_is_refused_naming_what_it_lacks(checkpoints: Callable[[str], Path]) -> None:
    with pytest.raises(
        DataError, match=r"cut too early lacks features\.3\.squeeze\.weight, features\.3\.squeeze\.bias"
    ):
        load_backbone(QUICK, QUICK_LAYER, str(checkpoints("cut too early")))


def test_a_checkpoint_of_another_architecture_is_refused(checkpoints: Callable[[str], Path]) -> None:
    with pytest.raises(DataError, match=r"another architecture: features\.0\.weight \(96 x 3 x 7 x 7 instead of"):
        load_backbone(QUICK, QUICK_LAYER, str(checkpoints("other")))


def test_only_the_weights_that_a_layer_uses_identify_it(checkpoints: Callable[[str], Path], tmp_path: Path) -> None:
    state = torch.load(checkpoints("whole"), weights_only=True)
    state["features.12.squeeze.weight"] += 1
    torch.save(state, tmp_path / "changed later")
    early, late = QUICK_LAYER, "features.12.squeeze"
    for layer, same in ((early, True), (late, False)):
        one, other = (load_backbone(QUICK, layer, str(f)) for f in (checkpoints("whole"), tmp_path / "changed later"))
        assert (weights_of(one) == weights_of(other)) is same


@pytest.mark.parametrize(
    ("word", "meant"), [("alexnett", "alexnet"), ("resnet_50", "resnet50"), ("AlexNet", "alexnet")]
)
def test_an_unknown_model_is_met_with_a_suggestion(word: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"no classifier '{word}' \\(did you mean .*{meant}"):
        load_backbone(word, "features.2", "random")


@pytest.mark.parametrize("word", ["features.22", "feature.2", "", "features.", "feat", "x"])
def test_an_unknown_layer_is_met_with_all_there_are(word: str) -> None:
    with pytest.raises(UsageError, match=r"features\.2, features\.3,") as caught:
        load_backbone("alexnet", word, "random")
    assert caught.value.hint == "algocli layers alexnet"


def test_a_mistyped_layer_is_met_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"did you mean .*features\.2"):
        load_backbone("alexnet", "feature.2", "random")


@pytest.mark.parametrize("failure", [URLError("Name or service not known"), OSError("no route"), TimeoutError("slow")])
def test_without_a_network_pretrained_weights_ask_for_a_file(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise failure

    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    with pytest.raises(DataError, match=f"pretrained weights of {QUICK} cannot be downloaded") as caught:
        load_backbone(QUICK, QUICK_LAYER, "pretrained")
    assert "weights=FILE" in str(caught.value.hint)
    assert "squeezenet1_1-" in str(caught.value.hint)


@pytest.fixture
def pretrained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Serve drawn weights as if they had been downloaded; list what was asked for."""
    asked: list[str] = []

    def serve(self: Any, *_args: Any, **_kwargs: Any) -> dict[str, torch.Tensor]:
        asked.append(str(self))
        return plain(QUICK, 9).state_dict()

    monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", serve)
    return asked


def test_pretrained_weights_are_torchvisions_default_ones(pretrained: list[str], pixels: torch.Tensor) -> None:
    backbone = load_backbone(QUICK, QUICK_LAYER)
    assert pretrained == ["SqueezeNet1_1_Weights.IMAGENET1K_V1"]
    assert_close(run(backbone, pixels), hooked(plain(QUICK, 9), QUICK_LAYER, pixels))


def test_where_weights_come_from_is_no_part_of_the_identity(
    pretrained: list[str], checkpoints: Callable[[str], Path]
) -> None:
    assert load_backbone(QUICK, QUICK_LAYER).identity(QUICK_LAYER) == load_backbone(
        QUICK, QUICK_LAYER, str(checkpoints("whole"))
    ).identity(QUICK_LAYER)


def test_the_flattened_sizes_of_alexnet_are_the_published_ones() -> None:
    sizes = {layer.name: layer.n_features for layer in list_layers("alexnet")}
    published = {
        "features.2": 46656, "features.5": 32448, "features.7": 64896, "features.9": 43264, "features.12": 9216,
        "classifier.2": 4096, "classifier.5": 4096, "classifier.6": 1000,
    }  # fmt: skip
    assert {name: sizes[name] for name in published} == published
    assert list(sizes)[:3] == ["features.0", "features.1", "features.2"]


@pytest.mark.parametrize("model", ["squeezenet1_1", "mobilenet_v2"])
def test_every_listed_layer_is_had_in_the_listed_shape(model: str) -> None:
    layers = list_layers(model)
    for layer in layers[:: max(1, len(layers) // 5)]:
        assert load_backbone(model, layer.name, "random").layers == (layer,)


@pytest.mark.slow
@pytest.mark.parametrize("model", FAMILIES)
def test_networks_of_every_family_are_listed_and_cut(model: str) -> None:
    layers = list_layers(model)
    middle = layers[len(layers) // 2]
    assert load_backbone(model, middle.name, "random").layers == (middle,)


def test_a_device_that_is_not_there_is_a_usage_error() -> None:
    assert resolve_device("cpu") == "cpu"
    with pytest.raises(UsageError, match="'gpu' is no device"):
        resolve_device("gpu")
    if not torch.cuda.is_available():
        assert resolve_device("auto") == "cpu"
        with pytest.raises(UsageError, match="no CUDA device"):
            resolve_device("cuda:0")


@pytest.mark.parametrize(
    ("name", "n_gpus", "has_mps", "expected"),
    [
        ("auto", 0, False, "cpu"),
        ("auto", 0, True, "mps"),
        ("auto", 2, True, "cuda"),
        ("cpu:0", 0, False, "cpu"),
        ("mps", 0, True, "mps"),
        ("mps", 0, False, "no MPS device"),
        ("mps:1", 0, True, "there is no device 'mps:1': of mps there is one"),
        ("cuda", 0, True, "no CUDA device"),
        ("cuda:1", 2, False, "cuda:1"),
        ("cuda:7", 2, False, "there is no device 'cuda:7': cuda devices here are cuda:0 to cuda:1"),
        ("cuda:1", 1, False, "of cuda there is one device, cuda:0"),
        ("xpu", 0, False, "nothing is computed on the device 'xpu'"),
        ("cuda:x", 1, False, "'cuda:x' is no device"),
    ],
)
def test_a_device_is_used_where_it_is_and_else_refused_in_a_sentence(
    name: str, n_gpus: int, has_mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: n_gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
    if " " in expected:
        with pytest.raises(UsageError, match=expected):
            resolve_device(name)
    else:
        assert resolve_device(name) == expected
