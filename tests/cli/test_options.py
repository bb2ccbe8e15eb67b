"""How subjects are named on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algocli.cli.options import in_same_folders
from algocli.cli.parsing import parse_ids, parse_subjects
from algocli.errors import DataError, UsageError


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (None, None),
        ([], None),
        (["all"], None),
        (["3", "all"], None),
        (["3"], (3,)),
        (["1-8"], (1, 2, 3, 4, 5, 6, 7, 8)),
        (["2-2"], (2,)),
        (["1,2"], (1, 2)),
        (["1, 2"], (1, 2)),
        (["7", "1-2", "2"], (1, 2, 7)),
        (["05"], (5,)),
    ],
)
def test_subjects_may_be_named_in_several_ways(words: list[str] | None, numbers: tuple[int, ...] | None) -> None:
    assert parse_subjects(words) == numbers


@pytest.mark.parametrize(
    "word", ["0", "9", "0-3", "1-9", "5-3", "-1", "1-", "-", "x", "", "1,,2", "1.5", "subj01", "1-2-3"]
)
def test_what_names_no_subject_is_a_mistake_of_usage(word: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_subjects([word])
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("word", ["1-9999999999", "9" * 5000])
def test_a_number_of_any_length_is_refused_at_once(word: str) -> None:
    with pytest.raises(UsageError):
        parse_subjects([word])


@given(st.sets(st.integers(1, 8), min_size=1), st.randoms())
def test_subjects_come_rising_and_each_once(numbers: set[int], random: object) -> None:
    words = [str(n) for n in numbers] * 2
    random.shuffle(words)  # type: ignore[attr-defined]
    assert parse_subjects(words) == parse_subjects([",".join(words)]) == tuple(sorted(numbers))


def test_a_command_is_given_the_folders_that_are_not_the_usual_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALGOCLI_DATA_DIR", raising=False)
    monkeypatch.setenv("ALGOCLI_CACHE_DIR", "elsewhere")
    assert in_same_folders("algocli train") == "algocli train"
    assert in_same_folders("algocli train -s 1", Path("my data")) == "algocli train -s 1 --data-dir 'my data'"
    assert in_same_folders("algocli train (or not)", cache_dir=Path("c")) == "algocli train --cache-dir c (or not)"
    # The environment says so again.
    assert in_same_folders("algocli train", cache_dir=Path("elsewhere")) == "algocli train"


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (None, None),
        (["2,1"], (1, 2)),
        (["anna"], ("anna",)),
        (["sub-02, anna", "3"], (3, "anna", "sub-02")),
        (["anna", "12"], (12, "anna")),
        (["anna", "all"], None),
        (["anna,all"], None),
    ],
)
def test_subjects_may_be_called_what_those_that_are_there_are_called(
    words: list[str] | None, ids: tuple[int | str, ...] | None
) -> None:
    assert parse_ids(words, lambda: (12, "anna", "sub-02")) == ids


@pytest.mark.parametrize("word", ["carl", "9", "anna,9", "1-9", ""])
def test_what_no_subject_is_called_is_told_as_for_the_challenge(word: str) -> None:
    with pytest.raises(UsageError) as usual:
        parse_subjects([word.removeprefix("anna,")])
    with pytest.raises(UsageError) as caught:
        parse_ids([word], lambda: ("anna",))
    assert str(caught.value) == str(usual.value)


def test_a_slip_is_told_as_one_where_nothing_can_be_opened() -> None:
    def missing() -> tuple[int, ...]:
        raise DataError("there is no such folder")

    with pytest.raises(UsageError, match="'x' names no subject"):
        parse_ids(["x"], missing)
