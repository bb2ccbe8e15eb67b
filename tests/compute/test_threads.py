"""Work in threads: results in order, errors passed on, nothing started after the end."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from algocli.compute.threads import each_by_itself, in_threads, one_ahead, to_its_end


@given(items=st.lists(st.integers(), max_size=30), n_threads=st.integers(1, 4), batch=st.integers(1, 7))
@settings(max_examples=40, deadline=None)
def test_results_come_in_the_items_order(items: list[int], n_threads: int, batch: int) -> None:
    assert list(in_threads(lambda n: 2 * n, items, n_threads=n_threads, batch=batch)) == [2 * n for n in items]


def test_work_is_shared_among_the_threads() -> None:
    meeting = threading.Barrier(3)
    # Each of three calls waits for the other two: fewer threads would wait for ever.
    assert sorted(in_threads(lambda _: meeting.wait(timeout=30), range(3), n_threads=3)) == [0, 1, 2]


def test_an_error_reaches_the_caller_and_what_waits_is_not_begun() -> None:
    begun: list[int] = []

    def fail_on_the_third(item: int) -> int:
        begun.append(item)
        if item == 2:
            raise ValueError("third")
        time.sleep(0.01)
        return item

    with pytest.raises(ValueError, match="third"):
        list(in_threads(fail_on_the_third, range(1000), n_threads=2))
    assert len(begun) < 100


def test_a_consumer_that_stops_early_stops_the_work() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        time.sleep(0.01)
        return item

    results = in_threads(work, range(1000), n_threads=2)
    assert isinstance(results, Iterator)
    assert next(iter(results)) == 0
    results.close()  # type: ignore[attr-defined]
    assert len(begun) < 100


def test_a_consumer_that_stops_early_waits_for_no_thread() -> None:
    free, finished = threading.Event(), []

    def work(item: int) -> int:
        # Long enough to tell: if the consumer waited, the second would have finished.
        if item == 1:
            free.wait(timeout=5)
        finished.append(item)
        return item

    results = in_threads(work, range(2), n_threads=2)
    assert next(iter(results)) == 0
    results.close()  # type: ignore[attr-defined]
    assert finished == [0]
    free.set()


@pytest.mark.usefixtures("interruptible")
def test_whoever_is_interrupted_waits_for_what_is_not_to_be_left_half() -> None:
    ended: list[bool] = []

    def write() -> None:
        _thread.interrupt_main()
        time.sleep(0.3)
        ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        to_its_end(write)
    assert ended == [True]


def test_the_next_item_is_made_while_one_is_in_use_and_no_more() -> None:
    made: list[int] = []
    in_time = threading.Semaphore(0)

    def items() -> Iterator[int]:
        for item in range(4):
            made.append(item)
            in_time.release()
            yield item

    for item in one_ahead(items()):
        # Waits for the first two, and then for one more each time; there is no fifth.
        for _ in range(2 if item == 0 else int(item < 3)):
            assert in_time.acquire(timeout=30)
        assert made == [*range(min(item + 2, 4))]
    assert list(one_ahead([])) == []


def test_what_fails_ahead_fails_where_it_is_asked_for() -> None:
    def items() -> Iterator[int]:
        yield 0
        raise ValueError("second")

    coming = one_ahead(items())
    assert next(coming) == 0
    with pytest.raises(ValueError, match="second"):
        next(coming)


def test_limits_that_end_in_another_order_than_they_began_are_gone_in_the_end() -> None:
    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    before, first, second = threads(), each_by_itself(), each_by_itself()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads() == {1}
    second.__exit__(None, None, None)
    assert threads() == before
