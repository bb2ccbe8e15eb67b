"""Learning curves: how much better a run's models are the more images they are fitted on, and where that ends.

All sizes are scored on the same held-out images. How sure the end is follows from drawing these anew, the same ones for
all sizes, together with the subsets that models were fitted on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset
from algocli.results.curve_rows import CeilingRow, Curve
from algocli.results.curve_scores import learn_one
from algocli.results.held_out import scored_on
from algocli.results.regions import choose_rois, classes_of, tell_min_ceiling, with_sums
from algocli.results.scoring import scored_subjects
from algocli.runs.growing import Growing
from algocli.runs.networks import tell_random_weights
from algocli.runs.run import Run
from algocli.runs.scored_images import tell_split

if TYPE_CHECKING:
    from algocli.compute.executors.specs import Cluster


def learn(
    run: Run,
    data: Dataset,
    *,
    subjects: Iterable[SubjectId] | None = None,
    rois: Sequence[str] | None = None,
    min_ceiling: float = 0,
    sizes: int | Sequence[int] = 8,
    n_repeats: int = 3,
    n_resamples: int = 1000,
    seed: int = 0,
    changed: Mapping[str, Any] | None = None,
    cluster: Cluster | None = None,
    track: Track = silent,
    note: Note = unheard,
) -> Curve:
    """Fit models on growing numbers of a run's images, and score them on those that it holds out.

    Parameters
    ----------
    data
        What the run was trained on.
    subjects, rois, min_ceiling
        As `summarise` has them.
    sizes
        How many numbers of images, or these numbers.
    n_repeats
        How many models of each at the most: as many as all images have room for side by side.
    n_resamples, seed
        How often held-out images, and repeats, are drawn anew for the interval of a ceiling; and the seed of that, and
        of the subsets.
    changed
        Fields of the settings that are to be otherwise than the run has them.
    cluster
        Whose workers fit them, a subject each; by default all is done here.

    Raises
    ------
    UsageError
        If sizes, settings or ROIs cannot be, or code of others would have to run.
    MissingStep
        If the run lacks a subject, or its features are gone.
    DataError
        If the responses are not those that the run was trained on.
    """
    pairs = scored_subjects(data, run, subjects)
    classes = classes_of(subject for subject, _ in pairs)
    chosen = choose_rois(rois, classes, min_ceiling)
    how = {"sizes": sizes, "n_repeats": n_repeats, "seed": seed, "changed": changed or {}}
    if cluster is None:
        growing = [Growing(run, subject, **how, track=track, note=note) for subject, _ in pairs]  # type: ignore[arg-type]
        learned = [learn_one(run, models, chosen, n_resamples, seed) for models in growing]
    else:
        from algocli.results.curve_tasks import learn_on

        learned = learn_on(cluster, run, [subject for subject, _ in pairs], how, chosen, n_resamples, track, note)
    rows, ceilings = [row for each in learned for row in each.rows], [row for each in learned for row in each.ceilings]
    numbers = [subject.id for subject, _ in pairs]
    notes = [*tell_min_ceiling(min_ceiling), *tell_split(run, numbers), *tell_random_weights([run])]
    notes += [line for each in learned for line in each.notes]
    notes += _tell_open(ceilings)
    held = scored_on(run, [subject_run for _, subject_run in pairs])
    return Curve(run.name, tuple(rows), tuple(ceilings), with_sums(chosen, classes), tuple(notes), changed or {}, held)


def _tell_open(ceilings: Sequence[CeilingRow]) -> Iterator[str]:
    having = [row for row in ceilings if row.mean_r is not None]
    n_open = sum(not row.is_bounded for row in having)
    if n_open:
        yield (
            f"{n_open} of {len(having)} curves have no ceiling: they still rise so steeply, or are so unsure, that "
            "these images do not bound it; `low` is what it is at the least"
        )
