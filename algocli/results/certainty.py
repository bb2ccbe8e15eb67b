"""How sure the scores of a report are: what chance alone gives, and how they vary with the images.

Both are computed anew from the responses to a run's held-out images, one subject at a time, where they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import check_whole
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side, all_of
from algocli.results.regions import Regions
from algocli.results.telling import UNIT_OF_SUBJECTS, drawn_anew, permuted
from algocli.runs.run import Run

if TYPE_CHECKING:
    from algocli.compute.executors.specs import Cluster


@dataclass(frozen=True)
class Asked:
    """What a report is to say beside its scores: how often to permute and to resample images; None for not at all.

    Where a `cluster` is named, its workers find it out, a subject each; `note` hears what becomes of them. What should
    be known of the scores is for a report to say.
    """

    n_permutations: int | None = None
    n_resamples: int | None = None
    seed: int = 0
    track: Track = silent
    note: Note = unheard
    cluster: Cluster | None = None

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

    def explain(self, interval: str, significant: str, sides: Sequence[Side], *, in_folds: bool) -> Iterator[str]:
        """Say what these columns are, by their names in a table, of a run in folds or of one holdout."""
        if self.n_resamples is not None:
            yield f"{interval}: low and high end of the mean r's interval ({drawn_anew(self.n_resamples, self.seed)})"
            yield UNIT_OF_SUBJECTS
        if self.n_permutations is not None:
            yield (
                f"{significant}: percent of vertices explained better than chance, q <= .05 over {all_of(sides)} "
                f"({permuted(self.n_permutations, self.seed, in_folds=in_folds)})"
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
    refitted
        False where folds could not be fitted again, and what is significant is told by the widest chance there can be.
    """

    significant: NDArray[np.bool_] | None = None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    refitted: bool = True

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
    # Most reports ask for neither, and have no use for the third of the package that fits folds once more.
    from algocli.results.held_out import data_is_gone, held_out
    from algocli.results.redrawing import LEVEL, draw
    from algocli.results.resampling import resample_rois
    from algocli.results.significance import p_values, significant
    from algocli.stats import bootstrap

    held = held_out(run, number)
    better: dict[Side, NDArray[np.bool_]] = {}
    refitted = True
    if asked.n_permutations is not None:
        how = {"n_permutations": asked.n_permutations, "seed": asked.seed}
        tested = p_values(held, subject, **how, track=asked.track, note=note)
        better, refitted = significant(tested.p), not tested.widened
    intervals: dict[Side, dict[str, tuple[float, float]]] = {}
    if asked.n_resamples is not None:
        if subject is None:
            raise data_is_gone(held)
        counts = draw(len(held.rows), n_resamples=asked.n_resamples, seed=asked.seed)
        resampled = resample_rois(subject, [held], of, counts, track=asked.track, note=note)
        intervals = {
            side: {name: bootstrap.interval(drawn.contrast([1]), LEVEL) for name, drawn in rois.items()}
            for side, rois in resampled.items()
        }
    return {side: Certainty(better.get(side), intervals.get(side, {}), refitted) for side in of}
