"""What a sweep found, from rows made by hand: order, the best of each ROI, means over subjects, and the heatmap."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from algocli.dataset.sides import ALL_VERTICES
from algocli.results.nested_rows import Nested, NestedRow
from algocli.results.plots.request import Wishes
from algocli.results.plots.swept import plot_swept
from algocli.results.swept import Model, SweptRow, SweptScores
from algocli.runs.run import Run

ROIS = ("V1v", "EBA", ALL_VERTICES)
CLASSES = {"V1v": "prf-visualrois", "EBA": "floc-bodies"}
# Mean r by model; subject 6 has no right EBA.
R = {
    ("shallow", 1, "left"): (0.5, 0.1, 0.30),
    ("shallow", 1, "right"): (0.4, 0.2, 0.30),
    ("shallow", 6, "left"): (0.3, 0.1, 0.20),
    ("shallow", 6, "right"): (0.3, None, 0.30),
    ("deep", 1, "left"): (0.2, 0.6, 0.45),
    ("deep", 1, "right"): (0.1, 0.5, 0.35),
    ("deep", 6, "left"): (0.1, 0.4, 0.25),
    ("deep", 6, "right"): (0.2, None, 0.20),
    ("other", 1, "left"): (0.0, 0.0, 0.05),
    ("other", 1, "right"): (-0.1, 0.0, 0.05),
    ("other", 6, "left"): (0.0, 0.5, 0.05),
    ("other", 6, "right"): (0.0, None, 0.05),
}
N = {"V1v": 10, "EBA": 30, ALL_VERTICES: 100}


@pytest.fixture
def swept():
    models = tuple(
        Model(Run(Path("runs") / name), network, layer)
        for name, network, layer in (("shallow", "net", "a"), ("deep", "net", "b"), ("other", "timm/small", "c"))
    )
    rows = []
    for model, subject, side in product(models, (1, 6), ("left", "right")):
        name = model.run.name
        for roi, r in zip(ROIS, R[name, subject, side], strict=True):
            n = 0 if r is None else N[roi]
            row = SweptRow(subject, side, roi, n, r, r, None, run=name, model=model.network, layer=model.layer)
            rows.append(row)
    return SweptScores(models, tuple(rows), CLASSES)


def test_models_stand_in_the_order_of_their_means_over_subjects(swept):
    assert swept.ranked.order([1, 6]) == ("deep", "shallow", "other")
    assert swept.ranked.order([6]) == ("shallow", "deep", "other")
    assert swept.ranked.mean("deep", 1, ["V1v", "EBA"]) == pytest.approx((10 * 0.3 + 30 * 1.1) / 80)
    assert swept.ranked.mean_over("deep", [1, 6], ["EBA"], ["right"]) == pytest.approx(0.5)


def test_the_best_of_each_roi_is_told_and_none_of_one_that_is_absent(swept):
    best = {(row.subject, row.hemisphere, row.roi): (row.run, row.naive_mean_r) for row in swept.best()}
    assert best[1, "left", "V1v"] == ("shallow", 0.5)
    assert best[1, "left", "EBA"] == ("deep", 0.6)
    assert best[6, "left", "EBA"] == ("other", 0.5)
    assert best[6, "right", "EBA"] == (None, None)
    assert len(best) == 12
    assert all(row.mean_r is None and row.run == row.naive_run for row in swept.best())


def test_a_choice_in_inner_folds_stands_beside_the_naive_one(swept):
    def choice(roi, run, mean_r):
        return NestedRow(run, 1, "left", roi, N[roi], 1, 1, (run,), mean_r, mean_r)

    chosen = [choice("V1v", "deep", 0.2), choice("EBA", "deep", 0.6), choice(ALL_VERTICES, "deep", 0.45)]
    nested = Nested(("shallow", "deep", "other"), tuple(chosen), CLASSES)
    (first, *_) = replace(swept, nested=nested).best()
    assert (first.run, first.layer, first.mean_r) == ("deep", "b", 0.2)
    assert (first.naive_run, first.naive_mean_r) == ("shallow", 0.5)


def test_the_heatmap_shows_means_over_those_who_have_a_roi(swept):
    chart = plot_swept(swept, Wishes())
    shown = chart.drawn
    assert [layer.label for layer in shown.layers] == ["net a", "net b", "small c"]
    np.testing.assert_allclose(shown.values["left"], [[0.4, 0.1, 0.25], [0.15, 0.5, 0.35], [0, 0.25, 0.05]])
    np.testing.assert_allclose(shown.values["right"][:, 1], [0.2, 0.5, 0])
    assert shown.best("left").tolist() == [0, 1, 1]
    written = [text.get_text() for axes in chart.figure.axes for text in axes.texts]
    assert written.count("0.50") == 2
    assert {"net a", "net b", "small c"} <= {
        label.get_text() for axes in chart.figure.axes for label in axes.get_yticklabels()
    }


def test_records_have_their_columns_and_nothing_else(swept):
    assert all(tuple(record) == swept.columns for record in swept.records)
    assert {"run", "model", "layer", "settings", "roi_class", "mean_r"} <= set(swept.columns)
