"""Files for other programs hold what the run holds."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from algocli.results.export import export_arrays, export_table

SIDES = {"left": "lh", "right": "rh"}


def test_arrays_are_those_of_the_run(run, tmp_path):
    written = export_arrays(run.subject(6), tmp_path)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in written) == [
        "subj06/lh_correlation.npy",
        "subj06/lh_pred_val.npy",
        "subj06/rh_correlation.npy",
        "subj06/rh_pred_val.npy",
        "subj06/val_index.npy",
    ]
    stored = run.folder / "subj06"
    for hemisphere, side in SIDES.items():
        for name, source in (("correlation", "correlation"), ("pred_val", "pred_validation")):
            copy = np.load(tmp_path / f"subj06/{side}_{name}.npy")
            original = np.load(stored / f"{hemisphere}_{source}.npy")
            assert copy.dtype == original.dtype
            np.testing.assert_array_equal(copy, original)
    np.testing.assert_array_equal(np.load(tmp_path / "subj06/val_index.npy"), np.load(stored / "validation_rows.npy"))


@pytest.fixture
def table(challenge, run, tmp_path):
    [path] = export_table(challenge.subject(1), run.subject(1), tmp_path)
    assert path == tmp_path / "subj01/vertices.csv"
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_table_has_one_row_a_vertex_left_hemisphere_first(table, tiny_challenge):
    assert [row["hemisphere"] for row in table] == ["left"] * 31 + ["right"] * 41
    mask = np.load(tiny_challenge / "subj01/roi_masks/rh.all-vertices_fsaverage_space.npy")
    assert [int(row["fsaverage_vertex"]) for row in table[31:]] == np.flatnonzero(mask).tolist()


def test_the_tables_scores_are_exact(table, run, tiny_challenge):
    r = np.load(run.folder / "subj01/left_correlation.npy")
    ceilings = np.load(tiny_challenge / "subj01/test_split/noise_ceiling/lh_noise_ceiling.npy")
    assert [float(row["r"]) for row in table[:31]] == r.tolist()
    assert [float(row["noise_ceiling"]) for row in table[:31]] == ceilings.tolist()
    assert float(table[4]["accuracy"]) == pytest.approx(min(100, 100 * max(r[4], 0) ** 2 / ceilings[4]))


def test_the_table_names_every_roi_of_a_vertex(table):
    # In the tiny challenge the vertex at place i has code i mod (number of names) in each class.
    assert table[1]["rois"] == "V1v;EBA;OFA;OPA;OWFA;early"
    assert table[0]["rois"] == ""
    assert table[7]["rois"] == "hV4;FBA-1;OFA;RSC;OWFA;parietal"
