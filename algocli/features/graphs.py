"""A network as a list of layers that it can be cut at, and what each of them depends on.

Most networks can be traced into a graph of single operations: the layers are its nodes, and what runs after the
last one asked for is left out. A network whose code decides while it runs cannot; its layers are its modules, and
the whole of it runs.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import operator
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import fx
from torch.utils.hooks import RemovableHandle

from algocli.features.layers import last_node
from algocli.features.vision import NodePathTracer, torchvision

# relu_ and add_, which write into their input; neither requires_grad_ nor __add__.
_MARKED = re.compile(r"(?!_|requires_grad_)\w+[a-z0-9]_")


class Graph(Protocol):
    """A network's layers."""

    names: list[str]

    def cut(self, layers: Sequence[str]) -> torch.nn.Module:
        """Return a network that maps images to a dict of the layers' outputs, by name."""
        ...

    def tensors(self, layer: str) -> dict[str, torch.Tensor]:
        """Return the tensors that a layer's output depends on, by name."""
        ...

    def code(self, layer: str) -> str:
        """Return a digest of the computation that leads to a layer, its tensors aside."""
        ...


def read_graph(network: torch.nn.Module, tracing: Mapping[str, Any]) -> Graph:
    """Trace a network; one that cannot be traced without changing what it computes is watched instead.

    Parameters
    ----------
    tracing
        What is to be a node of its own: `leaf_modules` (classes) and `autowrap_functions`.
    """
    leaves = [
        kind for kind in vars(torchvision.ops).values() if inspect.isclass(kind) and issubclass(kind, torch.nn.Module)
    ]
    tracer = NodePathTracer(
        leaf_modules=[*leaves, *tracing.get("leaf_modules", ())],
        autowrap_modules=(math, torchvision.ops),
        autowrap_functions=tuple(tracing.get("autowrap_functions", ())),
    )
    try:
        graph = tracer.trace(network)
    # torch.fx meets code that it cannot trace with errors of any kind.
    except Exception:
        return Watched(network)
    if any(_leaves_its_mark(node, network) for node in graph.nodes):
        return Watched(network)
    return Traced(network, graph, {name: node for node, name in tracer.node_to_qualname.items()})


class Traced:
    """A network whose layers are the nodes of its graph, in the order in which they run."""

    def __init__(self, network: torch.nn.Module, graph: fx.Graph, nodes: Mapping[str, fx.Node]) -> None:
        self._network = network
        self._graph = graph
        self._nodes = {name: node for name, node in nodes.items() if node.op != "placeholder"}
        self.names = list(self._nodes)
        for node in graph.nodes:
            _keep_input(node, network)

    def cut(self, layers: Sequence[str]) -> torch.nn.Module:
        """Return the part of the network that the layers need."""
        graph, copies = fx.Graph(), dict[fx.Node, fx.Node]()
        # The nodes come in the order in which they run, and what none of the layers needs is never copied.
        needed = self._ancestors(*layers)
        for node in self._graph.nodes:
            if node in needed or node.op == "placeholder":
                copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.output({layer: copies[self._node(layer)] for layer in layers})
        return fx.GraphModule(self._network, graph).eval()

    def tensors(self, layer: str) -> dict[str, torch.Tensor]:
        """Return the tensors of the modules and parameters among a node's ancestors, by name."""
        found: dict[str, torch.Tensor] = {}
        for node in self._ancestors(layer):
            found |= _submodule_state(self._network, node)
        return found

    def code(self, layer: str) -> str:
        """Digest a node's ancestors: what each calls, on what, with which settings."""
        ancestors = self._ancestors(layer)
        lines = [self._line(node) for node in self._graph.nodes if node in ancestors]
        return _digest([*lines, str(self._node(layer))])

    def _node(self, layer: str) -> fx.Node:
        return self._nodes[last_node(layer, self.names)]

    def _ancestors(self, *layers: str) -> set[fx.Node]:
        """Return the layers' nodes and all that they are computed from."""
        found: set[fx.Node] = set()
        waiting = [self._node(layer) for layer in layers]
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting.extend(node.all_input_nodes)
        return found

    def _line(self, node: fx.Node) -> str:
        target = node.target
        what = target if isinstance(target, str) else f"{target.__module__}.{getattr(target, '__qualname__', '')}"
        settings = repr(self._network.get_submodule(what)) if node.op == "call_module" else ""
        return f"{node} {node.op} {what} {node.args} {node.kwargs} {settings}"


class Watched:
    """A network that is run as it is, its modules' outputs being copied as they come; each is a layer."""

    def __init__(self, network: torch.nn.Module) -> None:
        self._network = network
        self._hooks: list[RemovableHandle] = []
        self.names = [name for name, _ in network.named_modules() if name]

    def cut(self, layers: Sequence[str]) -> torch.nn.Module:
        """Return the whole network, which yields what the layers said last; one cut before is no more of use."""
        for hook in self._hooks:
            hook.remove()
        watch = _Watch(self._network)
        names = {layer: last_node(layer, self.names) for layer in layers}
        self._hooks = [
            self._network.get_submodule(name).register_forward_hook(watch.keep(layer)) for layer, name in names.items()
        ]
        return watch.eval()

    def tensors(self, layer: str) -> dict[str, torch.Tensor]:
        """Return all tensors: nothing is known of what leads to a module."""
        return dict(self._network.state_dict())

    def code(self, layer: str) -> str:
        """Digest the whole network's settings and the source of its own classes."""
        kinds = {type(module) for module in self._network.modules()}
        sources = sorted(_source(kind) for kind in kinds if not kind.__module__.startswith("torch."))
        return _digest([repr(self._network), *sources, layer])


class _Watch(torch.nn.Module):
    """Runs a network and returns what some of its modules yielded, by name."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network
        # Several threads run the network side by side.
        self._seen = threading.local()

    def forward(self, images: torch.Tensor) -> dict[str, Any]:
        outputs: dict[str, Any] = {}
        self._seen.outputs = outputs
        self.network(images)
        self._seen.outputs = {}
        return outputs

    def keep(self, layer: str) -> Callable[[torch.nn.Module, Any, Any], None]:
        """Return a forward hook that keeps what a module yields."""

        def hook(_module: torch.nn.Module, _inputs: Any, output: Any) -> None:
            # Copied: what follows may change it in place.
            self._seen.outputs[layer] = output.clone() if isinstance(output, torch.Tensor) else output

        return hook


def _leaves_its_mark(node: fx.Node, network: torch.nn.Module) -> bool:
    """Say whether something else sees what a node does in place: a graph without it would compute another number."""
    if not _is_in_place(node, network):
        return False
    order = list(node.graph.nodes)
    later = [
        user for source in node.all_input_nodes[:1] for user in source.users if order.index(user) > order.index(node)
    ]
    return not node.users or bool(later) or (node.op != "call_module" and _pure(node) is None)


def _is_in_place(node: fx.Node, network: torch.nn.Module) -> bool:
    if node.op == "call_module":
        module = network.get_submodule(str(node.target))
        # Dropout does nothing here, in place or not.
        return bool(getattr(module, "inplace", False)) and not isinstance(module, torch.nn.modules.dropout._DropoutNd)
    name = str(node.target) if node.op == "call_method" else getattr(node.target, "__name__", "")
    if node.op == "call_function" and _inplace_argument(node)[1]:
        return True
    return node.op in ("call_method", "call_function") and bool(_MARKED.fullmatch(name))


def _keep_input(node: fx.Node, network: torch.nn.Module) -> None:
    """Have a node return what it would write into its input: an activation would rectify the layer asked for."""
    if not _is_in_place(node, network):
        return
    if node.op == "call_module":
        network.get_submodule(str(node.target)).inplace = False  # type: ignore[assignment]
        return
    place, given = _inplace_argument(node)
    if given:
        # It is the last argument wherever there is one.
        node.args, node.kwargs = node.args[:place], {**node.kwargs, "inplace": False}
    else:
        node.target = _pure(node) or node.target


def _pure(node: fx.Node) -> Any:
    """Return what a call in place is called where it returns a new tensor; None where there is no such thing."""
    if node.op == "call_function" and _inplace_argument(node)[1]:
        return node.target
    if node.op == "call_method":
        bare = str(node.target).removesuffix("_")
        return bare if hasattr(torch.Tensor, bare) else None
    return getattr(torch, getattr(node.target, "__name__", "").removesuffix("_"), None)


def _inplace_argument(node: fx.Node) -> tuple[int, bool]:
    """Return the place and the value of a function's argument `inplace`; False where it has none."""
    if node.op != "call_function" or not callable(node.target):
        return 0, False
    try:
        place = list(inspect.signature(node.target).parameters).index("inplace")
    except (TypeError, ValueError):
        return 0, False
    return place, bool(node.args[place] if len(node.args) > place else node.kwargs.get("inplace", False))


def _submodule_state(network: torch.nn.Module, node: fx.Node) -> dict[str, torch.Tensor]:
    """Return the tensors that one node uses, by their name in the network."""
    name = str(node.target)
    if node.op == "call_module":
        return {f"{name}.{part}": tensor for part, tensor in network.get_submodule(name).state_dict().items()}
    if node.op != "get_attr":
        return {}
    value = operator.attrgetter(name)(network)
    return {name: value} if isinstance(value, torch.Tensor) else {}


def _source(kind: type) -> str:
    try:
        return inspect.getsource(kind)
    # Written at a prompt, or not in Python: its name has to do.
    except (OSError, TypeError):
        return f"{kind.__module__}.{kind.__qualname__}"


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
