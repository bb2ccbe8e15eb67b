"""Text towers of open_clip's networks, by architecture and weights: open_clip:ViT-B-32/laion2b_s34b_b79k."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algocli.errors import UsageError
from algocli.features.networks.checkpoints import read_state
from algocli.features.networks.hub import reaching
from algocli.features.networks.network import NetworkRequest, fetch_elsewhere, impatient, out_of_reach, undrawn
from algocli.features.networks.offers import no_network
from algocli.features.networks.sources import open_clip
from algocli.features.networks.weights import load_state
from algocli.features.words.encoding import TextEncoder, Tokens, digest_encoder

if TYPE_CHECKING:
    import torch

# Under these a whole network has its text tower, the image tower, and what compares the two.
_TEXT, _OTHERS = "text.", ("visual.", "logit_scale", "logit_bias")


def build(request: NetworkRequest, device: str) -> TextEncoder:
    """Load a text tower.

    Raises
    ------
    UsageError
        If open_clip is not installed or has no such architecture, or it is not said which weights are meant.
    DataError
        If its weights cannot be had, or are another's.
    """
    if not open_clip.has(request.name):
        raise no_network(open_clip, request.name, is_bare=False)
    library = open_clip.imported()
    architecture, tag = open_clip.named(library, request)
    model = f"{open_clip.PREFIX}{architecture}" + (f"/{tag}" if tag else "")
    config, told, quick = open_clip.settings_of(library, architecture, tag, request)
    text = dict(config["text_cfg"])
    if text.get("hf_model_name"):
        raise UsageError(
            f"the text tower of {model} is {text['hf_model_name']} of transformers",
            hint="it can be named as hf:OWNER/NAME",
        )
    # Before a network is built that would have none.
    file = open_clip.download(model, told) if request.entry else None
    with nullcontext() if request.is_drawn else undrawn():
        module = importlib.import_module("open_clip.model")._build_text_tower(config["embed_dim"], text, quick)
    has_own = request.is_file and (Path(request.weights) / open_clip.CONFIG).is_file()
    if request.is_file:
        load_state(module, _text_of(read_state(Path(request.weights))), request.weights)
    elif file is not None:
        load_state(module, _text_of(read_state(file)), f"{model}'s pretrained weights")
    module.eval().to(device)
    return TextEncoder(
        model,
        request.weights,
        config["embed_dim"],
        digest_encoder(module, {"quick_gelu": quick, "embed_dim": config["embed_dim"], "text": sorted(text.items())}),
        "as the tower gives it",
        module.context_length,
        _tokeniser(library, f"local-dir:{request.weights}" if has_own else architecture, model, module.pad_id),
        lambda several: _encode(module, several, device),
    )


def _text_of(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return what of a whole network's checkpoint is its text tower's, by the names that it has there."""
    text = {name.removeprefix(_TEXT): tensor for name, tensor in state.items() if name.startswith(_TEXT)}
    return text or {name: tensor for name, tensor in state.items() if not name.startswith(_OTHERS)}


def _tokeniser(
    library: Any, name: str, model: str, padding: int
) -> Callable[[Sequence[str]], tuple[list[Tokens], set[int]]]:
    """Return what turns texts into tokens; some towers' lists of words are fetched."""
    with reaching() as silent:
        try:
            with impatient():
                tokenizer = library.get_tokenizer(name)
        # Errors of the hub's client and of transformers.
        except Exception as error:
            why = OSError(silent) if silent else error
            raise out_of_reach(f"the list of words of {model}", why, fetch_elsewhere(model)) from error

    def tokenise(texts: Sequence[str]) -> tuple[list[Tokens], set[int]]:
        each = tokenizer(list(texts)).tolist()
        # What fills all places has, but for a text of just that length, been cut.
        return [tuple(tokens) for tokens in each], {place for place, tokens in enumerate(each) if tokens[-1] != padding}

    return tokenise


def _encode(module: Any, several: Sequence[Tokens], device: str) -> torch.Tensor:
    import torch

    output = module(torch.tensor([list(tokens) for tokens in several], device=device))
    # A tower that is asked for its tokens has them behind the vector of the whole.
    vectors: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return vectors
