"""Learning curves where the truth is known, and their rows held against doing them by hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import algocli
from algocli.errors import UsageError
from algocli.results.curve import learn
from algocli.results.curve_rows import Curve
from algocli.results.plots.curves import plot_curve
from algocli.results.report import summarise
from algocli.runs.growing import Growing
from algocli.runs.run import Run
from tests.dataset.toy import Toy
from tests.results.many_layers import N_FEATURES, ManyLayers, make_layers
from tests.runs.points import one_by_one

N_TRAIN, N_ROIS, PER_ROI = 300, 40, 3
SIZES = [30, 60, 120, 225]


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(os, "fsync", lambda _file: None)
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[ManyLayers, np.ndarray]:
    """A layer behind all vertices but those of the last ten ROIs, and what a model that knows it all would score."""
    layers = make_layers(
        tmp_path_factory.mktemp("known"), n_layers=1, n_rois=N_ROIS, seed=11, n_train=N_TRAIN, per_roi=PER_ROI
    )
    rng = np.random.default_rng(4)
    weights = rng.standard_normal((N_FEATURES, N_ROIS * PER_ROI)) * 0.25
    weights[:, -10 * PER_ROI :] = 0
    measured = layers.features[0] @ weights + rng.standard_normal((N_TRAIN, weights.shape[1]))
    layers.subject.measured["all"][:] = measured
    signal = np.square(weights).sum(axis=0)
    return layers, np.sqrt(signal / (1 + signal))


def data_of(layers: ManyLayers) -> Toy:
    return Toy(layers.subject.folder, [layers.subject])


def learned(known: tuple[ManyLayers, np.ndarray], **options: Any) -> tuple[Run, Curve]:
    [run] = known[0].train(n_components=N_FEATURES, holdout=0.25)
    return run, learn(run, data_of(known[0]), **{"sizes": SIZES, **options})


def test_the_ceiling_is_what_a_model_would_score_that_knows_it_all(known: tuple[ManyLayers, np.ndarray]) -> None:
    _, curve = learned(known)
    truth = known[1].reshape(N_ROIS, PER_ROI).mean(axis=1)[:-10]
    ends = [curve.ceiling_of("zoe", "all", f"roi{roi}") for roi in range(N_ROIS - 10)]
    told = [end for end in ends if end is not None and end.low is not None]
    assert len(told) == N_ROIS - 10
    inside = [end.low <= c <= (end.high or 1.0) for end, c in zip(told, truth, strict=True) if end.low is not None]
    assert np.mean(inside) >= 0.85
    bounded = [(end.ceiling, c) for end, c in zip(told, truth, strict=True) if end.ceiling is not None]
    assert len(bounded) >= 20
    assert np.mean([ceiling - c for ceiling, c in bounded]) == pytest.approx(0, abs=0.05)


def test_noise_has_no_ceiling(known: tuple[ManyLayers, np.ndarray]) -> None:
    _, curve = learned(known)
    ends = [curve.ceiling_of("zoe", "all", f"roi{roi}") for roi in range(N_ROIS - 10, N_ROIS)]
    assert sum(end is not None and end.is_bounded for end in ends) <= 1
    assert any("curves have no ceiling" in note for note in curve.notes)


def test_rows_are_means_and_spreads_of_models(known: tuple[ManyLayers, np.ndarray]) -> None:
    run, curve = learned(known, n_repeats=4, seed=8)
    growing = Growing(run, known[0].subject, sizes=SIZES, n_repeats=4, seed=8, changed={})
    by_hand: dict[int, list[float]] = {n: [] for n in SIZES}
    for one in one_by_one(growing, slice(3)):
        pairs = zip(one.measured.T, one.predicted.T, strict=True)
        by_hand[one.point.n_images].append(float(np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs])))
    for row in curve.of_roi("zoe", "all", "roi0"):
        own = by_hand[row.n_images]
        assert row.n_repeats == len(own) == {30: 4, 60: 3, 120: 1, 225: 1}[row.n_images]
        assert row.mean_r == pytest.approx(np.mean(own), abs=1e-6)
        assert row.sd == (None if len(own) == 1 else pytest.approx(np.std(own, ddof=1), abs=1e-6))


@pytest.mark.parametrize("split", [{"holdout": 0.25}, {"holdout": None, "folds": 3}])
def test_all_images_score_what_the_report_says(known: tuple[ManyLayers, np.ndarray], split: Any) -> None:
    layers = known[0]
    [run] = layers.train(n_components=N_FEATURES, regression="ridge", **split)
    curve = learn(run, data_of(layers), sizes=3, n_repeats=2, rois=["roi1", "All vertices"])
    report = {row.roi: row.mean_r for row in summarise(data_of(layers), run).rows}
    for roi in ("roi1", "All vertices"):
        *_, last = curve.of_roi("zoe", "all", roi)
        end = curve.ceiling_of("zoe", "all", roi)
        assert last.mean_r == pytest.approx(report[roi], abs=1e-5)
        assert end is not None
        assert end.mean_r == last.mean_r


def test_fewer_components_are_told(known: tuple[ManyLayers, np.ndarray]) -> None:
    _, curve = learned(known, sizes=[7, 100], changed={"regression": "ridge"})
    assert [row.n_components for row in curve.of_roi("zoe", "all", "roi0")] == [6, 8]
    assert "subject zoe: few images have fewer components than 8: 6 of 7 images" in curve.notes


def test_a_chart_shows_every_roi(known: tuple[ManyLayers, np.ndarray]) -> None:
    _, curve = learned(known, rois=["roi0", "roi39", "All vertices"])
    drawn = plot_curve(curve, "zoe").drawn
    assert [line.roi for line in drawn.lines] == ["roi0", "roi39", "All vertices"]
    for line in drawn.lines:
        np.testing.assert_allclose(line.r, [row.mean_r for row in curve.of_roi("zoe", "all", line.roi)])


def test_the_function_writes_what_it_is_asked_for(known: tuple[ManyLayers, np.ndarray], tmp_path: Path) -> None:
    run, _ = learned(known)
    picture, csv = tmp_path / "curve.svg", tmp_path / "rows.csv"
    how: dict[str, Any] = {"data_dir": data_of(known[0]), "rois": "roi0", "sizes": 2}
    found = algocli.curve(run, **how, path=picture, csv=csv, n_components=4)
    assert found.changed == {"n_components": 4}
    assert picture.stat().st_size > 1000
    assert len(csv.read_text().splitlines()) == 3
    assert (tmp_path / "rows.ceilings.csv").read_text().count("\n") == 2
    with pytest.raises(UsageError, match=r"folds=\.\.\. of a curve are its run's"):
        algocli.curve(run, **how, folds=3)
    with pytest.raises(UsageError, match=r"curve\.doc"):
        algocli.curve(run, **how, path=tmp_path / "curve.doc")
