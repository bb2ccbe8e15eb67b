"""Folders that take their place by one rename, or two, whoever else puts his own there at that moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from algocli.compute import places
from algocli.compute.places import put_back, put_in_place, put_instead, standing


@pytest.fixture(params=[True, False], ids=["one step", "two steps"])
def _exchanging(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.setattr(places, "_exchange", lambda *_: False)


pytestmark = pytest.mark.usefixtures("_exchanging")


def folder(path: Path, content: str) -> Path:
    path.mkdir(parents=True)
    (path / "file").write_text(content)
    return path


def content_of(path: Path) -> str:
    return (path / "file").read_text()


def beside(home: Path) -> list[str]:
    """Return what is in the folders of a home, whatever they are called."""
    return sorted(path.read_text() for path in home.glob("*/file"))


def test_a_folder_takes_a_place_and_what_stood_there_lies_beside(tmp_path: Path) -> None:
    place = tmp_path / "place"
    for content in ("first", "second"):
        put_in_place(folder(tmp_path / "home" / content, content), place)
        assert content_of(place) == content
    assert beside(tmp_path / "home") == ["first"]


def test_where_nothing_was_to_stand_what_does_stays(tmp_path: Path) -> None:
    mine, place = folder(tmp_path / "home" / "mine", "mine"), tmp_path / "place"
    stood = standing(place)
    folder(place, "theirs")
    assert stood is None
    assert not put_instead(mine, place, stood)
    assert (content_of(place), content_of(mine)) == ("theirs", "mine")


def test_who_has_come_in_between_stays(tmp_path: Path) -> None:
    mine, place = folder(tmp_path / "home" / "mine", "mine"), folder(tmp_path / "place", "old")
    stood = standing(place)
    put_in_place(folder(tmp_path / "there" / "theirs", "theirs"), place)
    assert not put_instead(mine, place, stood)
    assert (content_of(place), content_of(mine)) == ("theirs", "mine")
    assert put_instead(mine, place, standing(place))
    assert content_of(place) == "mine"
    assert beside(tmp_path / "home") == ["theirs"]


def test_what_is_gone_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    mine, place = folder(tmp_path / "home" / "mine", "mine"), folder(tmp_path / "place", "old")
    stood = standing(place)
    place.rename(tmp_path / "gone")
    assert not put_instead(mine, place, stood)
    assert standing(place) is None
    put_in_place(mine, place)
    assert content_of(place) == "mine"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    folder(tmp_path / "place", "old")
    for place in (tmp_path / "place", tmp_path / "none"):
        with pytest.raises(FileNotFoundError):
            put_in_place(tmp_path / "missing", place)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        put_in_place(tmp_path / "place", tmp_path / "file" / "below")


def test_one_that_waits_while_it_is_replaced_is_put_back_where_nothing_stands(tmp_path: Path) -> None:
    home, place = tmp_path / "home", tmp_path / "place"
    folder(home / "mine.0.replaced", "old")
    put_back(home, place)
    assert content_of(place) == "old"
    folder(home / "replaced", "older")
    put_back(home, place)
    assert content_of(place) == "old"
