"""What many hemispheres have in common is one line."""

from __future__ import annotations

from algocli.compute.remarks import counted, gather


def test_what_sixteen_hemispheres_say_is_one_line_with_the_range_of_its_numbers() -> None:
    said = [
        (subject, side, f"{1000 * subject + n:,} vertices never vary; their r is 0")
        for subject in range(1, 9)
        for n, side in enumerate(("left", "right"))
    ]
    assert list(gather(said)) == [
        "subjects 1, 2, 3, 4, 5, 6, 7, 8, left and right: 1,000 to 8,001 vertices never vary; their r is 0"
    ]


def test_other_words_are_another_line_and_one_place_is_said_as_it_is() -> None:
    said = [(1, "left", "a is 0.5"), (2, "right", "b"), ("anna", "left", "a is 0.5"), (3, "", "b")]
    assert list(gather(said)) == ["subjects 1, anna, left: a is 0.5", "subject 2, right; subject 3: b"]


def test_numbers_within_names_tell_kinds_apart() -> None:
    said = [
        (1, "", "1 image is L (train-0001_nsd-00013.png)"),
        (2, "", "1 image is L (train-0007_nsd-00014.png)"),
        (3, "", "responses are float64, for 3 of 12 rows"),
        (4, "", "responses are float16, for 3 of 12 rows"),
    ]
    assert len(list(gather(said))) == 4


def test_one_of_anything_is_counted_in_the_singular() -> None:
    units = ("subjects", "batches", "passes", "hemispheres", "stores", "vertices", "categories", "models", "crowds")
    one = ("subject", "batch", "pass", "hemisphere", "store", "vertex", "category", "model", "crowd")
    assert [counted(1, things) for things in units] == [f"1 {thing}" for thing in one]
    assert [counted(n, things) for n in (0, 2) for things in units[:2]] == [
        "0 subjects",
        "0 batches",
        "2 subjects",
        "2 batches",
    ]
