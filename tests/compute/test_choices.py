"""What is refused of settings and arguments, and what is guessed to be meant."""

from __future__ import annotations

import pwd
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algocli.compute.choices import (
    check_choice,
    check_flag,
    check_kind,
    check_number,
    check_path,
    check_paths,
    check_whole,
    check_words,
    did_you_mean,
)
from algocli.errors import UsageError


@pytest.mark.parametrize(
    ("word", "guess"),
    [
        ("rigde", " (did you mean ridge?)"),
        ("OLS", " (did you mean ols?)"),
        ("RIGDE", " (did you mean ridge?)"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_the_nearest_names_are_guessed_whatever_their_case(word: str, guess: str) -> None:
    assert did_you_mean(word, ["ols", "ridge", "banded"]) == guess


def test_a_word_that_is_known_comes_back_as_a_plain_string() -> None:
    assert type(check_choice("side", np.str_("left"), ("left", "right"))) is str


def test_what_a_word_usually_stands_for_is_guessed() -> None:
    with pytest.raises(UsageError, match=r"side='LH' is not known \(did you mean left\?\)") as caught:
        check_choice("side", "LH", ("left", "right"), {"lh": "left"})
    assert caught.value.hint == "side is one of: left, right"


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_a_whole_number_is_pythons_own(value: Any) -> None:
    found = check_whole("n", value, 1, 3)
    assert found == 3
    assert type(found) is int


@pytest.mark.parametrize("value", [0, 4, 3.0, True, np.True_, "3", None, np.array([1, 2]), Fraction(3)])
def test_what_is_no_whole_number_within_bounds_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=r"n=.*: a whole number from 1 to 3 was expected"):
        check_whole("n", value, 1, 3)


@pytest.mark.parametrize("value", [1, 1.0, np.float32(1), Fraction(1)])
def test_a_number_of_any_library_is_a_float(value: Any) -> None:
    assert check_number("x", value) == 1.0


@pytest.mark.parametrize("value", [np.nan, -np.inf, True, "1", None, 1j, 10**400])
def test_what_is_no_finite_number_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=r"x=.*: a finite number was expected"):
        check_number("x", value)


@pytest.mark.parametrize("value", [0, 1, "no", None, [], np.array([True, False])])
def test_only_true_and_false_are_switches(value: Any) -> None:
    assert check_flag("force", np.True_) is True
    with pytest.raises(UsageError, match="True or False was expected"):
        check_flag("force", value)


def test_one_name_is_a_list_of_one() -> None:
    assert check_words("layers", "features.2") == ("features.2",)
    assert check_words("layers", ["a", "b"]) == ("a", "b")


@pytest.mark.parametrize("value", [(), "", ["a", ""], ["a", 1], {"a"}, 3, None, (word for word in "ab")])
def test_what_is_no_list_of_names_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="a name, or a list of names, was expected"):
        check_words("layers", value)


def test_one_path_is_a_list_of_one() -> None:
    assert check_paths("images", "a.png") == [Path("a.png")]
    assert check_paths("images", (Path("a"), "b")) == [Path("a"), Path("b")]


@pytest.mark.parametrize("value", ["", 3, None, "a\0b", b"bytes"])
def test_what_is_no_path_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="a path was expected"):
        check_path("folder", value)


def test_something_of_another_kind_is_refused_with_where_to_get_it() -> None:
    with pytest.raises(UsageError, match="run: a Path was expected; found str") as caught:
        check_kind("run", "a", Path, "find one")
    assert caught.value.hint == "find one"


def test_a_long_value_is_told_in_short() -> None:
    with pytest.raises(UsageError) as caught:
        check_whole("n", "x" * 1000)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("as_path", [str, Path])
def test_a_users_home_is_meant_by_its_sign(as_path: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_path("cache_dir", as_path("~/cache")) == tmp_path / "cache"
    assert check_path("cache_dir", as_path("~")) == tmp_path
    # The password file knows where others live.
    assert check_path("cache_dir", as_path("~root/cache")) == Path(pwd.getpwnam("root").pw_dir) / "cache"
    assert check_path("cache_dir", as_path("a/~/b")) == Path("a/~/b")
    with pytest.raises(UsageError, match=r"cache_dir='~nosuchuser/x': the home of nosuchuser is not known"):
        check_path("cache_dir", as_path("~nosuchuser/x"))


@pytest.mark.parametrize("as_path", [str, Path])
@pytest.mark.parametrize(
    "address",
    [
        "s3://bucket/cache",
        "gs://a",
        "https://a.b/c.html",
        "zip::s3://b",
        "a::b",
        "memory://x",
        "hf://m/x",
    ],
)
def test_an_address_is_never_a_local_folder(address: str, as_path: Any) -> None:
    with pytest.raises(UsageError, match="on this machine's disks alone"):
        check_path("folder", as_path(address))


@pytest.mark.parametrize("as_path", [str, Path])
def test_the_address_of_a_file_here_is_its_path(as_path: Any) -> None:
    assert check_path("folder", as_path("file:///tmp/a%20b/c")) == Path("/tmp/a b/c")


def test_an_address_that_features_may_lie_at_is_told_with_how() -> None:
    with pytest.raises(UsageError) as caught:
        check_path("cache_dir", "s3://bucket/cache")
    assert "with features_dir=..." in str(caught.value.hint)
    with pytest.raises(UsageError) as caught:
        check_path("cache_dir", "sftp://host/cache")
    assert "keep features at s3://, gs:// or az://BUCKET/PREFIX" in str(caught.value.hint)


def test_what_is_there_is_meant_however_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("~nosuchuser", "a::b", "sub-01:run"):
        (tmp_path / name).mkdir()
        assert check_path("folder", name) == Path(name)
    assert check_path("folder", "dino.pth:student") == Path("dino.pth:student")
