"""Weights: which are meant, what is refused of them, and what their digest depends on."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from algocli.errors import DataError, UsageError
from algocli.features.networks.weights import digests, load_state, random_seed


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


def test_tensors_that_are_not_needed_are_passed_over(network: Small) -> None:
    wanted = Small()
    load_state(wanted, {**network.state_dict(), "classifier.weight": torch.zeros(7)}, "file")
    assert digest(wanted.state_dict()) == digest(network.state_dict())


def test_half_precision_weights_are_taken(network: Small) -> None:
    wanted, said = Small(), list[str]()
    halves = {name: tensor.half() for name, tensor in network.state_dict().items()}
    load_state(wanted, halves, "file", note=said.append)
    assert said == ["weights of file: kept in float16, computed with in float32"]
    load_state(wanted, {f"model.{name}": tensor for name, tensor in halves.items()}, "file", note=said.append)
    assert said[1].endswith(" under 'model.'; kept in float16, computed with in float32")
    load_state(wanted, network.state_dict(), "file", note=said.append)
    assert said[2:] == []
    load_state(wanted, halves, "file")
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
