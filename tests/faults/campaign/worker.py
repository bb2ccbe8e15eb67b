"""One process of the campaign: it tries one fault after the other until the time is up."""

from __future__ import annotations

import multiprocessing
import random
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.faults.campaign.outcome import Outcome

# How many of each kind there are to be in an hour; in less time, as many in proportion.
SHARES = {"kills": 1000, "disk": 500, "races": 300, "corruptions": 1000, "inputs": 500, "addresses": 200}

# A kind that breaks down so often is given up.
PATIENCE = 3


def work(queue: Any, home: Path, seed: str, kinds: Sequence[str], seconds: float) -> None:
    """Put the outcomes of trials into a queue, each of the kind that is most in arrears, and at the end None."""
    until = time.monotonic() + seconds
    going: dict[str, Iterator[Outcome]] = {}
    done: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    while time.monotonic() < until and _is_awaited() and (left := [kind for kind in kinds if broken[kind] < PATIENCE]):
        kind = min(left, key=lambda kind: done[kind] / SHARES[kind])
        done[kind] += 1
        try:
            if kind not in going:
                folder = home / f"{kind}-{done[kind]}"
                folder.mkdir(parents=True)
                trials = import_module(f"tests.faults.campaign.{kind}").trials
                going[kind] = trials(folder, random.Random(f"{seed}.{kind}.{done[kind]}"))
            outcome = next(going[kind])
        except Exception:
            # Nor may the campaign itself lose anything without a word.
            going.pop(kind, None)
            broken[kind] += 1
            outcome = Outcome("the campaign", kind, "traceback", traceback.format_exc())
        queue.put((kind, outcome))
    for trials in going.values():
        trials.close()  # type: ignore[attr-defined]
    queue.put(None)


def _is_awaited() -> bool:
    """Say whether whoever began this process is still there to hear of it."""
    parent = multiprocessing.parent_process()
    return parent is None or parent.is_alive()
