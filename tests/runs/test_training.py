"""A whole training, held against scikit-learn and scipy, and what it does when its inputs change."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import pearsonr
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.encoding.splits import make_folds
from algocli.errors import DataError, MissingStep, UsageError
from algocli.runs.run import SubjectRun
from tests.encoding.by_hand import N_COMPONENTS, N_TEST, N_TRAIN, SIDES, World
from tests.features.by_hand import cache_features


def sklearn_model(
    world: World, hemisphere: Hemisphere, fit: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Predict responses to other images by a model fitted on some."""
    x, y = world.features.astype(np.float64), world.measured(hemisphere)
    pca = PCA(N_COMPONENTS, svd_solver="full").fit(x[fit])
    model = LinearRegression().fit(pca.transform(x[fit]), y[fit])
    predicted: NDArray[np.float64] = model.predict(pca.transform(x[others]))
    return predicted


TEST = np.arange(N_TRAIN, N_TRAIN + N_TEST)
EVERY = np.arange(N_TRAIN)


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"refit": False},
        {"holdout": 0.3, "seed": 11},
        {"holdout": None, "folds": 4},
        {"holdout": None, "folds": 3, "refit": False},
    ],
    ids=str,
)
def test_a_training_equals_pca_regression_and_pearsons_r_of_every_fold(
    shared: World, options: dict[str, Any], hemisphere: Hemisphere
) -> None:
    settings = shared.settings(**options)
    run = shared.train(settings)
    folds = make_folds(settings, N_TRAIN)
    y = shared.measured(hemisphere)
    predicted = [sklearn_model(shared, hemisphere, fold.fit, fold.held_out) for fold in folds]
    scores = [pearsonr(y[fold.held_out], own, axis=0).statistic for fold, own in zip(folds, predicted, strict=True)]

    np.testing.assert_array_equal(run.validation_rows(), np.concatenate([fold.held_out for fold in folds]))
    np.testing.assert_array_equal(run.validation_folds(), np.repeat(range(len(folds)), [len(p) for p in predicted]))
    np.testing.assert_allclose(run.validation_predictions(hemisphere), np.concatenate(predicted), atol=2e-3)
    np.testing.assert_allclose(run.fold_correlations(hemisphere), scores, atol=1e-4)
    np.testing.assert_allclose(run.correlation(hemisphere), np.mean(scores, axis=0), atol=1e-4)
    assert np.median(run.correlation(hemisphere)) > 0.5

    testers = [EVERY] if settings.refit else [fold.fit for fold in folds]
    expected = np.mean([sklearn_model(shared, hemisphere, fit, TEST) for fit in testers], axis=0)
    found = run.test_predictions(hemisphere)
    assert found.dtype == np.float32
    assert found.shape == (N_TEST, shared.subject.n_vertices(hemisphere))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_test_predictions_come_from_a_refit_unless_told_otherwise(shared: World) -> None:
    refit, once = (shared.train(shared.settings(refit=refit)) for refit in (True, False))
    assert not np.allclose(refit.test_predictions("left"), once.test_predictions("left"), atol=1e-2)
    np.testing.assert_allclose(refit.correlation("left"), once.correlation("left"), atol=1e-5)


def test_features_in_half_precision_change_little(world: World) -> None:
    half = World(world.subject, world.cache, world.features, "")
    half.recipe = cache_features(world.cache, world.subject, world.features.astype(np.float16), layer="half")
    np.testing.assert_allclose(half.train().correlation("left"), world.train().correlation("left"), atol=5e-3)


def scrambled(array: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return a copy with these rows drawn anew, ten times as large."""
    changed = array.copy()
    changed[rows] = 10 * np.random.default_rng(9).standard_normal(changed[rows].shape)
    return changed


EVERY_REGRESSION: list[dict[str, Any]] = [
    {},
    {"regression": "ridge"},
    {"regression": "ridge", "alpha_by": "kfold"},
    {"regression": "ridge", "n_components": None},
]


@pytest.mark.parametrize("options", EVERY_REGRESSION, ids=str)
def test_held_out_responses_never_reach_the_model(world: World, options: dict[str, Any]) -> None:
    settings = world.settings(refit=False, **options)
    before = world.train(settings)
    predictions = {h: (before.validation_predictions(h)[:], before.test_predictions(h)[:]) for h in HEMISPHERES}
    predictions = {h: (a.copy(), b.copy()) for h, (a, b) in predictions.items()}
    r = before.correlation("left").copy()
    rows = before.validation_rows()
    for hemisphere in HEMISPHERES:
        world.change(hemisphere, rows, scrambled(np.load(world.responses_file(hemisphere)), rows)[rows])
    after = world.train(settings, force=True)
    for hemisphere in HEMISPHERES:
        np.testing.assert_array_equal(after.validation_predictions(hemisphere), predictions[hemisphere][0])
        np.testing.assert_array_equal(after.test_predictions(hemisphere), predictions[hemisphere][1])
    # They were scored against the scrambled ones.
    assert np.abs(after.correlation("left") - r).max() > 0.3


def test_test_responses_never_reach_the_model(world: World) -> None:
    before = {h: world.train().test_predictions(h).copy() for h in HEMISPHERES}
    for hemisphere, side in SIDES.items():
        path = world.subject.layout.folder / f"test_split/test_fmri/{side}_test_fmri.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.full((N_TEST, world.subject.n_vertices(hemisphere)), np.nan, np.float32))
    for hemisphere in HEMISPHERES:
        np.testing.assert_array_equal(world.train(force=True).test_predictions(hemisphere), before[hemisphere])


@pytest.mark.parametrize("options", [{"holdout": None, "folds": 3}, *EVERY_REGRESSION], ids=str)
def test_the_features_of_test_images_never_reach_the_model(world: World, options: dict[str, Any]) -> None:
    before = world.train(world.settings(**options))
    other = world.with_features(scrambled(world.features, TEST))
    after = other.train(other.settings(**options))
    for hemisphere in HEMISPHERES:
        np.testing.assert_allclose(
            after.validation_predictions(hemisphere), before.validation_predictions(hemisphere), atol=5e-3
        )
        np.testing.assert_allclose(after.correlation(hemisphere), before.correlation(hemisphere), atol=2e-4)


@pytest.mark.parametrize("options", EVERY_REGRESSION, ids=str)
def test_the_features_of_held_out_images_never_reach_the_model(world: World, options: dict[str, Any]) -> None:
    before = world.train(world.settings(refit=False, **options))
    other = world.with_features(scrambled(world.features, before.validation_rows()))
    after = other.train(other.settings(refit=False, **options))
    for hemisphere in HEMISPHERES:
        np.testing.assert_allclose(after.test_predictions(hemisphere), before.test_predictions(hemisphere), atol=5e-3)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the regressions: one for each hemisphere."""
    from algocli.encoding.regressions import ols as regressions

    seen: list[int] = []
    fit_ols = regressions.fit_ols

    def counted(components: Any, *rest: Any) -> Any:
        seen.append(len(components))
        return fit_ols(components, *rest)

    monkeypatch.setattr(regressions, "fit_ols", counted)
    return seen


def test_a_second_training_finds_the_work_done(world: World, fits: list[int]) -> None:
    world.train()
    notes: list[str] = []
    before = {path: path.stat().st_mtime_ns for path in (world.cache / "runs").rglob("*.npy")}
    again = world.train(note=notes.append)
    assert len(fits) == 2
    assert notes == [f"subject 1: run {world.settings().default_name} is done already"]
    assert {path: path.stat().st_mtime_ns for path in (world.cache / "runs").rglob("*.npy")} == before
    assert again.done


def test_force_fits_again(world: World, fits: list[int]) -> None:
    world.train()
    world.train(force=True)
    assert len(fits) == 4


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_changed_responses_are_refused_unless_forced(world: World, fits: list[int], hemisphere: Hemisphere) -> None:
    r = world.train().correlation(hemisphere).copy()
    world.change(hemisphere, 5, 3.0)
    with pytest.raises(UsageError, match="the responses of subject 1 differ") as caught:
        world.train()
    assert "force=True" in str(caught.value.hint)
    np.testing.assert_array_equal(world.run().correlation(hemisphere), r)
    assert not np.array_equal(world.train(force=True).correlation(hemisphere), r)
    assert len(fits) == 4


def test_features_that_were_deleted_and_made_again_are_the_same_to_a_run(world: World, fits: list[int]) -> None:
    world.train()
    shutil.rmtree(world.cache / "features")
    cache_features(world.cache, world.subject, world.features)
    world.train()
    assert len(fits) == 2


def test_changed_images_are_refused_unless_forced(world: World, fits: list[int]) -> None:
    world.train()
    one, other = (stimulus.path for stimulus in world.subject.train_stimuli[:2])
    one.write_bytes(other.read_bytes())
    cache_features(world.cache, world.subject, world.features)
    with pytest.raises(UsageError, match="the images of subject 1 differ"):
        world.train()
    assert world.train(force=True).done
    assert len(fits) == 4


def test_other_features_of_the_same_name_are_fitted_anew(world: World, fits: list[int]) -> None:
    r = world.train().correlation("left").copy()
    written = world.run().record
    written["inputs"]["features"] = ["what the name held before"]
    world.run().finish(written)
    np.testing.assert_array_equal(world.train().correlation("left"), r)
    assert len(fits) == 4


def test_a_record_of_old_that_says_nothing_of_images_is_of_the_same_data(world: World, fits: list[int]) -> None:
    world.train()
    written = world.run().record
    del written["inputs"]["stimuli"]
    world.run().finish(written)
    notes: list[str] = []
    world.train(note=notes.append)
    assert len(fits) == 2
    assert "is done already" in notes[0]


def test_a_training_that_was_killed_leaves_what_was_there(
    world: World, fits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.train().record
    with monkeypatch.context() as patch:
        patch.setattr(SubjectRun, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            world.train(force=True)
    assert world.run().record == before
    assert world.train().record == before
    assert len(fits) == 4
    assert world.train(force=True).record["finished_at"] > before["finished_at"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_a_response_that_is_not_finite_is_refused_with_its_place(
    world: World, hemisphere: Hemisphere, bad: float
) -> None:
    held_out = int(world.train().validation_rows()[0])
    for row in (0, held_out):
        world.change(hemisphere, (row, 17), bad)
        with pytest.raises(DataError, match=f"not finite in 1 columns, for instance in row {row}, column 17") as caught:
            world.train(force=True)
        assert str(world.responses_file(hemisphere)) in caught.value.message
        assert caught.value.hint == "algocli data"
        world.change(hemisphere, (row, 17), 0.0)
    assert world.train(force=True).done


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_responses_that_were_never_written_to_the_end_are_refused(world: World, hemisphere: Hemisphere) -> None:
    world.change(hemisphere, slice(80, None), 0.0)
    with pytest.raises(DataError, match=r"is 0 at every vertex in 10 of 90 rows, the first of them row 80") as caught:
        world.train()
    assert str(world.responses_file(hemisphere)) in caught.value.message
    assert caught.value.hint == "algocli data"


def test_a_row_that_begins_with_zeros_is_a_row(world: World) -> None:
    responses = np.load(world.responses_file("left"))
    responses[5, :20] = 0
    np.save(world.responses_file("left"), responses)
    assert world.train().done


@pytest.mark.parametrize("value", [0.0, 0.1, -2.3])
def test_a_vertex_that_never_varies_scores_zero_and_is_counted(world: World, value: float) -> None:
    world.change("right", (slice(None), [4, 30]), value)
    notes: list[str] = []
    run = world.train(note=notes.append)
    assert run.correlation("right")[[4, 30]].tolist() == [0.0, 0.0]
    assert np.isfinite(run.correlation("right")).all()
    assert np.count_nonzero(run.correlation("right") == 0) == 2
    np.testing.assert_allclose(run.test_predictions("right")[:, [4, 30]], value, rtol=1e-5)
    assert notes[1:] == [
        "subject 1, right: 2 vertices never vary among the held-out images, measured or predicted; their r is 0"
    ]


def test_responses_of_another_subject_are_refused(world: World) -> None:
    np.save(world.responses_file("left"), np.load(world.responses_file("right")))
    with pytest.raises(DataError, match="has 41 columns; the left mask of subj01 has 31 vertices"):
        world.train()


def test_missing_features_say_what_to_run(world: World) -> None:
    shutil.rmtree(next((world.cache / "features").glob("*/subj01-*")))
    with pytest.raises(MissingStep, match="for subject 1 are missing") as caught:
        world.train()
    assert str(caught.value.hint).startswith("algocli extract --model alexnet -l by-hand")


def test_too_many_components_for_a_fold_are_refused_and_leave_nothing_done(world: World) -> None:
    with pytest.raises(UsageError, match="81 components cannot be had from 81 images: the rank is 80 at most"):
        world.train(world.settings(n_components=81))
    assert world.train(world.settings(n_components=78)).done
    with pytest.raises(UsageError, match="60 images"):
        world.train(world.settings(n_components=80, holdout=None, folds=3))


def test_the_record_says_where_the_numbers_come_from(world: World) -> None:
    record = world.train(command_line=["algocli", "train"]).record
    assert record["subject"] == 1
    assert (record["n_train"], record["n_test"]) == (N_TRAIN, N_TEST)
    assert record["n_vertices"] == {"left": 31, "right": 41}
    assert record["seed"] == 4
    assert record["command_line"] == ["algocli", "train"]
    assert len(record["inputs"]["features"]) == 1
    assert set(record["inputs"]["responses"]) == set(HEMISPHERES)
    assert record["started_at"] < record["finished_at"]
    assert {"python", "algocli", "numpy", "scipy", "zarr"} <= set(record["versions"])


def test_another_number_of_components_needs_no_pass_over_the_features(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.train()
    monkeypatch.setattr("algocli.features.store.shards.FeatureStore.read", None)
    monkeypatch.setattr("algocli.encoding.components.leading_eigenpairs", None)
    settings = replace(world.settings(), n_components=5)
    assert world.train(settings).done


def test_a_display_sees_the_end_of_every_stage(world: World) -> None:
    stages: dict[str, tuple[int, int]] = {}

    def track(items: Any, *, total: int, label: str, unit: str = "") -> Iterator[Any]:
        n = 0
        for item in items:
            yield item
            n += 1
        stages[label] = (n, total)

    world.train(world.settings(holdout=None, folds=3), track=track)
    assert {n == total for n, total in stages.values()} == {True}
    assert stages["subject 1: training"] == (12, 12)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"holdout": 0.02}, r"holdout=0\.02 holds out 2,"),
        ({"holdout": None, "folds": 31}, "folds=31 holds out 2 at a time"),
        ({"n_components": 79}, "79 components of 81 fitted images leave least squares 1 degrees"),
        ({"n_components": None}, "80 components of 81 fitted images leave least squares 0 degrees"),
    ],
)
def test_what_no_r_could_tell_is_refused_and_leaves_nothing_done(
    world: World, options: dict[str, Any], told: str
) -> None:
    settings = world.settings(**options)
    with pytest.raises((DataError, UsageError), match=told):
        world.train(settings)
    with pytest.raises(MissingStep):
        world.run(settings)


def test_a_prediction_that_is_rounding_scores_nothing(world: World) -> None:
    # Each measured value is one of two neighbours in float32, and so is whatever is predicted of them.
    measured = world.measured("left")
    above = measured[:, 3] > np.median(measured[:, 3])
    measured[:, 3] = np.where(above, np.nextafter(np.float32(1000), np.float32(1001)), 1000)
    world.change("left", slice(None), measured)
    run = world.train(world.settings(regression="ridge", alphas=(1e4, 1e6, 3)))
    assert np.ptp(run.validation_predictions("left")[:, 3]) == 0
    assert run.correlation("left")[3] == 0
    assert (run.correlation("left") != 0).sum() >= 30


def test_ridge_is_trained_on_all_components(world: World) -> None:
    assert world.train(world.settings(n_components=None, regression="ridge")).done
