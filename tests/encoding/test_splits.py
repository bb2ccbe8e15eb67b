"""Splits: the tutorial's own to the index, and folds that hold every image out once."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from algocli.encoding.settings import Alphas, Settings
from algocli.encoding.splits import Split, check_folds, holdout, inner_folds, k_folds, make_folds, make_split
from algocli.errors import DataError, UsageError


def tutorial(n_train: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split as the tutorial's cell does, with numpy's global generator."""
    before = np.random.get_state()
    np.random.seed(seed)
    n_fit = int(np.round(n_train / 100 * 90))
    order = np.arange(n_train)
    np.random.shuffle(order)
    np.random.set_state(before)
    return order[:n_fit], order[n_fit:]


@pytest.mark.parametrize("seed", [0, 4, 5])
@pytest.mark.parametrize("n_train", [9841, 9082, 8779, 100, 105, 115, 995, 21])
def test_the_default_holdout_is_the_tutorials_to_the_index(n_train: int, seed: int) -> None:
    fit, held_out = tutorial(n_train, seed)
    fold = holdout(n_train, 0.1, seed)
    np.testing.assert_array_equal(fold.fit, np.sort(fit))
    np.testing.assert_array_equal(fold.held_out, np.sort(held_out))


@pytest.mark.parametrize(("n_train", "n_fit"), [(9841, 8857), (9082, 8174), (8779, 7901), (105, 94), (115, 103)])
def test_the_number_of_fitted_images_is_rounded_as_numpy_rounds(n_train: int, n_fit: int) -> None:
    # 105 / 100 * 90 lies halfway, and numpy goes to the even neighbour; 115 / 100 * 90 is just below 103.5 in binary.
    assert len(holdout(n_train, 0.1, 4).fit) == n_fit


def test_a_split_neither_reads_nor_moves_numpys_global_generator() -> None:
    np.random.seed(1)
    first = holdout(200, 0.1, 4)
    after = np.random.random()
    np.random.seed(1)
    assert np.random.random() == after
    np.random.seed(2)
    np.testing.assert_array_equal(holdout(200, 0.1, 4).held_out, first.held_out)


def test_another_seed_is_another_split() -> None:
    assert not np.array_equal(holdout(500, 0.1, 4).held_out, holdout(500, 0.1, 5).held_out)


@given(n_train=st.integers(4, 400), share=st.floats(0.01, 0.99), seed=st.integers(0, 2**32 - 1))
def test_a_holdout_takes_every_image_into_one_part(n_train: int, share: float, seed: int) -> None:
    try:
        fold = holdout(n_train, share, seed)
    except DataError:
        assert min(n_train * share, n_train * (1 - share)) < 2.5
        return
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.fit, fold.held_out])), np.arange(n_train))
    assert abs(len(fold.held_out) - n_train * share) <= 1
    assert min(len(fold.fit), len(fold.held_out)) >= 2


@given(n_folds=st.integers(2, 12), extra=st.integers(0, 60), seed=st.integers(0, 1000))
def test_folds_hold_every_image_out_once(n_folds: int, extra: int, seed: int) -> None:
    n_train = 2 * n_folds + extra
    folds = k_folds(n_train, n_folds, seed)
    assert len(folds) == n_folds
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.held_out for fold in folds])), np.arange(n_train))
    sizes = [len(fold.held_out) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for fold in folds:
        np.testing.assert_array_equal(np.sort(np.concatenate([fold.fit, fold.held_out])), np.arange(n_train))
        assert (np.diff(fold.fit) > 0).all()
        assert (np.diff(fold.held_out) > 0).all()


@pytest.mark.parametrize("n_train", [0, 1, 3, 14])
def test_too_few_images_to_hold_out_a_tenth_are_refused_with_their_number(n_train: int) -> None:
    with pytest.raises(DataError, match=f"^{n_train} images cannot be split"):
        holdout(n_train, 0.1, 4)


def test_too_few_images_for_the_folds_are_refused() -> None:
    assert len(k_folds(20, 10, 0)) == 10
    with pytest.raises(DataError, match="19 images cannot be split into 10 folds"):
        k_folds(19, 10, 0)


def test_settings_choose_the_split() -> None:
    one = Settings(features=("x",), holdout=0.25, seed=3)
    many = Settings(features=("x",), holdout=None, folds=5, seed=3)
    (fold,) = make_folds(one, 80)
    np.testing.assert_array_equal(fold.held_out, holdout(80, 0.25, 3).held_out)
    assert [len(fold.held_out) for fold in make_folds(many, 80)] == [16] * 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"holdout": 0.0},
        {"holdout": 1.0},
        {"holdout": float("nan")},
        {"holdout": -0.1},
        {"holdout": 0.1, "folds": 5},
        {"holdout": None, "folds": None},
        {"holdout": None, "folds": 1},
        {"n_components": 0},
        {"seed": -1},
        {"seed": 2**32},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float | int | None]) -> None:
    with pytest.raises(UsageError):
        Settings(features=("x",), **wrong)  # type: ignore[arg-type]


def test_every_setting_that_changes_a_number_is_in_the_default_name() -> None:
    settings = [
        Settings(features=("x",)),
        Settings(features=("y",)),
        Settings(features=("x",), n_components=50),
        Settings(features=("x",), holdout=0.2),
        Settings(features=("x",), holdout=None, folds=10),
        Settings(features=("x",), seed=5),
        Settings(features=("x",), refit=False),
        Settings(features=("x",), n_components=None),
        Settings(features=("x",), regression="ridge"),
        Settings(features=("x",), regression="ridge", alpha_by="kfold"),
        Settings(features=("x",), regression="ridge", alphas=Alphas(0.1, 10, 5)),
    ]
    assert len({one.default_name for one in settings}) == len(settings)


@pytest.mark.parametrize(("n_train", "share"), [(24, 0.1), (20, 0.1), (8, 0.25), (12, 0.2), (9841, 0.0002)])
def test_a_holdout_of_two_is_refused_and_one_of_three_is_named(n_train: int, share: float) -> None:
    with pytest.raises(DataError, match=rf"^{n_train} images cannot be split: holdout=\S* holds out 2,") as caught:
        check_folds(Settings(features=("x",), holdout=share), n_train)
    named = re.search(r"holdout=([0-9.]+)", str(caught.value.hint))
    assert named is not None
    enough = Settings(features=("x",), holdout=float(named[1]))
    check_folds(enough, n_train)
    (fold,) = make_folds(enough, n_train)
    assert len(fold.held_out) >= 3


@pytest.mark.parametrize(("n_train", "n_folds"), [(29, 10), (12, 5), (540, 270), (6, 3)])
def test_folds_of_two_are_refused_and_a_number_of_folds_that_does_is_named(n_train: int, n_folds: int) -> None:
    with pytest.raises(DataError, match=f"^{n_train} images .* folds={n_folds} holds out 2 at a time") as caught:
        check_folds(Settings(features=("x",), holdout=None, folds=n_folds), n_train)
    named = re.search(r"folds=([0-9]+)", str(caught.value.hint))
    assert named is not None
    enough = Settings(features=("x",), holdout=None, folds=int(named[1]))
    check_folds(enough, n_train)
    assert min(len(fold.held_out) for fold in make_folds(enough, n_train)) == 3


@pytest.mark.parametrize("n_train", [0, 1, 2, 3, 4])
def test_where_no_setting_holds_out_enough_images_the_number_needed_is_said(n_train: int) -> None:
    with pytest.raises(DataError, match="no r says anything") as caught:
        check_folds(Settings(features=("x",)), n_train)
    assert caught.value.hint == "6 images are needed at least"


@given(n_train=st.integers(6, 3000), share=st.floats(0.001, 0.9))
def test_what_is_not_refused_holds_out_three(n_train: int, share: float) -> None:
    settings = Settings(features=("x",), holdout=share)
    try:
        check_folds(settings, n_train)
    except DataError:
        assert n_train * share < 3.5
        return
    assert n_train - int(np.round(n_train / 100 * (100 - 100 * share))) >= 3


def unlike(n: int) -> NDArray[np.int64]:
    return np.arange(n)


def none_of(n: int) -> NDArray[np.bool_]:
    return np.zeros(n, dtype=bool)


def parts(split: Split, n: int) -> NDArray[np.int64]:
    """Return which fold holds each image out, -1 where none does; every fold is fitted on what it does not hold out."""
    part = np.full(n, -1)
    for number, fold in enumerate(split.folds):
        part[fold.held_out] = number
        np.testing.assert_array_equal(fold.fit, np.setdiff1d(split.used, fold.held_out))
    return part


@pytest.mark.parametrize("seed", [4, 5])
@pytest.mark.parametrize("n_train", [9841, 9082, 8779, 105, 40])
def test_where_no_images_are_the_same_the_split_is_the_tutorials(n_train: int, seed: int) -> None:
    # That others saw some of them has no say, unless it is asked for.
    shared = np.arange(n_train) % 7 == 0
    split = make_split(Settings(("x",), seed=seed), unlike(n_train), shared)
    fit, held_out = tutorial(n_train, seed)
    np.testing.assert_array_equal(split.folds[0].fit, np.sort(fit))
    np.testing.assert_array_equal(split.folds[0].held_out, np.sort(held_out))
    np.testing.assert_array_equal(split.used, np.arange(n_train))


@given(data=st.data(), n=st.integers(40, 120), seed=st.integers(0, 50), folds=st.sampled_from([None, 2, 5]))
def test_copies_follow_the_first_and_nothing_else_moves(
    data: st.DataObject, n: int, seed: int, folds: int | None
) -> None:
    settings = Settings(("x",), holdout=0.3 if folds is None else None, folds=folds, seed=seed)
    first = unlike(n)
    for copy in data.draw(st.lists(st.integers(1, n - 1), max_size=6)):
        first[copy] = first[data.draw(st.integers(0, copy - 1))]
    # One that is a copy by now is no first.
    first = first[first]
    split, usual = make_split(settings, first, none_of(n)), make_folds(settings, n)
    part, before = parts(split, n), parts(Split(usual, np.arange(n)), n)
    np.testing.assert_array_equal(part, before[first])
    assert set(np.flatnonzero(part != before)) <= set(np.flatnonzero(first != np.arange(n)))


def test_copies_may_leave_too_little() -> None:
    settings, n = Settings(("x",), holdout=0.1), 40
    held_out = holdout(n, 0.1, 4).held_out
    first = unlike(n)
    lowest = holdout(n, 0.1, 4).fit[0]
    assert lowest < held_out[1]
    first[held_out[1:]] = lowest
    with pytest.raises(DataError, match=r"are the same and stay on one side.* 1 to be held out"):
        make_split(settings, first, none_of(n))


def test_only_shared_holds_out_all_of_them_and_fits_on_the_rest() -> None:
    shared = np.arange(30) % 4 == 1
    split = make_split(Settings(("x",), holdout=None, shared="only"), unlike(30), shared)
    assert split.folds[0].held_out.tolist() == [n for n in range(30) if n % 4 == 1]
    assert split.folds[0].fit.tolist() == [n for n in range(30) if n % 4 != 1]
    assert split.used.tolist() == list(range(30))
    # A copy of what others saw is no image of the subject's own.
    first = unlike(30)
    first[28] = 1
    split = make_split(Settings(("x",), holdout=None, shared="only"), first, shared)
    assert 28 in split.folds[0].held_out


@pytest.mark.parametrize("how", [{"holdout": 0.2}, {"holdout": None, "folds": 5}])
def test_exclude_splits_what_no_other_subject_saw_as_if_it_were_all(how: dict[str, float | None]) -> None:
    shared = np.arange(60) % 3 == 0
    settings = Settings(("x",), shared="exclude", **how)  # type: ignore[arg-type]
    split = make_split(settings, unlike(60), shared)
    own = np.flatnonzero(~shared)
    np.testing.assert_array_equal(split.used, own)
    for fold, usual in zip(split.folds, make_folds(settings, len(own)), strict=True):
        np.testing.assert_array_equal(fold.held_out, own[usual.held_out])
        np.testing.assert_array_equal(fold.fit, own[usual.fit])
    # What is fitted is divided into inner folds, though those of the whole are of other images.
    for fold in split.folds:
        inner = inner_folds(settings, 60, fold.fit)
        np.testing.assert_array_equal(np.sort(np.concatenate(inner)), fold.fit)


def test_too_few_shared_images_are_refused_with_their_number() -> None:
    only, exclude = Settings(("x",), holdout=None, shared="only"), Settings(("x",), shared="exclude")
    with pytest.raises(DataError, match="which are 2 of 40 training images"):
        make_split(only, unlike(40), np.arange(40) < 2)
    with pytest.raises(DataError, match="leaves 1 of 40 training images to fit on"):
        make_split(only, unlike(40), np.arange(40) > 0)
    with pytest.raises(DataError, match=r"shared='exclude' leaves 10 of 40 .*10 images cannot be split"):
        make_split(exclude, unlike(40), np.arange(40) >= 10)


def test_what_is_shared_is_in_the_name_and_goes_with_no_other_way_to_hold_out() -> None:
    names = {
        Settings(("x",), holdout=None, shared="only").default_name,
        Settings(("x",), shared="exclude").default_name,
        Settings(("x",)).default_name,
        Settings(("x",), holdout=None, folds=5, shared="exclude").default_name,
        Settings(("x",), holdout=None, folds=5).default_name,
    }
    assert len(names) == 5
    assert Settings(("x",)) == Settings(("x",), shared="all")
    with pytest.raises(UsageError, match=r"shared='only' holds out .* holdout=0.1 has no say"):
        Settings(("x",), shared="only")
    with pytest.raises(UsageError, match="shared"):
        Settings(("x",), shared="some")  # type: ignore[arg-type]
