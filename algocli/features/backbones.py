"""Networks by name, cut at a layer: what an image is passed through.

A layer is a node of the graph that torchvision traces: 'features.2' for one node, 'layer4' for the last
node inside that module.
"""

from __future__ import annotations

import difflib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.error import URLError

from algocli.errors import DataError, UsageError
from algocli.features.preprocessing import TUTORIAL, Transform
from algocli.features.weights import PRETRAINED, digest, load_state, random_seed, read_state

if TYPE_CHECKING:
    import torch

# Seconds without an answer after which pretrained weights count as out of reach.
DOWNLOAD_TIMEOUT = 20.0


# The pretrained weights of these two expect another normalisation, which `transform_input` makes from ImageNet's and
# which torchvision switches on only where it loads the weights itself. Without `init_weights` it warns.
_ARGUMENTS = {name: {"transform_input": True, "init_weights": True} for name in ("googlenet", "inception_v3")}


@dataclass(frozen=True)
class Layer:
    """A graph node and the shape of what it yields for one image."""

    name: str
    shape: tuple[int, ...]

    @property
    def n_features(self) -> int:
        """The length of the flattened output."""
        n = 1
        for length in self.shape:
            n *= length
        return n


@dataclass(frozen=True)
class Backbone:
    """A network cut at a layer, its weights loaded, ready to be fed."""

    model: str
    layer: Layer
    network: torch.nn.Module
    transform: Transform
    weights: str
    weights_digest: str

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Turn (n, size, size, 3) uint8 pixels into the layer's output, (n, *layer.shape)."""
        output: torch.Tensor = self.network(self.transform.normalise(pixels))[self.layer.name]
        return output

    def identity(self) -> dict[str, Any]:
        """Return everything of the network that changes a number."""
        return {
            "architecture": f"torchvision/{self.model}",
            "arguments": dict(_ARGUMENTS.get(self.model, {})),
            "weights": self.weights_digest,
            "layer": self.layer.name,
            "transform": self.transform.identity(),
        }


def load_backbone(model: str, layer: str, weights: str = PRETRAINED, device: str = "cpu") -> Backbone:
    """Build a network, cut it at `layer`, load its weights and put it on a device.

    Parameters
    ----------
    weights
        'pretrained' (torchvision's default weights), 'random', 'random:SEED', or a checkpoint's path.

    Raises
    ------
    UsageError
        If there is no such model or layer.
    DataError
        If the weights cannot be had or do not fit.
    """
    import torch

    seed = random_seed(weights)
    with _seeded(0 if seed is None else seed):
        whole = _build(model)
    network = _cut(whole, model, layer)
    if seed is None:
        state = _pretrained_state(model) if weights == PRETRAINED else read_state(Path(weights))
        load_state(network, state, f"{model}'s pretrained weights" if weights == PRETRAINED else weights)
    network = network.to(device).to(memory_format=torch.channels_last).requires_grad_(False)
    found = Layer(layer, _probe(network, layer, device))
    return Backbone(model, found, network, TUTORIAL, weights, digest(network))


def list_layers(model: str) -> list[Layer]:
    """List a network's graph nodes in the order in which they run, with their output shapes.

    Nodes that yield no tensor with one row an image (a shape, a list, a parameter) are left out.
    """
    import torch
    from torchvision.models.feature_extraction import create_feature_extractor

    whole = _build(model)
    nodes = _node_names(whole, model)
    with torch.inference_mode():
        outputs = create_feature_extractor(whole, nodes, suppress_diff_warning=True)(_blank(2))
    return [
        Layer(name, tuple(output.shape[1:]))
        for name, output in outputs.items()
        if isinstance(output, torch.Tensor) and output.ndim > 1 and output.shape[0] == 2
    ]


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
        return str(torch.device(name))
    except RuntimeError as error:
        raise UsageError(f"'{name}' is no device", hint="use auto, cpu or cuda") from error


def _build(model: str) -> torch.nn.Module:
    """Build a torchvision classifier with freshly initialised weights, in-place activations switched off."""
    import torchvision

    names = torchvision.models.list_models(module=torchvision.models)
    if model not in names:
        raise UsageError(f"torchvision has no classifier '{model}'{_did_you_mean(model, names)}")
    arguments = _ARGUMENTS.get(model, {})
    whole: torch.nn.Module = torchvision.models.get_model(model, weights=None, **arguments).eval()
    for module in whole.modules():
        # An in-place ReLU would rectify the convolution's output that the user asked for.
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    return whole


def _cut(whole: torch.nn.Module, model: str, layer: str) -> torch.nn.Module:
    from torchvision.models.feature_extraction import create_feature_extractor

    nodes = _node_names(whole, model)
    if not any(node == layer or node.startswith(f"{layer}.") for node in nodes):
        raise UsageError(
            f"{model} has no layer '{layer}'{_did_you_mean(layer, nodes)}; it has:\n  " + ", ".join(nodes),
            hint=f"algocli layers {model}",
        )
    network = create_feature_extractor(whole, [layer], suppress_diff_warning=True)
    for node in network.graph.nodes:
        # The functional forms have no module whose attribute could be set.
        if node.kwargs.get("inplace"):
            node.kwargs = {**node.kwargs, "inplace": False}
    network.recompile()
    return cast("torch.nn.Module", network)


def _node_names(whole: torch.nn.Module, model: str) -> list[str]:
    from torchvision.models.feature_extraction import get_graph_node_names

    try:
        # The nodes of training may differ (auxiliary heads): nothing here is ever trained.
        names = get_graph_node_names(whole, suppress_diff_warning=True)[1]
    # torch.fx meets code that it cannot trace with errors of any kind.
    except Exception as error:
        raise UsageError(f"{model} cannot be traced into a graph of layers: {error}") from error
    return [name for name in names if name != "x"]


def _pretrained_state(model: str) -> dict[str, torch.Tensor]:
    from torchvision.models import get_model_weights

    weights = get_model_weights(model).DEFAULT
    try:
        with _impatient():
            return dict(weights.get_state_dict(progress=False, check_hash=True))
    except (URLError, OSError, RuntimeError) as error:
        raise DataError(
            f"the pretrained weights of {model} cannot be downloaded: {getattr(error, 'reason', error)}",
            hint=f"fetch {weights.url} elsewhere and pass it: --weights FILE (or --weights random for a test)",
        ) from error


def _probe(network: torch.nn.Module, layer: str, device: str) -> tuple[int, ...]:
    """Return the layer's shape for one image, or say why it can be no feature."""
    import torch

    with torch.inference_mode():
        output = network(_blank(2).to(device))[layer]
    if not isinstance(output, torch.Tensor) or output.ndim < 2 or output.shape[0] != 2:
        kind = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise UsageError(f"layer {layer} yields {kind}, not one row of numbers an image", hint="choose another layer")
    return tuple(output.shape[1:])


def _blank(n: int) -> torch.Tensor:
    import torch

    return torch.zeros(n, 3, TUTORIAL.size, TUTORIAL.size)


@contextmanager
def _impatient() -> Iterator[None]:
    """Give up on a host that does not answer: the download itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw from torch's generator with a seed, leaving its state as it was found."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _did_you_mean(word: str, names: list[str]) -> str:
    close = difflib.get_close_matches(word, names, n=3)
    return f" (did you mean {' or '.join(close)}?)" if close else ""
