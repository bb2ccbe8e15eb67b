"""What is shown of work that others do: as much as records say is done, no more and no less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from algocli.compute.executors import progress, running
from algocli.compute.executors.progress import shown
from algocli.compute.executors.running import run_tasks
from algocli.compute.track import silent, unheard
from tests.compute.executors.test_running import Deed


class Display:
    """Counts as every display does: an item is done when the next one is asked for."""

    def __init__(self) -> None:
        self.done, self.asked, self.is_closed = 0, dict[str, Any](), False

    def __call__(self, items: Iterable[Any], *, total: int, label: str, unit: str = "") -> Iterator[Any]:
        self.asked = {"total": total, "label": label, "unit": unit}
        try:
            for item in items:
                yield item
                self.done += 1
        finally:
            self.is_closed = True


def test_a_display_has_what_records_say_and_all_of_it_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOOKS", 0.0)
    display, said = Display(), iter([0, 3, 3, 7, 10])
    with shown(display, lambda: next(said), total=10, label="features", unit="images") as look:
        seen = []
        for _ in range(4):
            look()
            seen.append(display.done)
        assert not display.is_closed
    assert (seen, display.done, display.is_closed) == ([0, 3, 3, 7], 10, True)
    assert display.asked == {"total": 10, "label": "features", "unit": "images"}


def test_what_fails_leaves_a_display_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOOKS", 0.0)
    display = Display()

    def fail() -> None:
        with shown(display, lambda: 4, total=10, label="", unit="") as look:
            look()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (display.done, display.is_closed) == (4, True)


def test_records_are_looked_at_now_and_then_and_not_with_every_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOOKS", 1e9)
    looks: list[int] = []

    def n_done() -> int:
        looks.append(1)
        return 1

    with shown(silent, n_done, total=1, label="", unit="") as look:
        for _ in range(100):
            look()
        assert looks == []
    assert len(looks) == 1


def test_whoever_waits_for_tasks_looks_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LOOKS", 0.01)
    looks: list[int] = []
    with ThreadPoolExecutor(1) as engine:
        outcomes = dict(run_tasks(engine, [Deed(tmp_path, "slow")], unheard, look=lambda: looks.append(1)))
    assert outcomes[0].value == "SLOW"
    # Once more at least than tasks end.
    assert len(looks) > 1
