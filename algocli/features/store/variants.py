"""Features of one layer that differ in how they were made: told apart, and chosen, by the options of `extract`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from algocli.compute.choices import check_choice, check_path, check_whole
from algocli.errors import UsageError
from algocli.features.networks.network import TransformName, choose_transform
from algocli.features.networks.numerics import Numerics
from algocli.features.networks.tokens import ALL, check_tokens
from algocli.features.networks.weights import PRETRAINED, random_seed
from algocli.features.store.commands import (
    is_as_asked,
    is_imported,
    options,
    request_of,
    transform_asked_for,
    transform_of,
)
from algocli.features.store.keys import Dtype

# What is asked for where features are to be as the layer gives them, all of them.
NONE: Literal["none"] = "none"
_COUNT = f"a whole number from 1 on, or '{NONE}', was expected"


@dataclass(frozen=True)
class Variant:
    """How features were made, as far as it is said; a field that is None leaves it open.

    `pool` and `project` are 'none' where nothing was pooled, or projected; `tokens` is 'all' where all were kept.
    """

    weights: str | None = None
    transform: TransformName | None = None
    image_size: int | None = None
    tokens: str | None = None
    pool: int | Literal["none"] | None = None
    project: int | Literal["none"] | None = None
    project_seed: int | None = None
    dtype: Dtype | None = None
    numerics: Numerics | None = None

    @classmethod
    def of(cls, **given: object) -> Variant:
        """Return what some fields say, whatever they are given as.

        Raises
        ------
        UsageError
            If a field is not what it can be.
        """
        return cls(**{name: _check(name, value) for name, value in given.items() if value is not None})

    @property
    def said(self) -> dict[str, Any]:
        """The fields that are not left open."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def options(self) -> list[str]:
        """The same as `extract` takes it; there it is usual that nothing is pooled, or projected."""
        said = {name: value for name, value in self.said.items() if value != NONE}
        return [f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in said.items()]

    def __str__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.said.items())

    def choose(self, recipes: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the recipes that are as it says.

        Weights are known by their words, or else by what these mean: a file by its place, and where that is none of
        theirs by its name, as it may have been moved.
        """
        fitting = [recipe for recipe in recipes if self._fits(recipe)]
        if self.weights is None:
            return fitting
        tellings: list[Callable[[str], bool]] = [
            lambda recorded: recorded == self.weights,
            partial(_are_same, self.weights),
            lambda recorded: _file_name(recorded) == _file_name(str(self.weights)),
        ]
        chosen = ([recipe for recipe in fitting if told(recipe["weights"])] for told in tellings)
        return next(filter(None, chosen), [])

    def _fits(self, recipe: Mapping[str, Any]) -> bool:
        """Say whether all but the weights is as it says."""
        if is_imported(recipe) and set(self.said) - {"dtype"}:
            return False
        made = _values(recipe)
        plain = {name: value for name, value in self.said.items() if name not in ("weights", "transform", "tokens")}
        if any(made[name] != value for name, value in plain.items()):
            return False
        if self.tokens is not None and self.tokens not in (made["tokens"], _said_of_all(recipe)):
            return False
        return self.transform is None or _is_fed(recipe, self.transform)


ANY = Variant()
# How each is called as a field, in the order in which commands have them.
_FIELDS = tuple(field.name for field in fields(Variant))
_WORDS = {"transform": TransformName, "dtype": Dtype, "numerics": Numerics}


def _check(name: str, value: object) -> Any:
    if name in _WORDS:
        return check_choice(name, value, get_args(_WORDS[name]))
    if name == "weights":
        weights = str(check_path(name, value))
        random_seed(weights)
        return weights
    if name == "tokens":
        return check_tokens(value)
    if name == "image_size":
        return check_whole(name, value, 1)
    if name == "project_seed":
        return check_whole(name, value, 0)
    return value if value == NONE else check_whole(name, value, 1, expected=_COUNT)


def differing(recipes: Iterable[Mapping[str, Any]], asked: Collection[str] = ()) -> list[str]:
    """Return the fields of a variant in which some recipes differ, or that were asked for."""
    # A size that was not asked for is the network's own, whatever that is.
    values = [asdict(request_of(recipe)) for recipe in recipes]
    return [name for name in _FIELDS if name in asked or len({str(made[name]) for made in values}) > 1]


def in_fields(recipe: Mapping[str, Any], names: Iterable[str]) -> str:
    """Write what some fields are of a recipe as a function takes them: weights='random', pool=2."""
    made = _values(recipe)
    return ", ".join(f"{name}={made[name]!r}" for name in names)


def in_options(recipe: Mapping[str, Any], names: Iterable[str]) -> str:
    """Write the same as a command takes them: --weights random --pool 2."""
    made = _values(recipe)
    return " ".join(f"--{name.replace('_', '-')} {shlex.quote(str(made[name]))}" for name in names)


def unusual(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that had to be said for a recipe to be made, as a variant has them."""
    made = _values(recipe)
    names = [shlex.split(option)[0].removeprefix("--").replace("-", "_") for option in options(recipe)]
    return {name: made[name] for name in names}


def in_name(recipe: Mapping[str, Any]) -> str:
    """Write all that is not usual of a recipe as names have it, such as 'weights-random'; empty where all is."""
    words = [shlex.split(option.removeprefix("--")) for option in options(recipe)]
    # Of a file the name is enough to know it by.
    return "_".join(f"{name}-{_as_letters(_file_name(value))}" for name, value in words)


def _values(recipe: Mapping[str, Any]) -> dict[str, Any]:
    made = asdict(request_of(recipe))
    if made["image_size"] is None and not is_imported(recipe):
        made["image_size"] = transform_of(recipe).size
    return {**made, **{name: NONE for name in ("pool", "project") if made[name] is None}}


def _said_of_all(recipe: Mapping[str, Any]) -> str | None:
    """Return what else a recipe's tokens may be called: 'all' where none was left out."""
    reduced = recipe["identity"].get("post")
    layout = reduced.get("layout", {}) if isinstance(reduced, dict) else {}
    parts = [*(part for part in ("class", "registers") if layout.get(part)), "patches"]
    return ALL if layout and reduced["tokens"] == "+".join(parts) else None


def _are_same(wish: str, recorded: str) -> bool:
    seeds = random_seed(wish), random_seed(recorded)
    if seeds != (None, None):
        return seeds[0] == seeds[1]
    # Those of a name with a tag, as timm's, are called by that.
    if wish == PRETRAINED:
        return not _is_file(recorded)
    return Path(wish).resolve() == Path(recorded).resolve()


def _is_file(weights: str) -> bool:
    return "/" in weights or bool(Path(weights).suffix)


def _file_name(weights: str) -> str:
    return Path(weights).name if _is_file(weights) else weights


def _as_letters(word: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+]+", ".", word)[:40].strip(".")


def _is_fed(recipe: Mapping[str, Any], wish: TransformName) -> bool:
    """Say whether images were prepared as a wish means it for the recipe's network, or as it is told of the recipe."""
    if wish == request_of(recipe).transform:
        return True
    with suppress(UsageError):
        return is_as_asked(recipe, choose_transform(recipe["model"], wish, transform_asked_for(recipe)))
    return False
