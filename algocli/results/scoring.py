"""How well a run explains the responses, one number per vertex, as it is and relative to the noise ceiling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.ceilings import CeilingUnit, as_share
from algocli.dataset.naming import SubjectId, check_subject_ids
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import Side
from algocli.errors import DataError
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun
from algocli.stats.explained import unbiased_square
from algocli.stats.influence import FEWEST

# What the official code puts in place of a ceiling of 0 before it divides.
_ZERO_CEILING = 1e-14
# Where a ceiling is not above this, no model reaches an r of 0.1, and chance divided by it would outweigh all the rest.
LOW_CEILING = 0.01


@dataclass(frozen=True)
class VertexScores:
    """The scores of one hemisphere, each (n_vertices,).

    `correlation` is r on held-out training images. `noise_ceiling` is the explainable share of variance, 0 to 1,
    or None where the data folder has none; `unit` says how the file was read. `square` estimates what r² would be had
    there been images without end (`unbiased_square`); None where it was not asked for, or too few images tell it.
    """

    correlation: NDArray[np.float64]
    noise_ceiling: NDArray[np.float64] | None
    unit: CeilingUnit | None
    square: NDArray[np.float64] | None = None

    @property
    def accuracy(self) -> NDArray[np.float64] | None:
        """Noise-normalised encoding accuracy in percent, (n_vertices,), or None without ceilings."""
        return None if self.noise_ceiling is None else accuracy(self.correlation, self.noise_ceiling)

    @property
    def adjusted_accuracy(self) -> NDArray[np.float64] | None:
        """The same of `square`, whatever its sign, and nothing cut off; NaN where the ceiling is too low to divide by.

        (n_vertices,), or None without ceilings or `square`.
        """
        if self.noise_ceiling is None or self.square is None:
            return None
        is_low = self.noise_ceiling <= LOW_CEILING
        return np.where(is_low, np.nan, 100 * self.square / np.where(is_low, 1, self.noise_ceiling))


@dataclass(frozen=True)
class OverallAccuracy:
    """The official score of all vertices of all subjects and both hemispheres together, in percent.

    `n_zero_ceiling` vertices have a ceiling of 0 and count 100 as soon as r > 0; `mean_without_zero_ceiling` leaves
    them out and is None where no other is left. `adjusted_mean` is that of the accuracy without what chance adds to r²,
    over all vertices but the `n_low_ceiling` whose ceilings are too low to divide by; None where there is none, or too
    few images tell it. `unit_assumed` is how the files were read.
    """

    mean: float
    median: float
    n_zero_ceiling: int
    mean_without_zero_ceiling: float | None
    adjusted_mean: float | None
    n_low_ceiling: int
    unit_assumed: CeilingUnit | Literal["mixed"]


def scored_subjects(
    challenge: Dataset, run: Run, numbers: Iterable[SubjectId] | None = None
) -> list[tuple[Subject, SubjectRun]]:
    """Pair each subject's data with what a run has of it; by default, all subjects that both have.

    Raises
    ------
    DataError
        If the data folder lacks a subject that was asked for, or no subject is in both.
    MissingStep
        If the run has not been trained on a subject that was asked for.
    """
    if numbers is None:
        numbers = [n for n in run.subjects if n in challenge.subject_ids]
        if not numbers:
            raise DataError(
                f"run {run.name} has {_listed(run.subjects)}; {challenge.folder} has {_listed(challenge.subject_ids)}",
                hint="name the data that the run was made from with data_dir=...",
            )
    return [(challenge.subject(n), run.subject(n)) for n in check_subject_ids(numbers)]


def read_scores(subject: Subject, subject_run: SubjectRun, hemisphere: Side) -> VertexScores:
    """Read a subject's correlations and, where the data folder has them, its noise ceilings.

    Raises
    ------
    DataError
        If the run has another number of vertices than the data folder, or a file is damaged.
    """
    correlation = np.asarray(subject_run.correlation(hemisphere), dtype=np.float64)
    n_vertices = subject.n_vertices(hemisphere)
    if correlation.shape != (n_vertices,):
        raise DataError(
            f"the run has {correlation.size} {hemisphere} vertices of subject {subject.id}; "
            f"the mask in {subject.folder} has {n_vertices}: the run was made from another data folder",
            hint="name that folder with data_dir=..., or train again on this one",
        )
    return VertexScores(correlation, *read_ceiling(subject, hemisphere))


def add_square(scores: VertexScores, subject_run: SubjectRun, hemisphere: Side) -> VertexScores:
    """Add what only the r of every fold, and how many images it is of, can tell; scores without a ceiling need it not.

    Raises
    ------
    DataError
        If the run's arrays are damaged.
    """
    if scores.noise_ceiling is None:
        return scores
    n_images = np.unique(subject_run.validation_folds(), return_counts=True)[1]
    return replace(scores, square=squared(subject_run.fold_correlations(hemisphere), n_images))


def squared(fold_r: NDArray[np.floating], n_images: NDArray[np.integer]) -> NDArray[np.float64] | None:
    """Estimate r² without what chance adds to it, by `unbiased_square`; None where too few images tell it."""
    return None if min(n_images) < FEWEST else unbiased_square(fold_r, n_images)


def read_ceiling(subject: Subject, hemisphere: Side) -> tuple[NDArray[np.float64], CeilingUnit] | tuple[None, None]:
    """Read the noise ceilings that the data folder has, (n_vertices,) as shares of variance, and their file's unit.

    Raises
    ------
    DataError
        If the file is damaged, or holds what no noise ceiling can be.
    """
    ceiling = subject.noise_ceiling(hemisphere)
    if ceiling is None:
        return None, None
    try:
        return as_share(ceiling)
    except DataError as error:
        raise DataError(f"{subject.ceiling_name(hemisphere)}: {error.message}", hint=error.hint) from error


def accuracy(correlation: NDArray[np.floating], noise_ceiling: NDArray[np.floating]) -> NDArray[np.float64]:
    """Relate each vertex's explained variance to what its noise leaves to explain.

    Parameters
    ----------
    correlation : (n_vertices,)
        Pearson's r; a negative one counts as 0.
    noise_ceiling : (n_vertices,)
        Explainable share of variance, 0 to 1. Where it is 0 the official rule holds: 1e-14 takes its place, so
        that any positive r scores 100.

    Returns
    -------
    (n_vertices,) float64
        min(100, 100 r² / ceiling), in percent.
    """
    explained = np.maximum(np.asarray(correlation, dtype=np.float64), 0.0) ** 2
    ceiling = np.where(noise_ceiling == 0, _ZERO_CEILING, noise_ceiling)
    # A ceiling next to 0 sends the quotient to infinity, which is above 100 all the same.
    with np.errstate(over="ignore"):
        return np.minimum(100.0, 100.0 * explained / ceiling)


def pool(scores: Sequence[VertexScores]) -> OverallAccuracy | None:
    """Sum up the accuracy of every vertex, or return None where a hemisphere has no noise ceilings."""
    ceilings = [side.noise_ceiling for side in scores if side.noise_ceiling is not None]
    if len(ceilings) < len(scores) or not any(len(ceiling) for ceiling in ceilings):
        return None
    ceiling = np.concatenate(ceilings)
    percent = accuracy(np.concatenate([side.correlation for side in scores]), ceiling)
    rest = percent[ceiling != 0]
    adjusted = [each for side in scores if (each := side.adjusted_accuracy) is not None]
    units = {side.unit for side in scores if side.unit is not None}
    return OverallAccuracy(
        mean=float(percent.mean()),
        median=float(np.median(percent)),
        n_zero_ceiling=len(percent) - len(rest),
        mean_without_zero_ceiling=float(rest.mean()) if len(rest) else None,
        adjusted_mean=mean_adjusted(np.concatenate(adjusted)) if len(adjusted) == len(scores) else None,
        n_low_ceiling=int(np.count_nonzero(ceiling <= LOW_CEILING)),
        unit_assumed=units.pop() if len(units) == 1 else "mixed",
    )


def mean_adjusted(percent: NDArray[np.float64]) -> float | None:
    """Return the mean of an adjusted accuracy over those vertices that have one; None where none has."""
    known = percent[~np.isnan(percent)]
    return float(known.mean()) if len(known) else None


def _listed(subjects: tuple[SubjectId, ...]) -> str:
    return "subject " + ", ".join(str(n) for n in subjects) if subjects else "no subject"
