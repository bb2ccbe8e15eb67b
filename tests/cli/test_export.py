"""`algocli export` as a shell sees it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.encoding.kept_p import KeptP, keep, state
from algocli.encoding.runs import find_run
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


def test_a_subject_that_was_not_trained_is_a_missing_step(export):
    result = export("-s", "3")
    assert result.exit_code == 4
    assert "algocli train -s 3" in result.stderr


def test_a_file_in_place_of_the_folder_is_a_usage_error(export, tmp_path):
    (tmp_path / "out").write_text("a file stands where the folder should be")
    result = export()
    assert result.exit_code == 2
    assert "is a file" in result.stderr
