"""The preset of receptive fields beside ridge on a synthetic challenge: never worse than the better of the two."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import algocli
from algocli.demo.write import write_challenge
from algocli.encoding.presets import PRESETS

WEIGHTS = Path(os.environ.get("ALGOCLI_TEST_ASSETS", "/nowhere"), "weights", "alexnet_features.pth")
# Of few images weights are uncertain: by so much of r the mean over a class may fall behind.
SLACK = 0.005


@pytest.mark.slow
@pytest.mark.skipif(not WEIGHTS.is_file(), reason="ALGOCLI_TEST_ASSETS names no folder with AlexNet's weights")
def test_the_retina_is_as_good_as_the_better_of_its_two_models_in_every_class_of_rois(tmp_path: Path) -> None:
    write_challenge(tmp_path / "demo", subjects=[3], n_train=500, n_test=4, vertices=300, seed=1607)
    subject, cache = algocli.Challenge(tmp_path / "demo").subject(3), tmp_path / "cache"
    algocli.extract(subject, preset="retina", weights=WEIGHTS, cache_dir=cache)
    layers, how = PRESETS["retina"].layers, {"refit": False, "cache_dir": cache}
    blended = algocli.train(subject, preset="retina", windows="coarse", name="retina", **how)
    n_components = blended.settings.n_components
    fields = algocli.train(subject, layers=layers[:2], regression="fields", windows="coarse", name="fields", **how)
    ridge = algocli.train(
        subject, layers=layers[2:], regression="ridge", n_components=n_components, name="ridge", **how
    )
    for roi_class in dict.fromkeys(roi.roi_class for roi in subject.rois):
        scores = []
        for run in (blended, fields, ridge):
            r = []
            for side in subject.sides:
                inside = [subject.roi_vertices(roi, side) for roi in subject.rois if roi.roi_class == roi_class]
                r.append(run.subject(3).correlation(side)[np.unique(np.concatenate(inside))])
            scores.append(np.concatenate(r).mean())
        assert scores[0] > max(scores[1:]) - SLACK, (roi_class, scores)
