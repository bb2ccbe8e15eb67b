"""Whatever is printed, a stream takes it, in the letters that it has."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from algocli.cli import ascii as letters

OURS = "– ² ≤"


class Screen(io.TextIOWrapper):
    def isatty(self):
        return True


def printed(stream, text):
    letters.mend(stream)
    stream.write(text)
    stream.flush()
    return stream.buffer.getvalue()


@pytest.fixture
def locale(monkeypatch):
    """Set the variables that tell a locale, and no others of the kind."""

    def choose(**variables):
        for name in ("LC_ALL", "LC_CTYPE", "LANG", "PYTHONIOENCODING", "PYTHONUTF8"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return choose


def test_our_own_signs_have_a_form_in_ascii():
    assert printed(io.TextIOWrapper(io.BytesIO(), encoding="ascii"), OURS) == b"- ^2 <="


def test_a_stream_keeps_the_letters_that_it_has():
    assert printed(io.TextIOWrapper(io.BytesIO(), encoding="latin-1"), OURS) == b"- \xb2 <="


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "euc_jp", "utf-8"])
def test_bytes_of_a_file_name_that_is_no_text_are_printed_as_they_are(encoding):
    assert printed(io.TextIOWrapper(io.BytesIO(), encoding=encoding), "b\udcff.csv") == b"b\xff.csv"


def test_a_users_own_letters_are_escaped_where_there_are_none():
    assert printed(io.TextIOWrapper(io.BytesIO(), encoding="ascii"), "日本/x") == rb"\u65e5\u672c/x"


def test_who_chose_a_way_with_letters_is_left_with_it():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="ignore")
    assert printed(stream, OURS) == b"  "


@pytest.mark.parametrize(
    "variables",
    [{"LANG": "C"}, {"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, {"LANG": "POSIX"}, {"LANG": "C", "LC_CTYPE": "C.UTF-8"}],
)
def test_a_terminal_in_the_c_locale_gets_ascii(locale, variables):
    locale(**variables)
    assert printed(Screen(io.BytesIO(), encoding="utf-8"), OURS) == b"- ^2 <="


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"LANG": "C.UTF-8"},
        {"LANG": "C", "LC_CTYPE": "de_DE.UTF-8"},
        {"LANG": "C", "LC_ALL": "C.UTF-8"},
        {"LANG": "C", "PYTHONIOENCODING": "utf-8"},
    ],
)
def test_any_other_terminal_gets_what_its_encoding_has(locale, variables):
    locale(**variables)
    assert printed(Screen(io.BytesIO(), encoding="utf-8"), OURS) == OURS.encode()


def test_a_pipe_in_the_c_locale_keeps_its_encoding(locale):
    locale(LANG="C")
    assert printed(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), OURS) == OURS.encode()


def test_what_a_screen_would_do_is_written_out() -> None:
    assert letters.harmless("a\x1b]0;title\x07\x9b2J\u202egnp") == "a\\x1b]0;title\\x07\\x9b2J\\u202egnp"
    assert letters.harmless("FFA-1 caf\xe9 – ²\t\n") == "FFA-1 caf\xe9 – ²\t\n"
    # A byte that is no text stays, for the stream to write; what stands for no byte could not be written.
    assert letters.harmless("caf\udce9 \ud800") == "caf\udce9 \\ud800"


def test_names_of_files_command_no_screen(tmp_path: Path) -> None:
    name = tmp_path / "a\x1b[2J.zip"
    ended = subprocess.run([sys.executable, "-m", "algocli", "validate", name], capture_output=True, check=False)
    assert ended.returncode == 3
    assert ended.stderr == b"error: " + os.fsencode(tmp_path) + b"/a\\x1b[2J.zip is missing\n"


def test_the_c_locales_own_way_with_letters_was_chosen_by_nobody(monkeypatch):
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="surrogateescape")
    letters.mend(stream)
    stream.write("r² – é")
    stream.flush()
    assert stream.buffer.getvalue() == b"r^2 - \\xe9"
