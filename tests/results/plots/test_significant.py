"""Maps that show only what is better than chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from algocli.errors import MissingStep
from algocli.results.plots.accuracy import plot_accuracy
from algocli.results.plots.request import Wishes
from algocli.runs.p_values import KeptP, keep, state
from tests.results.by_hand import n_vertices, write_run

ONE = Wishes((1,))


def p_of(hemisphere):
    # Products of uniform numbers: some are small, about half of them after the correction.
    rng = np.random.default_rng(len(hemisphere))
    return rng.uniform(size=n_vertices(1, hemisphere)) ** 6


@pytest.fixture
def tested(tmp_path):
    run = write_run(tmp_path, "tested", (1,))
    share = run.subject(1)
    keep(share, KeptP({h: p_of(h) for h in ("left", "right")}, 1000, 0), state(share))
    return run


def better():
    """Benjamini and Hochberg's rule by scipy, over both hemispheres."""
    q = false_discovery_control(np.concatenate([p_of("left"), p_of("right")]))
    left, right = np.split(q <= 0.05, [n_vertices(1, "left")])
    return {"left": left, "right": right}


@pytest.mark.parametrize("hemispheres", [("left", "right"), ("right",)])
def test_only_significant_vertices_have_a_value(challenge, tested, hemispheres):
    [(_, drawn)] = plot_accuracy(challenge, tested, Wishes((1,), hemispheres), only_significant=True)
    for h in hemispheres:
        shown = drawn.panels[0].values[h][challenge.subject(1).fsaverage_vertices(h)]
        r = np.load(tested.folder / f"subj01/{h}_correlation.npy")
        np.testing.assert_array_equal(shown, np.where(better()[h], r, np.nan))
        assert 0 < better()[h].sum() < len(r)


def test_the_caption_counts_them(challenge, tested):
    [(_, drawn)] = plot_accuracy(challenge, tested, ONE, only_significant=True)
    counts = {h: int(side.sum()) for h, side in better().items()}
    assert f"{counts['left']} of 31 left and {counts['right']} of 41 right vertices (q ≤ 0.05" in drawn.caption
    assert "1,000 permutations" in drawn.caption
    assert f"{counts['left']} of {counts['left']} left" in drawn.caption


def test_without_kept_p_values_the_missing_step_is_named(challenge, run):
    with pytest.raises(MissingStep, match="no p values are kept with run a-run of subject 1") as caught:
        list(plot_accuracy(challenge, run, ONE, only_significant=True))
    assert caught.value.hint == "algocli report --significance -s 1 --run a-run"


def test_a_run_whose_every_vertex_may_be_chance_is_bare_cortex(challenge, tmp_path):
    run = write_run(tmp_path, "chance", (1,))
    share = run.subject(1)
    keep(share, KeptP({h: np.ones(n_vertices(1, h)) for h in ("left", "right")}, 1000, 0), state(share))
    [(_, drawn)] = plot_accuracy(challenge, run, ONE, only_significant=True)
    assert not np.isfinite(drawn.panels[0].values["left"]).any()
    assert "0 of 31 left and 0 of 41 right" in drawn.caption
