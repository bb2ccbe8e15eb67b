"""Weights: what is accepted, what is refused and how, and what their digest depends on."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algocli.errors import DataError, UsageError
from algocli.features.networks.weights import digests, load_state, random_seed, read_state


def digest(tensors: Mapping[str, torch.Tensor]) -> str:
    return digests({"": tensors})[""]


class Small(torch.nn.Module):
    """A convolution and a batch normalisation, whose mean and variance are buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)


@pytest.fixture
def network() -> Small:
    torch.manual_seed(0)
    return Small()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


@pytest.mark.parametrize(("word", "seed"), [("random", 0), ("random:0", 0), ("random:17", 17), ("random:007", 7)])
def test_random_weights_carry_a_seed(word: str, seed: int) -> None:
    assert random_seed(word) == seed


@pytest.mark.parametrize("word", ["pretrained", "random.pth", "my/random:3", "weights.pth", "Random"])
def test_any_other_word_is_not_random(word: str) -> None:
    assert random_seed(word) is None


@pytest.mark.parametrize("word", ["random:", "random:x", "random:-1", "random:1.5", f"random:{2**64}"])
def test_a_seed_that_is_none_is_a_usage_error(word: str) -> None:
    with pytest.raises(UsageError, match="the seed must be a whole number"):
        random_seed(word)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state},
        lambda state: {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}},
        lambda state: {f"model.{name}": tensor for name, tensor in state.items()},
    ],
    ids=["plain", "state_dict", "model", "DataParallel", "Lightning"],
)
def test_a_state_dict_is_found_in_its_usual_wrappings(
    network: Small, file: Path, wrap: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    torch.save(wrap(network.state_dict()), file)
    state = read_state(file)
    assert set(state) == set(network.state_dict())
    torch.testing.assert_close(state["conv.weight"], network.conv.weight.data)


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
    assert digest(state) == digest(network.state_dict())


def test_half_precision_safetensors_are_taken(network: Small, tmp_path: Path) -> None:
    halves = {name: tensor.bfloat16() for name, tensor in network.state_dict().items()}
    wanted = Small()
    load_state(wanted, read_state(save_safetensors(halves, tmp_path / "model.safetensors")), "file")
    torch.testing.assert_close(wanted.conv.weight, network.conv.weight.bfloat16().float(), rtol=0, atol=0)


@pytest.mark.parametrize("cut", [0, 5, 60, -1])
def test_a_damaged_safetensors_file_is_one_sentence(network: Small, tmp_path: Path, cut: int) -> None:
    path = save_safetensors(network.state_dict(), tmp_path / "model.safetensors")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"model\.safetensors is no sound safetensors file: \w+"):
        read_state(path)


def test_without_safetensors_how_to_get_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(UsageError, match=r"model\.safetensors needs safetensors, which is not installed") as caught:
        read_state(tmp_path / "model.safetensors")
    assert "pip install safetensors" in str(caught.value.hint)


def test_tensors_that_are_not_needed_are_passed_over(network: Small) -> None:
    wanted = Small()
    load_state(wanted, {**network.state_dict(), "classifier.weight": torch.zeros(7)}, "file")
    assert digest(wanted.state_dict()) == digest(network.state_dict())


def test_half_precision_weights_are_taken(network: Small) -> None:
    wanted = Small()
    load_state(wanted, {name: tensor.half() for name, tensor in network.state_dict().items()}, "file")
    assert wanted.conv.weight.dtype == torch.float32
    torch.testing.assert_close(wanted.conv.weight, network.conv.weight, rtol=1e-3, atol=1e-3)


def test_a_missing_tensor_is_named(network: Small) -> None:
    state = network.state_dict()
    del state["conv.bias"]
    with pytest.raises(DataError, match=r"weights\.pth lacks conv\.bias"):
        load_state(Small(), state, "weights.pth")


def test_of_many_missing_tensors_three_are_named() -> None:
    with pytest.raises(DataError, match=r"lacks conv\.weight, conv\.bias, norm\.weight and 3 more"):
        load_state(Small(), {}, "weights.pth")


def test_a_tensor_of_another_shape_is_named_with_both(network: Small) -> None:
    state = network.state_dict() | {"conv.weight": torch.zeros(8, 3, 3, 3)}
    with pytest.raises(DataError, match=r"conv\.weight \(8 x 3 x 3 x 3 instead of 4 x 3 x 3 x 3\)"):
        load_state(Small(), state, "weights.pth")


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.complex64, torch.bool])
def test_weights_that_are_no_real_numbers_are_refused(network: Small, dtype: torch.dtype) -> None:
    # Loading would convert them, and scales that stand elsewhere would be lost without a word.
    state = network.state_dict() | {"conv.weight": network.conv.weight.detach().to(dtype)}
    with pytest.raises(DataError, match=rf"weights\.pth holds no real numbers in conv\.weight \({dtype}\)"):
        load_state(Small(), state, "weights.pth")


def test_weights_that_hold_nan_are_refused_where_they_are_needed(network: Small) -> None:
    state = network.state_dict()
    state["norm.running_var"] = torch.full((4,), torch.nan)
    with pytest.raises(DataError, match=r"weights\.pth holds NaN in norm\.running_var"):
        load_state(Small(), state, "weights.pth")
    load_state(Small(), state, "weights.pth", {"conv.weight", "conv.bias"})


@pytest.mark.parametrize("name", ["conv.weight", "conv.bias", "norm.weight", "norm.running_mean", "norm.running_var"])
def test_one_bit_of_any_parameter_or_buffer_changes_the_digest(network: Small, name: str) -> None:
    before = digest(network.state_dict())
    flat = network.state_dict()[name].view(-1)
    # The tensor shares its memory with the network.
    flat[-1] = torch.nextafter(flat[-1], torch.tensor(torch.inf))
    assert digest(network.state_dict()) != before


def test_the_digest_hangs_on_values_alone(network: Small) -> None:
    other = Small()
    other.load_state_dict(network.state_dict())
    other = other.to(memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]
    assert digest(other.state_dict()) == digest(network.state_dict())


def test_the_count_of_training_batches_is_no_weight(network: Small) -> None:
    # Inference never reads it, and torchvision's older checkpoints were saved without it.
    before = digest(network.state_dict())
    network.norm.num_batches_tracked += 100
    assert digest(network.state_dict()) == before
    state = {name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}
    wanted = Small()
    load_state(wanted, state, "file")
    assert digest(wanted.state_dict()) == before


def test_the_digests_of_several_layers_are_those_of_each_alone() -> None:
    tensors = {name: torch.full((2,), place) for place, name in enumerate(["a", "b", "b.c", "d", "e"])}
    parts = {"late": "abde", "early": "ab", "other": "d", "same": "ab", "none": ""}
    layers = {layer: {name: tensors[name] for name in names} for layer, names in parts.items()}
    assert digests(layers) == {layer: digest(tensors) for layer, tensors in layers.items()}
    assert len(set(digests(layers).values())) == 4


def test_a_tensor_that_layers_share_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr("algocli.features.networks.weights._add", lambda _total, name, _tensor: read.append(name))
    shared = {name: torch.zeros(1) for name in "abc"}
    digests({"late": shared, "early": {"a": shared["a"]}})
    assert read == ["a", "b", "c"]


def test_only_what_is_needed_is_asked_of_a_checkpoint(network: Small) -> None:
    wanted = Small()
    load_state(wanted, {"conv.weight": network.conv.weight.detach()}, "file", {"conv.weight"})
    torch.testing.assert_close(wanted.conv.weight, network.conv.weight)
