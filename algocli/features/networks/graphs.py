"""A network as a list of layers that it can be cut at, and what each of them depends on.

Most networks can be traced into a graph of single operations: the layers are its nodes, and what runs after the
last one asked for is left out. A network whose code decides while it runs cannot; its layers are its modules, and
the whole of it runs. A module that runs several times has a layer for each time: `relu`, `relu_1`, `relu_2`.
"""

from __future__ import annotations

import inspect
import math
import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import fx

from algocli.features.networks.attention import find_parts
from algocli.features.networks.in_place import keep_input, leaves_its_mark
from algocli.features.networks.layers import Call, CallNames, last_node
from algocli.features.networks.probing import agree
from algocli.features.networks.torchvision_import import NodePathTracer, torchvision
from algocli.features.networks.watched import Hidden, Watched, digest

# Where a node keeps the name of its layer.
LAYER = "algocli_layer"


def read_graph(
    network: torch.nn.Module,
    tracing: Mapping[str, Any],
    images: Sequence[torch.Tensor] = (),
    *,
    is_custom: bool = False,
    hidden: Hidden | None = None,
) -> Graph:
    """Trace a network; one that cannot be traced without changing what it computes is watched instead.

    Parameters
    ----------
    tracing
        What is to be a node of its own: `leaf_modules` (classes) and `autowrap_functions`.
    images : (n, 3, side, side) each
        What to try the network on, to see which modules run how often.
    is_custom
        Whether its code is not known. What such code reads or draws as it runs (a counter, a random number) stands
        still in a graph, so a graph must agree with the network on the images.
    hidden
        What of a module's output its layer is; a network that has it is watched, whether or not it can be traced.
    """
    if hidden is not None:
        return Watched(network, images, hidden)
    leaves = [
        kind for kind in vars(torchvision.ops).values() if inspect.isclass(kind) and issubclass(kind, torch.nn.Module)
    ]
    tracer = _Tracer(
        leaf_modules=[*leaves, *tracing.get("leaf_modules", ())],
        autowrap_modules=(math, torchvision.ops),
        autowrap_functions=tuple(tracing.get("autowrap_functions", ())),
    )
    try:
        graph = tracer.trace(network)
    # torch.fx meets code that it cannot trace with errors of any kind.
    except Exception:
        return Watched(network, images)
    if any(leaves_its_mark(node, network) or _is_asked_for_nothing(node) for node in graph.nodes):
        return Watched(network, images)
    named = {name: node for node, name in tracer.node_to_qualname.items() if node.op != "placeholder"}
    traced = Traced(network, graph, _exact_names(network, named) if is_custom else named, tracer.returned)
    if is_custom and not all(agree(network, traced.whole(), some) for some in images[:1]):
        return Watched(network, images)
    return traced


class _Tracer(NodePathTracer):  # type: ignore[misc]
    """Also keeps what each call of a module that holds others returned."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.returned: list[tuple[str, Any]] = []

    def call_module(
        self, m: torch.nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Trace into a module, or make a node of it."""
        output = super().call_module(m, forward, args, kwargs)
        path = self.path_of_module(m)
        if not self.is_leaf_module(m, path):
            self.returned.append((path, getattr(output, "node", None)))
        return output


class Traced:
    """A network whose layers are the nodes of its graph.

    Parameters
    ----------
    nodes
        By the names of their layers, in the order in which they run.
    returned
        For each call of a module that holds others, its name and the node that it returned, in the order of their ends.

    Attributes
    ----------
    found
        The shapes of layers that have been tried out, or why they can be no feature.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        graph: fx.Graph,
        nodes: Mapping[str, fx.Node],
        returned: Sequence[tuple[str, fx.Node | None]] = (),
    ) -> None:
        self._network = network
        self._graph = graph
        self._nodes = dict(nodes)
        self.names = list(self._nodes)
        self.found: dict[str, tuple[int, ...] | str] = {}
        self._containers = _name_calls(network, self._nodes, returned)
        self._n_calls = Counter(call.module for call in self._containers.values())
        # Further names, each with that of its layer: those of calls of modules that hold others.
        self.calls = {name: call.layer for name, call in self._containers.items() if call.layer is not None}
        for name, node in self._nodes.items():
            node.meta[LAYER] = name
        for node in graph.nodes:
            keep_input(node, network)
        # Attention's query, key and value, each with the layer that it belongs to.
        self.parts: dict[str, str] = {}
        self._add_parts()

    def _add_parts(self) -> None:
        layers = {node: name for name, node in self._nodes.items()}
        for name, part in find_parts(self._network).items():
            inserted = part.insert(self._network, self._graph)
            if inserted is not None and inserted[1] in layers:
                self._nodes[name], self.parts[name] = inserted[0], layers[inserted[1]]

    def cut(self, layers: Sequence[str]) -> torch.nn.Module:
        """Return the part of the network that the layers need."""
        graph, copies = fx.Graph(), dict[fx.Node, fx.Node]()
        # The nodes come in the order in which they run, and what none of the layers needs is never copied.
        needed = self._ancestors(*layers)
        for node in self._graph.nodes:
            if node in needed or node.op == "placeholder":
                copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.output({layer: copies[self._node(layer)] for layer in layers})
        return _runnable(self._network, graph)

    def whole(self) -> torch.nn.Module:
        """Return the network with its own output, as the graph computes it."""
        return _runnable(self._network, self._graph)

    def tensors(self, layer: str) -> dict[str, torch.Tensor]:
        """Return the tensors of the modules and parameters among a node's ancestors, by name."""
        tensors: dict[str, torch.Tensor] = {}
        for node in self._ancestors(layer):
            tensors |= _submodule_state(self._network, node)
        return tensors

    def code(self, layer: str) -> str:
        """Digest a node's ancestors: what each calls, on what, with which settings."""
        ancestors = self._ancestors(layer)
        lines = [self._line(node) for node in self._graph.nodes if node in ancestors]
        return digest([*lines, str(self._node(layer))])

    def call(self, layer: str) -> int | None:
        """Return the number of a call of a module that holds others: once, its name stood for the end of the last."""
        call = None if layer in self._nodes else self._containers.get(layer)
        return call.number if call is not None and self._n_calls[call.module] > 1 else None

    def fault(self, layer: str) -> str | None:
        """Say that a module that runs several times yields no tensor."""
        call = None if layer in self._nodes else self._containers.get(layer)
        if call is None or call.layer is not None or self._n_calls[call.module] == 1:
            return None
        return "runs several times and yields no tensor of its own"

    def _node(self, layer: str) -> fx.Node:
        return self._nodes[layer if layer in self.parts else last_node(layer, self.names, self.calls)]

    def _ancestors(self, *layers: str) -> set[fx.Node]:
        """Return the layers' nodes and all that they are computed from."""
        ancestors: set[fx.Node] = set()
        waiting = [self._node(layer) for layer in layers]
        while waiting:
            node = waiting.pop()
            if node not in ancestors:
                ancestors.add(node)
                waiting.extend(node.all_input_nodes)
        return ancestors

    def _line(self, node: fx.Node) -> str:
        target = node.target
        what = target if isinstance(target, str) else f"{target.__module__}.{getattr(target, '__qualname__', '')}"
        settings = repr(self._network.get_submodule(what)) if node.op == "call_module" else ""
        return f"{node} {node.op} {what} {node.args} {node.kwargs} {settings}"


# A network's layers, in the order in which they run, and what each depends on.
Graph = Traced | Watched


def _is_asked_for_nothing(node: fx.Node) -> bool:
    """Say whether a method is called of what the network is never given: the tracer has taken `if mask is not None`."""
    return node.op == "placeholder" and node.args == (None,) and any(user.op == "call_method" for user in node.users)


class EveryNode(fx.Interpreter):
    """Runs a network that was cut and keeps what each of its layers yields, in the order in which they run."""

    def __init__(self, network: fx.GraphModule) -> None:
        super().__init__(network)
        self.outputs: dict[str, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run a node; keep its output under its layer's name."""
        output = super().run_node(n)
        if LAYER in n.meta:
            self.outputs[n.meta[LAYER]] = output
        return output


def _runnable(network: torch.nn.Module, graph: fx.Graph) -> fx.GraphModule:
    module = fx.GraphModule(network, graph)
    # Each has a class for itself, whose call prints a traceback through generated code before it raises what it met.
    type(module).__call__ = torch.nn.Module.__call__  # type: ignore[method-assign]
    return module.eval()


def _name_calls(
    network: torch.nn.Module, nodes: Mapping[str, fx.Node], returned: Sequence[tuple[str, fx.Node | None]]
) -> dict[str, Call]:
    names = CallNames([name for name, _ in network.named_modules()])
    layers = {node: name for name, node in nodes.items()}
    numbers: Counter[str] = Counter()
    calls = {}
    for module, node in returned:
        numbers[module] += 1
        calls[names.of_module(module)] = Call(module, numbers[module], layers.get(node) if node is not None else None)
    return calls


def _exact_names(network: torch.nn.Module, nodes: Mapping[str, fx.Node]) -> dict[str, fx.Node]:
    """Name nodes so that a module's name always means that module.

    The tracer takes conv_1 and conv_2 for two calls of one module and names them conv and conv_1. Networks that come
    by name keep these names, under which features have been stored.
    """
    names = CallNames([name for name, _ in network.named_modules()])
    exact = {node: names.of_module(str(node.target)) for node in nodes.values() if node.op == "call_module"}
    # Whatever else runs takes names that modules leave.
    for name, node in nodes.items():
        if node not in exact:
            exact[node] = names.free(re.sub(r"_\d+$", "", name))
    return {exact[node]: node for node in nodes.values()}


def _submodule_state(network: torch.nn.Module, node: fx.Node) -> dict[str, torch.Tensor]:
    """Return the tensors that one node uses, by their name in the network."""
    name = str(node.target)
    if node.op == "call_module":
        return {f"{name}.{part}": tensor for part, tensor in network.get_submodule(name).state_dict().items()}
    if node.op != "get_attr":
        return {}
    value = operator.attrgetter(name)(network)
    return {name: value} if isinstance(value, torch.Tensor) else {}
