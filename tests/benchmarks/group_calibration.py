"""How often what a group says is right: groups of people whose mean is known, and groups in whom there is nothing.

Every person has a true r of each ROI and images whose responses and predictions correlate so much; what was seen of
that, and the interval of it by drawing images anew, go into the rows of a report, and these into a group.
"""

from __future__ import annotations

import numpy as np

from algocli.results.group_report import GroupReport, group_report
from algocli.results.report_rows import Report, RoiRow
from algocli.stats.bootstrap import bootstrap_r, interval, resample, widened

N_SUBJECTS, N_IMAGES, N_ROIS, N_DRAWS = 8, 120, 4, 100
ROIS = tuple(f"R{number}" for number in range(N_ROIS))


def a_group(rng: np.random.Generator, mean: float, between: float) -> GroupReport:
    """Return what is seen of one group whose members' r vary by so much about the mean of all people."""
    counts = resample(N_IMAGES, n_resamples=N_DRAWS, seed=int(rng.integers(2**31)))
    rows = []
    for subject in range(1, N_SUBJECTS + 1):
        true = np.clip(mean + between * rng.standard_normal(N_ROIS), -0.95, 0.95)
        predicted = rng.standard_normal((N_IMAGES, N_ROIS))
        measured = true * predicted + np.sqrt(1 - true**2) * rng.standard_normal((N_IMAGES, N_ROIS))
        drawn = bootstrap_r(measured, predicted, counts)
        for column, roi in enumerate(ROIS):
            r = float(np.corrcoef(measured[:, column], predicted[:, column])[0, 1])
            rows.append(
                RoiRow(subject, "all", roi, 1, r, r, None, None, *interval(widened(drawn[:, column], N_IMAGES)))
            )
    return group_report(Report("a-run", tuple(rows), {}), correct="max")


def people(between: float, *, n_groups: int, mean: float = 0.3, seed: int = 0) -> float:
    """Return the share of groups whose interval holds the mean of all people."""
    rng = np.random.default_rng(seed)
    first = [a_group(rng, mean, between).rows[0] for _ in range(n_groups)]
    return float(np.mean([row.low <= mean <= row.high for row in first]))


def p_of_nobody(*, n_groups: int, between: float = 0.0, seed: int = 0) -> tuple[float, float]:
    """Return how often p <= .05 of one ROI, and how often the corrected p of any, in groups whose mean is 0."""
    rng = np.random.default_rng(seed)
    groups = [a_group(rng, 0, between) for _ in range(n_groups)]
    single = [group.rows[0].p <= 0.05 for group in groups]
    any_of_them = [min(row.p_corrected for row in group.rows) <= 0.05 for group in groups]
    return float(np.mean(single)), float(np.mean(any_of_them))
