"""Networks cut at some layers, their weights loaded: what an image is passed through.

A layer is a node of the network's graph: 'features.2' for one node, 'layer4' for the last node inside that module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from algocli.errors import UsageError
from algocli.features.layers import Layer, is_pattern, resolve_layers, shapes
from algocli.features.networks import Network, TransformName, build_network
from algocli.features.preprocessing import Transform
from algocli.features.weights import PRETRAINED, digests, load_state

if TYPE_CHECKING:
    import torch

    from algocli.features.graphs import Graph

__all__ = ["Backbone", "Layer", "list_layers", "load_backbone", "resolve_device"]


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
    """

    model: str
    layers: tuple[Layer, ...]
    network: torch.nn.Module
    transform: Transform
    weights: str
    weights_digests: Mapping[str, str]
    computation: Mapping[str, Any] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Turn (n, size, size, 3) uint8 pixels into each layer's output, (n, *layer.shape), by name."""
        outputs: dict[str, torch.Tensor] = self.network(self.transform.normalise(pixels))
        return outputs

    def identity(self, layer: str) -> dict[str, Any]:
        """Return everything of the network that changes a number of one layer."""
        return {
            **self.computation,
            **({"code": self.code[layer]} if self.code else {}),
            "weights": self.weights_digests[layer],
            "layer": layer,
            "transform": self._transform,
        }

    @cached_property
    def _transform(self) -> dict[str, Any]:
        return self.transform.identity()


def load_backbone(
    model: str,
    layers: Sequence[str],
    weights: str = PRETRAINED,
    device: str = "cpu",
    *,
    transform: TransformName = "tutorial",
    trust_remote_code: bool = False,
) -> Backbone:
    """Build a network, cut it at some layers, load its weights and put it on a device.

    Parameters
    ----------
    model
        A network as `algocli.features.networks` names them.
    layers
        Nodes, modules (each stands for its last node) or patterns such as 'layer3.*'. A pattern passes over what
        can be no feature; such a layer asked for by its name is an error. A string is one of them.
    weights
        'pretrained', the name of one of several pretrained weights, 'random', 'random:SEED', or a checkpoint's path.
    transform
        How images are prepared: as the tutorial does it, or as the network's weights were evaluated.
    trust_remote_code
        Whether a repository's code may run here.

    Raises
    ------
    UsageError
        If there is no such model, layer or weights, or a layer can be no feature.
    DataError
        If the network or its weights cannot be had, or they do not fit.
    """
    import torch

    from algocli.features.graphs import read_graph

    built = build_network(model, weights, transform, trust_remote_code=trust_remote_code)
    graph = read_graph(built.module, built.tracing)
    patterns = [layers] if isinstance(layers, str) else layers
    found = _measure(built, graph, resolve_layers(patterns, graph.names, built.model), patterns)
    names = [layer.name for layer in found]
    if built.read_weights is not None:
        needed = {tensor for name in names for tensor in graph.tensors(name)}
        load_state(built.module, built.read_weights(), built.weights_source, needed)
    computed = {"architecture": built.architecture, "arguments": dict(built.arguments)}
    hashed = digests({name: graph.tensors(name) for name in names})
    code = {name: graph.code(name) for name in names} if built.is_own else {}
    network = graph.cut(names).to(device).to(memory_format=torch.channels_last).requires_grad_(False)
    named = built.weights or weights
    return Backbone(built.model, tuple(found), network, built.transform, named, hashed, computed, code)


def list_layers(
    model: str,
    weights: str = "random",
    *,
    transform: TransformName = "tutorial",
    trust_remote_code: bool = False,
) -> list[Layer]:
    """List a network's layers in the order in which they run, with their output shapes.

    Layers that can be no feature (a shape, a list, a parameter, something whose size varies) are left out. The
    default weights are drawn, so that nothing is downloaded.

    Raises
    ------
    UsageError, DataError
        As `load_backbone`.
    """
    from algocli.features.graphs import read_graph

    built = build_network(model, weights, transform, trust_remote_code=trust_remote_code)
    graph = read_graph(built.module, built.tracing)
    return _measure(built, graph, graph.names, ["*"])


def resolve_device(name: str) -> str:
    """Turn 'auto' into 'cuda' where there is one, else 'cpu'.

    Raises
    ------
    UsageError
        If the device asked for is not on this machine.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.split(":")[0] == "cuda" and not torch.cuda.is_available():
        raise UsageError("no CUDA device is available to torch", hint="use --device cpu, or auto")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"'{name}' is no device", hint="use auto, cpu or cuda") from error
    # On 'meta' there are shapes and no numbers.
    if device.type == "meta":
        raise UsageError(f"nothing is computed on the device '{name}'", hint="use auto, cpu or cuda")
    return str(device)


def _measure(built: Network, graph: Graph, names: Sequence[str], patterns: Sequence[str]) -> list[Layer]:
    """Return the layers that can be features; refuse one that cannot and was asked for by its name."""
    outputs = _try_out(built, graph.cut(names))
    found = []
    for name in names:
        shape = shapes(outputs, name)
        if not isinstance(shape, str):
            found.append(Layer(name, shape))
        elif name in patterns or not any(map(is_pattern, patterns)):
            raise UsageError(f"layer {name} {shape}", hint=f"choose another layer: algocli layers {built.model}")
    if not found:
        raise UsageError(f"no layer that fits {' or '.join(patterns)} yields one row of numbers an image")
    return found


def _try_out(built: Network, network: torch.nn.Module) -> list[dict[str, Any]]:
    """Return what the layers yield for two black images, and then for a single one of noise."""
    import torch

    side = built.transform.size
    noise = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    try:
        with torch.inference_mode():
            return [network(images) for images in (torch.zeros(2, 3, side, side), noise)]
    # Networks tell what they will not take with errors of any kind.
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(
            f"{built.model} does not take images of {side} x {side}: {first}",
            hint="prepare them as it was trained: --transform model",
        ) from error
