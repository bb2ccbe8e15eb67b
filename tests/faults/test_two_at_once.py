"""Several processes at one store: one does the work, the others wait, and the store is right."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.faults.conftest import Jobs, extract, store_in
from tests.features.by_hand import store_digest

SLOWLY = {"rows": 8, "seconds": 0.02}


def test_two_that_begin_together_leave_one_right_store(
    jobs: Jobs, challenge: Path, whole: dict[int, str], tmp_path: Path
) -> None:
    for number in range(4):
        cache = tmp_path / str(number)
        ended = jobs.run(*(extract(challenge, cache, **SLOWLY) for _ in range(3)))
        assert [one.code for one in ended] == [0, 0, 0], "\n".join(one.said for one in ended)
        assert store_digest(store_in(cache).folder) == whole[8]


def test_the_second_says_who_is_at_work_and_finds_the_work_done(
    jobs: Jobs, challenge: Path, whole: dict[int, str], tmp_path: Path
) -> None:
    job = extract(challenge, tmp_path, rows=8, seconds=0.3, arguments=["--batch-size", "4"])
    ended = jobs.run(job, dict(job))
    assert [one.code for one in ended] == [0, 0]
    (waited,) = (one for one in ended if "waiting for it" in one.said)
    (worked,) = (one for one in ended if one is not waited)
    assert f"is held by process {worked.pid} on" in waited.said
    assert "is complete, nothing to do" in waited.said
    assert store_digest(store_in(tmp_path).folder) == whole[8]


@pytest.mark.parametrize("seconds", [0.15, 0.4])
def test_whoever_waits_takes_over_from_one_that_is_killed(
    jobs: Jobs, challenge: Path, whole: dict[int, str], tmp_path: Path, seconds: float
) -> None:
    job = extract(challenge, tmp_path, rows=8, seconds=0.1, arguments=["--batch-size", "2"])
    killed, other = jobs.run({**job, "signal": signal.SIGKILL, "after": seconds}, dict(job))
    assert killed.code == -signal.SIGKILL
    assert other.code == 0, other.said
    assert store_digest(store_in(tmp_path).folder) == whole[8]


def test_one_that_looks_in_never_disturbs_one_that_writes(
    jobs: Jobs, challenge: Path, whole: dict[int, str], tmp_path: Path
) -> None:
    # The others die at once, one after the other, while the first is at work.
    job = extract(challenge, tmp_path, rows=8, seconds=0.05, arguments=["--batch-size", "2"])
    deaths = [{"signal": signal.SIGKILL, "after": 0.15 * number} for number in (1, 2, 3)]
    first, *_ = jobs.run(job, *({**job, **death} for death in deaths))
    assert first.code == 0, first.said
    assert store_digest(store_in(tmp_path).folder) == whole[8]
