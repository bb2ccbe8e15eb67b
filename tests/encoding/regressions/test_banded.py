"""Banded ridge, held against himalaya's own estimator on all images at once, and a training by it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.dataset.sides import HEMISPHERES
from algocli.encoding.components import Components, fit_components
from algocli.encoding.regressions import banded, banded_search
from algocli.encoding.regressions.banded import BandedModel, fit_banded
from algocli.encoding.regressions.banded_search import Search, SearchSize, foretell
from algocli.encoding.settings import Settings
from algocli.encoding.splits import k_folds
from algocli.errors import DataError, UsageError
from algocli.features.store.gram import gram
from algocli.features.store.matrices import Gram
from tests.encoding.by_hand import N_COMPONENTS, N_TEST, N_TRAIN, World
from tests.features.by_hand import cache_features, make_store

pytestmark = pytest.mark.skipif(importlib.util.find_spec("himalaya") is None, reason="himalaya is not installed")

N_STIMULI, N_ROWS, N_FIT, N_VERTICES = 180, 165, 150, 40
SEARCH = Search(n_iter=8, seed=3, alphas=np.geomspace(0.1, 1e4, 6), fold_seed=1)


@pytest.fixture(autouse=True, scope="module")
def _one_thread_of_torch() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Layers(NamedTuple):
    """Three layers of very different size, and responses of which each vertex follows some of them."""

    kernels: list[Gram]
    responses: NDArray[np.float32]
    fit: NDArray[np.int64]

    def components(self, *widths: int) -> list[Components]:
        return [fit_components(kernel, self.fit, width) for kernel, width in zip(self.kernels, widths, strict=False)]

    def scores(self, components: list[Components], rows: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        return [own.project(kernel, rows) for own, kernel in zip(components, self.kernels, strict=False)]


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Layers:
    rng = np.random.default_rng(0)
    drawn = [rng.standard_normal((N_STIMULI, 120)) * (1 + np.arange(120)) ** -0.6 for _ in range(3)]
    signal = sum(
        one[:N_ROWS, :10] @ (rng.standard_normal((10, N_VERTICES)) * rng.integers(0, 2, N_VERTICES)) for one in drawn
    )
    responses = (signal + 2 * rng.standard_normal((N_ROWS, N_VERTICES)) + 3).astype(np.float32)
    folder = tmp_path_factory.mktemp("banded")
    kernels = [
        gram(make_store(folder / str(number), (scale * one + 2).astype(np.float32)))
        for number, (one, scale) in enumerate(zip(drawn, (1, 30, 0.1), strict=True))
    ]
    return Layers(kernels, responses, np.sort(rng.permutation(N_ROWS)[:N_FIT]))


@pytest.fixture(scope="module")
def fitted(layers: Layers) -> tuple[list[Components], BandedModel]:
    components = layers.components(12, 10, 8)
    return components, fit_banded(components, layers.responses, SEARCH)


def himalayas(layers: Layers, components: list[Components], search: Search) -> Any:
    """Let himalaya fit the same model by itself: all images, all draws in one call, an intercept of its own."""
    from himalaya.backend import get_backend, set_backend
    from himalaya.ridge import GroupRidgeCV

    before = get_backend().name
    set_backend("torch")
    try:
        splits = [(fold.fit, fold.held_out) for fold in k_folds(N_FIT, 5, search.fold_seed)]
        how = {"n_iter": search.n_iter, "alphas": search.alphas, "progress_bar": False, "warn": False}
        truth = GroupRidgeCV("input", solver_params=how, fit_intercept=True, cv=splits, random_state=search.seed)
        return truth.fit(scaled(components, layers.scores(components, layers.fit)), layers.responses[layers.fit])
    finally:
        set_backend(before)


def deltas_of(model: BandedModel) -> NDArray[np.float64]:
    """What himalaya calls log(share / penalty), (n_layers, n_vertices); minus infinity for no share."""
    with np.errstate(divide="ignore"):
        return np.log(model.shares, dtype=np.float64) - np.log(model.alphas[model.chosen])


def scaled(components: list[Components], scores: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    return [own / np.float32(np.sqrt(one.mean_variance)) for own, one in zip(scores, components, strict=True)]


# Of these, an inner fold has more images than columns; more to fit on, but fewer that it leaves out; and fewer of both.
@pytest.mark.parametrize("widths", [(12, 10, 8), (30, 25, 20), (60, 50, 40)])
def test_predictions_and_penalties_equal_himalayas_own_on_all_images_in_one_call(
    layers: Layers, widths: tuple[int, ...]
) -> None:
    components = layers.components(*widths)
    model = fit_banded(components, layers.responses, SEARCH)
    truth = himalayas(layers, components, SEARCH)
    np.testing.assert_allclose(deltas_of(model), np.asarray(truth.deltas_), atol=1e-4)
    others = layers.scores(components, np.arange(N_ROWS, N_STIMULI))
    expected = sum(
        own @ part
        for own, part in zip(
            scaled(components, others),
            np.split(np.asarray(truth.coef_), np.cumsum(widths)[:-1]),
            strict=True,
        )
    ) + np.asarray(truth.intercept_)
    assert np.abs(model.predict(np.hstack(others)) - expected).max() <= 1e-5 * np.abs(expected).max()


def test_the_score_is_that_of_himalayas_cross_validation(
    layers: Layers, fitted: tuple[list[Components], BandedModel]
) -> None:
    components, model = fitted
    errors = -np.asarray(himalayas(layers, components, SEARCH).cv_scores_).max(axis=0)
    measured = layers.responses[layers.fit].astype(np.float64)
    squares = [
        ((measured[fold.held_out] - measured[fold.fit].mean(axis=0)) ** 2).mean(axis=0)
        for fold in k_folds(N_FIT, 5, SEARCH.fold_seed)
    ]
    np.testing.assert_allclose(model.r2, 1 - errors / np.mean(squares, axis=0), atol=1e-5)


def test_vertices_may_be_searched_in_blocks(
    layers: Layers, fitted: tuple[list[Components], BandedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    components, whole = fitted
    monkeypatch.setattr(banded_search, "SEARCH_BYTES", 0)
    monkeypatch.setattr(banded_search, "VERTICES_AT_ONCE", 7)
    parts = fit_banded(components, layers.responses, SEARCH)
    np.testing.assert_array_equal(parts.chosen, whole.chosen)
    np.testing.assert_array_equal(parts.shares, whole.shares)
    np.testing.assert_allclose(parts.weights, whole.weights, rtol=1e-4, atol=1e-6)


def test_a_vertex_that_follows_one_layer_has_a_large_penalty_on_the_other(layers: Layers) -> None:
    components = layers.components(12, 12)
    first, second = layers.scores(components, np.arange(N_ROWS))
    rng = np.random.default_rng(5)
    signal = np.hstack([first @ rng.standard_normal((12, 20)), second @ rng.standard_normal((12, 20))])
    signal /= signal.std(axis=0)
    noisy = (signal + rng.standard_normal(signal.shape)).astype(np.float32)
    model = fit_banded(components, noisy, Search(n_iter=20, seed=0, alphas=SEARCH.alphas))
    followed = np.repeat([0, 1], 20)
    # The penalty on the other layer, as a multiple of that on the layer which is followed.
    deltas = deltas_of(model)
    ratio = np.exp(deltas[followed, np.arange(40)] - deltas[1 - followed, np.arange(40)])
    assert (ratio > 5).mean() > 0.9


def test_responses_to_held_out_images_change_nothing(
    layers: Layers, fitted: tuple[list[Components], BandedModel]
) -> None:
    components, before = fitted
    scrambled = layers.responses.copy()
    held_out = np.setdiff1d(np.arange(N_ROWS), layers.fit)
    scrambled[held_out] = 100 * np.random.default_rng(1).standard_normal((len(held_out), N_VERTICES))
    after = fit_banded(components, scrambled, SEARCH)
    np.testing.assert_array_equal(after.weights, before.weights)
    np.testing.assert_array_equal(deltas_of(after), deltas_of(before))


def test_shares_sum_to_one_and_weights_are_of_all_components(
    fitted: tuple[list[Components], BandedModel],
) -> None:
    _, model = fitted
    np.testing.assert_allclose(model.shares.sum(axis=0), 1, atol=1e-6)
    assert model.weights.shape == (12 + 10 + 8, N_VERTICES)


def test_a_vertex_that_never_varies_is_predicted_as_it_is(layers: Layers) -> None:
    components = layers.components(5, 5)
    responses = layers.responses[:, :3].copy()
    responses[:, 1] = 7
    model = fit_banded(components, responses, SEARCH)
    np.testing.assert_allclose(model.predict(np.hstack(layers.scores(components, layers.fit)))[:, 1], 7, atol=1e-4)
    assert model.r2[1] == 0


def test_himalaya_is_left_as_it_was_found_and_prints_nothing(
    layers: Layers, capsys: pytest.CaptureFixture[str]
) -> None:
    from himalaya.backend import get_backend

    before = get_backend().name
    fit_banded(layers.components(3, 3), layers.responses, SEARCH)
    assert get_backend().name == before
    assert capsys.readouterr() == ("", "")


def test_notes_tell_how_far_the_search_is_and_what_it_gained(layers: Layers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banded, "NOTE_EVERY", -1.0)
    notes: list[str] = []
    model = fit_banded(layers.components(12, 10, 8), layers.responses, SEARCH, note=notes.append)
    assert [words.split(":")[0] for words in notes[:-1]] == [f"draw {n} of 8" for n in range(1, 9)]
    assert notes[-1].startswith(f"R² of inner folds {model.r2.mean():.4f} over all vertices, ")


def test_what_a_search_may_take_grows_with_what_is_to_be_done() -> None:
    what, seconds = foretell(200, (10, 10), (500, 500), SEARCH)
    assert what == "8 draws x 6 penalties x 5 inner folds"
    assert 0 < seconds < foretell(200, (10, 10), (500, 500), Search(8000, 3, SEARCH.alphas))[1]
    assert SearchSize(200, 20, 6).n_bytes(500) < SearchSize(2000, 200, 6).n_bytes(500)


def test_a_block_of_vertices_keeps_to_what_a_search_may_hold() -> None:
    for n_columns in (400, 600, 1500):
        assert SearchSize(8857, n_columns, 20).n_bytes(20544) <= banded_search.SEARCH_BYTES


def test_without_himalaya_the_extra_is_named(layers: Layers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="himalaya, which is not installed") as caught:
        fit_banded(layers.components(3, 3), layers.responses, SEARCH)
    assert caught.value.hint == "pip install -e '.[banded]', in the folder of algocli's source"


def test_a_device_that_himalaya_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match="does not run on xpu"):
        foretell(200, (10, 10), (500, 500), SEARCH, device="xpu")


@pytest.fixture
def planted(world: World) -> tuple[World, Settings]:
    """Two layers: of each hemisphere the first half of the vertices follows one of them, the rest the other."""
    rng = np.random.default_rng(1)
    spread = (1 + np.arange(60)) ** -0.8
    layers = [(rng.standard_normal((N_TRAIN + N_TEST, 60)) * spread).astype(np.float32) for _ in range(2)]
    names = [
        cache_features(world.cache, world.subject, rows, layer=name)
        for name, rows in zip(("early", "late"), layers, strict=True)
    ]
    for hemisphere in HEMISPHERES:
        n = world.subject.n_vertices(hemisphere)
        halves = [
            rows[:N_TRAIN, :8] @ rng.standard_normal((8, size))
            for rows, size in zip(layers, (n // 2, n - n // 2), strict=True)
        ]
        world.change(hemisphere, slice(None), np.hstack(halves) + 0.5 * rng.standard_normal((N_TRAIN, n)))
    return world, Settings(
        features=tuple(names), regression="banded", n_components=N_COMPONENTS, n_iter=10, search_seed=0
    )


def test_a_training_keeps_shares_and_penalties_and_finds_the_layer_that_a_vertex_follows(
    planted: tuple[World, Settings],
) -> None:
    world, settings = planted
    notes: list[str] = []
    run = world.train(settings, note=notes.append)
    for hemisphere in HEMISPHERES:
        n = world.subject.n_vertices(hemisphere)
        shares = run.band_shares(hemisphere)
        assert shares.shape == (2, 2, n)
        assert run.alphas(hemisphere).shape == (2, n)
        followed = np.repeat([0, 1], [n // 2, n - n // 2])
        assert (shares[-1].argmax(axis=0) == followed).mean() > 0.85
        assert run.correlation(hemisphere).mean() > 0.7
    assert any("4 searches of 10 draws" in words for words in notes)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_responses_that_are_not_finite_are_refused(planted: tuple[World, Settings], bad: float) -> None:
    world, settings = planted
    world.change("right", (7, 3), bad)
    with pytest.raises(DataError, match="not finite in 1 columns, for instance in row 7, column 3"):
        world.train(settings)


def test_a_search_without_a_seed_of_its_own_is_refused() -> None:
    with pytest.raises(UsageError, match="seed of its own") as caught:
        Settings(features=("x", "y"), regression="banded")
    assert caught.value.hint == "search_seed=0"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"features": ("x",)}, "two layers or more"),
        ({"scaled": False}, "two layers or more"),
        ({"alpha_by": "kfold"}, "two layers or more"),
        ({"join": "components"}, "side by side"),
        ({"n_components": None}, "200 to 500"),
        ({"n_iter": 0}, "n_iter=0"),
        ({"search_seed": -1}, "search_seed=-1"),
        ({"regression": "ridge"}, "searches for no shares"),
    ],
)
def test_settings_that_make_no_banded_ridge_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Settings(**{"features": ("x", "y"), "regression": "banded", "search_seed": 0, **options})


def test_a_runs_name_tells_how_much_was_searched() -> None:
    settings = Settings(features=("x", "y"), regression="banded", n_iter=30, search_seed=7)
    assert settings.default_name == "x+y_pca100_banded-30draws-search7_holdout0.1_seed4"


@pytest.mark.parametrize("unit", [1e-4, 0.01, 100.0])
def test_neither_penalties_nor_r_know_the_unit_of_the_responses(
    layers: Layers, fitted: tuple[list[Components], BandedModel], unit: float
) -> None:
    components, _ = fitted
    # Seven more draws than elsewhere: the more there are, the closer the best of them are to each other.
    search = Search(n_iter=SEARCH.n_iter + 7, seed=SEARCH.seed, alphas=SEARCH.alphas)
    model = fit_banded(components, layers.responses, search)
    other = fit_banded(components, layers.responses * np.float32(unit), search)
    np.testing.assert_array_equal(other.chosen, model.chosen)
    np.testing.assert_array_equal(other.shares, model.shares)
    np.testing.assert_allclose(other.r2, model.r2, atol=1e-5)
    others = np.hstack(layers.scores(components, np.arange(N_ROWS, N_STIMULI)))
    predicted = model.predict(others)
    np.testing.assert_allclose(other.predict(others) / unit, predicted, atol=1e-4 * np.abs(predicted).max())
