"""Holds what is called in the package to its annotations while tests run.

Each module is imported as it stands; then every public function, and every method of a public class, is wrapped:
beartype checks what goes in and what comes out, and a dataclass's fields once it is made. What is wrong and is refused
as a user's mistake was meant by the test; what is wrong and works has a wrong annotation, or a wrong caller.
"""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import FunctionType, ModuleType
from typing import IO, Annotated, Any, BinaryIO, TextIO, get_type_hints

import typer
from beartype import BeartypeConf, FrozenDict, beartype
from beartype.door import die_if_unbearable
from beartype.vale import Is
from numpy.typing import ArrayLike

PACKAGE = "algocli"


class WrongType(AssertionError):
    """A value that its annotation does not allow."""


class _WrongArgument(Exception):
    """The same, before anything was called with it."""


def hold() -> None:
    """Check every module of the package that is imported from now on."""
    sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] != PACKAGE:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def path_stats(self, path: str) -> Any:
        raise OSError("what is compiled here is kept nowhere: others run it as it is written")

    def get_data(self, path: str) -> bytes:
        # Names for annotations alone are needed now; no room imports in circles, so nothing stands in their way.
        return super().get_data(path).replace(b"if TYPE_CHECKING:", b"if True:")

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        public = {name: thing for name, thing in vars(module).items() if _is_public(name, thing, module.__name__)}
        _taken_for.update({thing: Annotated[object, Is[_has_names_of(thing)]] for thing in _protocols(public)})
        for name, thing in public.items():
            if isinstance(thing, FunctionType):
                setattr(module, name, _checked(thing))
            elif isinstance(thing, type) and not _is_protocol(thing):
                _check_methods(thing)


# What an annotation is taken for. A protocol is what has its names, looked for without asking a property, which may
# read a file; typing's kinds of files are those of the standard library; typer gives a context of its base class.
_taken_for: dict[Any, Any] = {
    **dict.fromkeys((TextIO, BinaryIO, IO[bytes], IO[str]), io.IOBase),
    typer.Context: typer.Context.__base__,
    # What numpy makes an array of: a tuple lacks a method of what numpy's annotation calls a sequence.
    ArrayLike: object,
}


def _is_public(name: str, thing: object, module: str) -> bool:
    return not name.startswith("_") and getattr(thing, "__module__", None) == module


def _protocols(public: dict[str, Any]) -> list[type]:
    return [thing for thing in public.values() if _is_protocol(thing)]


def _is_protocol(thing: object) -> bool:
    return isinstance(thing, type) and getattr(thing, "_is_protocol", False)


def _has_names_of(protocol: type) -> Callable[[object], bool]:
    kinds = [kind for kind in protocol.__mro__ if _is_protocol(kind)]
    names = {name for kind in kinds for name in (*vars(kind), *vars(kind).get("__annotations__", ()))}
    asked = {name for name in names if not name.startswith("_") or name == "__call__"}
    missing = object()
    return lambda value: all(inspect.getattr_static(value, name, missing) is not missing for name in asked)


def _conf(**wrong: Any) -> BeartypeConf:
    return BeartypeConf(is_pep484_tower=True, hint_overrides=FrozenDict(_taken_for), **wrong)


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    strict = beartype(conf=_conf(violation_param_type=_WrongArgument, violation_return_type=WrongType))(function)

    @wraps(function)
    def checked(*args: Any, **options: Any) -> Any:
        try:
            return strict(*args, **options)
        except _WrongArgument as wrong:
            told = str(wrong)
        result = function(*args, **options)
        _judge(told)
        return result

    return checked


def _check_methods(kind: type) -> None:
    made = is_dataclass(kind) and "__dataclass_fields__" in vars(kind) and "__init__" in vars(kind)
    for name, member in list(vars(kind).items()):
        if name.startswith("_") and name != "__init__":
            continue
        if name == "__init__" and made:
            setattr(kind, name, _with_checked_fields(kind))
        elif isinstance(member, FunctionType):
            setattr(kind, name, _checked(member))
        elif isinstance(member, classmethod | staticmethod):
            setattr(kind, name, type(member)(_checked(member.__func__)))
        elif isinstance(member, property) and member.fget:
            setattr(kind, name, property(_checked(member.fget), member.fset, member.fdel, member.__doc__))


def _with_checked_fields(kind: type) -> Callable[..., None]:
    make, conf = kind.__init__, _conf(violation_type=WrongType)  # type: ignore[misc]
    hints = get_type_hints(kind, include_extras=True)
    held = [(field.name, hints[field.name]) for field in fields(kind) if field.init]  # type: ignore[arg-type]

    @wraps(make)
    def made(self: Any, *args: Any, **options: Any) -> None:
        make(self, *args, **options)
        if type(self) is not kind:
            return
        for name, hint in held:
            try:
                die_if_unbearable(getattr(self, name), hint, conf=conf)
            except WrongType as wrong:
                _judge(f"{kind.__module__}.{kind.__qualname__}.{name}: {wrong}")

    return made


def _judge(told: str) -> None:
    raise WrongType(told)
