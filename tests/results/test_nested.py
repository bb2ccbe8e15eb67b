"""The best of many runs, chosen in inner folds: worth nothing on noise, and right where a layer is behind a ROI."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import algocli
from algocli.errors import UsageError
from algocli.results.nested import choose_nested
from algocli.results.nested_rows import Nested, NestedRow
from algocli.results.report import summarise
from algocli.runs.inner_scores import InnerScores
from algocli.runs.run import Run
from tests.dataset.toy import Toy
from tests.results.many_layers import ManyLayers, make_layers

IN_FOLDS: dict[str, Any] = {"holdout": None, "folds": 4}


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Leave files to the system, which is most of the time that hundreds of tiny models take."""
    monkeypatch.setattr(os, "fsync", lambda _file: None)
    with threadpool_limits(1):
        yield


def choose(layers: ManyLayers, runs: list[Run], **options: Any) -> Nested:
    return choose_nested(runs, data_dir=Toy(layers.subject.folder, [layers.subject]), **options)


def of_rois(found: Nested) -> list[NestedRow]:
    return [row for row in found.rows if row.roi != "All vertices"]


def check_noise(rows: list[NestedRow]) -> None:
    """Hold that the choice scores 0 within its standard error, where the best on the spot does not."""
    honest = np.array([row.mean_r for row in rows])
    naive = np.array([row.naive_mean_r for row in rows])
    error = honest.std() / np.sqrt(len(honest))
    assert abs(honest.mean()) < 3 * error
    assert naive.mean() > 10 * error
    assert np.mean([row.low < 0 < row.high for row in rows if row.low is not None and row.high is not None]) > 0.9


def test_on_noise_the_best_of_40_layers_scores_nothing(tmp_path: Path) -> None:
    layers = make_layers(tmp_path, n_layers=40, n_rois=150, seed=5, n_train=80)
    check_noise(of_rois(choose(layers, layers.train(holdout=0.25))))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("split", [{"holdout": 0.2}, IN_FOLDS, {"holdout": None, "folds": 2}])
@pytest.mark.parametrize("regression", ["ols", "ridge"])
def test_whatever_the_split_and_the_regression(tmp_path: Path, split: Any, regression: str, seed: int) -> None:
    layers = make_layers(tmp_path, n_layers=40, n_rois=150, seed=seed, n_train=80)
    check_noise(of_rois(choose(layers, layers.train(**split, regression=regression))))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> ManyLayers:
    driven = {0: 2, 1: 4, 2: 2}
    return make_layers(tmp_path_factory.mktemp("planted"), n_layers=6, n_rois=5, seed=3, n_train=120, driven=driven)


@pytest.mark.parametrize("split", [{"holdout": 0.25}, IN_FOLDS])
@pytest.mark.parametrize("regression", ["ols", "ridge"])
def test_the_layer_behind_a_roi_is_chosen_and_scores_what_its_report_says(
    planted: ManyLayers, split: Any, regression: str
) -> None:
    runs = planted.train(**split, regression=regression)
    data = Toy(planted.subject.folder, [planted.subject])
    found = choose(planted, runs)
    for roi, layer in {"roi0": 2, "roi1": 4, "roi2": 2}.items():
        row = found.of_roi("zoe", "all", roi)
        [told] = [row for row in summarise(data, runs[layer]).rows if row.roi == roi]
        assert row is not None
        assert (row.run, row.n_chosen, row.naive_run) == (runs[layer].name, row.n_folds, runs[layer].name)
        assert (row.mean_r, row.median_r) == pytest.approx((told.mean_r, told.median_r))
        assert row.optimism == pytest.approx(0)
        assert row.low is not None
        assert row.high is not None
        assert 0 < row.low < told.mean_r < row.high


def test_each_fold_has_a_choice_of_its_own(planted: ManyLayers) -> None:
    runs = planted.train(**IN_FOLDS)
    inner = np.array([InnerScores(run, planted.subject).read()["all"] for run in runs])
    outer = np.array([run.subject("zoe").fold_correlations("all") for run in runs])
    differing = 0
    for row in choose(planted, runs, n_resamples=None).rows:
        roi = row.roi.removeprefix("roi")
        vertices = slice(3 * int(roi), 3 * int(roi) + 3) if roi.isdigit() else slice(None)
        chosen = inner[:, :, vertices].mean(axis=2).argmax(axis=0)
        assert row.by_fold == tuple(runs[place].name for place in chosen)
        assert row.mean_r == pytest.approx(np.mean([outer[run, fold, vertices] for fold, run in enumerate(chosen)]))
        assert row.naive_mean_r == pytest.approx(outer[:, :, vertices].mean(axis=(1, 2)).max())
        assert (row.low, row.high) == (None, None)
        differing += len(set(row.by_fold)) > 1
    assert differing


def test_what_a_fold_holds_out_does_not_move_its_choice(tmp_path: Path) -> None:
    how: dict[str, Any] = {"n_layers": 6, "n_rois": 8, "seed": 2}
    before, after = (make_layers(tmp_path / name, **how) for name in ("before", "after"))
    rows, folds = split_of(before)
    held_out = rows[folds == 1]
    after.subject.measured["all"][held_out] = 9 * np.random.default_rng(0).standard_normal((len(held_out), 24))
    one, two = (choose(layers, layers.train(**IN_FOLDS), n_resamples=None).rows for layers in (before, after))
    assert [row.by_fold[1] for row in one] == [row.by_fold[1] for row in two]
    assert [row.by_fold for row in one] != [row.by_fold for row in two]


def split_of(layers: ManyLayers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that are held out, and the fold of each, of whatever run in such folds."""
    run = algocli.train(layers.subject, layers.names[0], **IN_FOLDS, n_components=2, cache_dir=layers.cache)
    return np.asarray(run.subject("zoe").validation_rows()), np.asarray(run.subject("zoe").validation_folds())


def test_runs_that_were_split_otherwise_are_refused(planted: ManyLayers) -> None:
    one, *_ = planted.train(**IN_FOLDS)
    _, other, *_ = planted.train(**IN_FOLDS, seed=9)
    with pytest.raises(UsageError, match="cannot be chosen in inner folds"):
        choose(planted, [one, other])
    with pytest.raises(UsageError, match="of one run alone"):
        choose(planted, [one, one])


def test_it_is_told_what_it_costs_once(planted: ManyLayers) -> None:
    runs = planted.train(holdout=0.3)
    said: list[str] = []
    choose(planted, runs, note=said.append)
    assert said == ["choosing in inner folds fits 30 models; what they score is kept for next time"]
    choose(planted, runs, note=said.append)
    assert len(said) == 1


def test_a_comparison_has_the_choices(planted: ManyLayers, tmp_path: Path) -> None:
    runs = planted.train(**IN_FOLDS)
    data = Toy(planted.subject.folder, [planted.subject])
    csv = tmp_path / "rows.csv"
    compared = algocli.compare(runs, nested=True, data_dir=data, rois=["roi0", "roi4"], n_resamples=50, csv=csv)
    alone = algocli.nested(runs, data_dir=data, rois=["roi0", "roi4"], n_resamples=50)
    assert compared.nested is not None
    assert compared.nested.rows == alone.rows
    assert csv.with_name("rows.nested.csv").read_text().splitlines()[0] == ",".join(alone.columns)


def by_vertex(values: NDArray[np.float64], runs: list[Run]) -> NDArray[np.float64]:
    """The honest r of every vertex, each fold's by the run of the highest inner r there."""
    outer = np.array([run.subject("zoe").fold_correlations("all") for run in runs])
    chosen = values.argmax(axis=0)
    r = [outer[run, fold, vertex] for (fold, vertex), run in np.ndenumerate(chosen)]
    return np.reshape(r, chosen.shape).mean(axis=0)


def test_the_best_layer_of_a_vertex_is_chosen_so_too(planted: ManyLayers) -> None:
    from algocli.results.layered import layered

    runs = planted.train(**IN_FOLDS)
    inner = np.array([InnerScores(run, planted.subject).read()["all"] for run in runs])
    found = layered(runs, nested=True).read(planted.subject, "all")
    np.testing.assert_allclose(found.values, inner.mean(axis=1))
    np.testing.assert_allclose(found.r, by_vertex(inner, runs))
    assert (found.values.argmax(axis=0)[:9] == np.repeat([2, 4, 2], 3)).all()
    with pytest.raises(UsageError, match="nothing to choose in inner folds"):
        layered([planted_blend(planted)], nested=True)


def planted_blend(planted: ManyLayers) -> Run:
    run: Run = algocli.train(
        planted.subject, planted.names[:2], regression="blend", n_components=5, cache_dir=planted.cache
    )
    return run
