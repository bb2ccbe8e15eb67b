"""What it does to a score to be the best of several: images that a run was chosen by flatter it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from algocli.dataset.naming import SubjectId
from algocli.results.telling import number
from algocli.runs.run import Run
from algocli.stats.influence import WIDEST


def tell_choice(runs: Sequence[Run], subjects: Sequence[SubjectId], *, layers: bool = False) -> str:
    """Say that the best of some runs flatters itself, by how much at the most, and the way out of it; '' of one run.

    Parameters
    ----------
    layers
        Whether each run stands for a layer.
    """
    n_runs = len({run.name for run in runs})
    if n_runs < 2 or not subjects:
        return ""
    in_folds = any(run.settings.folds is not None for run in runs)
    n_images = min(len(run.subject(subject).validation_rows()) for run in runs for subject in subjects)
    r = best_of_noise(n_runs, n_images, in_folds=in_folds)
    what = f"the best of {n_runs} {'layers' if layers else 'runs'}"
    let_fit = "; or train a blend, whose fit weighs the layers" if layers else ""
    return (
        f"{what} looks better on the images that it was chosen by than on others (on noise, up to r = {number(r)} on "
        f"average at a vertex): `compare` with nested=True chooses in inner folds, and scores the choice outside them"
        f"{let_fit}"
    )


def best_of_noise(n_runs: int, n_images: int, *, in_folds: bool) -> float:
    """Return the mean of the highest r that some models reach at a vertex of noise, if they have nothing in common.

    Models that have something in common reach less. The r of n images has a standard deviation of 1 / sqrt(n - 1) by
    chance, that over folds up to `WIDEST` times as much.
    """
    from scipy.integrate import quad

    # scipy.stats, which has more of the normal distribution than this, takes a second to load.
    from scipy.special import ndtr

    def density(x: float) -> float:
        value: float = x * n_runs * np.exp(-x * x / 2) / np.sqrt(2 * np.pi) * ndtr(x) ** (n_runs - 1)
        return value

    highest = float(quad(density, -np.inf, np.inf)[0])
    return min(1.0, highest * (WIDEST if in_folds else 1) / float(np.sqrt(n_images - 1)))
