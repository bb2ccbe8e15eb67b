"""What code of others prints never lands among results, from however many threads it prints."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from algocli.compute.foreign import printing_aside


def test_prints_of_threads_that_end_in_any_order_go_aside(capsys: pytest.CaptureFixture[str]) -> None:
    meet, before = Barrier(4), sys.stdout

    @printing_aside()
    def speak(number: int) -> None:
        meet.wait(10)
        print("loud", number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(speak, range(4)))
    assert sys.stdout is before
    print("result")
    out, err = capsys.readouterr()
    assert out == "result\n"
    assert sorted(err.split()) == sorted(["loud", "0", "loud", "1", "loud", "2", "loud", "3"])


def test_stdout_is_back_after_an_error() -> None:
    before = sys.stdout
    with pytest.raises(ValueError, match="theirs"), printing_aside(), printing_aside():
        raise ValueError("theirs")
    assert sys.stdout is before
