"""The commands that a hint proposes, made whole: given what this command was given, they can be pasted as they are."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup, TyperOption

from algocli.cli.wording import COMMAND

# Where a context keeps what a person has chosen for all commands of a kind, by the name of the parameter.
CHOSEN = "algocli.chosen"
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


def complete(hint: str, ctx: typer.Context) -> str:
    """Give each command of a hint the folders, subjects and run of this one, as far as it takes them and has none."""
    chosen: Mapping[str, Any] = ctx.meta.get(CHOSEN, {})
    return COMMAND.sub(lambda match: _complete(match[0], chosen, ctx), hint)


def _complete(command: str, chosen: Mapping[str, Any], ctx: typer.Context) -> str:
    words = shlex.split(command)
    options = _options_of(words[1:], ctx)
    added = []
    for name in _CARRIED:
        value = _as_word(name, chosen.get(name))
        if value is not None and name in options and not options[name].intersection(words):
            # The short one where there is one.
            added.append(f"{min(options[name], key=len)} {shlex.quote(value)}")
    bare = command.rstrip()
    return " ".join([bare, *added]) + command[len(bare) :]


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
