"""Weights fetched for other machines: no network here, so the clients' functions that download are stood in for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from algocli.errors import DataError, UsageError
from algocli.features.networks.backbones import load_backbone
from algocli.features.networks.folders import files_in

hub = pytest.importorskip("huggingface_hub", reason="the hub's client is not installed")


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algocli.features.networks.hub.unreachable", lambda hosts: dict.fromkeys(hosts))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reached: None) -> dict[str, Any]:
    """Stand in for the hub: a repository with more files than are needed, fetched into the client's kind of cache."""
    cache = tmp_path / "hf/hub"
    place = cache / "models--someone--net/snapshots/abc"
    files = ["config.json", "preprocessor_config.json", "tokenizer.json", "README.md", "own.py", "tf_model.h5"]
    files += ["model.safetensors", "pytorch_model.bin", "onnx/config.json"]
    asked: dict[str, Any] = {"wanted": None}

    def download(name: str, *, local_files_only: bool = False, allow_patterns: list[str] | None = None) -> str:
        assert name == "someone/net"
        if local_files_only:
            if not place.exists():
                raise hub.errors.LocalEntryNotFoundError("not here")
            return str(place)
        asked["wanted"] = sorted(allow_patterns or [])
        place.mkdir(parents=True)
        for file in allow_patterns or []:
            (place / file).write_text(json.dumps({"model_type": "vit"}))
        return str(place)

    monkeypatch.setattr(hub, "snapshot_download", download)
    monkeypatch.setattr(hub, "list_repo_files", lambda name: files)
    return asked


def test_of_a_repository_what_a_network_is_built_of_is_fetched_once_and_copied(
    repository: dict[str, Any], tmp_path: Path
) -> None:
    (fetched,) = algocli.fetch_weights("hf:someone/net", to=tmp_path / "copy")
    assert repository["wanted"] == ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert (fetched.variable, fetched.home) == ("HF_HOME", tmp_path / "hf")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == repository["wanted"]
    repository["wanted"] = None
    result = CliRunner().invoke(app, ["fetch-weights", "hf:someone/net"])
    assert result.exit_code == 0
    assert str(fetched.files[0]) in result.stdout
    assert f"copy {tmp_path / 'hf'}, and let HF_HOME name the copy" in result.stderr
    assert repository["wanted"] is None


def test_of_several_networks_each_has_a_folder_that_names_them(
    repository: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    from torchvision.models import squeezenet1_1

    weights = squeezenet1_1(weights=None).state_dict()

    def load(url: str, **_options: Any) -> Any:
        file = tmp_path / "torch/hub/checkpoints" / url.rpartition("/")[2]
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(weights, file)
        return weights

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", load)
    one, other = algocli.fetch_weights(["squeezenet1_1", "hf:someone/net"], to=tmp_path / "copies")
    assert (one.variable, one.home) == ("TORCH_HOME", tmp_path / "torch")
    assert one.folder == tmp_path / "copies/squeezenet1_1"
    assert other.folder == tmp_path / "copies/hf-someone-net"
    backbone = load_backbone("squeezenet1_1", ["features.3"], str(one.folder))
    assert backbone.weights_digests == load_backbone("squeezenet1_1", ["features.3"], str(one.files[0])).weights_digests


def test_of_timms_the_file_is_fetched_that_it_looks_for_first(
    tmp_path: Path, reached: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("timm")
    asked: list[tuple[str, str]] = []

    def download(repository: str, name: str, revision: str | None = None) -> str:
        asked.append((repository, name))
        if name == "model.safetensors":
            raise hub.errors.EntryNotFoundError("no such file")
        (tmp_path / name).touch()
        return str(tmp_path / name)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    (fetched,) = algocli.fetch_weights("timm/vit_base_patch14_dinov2.lvd142m")
    assert asked == [
        ("timm/vit_base_patch14_dinov2.lvd142m", "model.safetensors"),
        ("timm/vit_base_patch14_dinov2.lvd142m", "pytorch_model.bin"),
    ]
    assert fetched.files == (tmp_path / "pytorch_model.bin",)


def test_what_cannot_be_fetched_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algocli.features.networks.hub.unreachable", lambda hosts: dict.fromkeys(hosts, "no route"))
    for model in ("hf:nobody/has-this", "timm/resnet10t"):
        with pytest.raises(DataError, match=f"{model}.* cannot be downloaded: .* is out of reach .no route"):
            algocli.fetch_weights(model)
    with pytest.raises(UsageError, match="its own code fetches its weights"):
        algocli.fetch_weights("python:json:loads")
    with pytest.raises(UsageError, match="weights='random:3' are not fetched"):
        algocli.fetch_weights("alexnet", weights="random:3")


def folder_of(tmp_path: Path, *names: str, index: dict[str, str] | None = None) -> Path:
    for name in names:
        (tmp_path / name).touch()
    if index is not None:
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return tmp_path


PARTS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.mark.parametrize(
    ("names", "index", "expected"),
    [
        (("model.safetensors", "pytorch_model.bin", "model.fp16.safetensors"), None, ["model.safetensors"]),
        (PARTS, {"a": PARTS[0], "b": PARTS[1]}, list(PARTS)),
        (PARTS, None, list(PARTS)),
        (("any.safetensors", "optimizer.bin"), None, ["any.safetensors"]),
        (("checkpoint.pth", "log.txt"), None, ["checkpoint.pth"]),
        (PARTS[:1], {"a": PARTS[0], "b": PARTS[1]}, f"lacks {PARTS[1]}, of 2 parts"),
        (PARTS[1:], None, f"lacks {PARTS[0]}, of 2 parts"),
        ((), {"a": "../../secret.safetensors"}, "is no index of weights"),
        ((), None, "holds no weights"),
        ((*PARTS, "x.safetensors"), None, "holds several checkpoints"),
    ],
)
def test_which_files_of_a_folder_are_its_weights(
    names: tuple[str, ...], index: dict[str, str] | None, expected: list[str] | str, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, *names, index=index)
    if isinstance(expected, list):
        assert [path.name for path in files_in(folder)] == expected
        return
    with pytest.raises(DataError, match=expected.replace(".", r"\.")):
        files_in(folder)
