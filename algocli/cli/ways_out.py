"""The commands that a hint proposes, made whole: given what this command was given, they can be pasted as they are."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup, TyperOption

from algocli.cli.wording import COMMAND
from algocli.compute.addresses import Address
from algocli.compute.cache_places import check_cache, folder_of
from algocli.compute.lock import may_only_be_read
from algocli.compute.object_kinds import is_address
from algocli.errors import AlgocliError, MissingStep, ReadOnly
from algocli.pipeline.defaults import DEFAULT_CACHE

# Where a context keeps what a person has chosen for all commands of a kind, by the name of the parameter.
CHOSEN = "algocli.chosen"
# Where it keeps the words that the program was given.
GIVEN = "algocli.given"
# What makes features, or runs, in the cache.
_MAKES = ("extract", "import-features", "import-words", "train", "sweep", "partition")
# In the order in which a command is given them.
_CARRIED = ("subject", "run", "data_dir", "cache_dir")
_LATEST = "latest"


def remember(ctx: typer.Context, parameter: TyperOption, value: Any) -> Any:
    """Keep what was chosen on the command line where the program's border meets it again; return it."""
    source = ctx.get_parameter_source(str(parameter.name))
    # What comes from the environment will come from there again.
    if source is not None and source.name == "COMMANDLINE":
        ctx.meta.setdefault(CHOSEN, {})[parameter.name] = value
    return value


def remember_cache(ctx: typer.Context, parameter: TyperOption, value: Path) -> Path:
    """Keep the word of a cache; return its folder on this machine, which says its address where it has one."""
    return check_cache(remember_word(ctx, parameter, value))


def remember_word(ctx: typer.Context, parameter: TyperOption, value: Path) -> Path:
    """Keep the word of a cache, and return it as it is: nothing is made."""
    # A path of an address has lost a slash.
    remember(ctx, parameter, str(Address(str(value))) if is_address(str(value)) else value)
    return value


def way_out(error: AlgocliError, ctx: typer.Context) -> str | None:
    """Return what to do about an error, each command of it whole; None where nothing is proposed."""
    try:
        return _as_caches_are(error, ctx)
    # A disk that fails is told by the error: that of looking for a way out would take its place.
    except OSError:
        return None if error.hint is None else complete(error.hint, ctx)


def _as_caches_are(error: AlgocliError, ctx: typer.Context) -> str | None:
    """Return the same, given which caches may be written."""
    named = str(_chosen(ctx).get("cache_dir") or os.environ.get("ALGOCLI_CACHE_DIR") or DEFAULT_CACHE)
    theirs = folder_of(Address(named)) if is_address(named) else Path(named)
    makes = ctx.invoked_subcommand in _MAKES
    if makes and isinstance(error, ReadOnly) and _is_within(theirs, error.message):
        return _in_writable_cache(ctx, theirs)
    if error.hint is None:
        return None
    # What is missing in a cache that may only be read is not to be made there.
    if isinstance(error, MissingStep) and _makes_any(error.hint) and may_only_be_read(_home_of_features(theirs)):
        return f"{complete(error.hint, ctx, theirs)}\n       {_in_writable_cache(ctx, theirs)}"
    return complete(error.hint, ctx)


def complete(hint: str, ctx: typer.Context, theirs: Path | None = None) -> str:
    """Give each command of a hint the folders, subjects and run of this one, as far as it takes them and has none.

    Parameters
    ----------
    theirs
        The cache of this command, where that may only be read: what makes something does so in one of one's own.
    """
    return COMMAND.sub(lambda match: _complete(match[0], ctx, theirs), hint)


def _complete(command: str, ctx: typer.Context, theirs: Path | None) -> str:
    words, chosen = shlex.split(command), dict(_chosen(ctx))
    options, more = _options_of(words[1:], ctx), ""
    if theirs is not None and words[1] in _MAKES:
        chosen["cache_dir"] = writable_cache(theirs)
        more = "".join(f" {shlex.quote(word)}" for word in _lent(theirs, options))
    added = []
    for name in _CARRIED:
        value = _as_word(name, chosen.get(name))
        if value is not None and name in options and not options[name].intersection(words):
            # The short one where there is one.
            added.append(f"{min(options[name], key=len)} {shlex.quote(value)}")
    bare = command.rstrip()
    return " ".join([bare + more, *added]) + command[len(bare) :]


def _in_writable_cache(ctx: typer.Context, theirs: Path) -> str:
    """Return this command as it was given, but with a cache of one's own, and the features of the other."""
    words = [*ctx.meta.get(GIVEN, ())]
    for place in reversed(range(len(words))):
        if words[place] == "--cache-dir":
            del words[place : place + 2]
        elif words[place].startswith("--cache-dir="):
            del words[place]
    lent = _lent(theirs, _options_of(words, ctx)) if words[0] in _MAKES else []
    remark = f"(reads features in {theirs}, and writes to a cache of your own)" if lent else "(a cache of your own)"
    return f"{shlex.join(['algocli', *words, *lent, '--cache-dir', str(writable_cache(theirs))])} {remark}"


def _lent(theirs: Path, options: Mapping[str, set[str]]) -> list[str]:
    """Return the words that have a command read features in another's cache, if it can and there are any."""
    lends = "features_from" in options and any(theirs.glob("features/*/recipe.json"))
    return ["--features-from", str(theirs)] if lends else []


def writable_cache(theirs: Path) -> Path:
    """Return a folder for a cache that may be written, or made, in the place of another's."""
    names = chain([str(DEFAULT_CACHE), "my-cache"], (f"my-cache-{number}" for number in count(2)))
    return next(place for place in map(Path, names) if not _is_same(place, theirs) and not may_only_be_read(place))


def _is_same(place: Path, other: Path) -> bool:
    return place.resolve() == other.resolve()


def _home_of_features(cache_dir: Path) -> Path:
    return cache_dir / "features" if (cache_dir / "features").is_dir() else cache_dir


def _is_within(cache_dir: Path, told: str) -> bool:
    """Say whether what is told is of something in a cache."""
    return any(str(place) in told for place in (cache_dir, cache_dir.resolve()))


def _makes_any(hint: str) -> bool:
    return any(shlex.split(command)[1:2] in ([name] for name in _MAKES) for command in COMMAND.findall(hint))


def _chosen(ctx: typer.Context) -> Mapping[str, Any]:
    chosen: Mapping[str, Any] = ctx.meta.get(CHOSEN, {})
    return chosen


def _options_of(words: list[str], ctx: typer.Context) -> dict[str, set[str]]:
    """Return the words by which a command takes each of its parameters, none where there is no such command."""
    command: Any = ctx.command
    for word in words:
        if not isinstance(command, TyperGroup):
            break
        command = command.get_command(ctx, word) if word in command.list_commands(ctx) else None
    # A switch is no place for a name.
    named = [parameter for parameter in getattr(command, "params", ()) if not getattr(parameter, "is_flag", False)]
    return {str(parameter.name): set(parameter.opts) for parameter in named}


def _as_word(name: str, value: Any) -> str | None:
    """Write what was chosen as one word; None where there is nothing to hand on."""
    if isinstance(value, list):
        # Several runs are for the command that takes them.
        value = ",".join(value) or None if name == "subject" or len(value) == 1 else None
    return None if value is None or (name == "run" and value == _LATEST) else str(value)
