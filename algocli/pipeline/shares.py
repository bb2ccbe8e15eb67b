"""Explained variance partitioned between sets of layers, from Python: every union of them is trained, or found done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from algocli.compute.calls import anew, forgiving
from algocli.compute.choices import check_flag, check_path, check_word, check_words
from algocli.compute.track import Note, Track, said_aside, shown
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Subject
from algocli.encoding import usual
from algocli.encoding.fields import USUAL_WINDOWS, Shared
from algocli.encoding.settings import USUAL_ALPHAS, USUAL_DRAWS, Alphas, Settings
from algocli.encoding.windows import SetName, Window
from algocli.errors import UsageError
from algocli.features.networks.network import TransformName
from algocli.features.networks.numerics import Numerics
from algocli.features.store.borrowing import check_lenders
from algocli.features.store.choosing import Library
from algocli.features.store.keys import Dtype
from algocli.features.store.variants import Variant
from algocli.pipeline.arguments import Paths, Rois, check_correction, each_subject, some_rois
from algocli.pipeline.borrowing import open_cache
from algocli.pipeline.defaults import DEFAULT_CACHE, DEFAULT_MODEL
from algocli.pipeline.feature_sets import check_searches, find_sets
from algocli.pipeline.set_training import train_sets
from algocli.results.data_of_runs import tell_changed_files
from algocli.results.group import check_group
from algocli.results.group_partition import GroupPartition, group_partition
from algocli.results.held_out import share_of_same_images
from algocli.results.part_rows import PartitionReport
from algocli.results.partition import SubjectParts, describe, export_parts, resample_parts, summarise_parts
from algocli.results.regions import check_min_ceiling, choose_rois, classes_of, explainable
from algocli.results.sure_parts import Resampling
from algocli.results.telling import Correction
from algocli.runs.networks import tell_random_weights
from algocli.runs.run import Run
from algocli.runs.scored_images import tell_split
from algocli.stats.partition import FeatureSet, Names


@dataclass(frozen=True)
class Partition:
    """What sets of layers explain each alone, and what exactly some of them share.

    Attributes
    ----------
    report
        Its `rows`, part by part of every ROI.
    sets
        The sets, by the names they were given.
    runs
        The run of every union of sets.
    sides
        By subject and side every part per vertex, (n_vertices,) each.
    group
        The parts over subjects, where they were asked for: its `rows` have the mean of each part with the 95 % interval
        of other subjects and images, p and prevalence.
    """

    report: PartitionReport
    sets: tuple[FeatureSet, ...]
    runs: Mapping[Names, Run]
    sides: Mapping[SubjectId, SubjectParts]
    group: GroupPartition | None = None

    def __repr__(self) -> str:
        return f"Partition({self.report.told(' and '.join(each.name for each in self.sets))})"

    @property
    def shown(self) -> PartitionReport | GroupPartition:
        """The parts over subjects where they were asked for, else the report."""
        return self.report if self.group is None else self.group

    def table(self) -> list[dict[str, Any]]:
        """Return the rows of the report as dicts."""
        return self.report.table()

    def describe(self) -> dict[str, object]:
        """Name the sets' features, and the run of every union."""
        return describe(self.sets, self.runs)

    def export(self, folder: Path | str) -> list[Path]:
        """Write every part per vertex to a folder and return the files.

        Raises
        ------
        StorageError
            If it may not be written.
        """
        return export_parts(check_path("folder", folder), self.sets, self.runs, self.sides)


@forgiving
@anew
def partition(
    subjects: Subject | Iterable[Subject],
    sets: Sequence[str],
    *,
    model: str = DEFAULT_MODEL,
    weights: str | Path | None = None,
    transform: TransformName | None = None,
    image_size: int | None = None,
    tokens: str | None = None,
    pool: int | Literal["none"] | None = None,
    project: int | Literal["none"] | None = None,
    project_seed: int | None = None,
    dtype: Dtype | None = None,
    numerics: Numerics | None = None,
    n_components: int | Literal["usual"] | None = "usual",
    regression: Literal["ridge", "ols", "banded", "fields"] = "ridge",
    alphas: Alphas | Iterable[float] | str = USUAL_ALPHAS,
    n_iter: int = USUAL_DRAWS,
    search_seed: int | None = None,
    windows: SetName | Sequence[Window] | Path | str = USUAL_WINDOWS,
    image_width: float | None = None,
    holdout: float | None = None,
    folds: int | None = None,
    shared: Shared = "all",
    seed: int = usual.SEED,
    refit: bool = True,
    rois: Rois | None = None,
    min_ceiling: float | None = None,
    group: bool = False,
    intervals: bool = False,
    n_resamples: int = 1000,
    resample_seed: int = 0,
    correct: Correction | None = None,
    features_from: Paths | None = None,
    stimuli: Path | str | None = None,
    cache_dir: Path | str = DEFAULT_CACHE,
    track: Track = shown,
    note: Note = said_aside,
) -> Partition:
    """Partition explained variance between two to five sets of layers.

    A model of every union of them is trained, or found done. From the R² of held-out images follow what each set
    explains alone and what exactly some of them share; all parts sum to what all sets explain. Nothing is clipped.

    Parameters
    ----------
    sets, model
        Each set a layer of the network `model`, or the name of cached features; several joined by a plus, 'A+B', are
        one set.
    weights, transform, image_size, tokens, pool, project, project_seed, dtype, numerics
        As in `extract`: which of several kinds of features of a layer are meant. What is not named may be anything;
        pool='none' are those that were not pooled.
    n_components
        Number of principal components, None for all; usually 1000, or all where images are fewer, 100 with OLS, and 300
        of each layer with banded ridge.
    regression, alphas, n_iter, search_seed, windows, image_width, holdout, folds, shared, seed, refit
        As `Settings` has them. With 'banded' the models of several layers have a penalty for each layer, and those of
        one layer are ridge: what two sets need, that differ in how strongly they are to be penalised. With 'fields' the
        layers of a union have one window together at each vertex.
    rois
        Names of the only ROIs to tell of, or one name; by default all, 'All vertices' last.
    min_ceiling
        The least noise ceiling, as a share of variance, of the vertices that rows count; by default any.
    group
        Whether also to sum up over subjects, who are then drawn images for in any case.
    intervals, n_resamples, resample_seed
        Whether also to bound each part by a 95 % interval, from so many draws of the held-out images, the same for all
        models; and to give it a p: of a part of one set, and of the total, that of being above 0 (one-sided), of a
        shared part that of being other than 0 (two-sided).
    correct
        How p is corrected for the number of ROIs, part by part and subject by subject: 'fdr' by the share of false
        discoveries, 'max' by the largest of all ROIs in every draw. Sides count together; what pools them by itself.
        Of a group, and there usually by 'fdr', p over subjects are so, and those of each subject are not.
    features_from
        Other caches, as other users have them: features that `cache_dir` lacks are read there. They are never written;
        what is made of them goes to `cache_dir`, which remembers where they lie.
    stimuli
        What the images of the features were read from, as `extract` was told, where that was done from several places.

    Returns
    -------
    Its `report.rows` have every part of every ROI; `low`, `high` and `p` are None where they were not asked for. Its
    `group.rows` have them over subjects.

    Raises
    ------
    UsageError
        If the sets or the settings make no sense, a group has but one subject, or the data names no such ROI.
    MissingStep
        If features are missing.
    DataError, StorageError
        If responses are malformed, or the cache cannot be written.

    Examples
    --------
    >>> subject = algocli.Challenge("demo").subject(1)
    >>> found = algocli.partition(subject, ["features.2", "features.5"], n_components=5, refit=False)
    >>> [row.part for row in found.report.of_roi(1, "All vertices")]
    ['features.2', 'features.5', 'features.2 & features.5', 'total']
    """
    some, cache_dir = each_subject(subjects), open_cache(cache_dir, note)
    over = check_correction(correct, group=group)
    each: Correction = "none" if group else over
    if group:
        check_group([subject.id for subject in some])
    only = some_rois(rois)
    lenders = check_lenders(features_from)
    source = None if stimuli is None else check_path("stimuli", stimuli)
    said = {"weights": weights, "transform": transform, "pool": pool, "project": project, "project_seed": project_seed}
    variant = Variant.of(**said, image_size=image_size, tokens=tokens, dtype=dtype, numerics=numerics)
    library = Library(cache_dir, lenders, some)
    feature_sets = find_sets(library, check_word("model", model), variant, check_words("sets", sets))
    least = _check_rows(some, only, min_ceiling)
    is_usual = isinstance(n_components, str) and n_components == "usual"
    settings = Settings(
        features=tuple(name for feature_set in feature_sets for name in feature_set.features),
        # The usual number is known once there are settings.
        n_components=usual.N_COMPONENTS if is_usual else n_components,  # type: ignore[arg-type]
        regression=regression,
        alphas=alphas,  # type: ignore[arg-type]
        n_iter=n_iter,
        search_seed=search_seed,
        windows=windows,  # type: ignore[arg-type]
        image_width=image_width,
        holdout=usual.HOLDOUT if holdout is None and folds is None and shared != "only" else holdout,
        folds=folds,
        shared=shared,
        seed=seed,
        refit=refit,
    )
    check_searches(settings, feature_sets)
    # Checked even where it has no say.
    draws = Resampling(n_resamples, resample_seed, each)
    how = draws if check_flag("intervals", intervals) or group else None
    if how is None and each != "none":
        raise UsageError(f"correct={correct!r} is of p, which come with intervals", hint="add intervals=True")
    runs, parts = train_sets(
        some, feature_sets, settings, how, lenders, cache_dir, source, usual_components=is_usual, track=track, note=note
    )
    names = [feature_set.name for feature_set in feature_sets]
    report, chance = _report(parts, names, runs, how, rois=only, min_ceiling=least, track=track, note=note)
    summed = group_partition(report, chance=chance, correct=over, seed=resample_seed) if group else None
    return Partition(report, tuple(feature_sets), runs, {subject.id: sides for subject, sides in parts}, summed)


def _report(
    parts: Sequence[tuple[Subject, SubjectParts]],
    names: Sequence[str],
    runs: Mapping[Names, Run],
    how: Resampling | None,
    *,
    rois: Sequence[str] | None,
    min_ceiling: float,
    track: Track,
    note: Note,
) -> tuple[PartitionReport, dict[SubjectId, Mapping[str, float]]]:
    """Sum up the parts of some subjects; also return by subject what chance gives each part, where it was drawn."""
    subjects = [subject for subject, _ in parts]
    drawn = None
    if how is not None:
        drawn = resample_parts(parts, names, runs, how, rois=rois, min_ceiling=min_ceiling, track=track, note=note)
    everything = runs[frozenset(names)]
    report = summarise_parts(
        names,
        parts,
        rois=rois,
        min_ceiling=min_ceiling,
        drawn=drawn,
        correct="none" if how is None else how.correct,
        same_images=share_of_same_images(everything, subjects),
    )
    report = replace(report, notes=(*_tell(everything, subjects), *report.notes))
    return report, {number: of_subject.by_chance for number, of_subject in (drawn or {}).items()}


def _tell(run: Run, subjects: Sequence[Subject]) -> Iterator[str]:
    """Say what readers have to know of the run of all sets."""
    yield from tell_split(run, [subject.id for subject in subjects])
    yield from tell_changed_files((subject, run.subject(subject.id)) for subject in subjects)
    yield from tell_random_weights([run])


def _check_rows(subjects: Sequence[Subject], rois: Sequence[str] | None, min_ceiling: float | None) -> float:
    """Return the least noise ceiling; ROIs and ceilings that are missing are told before anything is trained."""
    least = check_min_ceiling(min_ceiling)
    choose_rois(rois, classes_of(subjects))
    for subject in subjects:
        for side in subject.sides:
            explainable(subject, side, least)
    return least
