"""A folder is opened as what it is, and a kind of dataset is one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from algocli.dataset import kinds
from algocli.dataset.challenge.subjects import Challenge
from algocli.dataset.opening import find_subject, known, open_dataset
from algocli.dataset.protocol import Dataset, Subject, is_subject
from algocli.errors import DataError, UsageError
from tests.dataset.toy import ToyKind, make_toy

MINE = """
from algocli.dataset.challenge.subjects import Challenge

def recognises(folder):
    return (folder / "mine.txt").is_file()

def open_folder(folder):
    return Challenge(folder / "inside")

def find_subject(which, folder):
    return None
"""


def test_the_challenge_is_told_by_its_subjects_folders(tiny_challenge: Path) -> None:
    found: Dataset = open_dataset(tiny_challenge)
    assert isinstance(found, Challenge)
    assert found.subject_ids == (1, 6)
    assert [one.id for one in found.subjects()] == [1, 6]


def test_a_dataset_that_is_open_is_opened_already(tiny_challenge: Path) -> None:
    challenge = Challenge(tiny_challenge)
    assert open_dataset(challenge) is challenge


def test_a_kind_is_a_file_among_the_kinds(
    tmp_path: Path, tiny_challenge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine_alone.py").write_text(MINE)
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(tmp_path)])
    (tmp_path / "mine.txt").touch()
    (tmp_path / "inside").symlink_to(tiny_challenge)
    assert open_dataset(tmp_path).folder == tmp_path / "inside"


def test_what_no_kind_knows_is_told_as_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="folders subj01 to subj08 were expected"):
        open_dataset(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        open_dataset(tmp_path / "none")
    with pytest.raises(UsageError, match="folder=3"):
        open_dataset(3)  # type: ignore[arg-type]


def test_a_subject_of_the_challenge_is_found_wherever_its_folder_lies(tmp_path: Path, tiny_challenge: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(tiny_challenge / "subj06")
    found = find_subject(6, tmp_path / "elsewhere")
    assert found is not None
    assert found.n_vertices("left") == Challenge(tiny_challenge).subject(6).n_vertices("left")
    assert find_subject(6, tmp_path / "nowhere") is None
    assert find_subject("anna", tmp_path / "elsewhere") is None


def test_a_kind_of_ones_own_comes_first_and_no_longer_than_it_is_known(tmp_path: Path) -> None:
    toy = make_toy(tmp_path / "data", ("subj01",))
    with known(ToyKind(toy)):
        assert find_subject(1, tmp_path / "data/subj01") is toy.subject(1)
    assert find_subject(1, tmp_path / "data/subj01") is not toy.subject(1)


def test_subjects_of_any_class_are_subjects(tmp_path: Path, tiny_challenge: Path) -> None:
    some: list[Subject] = [*make_toy(tmp_path / "data").subjects(), *Challenge(tiny_challenge).subjects()]
    assert all(map(is_subject, some))
    assert not any(map(is_subject, [3, "anna", None, tiny_challenge, Challenge(tiny_challenge), Subject]))
