"""What is told of a dataset that is not the challenge: tables, charts and files by side, and no maps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import algocli
from algocli.cli.report_tables import show_tables
from algocli.dataset.opening import known, open_dataset
from algocli.errors import UsageError
from algocli.features.audit import Sample, recompute
from algocli.features.pictures import Pictures
from algocli.results.best_layer import count_layers
from algocli.results.certainty import Asked
from algocli.results.compare import compare
from algocli.results.data import gather
from algocli.results.data_of_runs import recorded_subjects
from algocli.results.export import export_arrays, export_table
from algocli.results.export_maps import export_gifti, export_overlays
from algocli.results.page.compare_page import build_compare_page
from algocli.results.page.frame import write_page
from algocli.results.page.report_page import build_report_page
from algocli.results.partition import read_parts, summarise_parts
from algocli.results.plots.accuracy import plot_accuracy, plot_bars
from algocli.results.plots.layers import plot_layers
from algocli.results.plots.request import Wishes
from algocli.results.plots.rois import plot_vertices
from algocli.results.predicted import predict_pictures
from algocli.results.report import summarise
from algocli.results.rows import write_csv
from algocli.runs.p_values import kept
from algocli.runs.run import Run
from algocli.stats.partition import unions
from algocli.submission.sources import of_runs
from tests.dataset.toy import Toy, ToyKind, learn, make_toy, run_of_toy, toy_with_regions  # noqa: F401
from tests.features.by_hand import extract_one, list_stores
from tests.features.stand_in import stand_in


def test_its_scores_are_the_correlations_of_what_was_held_out(toy: Toy, run: Run) -> None:
    share = run.subject("anna")
    measured = toy.subject("anna").measured["all"][share.validation_rows()]
    predicted = share.validation_predictions("all")
    r = [np.corrcoef(pair)[0, 1] for pair in zip(measured.T, predicted.T, strict=True)]
    np.testing.assert_allclose(share.correlation("all"), r, atol=1e-6)


def test_a_report_has_a_row_for_each_roi_of_the_one_side(toy: Toy, run: Run) -> None:
    report = algocli.report(run, data_dir=toy)
    assert [(row.subject, row.hemisphere, row.roi, row.n_vertices) for row in report.rows] == [
        (name, "all", roi, n) for name in ("anna", "ben") for roi, n in (("rim", 2), ("bay", 0), ("All vertices", 7))
    ]
    assert report.sides == ("all",)
    assert not report.has_accuracy


def test_a_report_finds_the_data_again_where_its_kind_is_known(toy: Toy, run: Run) -> None:
    with known(ToyKind(toy)):
        assert algocli.report(run) == algocli.report(run, data_dir=toy)
        assert open_dataset(toy.folder) is toy


def test_without_the_data_a_report_has_all_vertices(run: Run) -> None:
    assert {row.roi for row in algocli.report(run).rows} == {"All vertices"}


def test_rows_become_json_and_csv(toy: Toy, run: Run, tmp_path: Path) -> None:
    report = algocli.report(run, data_dir=toy)
    assert json.loads(json.dumps(report.records))[0]["subject"] == "anna"
    write_csv(report, tmp_path / "report.csv")
    first = (tmp_path / "report.csv").read_text().splitlines()[1]
    assert first.startswith(f"{run.name},stand-in,edges,a formula,anna,all,rim,2,")


def test_a_page_has_one_group_of_columns_and_no_maps(toy: Toy, run: Run, tmp_path: Path) -> None:
    write_page(build_report_page(algocli.report(run, data_dir=toy), run, toy), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "hemisphere" not in page.split("<main", 1)[-1].split("<script", 1)[0].replace("hemispheres", "")
    assert "the dataset does not say where its responses lie" in page


def test_charts_need_no_cortex(toy: Toy, run: Run) -> None:
    with known(ToyKind(toy)):
        drawn = dict(plot_bars(gather(run, toy.folder), run, Wishes()))
    assert list(drawn) == ["anna", "ben"]


@pytest.mark.parametrize(
    "draw", [lambda toy, run: plot_accuracy(toy, run, Wishes()), lambda toy, run: plot_vertices(toy, Wishes())]
)
def test_a_map_of_no_cortex_is_refused(toy: Toy, run: Run, draw: Any) -> None:
    with pytest.raises(UsageError, match="where on a cortex the responses of subject anna are"):
        list(draw(toy, run))


@pytest.mark.parametrize("export", [export_gifti, export_overlays])
def test_files_for_a_cortex_are_refused(toy: Toy, run: Run, tmp_path: Path, export: Any) -> None:
    with pytest.raises(UsageError, match="where on a cortex"):
        export(toy.subject("ben"), run.subject("ben"), tmp_path)


def test_arrays_and_tables_are_exported(toy: Toy, run: Run, tmp_path: Path) -> None:
    names = {path.name for path in export_arrays(run.subject("ben"), tmp_path)}
    assert names == {"all_correlation.npy", "all_pred_val.npy", "val_index.npy"}
    (table,) = export_table(toy.subject("ben"), run.subject("ben"), tmp_path)
    lines = table.read_text().splitlines()
    assert table.parent.name == "ben"
    assert lines[0] == "hemisphere,vertex,rois,r,noise_ceiling,accuracy"
    assert [line.split(",")[:3] for line in lines[1:4]] == [["all", "0", "rim"], ["all", "1", ""], ["all", "2", "rim"]]


def test_a_submission_is_the_challenges_alone(run: Run) -> None:
    with pytest.raises(UsageError, match="subject anna, ben is none of the challenge's"):
        of_runs([run])


def test_runs_are_compared(toy: Toy, run: Run) -> None:
    other = algocli.train(toy.subjects(), run.settings.features, n_components=3, cache_dir=run.cache_dir)
    with known(ToyKind(toy)):
        found = compare([run, other], n_resamples=20)
    assert found.subjects == ("anna", "ben")
    assert found.sides == ("all",)


def test_responses_to_new_images_are_what_they_would_have_been_in_the_set(tmp_path: Path) -> None:
    toy = make_toy(tmp_path / "data", ("anna-2",), ("upper", "lower"), regions={"rim": {"upper": [1, 3]}})
    cache = tmp_path / "cache"
    names = algocli.extract(toy.subjects(), "alexnet", "features.12", weights="random", cache_dir=cache, device="cpu")
    trained = algocli.train(toy.subjects(), names, n_components=8, cache_dir=cache)
    anna = toy.subject("anna-2")
    with known(ToyKind(toy)):
        found = algocli.predict(trained, "anna-2", [one.path for one in anna.test_stimuli], device="cpu")
        (origin,) = recorded_subjects(trained, toy.folder)
        pictures = Pictures(tuple(one.path for one in anna.test_stimuli))
        (written,) = predict_pictures(trained, [origin], pictures, cache, tmp_path / "out", rois=["rim"], device="cpu")
        verdicts = list(recompute(list_stores(cache), toy.folder, cache))
    assert list(found) == ["upper", "lower"]
    for side, predicted in found.items():
        np.testing.assert_allclose(predicted, trained.subject("anna-2").test_predictions(side), atol=1e-2)
    assert [path.relative_to(tmp_path / "out").as_posix() for path in written.files] == [
        "anna-2/upper_pred.npy",
        "anna-2/lower_pred.npy",
    ]
    assert [row.n_vertices for row in written.rows if row.hemisphere == "lower"] == [0] * 4
    assert all(isinstance(one, Sample) and one.agrees for one in verdicts)


def test_how_sure_scores_are_is_told_of_one_side(toy: Toy, run: Run) -> None:
    with known(ToyKind(toy)):
        asked = Asked(n_permutations=20, n_resamples=20)
        report = summarise(toy.folder, run, asked=asked)
    row = report.row("anna", "all", "All vertices")
    assert row is not None
    assert row.low is not None
    assert row.significant_share is not None
    assert kept(run.subject("anna")) is not None


def test_variance_is_partitioned_on_one_side(toy: Toy, tmp_path: Path) -> None:
    anna, cache = toy.subject("anna"), tmp_path / "cache"
    names = {layer: extract_one(anna, stand_in((layer,)), cache).folder.parent.name for layer in ("edges", "corner")}
    runs = {
        union: algocli.train(anna, tuple(names[layer] for layer in sorted(union)), n_components=4, cache_dir=cache)
        for union in unions([*names])
    }
    report = summarise_parts([*names], [(anna, read_parts(anna, runs))])
    assert {row.hemisphere for row in report.rows} == {"all"}
    assert report.of_roi("anna", "rim") == report.of_roi("anna", "rim", "all") != []


def test_tables_on_the_screen_have_a_column_a_side(toy: Toy, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    show_tables(algocli.report(run, data_dir=toy))
    told = capsys.readouterr().out
    assert "Subject anna, all: r on held-out training images" in told
    assert "hemisphere" not in told
    assert "left" not in told


def test_layers_are_charted_and_a_comparison_is_a_page(toy: Toy, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    runs = []
    for layer in ("edges", "corner"):
        names = {extract_one(one, stand_in((layer,)), cache).folder.parent.name for one in toy.subjects()}
        runs.append(algocli.train(toy.subjects(), tuple(names), n_components=4, cache_dir=cache))
    drawn = dict(plot_layers(toy, runs, Wishes()))
    assert list(drawn["ben"].drawn.values) == ["all"]
    assert {row.hemisphere for row in count_layers(toy, runs)} == {"all"}
    with known(ToyKind(toy)):
        comparison = compare(runs, n_resamples=10)
        write_page(build_compare_page(comparison, runs, toy), tmp_path / "page.html")
    assert "All" in (tmp_path / "page.html").read_text()
