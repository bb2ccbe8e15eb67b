"""What the user sees: tables and JSON on stdout, everything else on stderr."""

from __future__ import annotations

import io
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from algocli.cli import console
from algocli.errors import DataError


@dataclass(frozen=True)
class Row:
    name: str
    value: float
    where: Path


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize("value", [math.nan, math.inf, np.float32("nan"), np.float64("-inf")])
def test_what_is_no_number_is_null_in_json(capsys: pytest.CaptureFixture[str], value: float) -> None:
    console.show_json({"r": value, "rows": [value]})
    assert json.loads(capsys.readouterr().out) == {"r": None, "rows": [None]}


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-300, np.float64(2 / 3), np.float64(1e22)])
def test_json_has_full_precision(capsys: pytest.CaptureFixture[str], value: float) -> None:
    console.show_json([value])
    assert json.loads(capsys.readouterr().out) == [float(value)]


def test_dataclasses_paths_arrays_and_choices_have_a_form_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    value: dict[Any, Any] = {
        "row": Row("Genève", 0.5, Path("a/b")),
        1: (np.int64(3), np.bool_(True), None),
        "array": np.array([[1.0, np.nan]]),
        "colour": Colour.RED,
    }
    console.show_json(value)
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "row": {"name": "Genève", "value": 0.5, "where": "a/b"},
        "1": [3, True, None],
        "array": [[1.0, None]],
        "colour": "red",
    }
    assert "Genève" in shown.out
    assert shown.err == ""


def test_what_has_no_form_in_json_is_a_bug() -> None:
    with pytest.raises(TypeError, match="object has no form in JSON"):
        console.show_json(object())


def test_an_error_is_a_sentence_and_its_hint_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    console.show_error(DataError("data/[left].npy is missing", hint="run: algocli demo"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == ["error: data/[left].npy is missing", "hint:  run: algocli demo"]


def test_an_error_without_a_hint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.show_error(DataError("nothing there"))
    assert capsys.readouterr().err == "error: nothing there\n"


def test_a_path_is_printed_alone_however_odd(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("runs/[bold]x[/]/" + "long-name-" * 20 + ".zip")
    console.show_path(path)
    assert capsys.readouterr().out == f"{path}\n"


def test_square_brackets_in_tables_and_notes_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    console.show_table(["[name]"], [["[bold]x[/bold]"]], title="[title]")
    console.note("see [here]")
    shown = capsys.readouterr()
    assert [line.strip() for line in shown.out.splitlines()] == ["[title]", "[name]", "[bold]x[/bold]"]
    assert shown.err == "see [here]\n"


def test_the_first_columns_are_flush_left_and_the_others_flush_right(capsys: pytest.CaptureFixture[str]) -> None:
    console.show_table(["roi", "r"], [["V1v", "0.5"], ["hV4", "10.25"]])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [" roi      r", " V1v    0.5", " hV4  10.25"]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (math.nan, "–"), (0.12345, "0.123"), (-0.5, "-0.500"), (np.float32(2), "2.000")]
)
def test_numbers_have_three_digits_and_nothing_is_a_dash(value: float | None, text: str) -> None:
    assert console.number(value) == text


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1_500_000, "1.5 MB"), (933_000_000, "933 MB"), (2.5e12, "2.5 TB")],
)
def test_sizes_are_in_units_of_1000(n_bytes: float, text: str) -> None:
    assert console.size(n_bytes) == text


def test_a_quiet_tracker_says_nothing_and_passes_everything_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(console.tracker(quiet=True)(range(3), total=3, label="work")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_off_a_terminal_a_short_stage_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(console.tracker(quiet=False)(range(3), total=3, label="work")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_off_a_terminal_progress_is_one_line_a_stage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "WORTH_A_LINE", 0.0)
    assert list(console.tracker(quiet=False)(range(3), total=3, label="reading [x]", unit="images")) == [0, 1, 2]
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith("reading [x]: 3 images in ")


def test_a_long_stage_says_how_much_is_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "LINE_EVERY", 0.02)
    # What comes so soon after the first has come with it.
    monkeypatch.setattr("algocli.cli.pace._TOGETHER", 0.0)
    told = list[str]()

    def work() -> Iterator[int]:
        for number in range(4):
            yield number
            while number == 2 and not any(" left" in line for line in told):
                time.sleep(0.01)
                told.extend(capsys.readouterr().err.splitlines())

    assert list(console.tracker(quiet=False)(work(), total=4, label="extracting", unit="images")) == [0, 1, 2, 3]
    (line, *_) = [line for line in told if " left" in line]
    assert re.fullmatch(r"extracting: 3 of 4 images, \d+ s left", line)


def test_a_line_comes_though_nothing_else_does_and_what_comes_together_is_counted_together(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "LINE_EVERY", 0.02)
    told = list[str]()

    def wait() -> None:
        told.clear()
        while len(told) < 2:
            time.sleep(0.01)
            told.extend(capsys.readouterr().err.splitlines())

    def work() -> Iterator[int]:
        wait()
        assert set(told) == {"extracting: 0 of 360 images"}
        yield from range(180)
        wait()
        # The first of a stage foretell nothing.
        assert set(told[1:]) == {"extracting: 180 of 360 images"}
        yield from range(180)

    assert len(list(console.tracker(quiet=False)(work(), total=360, label="extracting", unit="images"))) == 360


def test_after_an_error_no_line_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LINE_EVERY", 0.01)
    going = iter(console.tracker(quiet=False)(range(4), total=4, label="extracting", unit="images"))
    next(going)
    console.show_error(DataError("nothing there"))
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_a_quiet_note_is_no_note(capsys: pytest.CaptureFixture[str]) -> None:
    console.note("something", quiet=True)
    console.noter(True)("something")
    console.noter(False)("heard")
    assert capsys.readouterr() == ("", "heard\n")


def test_a_table_wider_than_a_screen_is_whole_on_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    cells = [letter * 40 for letter in "abcd"]
    console.show_table(cells, [cells], title="t" * 200)
    shown = capsys.readouterr().out
    assert [line.split() for line in shown.splitlines()] == [["t" * 200], cells, cells]


@pytest.mark.parametrize("text", ["run :cat: of [bold]", "C:\\data\\", "[red]\\[x]", "a\\\\"])
def test_what_a_user_named_is_shown_letter_by_letter(capsys: pytest.CaptureFixture[str], text: str) -> None:
    console.note(text)
    console.show_error(DataError(text, hint=text))
    console.show_table([text], [[text]], title=text)
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [text, f"error: {text}", f"hint:  {text}"]
    assert [line.strip() for line in shown.out.splitlines()] == [text] * 3


def test_no_number_is_less_than_nothing() -> None:
    assert console.number(-0.0004) == "0.000"
    assert console.number(np.float32(-0.04), 1) == "0.0"


def test_things_are_counted_in_words() -> None:
    assert [console.count(n, "store") for n in (0, 1, 2)] == ["0 stores", "1 store", "2 stores"]


@pytest.mark.parametrize(
    ("n_done", "total", "told"),
    [(1, 1, "training: 1 subject in"), (2, 2, "training: 2 subjects in"), (1, 2, "training: 1 of 2 subjects in")],
)
def test_a_line_at_the_end_says_what_is_done(
    n_done: int, total: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "WORTH_A_LINE", 0.0)
    assert list(console.tracker(False)(range(n_done), total=total, label="training", unit="subjects")) == [
        *range(n_done)
    ]
    assert capsys.readouterr().err.startswith(told)


def test_work_that_nothing_came_of_says_nothing_at_its_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "WORTH_A_LINE", 0.0)
    assert list(console.tracker(False)([], total=2, label="training", unit="subjects")) == []
    assert capsys.readouterr().err == ""


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Stand for a terminal of 40 columns that shows both streams."""
    buffer = io.StringIO()
    monkeypatch.setattr(
        console, "_console", lambda *_, **__: Console(file=buffer, force_terminal=True, width=40, emoji=False)
    )
    return buffer


def plain(screen: io.StringIO) -> list[str]:
    """Return what stands on the lines of a screen, the bar's first states left out."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    return [line.rpartition("\r")[2].rstrip() for line in text.splitlines()]


def test_numbers_are_whole_on_a_narrow_screen(screen: io.StringIO) -> None:
    console.show_table(["roi", "median r"] * 5, [["V1v", "0.123"] * 5])
    assert plain(screen)[-1].split() == ["V1v", "0.123"] * 5


def test_an_error_is_the_last_thing_on_the_screen(screen: io.StringIO) -> None:
    work = iter(console._bar(range(3), total=3, label="work"))
    next(work)
    console.show_error(DataError("it broke", hint="mend it"))
    shown = plain(screen)
    assert shown[-3].startswith("work")
    assert shown[-2:] == ["error: it broke", "hint:  mend it"]
    # The interpreter closes what the error has left only later.
    del work
    assert plain(screen) == shown


def test_what_is_said_beside_a_bar_has_a_line_of_its_own(screen: io.StringIO) -> None:
    for _ in console._bar(range(2), total=2, label="work"):
        console.note("by the way")
    assert plain(screen).count("by the way") == 2


def test_bars_one_within_the_other_leave_none(screen: io.StringIO) -> None:
    for _ in console._bar(range(2), total=2, label="outer"):
        assert list(console._bar(range(2), total=2, label="inner")) == [0, 1]
    assert console._bars == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_whole_on_a_stream_without_its_letters(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    value = {"path": "b\udcff", "name": "日本", "roi": "–"}
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", stream)
    console.show_json(value)
    stream.seek(0)
    assert json.load(stream) == value


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (172_799, "47 h"), (172_800, "2 d")],
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert console.age(seconds) == text


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Terminal]:
    """Put a terminal in the place of stdout."""

    def make(encoding: str = "utf-8", term: str = "xterm", columns: int = 40) -> Terminal:
        stream = Terminal(io.BytesIO(), encoding=encoding, write_through=True)
        monkeypatch.setattr("sys.stdout", stream)
        monkeypatch.setenv("TERM", term)
        monkeypatch.setenv("COLUMNS", str(columns))
        return stream

    return make


@pytest.mark.parametrize(
    ("share", "drawn"), [(0.0, ""), (-0.3, ""), (1.0, "████"), (7.0, "████"), (0.5, "██"), (0.53125, "██▏"), (0.2, "▊")]
)
def test_a_bar_is_as_long_as_its_share_by_eighths(terminal: Callable[..., Terminal], share: float, drawn: str) -> None:
    terminal()
    assert console.bar(share, 4) == drawn


@pytest.mark.parametrize(("encoding", "term"), [("ascii", "xterm"), ("latin-1", "xterm"), ("utf-8", "dumb")])
def test_where_blocks_cannot_be_shown_a_bar_is_of_ascii(
    terminal: Callable[..., Terminal], encoding: str, term: str
) -> None:
    terminal(encoding, term)
    assert [console.bar(share, 4) for share in (0, 0.5, 0.7, 1)] == ["", "##", "###", "####"]


def test_bars_are_for_terminals(terminal: Callable[..., Terminal], capsys: pytest.CaptureFixture[str]) -> None:
    assert not console.shows_bars()
    terminal()
    assert console.shows_bars()


@pytest.mark.parametrize(("columns", "limit"), [("72", 72), ("", None), ("0", None), ("wide", None)])
def test_a_pipe_is_as_wide_as_one_says_and_else_without_end(
    monkeypatch: pytest.MonkeyPatch, columns: str, limit: int | None
) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setenv("COLUMNS", columns)
    assert console.room() == limit


@pytest.mark.parametrize("gap", [console.ROOMY, console.TIGHT])
def test_a_table_is_as_wide_as_it_was_said_to_be(terminal: Callable[..., Terminal], gap: int) -> None:
    columns, rows = ["roi", "r", "acc %"], [["V1v", "0.5", "10"], ["日本", "–", "7"], ["a class of its own"]]
    stream = terminal(columns=console.table_width(columns, rows, gap))
    console.show_table(columns, rows)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.buffer.getvalue().decode()).splitlines()  # type: ignore[attr-defined]
    assert {cell_len(line) for line in lines} == {console.table_width(columns, rows, gap)}


def test_bars_stand_at_the_left_of_the_last_column(capsys: pytest.CaptureFixture[str]) -> None:
    console.show_table(["roi", "r", "0   1"], [["V1v", "0.5", "###"]], ends_in_bars=True)
    assert capsys.readouterr().out.splitlines()[1].rstrip() == " V1v  0.5  ###"
