"""Explained variance partitioned between sets of layers, from Python: every union of them is trained, or found done."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from algocli.compute.choices import check_path, check_word, check_words
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import ALL_VERTICES
from algocli.encoding import usual
from algocli.encoding.settings import USUAL_ALPHAS, Alphas, Settings
from algocli.errors import MissingStep, UsageError
from algocli.features.store.library import check_name, find_recipe
from algocli.pipeline.arguments import each_subject
from algocli.pipeline.defaults import DEFAULT_CACHE, DEFAULT_MODEL
from algocli.results.partition import PartitionReport, SubjectParts, describe, export_parts, read_parts, summarise_parts
from algocli.results.regions import check_rois, classes_of
from algocli.runs.run import Run
from algocli.runs.unions import measure_features, open_unions, train_unions, with_usual_components
from algocli.stats.partition import FeatureSet, Names, check_count, check_sets


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
    """

    report: PartitionReport
    sets: tuple[FeatureSet, ...]
    runs: Mapping[Names, Run]
    sides: Mapping[SubjectId, SubjectParts]

    def __repr__(self) -> str:
        return f"Partition({self.report.told(' and '.join(one.name for one in self.sets))})"

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


def partition(
    subjects: Subject | Iterable[Subject],
    sets: Sequence[str],
    *,
    model: str = DEFAULT_MODEL,
    n_components: int | Literal["usual"] | None = "usual",
    regression: Literal["ridge", "ols"] = "ridge",
    alphas: Alphas | Sequence[float] = USUAL_ALPHAS,
    holdout: float | None = None,
    folds: int | None = None,
    seed: int = usual.SEED,
    refit: bool = True,
    rois: Sequence[str] | str | None = None,
    cache_dir: Path | str = DEFAULT_CACHE,
    track: Track = silent,
    note: Note = unheard,
) -> Partition:
    """Partition explained variance between two to five sets of layers.

    A model of every union of them is trained, or found done. From the R² of held-out images follow what each set
    explains alone and what exactly some of them share; all parts sum to what all sets explain. Nothing is clipped.

    Parameters
    ----------
    sets, model
        Each set a layer of the network `model`, or the name of cached features; several joined by a plus, 'A+B', are
        one set.
    n_components
        Number of principal components, None for all; usually 1000, or all where images are fewer, and 100 with OLS.
    regression, alphas, holdout, folds, seed, refit
        As `Settings` has them.
    rois
        Names of the only ROIs to tell of, or one name; by default all, 'All vertices' last.

    Returns
    -------
    Its `report.rows` have every part of every ROI.

    Raises
    ------
    UsageError
        If the sets or the settings make no sense, or the data names no such ROI.
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
    some, cache_dir = each_subject(subjects), check_path("cache_dir", cache_dir)
    only = None if rois is None else check_words("rois", rois)
    words = check_words("sets", sets)
    check_count(len(words))
    found_sets = [_find_set(cache_dir, check_word("model", model), word) for word in words]
    check_sets(found_sets)
    check_rois(only or (), [*classes_of(some), ALL_VERTICES])
    settings = Settings(
        features=tuple(name for one in found_sets for name in one.features),
        n_components=None if n_components == "usual" else n_components,
        regression=regression,
        alphas=alphas,  # type: ignore[arg-type]
        holdout=usual.HOLDOUT if holdout is None and folds is None else holdout,
        folds=folds,
        seed=seed,
        refit=refit,
    )
    if n_components == "usual":
        settings = with_usual_components(settings, some)
    # Whatever is missing is told before the first of many models is trained.
    n_features = measure_features(some, settings.features, cache_dir, track=track)
    runs = open_unions(cache_dir, found_sets, settings, n_features, some, track=track, note=note)
    found: list[tuple[Subject, Any]] = []
    for one in some:
        train_unions(one, runs, cache_dir, command_line=sys.argv, track=track, note=note)
        found.append((one, read_parts(one, runs, track=track)))
    report = summarise_parts([one.name for one in found_sets], found, rois=only)
    return Partition(report, tuple(found_sets), runs, {one.id: sides for one, sides in found})


def _find_set(cache_dir: Path, model: str, word: str) -> FeatureSet:
    """Return the set that a word such as 'features.2+my-features' names."""
    names = tuple(_find_features(cache_dir, model, name) for name in word.split("+"))
    if len(set(names)) < len(names):
        raise UsageError(f"{word} names the same features twice", hint="a set needs each layer once")
    return FeatureSet(word, names)


def _find_features(cache_dir: Path, model: str, name: str) -> str:
    """Return the name of cached features, given that or a layer of the model."""
    if not name:
        raise UsageError("a set has an empty name: a plus joins two names, as in A+B")
    try:
        return check_name(cache_dir, name)
    except MissingStep as unnamed:
        try:
            return find_recipe(cache_dir, model, name)
        except MissingStep as error:
            raise MissingStep(f"{error.message}, and {unnamed.message}", hint=error.hint) from error
        except UsageError as error:
            raise UsageError(error.message, hint=f"write the name that is meant in place of {name}") from error
