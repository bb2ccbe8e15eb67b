"""What the user sees: tables and JSON on stdout; bars, notes and errors on stderr. rich is known here alone.

It is imported where something is drawn with it: JSON and paths, which programs read, are printed without.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, SupportsFloat, TypeVar

from algocli.cli.ascii import harmless
from algocli.cli.minutes import Minutes
from algocli.cli.pace import Pace
from algocli.cli.wording import in_options
from algocli.compute.remarks import counted
from algocli.compute.track import Note, Track, done_of, silent
from algocli.errors import AlgocliError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

T = TypeVar("T")
DASH = "–"
# A file or a pipe has no width: rich would take it for 80 columns and cut a wider table.
UNBOUNDED = 10_000
# Spaces between a table's columns; the lesser where the screen is narrow.
ROOMY, TIGHT = 2, 1
# An empty column to a full one, by eighths.
_BLOCKS = " ▏▎▍▌▋▊▉█"
# On a file or a pipe a bar is noise; a line a minute tells that the work is alive.
LINE_EVERY = 60.0
# A stage that is over sooner, in seconds, is not worth a line.
WORTH_A_LINE = 0.5


# The bars on the screen, the innermost last: a line printed past them would end in the middle of one. And what tells
# lines in their place.
_bars: list[Progress] = []
_told: list[Minutes] = []


def out() -> Console:
    """Return the console of results. Made on each call, so that a redirected stdout is seen."""
    return _console(sys.stdout.isatty(), stderr=False)


def err() -> Console:
    """Return the console of everything that is no result; while a bar is drawn, the bar's own."""
    return _bars[-1].console if _bars else _console(sys.stderr.isatty(), stderr=True)


def show_remark(line: str, indent: int = 0) -> None:
    """Print a line that is longer than a table is wide, in as many lines as it takes."""
    margin = " " * indent
    out().print(
        fill(harmless(line), 80, initial_indent=margin, subsequent_indent=margin), markup=False, highlight=False
    )


def _console(is_terminal: bool, stderr: bool) -> Console:
    from algocli.cli.screen import Screen

    # Emoji codes are off because a path may hold ':1:' or ':cat:' and means just that.
    width = None if is_terminal else UNBOUNDED
    return Screen(stderr=stderr, highlight=False, emoji=False, width=width, soft_wrap=not is_terminal)


def show_error(error: AlgocliError, hint: str | None = None) -> None:
    """Print an expected error as one sentence, and below it a hint, by default its own."""
    from rich.text import Text

    stop_bars()
    console = err()
    hint = hint or error.hint
    console.print(Text.assemble(("error:", "bold red"), f" {harmless(error.message)}"))
    if hint:
        console.print(Text.assemble(("hint:", "dim"), f"  {harmless(hint)}"))


def stop_bars() -> None:
    """Take down what shows how far work is that an error or an interrupt has ended: its sentence is the last."""
    while _bars:
        _bars.pop().stop()
    while _told:
        _told.pop().stop()


def note(message: str, *, quiet: bool = False) -> None:
    """Say something that is no result."""
    if not quiet:
        from rich.text import Text

        err().print(Text(harmless(message)))


def noter(quiet: bool) -> Note:
    """Return the `note` that a data function may call; what it says of fields is told as options."""
    return lambda message: note(in_options(message), quiet=quiet)


def show_line(text: str) -> None:
    """Print a line in which something may be named as others wished."""
    print(harmless(text))


def show_path(path: Path) -> None:
    """Print the path of something that was made, and nothing else, so that a script can use it."""
    # A script takes the name as it is; a screen would do what is in it.
    print(harmless(str(path)) if sys.stdout.isatty() else path)


def show_json(value: object) -> None:
    """Print dataclasses, arrays' scalars and paths as JSON, with NaN as null."""
    text = json.dumps(_plain(value), indent=2, allow_nan=False, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        # JSON's own escapes say in ASCII what this stream has no letters for.
        text = json.dumps(_plain(value), indent=2, allow_nan=False)
    print(text)


def room() -> int | None:
    """Return how many columns of stdout a line may take: a terminal's, or $COLUMNS; None where nothing limits it."""
    if sys.stdout.isatty():
        return out().width
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) else None


def table_width(columns: Sequence[str], rows: Iterable[Sequence[str]], gap: int = ROOMY) -> int:
    """Return how many columns of the screen `show_table` takes with that many spaces between a table's columns."""
    from rich.cells import cell_len

    widths = [cell_len(column) for column in columns]
    for row in rows:
        for place, cell in enumerate(row):
            widths[place] = max(widths[place], cell_len(cell))
    # A roomy table has a space at either edge as well.
    return sum(widths) + gap * (len(widths) - (gap == TIGHT))


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str | None = None,
    left: int = 1,
    ends_in_bars: bool = False,
) -> None:
    """Print a table: the first `left` columns flush left, the others, but for bars, flush right. [] draws a line.

    Where the screen is too narrow the columns move together; a row that is still too long is broken by the screen.
    """
    from rich.table import Table
    from rich.text import Text

    lines, limit = [[harmless(cell) for cell in row] for row in rows], room()
    is_roomy = limit is None or table_width(columns, lines) <= limit
    table = Table(box=None, padding=(0, 1) if is_roomy else (0, TIGHT, 0, 0), pad_edge=is_roomy)
    for place, column in enumerate(columns):
        is_left = place < left or (ends_in_bars and place == len(columns) - 1)
        table.add_column(Text(column), justify="left" if is_left else "right", no_wrap=True)
    for row in lines:
        if row:
            table.add_row(*(Text(cell) for cell in row))
        else:
            table.add_section()
    console = out()
    # A title of the table's own would be broken at the table's width, which may be narrower than the screen.
    if title is not None:
        console.print(Text(harmless(title), style="bold"))
    # A line that a narrow screen breaks can be read; a number that was cut to fit cannot.
    console.width = UNBOUNDED
    console.print(table)


def shows_bars() -> bool:
    """Say whether bars belong into a table: they are for the eye, and not for what reads a file or a pipe."""
    return sys.stdout.isatty()


def bar(share: float, width: int) -> str:
    """Draw a share of `width` columns, by eighths of a column; in whole columns of # where blocks cannot be shown."""
    share = min(max(share, 0.0), 1.0)
    if not _has_blocks():
        return "#" * round(share * width)
    whole, eighths = divmod(round(share * width * 8), 8)
    return _BLOCKS[8] * whole + _BLOCKS[eighths].strip()


def _has_blocks() -> bool:
    try:
        _BLOCKS.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return os.environ.get("TERM") != "dumb"


def number(value: SupportsFloat | None, digits: int = 3) -> str:
    """Format a number for a table; nothing to show is a dash."""
    return DASH if value is None or math.isnan(value) else f"{float(value):z.{digits}f}"


def count(n: int, noun: str) -> str:
    """Count things, as in '1 store' and '2 stores'."""
    return counted(n, f"{noun}s")


def size(n_bytes: float) -> str:
    """Format a number of bytes in units of 1000, as in '933 MB'."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit in ("B", "kB") or n_bytes >= 100 else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def age(seconds: float) -> str:
    """Format a span of time by its largest unit, as in '3 min', '2 h' and '5 d'."""
    for unit, length, enough in (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 48 * 3600)):
        if seconds < enough:
            return f"{max(0.0, seconds) // length:.0f} {unit}"
    return f"{seconds // 86_400:.0f} d"


def tracker(quiet: bool) -> Track:
    """Return the progress display for this stderr: a bar on a terminal, a line a minute elsewhere."""
    if quiet:
        return silent
    return _bar if sys.stderr.isatty() else _lines


def _bar(items: Iterable[T], *, total: int, label: str, unit: str = "") -> Iterator[T]:
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=_console(True, stderr=True)) as progress:
        _bars.append(progress)
        try:
            pace = Pace()
            task = progress.add_task(escape(label), total=total, rate="", left=pace.clock_left(total))
            for item in items:
                yield item
                pace.count(time.monotonic())
                rate = f"{pace.per_second:.0f} {unit}/s" if unit and pace.per_second is not None else ""
                progress.update(task, completed=pace.n_done, rate=rate, left=pace.clock_left(total))
        finally:
            # After an error the bar has been taken down already, long before this generator is closed.
            if progress in _bars:
                _bars.remove(progress)


def _lines(items: Iterable[T], *, total: int, label: str, unit: str = "") -> Iterator[T]:
    started, pace = time.monotonic(), Pace()

    def tell() -> None:
        left = pace.seconds_left(total)
        note(f"{label}: {done_of(pace.n_done, total, unit)}" + (f", {left:.0f} s left" if left else ""))

    minutes = Minutes(tell, LINE_EVERY)
    _told.append(minutes)
    try:
        for item in items:
            yield item
            pace.count(time.monotonic())
    finally:
        # As with a bar.
        if minutes in _told:
            _told.remove(minutes)
            minutes.stop()
    took = time.monotonic() - started
    # Where nothing came of the work, what is wrong is all there is to say.
    if took >= WORTH_A_LINE and pace.n_done:
        note(f"{label}: {done_of(pace.n_done, total, unit, whole=True)} in {took:.1f} s")


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return None if math.isnan(value) or math.isinf(value) else value
    raise TypeError(f"{type(value).__name__} has no form in JSON")
