"""Responses in ROIs that a hemisphere lacks."""

from __future__ import annotations

import numpy as np

from algocli.results.plots.request import Wishes
from algocli.results.plots.responses import plot_prediction, plot_response
from tests.results.single_layers import roi_codes

ONE = Wishes((1,))


def test_a_roi_of_one_hemisphere_is_drawn_there_and_missed_on_the_other(challenge, tiny_challenge):
    # The left hemisphere alone has VWFA-2: code 3 of its class.
    assert (roi_codes(tiny_challenge, "floc-words", "left") == 3).any()
    [(_, drawn)] = plot_response(challenge, ONE, row=2, rois=["VWFA-2"])
    assert "in VWFA-2 (absent: right VWFA-2)" in drawn.caption
    shown = {h: int(np.isfinite(side).sum()) for h, side in drawn.panels[0].values.items()}
    assert shown == {"left": (roi_codes(tiny_challenge, "floc-words", "left") == 3).sum(), "right": 0}


def test_a_prediction_in_a_roi_that_is_nowhere_is_bare_cortex(challenge, run):
    [(_, drawn)] = plot_prediction(challenge, run, ONE, rois=["aTL-faces"])
    assert "absent: left aTL-faces; right aTL-faces" in drawn.caption
    assert "no vertex to predict" in drawn.caption


def test_a_roi_that_is_there_is_not_called_absent(challenge):
    [(_, drawn)] = plot_response(challenge, ONE, row=2, rois=["PPA"])
    assert "absent" not in drawn.caption
