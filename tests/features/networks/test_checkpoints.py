"""Files of weights as people have them, held against plain torch: what is read of them, and what is refused and how."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import sys
import tarfile
import zipfile
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algocli.errors import DataError, UsageError
from algocli.features.networks.backbones import load_backbone
from algocli.features.networks.checkpoints import read_state
from algocli.features.networks.probing import probe_pixels
from algocli.features.networks.weights import load_state

State = dict[str, torch.Tensor]


class Small(torch.nn.Module):
    """A convolution and a batch normalisation, whose mean and variance are buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)


class Settings(dict[str, Any]):
    """A dict of a class that a trainer may bring."""


class Trainer:
    """Anything else that lies beside weights."""

    def __init__(self) -> None:
        self.epoch = 3


@pytest.fixture
def network() -> Small:
    torch.manual_seed(0)
    return Small()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


def under(prefix: str, state: Mapping[str, torch.Tensor]) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def assert_same(network: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, state[name], rtol=0, atol=0)


def load(file: Path, part: str = "") -> tuple[Small, str]:
    """Return a network that was drawn otherwise, with the file's weights, and what was said of them."""
    torch.manual_seed(1)
    loaded, said = Small(), list[str]()
    load_state(loaded, read_state(Path(f"{file}{part}")), str(file), note=said.append)
    return loaded, " ".join(said)


# Each holds the weights `a`; some hold those of another network, `b`, which are not meant.
WRAPPED: dict[str, tuple[Callable[[State, State], Any], str]] = {
    "plain": (lambda a, b: a, ""),
    "state_dict": (lambda a, b: {"state_dict": a, "epoch": 3}, "under 'state_dict/'"),
    "model": (lambda a, b: {"model": a}, "under 'model/'"),
    "torch's own tutorial": (
        lambda a, b: {"model_state_dict": a, "optimizer_state_dict": {"state": {}}, "loss": torch.tensor(0.3)},
        "under 'model_state_dict/'",
    ),
    "DataParallel": (lambda a, b: {"state_dict": under("module.", a)}, "under 'state_dict/module.'"),
    "Lightning": (lambda a, b: under("model.", a), "under 'model.'"),
    "a compiled one": (lambda a, b: under("_orig_mod.module.", a), "under '_orig_mod.module.'"),
    "a loss beside it": (lambda a, b: {"net": {**under("backbone.", a), "criterion.t": torch.ones(7)}}, "'net/backb"),
    "an average": (lambda a, b: {"n_averaged": torch.tensor(3), **under("module.", a)}, "under 'module.'"),
    "timm": (lambda a, b: {"state_dict": b, "state_dict_ema": a}, "w.pth:state_dict' takes them"),
    "torchvision": (lambda a, b: {"model": b, "model_ema": under("module.", a)}, "w.pth:model' takes them"),
    "DINO": (
        lambda a, b: {
            "student": under("module.backbone.", b),
            "teacher": under("backbone.", a) | {"head.last_layer.weight_g": torch.zeros(5, 1)},
            "args": Namespace(arch="vit_small", lr=5e-4),
            "dino_loss": {"center": torch.zeros(1, 5)},
        },
        "under 'teacher/backbone.'; those under 'student/module.backbone.' differ",
    ),
    "MoCo": (
        lambda a, b: {
            "arch": "resnet50",
            "state_dict": under("module.encoder_k.", b) | under("module.encoder_q.", a) | {"queue": torch.zeros(9)},
        },
        "w.pth:encoder_k' takes them",
    ),
    "MoCo v3": (
        lambda a, b: {"state_dict": under("module.momentum_encoder.", b) | under("module.base_encoder.", a)},
        "w.pth:momentum_encoder' takes them",
    ),
    "BYOL": (lambda a, b: under("target.net.", b) | under("online.net.", a), "under 'online.net.'"),
    "VISSL": (
        lambda a, b: {"classy_state_dict": {"base_model": {"model": {"trunk": under("_feature_blocks.", a)}}}},
        "under 'classy_state_dict/base_model/model/trunk/_feature_blocks.'",
    ),
    "an attacked one": (
        lambda a, b: {"model": under("module.model.", a) | under("module.attacker.model.", a)},
        "under 'model/module.model.'",
    ),
    "a part of it parallel": (lambda a, b: {n.replace("conv.", "conv.module."): t for n, t in a.items()}, "wrappers"),
    "numbers of numpy": (
        lambda a, b: {"state_dict": a, "best_acc1": np.float64(71.2), "rng": np.random.RandomState(0).get_state()},
        "under 'state_dict/'",
    ),
    "records": (
        lambda a, b: {"model": a, "at": Path("x"), "n": Counter("aab"), "d": defaultdict(list, {1: [2]})},
        "under 'model/'",
    ),
    "things of one's own": (
        lambda a, b: {"model": a, "trainer": Trainer(), "settings": Settings(lr=Trainer())},
        "under 'model/'",
    ),
}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("name", WRAPPED)
def test_weights_are_those_that_plain_torch_would_take(network: Small, tmp_path: Path, name: str, zipped: bool) -> None:
    wrap, said = WRAPPED[name]
    torch.manual_seed(2)
    state = dict(network.state_dict())
    torch.save(wrap(state, dict(Small().state_dict())), tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    loaded, told = load(tmp_path / "w.pth")
    assert_same(loaded, state)
    assert said in told
    assert bool(said) == bool(told)


def test_another_part_of_a_checkpoint_is_had_by_its_name(network: Small, file: Path) -> None:
    meant, other = dict(network.state_dict()), dict(Small().state_dict())
    torch.save({"student": under("module.", meant), "teacher": other}, file)
    assert_same(load(file)[0], other)
    for part in (":student", ":student.module", ":student/module."):
        assert_same(load(file, part)[0], meant)
    with pytest.raises(
        DataError, match=r"nothing under the name 'head'; it holds 14 tensors, under student/, teacher/"
    ):
        read_state(Path(f"{file}:head"))


def test_a_part_is_asked_for_as_weights(file: Path, tmp_path: Path) -> None:
    layer, networks = "features.2", [load_backbone("alexnet", "features.2", f"random:{seed}") for seed in (1, 2)]
    states = [dict(net.network.state_dict()) for net in networks]
    torch.save({"teacher": states[0], "student": states[1]}, file)
    images = torch.from_numpy(probe_pixels(224))
    for part, expected in (("", networks[0]), (":student", networks[1])):
        found = load_backbone("alexnet", layer, f"{file}{part}")
        assert found.weights_digests == expected.weights_digests
        torch.testing.assert_close(found(images)[layer], expected(images)[layer], rtol=0, atol=0)


def test_which_files_of_a_folder_were_read_is_told(tmp_path: Path) -> None:
    network = load_backbone("alexnet", "features.2", "random:1")
    state = {name: tensor.contiguous() for name, tensor in network.network.state_dict().items()}
    parts = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    for part, names in zip(parts, (list(state)[:1], list(state)[1:]), strict=True):
        save_safetensors({name: state[name] for name in names}, tmp_path / part)
    said: list[str] = []
    found = load_backbone("alexnet", "features.2", str(tmp_path), note=said.append)
    assert found.weights_digests == network.weights_digests
    assert f"weights of {tmp_path}: {parts[0]}, {parts[1]}" in said


def test_a_network_in_a_wrapper_takes_the_weights_of_what_it_wraps(network: Small, file: Path) -> None:
    torch.save({"state_dict": network.state_dict()}, file)
    wrapper, said = torch.nn.ModuleDict({"backbone": Small()}), list[str]()
    load_state(wrapper, read_state(file), "it", note=said.append)
    assert_same(wrapper["backbone"], network.state_dict())
    assert said == ["weights of it: the 6 tensors under 'state_dict/' that the network calls 'backbone.*'"]


def test_the_weights_of_a_module_alone_are_taken_where_they_are_all_of_it(file: Path) -> None:
    torch.manual_seed(3)
    whole = torch.nn.ModuleDict({"features": torch.nn.Sequential(torch.nn.Linear(2, 3)), "head": torch.nn.Linear(3, 1)})
    state, needed = whole["features"].state_dict(), {"features.0.weight", "features.0.bias"}
    torch.save(state, file)
    other = torch.nn.ModuleDict({"features": torch.nn.Sequential(torch.nn.Linear(2, 3)), "head": torch.nn.Linear(3, 1)})
    load_state(other, read_state(file), "it", needed)
    assert_same(other["features"], state)
    torch.save({**state, "1.weight": torch.zeros(3, 3)}, file)
    with pytest.raises(DataError, match="lacks features"):
        load_state(other, read_state(file), "it", needed)


def test_where_nothing_fits_the_files_own_names_are_shown(network: Small, file: Path) -> None:
    torch.save({"teacher": under("module.blocks.0.", network.norm.state_dict()), "centre": torch.ones(1)}, file)
    with pytest.raises(
        DataError, match=r"lacks conv.*it holds 6 tensors, under teacher/: teacher/module\.blocks\.0\.weight, .* \.\.\."
    ):
        load(file)


def test_a_tensor_that_is_missing_is_named_as_the_file_would_name_it(network: Small, file: Path) -> None:
    state = under("module.", network.state_dict())
    del state["module.norm.bias"]
    torch.save({"model": state}, file)
    with pytest.raises(DataError, match=r"lacks model/module\.norm\.bias, which the layer asked for needs$"):
        load(file)


def in_numpys_archive() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.zeros(3))
    return stream.getvalue()


def in_zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("notes.txt", "weights")
    return stream.getvalue()


def in_tar(content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("weights.pth")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize(
    ("content", "said", "hint"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "a pointer of Git LFS", "git lfs pull"),
        (b"../.git/annex/objects/x/y/SHA256E-s3--0.pth", "a pointer of git-annex", "datalad get"),
        (b"\n<!DOCTYPE html>\n<html>", "a web page", "download it again"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied", "an answer of a server", "download it again"),
        (b"", "empty", "copy it again"),
    ],
)
def test_what_stands_in_a_files_place_is_called_what_it_is(
    tmp_path: Path, name: str, content: bytes, said: str, hint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} is .*{said}") as caught:
        read_state(tmp_path / name)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"404: Not Found",
            "neither torch.save nor safetensors wrote it; it is a text that begins with '404",
        ),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "neither torch.save nor safetensors wrote it; it is an HDF5 file"),
        (bytes(400), "neither torch.save nor safetensors wrote it$"),
        (in_numpys_archive(), "an archive of numpy's"),
        (in_zip(), "a zip archive that torch.save did not write, of notes.txt$"),
        (gzip.compress(b"weights", mtime=0), "compressed by gzip"),
        (in_tar(in_zip()), "an archive of tar"),
    ],
)
def test_what_is_no_checkpoint_is_told_so(file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"is .*{said}"):
        read_state(file)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_is_cut_is_told_so(network: Small, file: Path, zipped: bool) -> None:
    torch.save(network.state_dict(), file, _use_new_zipfile_serialization=zipped)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"weights\.pth is cut short"):
        read_state(file)


def test_a_zip_whose_contents_are_damaged_is_told_so(network: Small, file: Path) -> None:
    torch.save(network.state_dict(), file)
    content = bytearray(file.read_bytes())
    content[content.rindex(b"PK\x01\x02")] ^= 1
    content[content.index(b"PK\x01\x02")] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(DataError, match="is a damaged zip archive"):
        read_state(file)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_program_of_torchscript_is_told_from_a_checkpoint(file: Path) -> None:
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), file)
    with pytest.raises(DataError, match="is a TorchScript program, not a checkpoint") as caught:
        read_state(file)
    assert "torch.jit.load(FILE).state_dict()" in str(caught.value.hint)


@pytest.mark.parametrize("save", ["torch", "safetensors"])
def test_a_format_is_known_by_what_a_file_holds(network: Small, tmp_path: Path, save: str) -> None:
    if save == "torch":
        torch.save(network.state_dict(), tmp_path / "a.safetensors")
    else:
        save_safetensors(network.state_dict(), tmp_path / "a.safetensors").rename(tmp_path / "a.bin")
    assert_same(load(next(tmp_path.iterdir()))[0], network.state_dict())


def test_old_names_of_densenets_are_todays(file: Path) -> None:
    class Dense(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.denselayer1 = torch.nn.ModuleDict(
                {"norm1": torch.nn.BatchNorm2d(2), "conv2": torch.nn.Conv2d(1, 1, 1)}
            )

    state = dict(Dense().state_dict())
    torch.save({name.replace("norm1", "norm.1").replace("conv2", "conv.2"): t for name, t in state.items()}, file)
    loaded = Dense()
    load_state(loaded, read_state(file), "it")
    assert_same(loaded, state)


def test_a_network_that_keeps_its_version_beside_its_weights_is_loaded() -> None:
    import torchvision

    networks = [torchvision.models.mnasnet0_5(weights=None) for _ in range(2)]
    load_state(networks[1], networks[0].state_dict(), "it")
    assert_same(networks[1], networks[0].state_dict())


def test_an_address_is_no_file() -> None:
    with pytest.raises(DataError, match="there is no weights file https:") as caught:
        read_state(Path("https://example.org/dino.pth"))
    assert caught.value.hint == "fetch it first, and name the file"


class _Payload:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_code_in_a_checkpoint_is_refused_and_not_run(file: Path, save: Callable[[Any, Path], Any]) -> None:
    mark = file.with_name("the code has run")
    save({"conv.weight": torch.zeros(1), "payload": _Payload(mark)}, file)
    with pytest.raises(DataError, match="without running its code"):
        read_state(file)
    assert not mark.exists()


def test_a_whole_pickled_network_is_refused_with_the_remedy(network: Small, file: Path) -> None:
    torch.save(network, file)
    with pytest.raises(DataError, match="without running its code") as caught:
        read_state(file)
    assert "state_dict()" in str(caught.value.hint)


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(DataError, match=r"there is no weights file .*weights\.pth"):
        read_state(file)


@pytest.mark.parametrize("value", [torch.zeros(3), [1, 2], {"epoch": 3, "lr": 0.1}, {"a": [torch.zeros(2)]}])
def test_a_checkpoint_without_tensors_by_name_is_refused(file: Path, value: Any) -> None:
    torch.save(value, file)
    with pytest.raises(DataError, match="no tensors by name"):
        read_state(file)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "old.pth"
    # The older format is a bare pickle: its bytes steer torch's unpickler.
    torch.save({"a": torch.zeros(3), "b": torch.ones(2, 2)}, path, _use_new_zipfile_serialization=False)
    return path.read_bytes()


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_damage_to_a_checkpoint_ends_in_anything_but_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, sound: bytes, data: st.DataObject
) -> None:
    content = bytearray(sound)
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(sound) - 1), st.integers(0, 255)), max_size=4)):
        content[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.pth"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(DataError):
        assert all(isinstance(tensor, torch.Tensor) for tensor in read_state(path).values())


def save_safetensors(state: dict[str, Any], path: Path, **about: str) -> Path:
    pytest.importorskip("safetensors", reason="safetensors, which timm brings, is not installed")
    from safetensors.torch import save_file

    save_file(state, path, metadata=about)
    return path


@pytest.mark.parametrize("word", ["", "model."])
def test_safetensors_are_read_as_the_same_tensors(network: Small, tmp_path: Path, word: str) -> None:
    named = {f"{word}{name}": tensor for name, tensor in network.state_dict().items()}
    state = read_state(save_safetensors(named, tmp_path / "model.safetensors", format="pt"))
    loaded = Small()
    load_state(loaded, state, "model.safetensors")
    assert_same(loaded, network.state_dict())


def test_half_precision_safetensors_are_taken(network: Small, tmp_path: Path) -> None:
    halves = {name: tensor.bfloat16() for name, tensor in network.state_dict().items()}
    wanted = Small()
    load_state(wanted, read_state(save_safetensors(halves, tmp_path / "model.safetensors")), "file")
    torch.testing.assert_close(wanted.conv.weight, network.conv.weight.bfloat16().float(), rtol=0, atol=0)


@pytest.mark.parametrize("cut", [1, 5, 60, -1])
def test_a_damaged_safetensors_file_is_one_sentence(network: Small, tmp_path: Path, cut: int) -> None:
    path = save_safetensors(network.state_dict(), tmp_path / "model.safetensors")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"model\.safetensors is no sound safetensors file: \w+"):
        read_state(path)


def test_without_safetensors_how_to_get_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"?")
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(UsageError, match=r"model\.safetensors needs safetensors, which is not installed") as caught:
        read_state(tmp_path / "model.safetensors")
    assert "pip install safetensors" in str(caught.value.hint)
