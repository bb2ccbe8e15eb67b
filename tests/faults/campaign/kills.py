"""Every writing command, stopped by a signal before any of its changes, and given again."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path

from tests.faults.campaign.outcome import Outcome
from tests.faults.campaign.stage import the_stage
from tests.faults.campaign.trial import disturb, operations, signalled

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# Nothing that is on the disk changes by these.
NO_CHANGES = ("close", "read")


def trials(home: Path, rng: random.Random) -> Iterator[Outcome]:
    """Stop one command after the other: one that changes much as often as one that changes little."""
    here = the_stage(home)
    for name, number, _ in operations(here, rng, but=NO_CHANGES):
        yield disturb(here, name, signalled(rng.choice(SIGNALS)), number)
