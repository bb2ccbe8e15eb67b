"""Which of several files is which subject's."""

from __future__ import annotations

from pathlib import Path

import pytest

from algocli.errors import UsageError
from algocli.features.imports.subject_files import assign_files, named_subject


def shared(files: list[str], subjects: list[int], *, asked: bool = True) -> dict[int, str]:
    return {n: str(path) for n, path in assign_files([Path(file) for file in files], subjects, asked=asked).items()}


@pytest.mark.parametrize(
    "files",
    [
        ["a_subj02.npy", "a_subj01.npy"],
        ["subj02/train/features.npy", "subj01/train/features.npy"],
        ["sub-02_task.h5", "sub-01_task.h5"],
        ["s2.npy", "s1.npy"],
        ["resnet_s3/S02.npy", "resnet_s3/S01.npy"],
        ["Subject 2.mat", "subject_1.mat"],
    ],
)
@pytest.mark.parametrize("asked", [False, True])
def test_a_number_in_every_path_says_whose_it_is(files: list[str], asked: bool) -> None:
    assert shared(files, [1, 2], asked=asked) == {1: files[1], 2: files[0]}


def test_without_numbers_the_order_of_the_subjects_counts() -> None:
    assert shared(["b.npy", "a.npy"], [6, 1]) == {6: "b.npy", 1: "a.npy"}


def test_a_pattern_is_filled_in_for_every_subject() -> None:
    assert shared(["f/subj{subject:02d}.npy"], [1, 6]) == {1: "f/subj01.npy", 6: "f/subj06.npy"}


@pytest.mark.parametrize(
    ("files", "subjects", "asked", "sentence"),
    [
        (["a.npy", "b.npy"], [1, 6], False, "their names do not say whose they are"),
        (["a.npy", "b.npy", "c.npy"], [1, 6], True, "3 files for 2 subjects"),
        (["s1.npy", "s2.npy"], [1, 6], True, "named after subject 1, 2; asked for was 1, 6"),
        (["s1.npy", "s2.npy"], [1, 6], False, "s2.npy: the data has no subject 2"),
        (["s1.npy", "b.npy"], [1, 6], False, "do not say whose"),
        (["a{subject}{layer}.npy"], [1], True, "is no pattern"),
        (["a{subject:02q}.npy"], [1], True, "is no pattern"),
    ],
)
def test_files_and_subjects_that_do_not_fit_are_refused(
    files: list[str], subjects: list[int], asked: bool, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        shared(files, subjects, asked=asked)


@pytest.mark.parametrize(
    ("name", "number"),
    [("subj03.npy", 3), ("a_sub-3.h5", 3), ("resnet_s3.npy", None), ("subj1_subj2.npy", None), ("subj12.npy", None)],
)
def test_a_file_is_named_after_one_subject_or_none(name: str, number: int | None) -> None:
    assert named_subject(Path("subj07") / name) == number
