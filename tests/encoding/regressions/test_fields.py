"""Receptive fields, held against a search over all windows in plain numpy, which solves every one of them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from algocli.dataset.sides import HEMISPHERES
from algocli.encoding.regressions import field_search
from algocli.encoding.regressions.fields import ReceptiveFields
from algocli.encoding.regressions.models import Work
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings
from algocli.errors import DataError, UsageError
from algocli.runs.growing import Growing
from algocli.runs.opening import open_run
from algocli.runs.predictor import open_predictor, stores_of
from algocli.runs.subject_run import SubjectRun
from tests.encoding.by_hand import N_TEST, N_TRAIN, World
from tests.encoding.regressions.seen import GRID, PLACES, Seen, pool, search, see
from tests.features.by_hand import cache_features
from tests.runs.points import one_by_one


@pytest.fixture
def seen(world: World) -> Seen:
    return see(world)


def fits_of(run: SubjectRun) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    held_out = run.validation_rows()
    return np.setdiff1d(np.arange(N_TRAIN), held_out), held_out


def test_windows_penalties_and_predictions_are_those_of_an_exhaustive_search_in_plain_numpy(seen: Seen) -> None:
    run = seen.train()
    fit, held_out = fits_of(run)
    for side in HEMISPHERES:
        responses = seen.world.measured(side)
        field, alpha = run.of_regression("field", side), run.of_regression("alpha", side)
        for number, rows in enumerate((fit, np.arange(N_TRAIN))):
            window, penalty, table = search(seen.maps, rows, responses)
            places = np.array([(0.0, 0.0, np.inf), *PLACES])[window]
            np.testing.assert_allclose(field[number, :3], places.T, rtol=1e-6)
            np.testing.assert_allclose(alpha[number], GRID[penalty], rtol=1e-5)
            whole, least = table[0].min(0), table.min((0, 1))
            np.testing.assert_allclose(field[number, 3], 1 - least / whole, atol=1e-5)
        predicted = run.validation_predictions(side)
        window, penalty, _ = search(seen.maps, fit, responses)
        for vertex in range(len(window)):
            channels = pool(seen.maps, [(0.0, 0.0, np.inf), *PLACES][window[vertex]])
            channels = (channels - channels[fit].mean(0)) / channels[fit].std(0)
            known = channels[fit]
            alpha_ = GRID[penalty[vertex]] * np.trace(known.T @ known) / (len(fit) - 1)
            mean = responses[fit, vertex].mean()
            weights = np.linalg.solve(known.T @ known + alpha_ * np.eye(7), known.T @ (responses[fit, vertex] - mean))
            np.testing.assert_allclose(predicted[:, vertex], channels[held_out] @ weights + mean, atol=1e-4)


def test_most_vertices_look_where_they_were_made_to(seen: Seen) -> None:
    run = seen.train()
    for side in HEMISPHERES:
        found = run.of_regression("field", side)[-1, :3].T
        hits = (np.abs(found - np.array(PLACES)[seen.truth[side]]) < 1e-5).all(axis=1)
        assert hits.mean() > 0.6


def test_between_windows_vertices_are_told_nearer_to_where_they_look(seen: Seen) -> None:
    rng, off = np.random.default_rng(2), dict[str, list[float]](field=[], field_peak=[])
    planted = {}
    for side in HEMISPHERES:
        n_vertices = seen.world.subject.n_vertices(side)
        planted[side] = rng.uniform(-3.5, 3.5, (n_vertices, 2))
        channels = [pool(seen.maps, (x, y, 1.0))[:N_TRAIN] for x, y in planted[side]]
        signal = np.stack([(each / each.std(0)) @ rng.standard_normal(each.shape[1]) for each in channels], axis=1)
        seen.world.change(side, slice(None), signal + 0.3 * signal.std() * rng.standard_normal(signal.shape))
    run = seen.train(replace(seen.settings, windows="coarse"))
    for side, name in product(HEMISPHERES, off):
        x, y = run.of_regression(name, side)[-1, :2]
        off[name] += np.hypot(x - planted[side][:, 0], y - planted[side][:, 1]).tolist()
    assert np.median(off["field_peak"]) < 0.7 * np.median(off["field"])


def test_windows_are_prepared_and_judged_in_threads_that_share_no_product_and_many_give_the_same_as_one(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, told = ("field", "alpha", "field_peak", "field_weights"), []

    class Watched(field_search.PooledWindow):
        def products(self, *arguments: Any) -> Any:
            told.append({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"})
            return super().products(*arguments)

    monkeypatch.setattr(field_search, "PooledWindow", Watched)
    # Several blocks a side.
    monkeypatch.setattr(field_search, "VERTICES", 8)
    kept = []
    for n_threads in (1, 3):
        monkeypatch.setattr(field_search, "n_cores", lambda n=n_threads: n)
        run = seen.train(force=True)
        kept.append([np.array(run.of_regression(name, side)) for name in names for side in HEMISPHERES])
    for one, three in zip(*kept, strict=True):
        np.testing.assert_array_equal(one, three)
    assert told
    assert all(threads == {1} for threads in told)


@pytest.mark.parametrize("windows", ["fine", tuple(PLACES)])
def test_held_out_rows_change_nothing_that_is_fitted(seen: Seen, windows: Any) -> None:
    settings = replace(seen.settings, windows=windows, folds=3, holdout=None)
    before = seen.train(settings)
    first = {
        (side, name): before.of_regression(name, side)[0].copy()
        for side in HEMISPHERES
        for name in ("field", "alpha", "field_peak")
    }
    held_out = before.validation_rows()[before.validation_folds() == 0]
    for side in HEMISPHERES:
        seen.world.change(
            side, held_out, np.random.default_rng(0).standard_normal(seen.world.subject.n_vertices(side)) * 50
        )
    after = seen.train(settings, force=True)
    assert set(after.validation_rows()[after.validation_folds() == 0]) == set(held_out)
    for (side, name), of_first in first.items():
        now = after.of_regression(name, side)[0]
        # Errors have other last digits where other vertices are multiplied beside, and so have margins and peaks.
        np.testing.assert_allclose(now, of_first, atol=1e-3 if name == "field_peak" else 1e-5)
        if name != "field_peak":
            np.testing.assert_array_equal(now[:3], of_first[:3])


def test_images_that_are_not_stored_are_predicted_by_what_the_run_has_kept(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen.train()
    run = open_run(seen.world.cache, seen.settings.default_name, seen.settings)

    def refuse(*_: Any) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(ReceptiveFields, "fit", refuse)
    predictor = open_predictor(run, 1, stores_of(run, 1, seen.world.cache), seen.world.subject, seen.world.cache)
    test = [layer[N_TRAIN:].reshape(N_TEST, -1) for layer in seen.maps]
    scores = predictor.score_parts([[layer[:5] for layer in test], [layer[5:] for layer in test]])
    for side in HEMISPHERES:
        expected = run.subject(1).test_predictions(side)
        np.testing.assert_allclose(predictor.predict(side, scores), expected, atol=1e-4)


def test_a_learning_curve_fits_fewer_images_on_the_same_maps(seen: Seen) -> None:
    seen.train()
    run = open_run(seen.world.cache, seen.settings.default_name, seen.settings)
    # With other settings, be it of what no curve does, nothing is taken from the run.
    changed = {"refit": not seen.settings.refit}
    growing = Growing(run, seen.world.subject, sizes=[40, 81], n_repeats=1, seed=0, changed=changed)
    predicted = {(each.point.n_images, each.side): each.predicted for each in one_by_one(growing)}
    for side in HEMISPHERES:
        np.testing.assert_allclose(predicted[81, side], run.subject(1).validation_predictions(side), atol=1e-4)
        assert not np.allclose(predicted[40, side], predicted[81, side], atol=1e-2)


def test_what_it_has_no_use_for_is_refused_in_a_sentence() -> None:
    for wrong, told in {
        "n_components": (50, "take no components"),
        "alpha_by": ("kfold", "inner folds would take hours"),
        "standardised": (True, "have no say"),
        "scaled": (False, "have no say"),
        "image_width": (0, "width of an image"),
        "windows": ("fien", "no set of windows"),
    }.items():
        with pytest.raises(UsageError, match=told[1]):
            Settings(("a", "b"), regression="fields", **{wrong: told[0]})
    with pytest.raises(UsageError, match=r"lies outside the image, which reaches 4\.2 degrees"):
        Settings(("a",), regression="fields", windows=((5.0, 0.0, 1.0),), image_width=8.4)
    for option in ({"windows": "coarse"}, {"image_width": 8.4}):
        with pytest.raises(UsageError, match="looks through no windows"):
            Settings(("a",), regression="ridge", **option)  # type: ignore[arg-type]


def test_features_without_places_are_refused_with_the_way_out(seen: Seen) -> None:
    world, rows = seen.world, seen.maps[0].reshape(N_TRAIN + N_TEST, -1)
    projected = {"project": 432, "seed": 0, "matrix": "0"}
    for name, options, told in (
        ("projected", {"shape": (3, 12, 12), "post": projected}, "without project="),
        ("flat", {"shape": (432,)}, "algocli layers"),
        ("tokens", {"shape": (48, 9)}, "tokens='patches'"),
        ("of-no-shape", {}, "algocli layers"),
    ):
        name = cache_features(world.cache, world.subject, rows, layer=name, **options)  # type: ignore[arg-type]
        with pytest.raises(UsageError) as refused:
            seen.train(replace(seen.settings, features=(name,)))
        assert told in str(refused.value.hint)
    with pytest.raises(UsageError, match="how wide the images were seen is not known"):
        seen.train(replace(seen.settings, image_width=None))


def test_how_long_a_search_takes_grows_with_what_there_is_to_do() -> None:
    layers, work = [(64, 64 * 27**2), (192, 192 * 13**2)], Work(9000, 40_000, 2, 1e11)

    def seconds(work: Work = work, **options: Any) -> float:
        settings = Settings(("a", "b"), regression="fields", **{"image_width": 8.4, **options})
        told = regression_of(settings).seconds(settings, layers, work)
        assert told is not None
        return told

    # Most of it are the products of vertices and channels in every window that is tried at all of them.
    assert seconds(windows="coarse") > 2 * 99 * 40_000 * 9000 * 256 / 1e11
    assert seconds() > 1.2 * seconds(windows="coarse")
    assert seconds(replace(work, n_vertices=80_000)) > 1.5 * seconds()
    assert seconds(replace(work, rate=2e11)) < seconds()
    # Of blends there are six searches in one, whose products are the same.
    assert seconds() < seconds(field_per_layer=True) < 6 * seconds()
    with pytest.raises(UsageError, match="how wide the images were seen is not known"):
        seconds(image_width=None)


def test_windows_that_a_coarse_grid_does_not_tell_apart_are_counted(seen: Seen) -> None:
    said: list[str] = []
    near = tuple((x, 0.0, 0.01) for x in (0.1, 0.2, 3.0))
    seen.train(replace(seen.settings, windows=near, features=seen.settings.features[1:]), note=said.append)
    assert any("3 windows on maps of 6 x 6: on so coarse a grid 1 others are the same" in line for line in said)
    with pytest.raises(UsageError, match="on maps of 6 x 6 no window can be told from the whole image"):
        seen.train(replace(seen.settings, windows=((0.0, 0.0, 500.0),), features=seen.settings.features[1:]))
    said.clear()
    seen.train(replace(seen.settings, field_per_layer=True), note=said.append)
    assert any("19 windows on maps of 12 x 12; 19 windows on maps of 6 x 6" in line for line in said)


def test_windows_of_a_file_are_those_in_it_and_what_is_wrong_with_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("size,x,Y\n1,0.5,-2\n2,0,0\n\n1,0.5,-2\n")
    settings = Settings(("a",), regression="fields", windows=str(path), image_width=8.4)  # type: ignore[arg-type]
    assert settings.windows == ((0.5, -2.0, 1.0), (0.0, 0.0, 2.0))
    assert Settings.recorded(json.loads(json.dumps(asdict(settings)))) == settings
    for content, told in (
        ("0,0,1\n", "does not begin with the names"),
        ("x,y,size\n", "names no windows"),
        ("x,y,size\n0,0\n", "window 1"),
        ("x,y,size\n0,0,1\n0,0,-1\n", "window 2"),
        ("", "does not begin"),
    ):
        path.write_text(content)
        with pytest.raises(DataError, match=told):
            Settings(("a",), regression="fields", windows=str(path))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="missing"):
        Settings(("a",), regression="fields", windows=str(tmp_path / "none.csv"))  # type: ignore[arg-type]


def test_responses_that_are_not_finite_are_refused_with_their_place(seen: Seen) -> None:
    seen.world.change("left", (5, 7), np.nan)
    with pytest.raises(DataError, match="row 5, column 7"):
        seen.train()


def test_a_vertex_that_never_varies_looks_at_the_whole_image_and_has_no_margin(seen: Seen) -> None:
    seen.world.change("left", (slice(None), 3), 2.5)
    run = seen.train()
    field = run.of_regression("field", "left")
    np.testing.assert_array_equal(field[:, :3, 3], [[0, 0, np.inf]] * 2)
    np.testing.assert_array_equal(run.of_regression("field_peak", "left")[:, :, 3], [[0, 0, np.inf]] * 2)
    assert np.isnan(field[:, 3, 3]).all()
    assert np.isfinite(np.delete(field[:, 3], 3, axis=1)).all()
