"""Regressions that the package does not have predict new images too: by weights kept in the run, or fitted again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algocli.dataset.sides import HEMISPHERES
from algocli.errors import DataError, UsageError
from tests.encoding.new_images_by_hand import Place
from tests.encoding.regressions.newcomer import Mean, registered
from tests.support.damage import replace_array

pytestmark = pytest.mark.usefixtures("network")

PLS = "python:sklearn.cross_decomposition:PLSRegression"
FOREST = """
from sklearn.tree import DecisionTreeRegressor

def tree():
    return DecisionTreeRegressor(max_depth=3, random_state=0)
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a regression without weights, in the current folder."""
    (tmp_path / "my_trees.py").write_text(FOREST)
    monkeypatch.chdir(tmp_path)
    yield "python:my_trees:tree"
    sys.modules.pop("my_trees", None)


def no_code(*_anything: Any) -> Any:
    raise AssertionError("code that nobody trusted runs")


def check(place: Place, run: Any, **options: Any) -> None:
    found = place.predict(run, place.test_files, **options)
    for hemisphere in HEMISPHERES:
        expected = place.share(run).test_predictions(hemisphere)
        # Partial least squares divides each component by its spread, which of the last is rounding in part.
        np.testing.assert_allclose(found[hemisphere], expected, atol=5e-3 * expected.std())


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"refit": False, "folds": 3, "holdout": None},
        {"n_layers": 2},
        {"n_layers": 2, "join": "components"},
        {"n_layers": 2, "standardised": True, "scaled": False},
    ],
    ids=str,
)
def test_a_linear_estimator_predicts_new_images_without_its_code(
    place: Place, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = place.train(regression=PLS, **how)
    monkeypatch.setattr("algocli.encoding.regressions.python.import_callable", no_code)
    check(place, run)
    # What is kept now serves alone.
    check(place, run)


def test_components_that_came_out_otherwise_are_not_given_weights_of_others(place: Place) -> None:
    run = place.train(regression=PLS)
    for name in ("left_linear", "right_linear"):
        weights = np.array(np.load(place.share(run).folder / f"{name}.npy"))
        # As if the first component had turned its sign since.
        weights[:, 0] *= -1
        replace_array(place.share(run), name, weights)
    with pytest.raises(UsageError, match="fitted once more, which runs the code of python:sklearn"):
        place.predict(run, place.test_files)
    check(place, run, trust_code=True)


def test_an_estimator_without_weights_is_fitted_again_where_its_code_is_trusted(place: Place, tree: str) -> None:
    run, notes = place.train(regression=tree), []
    check(place, run, trust_code=True, note=notes.append)
    assert "subject 1: tree is fitted once more: one that draws numbers may predict others than before" in notes
    assert f"subject 1: {tree} has no linear form, and is not kept" in notes
    assert not (place.share(run).folder / "model.npz").exists()


def test_without_trust_no_code_runs_and_the_way_is_told(
    place: Place, tree: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = place.train(regression=tree)
    monkeypatch.setattr("algocli.encoding.regressions.python.import_callable", no_code)
    with pytest.raises(UsageError, match="runs the code of python:my_trees:tree") as caught:
        place.predict(run, place.test_files)
    assert "trust_remote_code=True" in str(caught.value.hint)


def test_code_that_was_changed_since_is_refused(place: Place, tree: str) -> None:
    run = place.train(regression=tree)
    Path("my_trees.py").write_text(FOREST.replace("3", "2"))
    sys.modules.pop("my_trees")
    with pytest.raises(DataError, match="is not what subject 1 was trained with"):
        place.predict(run, place.test_files, trust_code=True)


@pytest.mark.parametrize("join", ["features", "components"])
def test_several_layers_go_to_an_estimator_as_they_go_to_ols(common: Place, join: str) -> None:
    by_sklearn = common.train(2, join=join, regression="python:sklearn.linear_model:LinearRegression")
    expected = common.share(common.train(2, join=join)).test_predictions("right")
    found = common.share(by_sklearn).test_predictions("right")
    np.testing.assert_allclose(found, expected, atol=1e-3 * expected.std())


def test_a_regression_that_was_registered_and_has_no_linear_form_predicts_new_images(place: Place) -> None:
    notes: list[str] = []
    with registered(Mean()):
        run = place.train(regression="mean")
        check(place, run, note=notes.append)
    assert "subject 1: mean has no linear form, and is not kept" in notes


def test_one_that_keeps_layers_apart_is_given_each_layers_scores(place: Place) -> None:
    class Last(Mean):
        keeps_layers_apart = True

        def predict(self, model: Any, scores: Any, algebra: Any = None) -> Any:
            assert len(scores) == 2
            return super().predict(model, scores)

    with registered(Last()):
        check(place, place.train(2, regression="mean"))


def test_what_a_registered_regression_says_and_leaves_is_in_the_run(place: Place) -> None:
    with registered(Mean()):
        share = place.share(place.train(regression="mean", folds=3, holdout=None))
        assert share.of_regression("sign", "left").shape == (4, place.subject.n_vertices("left"))


def test_a_run_of_a_regression_that_is_not_registered_any_more_says_so(place: Place) -> None:
    with registered(Mean()):
        run = place.train(regression="mean")
    with pytest.raises(DataError, match="regression='mean' is not known"):
        _ = run.settings
