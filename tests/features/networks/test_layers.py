"""Names and patterns of layers, and networks that can or cannot be traced, held against algebra and hooks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from algocli.errors import DataError, UsageError
from algocli.features.networks.graphs import Traced, Watched, read_graph
from algocli.features.networks.layers import Layer, resolve_layers, shapes

NAMES = ["stem", "layer1.0", "layer1.1", "layer2.0.conv", "layer2.0.add", "layer2.1", "head"]


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["head", "stem"], ["stem", "head"]),
        (["layer1"], ["layer1"]),
        (["layer2.*"], ["layer2.0.conv", "layer2.0.add", "layer2.1"]),
        (["layer?.0*"], ["layer1.0", "layer2.0.conv", "layer2.0.add"]),
        (["layer2.1", "layer2.*", "layer2.1"], ["layer2.0.conv", "layer2.0.add", "layer2.1"]),
        (["layer2.0", "layer1.[01]"], ["layer1.0", "layer1.1", "layer2.0"]),
    ],
)
def test_layers_come_in_the_order_of_the_graph_and_once(patterns: list[str], found: list[str]) -> None:
    assert resolve_layers(patterns, NAMES) == found


@pytest.mark.parametrize("pattern", ["layer3.*", "layer", "layer2.", "", "Head"])
def test_what_fits_nothing_is_met_with_all_there_are(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"net has no layer .*it has:\s+stem, layer1\.0, .*head") as caught:
        resolve_layers(["stem", pattern], NAMES, "net")
    assert caught.value.hint == "algocli layers net"


def test_a_layers_size_is_the_product_of_its_shape() -> None:
    assert Layer("a", (3, 4, 5)).n_features == 60


@pytest.mark.parametrize(
    ("two", "one", "said"),
    [
        (torch.zeros(2, 3), torch.zeros(1, 3), (3,)),
        (torch.zeros(2, 5, 7), torch.zeros(1, 5, 7), (5, 7)),
        (torch.zeros(2, 3), torch.zeros(1, 4), r"one size"),
        (torch.zeros(2, 3), torch.zeros(3), r"(3,) for 1 images"),
        (torch.zeros(2), torch.zeros(1), r"(2,) for 2 images"),
        (torch.zeros(4, 3), torch.zeros(2, 3), r"(4, 3) for 2 images"),
        ({"a": 1}, {"a": 1}, "yields dict"),
        ((torch.zeros(2, 3),), (torch.zeros(1, 3),), "yields tuple"),
        (7, 7, "yields int"),
        (None, None, "yields nothing"),
    ],
)
def test_a_feature_is_one_row_of_numbers_an_image(two: Any, one: Any, said: Any) -> None:
    found = shapes([{"a": two}, {"a": one}], "a")
    assert found == said if isinstance(said, tuple) else said in found


class Net(nn.Module):
    """A convolution, what a test does to its output, and a convolution."""

    def __init__(self, middle: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 2), nn.Conv2d(4, 2, 1)
        self.relu = nn.ReLU(inplace=True)
        self.middle = middle

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Apply all three."""
        output: torch.Tensor = self.head(self.middle(self.conv(images)))
        return output


def _statement(x: torch.Tensor) -> torch.Tensor:
    x.relu_()
    return x


def _used_again(x: torch.Tensor) -> torch.Tensor:
    return functional.relu(x, inplace=True) + x


def _branch(x: torch.Tensor) -> torch.Tensor:
    return functional.relu_(x) if x.sum() > -1e9 else x


def _fill(x: torch.Tensor) -> torch.Tensor:
    return x.zero_()


@pytest.mark.parametrize(
    ("middle", "kind"),
    [
        (functional.relu, Traced),
        (lambda x: functional.relu(x, inplace=True), Traced),
        (lambda x: functional.relu(x, True), Traced),
        (lambda x: functional.leaky_relu(x, 0.5, True), Traced),
        (torch.relu_, Traced),
        (lambda x: x.relu_().add_(1), Traced),
        (_statement, Watched),
        (_used_again, Watched),
        (_branch, Watched),
        (_fill, Watched),
    ],
)
def test_a_layer_is_what_it_was_before_anything_wrote_into_it(middle: Any, kind: Any) -> None:
    torch.manual_seed(0)
    net, images = Net(middle).eval(), torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        expected = {"conv": net.conv(images).clone(), "head": net(images).clone()}
        graph = read_graph(net, {})
        found = graph.cut(["conv", "head"])(images)
    assert isinstance(graph, kind)
    assert (expected["conv"] < 0).any()
    for name, output in expected.items():
        torch.testing.assert_close(found[name], output, rtol=0, atol=0)


def test_a_traced_layer_hangs_on_what_comes_before_it() -> None:
    net = Net(functional.relu)
    graph = read_graph(net, {})
    assert set(graph.tensors("conv")) == {"conv.weight", "conv.bias"}
    assert set(graph.tensors("head")) == set(net.state_dict())
    assert set(graph.cut(["conv"]).state_dict()) == {"conv.weight", "conv.bias"}


class Masked(Net):
    """Takes a mask, which may be left out."""

    def forward(self, images: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Hide what is to be hidden."""
        output = self.conv(images)
        if mask is not None:
            output = output * mask.view(1, 1, 7, 7)
        hidden: torch.Tensor = self.head(self.middle(output))
        return hidden


def test_what_may_be_left_out_is_left_out() -> None:
    torch.manual_seed(0)
    net, images = Masked(functional.relu).eval(), torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        found = read_graph(net, {}).cut(["head"])(images)
        torch.testing.assert_close(found["head"], net(images), rtol=0, atol=0)


def test_a_watched_layer_hangs_on_the_whole_network() -> None:
    net = Net(_branch)
    graph = read_graph(net, {})
    assert graph.names == ["conv", "head", "relu"]
    assert set(graph.tensors("conv")) == set(net.state_dict())


def test_a_watched_network_serves_several_threads() -> None:
    net = Net(_branch).eval().requires_grad_(False)
    images = [torch.randn(1, 3, 8, 8) for _ in range(40)]
    expected = [net.conv(image) for image in images]
    network = read_graph(net, {}).cut(["conv"])
    with ThreadPoolExecutor(4) as pool:
        for found, output in zip(pool.map(network, images), expected, strict=True):
            torch.testing.assert_close(found["conv"], output, rtol=0, atol=0)


def test_another_setting_is_another_code() -> None:
    one, other = (read_graph(Net(lambda x, slope=slope: functional.leaky_relu(x, slope)), {}) for slope in (0.1, 0.2))
    assert one.code("conv") == other.code("conv")
    assert one.code("head") != other.code("head")


class Block(nn.Module):
    """A convolution, an activation and something without a module."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(4, 4, 1), nn.Tanh()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply all three."""
        output: torch.Tensor = self.act(self.conv(x)) + 1
        return output


class Repeating(nn.Module):
    """Runs a block and an activation three times, and two modules whose names look like calls of one."""

    def __init__(self, *, branches: bool) -> None:
        super().__init__()
        self.stem, self.block, self.act = nn.Conv2d(3, 4, 2), Block(), nn.Sigmoid()
        self.fc_1, self.fc_2 = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.branches = branches

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply all of them."""
        x = self.stem(x)
        for _ in range(3):
            x = self.act(self.block(x))
        if self.branches and x.sum() < -1e9:
            return x
        output: torch.Tensor = self.fc_2(self.fc_1(x))
        return output


CALLS = ["block", "block_1", "block_2", "act", "act_1", "act_2", "block.conv", "block.conv_2", "block.act_1"]


def by_hooks(net: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what every module yields, call by call: its name, and with _1, _2 from the second time on."""
    found: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
            place = sum(word == name or word.startswith(f"{name}#") for word in found)
            found[f"{name}#{place}" if place else name] = output.clone()

        return hook

    hooks = [module.register_forward_hook(keep(name)) for name, module in net.named_modules() if name]
    net(images)
    for hook in hooks:
        hook.remove()
    return {name.replace("#", "_"): output for name, output in found.items()}


@pytest.mark.parametrize("branches", [False, True], ids=["traced", "watched"])
def test_a_name_means_one_call_of_a_module(branches: bool) -> None:
    torch.manual_seed(0)
    net, images = Repeating(branches=branches).eval(), torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        expected = by_hooks(net, images)
        graph = read_graph(net, {}, [images], is_custom=True)
        names = [*CALLS, "fc_1", "fc_2"]
        assert resolve_layers(names, graph.names, "net", graph.calls)
        found = graph.cut(names)(images)
    assert isinstance(graph, Watched if branches else Traced)
    for name in names:
        torch.testing.assert_close(found[name], expected[name], rtol=0, atol=0)


def test_traced_or_watched_the_calls_of_a_module_have_the_same_names() -> None:
    images = [torch.randn(1, 3, 8, 8)]
    traced, watched = (read_graph(Repeating(branches=b), {}, images, is_custom=True) for b in (False, True))
    modules = [name for name in traced.names if not name.startswith("block.add")]
    containers = ["block", "block_1", "block_2"]
    assert modules == [name for name in watched.names if name not in containers]
    assert set(containers) <= set(traced.calls)


def test_networks_by_name_keep_the_names_that_the_tracer_gave_them() -> None:
    names = read_graph(Repeating(branches=False), {}, [torch.randn(1, 3, 8, 8)]).names
    assert names[-2:] == ["fc", "fc_1"]


def test_a_name_that_once_meant_another_call_is_another_key() -> None:
    images = [torch.randn(1, 3, 8, 8)]
    traced, watched = (read_graph(Repeating(branches=b), {}, images) for b in (False, True))
    # As torchvision named them, the first call was always the first.
    assert [traced.call(name) for name in ("act", "act_1", "stem", "block.conv")] == [None] * 4
    assert [traced.call(name) for name in ("block", "block_2")] == [1, 3]
    assert [watched.call(name) for name in ("act", "act_1", "stem", "block")] == [1, 2, None, 1]


class Deciding(nn.Module):
    """Runs a module again while an image is bright."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = nn.Identity(), nn.Conv2d(3, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run it once, or twice."""
        x = self.first(x)
        y: torch.Tensor = self.again(x)
        return self.again(y) if x.mean() > 0.5 else y  # type: ignore[no-any-return]


def test_a_module_that_runs_more_often_for_some_images_is_no_feature() -> None:
    dark, bright = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    graph = read_graph(Deciding(), {}, [dark, bright])
    assert graph.fault("first") is None
    assert "runs more often for one image than for another" in str(graph.fault("again"))
    # Met only later, with an image unlike those that it was tried on.
    unaware = read_graph(Deciding(), {}, [dark]).cut(["again"])
    unaware(dark)
    with pytest.raises(DataError, match="again runs 2 times for some images, where 1 was expected"):
        unaware(bright)
