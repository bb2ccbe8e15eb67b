"""`algocli plot` as a shell sees it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from algocli.cli import app
from tests.results.blends import write_blend
from tests.results.by_hand import write_run
from tests.results.fields_by_hand import write_fields_run
from tests.results.single_layers import write_layer_run


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    write_layer_run(folder, "low", "features.2", 0.2)
    write_layer_run(folder, "high", "features.12", 0.4)
    write_run(folder, "b-run", finished_at=1e9)
    write_run(folder, finished_at=2e9)
    write_fields_run(folder, "seen", finished_at=0.5e9)
    return folder


@pytest.fixture
def plot(tiny_challenge, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*words):
        places = ["--data-dir", str(tiny_challenge), "--cache-dir", str(cache)]
        return CliRunner().invoke(app, ["plot", *words, "--dpi", "50", *places])

    return invoke


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["accuracy"], "accuracy_subj01.png"),
        (["rois"], "rois_subj01.png"),
        (["vertices"], "vertices_subj01.png"),
        (["roi", "FFA-1", "PPA"], "roi_FFA-1_PPA_subj01.png"),
        (["response", "--stimulus", "2", "--roi", "PPA"], "response_2_subj01.png"),
        (["ceiling"], "ceiling_subj01.png"),
        (["layers", "--run", "low", "--run", "high", "--dark"], "layers_subj01.png"),
        (["difference", "--run", "high", "--against", "low", "--hemisphere", "left"], "difference_subj01.png"),
        (["response", "--nsd-id", "1009", "--dark"], "response_nsd1009_subj01.png"),
        (["prediction", "--vmax", "2"], "prediction_subj01.png"),
        (["angle", "--run", "seen", "--outline", "V1"], "angle_subj01.png"),
        (["coverage", "--run", "seen", "--roi", "V1"], "coverage_subj01.png"),
        (["size-by-eccentricity", "--run", "seen", "--dark"], "size-by-eccentricity_subj01.png"),
    ],
)
def test_every_kind_of_figure_is_written_and_its_path_is_all_that_stdout_says(plot, tmp_path, words, name):
    result = plot(*words, "-s", "1")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{name}\n"
    assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("suffix", "magic"), [(".svg", b"<?xml"), (".pdf", b"%PDF"), (".PNG", b"\x89PNG")])
def test_the_suffix_decides_the_format(plot, tmp_path, suffix, magic):
    result = plot("rois", "-s", "6", "-o", f"deeper/figure{suffix}")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / f"deeper/figure{suffix}").read_bytes().startswith(magic)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["accuracy"], "accuracy_group.png"),
        (["difference", "--run", "a-run", "--against", "b-run"], "difference_group.png"),
        (["rois", "--run", "a-run", "--run", "b-run", "-o", "dots.svg"], "dots.svg"),
        (["layers", "--run", "a-run", "--run", "b-run", "--roi", "PPA"], "layers_group.png"),
        (["best-layer", "--run", "a-run", "--run", "b-run", "-o", "best.html"], "best.html"),
    ],
)
def test_a_group_has_one_figure(plot, tmp_path, words, name):
    result = plot(*words, "--group")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{name}\n"
    written = (tmp_path / name).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert plot(*words, "--group").exit_code == 0
    assert (tmp_path / name).read_bytes() == written


def test_the_json_of_a_group_names_its_subjects_and_how_stable_layers_are(plot):
    words = ["--group", "--run", "a-run", "--run", "b-run", "--hemisphere", "right", "--json"]
    printed = json.loads(plot("layers", *words, "--roi", "PPA").stdout)
    assert printed["figures"] == [{"subjects": [1, 6], "path": "layers_group.png"}]
    assert [row["layer"] for row in printed["rows"]] == ["a-run", "b-run"]
    assert {row["n_subjects"] for row in printed["rows"]} == {2}
    [best] = [row for row in printed["rows"] if row["is_best"]]
    assert 0.25 <= best["stability"] <= 1
    assert best["low"] < best["value"] < best["high"]
    counted = json.loads(plot("best-layer", *words, "--min-r", "0").stdout)["rows"]
    assert [(row["layer"], row["reason"]) for row in counted[:3]] == [
        ("a-run", None),
        ("b-run", None),
        (None, "no layer helps"),
    ]


def test_several_subjects_get_a_figure_each(plot, tmp_path):
    result = plot("rois", "-o", "bars.png")
    assert result.stdout.split() == ["bars_subj01.png", "bars_subj06.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bars_subj01.png", "bars_subj06.png"]


def test_a_folder_gets_the_default_names(plot, tmp_path):
    (tmp_path / "figures").mkdir()
    assert plot("rois", "-s", "1", "-o", "figures").stdout.strip() == str(Path("figures/rois_subj01.png"))


def test_one_hemisphere_makes_a_flatter_figure(plot, tmp_path):
    from PIL import Image

    for words in (["-o", "both.png"], ["-o", "left.png", "--hemisphere", "left"]):
        assert plot("vertices", "-s", "1", *words).exit_code == 0
    with Image.open(tmp_path / "both.png") as both, Image.open(tmp_path / "left.png") as left:
        assert left.height < 0.7 * both.height


def test_figures_of_the_data_need_no_run(tiny_challenge, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["plot", "vertices", "-s", "1", "--dpi", "50", "--data-dir", str(tiny_challenge)]
    assert CliRunner().invoke(app, [*words, "--cache-dir", str(tmp_path / "none")]).exit_code == 0


def test_figures_of_a_run_without_one_name_the_missing_step(tiny_challenge, tmp_path):
    words = ["plot", "accuracy", "--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 4
    assert "algocli train" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["roi"], "needs the name of a ROI"),
        (["roi", "FFA1"], "did you mean FFA-1"),
        (["accuracy", "V1v"], "takes no further word"),
        (["accuracy", "--roi", "V1v"], "takes no --roi"),
        (["rois", "--stimulus", "1"], "takes no --stimulus"),
        (["response"], "needs a training image"),
        (["response", "--stimulus", "1", "--nsd-id", "9"], "named twice"),
        (["rois", "--cmap", "magma"], "takes no --cmap"),
        (["accuracy", "--vmin", "2"], "cannot go from 2"),
        (["response", "--stimulus", "99"], "rows go from 0 to 11"),
        (["rois", "-o", "figure.bmp"], "cannot be written as figure.bmp"),
        (["best-layer"], "run a-run has no layers to choose from"),
        (["best-layer", "V1v"], "takes no further word"),
        (["accuracy", "--min-r", "0.2"], "takes no --min-r"),
        (["best-layer", "--min-r", "2"], "--min-r"),
        (["brain"], "brain"),
        (["accuracy", "--run", "low", "--run", "high"], "takes one --run, found 2"),
        (["vertices", "--run", "low"], "takes no --run"),
        (["accuracy", "--against", "low"], "takes no --against"),
        (["rois", "--significant"], "takes no --significant"),
        (["best-layer", "--cmap", "magma"], "takes no --cmap"),
        (["roi", "V1v", "--cmap", "magma"], "takes no --cmap"),
        (["ceiling", "--vmax", "1"], "takes no --vmax"),
        (["rois", "--surface", "fsaverage"], "takes no --surface"),
        (["difference"], "needs a run to compare with"),
        (["difference", "--run", "low", "--against", "low"], "does not differ from itself"),
        (["layers", "--run", "low"], "run low has no layers to choose from"),
        (["layers", "--run", "low", "--run", "high", "-o", "chart.html"], "only a map can be turned in a page"),
        (["rois", "--hemisphere", "upper"], "upper"),
        (["ceiling", "--group"], "takes no --group"),
        (["rois", "--group", "-s", "1"], "a group needs 2 subjects at the least"),
        (["rois", "--run", "low", "--run", "high"], "takes one --run, found 2"),
    ],
)
def test_a_request_that_makes_no_sense_is_a_usage_error_and_writes_nothing(plot, tmp_path, words, told):
    result = plot(*words)
    assert result.exit_code == 2
    assert told in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_json_of_best_layers_counts_them(tiny_challenge, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_blend(tmp_path / "cache")
    places = ["--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path / "cache")]
    words = ["plot", "best-layer", "-s", "1", "--hemisphere", "left", "--dpi", "50", "--json"]
    printed = json.loads(CliRunner().invoke(app, [*words, *places]).stdout)
    assert printed["figures"] == [{"subject": 1, "path": "best-layer_subj01.png"}]
    assert sum(row["n_vertices"] for row in printed["rows"]) == 31


def test_a_map_may_be_a_page(plot, tmp_path):
    result = plot("accuracy", "-s", "1", "-o", "map.html")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "map.html\n"
    assert (tmp_path / "map.html").read_text().lower().startswith("<!doctype html>")


def test_without_p_values_the_command_that_makes_them_is_told(plot):
    result = plot("accuracy", "-s", "1", "--significant")
    assert result.exit_code == 4
    assert "algocli report --significance -s 1 --run a-run" in result.stderr.replace("\n", " ")


def test_a_folder_that_cannot_be_written_is_one_sentence(plot, tmp_path):
    (tmp_path / "file").write_text("")
    result = plot("rois", "-s", "1", "-o", "file/figure.png")
    assert result.exit_code == 3
    assert "a file stands where a folder is needed" in result.stderr.replace("\n", " ")


def test_the_json_of_layers_has_a_row_for_each_cell(plot):
    words = ["layers", "--run", "low", "--run", "high", "--roi", "PPA", "--hemisphere", "left", "--json"]
    printed = json.loads(plot(*words).stdout)
    assert printed["runs"] == ["low", "high"]
    assert [(row["value"], row["is_best"]) for row in printed["rows"]] == [(0.2, False), (0.4, True)]


def test_the_json_lists_the_figures(plot):
    printed = json.loads(plot("rois", "-s", "6", "--json").stdout)
    assert printed == {"what": "rois", "run": "a-run", "figures": [{"subject": 6, "path": "rois_subj06.png"}]}


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_a_title_with_what_no_text_may_hold_gives_a_well_formed_file(plot, tmp_path, suffix):
    path = tmp_path / f"figure{suffix}"
    # An escape, a byte that is no UTF-8 as Python has it, and a number that Unicode gives no letter.
    result = plot("vertices", "-s", "1", "-o", str(path), "--title", "<b>\x1b\udcff\uffffné")
    assert result.exit_code == 0, result.stderr
    text = path.read_text(encoding="utf-8")
    assert "&lt;b&gt;   né" in text
    if suffix == ".svg":
        ET.fromstring(text)


@pytest.mark.parametrize("ends", [("-1e308", "1e308"), ("0", "inf"), ("0.5", "0.5000000001")])
def test_a_colour_scale_that_cannot_be_drawn_is_refused(plot, tmp_path, ends):
    result = plot("accuracy", "-s", "1", "--vmin", ends[0], "--vmax", ends[1])
    assert result.exit_code == 2
    assert "a colour scale from" in result.stderr
    assert list(tmp_path.iterdir()) == []
