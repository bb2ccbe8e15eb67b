"""Finds regressions by name: those of this package, and whatever else was registered.

A name imports the file that it lies in, and no other: a report of one regression has no use for the search of another.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from algocli.compute.choices import check_choice
from algocli.encoding.fields import OF_FIELDS, Fields
from algocli.encoding.regressions.models import RunArray
from algocli.encoding.regressions.regression import Regression

# What a user may type, in the order in which it is offered; the first word is the name of the file. A file that is not
# named here comes after these, under its own name.
_FORMS = ("ols", "ridge", "banded", "blend", "fields", "python:MODULE:CALLABLE")
_added: dict[str, Regression] = {}


def register(regression: Regression) -> None:
    """Make a regression known, from here on and in this process; one of that name is replaced."""
    _added[regression.name] = regression


def unregister(name: str) -> None:
    """Forget what was registered under a name."""
    _added.pop(name, None)


def regressions() -> list[Regression]:
    """Return all regressions: those of one set of components first, then those of several, then what was registered."""
    return [*map(_load, _files()), *_added.values()]


def forms() -> tuple[str, ...]:
    """Return what a user may type, one a regression."""
    return (*_files().values(), *(regression.form for regression in _added.values()))


def find_regression(name: str) -> Regression | None:
    """Return the regression that goes by a name, or None.

    Raises
    ------
    UsageError
        If the name is of a kind that is known, and malformed.
    """
    file = name.partition(":")[0]
    candidates = [*([_load(file)] if file in _files() else []), *_added.values()]
    return next((named for regression in candidates if (named := regression.named(name)) is not None), None)


def regression_of(settings: Fields) -> Regression:
    """Return the regression that settings name."""
    regression = find_regression(settings.regression)
    assert regression is not None, f"{settings.regression} was known when the settings were made"
    return regression.suited(settings)


def find_unread(name: str) -> frozenset[str]:
    """Return the fields of the settings that a regression does not read, of those that some regressions do not."""
    regression, unread = find_regression(name), list[str]()
    assert regression is not None, f"{name} has been checked"
    unread += [] if regression.has_penalties else ["alphas", "alpha_by"]
    unread += [] if regression.searches else ["n_iter", "search_seed"]
    unread += ["n_components", "standardised", "alpha_by"] if regression.reads_features else OF_FIELDS
    return frozenset(unread)


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
    return {
        array.name: array for regression in regressions() for array in regression.arrays if not array.for_new_images
    }


def _files() -> dict[str, str]:
    """Return the form of each regression of this package by its file, but for those that others have replaced."""
    return {file: form for file, form in _of_this_package().items() if file not in _added}


@cache
def _of_this_package() -> dict[str, str]:
    named = {form.partition(":")[0]: form for form in _FORMS}
    beside = sorted(path for path in Path(__file__).parent.glob("*.py") if path.stem not in named)
    # Read and not imported: a list of names is asked for by programs that need none of the regressions.
    return named | {path.stem: path.stem for path in beside if "\nREGRESSION = " in path.read_text(encoding="utf-8")}


def _load(file: str) -> Regression:
    """Import a file of this package, and return the regression that it defines."""
    regression: Regression = import_module(f"{__package__}.{file}").REGRESSION
    return regression
