"""Kinds of features: of one recipe each, in whichever caches they lie; and how several are told apart."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from algocli.compute.anywhere import Place
from algocli.compute.patterns import as_counted
from algocli.errors import DataError, MissingStep, UsageError
from algocli.features.networks.names import canonical
from algocli.features.networks.weights import PRETRAINED
from algocli.features.store.commands import describe, is_imported, options, transform_of
from algocli.features.store.library import read_recipe, readable_stores
from algocli.features.store.variants import Variant, differing, in_fields, in_options


@dataclass(frozen=True)
class Kind:
    """One kind of features: its recipe, and the folders that it has in the caches that are asked."""

    recipe: Mapping[str, Any]
    homes: list[Place] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the features are called, as `train` takes it."""
        return self.homes[0].name

    @property
    def begun(self) -> bool:
        """Whether there is a single image of any subject."""
        return any(any(home.glob("*/done/*.json")) for home in self.homes) or any(
            store.is_elsewhere for home in self.homes for store in readable_stores(_folders(home))
        )


def is_of(kind: Kind, model: str) -> bool:
    """Say whether a kind is of a network, which may be called by its name and that of its weights."""
    recipe, spelt = kind.recipe, canonical(model).removeprefix("torchvision/")
    return spelt in (recipe["model"], f"{recipe['model']}.{recipe['weights']}")


def of_variant(kinds: Sequence[Kind], variant: Variant, extraction: str) -> list[Kind]:
    """Return the kinds that are of a variant; never none.

    Parameters
    ----------
    extraction
        The command that makes one.

    Raises
    ------
    MissingStep
        If there is none.
    """
    chosen = variant.choose([kind.recipe for kind in kinds])
    fitting = [kind for kind in kinds if any(kind.recipe is recipe for recipe in chosen)]
    if not fitting:
        what = ", ".join(dict.fromkeys(describe(kind.recipe) for kind in kinds))
        raise MissingStep(
            f"no features of {what} have {variant}; there are:{list_kinds(kinds, variant.said)}", hint=extraction
        )
    return fitting


def place_of(kind: Kind) -> Any:
    """Return what sorts kinds: by network, layer and what else they differ in, as people count."""
    words = (kind.recipe["model"], kind.recipe["layer"], " ".join(options(kind.recipe)), kind.name)
    return [as_counted(word) for word in words]


def several(model: str, layer: str, kinds: Sequence[Kind]) -> UsageError:
    """Return the error of a layer of which there are several kinds, with what sets them apart."""
    fields = differing([kind.recipe for kind in kinds])
    by = f", by {' and '.join(name.replace('_', ' ') for name in fields)}" if fields else ""
    first = kinds[0]
    set_apart = f"{in_fields(first.recipe, fields)}; or by name, " if fields else ""
    return UsageError(
        f"{len(kinds)} kinds of features of {model} {layer} are cached:{list_kinds(kinds)}",
        hint=f"choose one{by}: {set_apart}features={first.name!r}",
    )


def list_kinds(kinds: Sequence[Kind], asked: Collection[str] = ()) -> str:
    """List kinds by what they differ in, and what was asked for, a line each."""
    fields = differing([kind.recipe for kind in kinds], asked)
    told = {kind.name: [_words(kind, fields)] for kind in kinds}
    fed = {kind.name: transform_of(kind.recipe).words for kind in kinds if not is_imported(kind.recipe)}
    if len(set(fed.values())) > 1:
        told = {name: [*words, fed[name]] if name in fed else words for name, words in told.items()}
    if any(list(told.values()).count(words) > 1 for words in told.values()):
        # A network of one's own that computes something else than before: which is which, only time tells.
        made = {kind.name: f"made {_made_at(kind)}" for kind in kinds}
        told = {name: [*words, made[name]] for name, words in told.items()}
    return "".join(f"\n  {name}  ({'; '.join(words)})" for name, words in told.items())


def _words(kind: Kind, fields: Sequence[str]) -> str:
    if is_imported(kind.recipe):
        return "imported"
    return in_options(kind.recipe, fields) or " ".join(options(kind.recipe)) or PRETRAINED


def _made_at(kind: Kind) -> str:
    here = [home for home in kind.homes if isinstance(home, Path)]
    written = [path.stat().st_mtime for home in here for path in [home / "recipe.json", *home.glob("*/manifest.json")]]
    if not written:
        return f"somewhere, and lies in {kind.homes[0]}"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(max(written)))


def _folders(home: Place) -> Iterator[Place]:
    return (path.parent for path in home.glob("*/manifest.json"))


def label_of(home: Place) -> str:
    """Say what the features in a recipe's folder are by network, layer and options; where that is damaged, by name."""
    with suppress(DataError):
        recipe = read_recipe(home)
        return " ".join([describe(recipe), *([] if is_imported(recipe) else options(recipe))])
    return home.name
