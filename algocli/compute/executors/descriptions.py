"""Tasks written down as JSON and made of it again: numbers, words, arrays and this package's own classes, and no code.

A pickle can call whatever there is; a description names classes of algocli by their names, and what they are made of.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from algocli.compute.track import silent, unheard
from algocli.errors import DataError, UsageError

_PACKAGE = "algocli"
_PLAIN = (type(None), bool, int, float, str)
# What stands for a bar and for somebody who listens, where there are none.
_NOBODY: dict[str, Callable[..., Any]] = {"silent": silent, "unheard": unheard}


def describe(value: Any) -> Any:
    """Return what JSON can hold of a value.

    Raises
    ------
    UsageError
        If it is, or holds, what is of no class of algocli, and no plain number, word, array or collection.

    Examples
    --------
    >>> from pathlib import Path
    >>> from algocli.compute.executors.descriptions import describe, restore
    >>> describe((1, Path("cache")))
    {'tuple': [1, {'path': 'cache'}]}
    >>> restore(describe({"rows": range(3, 5)}))
    {'rows': range(3, 5)}
    """
    # A number of numpy's may be one of Python's as well.
    if type(value) in _PLAIN:
        return value
    if type(value) is list:
        return [describe(item) for item in value]
    if type(value) is tuple:
        return {"tuple": [describe(item) for item in value]}
    if type(value) is dict:
        return {"dict": [[describe(key), describe(item)] for key, item in value.items()]}
    if type(value) in (set, frozenset):
        # A set has no order of its own, and the same task is to have the same description.
        items = sorted((describe(item) for item in value), key=repr)
        return {type(value).__name__: items}
    if type(value) is range:
        return {"range": [value.start, value.stop, value.step]}
    if isinstance(value, Path):
        return {"path": str(value)}
    for word, nobody in _NOBODY.items():
        if value is nobody:
            return {"nobody": word}
    if isinstance(value, np.ndarray | np.generic) and not np.asarray(value).dtype.hasobject:
        return {"scalar" if isinstance(value, np.generic) else "array": _in_letters(np.asarray(value))}
    return _describe_object(value)


def restore(description: Any) -> Any:
    """Return the value that was described.

    Raises
    ------
    DataError
        If it is no description.
    """
    if type(description) in _PLAIN:
        return description
    if type(description) is list:
        return [restore(item) for item in description]
    if not isinstance(description, dict):
        raise DataError(f"a {type(description).__name__} describes nothing")
    kind = "object" if "object" in description else next(iter(description), "")
    if kind != "object" and (len(description) != 1 or kind not in _KINDS):
        raise DataError(f"{', '.join(map(str, description)) or 'nothing'}: no kind of value is called so")
    try:
        return _restore_object(description) if kind == "object" else _KINDS[kind](description[kind])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"what is said of a kind of {kind} describes none: {error}") from error


def _describe_object(value: Any) -> dict[str, Any]:
    kind: Any = type(value)
    name = f"{kind.__module__}:{kind.__qualname__}"
    if kind.__module__.split(".")[0] != _PACKAGE or _class_called(name) is not kind:
        raise UsageError(
            f"{kind.__module__}.{kind.__qualname__} is no class of algocli: what is made of it cannot be written down",
            hint="cluster='local:4' sends it as it is",
        )
    if isinstance(value, Enum):
        return {"object": name, "is": value.name}
    if is_dataclass(value):
        made_of = {field.name: describe(getattr(value, field.name)) for field in fields(value) if field.init}
        return {"object": name, "of": made_of}
    if hasattr(kind, "_fields"):
        return {"object": name, "of": {word: describe(part) for word, part in value._asdict().items()}}
    # Whoever says how it is sent says what it is made of.
    if "__reduce__" in vars(kind):
        maker, arguments = value.__reduce__()[:2]
        if maker is kind:
            return {"object": name, "made_with": [describe(argument) for argument in arguments]}
    plain = _plain_of(kind)
    derived = {word for base in kind.__mro__ for word, said in vars(base).items() if isinstance(said, cached_property)}
    has = {word: describe(part) for word, part in vars(value).items() if word not in derived}
    return {"object": name, "has": has} | ({} if plain is None else {"holds": describe(plain(value))})


def _restore_object(description: dict[str, Any]) -> Any:
    kind = _class_called(description["object"])
    if kind is None:
        raise DataError(f"{str(description['object'])[:200]!r}: no class of algocli is called so")
    ((how, parts),) = ((word, said) for word, said in description.items() if word not in ("object", "holds"))
    if how == "is" and issubclass(kind, Enum):
        return kind[parts]
    if how == "of" and (is_dataclass(kind) or hasattr(kind, "_fields")):
        return kind(**{word: restore(part) for word, part in parts.items()})
    if how == "made_with" and "__reduce__" in vars(kind):
        return kind(*map(restore, parts))
    if how == "has":
        made = kind.__new__(kind) if _plain_of(kind) is None else kind(restore(description["holds"]))
        vars(made).update({word: restore(part) for word, part in parts.items()})
        return made
    raise DataError(f"{description['object']}: nothing is described by {how!r}")


def _plain_of(kind: Any) -> Any:
    """Return the collection of Python's own that a class is one of, beside what else it has; None where it is none.

    Raises
    ------
    UsageError
        If it is a number or a word of its own: what it is worth is not among what it has.
    """
    for plain in (tuple, list, dict):
        if issubclass(kind, plain):
            return plain
    if issubclass(kind, int | float | str | bytes | set | frozenset):
        raise UsageError(f"{kind.__qualname__} is neither plain nor made of parts: it cannot be written down")
    return None


def _class_called(name: object) -> Any:
    """Return the class of algocli that has a name; None where none has."""
    module, _, path = str(name).partition(":")
    if module.split(".")[0] != _PACKAGE:
        return None
    try:
        found: Any = import_module(module)
        for word in path.split("."):
            # What a module has imported is not its own.
            found = vars(found)[word]
    except (ImportError, KeyError, TypeError, ValueError):
        return None
    is_own = isinstance(found, type) and found.__module__ == module
    return found if is_own else None


def _in_letters(array: np.ndarray[Any, Any]) -> str:
    stream = io.BytesIO()
    npy_format.write_array(stream, array, allow_pickle=False)
    return base64.b64encode(stream.getvalue()).decode()


def _from_letters(letters: str) -> Any:
    return npy_format.read_array(io.BytesIO(base64.b64decode(letters)), allow_pickle=False)


_KINDS: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda items: tuple(map(restore, items)),
    "dict": lambda pairs: {restore(key): restore(item) for key, item in pairs},
    "set": lambda items: set(map(restore, items)),
    "frozenset": lambda items: frozenset(map(restore, items)),
    "range": lambda bounds: range(*bounds),
    "path": Path,
    "nobody": lambda word: _NOBODY[word],
    "array": _from_letters,
    "scalar": lambda letters: _from_letters(letters)[()],
}
