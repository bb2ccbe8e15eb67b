"""Which features are meant where a model and a layer are named."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Any

from algocli.errors import DataError, MissingStep, UsageError
from algocli.features.networks.weights import PRETRAINED
from algocli.features.store.commands import options, transform_of
from algocli.features.store.keys import words_of
from algocli.features.store.library import read_recipe
from algocli.features.store.shards import FeatureStore


def find_recipe(cache_dir: Path, model: str, layer: str, lenders: Sequence[Path] = ()) -> str:
    """Return the name of the one recipe for a model's layer, in a cache or in others that it may borrow from.

    Raises
    ------
    MissingStep
        If there is none.
    UsageError
        If there are several: other weights, another dtype or transform.
    """
    found = [
        (home, recipe)
        for cache in (cache_dir, *lenders)
        for home, recipe in _recipes(cache)
        if (recipe["model"], recipe["layer"]) == (model, layer)
    ]
    # What a failed attempt left, without a single image, is no choice beside features that are there.
    begun = [(home, recipe) for home, recipe in found if _is_begun(home)]
    recipes = {home.name: recipe for home, recipe in begun or found}
    if not recipes:
        _refuse_damaged(cache_dir, model, layer)
        raise MissingStep(
            f"no features of {model} {layer} in {' or '.join(map(str, (cache_dir, *lenders)))}",
            hint=f"algocli extract --model {quote(model)} -l {quote(layer)}",
        )
    if len(recipes) > 1:
        told = {name: [" ".join(options(recipe)) or PRETRAINED] for name, recipe in recipes.items()}
        fed = {name: transform_of(recipe).words for name, recipe in recipes.items()}
        if len(set(fed.values())) > 1:
            told = {name: [*words, fed[name]] for name, words in told.items()}
        if any(list(told.values()).count(words) > 1 for words in told.values()):
            # A network of one's own that computes something else than before: which is which, only time tells.
            homes = {home.name: home for home, _ in begun or found}
            told = {name: [*words, f"made {_made_at(homes[name])}"] for name, words in told.items()}
        names = "\n  ".join(f"{name}  ({'; '.join(words)})" for name, words in told.items())
        raise UsageError(
            f"{len(recipes)} kinds of features of {model} {layer} are cached:\n  {names}",
            hint=f"choose one: features={next(iter(recipes))!r}",
        )
    return next(iter(recipes))


def _recipes(cache_dir: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the recipes of a cache folder; a damaged one is passed over, as extracting again mends it."""
    for path in sorted((cache_dir / "features").glob("*/recipe.json")):
        with suppress(DataError):
            yield path.parent, read_recipe(path.parent)


def _refuse_damaged(cache_dir: Path, model: str, layer: str) -> None:
    """Refuse to say that there are no features where there are, and what describes them is damaged."""
    for path in sorted((cache_dir / "features").glob("*/recipe.json")):
        if path.parent.name.startswith(f"{words_of(model, layer)}-"):
            try:
                read_recipe(path.parent)
            except DataError as error:
                raise MissingStep(f"features of {model} {layer} are there, but {error}", hint=error.hint) from error


def _is_begun(home: Path) -> bool:
    return any(home.glob("*/done/*.json")) or any(store.is_borrowed for store in _readable_stores(home))


def _readable_stores(home: Path) -> Iterator[FeatureStore]:
    for path in home.glob("*/manifest.json"):
        with suppress(DataError):
            yield FeatureStore(path.parent)


def _made_at(home: Path) -> str:
    written = max(path.stat().st_mtime for path in [home / "recipe.json", *home.glob("*/manifest.json")])
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(written))
