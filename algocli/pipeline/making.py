"""How features are made of a network: what `extract` and `sweep` take alike, by the names of their arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from algocli.compute.choices import check_path
from algocli.compute.track import Note
from algocli.features import usual
from algocli.features.networks.weights import PRETRAINED

if TYPE_CHECKING:
    from algocli.features.networks.backbones import Backbone
    from algocli.features.networks.graphs import Graph
    from algocli.features.networks.network import Network
    from algocli.features.passage import Passage

# What of these the network itself hangs on: networks that are alike in this are one.
OF_NETWORK = ("weights", "transform", "image_size")


def of_network(how: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of these options the network itself hangs on."""
    return {name: value for name, value in how.items() if name in OF_NETWORK}


def load(
    model: str,
    layers: Sequence[str] | Callable[[Network, Graph], Sequence[str]],
    how: Mapping[str, Any],
    device: str,
    *,
    trust_remote_code: bool,
    note: Note,
) -> Backbone:
    """Load a network, cut at some layers.

    Raises
    ------
    UsageError, DataError
        If there is no such network, weights or layer, or they cannot be had.
    """
    from algocli.features.networks.backbones import load_backbone

    options = of_network(how)
    weights = str(check_path("weights", options.pop("weights", PRETRAINED)))
    return load_backbone(model, layers, weights, device, trust_remote_code=trust_remote_code, note=note, **options)


def passage_of(how: Mapping[str, Any], device: str, batch_size: int | None, rows: range | None = None) -> Passage:
    """Return how images pass through a network, and what is kept of its layers.

    Raises
    ------
    UsageError
        If an option is not what it can be.
    """
    from algocli.features.passage import Passage
    from algocli.features.reduction import Reduction

    n_at_once = (usual.BATCH_ON_CPU if device == "cpu" else usual.BATCH_ON_GPU) if batch_size is None else batch_size
    reduction = Reduction(how.get("pool"), how.get("project"), how.get("project_seed", 0), how.get("tokens"))
    dtype, numerics = how.get("dtype", usual.DTYPE), how.get("numerics", usual.NUMERICS)
    return Passage(dtype, n_at_once, device, numerics, reduction, rows)
