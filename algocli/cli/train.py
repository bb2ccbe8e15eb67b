"""algocli train: fit an encoding model from cached features."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperOption

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    DEFAULT_LAYER,
    DEFAULT_MODEL,
    AlphaGrid,
    CacheDir,
    DataDir,
    Device,
    Features,
    Folds,
    Holdout,
    Json,
    Model,
    PresetName,
    Quiet,
    Seed,
    Subjects,
    TrainedLayers,
    in_same_folders,
    is_named,
    parse_alphas,
    parse_components,
    parse_subjects,
)
from algocli.cli.wording import FIELDS, told_in_options
from algocli.dataset.naming import SubjectId
from algocli.errors import MissingStep


def _complete(incomplete: str) -> list[str]:
    from algocli.encoding.regressions.registry import forms

    return [form for form in forms() if form.startswith(incomplete)]


class _Train(TyperCommand):
    """Knows the regressions that there are when it is asked to explain itself: to find them takes numpy."""

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        from algocli.encoding.regressions.registry import regressions

        for param in self.params:
            if isinstance(param, TyperOption) and param.name == "regression":
                told = "; ".join(f"{one.form}: {one.help}" for one in regressions())
                param.help = f"How components are mapped to responses. {told}.  [default: {param.default}]"
        super().format_help(ctx, formatter)


RegressionName = Annotated[
    str, typer.Option("--regression", metavar="NAME", show_default=False, autocompletion=_complete)
]


def train(
    ctx: typer.Context,
    preset: PresetName = None,
    pca: Annotated[
        str, typer.Option(metavar="N|full", help="Number of principal components, or all there are.")
    ] = "100",
    regression: RegressionName = "ols",
    alpha_by: Annotated[
        Literal["gcv", "kfold"], typer.Option(help="How ridge chooses each vertex's penalty: GCV, or five inner folds.")
    ] = "gcv",
    alphas: AlphaGrid = None,
    holdout: Holdout = None,
    folds: Folds = None,
    seed: Seed = 4,
    refit: Annotated[
        bool, typer.Option("--refit/--no-refit", help="Predict the test images from a refit on all training images.")
    ] = True,
    model: Model = DEFAULT_MODEL,
    layer: TrainedLayers = None,
    features: Features = None,
    scale: Annotated[
        bool, typer.Option("--scale/--no-scale", help="Bring several layers to one scale before they are joined.")
    ] = True,
    join: Annotated[
        Literal["features", "components"],
        typer.Option(help="Of several layers, put side by side all features, or the components of each."),
    ] = "features",
    standardise: Annotated[
        bool, typer.Option("--standardise", help="Divide each feature by its spread over the fitted images first.")
    ] = False,
    n_iter: Annotated[
        int, typer.Option("--n-iter", metavar="N", help="Draws of banded ridge's search for each layer's share.")
    ] = 50,
    search_seed: Annotated[
        int | None, typer.Option(metavar="SEED", help="Seed of that search, which has to be named.")
    ] = None,
    device: Device = "cpu",
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
    challenge's tutorial: AlexNet features.2, 100 components, OLS, a tenth held out. Ridge has a penalty of its own for
    every vertex and gains from many components: --pca 1000 --regression ridge.
    """
    from algocli.cli.console import noter, tracker
    from algocli.dataset.opening import open_dataset
    from algocli.encoding.settings import Settings
    from algocli.runs.datasets import Home
    from algocli.runs.mixtures import tell_mixtures
    from algocli.runs.opening import open_on
    from algocli.runs.run import check_run_name
    from algocli.runs.training import train_subject

    # Words are read before folders: a slip of the keyboard is told as one, whatever is on the disk.
    with told_in_options():
        chosen = _chosen(ctx)
    if run is not None:
        check_run_name(run)
    subjects = open_dataset(data_dir).subjects(parse_subjects(subject))
    with told_in_options():
        settings = Settings(features=_find_features(ctx, cache_dir), **chosen)
    if device != "cpu":
        from algocli.features.networks.backbones import resolve_device

        device = resolve_device(device)
    note, track = noter(quiet), tracker(quiet)
    numbers = [one.id for one in subjects]
    with told_in_options():
        dataset = Home.of(subjects, cache_dir, track)
        opened = open_on(dataset, settings, numbers, name=run, force=force, note=note)
        for one in subjects:
            train_subject(
                one, opened, cache_dir, command_line=sys.argv, force=force, device=device, track=track, note=note
            )
    opened.mark_latest()
    _show(opened.folder, numbers, as_json)
    for remark in tell_mixtures(opened):
        note(remark)
    note(f"next: {in_same_folders('algocli report', data_dir, cache_dir)}")


def _chosen(ctx: typer.Context) -> dict[str, Any]:
    """Return the fields of the settings that were named, by the preset or, above it, by an option of their own."""
    from algocli.encoding.presets import PRESETS
    from algocli.encoding.regressions.registry import check_regression

    parse: dict[str, Callable[[Any], Any]] = {
        "pca": parse_components,
        "alphas": parse_alphas,
        "regression": partial(check_regression, "regression"),
    }
    preset = ctx.params["preset"]
    named = {
        field: parse.get(option, lambda value: value)(ctx.params[option])
        for option, field in FIELDS.items()
        if is_named(ctx, option)
    }
    if "folds" in named:
        named.setdefault("holdout", None)
    return {**(PRESETS[preset].options if preset else {}), **named}


def _find_features(ctx: typer.Context, cache_dir: Path) -> tuple[str, ...]:
    """Return the names of cached features: those named, those of a model's layers, or a preset's."""
    from algocli.encoding.presets import PRESETS
    from algocli.features.store.library import check_name, find_recipe

    names: list[str] = ctx.params["features"] or []
    layers: list[str] = ctx.params["layer"] or []
    model, preset = ctx.params["model"], ctx.params["preset"]
    if preset and not names and not layers:
        model = model if is_named(ctx, "model") else PRESETS[preset].model
        try:
            return tuple(find_recipe(cache_dir, model, layer) for layer in PRESETS[preset].layers)
        except MissingStep as error:
            raise MissingStep(error.message, hint=f"algocli extract --preset {preset}") from error
    found = [find_recipe(cache_dir, model, layer) for layer in layers or ([] if names else [DEFAULT_LAYER])]
    return (*found, *(check_name(cache_dir, name) for name in names))


def _show(folder: Path, subjects: Sequence[SubjectId], as_json: bool) -> None:
    import numpy as np

    from algocli.cli.console import number, show_json, show_table
    from algocli.runs.run import Run

    run = Run(folder)
    shares = [run.subject(n) for n in subjects]
    sides = tuple(dict.fromkeys(side for share in shares for side in share.sides))
    medians = {one.id: {h: float(np.median(one.correlation(h))) for h in one.sides} for one in shares}
    if as_json:
        rows = [{"subject": n, "median_r": own} for n, own in medians.items()]
        show_json({"run": run.name, "path": run.folder, "rows": rows})
        return
    print(f"run {run.name}")
    rows_of_text = [(str(n), *(number(own.get(side)) for side in sides)) for n, own in medians.items()]
    show_table(
        ("Subject", *(side.capitalize() for side in sides)),
        rows_of_text,
        title="Median r of held-out training images, all vertices",
    )


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("train", cls=_Train)(train)
