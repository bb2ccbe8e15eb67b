"""The command line: one thin module a command, and the one place where errors become exit codes."""

from __future__ import annotations

import errno
import io
import os
import re
import signal
import sys
from collections import UserDict
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from algocli.cli.ascii import mend
from algocli.cli.examples import add_examples
from algocli.cli.ways_out import GIVEN
from algocli.cli.wording import told_in_options
from algocli.compute.choices import local_path
from algocli.compute.object_kinds import is_address
from algocli.errors import AlgocliError, ByHand, DataError, StorageError, first_line

INTERRUPTED = 130
# What schedulers and service managers send, and a terminal that is closed: the word for it.
_ENDS = {signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}
# What a disk answers, and no mistake in the program makes it answer.
_DISK_FAULTS = {
    errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.EIO, errno.ESTALE,
}  # fmt: skip


class _ByName(UserDict[str, Any]):
    """The commands by their names, each made when it is asked for: to make all takes longer than most of them run."""

    def __getitem__(self, name: str) -> Any:
        return _make(self.data[name])


@cache
def _make(module: str) -> Any:
    home = typer.Typer(rich_markup_mode=None)
    import_module(f"algocli.cli.{module}").register(home)
    add_examples(home)
    (command,) = get_group(home).commands.values()
    for each in (command, *getattr(command, "commands", {}).values()):
        for param in each.params:
            _show_what_each_is(param)
            if param.type_descriptor.annotation in (Path, list[Path]):
                _mean_local_paths(param)
    return command


def _show_what_each_is(param: Any) -> None:
    """Have help say of what may be repeated what one of it is: <str>, where typer says <list[str]>."""
    shown = getattr(param, "display_type", None)
    if shown is not None:
        param.display_type = lambda ctx: re.sub(r"<list\[(\w+)\]>", lambda one: f"<{one[1].lower()}>", shown(ctx) or "")


def _mean_local_paths(param: Any) -> None:
    """Have an option or argument understand ~ and ~user, which a shell leaves in --data-dir=~ and in a variable."""
    process = param.process_value
    name = param.opts[0] if param.opts[0].startswith("-") else param.opts[0].upper()

    def meant(word: Any) -> Any:
        # Features alone may lie elsewhere.
        if param.name in ("cache_dir", "features_from") and isinstance(word, str) and is_address(word):
            return word
        return str(local_path(word, f"{name} {word}")) if isinstance(word, str) and word else word

    def processed(ctx: typer.Context, value: Any) -> Any:
        return process(ctx, [meant(word) for word in value] if isinstance(value, list | tuple) else meant(value))

    param.process_value = processed


class _Commands(TyperGroup):
    """Ends every expected error in a sentence and its exit code, for the shell and for a test alike."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands = _ByName({module.replace("_", "-"): module for module in _COMMANDS})

    def list_commands(self, _ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(self.commands)

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Keep the words of the command, for a way out that repeats them."""
        ctx.meta[GIVEN] = [*args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            with told_in_options(lambda: ctx.invoked_subcommand):
                result = super().invoke(ctx)
            # Here a full disk, or a reader who has left, can still be met; at the interpreter's end it is too late.
            sys.stdout.flush()
            return result
        except AlgocliError as error:
            raise _told(error, ctx) from error
        except ByHand as written:
            from algocli.cli.by_hand import show_by_hand
            from algocli.cli.console import stop_bars

            stop_bars()
            given = ctx.meta[GIVEN]
            show_by_hand(written, as_json="--json" in given, quiet="--quiet" in given)
            raise typer.Exit(0) from None
        except MemoryError as error:
            # What a file promises is weighed before room is made for it; this is the last resort.
            raise _told(DataError(f"memory does not suffice: {first_line(error)}"), ctx) from error
        except KeyboardInterrupt as stop:
            from algocli.cli.console import stop_bars

            stop_bars()
            word, code = (stop.word, stop.code) if isinstance(stop, _Ended) else ("interrupted", INTERRUPTED)
            # A terminal that was closed takes no more words.
            with suppress(OSError):
                print(f"{word}: what is finished stays finished; the same command goes on from there", file=sys.stderr)
            raise typer.Exit(code) from None
        except BrokenPipeError:
            # The reader of our output (head, less) went away: that is no error of ours.
            _drop_output()
            raise typer.Exit(0) from None
        except OSError as error:
            if error.errno not in _DISK_FAULTS:
                raise
            _drop_output()
            # Files are written within `errors.writing`: what fails here without a name is stdout.
            what = f"{error.filename} is out of reach" if error.filename else "the output cannot be written"
            raise _told(StorageError(f"{what}: {(error.strerror or 'it failed').lower()}"), ctx) from error


def _told(error: AlgocliError, ctx: typer.Context) -> typer.Exit:
    """Print an error and return the exit that it asks for."""
    from algocli.cli.console import show_error
    from algocli.cli.ways_out import way_out

    show_error(error, way_out(error, ctx))
    return typer.Exit(error.exit_code)


def _drop_output() -> None:
    """Send what is still to be printed nowhere: the interpreter would fail on it again while it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# In the order in which a user meets them; --help lists them so.
_COMMANDS = (
    *("demo", "data", "prepare", "import_ceilings", "stimuli"),
    *("models", "layers", "fetch_weights", "extract", "import_features", "import_words"),
    *("train", "sweep", "report", "compare", "partition", "similarity", "curve", "plot", "predict", "export"),
    *("submit", "validate", "score"),
    *("cache", "jobs", "work", "doctor"),
)

# Plain help: rich's would triple the time that --help takes.
app = typer.Typer(
    cls=_Commands,
    name="algocli",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from algocli import __version__

        typer.echo(f"algocli {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """How well does a neural network explain the human visual cortex?

    The usual order: data, extract, train, report, submit. Try it without data: algocli demo.

    Results go to stdout, everything else to stderr. Exit codes: 0 done, 2 a wrong request, 3 the data is missing or
    malformed, 4 an earlier step has not run (the hint names the command), 129 hung up, 130 interrupted, 143 terminated,
    1 a bug of ours.
    """


def main() -> None:
    """Run the command line."""
    _mend_streams()
    # Whoever has it ignored, as nohup has others, means it.
    for number in _ENDS:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)
    try:
        app()
    except SystemExit as end:
        if end.code in (INTERRUPTED, *(128 + number for number in _ENDS)):
            # A second Ctrl-C would only print a traceback out of the interpreter's own end.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise


class _Ended(KeyboardInterrupt):
    """A signal that ends whatever Ctrl-C does, in the same way."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.word, self.code = _ENDS[signal.Signals(number)], 128 + number


def _end(number: int, _frame: object) -> None:
    # One may come to a process and again to its group, which is no reason to leave half of the cleaning undone.
    for other in _ENDS:
        signal.signal(other, signal.SIG_IGN)
    raise _Ended(number)


def _mend_streams() -> None:
    """Make stdout and stderr take whatever is printed: one may be closed, or have no letter for a dash."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            mend(stream)
