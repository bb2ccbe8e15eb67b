"""A network opened: built, its weights loaded as far as its size hangs on them, told how it is fed, and its graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from algocli.compute.track import Note
from algocli.features.networks.building import build_network, resized
from algocli.features.networks.layers import resolve_layers
from algocli.features.networks.network import Network, TransformName
from algocli.features.networks.preprocessing import describe_preparation
from algocli.features.networks.weights import load_state

if TYPE_CHECKING:
    from algocli.features.networks.graphs import Graph


def open_network(
    model: str,
    weights: str,
    transform: TransformName,
    layers: Sequence[str] = (),
    *,
    image_size: int | None,
    trust_remote_code: bool,
    note: Note,
) -> Network:
    """Build a network that takes images in float32, in colour or in grey, and say how they are prepared for it.

    Parameters
    ----------
    layers
        Those whose weights have to be there before its positions are interpolated.

    Raises
    ------
    UsageError, DataError
        As `load_backbone`.
    """
    from algocli.features.networks.feeding import in_grey, to_float32

    built = build_network(model, weights, transform, image_size=image_size, trust_remote_code=trust_remote_code)
    for remark in built.remarks:
        note(remark)
    to_float32(built, note)
    built = in_grey(built, transform)
    if built.image_size is not None:
        built = resized(_loaded(built, layers, note) if layers else built)
    _say_preparation(built, note)
    return built


def open_graph(built: Network, note: Note) -> tuple[Graph, bool]:
    """Return the graph of a network, and whether its weights had to be loaded for that.

    How often the modules of one that is watched run may hang on its weights, of which it needs all anyway.
    """
    import torch

    from algocli.features.networks.feeding import fed
    from algocli.features.networks.graphs import read_graph
    from algocli.features.networks.probing import BLACK, NOISE, PHOTOGRAPH, probe_pixels, undisturbed
    from algocli.features.networks.watched import Watched

    pixels = torch.from_numpy(probe_pixels(built.transform.size))
    images = [built.transform.normalise(pixels[place : place + 1]) for place in (PHOTOGRAPH, NOISE, BLACK)]
    with fed(built), undisturbed(seed=0):
        graph = read_graph(built.module, built.tracing, images, is_custom=built.is_custom, hidden=built.hidden)
    loads = isinstance(graph, Watched) and built.read_weights is not None
    if loads and built.read_weights is not None:
        load_state(built.module, built.read_weights(), built.weights_source, note=note)
        with fed(built), undisturbed(seed=0):
            graph = Watched(built.module, images, built.hidden)
    return graph, loads


def _loaded(built: Network, layers: Sequence[str], note: Note) -> Network:
    """Return a network that has the weights that some layers need, as its own size of images has them."""
    if built.read_weights is None:
        return built
    graph, loads = open_graph(built, note)
    if not loads:
        names = resolve_layers(layers, graph.names, built.model, {**graph.calls, **graph.parts})
        needed = {tensor for name in names for tensor in graph.tensors(name)}
        load_state(built.module, built.read_weights(), built.weights_source, needed, note)
    return replace(built, read_weights=None)


def _say_preparation(built: Network, note: Note) -> None:
    """Say how images are prepared for a network where that is not what its weights ask for."""
    said = describe_preparation(built.model, built.transform, built.asks_for)
    if said is not None:
        note(said)
