"""algocli doctor: what there is to work with, and what would make other commands fail."""

from __future__ import annotations

from textwrap import fill
from typing import Annotated, Any

import typer

from algocli.cli.ascii import harmless
from algocli.cli.options import DEFAULT_CACHE_DIR, CacheWord, Json, Quiet

# As wide as a message or an issue shows without a bar to scroll.
_WIDTH = 100
# Paths are not broken.
_WHOLE: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def doctor(
    device: Annotated[bool, typer.Option("--device", help="Also ask torch for devices, which takes seconds.")] = False,
    network: Annotated[
        bool, typer.Option("--network", help="Also ask whether the hosts of pretrained weights can be reached.")
    ] = False,
    cache_dir: CacheWord = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what there is to work with, and try what is needed.

    That is what to paste into a report of a bug. Locks, renames and the like are tried where the cache is, and leave
    nothing behind. The home directory is written as ~, and of variables that may be secret only that they are set.
    Ends with 3 where another command would fail.
    """
    from algocli.cli.console import count, show_json
    from algocli.cli.wording import in_options
    from algocli.errors import DataError
    from algocli.pipeline import doctor as examine

    diagnosis = examine(cache_dir=cache_dir, device=device, network=network)
    if as_json:
        show_json(diagnosis)
    else:
        for section, facts in diagnosis.facts.items():
            _show(section, facts)
        for trouble in diagnosis.troubles:
            print(harmless(f"{trouble}\n  mend: {in_options(trouble.mend)}"))
        # On stdout, unlike other commands' notes: what is pasted should hold them.
        for text in () if quiet else diagnosis.notes:
            print(fill(harmless(f"note: {text}"), _WIDTH, subsequent_indent="  ", **_WHOLE))
    if not diagnosis.well:
        raise DataError(f"{count(len(diagnosis.troubles), 'thing')} would make other commands fail")


def _show(section: str, facts: dict[str, Any]) -> None:
    """Print a section as plain text, a line a fact."""
    print(section if facts else f"{section}: none")
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        text = harmless(f"  {name:{width}}  {_text(name, value, section)}")
        print(fill(text, _WIDTH, subsequent_indent=" " * (width + 4), **_WHOLE) if isinstance(value, dict) else text)


def _text(name: str, value: Any, section: str) -> str:
    from algocli.cli.console import DASH, size

    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(value) or DASH
    if name.startswith("n_bytes") or section == "weights":
        return size(value)
    return DASH if value is None else str(value)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("doctor")(doctor)
