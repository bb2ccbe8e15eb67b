"""Finds regressions by name: those of this package, file by file, and whatever else was registered."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from algocli.compute.choices import check_choice
from algocli.encoding.fields import Fields
from algocli.encoding.regressions.regression import Regression
from algocli.encoding.regressions.run_arrays import RunArray

_added: dict[str, Regression] = {}


def register(regression: Regression) -> None:
    """Make a regression known, from here on and in this process; one of that name is replaced."""
    _added[regression.name] = regression


def unregister(name: str) -> None:
    """Forget what was registered under a name."""
    _added.pop(name, None)


def regressions() -> list[Regression]:
    """Return all regressions: those of one set of components first, then those of several, then what was registered."""
    return [*(one for one in _own() if one.name not in _added), *_added.values()]


def forms() -> tuple[str, ...]:
    """Return what a user may type, one a regression."""
    return tuple(one.form for one in regressions())


def find_regression(name: str) -> Regression | None:
    """Return the regression that goes by a name, or None.

    Raises
    ------
    UsageError
        If the name is of a kind that is known, and malformed.
    """
    return next((found for one in regressions() if (found := one.named(name)) is not None), None)


def regression_of(settings: Fields) -> Regression:
    """Return the regression that settings name."""
    found = find_regression(settings.regression)
    assert found is not None, f"{settings.regression} was known when the settings were made"
    return found


def check_regression(name: str, value: object) -> str:
    """Return the name of a regression, as Python's own string.

    Raises
    ------
    UsageError
        If there is no such regression; the nearest ones and all of them are told.
    """
    if isinstance(value, str) and find_regression(value) is not None:
        return str(value)
    return check_choice(name, value, forms())


def known_arrays() -> dict[str, RunArray]:
    """Return the arrays per vertex that regressions leave in runs, by name."""
    return {array.name: array for one in regressions() for array in one.arrays if not array.for_new_images}


@cache
def _own() -> tuple[Regression, ...]:
    """Import every file of this package, and return what each defines."""
    package = __name__.rpartition(".")[0]
    modules = pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}.")
    found = [getattr(importlib.import_module(one.name), "REGRESSION", None) for one in modules]
    own = [one for one in found if one is not None]
    return tuple(sorted(own, key=lambda one: (one.runs_code, one.keeps_layers_apart, one.name)))
