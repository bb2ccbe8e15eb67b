"""What a subject is called, and the folders that are its own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algocli.dataset.naming import (
    by_id,
    check_subject_id,
    check_subject_ids,
    check_subject_name,
    id_of,
    is_name,
    name_of,
)
from algocli.errors import UsageError

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,12}", fullmatch=True).filter(is_name)


@given(NAMES)
def test_a_name_and_its_id_follow_from_each_other(name: str) -> None:
    assert name_of(id_of(name)) == name


@given(NAMES)
def test_an_id_is_an_id_of_its_own(name: str) -> None:
    assert check_subject_id(id_of(name)) == check_subject_id(name) == id_of(name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), ("3", 3), ("03", 3), ("subj03", 3), ("subj10", 10), ("subj3", "subj3"), ("sub-01", "sub-01"), ("a", "a")],
)
def test_a_number_goes_by_several_words(value: Any, expected: int | str) -> None:
    assert check_subject_id(value) == expected


@pytest.mark.parametrize(
    "value", [0, 100, True, 1.0, None, "", "0", "a/b", "..", ".a", "-s", "a b", "a.lock", "a.json"]
)
def test_what_no_subject_can_be_called_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="subject="):
        check_subject_id(value)


@pytest.mark.parametrize("name", ["01", "7", "", "a/b", "x" * 200, 3])
def test_digits_alone_are_no_name(name: Any) -> None:
    with pytest.raises(UsageError, match="no subject can be called so"):
        check_subject_name(name)


def test_numbers_come_before_names_and_rise() -> None:
    assert sorted(["ben", 10, "anna", 2], key=by_id) == [2, 10, "anna", "ben"]


def test_each_is_named_once() -> None:
    assert check_subject_ids(["anna", 1, "subj01", "anna"]) == ("anna", 1)
    assert check_subject_ids("anna") == ("anna",)
    with pytest.raises(UsageError, match="no subject is named"):
        check_subject_ids([])
