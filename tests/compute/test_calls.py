"""Who reads what is replaced meanwhile begins anew, and not for ever."""

from __future__ import annotations

import pytest

from algocli.compute.calls import anew
from algocli.errors import DataError, Replaced


@pytest.mark.parametrize(("n_replaced", "n_calls"), [(0, 1), (2, 3), (4, 5)])
def test_what_was_replaced_is_read_anew(n_replaced: int, n_calls: int) -> None:
    calls: list[str] = []

    @anew
    def read(name: str, *, least: int = 0) -> tuple[str, int]:
        calls.append(name)
        if len(calls) <= n_replaced:
            raise Replaced("it was trained again while it was read")
        return name, least

    assert read("mine", least=3) == ("mine", 3)
    assert calls == ["mine"] * n_calls


def test_neither_for_ever_nor_for_anything_else() -> None:
    calls: list[type[DataError]] = []

    @anew
    def read(error: type[DataError]) -> None:
        calls.append(error)
        raise error("it is not to be had")

    for error, n_calls in ((Replaced, 5), (DataError, 1)):
        with pytest.raises(error):
            read(error)
        assert calls.count(error) == n_calls
