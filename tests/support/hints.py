"""The commands that a hint proposes, as a person would take them out of it."""

from __future__ import annotations

import re
import shlex

# What only whoever made something knows, and has to fill in.
FILLED_IN = {"WEIGHTS": "random:0", "MODEL": "stand-in"}
# A remark begins outside of all quotes.
_PLAIN = re.compile(r"(?:'[^']*'|\"[^\"]*\"|(?! \()[^;,'\"]|,(?! ))*")


def command_in(line: str) -> list[str] | None:
    """Return the words of the command that a line is, up to a remark and without the program's name; None if none."""
    if not line.startswith(("algocli ", "rm -r ")):
        return None
    plain = _PLAIN.match(line)
    assert plain is not None
    words = [FILLED_IN.get(word, word) for word in shlex.split(plain[0])]
    return words[1:] if words[0] == "algocli" else words


def proposed(said: str) -> list[list[str]]:
    """Take the commands out of what was said: lines that are one, up to a remark, and what is in backticks."""
    commands = []
    for line in map(str.strip, said.partition("hint:")[2].splitlines()):
        for part in (line, *re.findall(r"`((?:algocli|rm) [^`]+)`", line)):
            words = command_in(part)
            commands += [words] if words is not None else []
    return commands
