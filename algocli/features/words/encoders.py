"""A text encoder by its name: of transformers, or a text tower of open_clip."""

from __future__ import annotations

from importlib import import_module

from algocli.errors import UsageError
from algocli.features.networks.devices import resolve_device
from algocli.features.networks.names import canonical
from algocli.features.networks.network import NetworkRequest
from algocli.features.networks.weights import PRETRAINED, random_seed
from algocli.features.words.encoding import TextEncoder

_SOURCES = {"hf:": "hf_text", "open_clip:": "clip_text"}


def open_encoder(name: str, weights: str = PRETRAINED, device: str = "auto") -> TextEncoder:
    """Load a text encoder.

    Parameters
    ----------
    name
        'hf:OWNER/NAME' of the Hugging Face Hub, 'hf:./FOLDER', or 'open_clip:ARCHITECTURE/WEIGHTS'.
    weights
        'pretrained', 'random', 'random:SEED', or a file or folder of weights.

    Raises
    ------
    UsageError
        If there is no such encoder, or what it needs is not installed.
    DataError
        If its weights or its words are damaged, or cannot be had.
    """
    spelt = canonical(name)
    prefix = next((prefix for prefix in _SOURCES if spelt.startswith(prefix)), None)
    if prefix is None or spelt == prefix:
        raise UsageError(
            f"encoder={name!r} is no text encoder's name",
            hint="hf:OWNER/NAME of the hub, hf:./FOLDER, or open_clip:ARCHITECTURE/WEIGHTS",
        )
    import torch

    source = import_module(f"algocli.features.words.{_SOURCES[prefix]}")
    on = resolve_device(device)
    # Drawn with a seed, leaving torch's generator as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_seed(weights) or 0)
        encoder: TextEncoder = source.build(NetworkRequest(spelt.removeprefix(prefix), weights, "auto"), on)
    return encoder
