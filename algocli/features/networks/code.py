"""Networks that no list names, whose code is not known: what somebody's callable gives, taken with care."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from algocli.errors import UsageError
from algocli.features.networks.network import Network, NetworkRequest, choose_transform
from algocli.features.networks.stated import stated_transform
from algocli.features.networks.weights import PRETRAINED


def as_network(model: str, architecture: str, network: Any, request: NetworkRequest) -> Network:
    """Return what somebody's code gives as a network of its own.

    Raises
    ------
    UsageError
        If it is none, or has no such weights or transform.
    """
    if not is_network(network):
        raise UsageError(f"{model} gives {type(network).__name__}; a torch.nn.Module was expected")
    own = stated_transform(network)
    transform = choose_transform(model, request.transform, own)
    if request.entry not in (None, PRETRAINED):
        raise UsageError(
            f"{model} has no weights '{request.weights}'", hint="use pretrained (what it comes with), random or a file"
        )
    read = request.read_file if request.is_file else None
    return Network(
        model,
        network,
        architecture,
        transform,
        own,
        read_weights=read,
        weights_source=request.weights,
        is_own=True,
    )


def call(build: Callable[..., Any], request: NetworkRequest) -> Any:
    """Call with `pretrained`, as most such functions have it, or without where one does not."""
    try:
        return build(pretrained=bool(request.entry))
    except TypeError as error:
        if "unexpected keyword argument 'pretrained'" not in str(error):
            raise
    return build()


def is_network(value: Any) -> bool:
    """Say whether a value is a network of torch's."""
    import torch

    return isinstance(value, torch.nn.Module)


def refused(model: str, error: Exception) -> UsageError:
    """Return the error of code that fails, whatever it raises."""
    first = (str(error).strip().splitlines() or [""])[0]
    return UsageError(f"{model} cannot be built: {type(error).__name__}: {first}")
