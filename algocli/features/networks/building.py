"""Where a network comes from: torchvision or timm by name, a repository on GitHub, or code of one's own.

alexnet, torchvision/alexnet          a classifier of torchvision
timm/vit_small_patch16_224            a network of timm
torchhub:OWNER/REPO[:BRANCH]:NAME     what a repository's hubconf.py offers; torchhub:./FOLDER:NAME one on this disk
python:MODULE:CALLABLE                what a function, a class or a variable of a Python module gives
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, get_args

from algocli.compute.choices import check_choice, check_path
from algocli.features.networks import sources
from algocli.features.networks.checkpoints import read_state
from algocli.features.networks.layers import beginnings
from algocli.features.networks.network import Network, NetworkRequest, TransformName
from algocli.features.networks.offers import no_network
from algocli.features.networks.tokens import ReadTokens, Shape, Tokens
from algocli.features.networks.weights import PRETRAINED, random_seed

if TYPE_CHECKING:
    import torch

# Where a network comes from whose name begins with no source.
_USUAL = "torchvision"


def build_network(
    model: str, weights: str = PRETRAINED, transform: TransformName = "auto", *, trust_remote_code: bool = False
) -> Network:
    """Build a network from wherever its name says, drawing its weights where they are random.

    Raises
    ------
    UsageError
        If there is no such network, or no such weights or transform, or it may not be built.
    DataError
        If it cannot be had.
    """
    import torch

    check_choice("transform", transform, get_args(TransformName))

    source = next((kind for kind in _sources().values() if model.startswith(kind.PREFIX)), _sources()[_USUAL])
    request = NetworkRequest(model.removeprefix(source.PREFIX), weights, transform, trust_remote_code)
    if hasattr(source, "has") and not source.has(request.name):
        raise no_network(source, request.name, is_bare=model == request.name)
    if request.is_file:
        weights = str(check_path("weights", weights))
        request = replace(request, weights=weights)
    # Drawn with a seed, leaving torch's generator as it was found.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_seed(weights) or 0)
        network: Network = source.build(request)
    network.module.eval()
    if request.is_file:
        return replace(network, read_weights=partial(read_state, Path(weights)), weights_source=weights)
    return network


def tokens_of(network: torch.nn.Module, side: int) -> ReadTokens:
    """Return what tells the tokens of a network's layers, whichever source knows the module that a layer is in.

    Parameters
    ----------
    side
        Of the images that it is fed, in pixels.
    """
    asked = [source.read_tokens for source in _sources().values() if hasattr(source, "read_tokens")]
    readers = {
        name: reader
        for name, part in network.named_modules()
        for ask in asked
        if (reader := ask(part, side)) is not None
    }

    def read(layer: str, shape: Shape) -> Tokens | None:
        module = next((name for name in ("", *beginnings(layer))[::-1] if name in readers), None)
        return None if module is None else readers[module](layer.removeprefix(f"{module}." if module else ""), shape)

    return read


@cache
def _sources() -> dict[str, Any]:
    """Return every module of `sources` by its name: another file there is another source."""
    names = [module.name for module in iter_modules(sources.__path__)]
    return {name: import_module(f"{sources.__name__}.{name}") for name in names}
