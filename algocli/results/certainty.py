"""How sure scores are: which vertices are better than chance, and how mean r varies with the images.

Both are computed anew from the responses to a run's held-out images, one subject at a time, where they are asked for.
A run trained in folds is scored as `report` scores it, by the mean of r over its folds, in each resample too:
predictions of different folds come from different models, and one r over all of them would mix up how the folds differ
with how their images do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.choices import check_whole
from algocli.compute.track import Note, Track, silent
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side, all_of
from algocli.errors import StorageError
from algocli.results.held_out import HeldOut, data_is_gone, held_out, read_blocks
from algocli.results.regions import Regions
from algocli.results.telling import drawn_anew, permuted
from algocli.runs import p_values as kept_p
from algocli.runs.p_values import KeptP
from algocli.runs.run import Run
from algocli.stats import bootstrap
from algocli.stats.permutation import Permutations, false_discovery_q, permutation_p, permute

# Of the vertices that are called significant, the share that may be so by chance.
FALSE_DISCOVERIES = 0.05
LEVEL = 0.95


@dataclass(frozen=True)
class Asked:
    """What a report is to say beside its scores: how often to permute and to resample images; None for not at all."""

    n_permutations: int | None = None
    n_resamples: int | None = None
    seed: int = 0
    track: Track = silent

    def __post_init__(self) -> None:
        for name in ("n_permutations", "n_resamples"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, check_whole(name, getattr(self, name), 1))
        object.__setattr__(self, "seed", check_whole("seed", self.seed, 0))

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields of a report's rows that come with it."""
        intervals = ("low", "high") if self.n_resamples is not None else ()
        return intervals + (("significant_share",) if self.n_permutations is not None else ())

    def explain(self, interval: str, significant: str, sides: Sequence[Side]) -> Iterator[str]:
        """Say what these columns are, by their names in a table."""
        if self.n_resamples is not None:
            yield f"{interval}: low and high end of the mean r's interval ({drawn_anew(self.n_resamples, self.seed)})"
        if self.n_permutations is not None:
            yield (
                f"{significant}: percent of vertices explained better than chance, q <= .05 over {all_of(sides)} "
                f"({permuted(self.n_permutations, self.seed)})"
            )


@dataclass(frozen=True)
class Certainty:
    """How sure one hemisphere's scores are.

    Attributes
    ----------
    significant : (n_vertices,) bool or None
        Which vertices are explained better than chance; None where that was not asked for.
    intervals
        The 95 % interval of mean r of every ROI that has vertices; empty where that was not asked for.
    """

    significant: NDArray[np.bool_] | None = None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def significant_share(self, vertices: NDArray[np.int64]) -> float | None:
        """Return the share of some vertices that are significant; None where there is none, or nothing was asked."""
        return float(self.significant[vertices].mean()) if self.significant is not None and len(vertices) else None


def assess(
    run: Run,
    number: SubjectId,
    subject: Subject | None,
    of: Mapping[Side, Regions],
    asked: Asked,
    note: Note,
) -> dict[Side, Certainty]:
    """Say how sure the scores of one subject are.

    Parameters
    ----------
    subject
        The data that the run was trained on, or None where it is gone.
    of
        The ROIs to tell intervals of.
    note
        Hears what a user should know.

    Raises
    ------
    DataError
        If the responses are needed and gone, or are not those that the run was trained on.
    UsageError
        If memory does not suffice.
    """
    if not asked.columns:
        return dict.fromkeys(of, Certainty())
    held = held_out(run, number)
    better: dict[Side, NDArray[np.bool_]] = {}
    if asked.n_permutations is not None:
        how = {"n_permutations": asked.n_permutations, "seed": asked.seed}
        better = significant(p_values(held, subject, **how, track=asked.track, note=note))
    intervals: dict[Side, dict[str, tuple[float, float]]] = {}
    if asked.n_resamples is not None:
        if subject is None:
            raise data_is_gone(held)
        counts = draw(len(held.rows), n_resamples=asked.n_resamples, seed=asked.seed)
        for hemisphere in of:
            means = resampled_means(subject, hemisphere, [held], of[hemisphere], counts, track=asked.track)
            intervals[hemisphere] = {name: bootstrap.interval(mean[0], LEVEL) for name, mean in means.items()}
    return {side: Certainty(better.get(side), intervals.get(side, {})) for side in of}


def p_values(
    held: HeldOut, subject: Subject | None, *, n_permutations: int, seed: int, track: Track, note: Note
) -> dict[Side, NDArray[np.float64]]:
    """Return the p of every vertex, (n_vertices,) a hemisphere: kept ones if there are, or new ones, which are kept.

    Parameters
    ----------
    subject
        The data that the run was trained on, or None where it is gone.
    n_permutations, seed
        How often held-out images are permuted, and from which random numbers.
    note
        Hears where they could not be kept.

    Raises
    ------
    DataError
        If they are to be computed and the responses are gone, or not those that the run was trained on.
    UsageError
        If there are too many permutations for the memory, or none.
    """
    subject_run = held.subject_run
    found = kept_p.kept(subject_run)
    if found is not None and (found.n_permutations, found.seed) == (n_permutations, seed):
        return found.p
    if subject is None:
        raise data_is_gone(held)
    before = kept_p.state(subject_run)
    # Orders as they are drawn and kept: of all held-out images for as many permutations as the smallest fold has.
    n_steps = int(np.unique(held.folds, return_counts=True)[1].min())
    check_memory(24 * len(held.folds) * -(-n_permutations // n_steps), remedy="fewer n_permutations=... need less")
    permutations = permute(held.folds, n_permutations=n_permutations, seed=seed)
    p = {hemisphere: _compute(held, subject, hemisphere, permutations, track) for hemisphere in subject_run.sides}
    try:
        kept_p.keep(subject_run, KeptP(p, n_permutations, seed), before)
    except StorageError as error:
        note(f"p values are not kept for next time: {error.message}")
    return p


def significant(p: Mapping[Side, NDArray[np.float64]]) -> dict[Side, NDArray[np.bool_]]:
    """Say which vertices are significant, (n_vertices,) a hemisphere; false discoveries are controlled over both."""
    q = false_discovery_q(np.concatenate(list(p.values())))
    edges = np.cumsum([len(values) for values in p.values()])[:-1]
    return {side: part <= FALSE_DISCOVERIES for side, part in zip(p, np.split(q, edges), strict=True)}


def _compute(
    held: HeldOut, subject: Subject, hemisphere: Side, permutations: Permutations, track: Track
) -> NDArray[np.float64]:
    every = np.arange(subject.n_vertices(hemisphere))
    blocks = read_blocks(subject, hemisphere, [held], every, track=track, doing="permuting")
    return np.concatenate([permutation_p(block.measured, block.predicted[0], permutations) for block in blocks])


def draw(n_images: int, *, n_resamples: int, seed: int) -> NDArray[np.float32]:
    """Draw resamples of images, (n_resamples, n_images), as `bootstrap.resample` does.

    Raises
    ------
    UsageError
        If they are none, or too many for the memory.
    """
    n_resamples, seed = check_whole("n_resamples", n_resamples, 1), check_whole("seed", seed, 0)
    # Counts as they are drawn and kept; the dozen arrays of a block.
    needed = n_resamples * (24 * n_images + 48 * bootstrap.VERTICES)
    check_memory(needed, remedy="fewer n_resamples=... need less; 1000 are usual")
    return bootstrap.resample(n_images, n_resamples=n_resamples, seed=seed)


def resampled_means(
    subject: Subject,
    hemisphere: Side,
    subject_runs: Sequence[HeldOut],
    of: Regions,
    counts: NDArray[np.float32],
    *,
    track: Track,
) -> dict[str, NDArray[np.float64]]:
    """Return each run's mean r over the vertices of every ROI that has some, (n_runs, n_resamples).

    Parameters
    ----------
    subject_runs
        Runs that held out the same images.
    counts : (n_resamples, n_validation)
        As `draw` draws them; the same ones for whatever is to be compared.

    Raises
    ------
    DataError
        If the responses are not those that a run was trained on.
    """
    present = {name: vertices for name, vertices in of.items() if len(vertices)}
    members = np.zeros((subject.n_vertices(hemisphere), len(present)), np.float32)
    for column, vertices in enumerate(present.values()):
        members[vertices, column] = 1
    wanted = np.flatnonzero(members.any(axis=1))
    sums = np.zeros((len(subject_runs), len(counts), len(present)))
    for block in read_blocks(subject, hemisphere, subject_runs, wanted, track=track, doing="resampling"):
        for place, (held, predicted) in enumerate(zip(subject_runs, block.predicted, strict=True)):
            r = bootstrap.bootstrap_mean_r(block.measured, predicted, held.folds, counts)
            sums[place] += r @ members[block.vertices]
    return {name: sums[:, :, column] / len(present[name]) for column, name in enumerate(present)}
