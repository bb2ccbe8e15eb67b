"""Builds a stored layer's network again, so that any image can be given the features that the store would have of it.

Nothing is taken on trust: the network at hand must have the key that the store was made under.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algocli.errors import DataError, UsageError
from algocli.features.networks.numerics import autocast, check_numerics, products
from algocli.features.store.commands import LayerRequest, is_imported, request_of, runs_code
from algocli.features.store.keys import recipe
from algocli.features.store.library import read_recipe
from algocli.features.store.shards import FeatureStore

if TYPE_CHECKING:
    from PIL import Image

    from algocli.features.networks.backbones import Backbone
    from algocli.features.reduction import Reducer

# What tells one network from another: the model, its weights, its transform, the size of its images if asked for, and
# whether it runs code that came with it.
NetworkKey = tuple[str, str, str, int | None, bool]


@dataclass(frozen=True)
class RebuiltLayer:
    """A layer that gives images the features of a store, to the last bits, in the store's own precision."""

    backbone: Backbone
    reduce: Reducer
    request: LayerRequest
    dtype: np.dtype[Any]
    device: str


def read_stored_recipe(store: FeatureStore, *, trust_code: bool) -> dict[str, Any]:
    """Return the recipe of a store that a network made.

    Raises
    ------
    UsageError
        If the features were imported, or it names code that may not run here.
    """
    named = read_recipe(store.folder.parent)
    if is_imported(named):
        raise UsageError(
            f"the features '{named['model']}' were imported: which network made them is not known here",
            hint="images can be passed through what `algocli extract` has used, and `algocli train` been given",
        )
    # A name in a file chooses what code runs: that is for the user to say.
    if runs_code(named) and not trust_code:
        raise UsageError(f"{named['model']} is code that would run here: trust_remote_code=True allows it")
    return named


def network_of(named: Mapping[str, Any]) -> NetworkKey:
    """Return which network a recipe asks for: layers that share one are built at once."""
    request = request_of(named)
    return named["model"], request.weights, request.transform, request.image_size, runs_code(named)


def load_network(network: NetworkKey, layers: Sequence[str], device: str) -> Backbone:
    """Build a recorded network anew; whether its code may run has been asked before.

    Raises
    ------
    UsageError, DataError
        If it or its weights are no longer to be had.
    """
    from algocli.features.networks.backbones import load_backbone

    model, weights, transform, size, has_code = network
    how: Any = transform
    return load_backbone(model, layers, weights, device, transform=how, image_size=size, trust_remote_code=has_code)


def rebuild_layer(store: FeatureStore, named: Mapping[str, Any], backbone: Backbone, device: str) -> RebuiltLayer:
    """Find a store's layer in the network at hand.

    Raises
    ------
    DataError
        If the network is no longer the one that the store was made with.
    UsageError
        If the device lacks the precision that it was made in, or the network is no function of its image.
    """
    from algocli.features.networks.trial import try_network
    from algocli.features.reduction import Reducer, Reduction

    request = request_of(named)
    check_numerics(request.numerics, device)
    layers = {layer.name: layer for layer in backbone.layers}
    if named["layer"] not in layers:
        raise DataError(f"{backbone.model} has no layer {named['layer']} any more")
    wish = Reduction(request.pool, request.project, request.project_seed, request.tokens)
    reduce = Reducer(layers[named["layer"]], wish)
    _refuse_another_recipe(store, named, request, backbone, reduce)
    try_network(backbone, device, request.numerics)
    return RebuiltLayer(backbone, reduce, request, store.dtype, device)


def rebuild(stores: Sequence[FeatureStore], device: str = "auto", *, trust_code: bool = False) -> list[RebuiltLayer]:
    """Build the layers of some stores, each network once.

    Raises
    ------
    UsageError, DataError
        As the functions above, naming the features; what is found without a network is told before torch takes its
        seconds to load.
    """
    recipes = [read_stored_recipe(store, trust_code=trust_code) for store in stores]
    from algocli.features.networks.devices import resolve_device

    at_hand = resolve_device(device)
    layers: dict[NetworkKey, list[str]] = defaultdict(list)
    for named in recipes:
        layers[network_of(named)].append(named["layer"])
    backbones: dict[NetworkKey, Backbone] = {}
    rebuilt = []
    for store, named in zip(stores, recipes, strict=True):
        network = network_of(named)
        with _told_of(store):
            if network not in backbones:
                backbones[network] = load_network(network, list(dict.fromkeys(layers[network])), at_hand)
            rebuilt.append(rebuild_layer(store, named, backbones[network], at_hand))
    return rebuilt


@contextmanager
def _told_of(store: FeatureStore) -> Iterator[None]:
    """Say of which features an error speaks."""
    try:
        yield
    except (UsageError, DataError) as error:
        message = f"the features {store.folder.parent.name} cannot be computed: {error.message}"
        raise type(error)(message, hint=error.hint) from error


def compute(layers: Sequence[RebuiltLayer], images: Sequence[Image.Image]) -> list[NDArray[Any]]:
    """Pass RGB images through the networks of some layers, and through each network once.

    Returns
    -------
    One array a layer, (n_images, n_features) in the precision of its store
    """
    import torch

    outputs: dict[tuple[int, str], Mapping[str, torch.Tensor]] = {}
    features = []
    with torch.inference_mode():
        for layer in layers:
            numerics, backbone = layer.request.numerics, layer.backbone
            same = (id(backbone), numerics)
            if same not in outputs:
                pixels = np.stack([backbone.transform.resize(image) for image in images])
                with products(numerics), autocast(numerics, layer.device):
                    outputs[same] = backbone(torch.from_numpy(pixels).to(layer.device))
            with products(numerics), autocast(numerics, layer.device):
                features.append(layer.reduce(outputs[same][layer.reduce.layer.name], layer.dtype))
    return features


def _refuse_another_recipe(
    store: FeatureStore, named: Mapping[str, Any], request: LayerRequest, backbone: Backbone, reduce: Reducer
) -> None:
    """See that the network at hand has the key of the store."""
    identity = recipe(
        named["model"],
        named["layer"],
        request.weights,
        backbone.identity(reduce.layer.name),
        request.dtype,
        post=reduce.identity(),
        numerics=request.numerics,
    ).identity
    recorded = {name: part for name, part in store.manifest["identity"].items() if name != "stimuli"}
    differing = sorted(name for name in {*identity, *recorded} if identity.get(name) != recorded.get(name))
    if "weights" in differing:
        raise DataError(
            f"the weights '{request.weights}' of {named['model']} are no longer those that it was made with"
        )
    if differing:
        raise DataError(f"{named['model']} is no longer what it was made with: {_changed(store, differing)}")


def _changed(store: FeatureStore, differing: Sequence[str]) -> str:
    """Say in words which parts of a key have changed."""
    import torch

    # Its code may be what it was: a constant or a file that it reads is none of it.
    if list(differing) == ["probe"]:
        if "probe" not in store.manifest["identity"]:
            return "what it computes had not been recorded"
        was = store.manifest["provenance"].get("versions", {}).get("torch", torch.__version__)
        because = "" if was == torch.__version__ else f" (by torch {was} then, {torch.__version__} now)"
        return f"what it computes changed{because}"
    words = ["what it computes" if part == "probe" else part for part in differing]
    return f"{', '.join(words)} changed"
