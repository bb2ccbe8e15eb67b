"""What a bar says of speed, from moments that are given."""

from __future__ import annotations

import pytest

from algocli.cli.pace import Pace


def paced(*moments: float) -> Pace:
    pace = Pace()
    for moment in moments:
        pace.count(moment)
    return pace


def test_nothing_and_the_first_foretell_nothing() -> None:
    for pace in (paced(), paced(7.0)):
        assert (pace.per_second, pace.seconds_left(10), pace.clock_left(10)) == (None, None, "-:--:--")


def test_what_has_come_with_the_first_is_no_sign_of_pace() -> None:
    # A block of 256 after a minute, another one every ten seconds.
    pace = paced(*[60.0] * 256)
    assert pace.per_second is None
    for moment in (70.0, 80.0):
        for _ in range(256):
            pace.count(moment)
    assert pace.n_done == 768
    assert pace.per_second == pytest.approx(25.6)
    assert pace.seconds_left(1024) == pytest.approx(10)
    assert pace.clock_left(768 + 256 * 600) == "1:40:00"


def test_what_comes_one_by_one_is_counted_from_the_first() -> None:
    assert paced(100, 101, 102, 103).per_second == pytest.approx(1)
