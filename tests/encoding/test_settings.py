"""What settings may be, from Python as from a manifest; and that their names tell them apart."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algocli.encoding.names import is_automatic, with_data, with_words
from algocli.encoding.settings import Alphas, Settings, check_settings
from algocli.errors import UsageError

ONE = ("alexnet-features.2-1a2b3c4d",)


@pytest.mark.parametrize(
    ("field", "value", "meant"),
    [
        ("regression", "OLS", "ols"),
        ("regression", "rigde", "ridge"),
        ("regression", "Blend", "blend"),
        ("alpha_by", "k-fold", "kfold"),
        ("join", "Feature", "features"),
    ],
)
def test_a_word_that_is_not_known_is_refused_with_the_one_that_is_meant(field: str, value: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"{field}='{value}' is not known \(did you mean {meant}\?\)") as caught:
        Settings(ONE, **{field: value})  # type: ignore[arg-type]
    assert meant in str(caught.value.hint)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("regression", "Lasso"),
        ("regression", None),
        ("regression", ("ols",)),
        ("n_components", 0),
        ("n_components", True),
        ("n_components", 10.0),
        ("n_components", "100"),
        ("scaled", "no"),
        ("scaled", 0),
        ("standardised", None),
        ("refit", 1),
        ("refit", "False"),
        ("seed", 4.0),
        ("seed", -1),
        ("seed", 2**32),
        ("seed", None),
        ("seed", np.True_),
        ("holdout", np.nan),
        ("holdout", "0.1"),
        ("holdout", True),
        ("holdout", 0),
        ("holdout", 10**400),
        ("folds", 1),
        ("folds", 2.5),
        ("n_iter", 0),
        ("n_iter", "many"),
        ("search_seed", 1.5),
        ("alphas", (1, 2)),
        ("alphas", 3),
        ("alphas", "123"),
        ("alphas", (1, 2, 3.5)),
        ("alphas", (1, np.inf, 3)),
        ("alphas", (0, 1, 3)),
        ("alphas", (2, 1, 3)),
        ("alphas", (1, 2, True)),
        ("features", ()),
        ("features", ("",)),
        ("features", ("a", 3)),
        ("features", {"a"}),
        ("features", ("a", "a")),
        ("features", ("../a",)),
        ("features", ("..",)),
        ("features", ("a\0",)),
        ("features", ("a/b",)),
    ],
)
def test_a_value_that_a_field_cannot_have_is_refused_by_its_name(field: str, value: Any) -> None:
    with pytest.raises(UsageError, match=field):
        Settings(**{"features": ONE, field: value})


def test_numbers_of_numpy_become_pythons_own() -> None:
    settings = Settings(ONE, n_components=np.int32(7), holdout=np.float64(0.25), seed=np.uint8(3), refit=np.False_)  # type: ignore[arg-type]
    assert settings == Settings(ONE, n_components=7, holdout=0.25, seed=3, refit=False)
    assert [type(value) for value in (settings.n_components, settings.holdout, settings.seed, settings.refit)] == [
        int,
        float,
        int,
        bool,
    ]


def test_a_single_name_is_one_feature_and_a_list_is_several() -> None:
    assert Settings("abc").features == ("abc",)  # type: ignore[arg-type]
    assert Settings(["a", "b"]).features == ("a", "b")  # type: ignore[arg-type]


@pytest.mark.parametrize("grid", [(0.1, 10, 5), [0.1, 10, 5], np.array([0.1, 10, 5])])
def test_three_numbers_are_a_grid_of_penalties(grid: Any) -> None:
    settings = Settings(ONE, regression="ridge", alphas=grid)
    assert settings.alphas == Alphas(0.1, 10.0, 5)
    np.testing.assert_allclose(settings.relative_alphas, [0.1, 10**-0.5, 1, 10**0.5, 10])


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("n_component", "n_components"),
        ("pca", "n_components"),
        ("n_folds", "folds"),
        ("random_state", "seed"),
        ("cache", "cache_dir"),
        ("Regression", "regression"),
    ],
)
def test_a_keyword_that_is_no_field_is_refused_with_the_one_that_is_meant(word: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"no setting '{word}' \(did you mean {meant}\?\)") as caught:
        check_settings({"seed": 1, word: 5}, ["cache_dir"])
    assert all(field.name in str(caught.value.hint) for field in fields(Settings))


def test_every_field_is_a_keyword() -> None:
    check_settings({field.name: None for field in fields(Settings)})


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "alexnet-features.2-1a2b3c4d_pca100_ols_holdout0.1_seed4"),
        ({"n_components": None, "holdout": None, "folds": 5, "regression": "ridge"}, "_pcafull_ridge_folds5_seed4"),
        ({"regression": "ridge", "alphas": (0.01, 1e7, 30)}, "_pca100_ridge-0.01-1e+07-30_holdout0.1_seed4"),
        ({"regression": "ridge", "alpha_by": "kfold"}, "_pca100_ridge-kfold_holdout0.1_seed4"),
        ({"standardised": True, "refit": False, "seed": 9}, "d_standardised_pca100_ols_holdout0.1_seed9_norefit"),
        ({"features": ("a", "b"), "scaled": False}, "unscaled+a+b_pca100_ols_holdout0.1_seed4"),
        ({"features": ("a", "b"), "join": "components"}, "a+b_pca100each_ols_holdout0.1_seed4"),
        (
            {"features": ("a", "b"), "regression": "banded", "search_seed": 3, "n_components": 300},
            "a+b_pca300_banded-50draws-search3_holdout0.1_seed4",
        ),
        ({"regression": "fields", "image_width": 8.4}, "4d_fields-fine-8.4deg_holdout0.1_seed4"),
        (
            {"features": ("a", "b"), "regression": "fields", "field_per_layer": True},
            "a+b_fields-fine-perlayer_holdout0.1_seed4",
        ),
        (
            {"features": ("a", "b"), "regression": "fields", "field_layers": 1},
            "a+b_pca100_fields-fine-first1_holdout0.1_seed4",
        ),
        (
            {"features": tuple(f"alexnet-features.{n}-1a2b3c4d" for n in (2, 5, 7, 9, 12))},
            "alexnet-features.2-1a2b3c4d+4others-517ef158_pca100_ols_holdout0.1_seed4",
        ),
    ],
)
def test_ordinary_names_are_what_they_were(options: dict[str, Any], name: str) -> None:
    assert Settings(**{"features": ONE, **options}).default_name.endswith(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"holdout": 0.1}, {"holdout": 0.1000001}),
        ({"alphas": (0.1, 10, 5), "regression": "ridge"}, {"alphas": (0.10000001, 10, 5), "regression": "ridge"}),
        ({"regression": "fields", "image_width": 8.4}, {"regression": "fields", "image_width": 8.4000001}),
        ({"features": ("unscaled", "a", "b")}, {"features": ("a", "b"), "scaled": False}),
        ({"features": ("x_standardised",)}, {"features": ("x",), "standardised": True}),
        ({"features": ("a+b",)}, {"features": ("a", "b")}),
        ({"features": ("a", "b+c", "d" * 120)}, {"features": ("a", "b", "c+" + "d" * 120)}),
        ({"features": ("x" * 250 + "1",)}, {"features": ("x" * 250 + "2",)}),
    ],
    ids=str,
)
def test_settings_that_were_named_alike_have_names_of_their_own(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert Settings(**{"features": ONE, **one}).default_name != Settings(**{"features": ONE, **other}).default_name


WORDS = st.lists(
    st.sampled_from(["a", "b", "+", "_", "unscaled", "_standardised", "standardised_", "_pca5", "others", "=", "1"]),
    min_size=1,
    max_size=4,
).map("".join)
SETTINGS = st.builds(
    lambda features, scaled, **rest: Settings(tuple(features), scaled=scaled or len(features) == 1, **rest),
    st.lists(WORDS, min_size=1, max_size=3, unique=True),
    st.booleans(),
    standardised=st.booleans(),
    refit=st.booleans(),
    n_components=st.sampled_from([5, 55, None]),
    regression=st.just("ridge"),
    alphas=st.sampled_from([(1e-5, 1, 20), (1e-5, 1.0000001, 20), (0.01, 1e5, 20), (0.01, 1e5, 2)]),
    holdout=st.sampled_from([0.1, 0.1000001, 0.11]),
    seed=st.sampled_from([1, 11]),
)


@given(SETTINGS, SETTINGS)
def test_other_settings_have_another_name(one: Settings, other: Settings) -> None:
    assert (one == other) == (one.default_name == other.default_name)


@given(
    SETTINGS
    | st.builds(
        Settings,
        st.lists(
            st.text(st.characters(categories=["L"]), min_size=1, max_size=200), min_size=1, max_size=3, unique=True
        ),
    )
)
def test_a_name_can_be_a_folders(settings: Settings) -> None:
    assert "/" not in settings.default_name
    assert len(settings.default_name.encode()) <= 255


def test_a_name_may_say_how_features_were_made_and_what_a_user_added_is_his_own() -> None:
    usual = Settings(features=ONE).default_name
    words = "weights-random.3_pool-2_project-seed-7"
    longer = with_words(usual, words)
    assert longer == f"{usual}_{words}"
    for name in (usual, longer, with_data(usual, "0" * 64), with_data(longer, "0" * 64)):
        assert is_automatic(name, usual)
    assert not any(
        is_automatic(f"{usual}{more}", usual) for more in ("_mine", "_pool", "_weights-", "_pool-2_mine", "2")
    )
    assert with_words(usual, "") == usual
    assert with_words("x" * 190, words) == "x" * 190
