"""A callable that a user named as MODULE:CALLABLE: how it is imported, and what tells its code from other code."""

from __future__ import annotations

import hashlib
import importlib
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

from algocli.compute.foreign import in_reach, printing_aside
from algocli.errors import UsageError

# Packages whose versions every record has, and Python itself.
_KNOWN = {"algocli", "builtins", "numpy", "scipy", "zarr"}


def import_callable(module: str, name: str) -> Callable[[], Any]:
    """Import a module, from the current folder too, and return what it has under a name, which may be dotted.

    Raises
    ------
    UsageError
        If there is no such module, its code fails, or it has no such callable.
    """
    with in_reach(Path.cwd()):
        try:
            with running(f"the module {module}"):
                imported = importlib.import_module(module)
        except UsageError as told:
            error = told.__cause__
            if not isinstance(error, ModuleNotFoundError):
                raise
            missing = error.name or module
            of = "" if module == missing or module.startswith(f"{missing}.") else f", which {module} imports"
            raise UsageError(
                f"there is no module {missing}{of}",
                hint="name one that is installed, or lies in the current folder or on PYTHONPATH",
            ) from error
    try:
        made: Any = reduce(getattr, name.split("."), imported)
    except AttributeError as error:
        raise UsageError(f"the module {module} has no {name}", hint=_callables(imported)) from error
    if not callable(made):
        raise UsageError(
            f"{name} of the module {module} is of type {type(made).__name__}; a callable was expected",
            hint="a class, or a function without arguments, that returns an estimator",
        )
    call: Callable[[], Any] = made
    return call


@contextmanager
def running(what: str, given: str = "") -> Iterator[None]:
    """Run a user's own code within a `with` block: what it prints goes to stderr, where it fails is told in a sentence.

    Parameters
    ----------
    given
        What it was given, as a clause for the hint.

    Raises
    ------
    UsageError
        If it fails.
    """
    try:
        with printing_aside():
            yield
    # A script without a guard may end the program.
    except (Exception, SystemExit) as error:
        told = " ".join(str(error).split())
        hint = "; ".join(part for part in (_place(error), given) if part) or None
        raise UsageError(f"{what} fails with {type(error).__name__}{f': {told}' if told else ''}", hint=hint) from error


def _place(error: BaseException) -> str:
    """Say where an error was raised, if not by calling."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).parent == Path(__file__).parent:
            break
        if Path(frame.filename).is_file():
            return f"it was raised in {frame.filename}, line {frame.lineno}"
    return ""


def source_digest(module: str) -> str | None:
    """Return the digest of an imported module's source; None where it has none, as one that was compiled."""
    path = getattr(sys.modules.get(module), "__file__", None)
    if path is None or not path.endswith(".py") or not Path(path).is_file():
        return None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def versions_behind(thing: object) -> Mapping[str, str]:
    """Return the versions of the packages that an object's classes come from, by the packages' names."""
    modules = {parent.__module__.partition(".")[0] for parent in type(thing).__mro__} - _KNOWN
    versions = {}
    homes = packages_distributions() if modules else {}
    for module in sorted(modules):
        for package in homes.get(module, [module]):
            try:
                versions[package] = version(package)
            except PackageNotFoundError:
                continue
    return versions


def _callables(module: object) -> str:
    names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
    some = ", ".join(names[:8]) + (" and more" if len(names) > 8 else "")
    return f"it has {some}" if names else "it has no callable at all"
