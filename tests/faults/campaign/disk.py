"""Every writing command on a disk that fills up, breaks or takes half of what it is given, and given again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tests.faults.campaign.outcome import Outcome
from tests.faults.campaign.stage import the_stage
from tests.faults.campaign.trial import disturb, failing, operations

ALWAYS = ("ENOSPC", "EDQUOT", "EIO", "EROFS")
ERRORS = {"read": ("EIO",), "write": (*ALWAYS, "short", "short")}


def trials(home: Path, rng: random.Random) -> Iterator[Outcome]:
    """Let an operation of one command after the other fail, once or from then on."""
    here = the_stage(home)
    for name, number, kind in operations(here, rng):
        error = rng.choice(ERRORS.get(kind, ALWAYS))
        yield disturb(here, name, failing(error, lasting=rng.random() < 0.5), number)
