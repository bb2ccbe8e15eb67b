"""The rows of a report, against masks and scores read from disk by hand."""

from __future__ import annotations

import csv
import math
import shutil
import statistics

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import UsageError
from algocli.results.report import summarise
from algocli.results.report_rows import RoiRow
from algocli.results.rows import write_csv
from tests.results.by_hand import write_run
from tests.support.challenge import MAPPINGS

SIDES = {"left": "lh", "right": "rh"}


@pytest.fixture(scope="module")
def report(tiny_challenge, run):
    return summarise(Challenge(tiny_challenge), run)


def test_every_roi_has_a_row_in_each_hemisphere_and_all_vertices_come_last(report):
    names = [name for names in MAPPINGS.values() for name in names.split()[1:]]
    for subject in (1, 6):
        for hemisphere in SIDES:
            rows = [row.roi for row in report.rows if (row.subject, row.hemisphere) == (subject, hemisphere)]
            assert rows == [*names, "All vertices"]


@pytest.mark.parametrize(("roi_class", "code", "name"), [("floc-faces", 2, "FFA-1"), ("streams", 7, "parietal")])
@pytest.mark.parametrize("hemisphere", SIDES)
def test_a_rois_scores_are_those_of_its_vertices(report, run, tiny_challenge, roi_class, code, name, hemisphere):
    home, side = tiny_challenge / "subj06", SIDES[hemisphere]
    codes = np.load(home / f"roi_masks/{side}.{roi_class}_challenge_space.npy").tolist()
    r = np.load(run.folder / f"subj06/{hemisphere}_correlation.npy").tolist()
    ceilings = np.load(home / f"test_split/noise_ceiling/{side}_noise_ceiling.npy").tolist()
    inside = [place for place, found in enumerate(codes) if found == code]
    chosen = [r[place] for place in inside]
    percent = [min(100, 100 * max(r[p], 0) ** 2 / (ceilings[p] or 1e-14)) for p in inside]
    row = report.row(6, hemisphere, name)
    assert row.n_vertices == len(inside) > 2
    assert row.median_r == pytest.approx(statistics.median(chosen), abs=1e-15)
    assert row.mean_r == pytest.approx(math.fsum(chosen) / len(chosen), abs=1e-15)
    assert row.accuracy == pytest.approx(statistics.mean(percent))


def test_all_vertices_counts_each_vertex_once(report, run):
    r = np.load(run.folder / "subj01/right_correlation.npy")
    row = report.row(1, "right", "All vertices")
    assert (row.n_vertices, row.median_r) == (41, pytest.approx(statistics.median(r.tolist())))


def test_an_absent_roi_has_no_scores_and_raises_no_warning(report):
    assert report.row(1, "left", "aTL-faces") == RoiRow(1, "left", "aTL-faces", 0, None, None, None)


def test_rows_are_restricted_to_the_rois_asked_for_in_any_case(challenge, run):
    report = summarise(challenge, run, subjects=[1], rois=["ppa", "FFA-1", "all vertices"])
    assert [row.roi for row in report.rows] == ["FFA-1", "PPA", "All vertices"] * 2


def test_an_unknown_roi_is_answered_with_the_nearest_names_and_all(challenge, run):
    with pytest.raises(UsageError, match=r"no ROI is named 'FFA1'; did you mean FFA-1") as caught:
        summarise(challenge, run, rois=["FFA1"])
    assert "RSC" in caught.value.hint


def test_ceilings_in_percent_give_the_accuracy_of_shares(tiny_challenge, run, report, tmp_path):
    folder = tmp_path / "percent"
    shutil.copytree(tiny_challenge, folder, ignore=shutil.ignore_patterns("*.png"))
    for path in folder.glob("*/test_split/noise_ceiling/*.npy"):
        np.save(path, 100 * np.load(path))
    again = summarise(Challenge(folder), run)
    assert [row.accuracy for row in again.rows] == pytest.approx([row.accuracy for row in report.rows])
    assert any("percent" in note for note in again.notes)
    assert (again.overall.unit_assumed, report.overall.unit_assumed) == ("percent", "share")
    assert again.overall.mean == pytest.approx(report.overall.mean)
    assert any("shares" in note for note in report.notes)


def test_without_ceilings_there_is_no_accuracy_and_no_talk_of_it(tiny_challenge, run, tmp_path):
    folder = tmp_path / "released"
    shutil.copytree(tiny_challenge, folder, ignore=shutil.ignore_patterns("*.png", "noise_ceiling"))
    report = summarise(Challenge(folder), run)
    assert {row.accuracy for row in report.rows} == {None}
    assert not report.has_accuracy
    assert report.notes == ()


def test_ceilings_of_zero_are_counted(report):
    # The tiny challenge has one in each hemisphere of its two subjects.
    assert any(note.startswith("4 vertices have a noise ceiling of 0") for note in report.notes)


def test_subjects_of_the_run_that_have_no_data_are_named(challenge, tmp_path):
    report = summarise(challenge, write_run(tmp_path, subjects=(1, 3)))
    assert report.subjects == (1,)
    assert "subject 3" in report.notes[0]


def test_the_csv_holds_every_number_to_the_last_bit(report, tmp_path):
    write_csv(report, tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == [
        *("run", "model", "layer", "weights"),
        "subject",
        "hemisphere",
        "roi",
        "n_vertices",
        "median_r",
        "mean_r",
        "accuracy",
        "adjusted_accuracy",
    ]

    def number(cell):
        return float(cell) if cell else None

    read = [(int(row["n_vertices"]), *map(number, (row[name] for name in list(row)[8:]))) for row in rows]
    assert read == [
        (row.n_vertices, row.median_r, row.mean_r, row.accuracy, row.adjusted_accuracy) for row in report.rows
    ]


def test_ceilings_in_two_units_say_whose_are_in_which(tiny_challenge, run, tmp_path):
    folder = tmp_path / "mixed"
    shutil.copytree(tiny_challenge, folder, ignore=shutil.ignore_patterns("*.png"))
    path = folder / "subj06/test_split/noise_ceiling/rh_noise_ceiling.npy"
    np.save(path, 100 * np.load(path))
    notes = summarise(Challenge(folder), run).notes
    assert "noise ceilings of subject 6 right were read as percent (0 to 100), going by their largest value" in notes
    assert any(note.startswith("noise ceilings of subject 1 left, subject 1 right, subject 6 left") for note in notes)


def test_an_absent_roi_alone_has_no_ceiling_to_speak_of(challenge, run):
    assert summarise(challenge, run, rois=["mTL-faces"]).notes == ()
