"""`algocli export` as a shell sees it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.compute.vouching import write_sealed
from algocli.runs.finding import find_run
from algocli.runs.p_values import KeptP, keep, state
from tests.results.by_hand import N_VALIDATION, write_run


@pytest.fixture
def export(tmp_path, tiny_challenge):
    write_run(tmp_path / "cache")

    def invoke(*words):
        places = ["--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path / "cache")]
        return CliRunner().invoke(app, ["export", *places, "-o", str(tmp_path / "out"), *words])

    return invoke


def test_npy_writes_five_arrays_a_subject_and_prints_their_paths(export, tmp_path):
    result = export()
    assert result.exit_code == 0, result.stderr
    found = sorted(str(path) for path in (tmp_path / "out").rglob("*.npy"))
    assert sorted(result.stdout.split()) == found
    assert len(found) == 10
    assert np.load(tmp_path / "out/subj06/rh_pred_val.npy").shape == (N_VALIDATION, 46)
    assert np.load(tmp_path / "out/subj01/val_index.npy").shape == (N_VALIDATION,)


def test_npy_needs_no_data_folder(export, tmp_path):
    assert export("--data-dir", str(tmp_path / "elsewhere")).exit_code == 0


def test_csv_writes_a_table_a_subject(export, tmp_path):
    result = export("--format", "csv", "-s", "6")
    assert result.stdout.split() == [str(tmp_path / "out/subj06/vertices.csv")]
    header, *rows = (tmp_path / "out/subj06/vertices.csv").read_text().splitlines()
    assert header == "hemisphere,fsaverage_vertex,rois,r,noise_ceiling,accuracy"
    assert len(rows) == 36 + 46


def test_the_json_lists_the_files(export, tmp_path):
    printed = json.loads(export("--format", "csv", "--json").stdout)
    names = [str(tmp_path / f"out/subj0{subject}/vertices.csv") for subject in (1, 6)]
    assert printed == {"run": "a-run", "files": names}


def test_p_values_are_written_where_the_run_has_them(export, tmp_path):
    share = find_run(tmp_path / "cache").subject(6)
    p = {"left": np.linspace(0.1, 1, 36), "right": np.linspace(0.2, 1, 46)}
    keep(share, KeptP(p, n_permutations=99, seed=0), state(share))
    export()
    export("--format", "csv")
    assert not list((tmp_path / "out/subj01").glob("*_p.npy"))
    np.testing.assert_array_equal(np.load(tmp_path / "out/subj06/lh_p.npy"), p["left"])
    np.testing.assert_array_equal(np.load(tmp_path / "out/subj06/rh_p.npy"), p["right"])
    header, *rows = (tmp_path / "out/subj06/vertices.csv").read_text().splitlines()
    assert header == "hemisphere,fsaverage_vertex,rois,r,noise_ceiling,accuracy,p"
    assert [float(row.split(",")[-1]) for row in rows] == [*p["left"], *p["right"]]


def test_gifti_writes_maps_and_labels_of_each_hemisphere(export, tmp_path):
    result = export("--format", "gifti", "-s", "6")
    assert result.exit_code == 0, result.stderr
    names = [path.removeprefix(f"{tmp_path}/out/subj06/") for path in result.stdout.split()]
    classes = ("prf-visualrois", "floc-bodies", "floc-faces", "floc-places", "floc-words", "streams")
    assert names == [
        f"{side}.{name}"
        for side in ("lh", "rh")
        for name in (
            *(f"{quantity}.func.gii" for quantity in ("correlation", "noise_ceiling", "accuracy")),
            *(f"{roi_class}.label.gii" for roi_class in classes),
        )
    ]


def test_mgh_writes_overlays_and_annotations_that_the_json_lists(export, tmp_path):
    files = json.loads(export("--format", "mgh", "-s", "1", "--json").stdout)["files"]
    assert sorted(files) == sorted(map(str, (tmp_path / "out/subj01").iterdir()))
    assert {name.rpartition(".")[2] for name in files} == {"mgh", "annot"}


@pytest.fixture
def recorded(tmp_path, tiny_challenge, monkeypatch):
    """Export a run that was trained on a folder, with no data folder named in any way."""
    monkeypatch.delenv("ALGOCLI_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    run = write_run(tmp_path / "cache")
    source = shutil.copytree(tiny_challenge, tmp_path / "source", ignore=shutil.ignore_patterns("*.png"))
    for number in run.subjects:
        path = run.folder / f"subj0{number}/record.json"
        write_sealed(path, {**json.loads(path.read_text()), "data": str(source / f"subj0{number}")})

    def invoke(*words):
        return CliRunner().invoke(app, ["export", "--cache-dir", str(tmp_path / "cache"), *words])

    return invoke


@pytest.mark.parametrize("file_format", ["csv", "gifti", "mgh"])
def test_the_data_that_the_run_was_trained_on_is_found_again(recorded, file_format):
    result = recorded("--format", file_format)
    assert result.exit_code == 0, result.stderr
    assert "export/subj06/" in result.stdout


@pytest.mark.parametrize("file_format", ["csv", "gifti", "mgh"])
def test_a_run_whose_data_is_gone_says_what_to_do_and_writes_nothing(recorded, tmp_path, file_format):
    shutil.rmtree(tmp_path / "source/subj06")
    result = recorded("--format", file_format)
    assert result.exit_code == 3
    told = " ".join(result.stderr.split())
    assert "which is gone: its masks say where on the cortex each vertex lies" in told
    assert "--data-dir" in told
    assert "--format npy" in told
    assert not (tmp_path / "export").exists()


def test_a_mask_that_is_missing_is_a_data_error(recorded, tmp_path):
    (tmp_path / "source/subj01/roi_masks/rh.streams_challenge_space.npy").unlink()
    result = recorded("--format", "gifti", "-s", "1")
    assert result.exit_code == 3
    assert "rh.streams_challenge_space.npy is missing" in " ".join(result.stderr.split())


@pytest.mark.parametrize("file_format", ["csv", "gifti", "mgh"])
def test_a_folder_that_cannot_be_made_is_one_sentence(export, tmp_path, file_format):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/subj01").write_text("a file stands where the folder should be")
    result = export("--format", file_format)
    assert result.exit_code == 3
    assert "a file stands where a folder is needed" in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_a_subject_that_was_not_trained_is_a_missing_step(export):
    result = export("-s", "3")
    assert result.exit_code == 4
    assert "algocli train --features alexnet-features.2-1a2b3c4d --run a-run -s 3" in result.stderr


def test_a_file_in_place_of_the_folder_is_a_usage_error(export, tmp_path):
    (tmp_path / "out").write_text("a file stands where the folder should be")
    result = export()
    assert result.exit_code == 2
    assert "is a file" in result.stderr
