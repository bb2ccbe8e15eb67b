"""Networks cut at some layers, their weights loaded: what an image is passed through.

A layer is a node of the network's graph: 'features.2' for one node, 'layer4' for the last node inside that module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from shlex import quote
from typing import TYPE_CHECKING, Any

from algocli.compute.foreign import printing_aside
from algocli.compute.patterns import is_pattern
from algocli.compute.track import Note, unheard
from algocli.errors import UsageError
from algocli.features.networks.building import tokens_of
from algocli.features.networks.layers import Layer, last_node, resolve_layers, shapes
from algocli.features.networks.network import Network, TransformName
from algocli.features.networks.opening import open_graph, open_network
from algocli.features.networks.preprocessing import Transform
from algocli.features.networks.weights import PRETRAINED, digests, load_state

if TYPE_CHECKING:
    import torch

    from algocli.features.networks.graphs import Graph

__all__ = ["Backbone", "Layer", "list_layers", "load_backbone", "measure"]


@dataclass(frozen=True)
class Backbone:
    """A network cut at some layers, its weights loaded, ready to be fed.

    Parameters
    ----------
    layers
        In the order in which they run.
    weights
        Where they came from, for people.
    weights_digests
        For each layer, the digest of the weights that its output depends on.
    computation
        What else makes the network itself: its architecture and the arguments that it was built with.
    code
        For each layer of a network whose name does not say what is computed, a digest of that.
    probes
        For each layer of such a network, a digest of what it yields for fixed images.
    call_numbers
        For a layer whose name alone once meant another call of its module, which call it is.
    asks_for
        How the images were prepared that the weights were evaluated on; None where nothing is known of that.
    takes_turns
        Whether one batch must have passed before the next begins: code that is not known, run as it is, may keep
        something of a batch in its modules until it is needed.
    tried
        On which devices, in which modes, it has been seen to be a function of its image.
    """

    model: str
    layers: tuple[Layer, ...]
    network: torch.nn.Module
    transform: Transform
    weights: str
    weights_digests: Mapping[str, str]
    computation: Mapping[str, Any] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    probes: Mapping[str, str] = field(default_factory=dict)
    call_numbers: Mapping[str, int] = field(default_factory=dict)
    asks_for: Transform | None = None
    takes_turns: bool = False
    tried: set[tuple[str, str]] = field(default_factory=set, compare=False)

    def __call__(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Turn (n, size, size, 3) uint8 pixels into each layer's output, (n, *layer.shape), by name."""
        with printing_aside():
            outputs: dict[str, torch.Tensor] = self.network(self.transform.normalise(pixels))
        return outputs

    def identity(self, layer: str) -> dict[str, Any]:
        """Return everything of the network that changes a number of one layer."""
        return {
            **self.computation,
            **({"code": self.code[layer]} if self.code else {}),
            **({"probe": self.probes[layer]} if self.probes else {}),
            **({"call": self.call_numbers[layer]} if layer in self.call_numbers else {}),
            "weights": self.weights_digests[layer],
            "layer": layer,
            "transform": self._transform,
        }

    @cached_property
    def _transform(self) -> dict[str, Any]:
        return self.transform.identity()


@printing_aside()
def load_backbone(
    model: str,
    layers: Sequence[str] | Callable[[Network, Graph], Sequence[str]],
    weights: str = PRETRAINED,
    device: str = "cpu",
    *,
    transform: TransformName = "auto",
    image_size: int | None = None,
    trust_remote_code: bool = False,
    note: Note = unheard,
) -> Backbone:
    """Build a network, cut it at some layers, load its weights and put it on a device.

    Parameters
    ----------
    model
        A network as `algocli.features.networks.building` names them.
    layers
        Nodes, modules (each stands for its last node) or patterns such as 'layer3.*'. A pattern passes over what
        can be no feature; such a layer asked for by its name is an error. A string is one of them.
    weights
        'pretrained', the name of one of several pretrained weights, 'random', 'random:SEED', or a checkpoint's path.
    transform
        How images are prepared: as the tutorial does it, as the network's weights were evaluated, or ('auto') so but
        for the tutorial's own networks and those of which nothing is known.
    image_size
        The side of the images that it is fed, where that is not its own; it is 224 for most.
    trust_remote_code
        Whether a repository's code may run here.
    note
        Hears how images are prepared where that is not what the weights ask for.

    Raises
    ------
    UsageError
        If there is no such model, layer or weights, or a layer can be no feature.
    DataError
        If the network or its weights cannot be had, or they do not fit.
    """
    from algocli.features.networks.probing import fingerprints
    from algocli.features.networks.watched import Watched

    # Of layers that are chosen later, any may need its weights before its positions are interpolated.
    beforehand = ["*"] if callable(layers) else [layers] if isinstance(layers, str) else layers
    built = open_network(
        model, weights, transform, beforehand, image_size=image_size, trust_remote_code=trust_remote_code, note=note
    )
    graph, loads = open_graph(built, note)
    patterns = layers(built, graph) if callable(layers) else beforehand
    measured = measure(
        built, graph, resolve_layers(patterns, graph.names, built.model, {**graph.calls, **graph.parts}), patterns
    )
    names = [layer.name for layer in measured]
    if built.read_weights is not None and not loads:
        needed = {tensor for name in names for tensor in graph.tensors(name)}
        load_state(built.module, built.read_weights(), built.weights_source, needed, note)
    hashed = digests({name: graph.tensors(name) for name in names})
    network = _channels_last(graph.cut(names).to("cpu").requires_grad_(False))
    # Before it moves to a device, which would compute the last bits otherwise.
    probes = fingerprints(network, built.transform, names) if built.is_custom else {}
    return Backbone(
        built.model,
        tuple(measured),
        network.to(device),
        built.transform,
        built.weights or weights,
        hashed,
        {"architecture": built.architecture, "arguments": dict(built.arguments), **_size_of(built)},
        code={name: graph.code(name) for name in names} if built.is_custom else {},
        probes=probes,
        call_numbers={name: call for name in names if (call := graph.call(name)) is not None},
        asks_for=built.asks_for,
        takes_turns=built.is_custom and isinstance(graph, Watched),
    )


@printing_aside()
def list_layers(
    model: str,
    weights: str = "random",
    *,
    transform: TransformName = "auto",
    image_size: int | None = None,
    trust_remote_code: bool = False,
    note: Note = unheard,
) -> list[Layer]:
    """List a network's layers in the order in which they run, with their output shapes.

    Layers that can be no feature (a shape, a list, a parameter, something whose size varies) are left out. The
    default weights are drawn, so that nothing is downloaded.

    Raises
    ------
    UsageError, DataError
        As `load_backbone`.
    """
    built = open_network(
        model, weights, transform, image_size=image_size, trust_remote_code=trust_remote_code, note=note
    )
    graph, _ = open_graph(built, note)
    return measure(built, graph, graph.names, ["*"])


def _size_of(built: Network) -> dict[str, int]:
    """Return what of the size of its images makes a network another one: nothing where it is its own."""
    return {} if built.image_size is None else {"image_size": built.image_size}


def _channels_last(network: torch.nn.Module) -> torch.nn.Module:
    """Lay out convolutions as they run fastest; `to` would stumble over tensors of five dimensions."""
    import torch

    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.ndim == 4:
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)
    return network


def measure(built: Network, graph: Graph, names: Sequence[str], patterns: Sequence[str]) -> list[Layer]:
    """Return the layers that can be features; refuse one that cannot and was asked for by its name."""
    tokens = tokens_of(built)
    found = _found(built, graph, names)
    measured = []
    for name in names:
        shape = graph.fault(name) or found[name]
        if not isinstance(shape, str):
            measured.append(Layer(name, shape, tokens(name, shape)))
        elif name in patterns or not any(map(is_pattern, patterns)):
            raise UsageError(f"layer {name} {shape}", hint=f"choose another: `algocli layers {quote(built.model)}`")
    if not measured:
        raise UsageError(f"no layer that fits {' or '.join(patterns)} yields one row of numbers an image")
    return measured


def _found(built: Network, graph: Graph, names: Sequence[str]) -> dict[str, tuple[int, ...] | str]:
    """Return the shape that each layer yields for an image, or why it can be no feature.

    What was found of a network is not tried out again: one whose layers are chosen by their sizes has been measured
    when it is cut at them.
    """
    nodes = {name: name if name in graph.parts else last_node(name, graph.names, graph.calls) for name in names}
    unknown = [node for node in dict.fromkeys(nodes.values()) if node not in graph.found]
    if unknown:
        outputs = _try_out(built, graph.cut(unknown))
        graph.found |= {node: shapes(outputs, node) for node in unknown}
    return {name: graph.found[node] for name, node in nodes.items()}


def _try_out(built: Network, network: torch.nn.Module) -> list[dict[str, Any]]:
    """Return what the layers yield for two black images, and then for a single one of noise."""
    import torch

    from algocli.features.networks.feeding import fed
    from algocli.features.networks.probing import undisturbed

    side, n_channels = built.transform.size, built.transform.n_channels
    noise = torch.randn(1, n_channels, side, side, generator=torch.Generator().manual_seed(0))
    with fed(built), undisturbed(seed=0):
        return [network(images) for images in (torch.zeros(2, n_channels, side, side), noise)]
