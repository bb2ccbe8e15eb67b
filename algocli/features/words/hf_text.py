"""Text encoders of transformers: of a repository of the Hugging Face Hub, or of a folder as save_pretrained writes it.

How the vectors of tokens become one is what the folder says, as sentence-transformers has it; where it says nothing, it
is their mean. No code of a folder's own is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algocli.errors import AlgocliError, DataError, UsageError
from algocli.features.networks.checkpoints import read_state
from algocli.features.networks.folders import has_weights, read_list, read_settings
from algocli.features.networks.hub import CONFIG, POOLING, snapshot
from algocli.features.networks.network import NetworkRequest, fetch_elsewhere, no_entry, refused
from algocli.features.networks.released import load_released
from algocli.features.networks.sources import hf
from algocli.features.networks.weights import PRETRAINED
from algocli.features.words.encoding import TextEncoder, Tokens, digest_encoder

if TYPE_CHECKING:
    import torch

# What sentence-transformers writes beside a network.
_MODULES, _LENGTH = "modules.json", "sentence_bert_config.json"
_MEAN, _CLASS = "mean", "cls"
_POOLINGS = {_MEAN: "the mean of its tokens", _CLASS: "its first token"}
# A tokenizer that knows no bound says so with a number beyond any text.
_ENDLESS = 10**6


def build(request: NetworkRequest, device: str) -> TextEncoder:
    """Load an encoder.

    Raises
    ------
    UsageError
        If transformers is not installed, the network takes no text, or it pools in a way that is not followed.
    DataError
        If its folder is damaged, or cannot be had.
    """
    model = f"{hf.PREFIX}{request.name}"
    if request.entry not in (None, PRETRAINED):
        raise no_entry(model, str(request.entry), [])
    place = _place(model, request)
    if "auto_map" in read_settings(place / CONFIG):
        raise UsageError(f"{model} needs code of its own, as {place / CONFIG} says, and none is run for text")
    pooling, is_unit = _pooling(model, place)
    transformers = hf.imported()
    with hf.quiet(transformers):
        try:
            module = _module(transformers, model, request, place)
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                place, local_files_only=True, trust_remote_code=False
            )
        except AlgocliError:
            raise
        # Settings that do not agree with one another, and lists of words that are damaged, end in errors of any kind.
        except Exception as error:
            raise refused(model, error) from error
    module.eval().to(device)
    longest = _longest(place, tokenizer, module.config)
    return TextEncoder(
        model,
        request.weights,
        module.config.hidden_size,
        digest_encoder(module, {**hf.arguments(module.config), "pooling": pooling, "unit": is_unit}),
        f"{_POOLINGS[pooling]}{', at length 1' if is_unit else ''}",
        longest,
        lambda texts: _tokenise(tokenizer, longest, texts),
        lambda several: _encode(module, tokenizer, several, pooling, device, is_unit=is_unit),
    )


def _place(model: str, request: NetworkRequest) -> Path:
    """Return the folder of an encoder's settings and words."""
    folder = Path(request.name).expanduser()
    if request.is_file and (Path(request.weights) / CONFIG).is_file():
        return Path(request.weights)
    if folder.is_dir():
        if not (folder / CONFIG).is_file():
            raise DataError(f"{folder} holds no {CONFIG}", hint="a folder as save_pretrained writes it was expected")
        return folder
    if request.name.startswith(("/", ".", "~")):
        raise DataError(f"there is no folder {folder}", hint="hf:./FOLDER, or hf:OWNER/NAME of the hub")
    return snapshot(model, request.name, weights=request.entry is not None, code=False, words=True)


def _pooling(model: str, place: Path) -> tuple[str, bool]:
    """Return how the vectors of tokens become one, and whether that is brought to length 1.

    Raises
    ------
    UsageError
        If the folder says that in a way that is not followed here.
    """
    listed = read_list(place / _MODULES) if (place / _MODULES).is_file() else []
    kinds = [str(part.get("type", "")).rpartition(".")[2] for part in listed]
    others = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]
    if others:
        raise UsageError(f"{model} goes on with a {others[0]} layer, as {place / _MODULES} says: that is not followed")
    settings = read_settings(place / POOLING) if (place / POOLING).is_file() else {}
    said = settings.get("pooling_mode")
    modes = [said] if isinstance(said, str) else []
    modes += [name.removeprefix("pooling_mode_") for name, on in settings.items() if on is True and "_mode_" in name]
    named = {"mean_tokens": _MEAN, "cls_token": _CLASS}
    wanted = list(dict.fromkeys(named.get(mode, mode) for mode in modes)) or [_MEAN]
    if len(wanted) > 1 or wanted[0] not in _POOLINGS:
        raise UsageError(f"{model} pools its tokens by {' and '.join(wanted)}: mean and cls are followed")
    return wanted[0], "Normalize" in kinds


def _module(transformers: Any, model: str, request: NetworkRequest, place: Path) -> Any:
    """Return the network with its weights, drawn or read."""
    import torch

    config = transformers.AutoConfig.from_pretrained(place, trust_remote_code=False, local_files_only=True)
    config = getattr(config, "text_config", None) or config
    kind = transformers.MODEL_MAPPING.get(type(config), None)
    kind = kind[0] if isinstance(kind, tuple) else kind
    if kind is None or kind.main_input_name != "input_ids" or config.is_encoder_decoder:
        raise UsageError(f"{model} is no encoder of text: its settings are a {type(config).__name__}")
    if request.is_drawn:
        return kind(config).to(torch.float32)
    source = Path(request.weights) if request.is_file else place
    if not request.is_file and not has_weights(source):
        raise DataError(f"{source} holds no weights", hint=fetch_elsewhere(model))
    return load_released(kind, config, read_state(source), str(source))


def _longest(place: Path, tokenizer: Any, config: Any) -> int:
    """Return how many tokens a text may have."""
    said = read_settings(place / _LENGTH).get("max_seq_length") if (place / _LENGTH).is_file() else None
    bounds = [said, tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)]
    return min(int(bound) for bound in (*bounds, _ENDLESS) if isinstance(bound, int | float) and 0 < bound <= _ENDLESS)


def _tokenise(tokenizer: Any, longest: int, texts: Sequence[str]) -> tuple[list[Tokens], set[int]]:
    """Return the tokens of texts; what is cut keeps those that end it."""
    whole, kept = (
        tokenizer(list(texts), verbose=False, **how)["input_ids"]
        for how in ({}, {"truncation": True, "max_length": longest})
    )
    cut = {place for place, tokens in enumerate(whole) if len(tokens) > longest}
    return [tuple(tokens) for tokens in kept], cut


def _encode(
    module: Any, tokenizer: Any, several: Sequence[Tokens], pooling: str, device: str, *, is_unit: bool
) -> torch.Tensor:
    """Return a vector for each text, (n_texts, n_features)."""
    import torch

    padded = tokenizer.pad({"input_ids": [list(tokens) for tokens in several]}, return_tensors="pt").to(device)
    states = module(input_ids=padded["input_ids"], attention_mask=padded["attention_mask"]).last_hidden_state
    if pooling == _CLASS:
        # Where a text is padded on its left, it begins later.
        first = padded["attention_mask"].argmax(dim=1)
        vectors = states[torch.arange(len(states), device=device), first]
    else:
        mask = padded["attention_mask"].unsqueeze(-1).to(states.dtype)
        vectors = (states * mask).sum(dim=1) / mask.sum(dim=1)
    return torch.nn.functional.normalize(vectors, dim=-1) if is_unit else vectors
