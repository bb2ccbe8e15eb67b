"""Unique and shared explained variance, held against cases whose parts are known."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from algocli.errors import UsageError
from algocli.stats.partition import FeatureSet, Names, check_sets, partition, unions


def part(*names: str) -> Names:
    return frozenset(names)


def planted(names: str, seed: int) -> tuple[dict[Names, NDArray[np.float64]], dict[Names, NDArray[np.float64]]]:
    """Draw the parts, and derive what each union explains: every part that a set of the union has a hand in."""
    rng = np.random.default_rng(seed)
    parts = {one: rng.uniform(-0.05, 0.2, 11) for one in unions(tuple(names))}
    explained = {union: sum(value for one, value in parts.items() if one & union) for union in parts}
    return parts, explained  # type: ignore[return-value]


@pytest.mark.parametrize("names", ["AB", "ABC", "ABCD", "ABCDE"])
def test_planted_parts_are_found(names: str) -> None:
    parts, explained = planted(names, seed=0)
    found = partition(explained)
    assert found.keys() == parts.keys()
    for one, expected in parts.items():
        np.testing.assert_allclose(found[one], expected, atol=1e-14)


@pytest.mark.parametrize("names", ["AB", "ABC", "ABCDE"])
def test_the_parts_sum_to_what_all_sets_explain(names: str) -> None:
    _, explained = planted(names, seed=1)
    np.testing.assert_allclose(sum(partition(explained).values()), explained[part(*names)], atol=1e-14)


def test_two_sets_as_in_every_textbook() -> None:
    explained = {part("A"): np.array([0.3]), part("B"): np.array([0.2]), part("A", "B"): np.array([0.4])}
    found = partition(explained)
    assert found[part("A")] == pytest.approx(0.4 - 0.2)
    assert found[part("B")] == pytest.approx(0.4 - 0.3)
    assert found[part("A", "B")] == pytest.approx(0.3 + 0.2 - 0.4)


def test_independent_causes_are_attributed_to_the_sets_that_hold_them() -> None:
    # Columns 0 to 3; a set holds some of them, and a vertex's responses are one column with noise of the same size.
    rng = np.random.default_rng(2)
    causes = np.linalg.qr(rng.standard_normal((400, 8)) - 0)[0]
    causes -= causes.mean(axis=0)
    causes = np.linalg.qr(causes)[0]
    held = {"A": {0, 3, 2}, "B": {1, 3, 2}, "C": {2}}
    responses = causes[:, :4] + causes[:, 4:]
    explained = {}
    for size in (1, 2, 3):
        for names in combinations("ABC", size):
            columns = sorted(set().union(*(held[name] for name in names)))
            model = LinearRegression().fit(causes[:, columns], responses)
            residual = responses - model.predict(causes[:, columns])
            explained[part(*names)] = 1 - residual.var(axis=0) / responses.var(axis=0)
    found = partition(explained)
    for vertex, where in enumerate([part("A"), part("B"), part("A", "B", "C"), part("A", "B")]):
        for one, values in found.items():
            assert values[vertex] == pytest.approx(0.5 if one == where else 0, abs=1e-10), (vertex, one)


def test_a_missing_model_is_named() -> None:
    _, explained = planted("ABC", seed=3)
    del explained[part("A", "C")]
    with pytest.raises(UsageError, match=r"needs a model of A \+ C"):
        partition(explained)


def test_four_sets_by_inclusion_and_exclusion_written_out() -> None:
    rng = np.random.default_rng(5)
    explained = {union: rng.uniform(0, 1, 3) for union in unions(tuple("ABCD"))}
    r = {"".join(sorted(union)): values for union, values in explained.items()}
    found = partition(explained)
    expected = {
        "A": r["ABCD"] - r["BCD"],
        "D": r["ABCD"] - r["ABC"],
        "AB": r["ACD"] + r["BCD"] - r["CD"] - r["ABCD"],
        "BD": r["ABC"] + r["ACD"] - r["AC"] - r["ABCD"],
        "ABC": r["AD"] + r["BD"] + r["CD"] - r["D"] - r["ABD"] - r["ACD"] - r["BCD"] + r["ABCD"],
        "ABCD": r["A"] + r["B"] + r["C"] + r["D"]
        - r["AB"] - r["AC"] - r["AD"] - r["BC"] - r["BD"] - r["CD"]
        + r["ABC"] + r["ABD"] + r["ACD"] + r["BCD"] - r["ABCD"],
    }  # fmt: skip
    for names, values in expected.items():
        np.testing.assert_allclose(found[part(*names)], values, atol=1e-14, err_msg=names)


@pytest.mark.parametrize("names", ["A", "ABCDEF"])
def test_one_set_or_six_are_refused(names: str) -> None:
    _, explained = planted(names, seed=4)
    with pytest.raises(UsageError, match=f"not {len(names)}"):
        partition(explained)


def sets(*words: str) -> list[FeatureSet]:
    return [FeatureSet(word, tuple(word.split("+"))) for word in words]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a"], "between two to five sets of features, not 1"),
        (list("abcdef"), "between two to five sets of features, not 6"),
        (["a", "b", "a"], "a and a are the same features"),
        (["a+b", "b+a"], r"a\+b and b\+a are the same features"),
        (["a+b", "b"], r"b would be in two sets, a\+b and b"),
        (["a+b", "c", "c+b"], r"b would be in two sets, a\+b and c\+b"),
    ],
)
def test_sets_that_cannot_be_told_apart_are_refused(words: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as refused:
        check_sets(sets(*words))
    assert refused.value.hint


@pytest.mark.parametrize("words", [["a", "b"], ["a+b", "c", "d"], list("abcde")], ids=str)
def test_disjoint_sets_pass(words: list[str]) -> None:
    check_sets(sets(*words))
