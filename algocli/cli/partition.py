"""`algocli partition`: what sets of layers explain each alone, and what they share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    DEFAULT_MODEL,
    AlphaGrid,
    CacheDir,
    DataDir,
    Folds,
    Holdout,
    Json,
    Model,
    Quiet,
    RoiNames,
    Seed,
    Subjects,
    parse_alphas,
    parse_components,
    parse_subjects,
)
from algocli.cli.report import Csv
from algocli.cli.wording import told_in_options
from algocli.dataset.sides import ALL_VERTICES, all_of
from algocli.errors import MissingStep, UsageError

if TYPE_CHECKING:
    from algocli.dataset.protocol import Subject
    from algocli.results.partition import PartitionReport
    from algocli.stats.partition import FeatureSet

Sets = Annotated[
    list[str],
    typer.Argument(
        metavar="SET", help="A layer, or the name of cached features; several joined by a plus, A+B, are one set."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("partition")(partition)


def partition(
    sets: Sets,
    model: Model = DEFAULT_MODEL,
    pca: Annotated[
        str | None,
        typer.Option(
            metavar="N|full",
            help="Number of principal components.  [default: 1000, or all where images are fewer; OLS: 100]",
        ),
    ] = None,
    regression: Annotated[
        Literal["ridge", "ols"], typer.Option(help="How components are mapped to responses.")
    ] = "ridge",
    alphas: AlphaGrid = None,
    holdout: Holdout = None,
    folds: Folds = None,
    seed: Seed = 4,
    refit: Annotated[
        bool,
        typer.Option("--refit/--no-refit", help="Let new runs predict test images too, as train does: twice the work."),
    ] = True,
    subject: Subjects = None,
    roi: RoiNames = None,
    csv: Csv = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write every part per vertex to this folder.")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Partition explained variance between sets of layers.

    Two to five sets are named. A model of every union of them is trained, or found done: each is a run that report
    and compare know. From the R² of held-out images follow what each set explains alone and what exactly some of them
    share; all parts sum to what all sets explain. Ridge on many components is the default because k components of two
    layers together are not k of each: with few, a union gives up what its parts keep, and the shares are off. With
    OLS, for that reason, a union has k components of every layer. Each layer, not each set, has one scale. Nothing is
    clipped.
    """
    from algocli.cli.console import note, noter, show_json, tracker
    from algocli.cli.partition_tables import show_parts
    from algocli.encoding.settings import Settings
    from algocli.results.explained_parts import describe, export_parts, read_parts
    from algocli.results.partition import summarise_parts, write_csv
    from algocli.runs.unions import measure_features, open_unions, train_unions, with_usual_components
    from algocli.stats.partition import check_count, check_sets

    n_components, grid = parse_components(pca or "full"), parse_alphas(alphas)
    check_count(len(sets))
    found_sets = [_find_set(cache_dir, model, word) for word in sets]
    check_sets(found_sets)
    subjects = _find_subjects(data_dir, subject, roi, output)
    with told_in_options():
        settings = Settings(
            features=tuple(name for one in found_sets for name in one.features),
            n_components=n_components,
            regression=regression,
            alphas=grid,
            holdout=0.1 if holdout is None and folds is None else holdout,
            folds=folds,
            seed=seed,
            refit=refit,
        )
    if pca is None:
        settings = with_usual_components(settings, subjects)
    # Whatever is missing is told before the first of many models is trained.
    n_features = measure_features(subjects, settings.features, cache_dir, track=tracker(quiet))
    runs = open_unions(cache_dir, found_sets, settings, n_features, subjects, track=tracker(quiet), note=noter(quiet))
    found = []
    for one in subjects:
        train_unions(one, runs, cache_dir, command_line=sys.argv, track=tracker(quiet), note=noter(quiet))
        found.append((one, read_parts(one, runs, track=tracker(quiet))))
    summary = summarise_parts([one.name for one in found_sets], found, rois=roi)
    if as_json:
        show_json({**describe(found_sets, runs), "rows": summary.rows})
    else:
        show_parts(summary)
        for remark in _remarks(summary, regression):
            note(remark, quiet=quiet)
    for remark in summary.notes:
        note(remark, quiet=quiet)
    if csv is not None:
        write_csv(summary, csv)
        note(f"wrote {csv}", quiet=quiet)
    if output is not None:
        paths = export_parts(output, found_sets, runs, {one.id: sides for one, sides in found})
        note(f"wrote {len(paths)} files to {output}", quiet=quiet)


def _find_set(cache_dir: Path, model: str, word: str) -> FeatureSet:
    """Return the set that a word such as 'features.2+my-features' names."""
    from algocli.stats.partition import FeatureSet

    names = tuple(_find_features(cache_dir, model, name) for name in word.split("+"))
    if len(set(names)) < len(names):
        raise UsageError(f"{word} names the same features twice", hint="a set needs each layer once")
    return FeatureSet(word, names)


def _find_features(cache_dir: Path, model: str, name: str) -> str:
    """Return the name of cached features, given that or a layer of the model."""
    from algocli.features.store.library import check_name, find_recipe

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


def _find_subjects(
    data_dir: Path, words: list[str] | None, rois: list[str] | None, output: Path | None
) -> list[Subject]:
    """Return the subjects, once it is sure that what is asked of their results makes sense."""
    from algocli.dataset.opening import open_dataset
    from algocli.results.regions import classes_of
    from algocli.results.report import check_rois

    if output is not None and output.is_file():
        raise UsageError(f"{output} is a file; a folder was expected")
    subjects = [*open_dataset(data_dir).subjects(parse_subjects(words))]
    check_rois(rois or (), [*classes_of(subjects), ALL_VERTICES])
    return subjects


def _remarks(summary: PartitionReport, regression: str) -> Iterator[str]:
    """Say how the table is to be read."""
    from algocli.cli.partition_tables import MOST_IN_FULL

    if len(summary.sets) > MOST_IN_FULL:
        yield "A: what A alone explains; by 2: all that exactly two sets share; total: all sets, the sum"
        yield "each shared part by itself: --json, --csv FILE or -o FOLDER"
    else:
        yield "A: what A alone explains; AB: what exactly A and B share; total: all sets, the sum of the parts"
    yield "a shared part below 0: the sets explain more together than apart (suppression), or noise"
    yield "a set's own part below 0: with it the others' predictions get worse, as they do from too few images"
    if regression == "ols":
        yield "OLS pays for every component of every layer on new images: unless images are many, ridge is fairer"
    if summary.has_ceilings:
        yield f"explainable: a ROI's mean over its mean noise ceiling; {all_of(summary.sides)} together"
