"""Images in the order of the responses' rows, told by their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algocli.dataset.challenge.image_names import image_names, list_stimuli, order_faults, parse_name
from algocli.dataset.challenge.layout import SubjectLayout, image_name
from algocli.dataset.sides import Split
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError


def stimuli(*names: str) -> list[Stimulus]:
    return [parse_name(Path("folder"), name) for name in names]


def numbered(rows: Sequence[int]) -> list[Stimulus]:
    return [Stimulus(row, "train", 10 * place, Path(f"{row}.png")) for place, row in enumerate(rows)]


@given(split=st.sampled_from(["train", "test"]), row=st.integers(0, 9998), nsd_id=st.integers(0, 72_999))
def test_a_name_says_what_it_was_made_of(split: Split, row: int, nsd_id: int) -> None:
    name = image_name(split, row, nsd_id)
    assert parse_name(Path("a"), name) == Stimulus(row, split, nsd_id, Path("a") / name)


def test_images_are_listed_in_the_order_of_their_rows(tiny_challenge: Path) -> None:
    listed = list_stimuli(SubjectLayout(tiny_challenge / "subj06"), "test")
    assert [s.row for s in listed] == [0, 1, 2, 3]
    assert [s.nsd_id for s in listed] == [6001, 6004, 6007, 6010]
    assert [s.path.name for s in listed] == [f"test-000{n}_nsd-0{6001 + 3 * n - 3}.png" for n in (1, 2, 3, 4)]
    assert all(s.path.is_file() for s in listed)


def test_files_of_other_names_are_passed_over(tmp_path: Path) -> None:
    for name in ("._train-0001_nsd-00013.png", ".DS_Store", "Thumbs.db", "train-0001_nsd-00013.png", "train-1.png"):
        (tmp_path / name).touch()
    assert image_names(tmp_path) == ["train-0001_nsd-00013.png"]


def test_a_missing_folder_is_called_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="training_images is missing"):
        list_stimuli(SubjectLayout(tmp_path), "train")


def test_a_file_in_the_place_of_the_folder_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "images").touch()
    with pytest.raises(DataError, match="images is missing"):
        image_names(tmp_path / "images")


def test_an_empty_folder_says_which_names_were_expected(tmp_path: Path) -> None:
    SubjectLayout(tmp_path).images("test").mkdir(parents=True)
    with pytest.raises(DataError, match=r"holds no images named like test-0001_nsd-00013\.png"):
        list_stimuli(SubjectLayout(tmp_path), "test")


def test_a_hole_in_the_numbers_stops_the_listing_and_says_where_all_faults_are_told(spoilable: Path) -> None:
    layout = SubjectLayout(spoilable / "subj01")
    (layout.images("train") / "train-0005_nsd-01012.png").unlink()
    with pytest.raises(DataError, match="no image is numbered 0005") as caught:
        list_stimuli(layout, "train")
    assert caught.value.hint is not None
    assert "algocli data" in caught.value.hint


def test_a_name_of_another_kind_cannot_be_parsed() -> None:
    with pytest.raises(DataError, match=r"cat\.png is not named like"):
        parse_name(Path(), "cat.png")


def test_sound_names_have_no_faults() -> None:
    assert order_faults(stimuli("test-0001_nsd-00001.png", "test-0002_nsd-00005.png"), "test") == []
    assert order_faults([], "train") == []


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([1, 2], "no image is numbered 0001"),
        ([0, 1, 3, 7], "no image is numbered 0003, 0005 to 0007"),
        ([0, 1, 1, 2], "more than one image is numbered 0002"),
        ([-1, 0, 1], "an image is numbered 0000; numbers count from 0001"),
    ],
)
def test_numbers_must_count_up_from_1(rows: list[int], complaint: str) -> None:
    assert order_faults(numbered(rows), "train") == [complaint]


@given(missing=st.sets(st.integers(0, 60)))
def test_every_missing_number_is_named(missing: set[int]) -> None:
    present = sorted(set(range(62)) - missing)
    faults = order_faults(numbered(present), "train")
    if not missing:
        assert faults == []
        return
    named: set[int] = set()
    for part in faults[0].removeprefix("no image is numbered ").split(", "):
        first, _, last = part.partition(" to ")
        named |= set(range(int(first) - 1, int(last or first)))
    assert named == missing


def test_ids_must_rise() -> None:
    faults = order_faults(
        stimuli("train-0001_nsd-00009.png", "train-0002_nsd-00005.png", "train-0003_nsd-00005.png"), "train"
    )
    assert len(faults) == 1
    assert "train-0001_nsd-00009.png is followed by train-0002_nsd-00005.png, and 1 more such places" in faults[0]


def test_ids_must_be_among_the_73000() -> None:
    (fault,) = order_faults(stimuli("train-0001_nsd-72999.png", "train-0002_nsd-73000.png"), "train")
    assert "train-0002_nsd-73000.png" in fault
    assert "00000 to 72999" in fault


def test_of_thousands_that_are_amiss_a_few_are_named() -> None:
    names = [f"train-{row:04d}_nsd-{73000 + 2 * row:05d}.png" for row in range(1, 4001, 2)]
    faults = order_faults([*stimuli(*names), *stimuli(*(name.replace("train", "test") for name in names))], "train")
    assert any("and 1,997 more" in fault for fault in faults)
    assert max(map(len, faults)) < 400


def test_an_image_of_the_other_split_is_named_and_disturbs_no_count() -> None:
    faults = order_faults(stimuli("test-0001_nsd-00002.png", "train-0001_nsd-00001.png"), "train")
    assert faults == ["in the folder of the train split lies test-0001_nsd-00002.png"]
