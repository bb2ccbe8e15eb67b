"""What the best of several runs owes to having been chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algocli.results.choosing import best_of_noise, tell_choice
from algocli.stats.correlation import correlate
from tests.results.by_hand import write_run


@pytest.mark.parametrize(("n_runs", "n_images"), [(2, 60), (3, 175), (8, 40)])
def test_the_best_of_unrelated_predictions_of_noise_is_as_high_as_that(n_runs: int, n_images: int) -> None:
    rng = np.random.default_rng(3)
    measured = rng.standard_normal((n_images, 20_000))
    best = np.max([correlate(measured, rng.standard_normal(measured.shape)) for _ in range(n_runs)], axis=0)
    expected = best_of_noise(n_runs, n_images, in_folds=False)
    assert best.mean() == pytest.approx(expected, rel=0.02)
    assert best_of_noise(n_runs, n_images, in_folds=True) == pytest.approx(expected * np.sqrt(2))


def test_one_run_was_chosen_from_nothing(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    assert tell_choice([run], run.subjects) == ""
    assert tell_choice([run, run], run.subjects) == ""
