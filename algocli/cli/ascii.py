"""Letters that a screen may lack, and what stands for them there."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from collections.abc import Mapping

# What we print ourselves; a letter of a user's own names is escaped, as \u65e5
_PLAIN = {"–": "-", "−": "-", "²": "^2", "×": "x", "≤": "<=", "≥": ">=", "…": "...", "’": "'"}
# The controls of ASCII and of its second half but tabs and ends of lines, what turns the direction of writing, and the
# surrogates that stand for no byte.
_DOING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udc7f\udd00-\udfff]")
_ERRORS = "algocli.plain"
# Python exchanges the C locale for one of these before it starts.
_IN_PLACE_OF_C = ("C.UTF-8", "C.utf8", "UTF-8")


def mend(stream: io.TextIOWrapper) -> None:
    """Let a stream take whatever is printed, in the letters that it has.

    Where a terminal's user asks for the C locale, as LANG=C does, these are ASCII's. Whoever chose a way to deal with
    such letters, as PYTHONIOENCODING can, is left with it.
    """
    is_utf = "utf" in stream.encoding.lower()
    if stream.isatty() and _is_c_locale(os.environ):
        stream.reconfigure(encoding="ascii", errors=_ERRORS)
    # Nobody chooses for stderr: Python's own way would escape our signs too. In the C locale it has one for stdout.
    elif not is_utf and (stream.errors in _of_nobody(os.environ) or stream is sys.stderr):
        stream.reconfigure(errors=_ERRORS)
    elif is_utf and stream.errors == "strict":
        # In UTF-8 nothing lacks but the bytes of a file name that is no UTF-8, and these are best as they are.
        stream.reconfigure(errors="surrogateescape")


def _of_nobody(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ways to deal with letters that Python takes by itself."""
    return ("strict",) if environment.get("PYTHONIOENCODING") else ("strict", "surrogateescape")


def harmless(text: str) -> str:
    r"""Return a text in which what a screen would do, and not show, stands written out, as \x1b.

    Bytes of file names that are no text stay as they are: a stream knows them.
    """
    return _DOING.sub(lambda sign: ascii(sign[0])[1:-1], text)


def _is_c_locale(environment: Mapping[str, str]) -> bool:
    """Say whether the user asked for a locale of ASCII alone, which Python's own streams no longer tell."""
    if environment.get("PYTHONIOENCODING") or environment.get("PYTHONUTF8"):
        return False
    everything, letters, rest = (environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    if letters in _IN_PLACE_OF_C and rest in ("C", "POSIX"):
        letters = ""
    return (everything or letters or rest) in ("C", "POSIX")


def _spell(error: UnicodeError) -> tuple[bytes, int]:
    """Encode what a stream has no letters for: our own signs in ASCII, bytes of odd file names as they are."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return b"".join(map(_encode, missing)), error.end


def _encode(letter: str) -> bytes:
    # A byte that is no text reaches Python as a lone surrogate.
    if "\udc80" <= letter <= "\udcff":
        return bytes([ord(letter) - 0xDC00])
    return _PLAIN.get(letter, letter).encode("ascii", "backslashreplace")


codecs.register_error(_ERRORS, _spell)
