"""Layers by name: what one is, which are meant by a name or a pattern, which can be features, what calls are named."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from shlex import quote
from typing import NamedTuple

from algocli.compute.choices import nearest
from algocli.compute.patterns import is_pattern
from algocli.errors import UsageError
from algocli.features.networks.tokens import Tokens

NO_CALLS: Mapping[str, str] = {}
# More names than these are no help in a message.
_MANY = 30
_SHOWN = 3


@dataclass(frozen=True)
class Layer:
    """A node of a network's graph, or a module of it, and the shape of what it yields for one image.

    Parameters
    ----------
    tokens
        Of what tokens that is made; None where it is made of none, or they cannot be told.
    """

    name: str
    shape: tuple[int, ...]
    tokens: Tokens | None = None

    @property
    def n_features(self) -> int:
        """The length of the flattened output."""
        return prod(self.shape)


def resolve_layers(
    patterns: Sequence[str], names: Sequence[str], model: str = "the network", calls: Mapping[str, str] = NO_CALLS
) -> list[str]:
    """Turn what a user asks for into names of layers, in the order in which they run, each once.

    Parameters
    ----------
    patterns
        A layer's name, the name of a module (which stands for the last layer inside it, and stays as it is), or a
        pattern such as 'layer3.*', whose star also stands for dots.
    names
        All layers, in the order in which they run.
    calls
        Names of modules, each with the layer that it stands for where that is not the last inside it.

    Raises
    ------
    UsageError
        If one of them fits no layer.
    """
    places: dict[str, int] = {}
    for pattern in patterns:
        matches = _match(pattern, names, calls)
        if not matches:
            raise no_layer(pattern, [*names, *modules_of(names, calls)], model)
        places |= matches
    return sorted(places, key=lambda name: (places[name], name))


def modules_of(names: Sequence[str], calls: Mapping[str, str] = NO_CALLS) -> list[str]:
    """Return what else than a layer's name can be asked for: modules that layers are inside, and calls of modules."""
    inside = [beginning for name in names for beginning in beginnings(name)[:-1]]
    known = set(names)
    return [module for module in dict.fromkeys([*inside, *calls]) if module not in known]


def beginnings(name: str) -> list[str]:
    """Return the modules that a name is in, the outermost first, and the name itself."""
    return list(accumulate(name.split("."), "{}.{}".format))


def no_layer(pattern: str, names: Sequence[str], model: str) -> UsageError:
    """Return the error of a word that fits no name; the nearest are told, and all where they are few."""
    module, colon, part = pattern.partition(":")
    inside = [name for name in names if colon and name.startswith(f"{module}.") and name.endswith(f":{part}")]
    # Of a block named in the place of its attention, that of its attention.
    meant = inside[:_SHOWN] or _meant_by(pattern, names)
    likely = f" (did you mean {' or '.join(meant)}?)" if meant else ""
    top = list(dict.fromkeys(name.partition(".")[0] for name in names))
    has = "has" if len(names) <= _MANY else f"has {len(names)}, in"
    listed = ", ".join(names if len(names) <= _MANY else top[:_MANY])
    return UsageError(
        f"{model} has no layer '{pattern}'{likely}; it {has}:\n  {listed}", hint=f"algocli layers {quote(model)}"
    )


def last_node(layer: str, names: Sequence[str], calls: Mapping[str, str] = NO_CALLS) -> str:
    """Return the node that a resolved layer stands for: itself, or the last one inside a module."""
    (place,) = _match(layer, names, calls).values()
    return names[place]


def shapes(outputs: Iterable[Mapping[str, object]], layer: str) -> tuple[int, ...] | str:
    """Return the shape that a layer yields for one image, or say why it can be no feature.

    Parameters
    ----------
    outputs
        What the network yields for two images, and then for one that is unlike them.
    """
    import torch

    both = []
    for n, yielded in zip((2, 1), outputs, strict=True):
        output = yielded.get(layer)
        if not isinstance(output, torch.Tensor):
            return f"yields {'nothing' if output is None else type(output).__name__}, not one row of numbers an image"
        if output.ndim < 2 or output.shape[0] != n or output.is_complex():
            return f"yields {tuple(output.shape)} for {n} images, not one row of numbers an image"
        both.append(tuple(output.shape[1:]))
    if both[0] != both[1]:
        return f"yields {both[0]} for one image and {both[1]} for another: features need one size"
    return both[0]


class Call(NamedTuple):
    """A call of a module: the how-manieth, from 1; of one that holds others also the layer that it returned, if any."""

    module: str
    number: int
    layer: str | None = None


class CallNames:
    """Names the calls of modules in the order in which they come: a module's own name first, then with _1, _2, ...

    Traced or watched, one name means one call. A module's own name always means that module, whatever else is called
    so.

    Parameters
    ----------
    modules
        The names of all modules, which nothing else may have.
    """

    def __init__(self, modules: Collection[str]) -> None:
        self._taken = set(modules)
        self._n_calls: Counter[str] = Counter()

    def of_module(self, module: str) -> str:
        """Name the next call of a module."""
        self._n_calls[module] += 1
        return module if self._n_calls[module] == 1 else self.free(module)

    def free(self, wish: str) -> str:
        """Return a name with the next number that nothing else has, or as it is where that is free; it is taken now."""
        number, name = 0, wish
        while name in self._taken:
            number += 1
            name = f"{wish}_{number}"
        self._taken.add(name)
        return name


def _meant_by(word: str, names: Sequence[str]) -> list[str]:
    """Return the names that a word may stand for: written otherwise, with other words before it, or nearly so."""
    plain = _plain(word)
    same = [name for name in names if plain and _plain(name) == plain]
    inner = [name for name in names if plain and _plain(name).endswith(f".{plain}")]
    outer = [name for name in names if plain.endswith(f".{_plain(name)}")]
    # Of a name that goes on where a layer ends, the layer; else what is nearly spelt so.
    above = [name for name in names if plain.startswith(f"{_plain(name)}.")]
    likely = same or inner[:_SHOWN] or outer[-1:] or nearest(plain, names) or above[-1:]
    return list(dict.fromkeys(likely))[:_SHOWN]


def _plain(word: str) -> str:
    """Return a name as layers are written: 'features[2]', 'Features/2' and 'features.2.weight' are features.2."""
    dotted = re.sub(r"[^a-z0-9_*?]+", ".", word.lower()).strip(".*?")
    return re.sub(r"\.(weight|bias)$", "", dotted)


def _match(pattern: str, names: Sequence[str], calls: Mapping[str, str]) -> dict[str, int]:
    """Return the layers that a pattern means, each with the place of its node among all."""
    # Attention's parts have names of their own: a pattern means them where it has their colon.
    if is_pattern(pattern) and ":" in pattern:
        meant = (name for name in calls if fnmatch.fnmatchcase(name, pattern))
        return {name: names.index(calls[name]) for name in meant}
    if pattern in names or pattern in calls:
        return {pattern: names.index(calls.get(pattern, pattern) if pattern not in names else pattern)}
    if is_pattern(pattern):
        return {name: place for place, name in enumerate(names) if fnmatch.fnmatchcase(name, pattern)}
    inside = [place for place, name in enumerate(names) if name.startswith(f"{pattern}.")]
    return {pattern: inside[-1]} if inside else {}
