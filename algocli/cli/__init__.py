"""The command line: one thin module a command, and the one place where errors become exit codes."""

from __future__ import annotations

import sys

import typer
from typer.core import TyperGroup

from algocli.errors import AlgocliError

INTERRUPTED = 130


class _Commands(TyperGroup):
    """Ends every expected error in a sentence and its exit code, for the shell and for a test alike."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except AlgocliError as error:
            from algocli.cli.console import show_error

            show_error(error)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            print("interrupted: what is finished stays finished; the same command goes on from there", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of our output (head, less) went away: that is no error of ours.
            sys.stderr.close()
            raise typer.Exit(0) from None


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
    """


def _register() -> None:
    from algocli.cli import (
        cache,
        data,
        demo,
        export,
        extract,
        import_features,
        layers,
        plot,
        report,
        stimuli,
        submit,
        train,
        validate,
    )

    # In the order in which a user meets them; --help lists them so.
    features = (layers, extract, import_features)
    for module in (demo, data, stimuli, *features, train, report, plot, export, submit, validate, cache):
        module.register(app)


def main() -> None:
    """Run the command line."""
    app()


_register()
