"""Names of networks as people write them: which one, of those that there are, is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable

from algocli.compute.choices import nearest

_SHOWN = 3
# What stands before a name of each source: people write a slash or a colon, and an extra's name, wherever they are.
_SOURCES = {
    "torchvision": "torchvision/",
    "timm": "timm/",
    "hf": "hf:",
    "open_clip": "open_clip:",
    "open-clip": "open_clip:",
    "torchhub": "torchhub:",
    "python": "python:",
}
_WITH_SOURCE = re.compile(rf"^({'|'.join(_SOURCES)})[/:](.*)", re.DOTALL)
# What stands before a name and says who has it, not which network it is.
_OWNERS = {
    *("torchvision", "timm", "torchhub", "models", "pytorch", "hf", "hub", "https", "huggingface", "co", "open"),
    *("facebook", "facebookresearch", "openai", "google", "microsoft", "laion", "apple", "nvidia", "meta", "vision"),
}
_SIZES = {"ti": "tiny", "t": "tiny", "s": "small", "b": "base", "l": "large", "h": "huge", "g": "giant"}


def canonical(model: str) -> str:
    """Return the one way to write a network's name, however its source and name are joined.

    Examples
    --------
    >>> canonical("timm:resnet10t"), canonical("open_clip:ViT-B-32:openai"), canonical("alexnet")
    ('timm/resnet10t', 'open_clip:ViT-B-32/openai', 'alexnet')
    """
    parted = _WITH_SOURCE.fullmatch(model)
    if parted is None:
        return model
    prefix, name = _SOURCES[parted[1]], parted[2]
    # As open_clip itself lists its weights.
    return prefix + (name.replace(":", "/", 1) if prefix == _SOURCES["open_clip"] else name)


def meant_by(word: str, names: Iterable[str]) -> list[str]:
    """Return up to three of the names that a word may stand for, the likeliest first.

    Parameters
    ----------
    names
        As they are to be written: with their source, and with or without the name of weights after a dot.
    """
    listed = list(names)
    parts = [word, re.split("[/:]", word)[-1], word.rpartition(".")[2]]
    for part in dict.fromkeys(parts):
        before = _tokens(word.removesuffix(part)) - _OWNERS
        same = [name for name in listed if _squash(part) in (_squash(name), _squash(name.rpartition("/")[2]))]
        if part and same and not before:
            return same[:1]
    wanted = _tokens(word) - _OWNERS
    holding = [name for name in listed if wanted and wanted <= _tokens(name)]
    if holding:
        return sorted(holding, key=lambda name: (len(_tokens(name)), len(name)))[:_SHOWN]
    bare = {_WITH_SOURCE.sub(r"\2", name): name for name in reversed(listed)}
    return [bare[name] for name in nearest(parts[1], bare)]


def _squash(name: str) -> str:
    """Return a name without what people put between its parts, or leave out."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _tokens(name: str) -> set[str]:
    """Return the words of a name; 'vitb14' and 'ViT-B/14' are those that timm writes out."""
    spelt = re.sub(
        r"vit[-_/ ]?(ti|[tsblhg])[-_/ ]?(\d+)(?![a-z0-9])",
        lambda match: f"vit {_SIZES[match[1]]} patch{match[2]}",
        name.lower(),
    )
    return set(re.split(r"[^a-z0-9]+", spelt)) - {""}
