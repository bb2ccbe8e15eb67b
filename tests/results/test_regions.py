"""Rows count the vertices of their region, or those of them alone that any model could explain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import DataError, UsageError
from algocli.results.page.report_tables import roi_table
from algocli.results.regions import check_min_ceiling, choose_rois, classes_of, regions
from algocli.results.report import summarise
from algocli.runs.run import Run
from tests.support.challenge import write_tiny_challenge


@pytest.mark.parametrize("percent", [False, True])
def test_vertices_below_the_least_ceiling_are_not_counted(tmp_path: Path, percent: bool) -> None:
    write_tiny_challenge(tmp_path, (1,))
    subject = Challenge(tmp_path).subject(1)
    ceiling = np.random.default_rng(2).random(subject.n_vertices("left"))
    folder = tmp_path / "subj01/test_split/noise_ceiling"
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "lh_noise_ceiling.npy", 100 * ceiling if percent else ceiling)
    chosen = choose_rois(["V1", "all"], classes_of([subject]), 0.4)
    of = regions(subject, "left", chosen)
    assert list(of) == ["V1v", "V1d", "All vertices"]
    whole = regions(subject, "left", [*chosen])
    for name, vertices in whole.items():
        np.testing.assert_array_equal(of[name], [v for v in vertices.tolist() if ceiling[v] >= 0.4])
    assert 0 < len(of["All vertices"]) < len(ceiling)
    np.testing.assert_array_equal(whole["All vertices"], np.arange(len(ceiling)))


def test_without_ceilings_none_can_be_asked_for(tmp_path: Path) -> None:
    write_tiny_challenge(tmp_path, (1,))
    for path in tmp_path.rglob("*noise_ceiling.npy"):
        path.unlink()
    subject = Challenge(tmp_path).subject(1)
    with pytest.raises(DataError, match="subject 1 has no noise ceilings"):
        regions(subject, "left", choose_rois(None, classes_of([subject]), 0.1))


@pytest.mark.parametrize("wrong", [20, -0.1, 1, float("nan"), "0.2", True])
def test_a_ceiling_is_a_share(wrong: object) -> None:
    with pytest.raises(UsageError, match="min_ceiling="):
        check_min_ceiling(wrong)


def test_sums_stand_under_a_heading_of_their_own(challenge: Challenge, run: Run) -> None:
    report = summarise(challenge, run, subjects=[1], rois=["V1v", "V1+EBA", "FFA+PPA", "all"])
    assert list(report.by_class(report.rois)) == [
        ("prf-visualrois", ("V1v",)),
        ("sums", ("V1+EBA", "FFA+PPA")),
        ("", ("All vertices",)),
    ]
    assert [group.name for group in roi_table(report, 1).groups] == ["prf-visualrois", "sums"]
