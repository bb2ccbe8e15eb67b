"""Some rounds of the soak, and that it would see what grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.faults.soak import Held, judge, soak

FLAT = Held(200_000, 12, 4, frozenset(), frozenset({"cache/run.json"}))


def test_rounds_of_commands_with_jobs_beside_leave_nothing_and_a_sound_cache(tmp_path: Path) -> None:
    said: list[str] = []
    assert soak(tmp_path / "soak", seconds=0, reports=2, fewest=2, say=said.append) == []
    assert len(said) == 4


def rounds(change: Callable[[int], dict[str, object]], n: int = 30) -> list[Held]:
    """Return rounds whose memory jitters by some MiB, as allocators do, beside what `change` makes of each."""
    jitter = np.random.default_rng(0).normal(0, 500, n).astype(int)
    return [replace(FLAT, **{"memory": FLAT.memory + int(jitter[i]), **change(i)}) for i in range(n)]


def test_what_stays_as_it_is_or_needs_more_once_is_nothing_that_grows() -> None:
    assert judge(rounds(lambda _number: {})) == []
    assert judge(rounds(lambda number: {"memory": 200_000 + 50_000 * (number == 20)})) == []
    # All of it is reached while the first rounds warm up.
    assert judge(rounds(lambda number: {"memory": 200_000 - 90_000 * (number < 2), "threads": 2 + (number > 1)})) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda number: {"memory": 200_000 + 100 * number}, "memory grows by 100 KiB a round"),
        (lambda number: {"descriptors": 12 + number // 10}, "descriptors grew from 12 to 14"),
        (lambda number: {"threads": 4 + (number == 29)}, "threads grew from 4 to 5"),
        (lambda number: {"temporary": frozenset({f"tmp{number}"})}, "temporary files are left: tmp29"),
        (lambda number: {"files": FLAT.files | {f"part-{number}"}}, "2 files came or went"),
    ],
    ids=["memory", "descriptors", "threads", "temporary", "files"],
)
def test_what_grows_is_told(change: Callable[[int], dict[str, object]], sentence: str) -> None:
    (told,) = judge(rounds(change))
    assert sentence in told
