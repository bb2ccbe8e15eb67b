"""Where a network comes from: libraries by name, a repository on GitHub, or code of one's own.

alexnet, torchvision/alexnet          a classifier of torchvision
timm/vit_small_patch16_224            a network of timm
hf:OWNER/NAME, hf:./FOLDER, hf:KIND   a network of transformers: of the Hugging Face Hub, of a folder, of drawn weights
open_clip:ARCHITECTURE/WEIGHTS        the image tower of a network of open_clip
torchhub:OWNER/REPO[:BRANCH]:NAME     what a repository's hubconf.py offers; torchhub:./FOLDER:NAME one on this disk
python:MODULE:CALLABLE                what a function, a class or a variable of a Python module gives

Between a source and a name a slash and a colon mean the same: timm:vit_small_patch16_224.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, get_args

from algocli.compute.choices import check_choice, check_path, check_whole
from algocli.compute.remarks import list_some
from algocli.errors import UsageError
from algocli.features.networks import sources
from algocli.features.networks.checkpoints import read_state
from algocli.features.networks.folders import files_in
from algocli.features.networks.layers import beginnings
from algocli.features.networks.names import canonical
from algocli.features.networks.network import Network, NetworkRequest, TransformName, told_as
from algocli.features.networks.offers import no_network
from algocli.features.networks.tokens import ReadTokens, Shape, Tokens
from algocli.features.networks.weights import PRETRAINED, random_seed

# Where a network comes from whose name begins with no source.
_USUAL = "torchvision"


def build_network(
    model: str,
    weights: str = PRETRAINED,
    transform: TransformName = "auto",
    *,
    image_size: int | None = None,
    trust_remote_code: bool = False,
) -> Network:
    """Build a network from wherever its name says, drawing its weights where they are random.

    Parameters
    ----------
    image_size
        The side of the images that it will be fed, as `resized` makes it take them once its weights are loaded.

    Raises
    ------
    UsageError
        If there is no such network, or no such weights or transform, or it may not be built.
    DataError
        If it cannot be had.
    """
    import torch

    check_choice("transform", transform, get_args(TransformName))
    wished = None if image_size is None else check_whole("image_size", image_size, 1)

    source, request = _asked(model, weights, transform, trust_remote_code=trust_remote_code)
    if request.is_file:
        weights = str(check_path("weights", weights))
        request = replace(request, weights=weights)
    # Drawn with a seed, leaving torch's generator as it was found.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_seed(weights) or 0)
        network: Network = source.build(request)
    network.module.eval()
    if wished != network.transform.size:
        network = replace(network, image_size=wished)
    if request.is_file and not getattr(source, "READS_FILES", False):
        path = Path(weights)
        which = [file.name for file in files_in(path)] if path.is_dir() else []
        remarks = (*network.remarks, f"weights of {weights}: {list_some(which)}") if which else network.remarks
        return replace(network, read_weights=partial(read_state, path), weights_source=weights, remarks=remarks)
    return network


def resized(network: Network) -> Network:
    """Return a network that takes images of the side that was asked for, if any; its module is changed in place.

    One that has nothing that hangs on their size is fed them as it is.

    Raises
    ------
    UsageError
        If its positions cannot be interpolated.
    """
    side = network.image_size
    if side is None:
        return network
    with told_as(f"image_size={side}: {network.model} cannot take such images", "leave out image_size=..."):
        sources = [source for source in _sources().values() if hasattr(source, "resize")]
        for part in list(network.module.modules()):
            any(source.resize(part, side) for source in sources)
    at_size = network.transform.at(side)
    if network.restate is not None and network.transform == network.asks_for:
        at_size = network.restate(side) or at_size
    return replace(network, transform=at_size)


def tokens_of(built: Network) -> ReadTokens:
    """Return what tells the tokens of a network's layers, whichever source knows the module that a layer is in.

    Of code that is not known it is tried out whether they stand there.
    """
    from algocli.features.networks.probing import undisturbed
    from algocli.features.networks.token_order import in_place

    network, side = built.module, built.transform.size
    asked = [source.read_tokens for source in _sources().values() if hasattr(source, "read_tokens")]
    readers = {
        name: reader
        for name, part in network.named_modules()
        for ask in asked
        if (reader := ask(part, side)) is not None
    }
    if built.is_custom and readers:
        import torch

        image = torch.zeros(1, built.transform.n_channels, side, side)
        with undisturbed(seed=0):
            readers = {
                name: reader
                for name, reader in readers.items()
                if in_place(network, network.get_submodule(name), reader, image)
            }

    def read(layer: str, shape: Shape) -> Tokens | None:
        module = next((name for name in ("", *beginnings(layer))[::-1] if name in readers), None)
        return None if module is None else readers[module](layer.removeprefix(f"{module}." if module else ""), shape)

    return read


def fetch_network(model: str, weights: str = PRETRAINED, *, trust_remote_code: bool = False) -> list[Path]:
    """Return the files that a network's weights are in, fetched to where its library keeps them if they were not there.

    Raises
    ------
    UsageError
        If there is no such network, or its own code fetches its weights.
    DataError
        If they cannot be fetched.
    """
    source, request = _asked(model, weights, "auto", trust_remote_code=trust_remote_code)
    if not hasattr(source, "fetch"):
        raise UsageError(
            f"{model}: its own code fetches its weights, if it does",
            hint="run it once where there is a network, and copy the folder that TORCH_HOME names",
        )
    if request.entry is None:
        raise UsageError(f"weights={weights!r} are not fetched", hint="weights='pretrained', or the name of some")
    files: list[Path] = source.fetch(request)
    return files


def _asked(
    model: str, weights: str, transform: TransformName, *, trust_remote_code: bool
) -> tuple[Any, NetworkRequest]:
    """Return the source that a name belongs to, which has it, and what is asked of it."""
    spelt = canonical(model)
    source = next((kind for kind in _sources().values() if spelt.startswith(kind.PREFIX)), _sources()[_USUAL])
    request = NetworkRequest(spelt.removeprefix(source.PREFIX), weights, transform, trust_remote_code)
    if hasattr(source, "has") and not source.has(request.name):
        raise no_network(source, request.name, is_bare=model == request.name)
    return source, request


@cache
def _sources() -> dict[str, Any]:
    """Return every module of `sources` by its name: another file there is another source."""
    names = [module.name for module in iter_modules(sources.__path__)]
    return {name: import_module(f"{sources.__name__}.{name}") for name in names}
