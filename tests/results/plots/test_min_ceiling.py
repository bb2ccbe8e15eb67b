"""Figures leave out vertices that no model could explain, where that is asked for, as tables do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import DataError
from algocli.results.best_layer import LOW_CEILING, count_layers, find_best_layers
from algocli.results.layered import layered
from algocli.results.plots import accuracy, ceilings, difference, group_maps, layers, responses, rois
from algocli.results.plots.request import Wishes
from algocli.results.report import summarise
from tests.results.by_hand import write_run
from tests.results.single_layers import roi_codes, write_layer_run

LEAST = 0.4
WISHES = Wishes((1,), min_ceiling=LEAST, dpi=50)
SIDES = {"left": "lh", "right": "rh"}


def kept(folder, hemisphere, subject=1):
    """Say of each vertex whether its ceiling, in the challenge's own file, is high enough."""
    name = f"subj{subject:02d}/test_split/noise_ceiling/{SIDES[hemisphere]}_noise_ceiling.npy"
    return np.load(folder / name) >= LEAST


@pytest.fixture
def runs(tmp_path):
    return [write_layer_run(tmp_path, name, layer, r) for name, layer, r in (("a", "x", 0.3), ("b", "y", 0.5))]


@pytest.fixture
def maps(challenge, run, runs):
    return {
        "accuracy": lambda wishes: accuracy.plot_accuracy(challenge, run, wishes),
        "difference": lambda wishes: difference.plot_difference(challenge, *runs, wishes),
        "vertices": lambda wishes: rois.plot_vertices(challenge, wishes),
        "roi": lambda wishes: rois.plot_roi(challenge, ["PPA"], wishes),
        "response": lambda wishes: responses.plot_response(challenge, wishes, row=2),
        "prediction": lambda wishes: responses.plot_prediction(challenge, run, wishes),
    }


@pytest.mark.parametrize("kind", ["accuracy", "difference", "vertices", "roi", "response", "prediction"])
def test_a_map_has_the_vertices_of_high_ceilings_alone(maps, tiny_challenge, kind):
    [(_, drawn)] = maps[kind](WISHES)
    [(_, whole)] = maps[kind](replace(WISHES, min_ceiling=0))
    for hemisphere in SIDES:
        is_kept = kept(tiny_challenge, hemisphere)
        for panel, full in zip(drawn.panels, whole.panels, strict=True):
            shown, everything = np.isfinite(panel.values[hemisphere]), np.isfinite(full.values[hemisphere])
            assert (shown.sum(), everything.sum()) == (is_kept.sum(), len(is_kept))
            np.testing.assert_array_equal(panel.values[hemisphere][shown], full.values[hemisphere][shown])
    assert 0 < is_kept.sum() < len(is_kept)
    assert "below 0.4 are left out" in drawn.caption
    assert "left out" not in whole.caption


def test_bars_and_clouds_are_of_these_vertices(challenge, run, tiny_challenge):
    [(_, bars)] = accuracy.plot_bars(challenge, run, WISHES, ["FFA-1", "all"])
    report = summarise(challenge, run, subjects=[1], rois=["FFA-1", "all"], min_ceiling=LEAST)
    assert {row.n_vertices for row in bars.drawn if row.roi == "All vertices"} == {
        kept(tiny_challenge, hemisphere).sum() for hemisphere in SIDES
    }
    assert sorted(bars.drawn, key=repr) == sorted(report.rows, key=repr)
    [(_, cloud)] = ceilings.plot_ceiling(challenge, run, WISHES)
    said = " ".join(text.get_text() for text in cloud.figure.texts)
    assert " and ".join(f"{kept(tiny_challenge, h).sum()} {h}" for h in SIDES) in " ".join(said.split())


def test_layers_by_roi_and_best_layers_count_them_alone(challenge, runs, tiny_challenge):
    [(_, chart)] = layers.plot_layers(challenge, runs, WISHES, ["PPA", "PPA+EBA"])
    ppa = (roi_codes(tiny_challenge, "floc-places", "left") == 2) & kept(tiny_challenge, "left")
    assert list(chart.drawn.classes.items()) == [("PPA", "floc-places"), ("PPA+EBA", "sums")]
    assert chart.drawn.n_vertices["left"][0] == ppa.sum()
    found = find_best_layers(challenge.subject(1), layered(runs), ["left"], 0.0, LEAST).codes["left"]
    np.testing.assert_array_equal(found == LOW_CEILING, ~kept(tiny_challenge, "left"))
    counted = count_layers(challenge, runs, subjects=[1], hemispheres=["left"], min_r=0.0, min_ceiling=LEAST)
    assert sum(row.n_vertices for row in counted if row.run == "b") == kept(tiny_challenge, "left").sum()


def test_of_a_group_a_subject_counts_where_its_own_ceiling_is_high(challenge, tiny_challenge, tmp_path):
    run = write_run(tmp_path, "both")
    drawn = group_maps.plot_group_accuracy(challenge, run, replace(WISHES, subjects=(1, 6)))
    meeting = {h: group_maps.group_places(challenge.subjects((1, 6)), h, LEAST) for h in SIDES}
    for hemisphere, here in meeting.items():
        n_kept = sum(int(kept(tiny_challenge, hemisphere, subject).sum()) for subject in (1, 6))
        assert here.n_subjects.sum() == n_kept
        shown = np.isfinite(drawn.panels[0].values[hemisphere]).sum()
        assert shown == (here.n_subjects == 2).sum()


def test_without_ceilings_none_can_be_asked_for(tiny_challenge, run, tmp_path):
    import shutil

    folder = tmp_path / "bare"
    shutil.copytree(tiny_challenge, folder, ignore=shutil.ignore_patterns("*noise_ceiling*"))
    with pytest.raises(DataError, match="no noise ceilings"):
        list(accuracy.plot_accuracy(Challenge(folder), run, WISHES))
