"""A sweep as a TOML file: its networks, their layers and options, and the settings of the models."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from algocli.compute.choices import check_word, each_of
from algocli.compute.keywords import check_keywords
from algocli.errors import DataError, UsageError, reading
from algocli.pipeline.sweep_grid import FITTING, MAKING, entries_of, layers_of, settings_of

_TABLES = ("networks", "network", "layers", "features", "train")
# What the shell calls otherwise than Python.
_AS_OPTIONS = {"pca": "n_components", "scale": "scaled", "standardise": "standardised", "fields": "windows"}


class SweepFile(NamedTuple):
    """What a file asks for, in the words of Python."""

    networks: list[Any]
    layers: Any
    making: dict[str, Any]
    fitting: dict[str, Any]


def read_sweep(path: Path) -> SweepFile:
    """Read a sweep from a file, and check all that can be checked without its networks.

    Raises
    ------
    DataError
        If there is no such file, or it is no TOML.
    UsageError
        If it asks for something that there is not; the field is named.
    """
    with reading(path):
        text = path.read_bytes()
    try:
        content = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no TOML: {error}") from error
    with _told_of(path):
        check_keywords(content, _TABLES)
        tables = {name: _table(name, content.get(name, {})) for name in ("features", "train")}
        with _told_of("[features]"):
            check_keywords(tables["features"], MAKING)
        with _told_of("[train]"):
            fitting = _in_python(tables["train"])
            settings_of(fitting)
        networks = [*_listed("networks", content.get("networks", [])), *_listed("network", content.get("network", []))]
        entries_of(networks, tables["features"])
        layers = content.get("layers")
        layers_of(layers)
    return SweepFile(networks, layers, tables["features"], fitting)


def _in_python(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by the names of fields."""
    check_keywords(settings, (*FITTING, *_AS_OPTIONS))
    fields: dict[str, Any] = {}
    for word, value in settings.items():
        name = _AS_OPTIONS.get(word, word)
        if name in fields:
            raise UsageError(f"{word} and {name} are the same", hint="leave one of the two out")
        if name == "n_components":
            value = [None if each == "full" else each for each in each_of(value)]
        fields[name] = value
    return fields


def _table(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{name}: a table was expected, as in [{name}]")
    return value


def _listed(name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        form = "networks = ['alexnet', 'resnet18']" if name == "networks" else "[[network]]"
        raise UsageError(f"{name}: a list was expected, as in {form}")
    return [each if isinstance(each, dict) else check_word(name, each) for each in value]


@contextmanager
def _told_of(place: object) -> Iterator[None]:
    """Tell what is wrong within a `with` block as that of a file, and in its words: pool = 0 for pool=0."""
    try:
        yield
    except UsageError as error:
        message = re.sub(r"\b([a-z_]+)=", r"\1 = ", error.message)
        raise UsageError(f"{place}: {message}", hint=error.hint) from error
