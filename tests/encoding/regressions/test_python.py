"""Anyone's estimator: fitted on components as the program's own regressions are, and refused in a sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA

from algocli.dataset.sides import HEMISPHERES
from algocli.encoding.memory import Size, bytes_needed
from algocli.encoding.regressions.named_code import versions_behind
from algocli.encoding.regressions.python import Estimators
from algocli.encoding.settings import Settings
from algocli.encoding.splits import make_folds
from algocli.errors import AlgocliError, DataError, UsageError
from tests.encoding.by_hand import N_COMPONENTS, N_TRAIN, World

LINEAR = "python:sklearn.linear_model:LinearRegression"
PLS = "python:sklearn.cross_decomposition:PLSRegression"
RIDGE_CV = "python:himalaya.ridge:RidgeCV"

MODULE = """
import numpy as np


class Mean:
    def fit(self, X, Y):
        self.mean = Y.mean(axis=0)
        self.seen = X.shape, Y.shape, X.dtype, Y.dtype
        return self

    def predict(self, X):
        return np.tile(self.mean, (len(X), 1))


class Flat(Mean):
    def predict(self, X):
        return np.zeros(len(X))


class Nan(Mean):
    def predict(self, X):
        return np.full((len(X), len(self.mean)), np.nan)


class Words(Mean):
    def predict(self, X):
        return np.full((len(X), len(self.mean)), "x")


class FailsInFit(Mean):
    def fit(self, X, Y):
        raise ValueError("not today")


class FailsInPredict(Mean):
    def predict(self, X):
        raise RuntimeError


class Greedy(Mean):
    def fit(self, X, Y):
        super().fit(X, Y)
        X[:] = np.nan
        Y[:] = np.nan

    def predict(self, X):
        X[:] = 7
        return super().predict(X)


class Exponential(Mean):
    # It has weights, and predicts by more than them.
    def fit(self, X, Y):
        self.coef_ = np.linalg.lstsq(X, Y, rcond=None)[0].T
        self.intercept_ = Y.mean(axis=0)

    def predict(self, X):
        return np.tanh(X @ self.coef_.T) + self.intercept_


class WithArguments(Mean):
    def __init__(self, needed):
        self.needed = needed


def makes_nothing():
    return None


number = 3
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module in the current folder."""
    (tmp_path / "my_estimators.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_estimators", raising=False)
    return "my_estimators"


def test_where_modules_are_looked_for_stays_as_it_was(
    shared: World, mine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    before = [*sys.path]
    shared.train(shared.settings(regression=f"python:{mine}:Mean"))
    assert sys.path == before


@pytest.mark.parametrize(
    "options",
    [{}, {"folds": 3, "holdout": None}, {"folds": 3, "holdout": None, "refit": False}, {"standardised": True}],
    ids=str,
)
def test_scikit_learns_linear_regression_finds_what_ols_does(shared: World, options: dict[str, Any]) -> None:
    found = shared.train(shared.settings(regression=LINEAR, **options))
    expected = shared.train(shared.settings(**options))
    for h in HEMISPHERES:
        np.testing.assert_allclose(found.correlation(h), expected.correlation(h), atol=1e-4)
        for read in ("validation_predictions", "test_predictions"):
            wanted = getattr(expected, read)(h)
            np.testing.assert_allclose(getattr(found, read)(h), wanted, atol=1e-4 * np.abs(wanted).max())


def by_hand(world: World, estimator: Any, settings: Settings) -> NDArray[np.float64]:
    """Predict a fold's held-out images from components that scikit-learn finds."""
    x, y = world.features.astype(np.float64), world.measured("left")
    (fold,) = make_folds(settings, N_TRAIN)
    pca = PCA(N_COMPONENTS, svd_solver="full").fit(x[fold.fit])
    estimator.fit(pca.transform(x[fold.fit]), y[fold.fit])
    predicted: NDArray[np.float64] = estimator.predict(pca.transform(x[fold.held_out]))
    return predicted


def test_partial_least_squares_is_that_of_scikit_learn(shared: World) -> None:
    settings = shared.settings(regression=PLS)
    expected = by_hand(shared, PLSRegression(), settings)
    found = shared.train(settings).validation_predictions("left")
    np.testing.assert_allclose(found, expected, atol=2e-3 * expected.std())


def test_himalayas_ridge_is_that_of_himalaya(shared: World) -> None:
    from himalaya.ridge import RidgeCV

    settings = shared.settings(regression=RIDGE_CV)
    expected = by_hand(shared, RidgeCV(), settings)
    found = shared.train(settings).validation_predictions("left")
    np.testing.assert_allclose(found, expected, atol=2e-3 * expected.std())


@pytest.mark.parametrize("regression", [LINEAR, PLS])
def test_a_linear_estimator_leaves_its_weights_of_the_fit_that_predicts_the_test_images(
    shared: World, regression: str
) -> None:
    share = shared.train(shared.settings(regression=regression, folds=3, holdout=None))
    n_vertices = shared.subject.n_vertices("left")
    assert share.of_regression("linear", "left").shape == (1, N_COMPONENTS + 1, n_vertices)


def test_an_estimator_whose_weights_are_not_all_it_predicts_by_leaves_none(world: World, mine: str) -> None:
    assert not world.train(world.settings(regression=f"python:{mine}:Exponential")).has_array("left_linear")


def test_an_earlier_trainings_weights_do_not_outlive_the_code(world: World, mine: str) -> None:
    settings = world.settings(regression=f"python:{mine}:Mean")
    world.train(settings).save("left_linear", np.zeros((1, 2, 3), np.float32))
    assert not world.train(settings, force=True).has_array("left_linear")


def test_an_estimator_that_writes_into_what_it_is_given_spoils_nothing(world: World, mine: str) -> None:
    expected = world.train(world.settings(regression=f"python:{mine}:Mean"))
    found = world.train(world.settings(regression=f"python:{mine}:Greedy"))
    np.testing.assert_array_equal(found.test_predictions("left"), expected.test_predictions("left"))


def test_a_callable_in_the_current_folder_is_found_and_the_path_left_as_it_was(world: World, mine: str) -> None:
    before = list(sys.path)
    assert world.train(world.settings(regression=f"python:{mine}:Mean")).done
    assert sys.path == before


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("python:nowhere_at_all:Mean", UsageError, "there is no module nowhere_at_all"),
        ("python:{mine}:Absent", UsageError, "the module my_estimators has no Absent"),
        ("python:{mine}:number", UsageError, "is of type int; a callable was expected"),
        ("python:{mine}:makes_nothing", UsageError, "returns a NoneType, which has no fit and predict"),
        ("python:{mine}:WithArguments", UsageError, r"WithArguments\(\) fails with TypeError"),
        ("python:{mine}:FailsInFit", UsageError, "FailsInFit's fit fails with ValueError: not today"),
        ("python:{mine}:FailsInPredict", UsageError, "FailsInPredict's predict fails with RuntimeError"),
        ("python:{mine}:Flat", UsageError, r"predicts an array of shape \(\d+,\)"),
        ("python:{mine}:Words", UsageError, "type <U1; numbers of shape"),
        ("python:{mine}:Nan", DataError, "predicts values that are not finite for 31 of 31 vertices"),
    ],
)
def test_what_is_no_estimator_is_told_in_a_sentence(
    world: World, mine: str, name: str, error: type[AlgocliError], said: str
) -> None:
    with pytest.raises(error, match=said):
        world.train(world.settings(regression=name.format(mine=mine)))


def test_code_that_fails_says_where(world: World, mine: str) -> None:
    with pytest.raises(UsageError) as caught:
        world.train(world.settings(regression=f"python:{mine}:FailsInFit"))
    line = 1 + MODULE.splitlines().index('        raise ValueError("not today")')
    assert caught.value.hint is not None
    assert f"my_estimators.py, line {line}; " in caught.value.hint
    assert "the responses of all vertices at once (81, 31)" in caught.value.hint


def test_what_an_estimator_prints_goes_where_results_do_not(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = MODULE.replace("        self.mean =", "        print('in fit')\n        self.mean =")
    (tmp_path / "talkative.py").write_text(f"print('at home'){talk}")
    monkeypatch.chdir(tmp_path)
    world.train(world.settings(regression="python:talkative:Mean"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "at home" in shown.err
    assert "in fit" in shown.err


@pytest.mark.parametrize("ends", ["import sys; sys.exit(0)", "import a_package_that_is_not_there", "1 / 0"])
def test_a_module_that_cannot_be_imported_is_told_in_a_sentence(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    (tmp_path / "broken_module.py").write_text(ends)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"broken_module"):
        world.train(world.settings(regression="python:broken_module:Mean"))


@pytest.mark.parametrize("name", ["python:", "python:a", "python:a:", "python:a:b:c", "python:a b:c", "python:a:b()"])
def test_a_name_without_a_callable_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(UsageError, match="names no callable") as caught:
        Settings(("a",), regression=name)
    assert caught.value.hint == "as in regression='python:sklearn.linear_model:LinearRegression'"


@pytest.mark.parametrize(
    "options", [{"alphas": (1, 10, 5)}, {"alpha_by": "kfold"}, {"search_seed": 3}, {"n_iter": 7}], ids=str
)
def test_settings_that_an_estimator_cannot_know_of_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{LINEAR} "):
        Settings(("a",), regression=LINEAR, **options)


def test_a_runs_name_tells_module_from_callable() -> None:
    names = {Settings(("a",), regression=f"python:{one}").default_name for one in ("b.c:d", "b:c.d", "b_c:d", "b:c_d")}
    assert len(names) == 4
    assert "a_pca100_python-b.c,d_holdout0.1_seed4" in names


def test_settings_never_import_what_they_name() -> None:
    Settings(("a",), regression="python:this_is_imported_by_nobody:make")
    assert "this_is_imported_by_nobody" not in sys.modules


def test_a_response_that_is_not_finite_is_told_where_it_is(world: World, mine: str) -> None:
    world.change("left", (3, 5), np.nan)
    with pytest.raises(DataError, match="not finite in 1 columns, for instance in row 3, column 5"):
        world.train(world.settings(regression=f"python:{mine}:Mean"))


def test_the_record_says_whose_code_it_was(world: World, mine: str) -> None:
    recorded = world.train(world.settings(regression=f"python:{mine}:Mean")).record["regression"]
    assert (recorded["module"], recorded["callable"]) == (mine, "Mean")
    assert len(recorded["source"]) == 64


def test_versions_are_those_of_the_estimators_packages(shared: World) -> None:
    from sklearn import __version__
    from sklearn.linear_model import Ridge

    assert versions_behind(Ridge()) == {"scikit-learn": __version__}
    assert shared.train(shared.settings(regression=LINEAR)).record["versions"]["scikit-learn"] == __version__


def test_a_run_of_other_code_is_not_taken_for_done(world: World, mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = world.settings(regression=f"python:{mine}:Mean")
    world.train(settings)
    Path("my_estimators.py").write_text(MODULE + "\nchanged = True\n")
    monkeypatch.delitem(sys.modules, mine)
    with pytest.raises(UsageError, match="was trained before my_estimators was changed"):
        world.train(settings)
    assert world.train(settings, force=True).done


def test_what_an_estimator_takes_itself_is_said_not_to_be_known(world: World, mine: str) -> None:
    notes: list[str] = []
    world.train(world.settings(regression=f"python:{mine}:Mean"), note=notes.append)
    assert "subject 1: what Mean itself takes of memory is not known, and comes on top" in notes


def test_the_promise_counts_the_copy_of_the_responses() -> None:
    size = Size(n_train=9841, n_test=159, n_vertices=20544)
    more = bytes_needed(Settings(("a",), regression=LINEAR), size) - bytes_needed(Settings(("a",), folds=None), size)
    assert more > 0.9 * 4 * 9841 * 20544 - 2 * 4 * 100 * 20544


def test_an_estimator_of_one_vertex_may_leave_out_the_axis() -> None:
    from sklearn.svm import SVR

    class OneVertex:
        def fit(self, X: NDArray[np.float32], Y: NDArray[np.float32]) -> None:
            self.model = SVR().fit(X, Y[:, 0])

        def predict(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
            found: NDArray[np.float64] = self.model.predict(X)
            return found

    rng = np.random.default_rng(0)
    fitted = OneVertex()
    x = rng.standard_normal((20, 3), np.float32)
    fitted.fit(x, x[:, :1])
    assert Estimators("python:a:b")._predict(fitted, x[:4], 1).shape == (4, 1)
