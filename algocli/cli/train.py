"""algocli train: fit an encoding model from cached features."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    DEFAULT_LAYER,
    DEFAULT_MODEL,
    CacheDir,
    DataDir,
    Features,
    Json,
    Layer,
    Model,
    Quiet,
    Subjects,
    in_same_folders,
    parse_subjects,
)


def train(
    pca: Annotated[int, typer.Option(min=1, help="Number of principal components.")] = 100,
    regression: Annotated[Literal["ols"], typer.Option(help="How components are mapped to responses.")] = "ols",
    holdout: Annotated[
        float | None, typer.Option(help="Share of training images held out once.  [default: 0.1]")
    ] = None,
    folds: Annotated[int | None, typer.Option(help="Hold out every image once, in this many folds.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split.")] = 4,
    refit: Annotated[
        bool, typer.Option("--refit/--no-refit", help="Predict the test images from a refit on all training images.")
    ] = True,
    model: Model = DEFAULT_MODEL,
    layer: Layer = DEFAULT_LAYER,
    features: Features = None,
    run: Annotated[str | None, typer.Option(help="Name of the run.  [default: one that says the settings]")] = None,
    force: Annotated[bool, typer.Option(help="Fit again, replacing the run of that name.")] = False,
    subject: Subjects = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit an encoding model for every vertex.

    It predicts the held-out images, which give its score, and the test images. With no options this is the
    challenge's tutorial: AlexNet features.2, 100 components, OLS, a tenth held out.
    """
    from algocli.challenge.subjects import Challenge
    from algocli.cli.console import noter, tracker
    from algocli.encoding.model import train_subject
    from algocli.encoding.runs import check_run_name, open_run
    from algocli.encoding.settings import Settings
    from algocli.features.library import check_name, find_recipe

    subjects = Challenge(data_dir).subjects(parse_subjects(subject))
    settings = Settings(
        features=(check_name(cache_dir, features) if features else find_recipe(cache_dir, model, layer),),
        n_components=pca,
        regression=regression,
        holdout=0.1 if holdout is None and folds is None else holdout,
        folds=folds,
        seed=seed,
        refit=refit,
    )
    name = check_run_name(run) if run else settings.default_name
    opened = open_run(cache_dir, name, settings, replace=force)
    note = noter(quiet)
    for one in subjects:
        train_subject(one, opened, cache_dir, command_line=sys.argv, force=force, track=tracker(quiet), note=note)
    opened.mark_latest()
    _show(opened.folder, [one.number for one in subjects], as_json)
    note(f"next: {in_same_folders('algocli report', data_dir, cache_dir)}")


def _show(folder: Path, subjects: list[int], as_json: bool) -> None:
    import numpy as np

    from algocli.challenge.layout import HEMISPHERES
    from algocli.cli.console import number, show_json, show_table
    from algocli.encoding.runs import Run

    run = Run(folder)
    medians = {n: [float(np.median(run.subject(n).correlation(h))) for h in HEMISPHERES] for n in subjects}
    if as_json:
        rows = [{"subject": n, "median_r": dict(zip(HEMISPHERES, both, strict=True))} for n, both in medians.items()]
        show_json({"run": run.name, "path": run.folder, "rows": rows})
        return
    print(f"run {run.name}")
    rows_of_text = [(str(n), *(number(r) for r in both)) for n, both in medians.items()]
    show_table(("Subject", "Left", "Right"), rows_of_text, title="Median r of held-out training images, all vertices")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("train")(train)
