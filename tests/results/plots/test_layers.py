"""Layers by ROI, and the best layer of several runs."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from algocli.errors import UsageError
from algocli.results.best_layer import NOT_PREDICTED, count_layers, find_best_layers, layers_by_roi
from algocli.results.drawing.style import DARK, LIGHT
from algocli.results.layered import layered
from algocli.results.plots.layers import plot_best_layer, plot_layers
from algocli.results.plots.request import Wishes, all_shortened
from tests.results.blends import LAYERS, weigh, write_blend, write_recipe
from tests.results.by_hand import n_vertices
from tests.results.single_layers import roi_codes, write_layer_run

ONE = Wishes((1,), dpi=50)


def falling(hemisphere):
    return np.linspace(0.6, -0.1, n_vertices(1, hemisphere))


def rising(hemisphere):
    return np.linspace(0.0, 0.5, n_vertices(1, hemisphere))


@pytest.fixture
def runs(tmp_path):
    for name, layer in zip(LAYERS, ("features.2", "features.5", "features.12"), strict=True):
        write_recipe(tmp_path, name, "alexnet", layer)
    early = write_layer_run(tmp_path, "early", "features.2", falling)
    return [early, write_layer_run(tmp_path, "late", "features.12", rising)]


def texts(chart):
    return " ".join("\n".join(text.get_text() for text in chart.figure.texts).split())


def column(chart, roi):
    return list(chart.drawn.classes).index(roi)


def test_a_cell_is_the_median_r_of_the_layers_run_in_the_roi(challenge, runs, tiny_challenge):
    [(_, chart)] = plot_layers(challenge, runs, ONE)
    inside = roi_codes(tiny_challenge, "floc-places", "left") == 2
    found = chart.drawn.values["left"][:, column(chart, "PPA")]
    np.testing.assert_allclose(found, [np.median(falling("left")[inside]), np.median(rising("left")[inside])])


def test_the_last_column_is_all_vertices(challenge, runs):
    [(_, chart)] = plot_layers(challenge, runs, ONE)
    assert list(chart.drawn.classes)[-1] == "All vertices"
    np.testing.assert_allclose(chart.drawn.values["right"][:, -1], [0.25, 0.25])


def test_of_a_blend_a_cell_is_the_layers_mean_weight(challenge, tiny_challenge, tmp_path):
    [(_, chart)] = plot_layers(challenge, [write_blend(tmp_path)], ONE)
    inside = roi_codes(tiny_challenge, "streams", "right") == 1
    weights = weigh(2, 3, n_vertices(1, "right"))[-1]
    np.testing.assert_allclose(
        chart.drawn.values["right"][:, column(chart, "early")], weights[:, inside].mean(axis=1), rtol=1e-6
    )
    assert "Mean weight of each layer's model in the blend" in texts(chart)
    assert [axes.get_title() for axes in chart.figure.axes][-1] == "mean weight in the blend"


def test_the_figures_in_the_cells_are_the_values_and_the_best_are_bold(challenge, runs):
    [(_, chart)] = plot_layers(challenge, runs, Wishes((1,), ("left",), dpi=50), rois=["V1v", "PPA", "RSC"])
    axes = chart.figure.axes[0]
    shown = {(text.get_text(), text.get_fontweight()) for text in axes.texts if text.get_text()[-1].isdigit()}
    values = chart.drawn.values["left"]
    best = np.arange(2)[:, None] == values.argmax(axis=0)
    pairs = zip(values.ravel(), best.ravel(), strict=True)
    assert shown == {(f"{value:.2f}", "bold" if is_best else "normal") for value, is_best in pairs}
    frames = sorted(
        (round(box.get_x() + box.get_width() / 2, 6), round(box.get_y() + box.get_height() / 2)) for box in axes.patches
    )
    assert [row for _, row in frames] == values.argmax(axis=0).tolist()


def test_an_absent_roi_has_dashes_and_no_best_layer(challenge, runs):
    [(_, chart)] = plot_layers(challenge, runs, Wishes((1,), ("right",), dpi=50), rois=["V1v", "VWFA-2", "aTL-faces"])
    assert [text.get_text() for text in chart.figure.axes[0].texts].count("–") == 2 * sum(
        chart.drawn.n_vertices["right"] == 0
    )
    absent = column(chart, "aTL-faces")
    assert chart.drawn.best("right")[absent] == -1
    assert np.isnan(chart.drawn.values["right"][:, absent]).all()
    assert "a dash a ROI that is absent" in texts(chart)


def test_layers_stand_in_the_order_in_which_runs_were_named(challenge, runs):
    [(_, chart)] = plot_layers(challenge, runs[::-1], ONE)
    assert [label.get_text() for label in chart.figure.axes[0].get_yticklabels()] == ["features.12", "features.2"]
    assert "Layers of alexnet: median r by ROI, subject 1" in texts(chart)
    assert "Runs late, early." in texts(chart)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_no_text_of_a_heatmap_leaves_the_figure(challenge, runs, theme):
    [(_, chart)] = plot_layers(challenge, runs, Wishes((1,), title="Heat " * 40, dpi=50, theme=theme))
    chart.figure.draw_without_rendering()
    assert to_hex(chart.figure.get_facecolor()) == theme.paper
    edges = chart.figure.bbox
    labels = [label for axes in chart.figure.axes[:-1] for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]
    for text in (*chart.figure.texts, *labels, *(text for axes in chart.figure.axes for text in axes.texts)):
        box = text.get_window_extent()
        assert edges.x0 <= box.x0
        assert box.x1 <= edges.x1
        assert edges.y0 <= box.y0
        assert box.y1 <= edges.y1


def test_rows_have_every_layer_of_every_roi_once_and_one_best(challenge, runs):
    _, [table] = layers_by_roi(challenge, runs, subjects=[1], rois=["PPA", "aTL-faces"])
    rows = list(table.rows)
    assert len(rows) == 2 * 2 * 2
    assert sum(row.is_best for row in rows) == 2
    assert {row.value for row in rows if row.roi == "aTL-faces"} == {None}
    assert {(row.layer, row.features) for row in rows} == {("features.2", LAYERS[0]), ("features.12", LAYERS[2])}


def test_of_several_runs_the_layer_of_largest_r_is_the_vertexs_layer(challenge, runs):
    codes = find_best_layers(challenge.subject(1), layered(runs), ["left"], min_r=0.0).codes["left"]
    ceiling = challenge.subject(1).noise_ceiling("left")
    predicted = (ceiling > 0) & (np.maximum(falling("left"), rising("left")) > 0)
    np.testing.assert_array_equal(codes[predicted], (rising("left") > falling("left"))[predicted])


def test_of_several_runs_the_best_must_be_above_the_threshold(challenge, runs):
    codes = find_best_layers(challenge.subject(1), layered(runs), ["right"], min_r=0.3).codes["right"]
    low = np.maximum(falling("right"), rising("right")) <= 0.3
    ceiling = challenge.subject(1).noise_ceiling("right")
    np.testing.assert_array_equal(codes == NOT_PREDICTED, low & (ceiling > 0.09))


def test_the_map_of_several_runs_says_that_r_chose(challenge, runs):
    [(_, drawn)] = plot_best_layer(challenge, runs, ONE)
    assert drawn.title == "Best layer of alexnet, subject 1"
    assert "Layer of the largest r on held-out training images" in drawn.caption
    assert "Runs early, late." in drawn.caption
    assert [name.split()[0] for name in drawn.key.names] == ["features.2", "features.12", "none"]


def test_runs_that_held_out_other_images_are_told_of(challenge, runs, tmp_path):
    other = write_layer_run(tmp_path, "other", "features.5", 0.3, rows=(0, 2))
    [(_, drawn)] = plot_best_layer(challenge, [*runs, other], ONE)
    assert "held out different images" in drawn.caption


def test_one_layers_runs_are_told_apart_by_their_names(runs, tmp_path):
    again = write_layer_run(tmp_path, "again", "features.2", 0.1)
    assert [layer.label for layer in layered([runs[0], again]).layers] == ["early", "again"]


def test_long_names_keep_the_middle_where_it_tells_them_apart():
    names = [f"a-network-named-{place}-that-goes-on-and-on-and-on" for place in (1, 2)]
    assert all_shortened(names) == names
    assert all_shortened([names[0], "short"]) == ["a-network-na…t-goes-on-and-on-and-on", "short"]


def test_a_run_of_several_layers_stands_for_none_of_them(runs, tmp_path):
    with pytest.raises(UsageError, match="run a-blend has 3 layers in one model"):
        layered([runs[0], write_blend(tmp_path)])


def test_a_run_named_twice_is_refused(runs):
    with pytest.raises(UsageError, match="run early is named twice"):
        layered([*runs, runs[0]])


def test_one_run_of_one_layer_is_refused_with_the_runs_there_are(challenge, runs):
    with pytest.raises(UsageError, match="no layers to choose from") as caught:
        list(plot_layers(challenge, runs[:1], ONE))
    assert caught.value.hint.startswith("name runs of one layer each: run=")


def test_the_counts_of_several_runs_sum_to_the_vertices(challenge, runs):
    rows = count_layers(challenge, runs, subjects=[1], hemispheres=["left"])
    assert sum(row.n_vertices for row in rows) == n_vertices(1, "left")


def test_one_layer_by_other_weights_is_told_apart_by_the_runs_names(tmp_path):
    for name in ("drawn", "learned"):
        write_recipe(tmp_path, f"alexnet-{name}-1a2b3c4d", "alexnet", "features.2")
    runs = [write_layer_run(tmp_path, f"run-{name}", name, 0.2) for name in ("drawn", "learned")]
    assert [layer.label for layer in layered(runs).layers] == ["run-drawn", "run-learned"]
    assert [layer.whose["model"] for layer in layered(runs).layers] == ["alexnet", "alexnet"]


def test_labels_are_taken_in_the_order_of_the_runs(challenge, runs):
    wishes = Wishes((1,), dpi=50, labels=("one", "two"))
    [(_, chart)] = plot_layers(challenge, runs, wishes)
    assert [label.get_text() for label in chart.figure.axes[0].get_yticklabels()] == ["one", "two"]
    [(_, drawn)] = plot_best_layer(challenge, runs, wishes)
    assert [name.split()[0] for name in drawn.key.names] == ["one", "two", "none"]
    assert "Runs early, late." in drawn.caption
    assert {(row.run, row.layer) for row in chart.drawn.rows} == {("early", "one"), ("late", "two")}


def test_labels_name_the_layers_of_one_run(challenge, tmp_path):
    [(_, drawn)] = plot_best_layer(challenge, [write_blend(tmp_path)], Wishes((1,), dpi=50, labels=("a", "b", "c")))
    assert [name.split()[0] for name in drawn.key.names] == ["a", "b", "c", "none"]


@pytest.mark.parametrize(
    ("labels", "told"), [(("one",), "1 for 2 runs"), (("one", "one"), "two runs are called 'one'")]
)
def test_labels_that_do_not_fit_the_runs_are_refused(runs, labels, told):
    with pytest.raises(UsageError, match=told):
        layered(runs, labels)
