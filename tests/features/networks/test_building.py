"""Where networks come from: names, repositories and code of one's own, none of it ever fetched here."""

from __future__ import annotations

import importlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch

from algocli.errors import DataError, UsageError
from algocli.features.networks.backbones import load_backbone
from algocli.features.networks.building import build_network
from algocli.features.networks.network import undrawn
from algocli.features.networks.preprocessing import TUTORIAL, Transform

TINY = """
import torch

class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 8, 8)
        self.act = torch.nn.ReLU(inplace=True)
        self.head = torch.nn.Conv2d(4, 2, 1)
    def forward(self, images):
        return self.head(self.act(self.conv(images)))

def tiny():
    return Tiny()

def broken():
    raise ValueError("no such luck")

seven = 7
"""


@pytest.fixture(autouse=True)
def _modules_forgotten() -> Iterator[None]:
    yield
    for name in ("mynets", "hubconf"):
        sys.modules.pop(name, None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a network in mynets.py and in a hubconf.py."""
    (tmp_path / "mynets.py").write_text(TINY)
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "hubconf.py").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_torchvision_need_not_be_written() -> None:
    one, other = (load_backbone(name, ["features.0"], "random") for name in ("alexnet", "torchvision/alexnet"))
    assert one.model == other.model == "alexnet"
    assert one.identity("features.0") == other.identity("features.0")


def test_named_weights_are_those_of_the_enum(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def serve(self: Any, *_args: Any, **_options: Any) -> dict[str, torch.Tensor]:
        asked.append(self.name)
        return dict(build_network("resnet50", "random").module.state_dict())

    monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", serve)
    for word in ("IMAGENET1K_V1", "pretrained"):
        load_backbone("resnet50", ["conv1"], word)
    assert asked == ["IMAGENET1K_V1", "IMAGENET1K_V2"]


def test_unknown_weights_are_met_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"no weights 'IMAGENET1K_V3' \(did you mean IMAGENET1K_V") as caught:
        load_backbone("resnet50", ["conv1"], "IMAGENET1K_V3")
    assert "IMAGENET1K_V1, IMAGENET1K_V2" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("model", "weights", "resize_size", "size"),
    [
        ("resnet50", "pretrained", 232, 224),
        ("resnet50", "IMAGENET1K_V1", 256, 224),
        ("inception_v3", "random", 342, 299),
    ],
)
def test_the_models_transform_is_the_one_of_its_weights(model: str, weights: str, resize_size: int, size: int) -> None:
    expected = Transform(size, resize_size=resize_size, keep_aspect=True)
    for wish in ("model", "auto"):
        built = build_network(model, weights, wish)
        assert built.transform == built.asks_for == expected
    assert build_network(model, weights, "tutorial").transform == TUTORIAL


def test_a_vision_transformer_is_built_for_the_size_of_its_images() -> None:
    built = build_network("vit_b_16", "IMAGENET1K_SWAG_E2E_V1", "model")
    assert (built.transform.size, built.transform.interpolation) == (384, "bicubic")
    assert built.arguments == {"image_size": 384}
    with pytest.raises(UsageError, match="take images of 384 x 384") as caught:
        build_network("vit_b_16", "IMAGENET1K_SWAG_E2E_V1", "tutorial")
    assert caught.value.hint == "leave out transform='tutorial'"


def test_weights_that_are_about_to_be_loaded_are_not_drawn() -> None:
    with undrawn():
        linear = torch.nn.Linear(30, 20)
        wild = torch.nn.init.trunc_normal_(torch.full((100,), 1e9))
    assert (wild == 1e9).all()
    linear.reset_parameters()
    assert 0 < linear.weight.abs().max() < 1


def test_a_drawing_that_repeats_until_values_fit_ends_where_drawing_is_left_out() -> None:
    from torch.nn.init import trunc_normal_

    with undrawn():
        drawn = trunc_normal_(torch.full((100,), 1e9))
    assert drawn.abs().max() <= 2


def test_timms_transform_is_its_own() -> None:
    pytest.importorskip("timm")
    built = build_network("timm/vit_tiny_patch16_224", "random")
    assert built.transform == Transform(224, (0.5,) * 3, (0.5,) * 3, 248, keep_aspect=True, interpolation="bicubic")


def test_an_unknown_network_of_timm_is_met_with_a_suggestion() -> None:
    pytest.importorskip("timm")
    with pytest.raises(UsageError, match=r"timm has no network 'resnet_10t' \(did you mean .*resnet10t"):
        build_network("timm/resnet_10t", "random")
    with pytest.raises(UsageError, match="timm/resnet10t has no weights 'nonsense'"):
        build_network("timm/resnet10t", "nonsense")


def test_timms_weights_out_of_reach_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    timm = pytest.importorskip("timm")

    def refuse(*_args: Any, **_options: Any) -> None:
        raise OSError("no route")

    monkeypatch.setattr("algocli.features.networks.sources.timm.fetch", lambda _request: [])
    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(DataError, match="weights of timm/resnet10t cannot be downloaded: no route"):
        build_network("timm/resnet10t", "pretrained")


def test_a_tag_in_the_name_is_recorded_as_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    timm = pytest.importorskip("timm")
    create = timm.create_model
    asked: list[str] = []

    def pretend(name: str, *, pretrained: bool) -> torch.nn.Module:
        asked.append(name)
        return create(name.partition(".")[0], pretrained=False)

    monkeypatch.setattr("algocli.features.networks.sources.timm.fetch", lambda _request: [])
    monkeypatch.setattr(timm, "create_model", pretend)
    backbone = load_backbone("timm/resnet10t.c3_in1k", ["conv1.0"], "pretrained")
    again = load_backbone(backbone.model, ["conv1.0"], backbone.weights)
    assert (backbone.model, backbone.weights) == ("timm/resnet10t", "c3_in1k")
    assert (again.weights, asked) == ("c3_in1k", ["resnet10t.c3_in1k"] * 2)


def test_without_timm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError) as caught:
        build_network("timm/resnet10t", "random")
    assert caught.value.hint == "pip install -e '.[timm]', in the folder of algocli's source"


def test_a_module_that_looks_elsewhere_first_goes_on_doing_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere_first.py").write_text(
        "import sys, torch\nsys.path.insert(0, 'elsewhere')\ndef net():\n    return torch.nn.Conv2d(3, 4, 8, 8)\n"
    )
    monkeypatch.chdir(tmp_path)
    before = [*sys.path]
    monkeypatch.setattr(sys, "path", [*before])
    build_network("python:elsewhere_first:net", "random")
    assert sys.path == ["elsewhere", *before]


def test_a_network_of_ones_own_is_found_in_the_current_folder(folder: Path) -> None:
    one, other = (load_backbone("python:mynets:tiny", ["conv", "head"], f"random:{seed}") for seed in (1, 2))
    assert [layer.shape for layer in one.layers] == [(4, 28, 28), (2, 28, 28)]
    assert one.identity("conv")["architecture"] == "python:mynets:tiny"
    assert one.identity("conv")["weights"] != other.identity("conv")["weights"]
    assert str(folder) not in sys.path


def test_a_network_of_ones_own_rewritten_is_another(folder: Path) -> None:
    before = load_backbone("python:mynets:Tiny", ["conv", "head"], "random:1")
    sys.modules.pop("mynets")
    (folder / "mynets.py").write_text(TINY.replace("torch.nn.ReLU(inplace=True)", "torch.nn.Sigmoid()  # rewritten"))
    after = load_backbone("python:mynets:Tiny", ["conv", "head"], "random:1")
    assert after.identity("conv") == before.identity("conv")
    assert after.identity("head") != before.identity("head")
    assert after.identity("head")["weights"] == before.identity("head")["weights"]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("python:mynets", "not written as python:MODULE:CALLABLE"),
        ("python:nomodule:tiny", "cannot be built: ModuleNotFoundError"),
        ("python:mynets:tinny", r"no callable 'tinny' \(did you mean .*tiny"),
        ("python:mynets:broken", "cannot be built: ValueError: no such luck"),
        ("python:mynets:seven", "gives int; a torch.nn.Module was expected"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_gives_no_network_is_told(model: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        build_network(model, "random")


@pytest.mark.usefixtures("folder")
def test_a_network_of_ones_own_has_neither_transform_nor_named_weights() -> None:
    with pytest.raises(UsageError, match="no transform of its own"):
        build_network("python:mynets:tiny", "random", "model")
    with pytest.raises(UsageError, match="has no weights 'IMAGENET'"):
        build_network("python:mynets:tiny", "IMAGENET")


ASKING = """
import torch, torchvision

class Asking(torch.nn.Sequential):
    def __init__(self, **stated):
        super().__init__(torch.nn.Conv2d(3, 4, 8, 8))
        for name, value in stated.items():
            setattr(self, name, value)

WHOLE = dict(
    input_size=(3, 96, 96), mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.1), crop_pct=0.875, interpolation="bicubic",
    crop_mode="center",
)
def pretrained_cfg(): return Asking(pretrained_cfg=WHOLE)
def default_cfg(): return Asking(default_cfg=WHOLE)
def squashed(): return Asking(pretrained_cfg=WHOLE | {"crop_mode": "squash"})
def bordered(): return Asking(pretrained_cfg=WHOLE | {"crop_mode": "border"})
def oblong(): return Asking(pretrained_cfg=WHOLE | {"input_size": (3, 96, 64)})
def random_filter(): return Asking(pretrained_cfg=WHOLE | {"interpolation": "random"})
def empty(): return Asking(pretrained_cfg={})
def nonsense(): return Asking(pretrained_cfg="yes", transform=3)
def entry(): return Asking(weights=torchvision.models.ViT_B_16_Weights.IMAGENET1K_SWAG_LINEAR_V1)
def preset(): return Asking(preprocess=torchvision.models.ResNet50_Weights.IMAGENET1K_V1.transforms())
"""
_OWN = Transform(96, (0.5, 0.4, 0.3), (0.2, 0.2, 0.1), 109, keep_aspect=True, interpolation="bicubic")


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("pretrained_cfg", _OWN),
        ("default_cfg", _OWN),
        ("squashed", Transform(96, (0.5, 0.4, 0.3), (0.2, 0.2, 0.1), 109, interpolation="bicubic")),
        ("entry", Transform(224, resize_size=224, keep_aspect=True, interpolation="bicubic")),
        ("preset", Transform(224, resize_size=256, keep_aspect=True)),
        *((name, None) for name in ("bordered", "oblong", "random_filter", "empty", "nonsense")),
    ],
)
def test_a_network_of_ones_own_that_states_its_transform_has_it(folder: Path, name: str, own: Transform | None) -> None:
    (folder / "mynets.py").write_text(ASKING)
    built = build_network(f"python:mynets:{name}", "random")
    assert (built.asks_for, built.transform) == (own, own or TUTORIAL)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            "alexnet",
            "224 x 224 squeezed, bilinear, ImageNet mean and std; its weights ask for: shorter side 256, centre",
        ),
        ("python:mynets:tiny", "nothing is known of how it was trained"),
        ("squeezenet1_1", None),
    ],
)
@pytest.mark.usefixtures("folder")
def test_one_line_tells_of_a_preparation_that_the_weights_do_not_ask_for(model: str, said: str | None) -> None:
    layer = {"alexnet": "features.0", "squeezenet1_1": "features.0"}.get(model, "conv")
    notes: list[str] = []
    load_backbone(model, [layer], "random", note=notes.append)
    assert len(notes) == (said is not None)
    assert all(str(said) in note for note in notes)


def test_the_tutorials_networks_are_fed_as_the_tutorial_did(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 8, 8))
    stated.pretrained_cfg = {"input_size": (3, 96, 96), "mean": (0.5,) * 3, "std": (0.5,) * 3}  # type: ignore[assignment]
    monkeypatch.setattr(torch.hub, "load", lambda **_options: stated)
    theirs = "torchhub:NVIDIA/DeepLearningExamples:torchhub:nvidia_resnet50"
    assert build_network(theirs, trust_remote_code=True).transform == TUTORIAL
    assert build_network(theirs, transform="model", trust_remote_code=True).transform.size == 96
    assert build_network("torchhub:some/one:net", trust_remote_code=True).transform.size == 96


@pytest.mark.usefixtures("folder")
def test_a_repository_on_this_disk_is_built_from() -> None:
    backbone = load_backbone("torchhub:./repo:tiny", ["conv"], "random:1", trust_remote_code=True)
    assert backbone.identity("conv")["architecture"] == "torchhub:repo:tiny"
    own = load_backbone("python:mynets:tiny", ["conv"], "random:1")
    assert own.identity("conv")["weights"] == backbone.identity("conv")["weights"]


@pytest.mark.parametrize("package", ["parts.py", "parts/__init__.py", "parts/sub/__init__.py", "parts/sub.py"])
def test_modules_of_one_repository_are_not_taken_for_anothers(folder: Path, package: str) -> None:
    module = package.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for side in (2, 3):
        repository = folder / f"of{side}"
        (repository / package).parent.mkdir(parents=True)
        (repository / package).write_text(f"side = {side}")
        text = f"from torch import nn\nfrom {module} import side\n\ndef net():\n    return nn.Conv2d(3, 4, side)\n"
        (repository / "hubconf.py").write_text(text)

    def sides() -> list[int]:
        built = [build_network(f"torchhub:./of{side}:net", trust_remote_code=True).module for side in (2, 3)]
        return [one.kernel_size[0] for one in built]  # type: ignore[index,union-attr]

    assert sides() == [2, 3]
    (folder / "of3" / package).write_text("side = 11")
    assert sides() == [2, 11]
    assert sys.modules["numpy"] is np


def test_a_repositorys_code_does_not_run_without_leave(folder: Path) -> None:
    (folder / "repo" / "hubconf.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(UsageError, match=r"runs code from \./repo") as caught:
        build_network("torchhub:./repo:tiny", "random")
    assert "trust_remote_code=True" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("torchhub:tiny", "not written as torchhub:OWNER/REPO:NAME"),
        ("torchhub:./nowhere:tiny", "holds no hubconf.py"),
        ("torchhub:./repo:tinny", "cannot be built: RuntimeError: Cannot find callable tinny"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_a_repository_does_not_offer_is_told(model: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        build_network(model, "random", trust_remote_code=True)


def test_the_tutorials_repository_is_asked_with_its_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def load(**options: Any) -> torch.nn.Module:
        asked.append(options)
        return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 8, 8))

    monkeypatch.setattr(torch.hub, "load", load)
    model = "torchhub:NVIDIA/DeepLearningExamples:torchhub:nvidia_resnet50"
    backbone = load_backbone(model, ["0"], trust_remote_code=True)
    assert asked[0]["repo_or_dir"] == "NVIDIA/DeepLearningExamples:torchhub"
    assert (asked[0]["model"], asked[0]["pretrained"]) == ("nvidia_resnet50", True)
    assert backbone.identity("0")["architecture"] == model


def test_a_repository_out_of_reach_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_options: Any) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "load", refuse)
    with pytest.raises(DataError, match="torchhub:a/b:net cannot be downloaded: Name or service not known"):
        build_network("torchhub:a/b:net", trust_remote_code=True)


def test_a_hub_that_does_not_answer_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("timm")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    constants = importlib.import_module("huggingface_hub.constants")
    asked: list[str] = []

    def ask(hosts: list[str]) -> dict[str, str | None]:
        asked.extend(hosts)
        return dict.fromkeys(hosts, "connection refused")

    monkeypatch.setattr(constants, "ENDPOINT", nobody)
    monkeypatch.setattr("algocli.features.networks.hub.unreachable", ask)
    # Between two attempts of its own the hub's client would wait.
    monkeypatch.setattr("time.sleep", lambda _seconds: pytest.fail("it asks again"))
    with pytest.raises(DataError, match=rf"{nobody} is out of reach \(connection refused\)") as caught:
        build_network("timm/resnet10t", "pretrained")
    assert asked == [nobody]
    assert "weights=FILE" in str(caught.value.hint)
    assert not constants.HF_HUB_OFFLINE


@pytest.mark.parametrize("model", ["timm/resnet10t", "open_clip:ViT-B-32/openai"])
def test_a_network_whose_weights_are_out_of_reach_is_not_built(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(model.replace(":", "/").partition("/")[0])
    monkeypatch.setattr("algocli.features.networks.hub.unreachable", lambda hosts: dict.fromkeys(hosts, "no route"))
    monkeypatch.setattr(torch.nn.Conv2d, "__init__", lambda *_args, **_options: pytest.fail("it is built"))
    monkeypatch.setenv("TORCH_HOME", "/nowhere")
    with pytest.raises(DataError, match=rf"the pretrained weights of {model}.* cannot be downloaded: .*no route"):
        build_network(model, "pretrained")


def test_weights_that_were_fetched_before_are_taken_without_a_word_to_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    timm, hub = pytest.importorskip("timm"), importlib.import_module("huggingface_hub")
    constants = importlib.import_module("huggingface_hub.constants")
    create, before = timm.create_model, constants.HF_HUB_OFFLINE
    offline: list[bool] = []

    def pretend(name: str, *, pretrained: bool) -> torch.nn.Module:
        offline.append(constants.HF_HUB_OFFLINE)
        return create(name, pretrained=False)

    monkeypatch.setattr("algocli.features.networks.hub.unreachable", lambda _hosts: pytest.fail("it asks"))
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda _repository, name, revision: f"/kept/{name}")
    monkeypatch.setattr(timm, "create_model", pretend)
    assert build_network("timm/resnet10t").weights == ""
    assert offline == [True]
    assert before == constants.HF_HUB_OFFLINE
