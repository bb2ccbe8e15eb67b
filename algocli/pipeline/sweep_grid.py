"""What a sweep is asked for: networks with their layers and how features are made of them, and the models to fit.

Wherever one value can stand, several can, and every combination is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from pathlib import Path
from typing import Any

from algocli.compute.choices import check_word, each_of
from algocli.compute.keywords import check_keywords
from algocli.encoding.fields import CHECKS
from algocli.encoding.regressions.registry import find_unread
from algocli.encoding.settings import Alphas, Settings
from algocli.encoding.windows import name_of_set
from algocli.errors import AlgocliError, UsageError
from algocli.features.networks.names import canonical
from algocli.features.store.variants import NONE, Variant
from algocli.pipeline.presets import as_layers

# What may be said of how features are made: whatever tells several kinds of one layer apart.
MAKING = tuple(option.name for option in fields(Variant))
# What may be said of a model, and stands for itself; a sweep has models of one layer.
FITTING = tuple(
    name for name in CHECKS if name not in ("features", "former_penalties", "field_layers", "field_per_layer")
)
# Stands for any features in settings that are checked before there are some.
_ANY = "any"


@dataclass(frozen=True)
class Entry:
    """A network of a sweep, as it is asked for.

    Attributes
    ----------
    layers
        Names and patterns; None for those that are asked of all networks.
    making
        How features are made, an option by its name, each with one value or several.
    """

    model: str
    layers: tuple[str, ...] | None = None
    making: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def ways(self) -> Iterator[dict[str, Any]]:
        """Yield every combination of options."""
        for values in product(*self.making.values()):
            yield dict(zip(self.making, values, strict=True))


def entries_of(networks: object, making: Mapping[str, Any]) -> list[Entry]:
    """Return the networks of a sweep.

    Parameters
    ----------
    networks
        Names, or mappings with a `name`, `layers` and options of their own.
    making
        Options of all networks that do not say otherwise.

    Raises
    ------
    UsageError
        If one is none of these, an option is not what it can be, or one is named twice alike.
    """
    usual = _several(making)
    entries: list[Entry] = []
    for place, network in enumerate([] if networks is None else _listed(networks), start=1):
        entry = _entry(network, usual, place)
        if entry in entries:
            raise UsageError(f"network {entry.model} is named twice", hint="name it once, or with other layers")
        entries.append(entry)
    if not entries:
        raise UsageError("a sweep needs networks", hint="name some, as `algocli models` lists them")
    return entries


def _listed(networks: object) -> list[Any]:
    return [networks] if isinstance(networks, Mapping) else each_of(networks)


def _entry(network: object, usual: Mapping[str, tuple[Any, ...]], place: int) -> Entry:
    if not isinstance(network, Mapping):
        return Entry(canonical(check_word("networks", network)), None, usual)
    named = f"network {place}"
    try:
        name = canonical(check_word("name", network.get("name")))
        named = f"network {place} ({name})"
        check_keywords(network, ("name", "layers", *MAKING))
        layers = None if network.get("layers") is None else as_layers(network["layers"])
        own = _several({word: value for word, value in network.items() if word in MAKING})
    except UsageError as error:
        raise UsageError(f"{named}: {error.message}", hint=error.hint) from error
    return Entry(name, layers, {**usual, **own})


def _several(making: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Check options of how features are made, each of one value or several; None and 'none' are for nothing done."""
    checked = {}
    for name, value in making.items():
        values = each_of(value)
        if not values:
            raise UsageError(f"{name}=[]: at least one value was expected")
        said = [None if each in (None, NONE) else getattr(Variant.of(**{name: each}), name) for each in values]
        checked[name] = tuple(dict.fromkeys(said))
    # What is not said is as usual.
    return {name: values for name, values in checked.items() if values != (None,)}


def settings_of(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every combination of fields of the settings, each as `train` takes it.

    Raises
    ------
    UsageError
        If a field is not known or not what it can be, or some do not go together.
    """
    check_keywords(given, FITTING, MAKING)
    grid = {name: _values(name, value) for name, value in given.items()}
    combinations = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    if len(grid.get("regression", ())) > 1:
        combinations = _each_what_it_reads(combinations)
    for combination in combinations:
        whole_settings(_ANY, combination)
    return combinations


def _each_what_it_reads(combinations: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out of each combination what its regression does not read and another's does; return each once."""
    unread = [find_unread(each["regression"]) for each in combinations]
    by_none = frozenset.intersection(*unread)
    taken = [
        {name: value for name, value in each.items() if name not in of_each - by_none}
        for each, of_each in zip(combinations, unread, strict=True)
    ]
    return [each for place, each in enumerate(taken) if each not in taken[:place]]


def whole_settings(features: str, given: Mapping[str, Any]) -> Settings:
    """Return the settings of a model of some features, as `train` makes them."""
    return Settings((features,), **fields_of(given))


def fields_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the settings that are meant by some that were named, as `train` has them."""
    is_split = given.get("folds") is not None or given.get("shared") == "only"
    return {**({"holdout": None} if is_split else {}), **given}


def _values(name: str, value: object) -> list[Any]:
    """Return the values of a field, each once; a grid of penalties is one."""
    several = each_of(value)
    if name == "alphas" and not all(isinstance(each, str | Sequence) for each in several):
        several = [value]
    if isinstance(value, Alphas) or (name == "windows" and not all(isinstance(each, str | Path) for each in several)):
        several = [value]
    if not several:
        raise UsageError(f"{name}=[]: at least one value was expected")
    return list(dict.fromkeys(CHECKS[name](name, each) for each in several))


def name_settings(combinations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say of each combination what differs from the others, as in 'n_components=50 regression=ridge'; '' of one."""
    names = dict.fromkeys(name for each in combinations for name in each)
    differing = [name for name in names if len({str(each.get(name, _ANY)) for each in combinations}) > 1]
    return [" ".join(f"{name}={_said(each[name])}" for name in differing if name in each) for each in combinations]


def _said(value: object) -> str:
    if isinstance(value, Alphas):
        return f"{value.low:g}:{value.high:g}:{value.n}"
    if isinstance(value, tuple):
        # Windows, in the words of a run's name.
        return name_of_set(value)
    return "full" if value is None else str(value)


def told_together(faults: Mapping[str, AlgocliError], summary: str) -> AlgocliError:
    """Return one error of the kind of the first of several, with the reason of each below its summary.

    What to do is told once where it is the same for all, and by its name where it is not.
    """
    first = next(iter(faults.values()))
    reasons = "".join(f"\n  {name}: {error.message}" for name, error in faults.items())
    hints = {name: error.hint for name, error in faults.items() if error.hint}
    hint = next(iter(hints.values()), None)
    if len(set(hints.values())) > 1:
        hint = "".join(f"\n  {name}: {told}" for name, told in hints.items())
    return type(first)(f"{summary}:{reasons}", hint=hint)


def layers_of(words: Iterable[str] | Mapping[str, Any] | str | None) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the layers that are asked of all networks, in a mapping those of '*', and those of single ones by these.

    Raises
    ------
    UsageError
        If one is no name.
    """
    if isinstance(words, Mapping):
        own = {check_word("layers", model): as_layers(named) for model, named in words.items()}
        return own.pop("*", ()), own
    return (() if words is None else as_layers(words)), {}
