"""One trial of one command under one fault, and how it ended."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# Survived: the command's repeat left the same bytes, or one sentence said what is the matter and what mends it.
# All others did not: a number changed without a word, a traceback, a hang, more memory than promised.
Verdict = Literal["same", "told", "wrong", "traceback", "hang", "memory"]
SURVIVED: tuple[Verdict, ...] = ("same", "told")


@dataclass(frozen=True)
class Outcome:
    """How one trial ended, and in a few words how to repeat it."""

    command: str
    fault: str
    verdict: Verdict
    detail: str = ""

    @property
    def survived(self) -> bool:
        """Whether nothing was lost, silently wrong or without a way out."""
        return self.verdict in SURVIVED


# A kind of fault: given an empty folder to work in, trials without end, in an order that the generator decides.
Trials = Callable[[Path, random.Random], Iterator[Outcome]]
