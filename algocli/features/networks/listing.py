"""A network's layers as a tree: every name that can be asked for, modules too, each with what it yields."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from algocli.compute.foreign import printing_aside
from algocli.compute.track import Note, unheard
from algocli.features.networks.backbones import measure
from algocli.features.networks.building import tokens_of
from algocli.features.networks.graphs import Graph
from algocli.features.networks.layers import Layer, beginnings, last_node, modules_of, no_layer
from algocli.features.networks.network import TransformName
from algocli.features.networks.opening import open_graph, open_network
from algocli.features.networks.weights import load_state


@dataclass(frozen=True)
class NamedLayer(Layer):
    """A name that can be asked for: a layer's, or a module's, which stands for one of the layers inside it."""

    stands_for: str | None = None


@printing_aside()
def list_names(
    model: str,
    patterns: Sequence[str] = (),
    weights: str = "random",
    *,
    transform: TransformName = "auto",
    image_size: int | None = None,
    trust_remote_code: bool = False,
    note: Note = unheard,
) -> list[NamedLayer]:
    """List the names of a network's layers and modules as a tree: each module before what is inside it.

    Parameters
    ----------
    patterns
        Only what fits one of these: the name of a layer, that of a module with all that is inside, or a pattern such
        as 'layer3*'. By default all.

    Raises
    ------
    UsageError
        If one of them fits nothing; or as `algocli.features.networks.backbones.load_backbone`.
    DataError
        As there.
    """
    built = open_network(
        model, weights, transform, image_size=image_size, trust_remote_code=trust_remote_code, note=note
    )
    graph, loads = open_graph(built, note)
    layers = {layer.name: layer for layer in measure(built, graph, [*graph.names, *graph.parts], ["*"])}
    tokens = tokens_of(built)
    named = [NamedLayer(layer.name, layer.shape, layer.tokens) for layer in layers.values()]
    for module in modules_of(graph.names, graph.calls):
        node = last_node(module, graph.names, graph.calls)
        if node in layers and graph.fault(module) is None:
            shape = layers[node].shape
            named.append(NamedLayer(module, shape, tokens(module, shape), node))
    tree = _in_tree(named, graph)
    for pattern in patterns:
        if not any(_fits(layer.name, pattern) for layer in tree):
            raise no_layer(pattern, [layer.name for layer in tree], built.model)
    listed = [layer for layer in tree if not patterns or any(_fits(layer.name, pattern) for pattern in patterns)]
    # Weights that would not do for these layers are told here as they would be where images are passed through them.
    if built.read_weights is not None and not loads:
        needed = {tensor for layer in listed for tensor in graph.tensors(layer.stands_for or layer.name)}
        load_state(built.module, built.read_weights(), built.weights_source, needed, note)
    return listed


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or name.startswith(f"{pattern}.") or fnmatch.fnmatchcase(name, pattern)


def _in_tree(named: list[NamedLayer], graph: Graph) -> list[NamedLayer]:
    """Sort names so that whatever is inside a module follows it, in the order in which it runs."""
    first: dict[str, int] = {}
    for place, name in enumerate(graph.names):
        for beginning in beginnings(name):
            first.setdefault(beginning, place)

    def key(layer: NamedLayer) -> tuple[tuple[int, str], ...]:
        # A further call of a module has a name in which no layer is.
        usual = graph.names.index(graph.parts.get(layer.name, layer.stands_for or layer.name))
        return tuple((first.get(beginning, usual), beginning) for beginning in beginnings(layer.name))

    return sorted(named, key=key)
