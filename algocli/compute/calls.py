"""How public functions are called: what fits no parameters is told as any wrong argument; who reads begins anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from inspect import Parameter, Signature, isfunction, signature
from typing import Any, TypeVar

from algocli.compute.keywords import guess_keyword
from algocli.errors import Replaced, UsageError

T = TypeVar("T", bound=Callable[..., Any])
# Nobody trains a run so often in the time that a report takes.
_ATTEMPTS = 5


def forgiving(target: T) -> T:
    """Have a function, or a class's constructor and public methods, raise UsageError where arguments do not fit.

    Nothing is looked at before something went wrong: a call that fits costs what it did.
    """
    if isinstance(target, type):
        for name, method in list(vars(target).items()):
            if isfunction(method) and (name == "__init__" or not name.startswith("_")):
                setattr(target, name, _told(method, target.__name__ if name == "__init__" else name))
        return target
    return _told(target, target.__name__)  # type: ignore[return-value]


def anew(function: T) -> T:
    """Have a function that reads begin anew where what it reads is replaced meanwhile, as whoever asks would."""

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        for _ in range(_ATTEMPTS - 1):
            try:
                return function(*args, **kwargs)
            except Replaced:
                continue
        return function(*args, **kwargs)

    return called  # type: ignore[return-value]


def _told(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError:
            try:
                signature(function).bind(*args, **kwargs)
            except TypeError:
                raise _misfit(name, signature(function), args, kwargs) from None
            # It did fit: what is wrong is inside.
            raise

    return called


def _misfit(name: str, form: Signature, args: Sequence[Any], given: Mapping[str, Any]) -> UsageError:
    parameters = {word: each for word, each in form.parameters.items() if word != "self"}
    by_place = [word for word, each in parameters.items() if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
    n_places = len(args) - ("self" in form.parameters)
    hint = f"it is {name}({_shown(parameters.values())})"
    for word in given:
        if word not in parameters:
            return UsageError(f"{name} takes no {word}=...{guess_keyword(word, parameters)}", hint=hint)
    if n_places > len(by_place):
        words = "nothing" if not by_place else f"{' and '.join(by_place)} alone"
        problem = f"{name} takes {words} without a name; {n_places} arguments were given so"
        return UsageError(f"{problem}: the others as in NAME=..., and several of a kind in a list", hint=hint)
    twice = [word for word in by_place[:n_places] if word in given]
    if twice:
        return UsageError(f"{name} is given {twice[0]}=... twice, by its place and by its name", hint=hint)
    needed = [word for word, each in parameters.items() if each.default is each.empty and each.kind < each.VAR_KEYWORD]
    missing = [f"{word}=..." for word in needed if word not in given and word not in by_place[:n_places]]
    return UsageError(f"{name} needs {' and '.join(missing)}", hint=hint)


def _shown(parameters: Iterable[Parameter]) -> str:
    """Write parameters by their names alone: what is usual of each is in the docstring."""
    bare = [each.replace(annotation=Parameter.empty, default=Parameter.empty) for each in parameters]
    return str(Signature(bare))[1:-1]
