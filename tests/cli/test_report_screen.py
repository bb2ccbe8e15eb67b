"""`algocli report` on screens of all kinds: every row whole, and bars where there is room for them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import statistics
import struct
import subprocess
import sys
import termios

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from algocli.cli import app, console
from tests.results.compared import FOUR_FOLDS, write_challenge, write_compared_run

FURTHER = ("--significance", "--permutations", "19", "--intervals", "--resamples", "19")


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    challenge, cache = write_challenge(tmp_path_factory.mktemp("data") / "challenge"), tmp_path_factory.mktemp("cache")
    write_compared_run(cache, challenge, "a-run", noise=1.5, folds=FOUR_FOLDS)
    return ["report", "--cache-dir", str(cache), "--quiet"]


@pytest.fixture
def screen(words, monkeypatch):
    """Show a report on a screen of so many columns; without its formats."""

    def show(columns, *more, bars=True):
        monkeypatch.setattr(console, "room", lambda: columns)
        monkeypatch.setattr(console, "shows_bars", lambda: bars)
        result = CliRunner().invoke(app, [*words, *more])
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()

    return show


@pytest.fixture
def terminal(words):
    """Run `report` in a terminal of 80 columns, in an environment."""

    def run(*more, **environment):
        keep = {name: value for name, value in os.environ.items() if name not in ("LANG", "LC_ALL", "LC_CTYPE")}
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 80, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "algocli", *words, *more],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**keep, "TERM": "xterm", **environment},
        )
        os.close(theirs)
        shown = b""
        # Where the other end is closed, Linux raises and others return nothing.
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:
            pass
        os.close(ours)
        assert process.wait() == 0, shown
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).splitlines()

    return run


def row(lines, name):
    return next(line for line in lines if line.split()[:1] == [name])


@pytest.mark.parametrize("further", [(), FURTHER])
@pytest.mark.parametrize("columns", [60, 76, 80, 90, 120])
def test_no_line_is_longer_than_the_screen(screen, columns, further):
    lines = screen(columns, *further)
    in_tables = [line for line in lines if "held-out" not in line and "validation" not in line]
    assert max(map(cell_len, in_tables)) <= columns


def test_a_screen_of_80_columns_has_both_hemispheres_and_bars(screen):
    lines = screen(80, "-s", "1")
    start, what, end = lines[2].split()[-3:]
    assert (start, what) == ("0", "median")
    assert 0 < float(end) <= 1
    assert "█" in row(lines, "V1v")
    assert row(lines, "aTL-faces").split() == ["aTL-faces", *["–"] * 8]


def test_a_bar_is_the_mean_of_both_hemispheres_on_a_scale_that_all_tables_share(screen):
    lines = screen(80)
    [end] = {line.split()[-1] for line in lines if "0 median" in line}
    drawn = [line for line in lines if "█" in line]
    assert len(drawn) > 50
    for line in drawn:
        *_, left, _, _, _, right, _, _ = line.split("█")[0].split()
        known = [float(median) for median in (left, right) if median != "–"]
        length = line.count("█") + sum("▏▎▍▌▋▊▉".find(letter) + 1 for letter in line) / 8
        # An eighth is the least that can be drawn, and the medians are rounded.
        assert length == pytest.approx(12 * statistics.mean(known) / float(end), abs=0.08)


def test_without_room_for_bars_there_are_none(screen):
    lines = screen(70, "-s", "1")
    assert lines[2].split()[:2] == ["ROI", "left"]
    assert "█" not in "".join(lines)


def test_where_both_do_not_fit_one_hemisphere_stands_below_the_other(screen):
    lines = screen(80, "-s", "1", *FURTHER)
    titles = [line for line in lines if line.startswith("Subject 1")]
    assert [title.split(":")[0] for title in titles] == ["Subject 1, left hemisphere", "Subject 1, right hemisphere"]
    beside = screen(None, "-s", "1", *FURTHER, bars=False)
    both = row(beside, "V1v").split()
    left, right = (line.split() for line in lines if line.split()[:1] == ["V1v"])
    assert left[1:7] + right[1:7] == both[1:]


def test_a_file_has_every_column_and_no_bar(screen):
    lines = screen(None, "-s", "1", *FURTHER, bars=False)
    assert max(map(len, lines)) > 80
    assert "█" not in "".join(lines)


def test_a_terminal_shows_blocks_and_dashes(terminal):
    lines = terminal("-s", "1", LANG="C.UTF-8")
    assert "█" in row(lines, "V1v")
    assert "–" in row(lines, "aTL-faces")
    assert max(map(cell_len, lines)) <= 80


@pytest.mark.parametrize("environment", [{"LANG": "C"}, {"PYTHONIOENCODING": "ascii"}])
def test_a_terminal_of_ascii_shows_nothing_else(terminal, environment):
    lines = terminal("-s", "1", **environment)
    assert "".join(lines).isascii()
    assert "###" in row(lines, "V1v")
    assert row(lines, "aTL-faces").split() == ["aTL-faces", *["-"] * 8]
