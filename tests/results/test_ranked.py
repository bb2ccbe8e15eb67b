"""Many runs in order, and what their names have in common."""

from __future__ import annotations

import pytest

from algocli.results.ranked import told_apart, without_beginning


@pytest.mark.parametrize(
    ("names", "short", "common"),
    [
        (["a_x_1", "b_x_1"], ["a", "b"], "x_1"),
        (["a_pca5_ols", "a_pca9_ridge"], ["pca5_ols", "pca9_ridge"], "a"),
        (["first", "second"], ["first", "second"], ""),
        (["a_b", "a_b_c"], ["a_b", "a_b_c"], ""),
        (["alone_x"], ["alone_x"], ""),
    ],
)
def test_names_lose_what_all_have_in_the_same_place(names, short, common):
    assert told_apart(names) == (short, common)


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["net-layer.1", "net-layer.12"], ["1", "12"]),
        (["net-conv1", "net-conv2"], ["conv1", "conv2"]),
        (["net", "net-2"], ["net", "net-2"]),
        (["same", "same"], ["same", "same"]),
        (["one"], ["one"]),
    ],
)
def test_names_lose_whole_words_that_all_begin_with(names, short):
    assert without_beginning(names) == short
