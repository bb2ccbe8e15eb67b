"""What a run found for each layer is shown and exported, whether a blend's weights or banded ridge's shares."""

from __future__ import annotations

import csv

import nibabel
import numpy as np
import pytest
from nibabel.freesurfer.mghformat import MGHImage

from algocli.errors import DataError, UsageError
from algocli.results.best_layer import count_layers, find_best_layers, layers_by_roi
from algocli.results.export import TABLE_COLUMNS, export_arrays, export_table
from algocli.results.export_maps import export_gifti, export_overlays
from algocli.results.layered import columns_per_layer, layered
from algocli.results.page.report_page import build_report_page
from algocli.results.plots.layers import plot_best_layer, plot_layers
from algocli.results.plots.request import Wishes
from algocli.results.report import summarise
from tests.results.blends import BANDED, BLEND, LAYERS, weigh, write_blend, write_recipe
from tests.results.by_hand import n_vertices, write_run
from tests.results.single_layers import roi_codes
from tests.support.damage import replace_array

NODES = ("features.2", "features.5", "features.12")
LEFT = weigh(2, 3, 31)[-1]


def write(cache, settings=BANDED, **options):
    for name, layer in zip(LAYERS, NODES, strict=True):
        write_recipe(cache, name, "alexnet", layer)
    run = write_blend(cache, settings, **options)
    share = run.subject(1)
    for hemisphere in ("left", "right"):
        share.save(f"{hemisphere}_pred_validation", np.zeros((5, n_vertices(1, hemisphere)), np.float32))
    share.save("validation_rows", np.arange(5))
    share.finish(share.record)
    return run


@pytest.fixture
def banded(tmp_path):
    return write(tmp_path / "cache", name="a-banded-ridge")


@pytest.fixture(params=[("share", BANDED), ("weight", BLEND)], ids=["banded", "blend"])
def either(request, tmp_path):
    value, settings = request.param
    return value, write(tmp_path / "cache", settings)


def words(drawn):
    return " ".join(f"{drawn.title} {drawn.caption}".split())


def test_the_layer_of_the_largest_share_in_the_refit_is_the_vertexs_layer(challenge, banded):
    codes = find_best_layers(challenge.subject(1), layered([banded]), ["left"]).codes["left"]
    assert [codes[v] for v in (1, 2, 3, 4)] == [1, 2, 0, 1]


def test_layers_of_a_banded_ridge_are_counted(challenge, banded):
    rows = count_layers(challenge, [banded], subjects=[1], hemispheres=["left"])
    assert [row.layer for row in rows[:3]] == list(NODES)
    assert sum(row.n_vertices for row in rows) == 31


def test_the_map_says_that_it_is_of_shares(challenge, banded):
    [(_, drawn)] = plot_best_layer(challenge, [banded], Wishes((1,)))
    assert "Layer of the largest share in the banded ridge" in words(drawn)
    assert "Best layer of alexnet" in words(drawn)


def test_of_a_banded_ridge_a_cell_is_the_layers_mean_share(challenge, tiny_challenge, banded):
    [(_, chart)] = plot_layers(challenge, [banded], Wishes((1,), dpi=50))
    inside = roi_codes(tiny_challenge, "floc-places", "left") == 2
    found = chart.drawn.values["left"][:, list(chart.drawn.classes).index("PPA")]
    np.testing.assert_allclose(found, LEFT[:, inside].mean(axis=1), rtol=1e-6)
    assert chart.drawn.measure == "mean share in the banded ridge"


def test_rows_of_a_table_say_what_their_value_is(challenge, banded):
    _, [table] = layers_by_roi(challenge, [banded], rois=["PPA"])
    assert {row.measure for row in table.rows} == {"mean share in the banded ridge"}


def test_a_report_page_of_a_banded_ridge_has_the_map_of_layers(challenge, banded):
    [part] = build_report_page(summarise(challenge, banded, rois=["EBA"]), banded, challenge).subjects
    assert [name for name, _ in part.maps] == ["map-1", "layers-1"]


def test_a_banded_ridge_is_offered_where_layers_are_asked_of_another(banded):
    plain = write_run(banded.cache_dir, "plain")
    with pytest.raises(UsageError, match="its regression is ols, not banded or blend") as caught:
        layered([plain])
    assert caught.value.hint == "run='a-banded-ridge' is a banded ridge"


def test_without_a_refit_all_folds_count_together(tmp_path):
    from dataclasses import replace

    run = write(tmp_path, replace(BANDED, refit=False))
    found = columns_per_layer(run, 1, "left", 31)
    np.testing.assert_allclose(found["share.features.2"], weigh(2, 3, 31)[:, 0].mean(axis=0))


def test_npy_has_them_fit_by_fit(either, tmp_path):
    _, run = either
    export_arrays(run.subject(1), tmp_path / "out")
    name = {"banded": "band", "blend": "blend"}[run.settings.regression]
    np.testing.assert_array_equal(np.load(tmp_path / f"out/subj01/lh_{name}.npy"), weigh(2, 3, 31))


def test_the_table_has_a_column_for_each_layer(either, challenge, tmp_path):
    value, run = either
    [path] = export_table(challenge.subject(1), run.subject(1), tmp_path / "out")
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == (*TABLE_COLUMNS, *(f"{value}.{node}" for node in NODES))
    for node, expected in zip(NODES, LEFT, strict=True):
        assert [float(row[f"{value}.{node}"]) for row in rows[:31]] == expected.astype(np.float64).tolist()


def test_gifti_has_a_map_for_each_layer(either, challenge, tmp_path):
    value, run = either
    export_gifti(challenge.subject(1), run.subject(1), tmp_path / "out")
    vertices = challenge.subject(1).fsaverage_vertices("left")
    for node, expected in zip(NODES, LEFT, strict=True):
        found = nibabel.load(tmp_path / f"out/subj01/lh.{value}.{node}.func.gii").agg_data()
        np.testing.assert_array_equal(found[vertices], expected)
        assert np.isnan(np.delete(found, vertices)).all()


def test_mgh_has_a_map_for_each_layer(either, challenge, tmp_path):
    value, run = either
    export_overlays(challenge.subject(1), run.subject(1), tmp_path / "out")
    vertices = challenge.subject(1).fsaverage_vertices("left")
    for node, expected in zip(NODES, LEFT, strict=True):
        path = tmp_path / f"out/subj01/lh.{value}.{node}.mgh"
        found = np.asarray(MGHImage.from_bytes(path.read_bytes()).dataobj).ravel()
        np.testing.assert_array_equal(found[vertices], expected)


def test_layers_that_differ_in_letters_that_no_file_has_go_by_their_features(tmp_path):
    for name, layer in zip(LAYERS, ("a b", "a/b", "c"), strict=True):
        write_recipe(tmp_path, name, "alexnet", layer)
    found = columns_per_layer(write_blend(tmp_path), 1, "left", 31)
    assert list(found) == [f"weight.{name}" for name in LAYERS]


def test_shares_of_another_number_of_layers_are_refused(challenge, banded):
    replace_array(banded.subject(1), "left_band", np.zeros((2, 2, 31), np.float32))
    with pytest.raises(DataError, match="the left shares of the run's subject 1 are of shape"):
        find_best_layers(challenge.subject(1), layered([banded]), ["left"])


def test_a_run_that_compares_no_layers_has_no_such_columns(challenge, run):
    assert columns_per_layer(run, 1, "left", 31) == {}
