"""Blends with receptive fields, held against plain numpy and against the models that they are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import nnls

from algocli.dataset.sides import HEMISPHERES
from algocli.encoding.regressions.field_blend import BlendedFields
from algocli.encoding.settings import Settings
from algocli.encoding.splits import inner_folds
from algocli.errors import UsageError
from algocli.runs.growing import Growing
from algocli.runs.opening import open_run
from algocli.runs.predictor import open_predictor, stores_of
from tests.encoding.by_hand import N_TEST, N_TRAIN, World
from tests.encoding.regressions.seen import GRID, PLACES, Seen, pool, search, see
from tests.features.by_hand import cache_features
from tests.runs.points import one_by_one

EVERY = [(0.0, 0.0, np.inf), *PLACES]


@pytest.fixture
def seen(world: World) -> Seen:
    return see(world)


def predict(
    maps: NDArray[np.float32], fit: NDArray[np.int64], responses: NDArray[np.float64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Predict rows from the window and penalty that are best for the fitted ones, by ridge written out."""
    window, penalty, _ = search([maps], fit, responses)
    predicted = np.empty((len(rows), responses.shape[1]))
    for vertex, (place, step) in enumerate(zip(window, penalty, strict=True)):
        channels = pool([maps], EVERY[place])
        channels = (channels - channels[fit].mean(0)) / channels[fit].std(0)
        known, mean = channels[fit], responses[fit, vertex].mean()
        alpha = GRID[step] * np.trace(known.T @ known) / (len(fit) - 1)
        system = known.T @ known + alpha * np.eye(channels.shape[1])
        weights = np.linalg.solve(system, known.T @ (responses[fit, vertex] - mean))
        predicted[:, vertex] = channels[rows] @ weights + mean
    return predicted


def test_layers_with_windows_of_their_own_are_weighed_by_what_inner_folds_leave_out(seen: Seen) -> None:
    settings = replace(seen.settings, field_per_layer=True)
    run = seen.train(settings)
    held_out = run.validation_rows()
    fit = np.setdiff1d(np.arange(N_TRAIN), held_out)
    for side in HEMISPHERES:
        responses = seen.world.measured(side)
        assert run.of_regression("field", side).shape == (2, 2, 4, responses.shape[1])
        peaks = run.of_regression("field_peak", side)
        assert peaks.shape == (2, 2, 3, responses.shape[1])
        assert not np.isnan(peaks).any()
        for layer, maps in enumerate(seen.maps):
            window, _, _ = search([maps], fit, responses)
            np.testing.assert_allclose(run.of_regression("field", side)[0, layer, :3], np.array(EVERY)[window].T)
        parts = inner_folds(settings, N_TRAIN, fit)
        left = [[predict(maps, np.setdiff1d(fit, part), responses, part) for part in parts] for maps in seen.maps]
        unseen, measured = [np.vstack(of_layer) for of_layer in left], responses[np.concatenate(parts)]
        final = [predict(maps, fit, responses, held_out) for maps in seen.maps]
        for vertex in range(responses.shape[1]):
            columns = np.stack([of_layer[:, vertex] for of_layer in unseen], axis=1)
            means, mean = columns.mean(0), measured[:, vertex].mean()
            weights, _ = nnls(columns - means, measured[:, vertex] - mean)
            np.testing.assert_allclose(run.blend_weights(side)[0, :, vertex], weights, atol=2e-3)
            told = np.stack([of_layer[:, vertex] for of_layer in final], axis=1) @ weights + mean - means @ weights
            np.testing.assert_allclose(run.validation_predictions(side)[:, vertex], told, atol=2e-3)


def beside_ridge(seen: Seen) -> tuple[Settings, Settings, Settings]:
    """Return settings of windows beside ridge, of the windows alone, and of ridge alone: half a side follows each."""
    world, rng = seen.world, np.random.default_rng(5)
    flat = [(rng.standard_normal((N_TRAIN + N_TEST, 40)) * (1 + np.arange(40)) ** -0.8).astype(np.float32)] * 2
    flat[1] = flat[1] ** 2
    names = [cache_features(world.cache, world.subject, rows, layer=f"flat-{n}") for n, rows in enumerate(flat)]
    for side in HEMISPHERES:
        half = world.subject.n_vertices(side) // 2
        responses = world.measured(side)
        responses[:, :half] = flat[0][:N_TRAIN, :4] @ rng.standard_normal((4, half)) * 3
        responses[:, :half] += rng.standard_normal((N_TRAIN, half))
        world.change(side, slice(None), responses)
    first = seen.settings.features
    both = replace(seen.settings, features=(*first, *names), field_layers=2, n_components=20)
    ridge = Settings(tuple(names), regression="ridge", n_components=20, seed=both.seed)
    return both, seen.settings, ridge


def test_windows_beside_ridge_sum_up_what_both_models_predict_by_themselves(seen: Seen) -> None:
    both, fields, ridge = beside_ridge(seen)
    blended = seen.train(both)
    alone = [seen.train(settings) for settings in (fields, ridge)]
    for side in HEMISPHERES:
        weights = blended.blend_weights(side)
        for name, apart in (("field", 1e-5), ("field_peak", 1e-3)):
            np.testing.assert_allclose(
                blended.of_regression(name, side), alone[0].of_regression(name, side), atol=apart
            )
        expected = np.asarray(blended.of_regression("blend_intercept", side)[-1])
        for weight, run in zip(weights[-1], alone, strict=True):
            expected = expected + weight * run.test_predictions(side)
        np.testing.assert_allclose(blended.test_predictions(side), expected, atol=2e-4)
        half = weights.shape[2] // 2
        assert (weights[:, 1, :half] > weights[:, 0, :half]).mean() > 0.9
        assert (weights[:, 0, half:] > weights[:, 1, half:]).mean() > 0.8
        scores = [run.correlation(side) for run in (blended, *alone)]
        for some in (slice(None, half), slice(half, None)):
            assert scores[0][some].mean() > max(score[some].mean() for score in scores[1:]) - 0.01


@pytest.mark.parametrize("kind", ["per layer", "beside ridge", "both"])
def test_images_that_are_not_stored_are_predicted_by_what_the_run_has_kept(
    seen: Seen, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(seen.settings, field_per_layer=True) if kind == "per layer" else beside_ridge(seen)[0]
    settings = replace(settings, field_per_layer=kind != "beside ridge")
    seen.train(settings)
    run = open_run(seen.world.cache, settings.default_name, settings)

    def refuse(*_: Any) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(BlendedFields, "fit", refuse)
    stores = stores_of(run, 1, seen.world.cache)
    predictor = open_predictor(run, 1, stores, seen.world.subject, seen.world.cache)
    test = [store.features[np.arange(N_TRAIN, N_TRAIN + N_TEST)] for store in stores]
    scores = predictor.score_parts([[layer[:5] for layer in test], [layer[5:] for layer in test]])
    for side in HEMISPHERES:
        expected = run.subject(1).test_predictions(side)
        np.testing.assert_allclose(predictor.predict(side, scores), expected, atol=2e-4)


def test_held_out_rows_change_nothing_that_is_fitted(seen: Seen) -> None:
    settings = replace(beside_ridge(seen)[0], field_per_layer=True)
    names = ("field", "alpha", "blend")
    before = seen.train(settings)
    first = {(side, name): before.of_regression(name, side)[0].copy() for side in HEMISPHERES for name in names}
    held_out = before.validation_rows()
    for side in HEMISPHERES:
        n = seen.world.subject.n_vertices(side)
        seen.world.change(side, held_out, np.random.default_rng(0).standard_normal((len(held_out), n)) * 50)
    after = seen.train(settings, force=True)
    for (side, name), of_first in first.items():
        np.testing.assert_allclose(after.of_regression(name, side)[0], of_first, atol=1e-4)


def test_a_learning_curve_fits_fewer_images(seen: Seen) -> None:
    settings, _, _ = beside_ridge(seen)
    seen.train(settings)
    run = open_run(seen.world.cache, settings.default_name, settings)
    # With other settings, be it of what no curve does, nothing is taken from the run.
    changed = {"refit": not settings.refit}
    growing = Growing(run, seen.world.subject, sizes=[50, 81], n_repeats=1, seed=0, changed=changed)
    predicted = {(each.point.n_images, each.side): each.predicted for each in one_by_one(growing)}
    for side in HEMISPHERES:
        np.testing.assert_allclose(predicted[81, side], run.subject(1).validation_predictions(side), atol=2e-4)


def test_parts_that_are_none_are_refused_in_a_sentence() -> None:
    for wrong, told in (
        ({"field_layers": 2}, "at least one is left for ridge"),
        ({"field_layers": 0}, "a whole number of layers"),
        ({"field_layers": 1, "field_per_layer": True}, "two layers or more with windows"),
        ({"field_per_layer": True, "n_components": 50}, "take no components"),
        ({"field_layers": 1, "standardised": True}, "have no say"),
    ):
        with pytest.raises(UsageError, match=told):
            Settings(("a", "b"), regression="fields", **wrong)  # type: ignore[arg-type]
    for wrong in ({"field_layers": 1}, {"field_per_layer": True}):
        with pytest.raises(UsageError, match="looks through no windows"):
            Settings(("a", "b"), regression="ridge", **wrong)  # type: ignore[arg-type]
    assert Settings(("a", "b"), regression="fields", field_layers=1).n_components == 100
    assert Settings(("a", "b"), regression="fields", field_per_layer=True).n_components is None
