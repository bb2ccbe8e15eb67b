"""algocli demo: a synthetic challenge to try everything on, and the pipeline run on it."""

from __future__ import annotations

import shlex
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

import typer

from algocli.cli.options import DEFAULT_LAYER, DEFAULT_MODEL, Json, Quiet
from algocli.cli.parsing import parse_subjects
from algocli.errors import DataError, UsageError


def demo(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("demo"),
    n_train: Annotated[int, typer.Option("--train", min=2, help="Training images a subject.")] = 200,
    n_test: Annotated[int, typer.Option("--test", min=2, help="Test images a subject.")] = 40,
    vertices: Annotated[
        str, typer.Option(help="small, real (the official counts), or a number a hemisphere.")
    ] = "small",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 0,
    subject: Annotated[
        list[str] | None,
        typer.Option("--subject", "-s", help="Subject to write: 3, 1-8 or all; may be repeated.  [default: all eight]"),
    ] = None,
    run: Annotated[
        bool, typer.Option("--run/--no-run", help="Then run the whole pipeline on it, command by command.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a synthetic challenge in the official layout.

    Its images are drawn and its responses follow a known truth. Its scores say nothing about brains: it is there to
    try the tool, and to test it.
    """
    from algocli.cli.console import count, note, show_json, size, tracker
    from algocli.dataset.challenge.layout import SUBJECTS
    from algocli.demo.write import write_challenge

    chosen = parse_subjects(subject) or SUBJECTS
    summary = write_challenge(
        folder,
        subjects=chosen,
        n_train=n_train,
        n_test=n_test,
        vertices=_vertices(vertices),
        seed=seed,
        track=tracker(quiet),
    )
    if as_json:
        show_json(summary)
    else:
        print(f"{folder}: {count(len(chosen), 'subject')}, {n_train} + {n_test} images each, {size(summary.n_bytes)}")
    if run:
        _run(ctx, folder, chosen, _components(n_train), quiet)
    else:
        note(f"next: algocli data --data-dir {quote(str(folder))}", quiet=quiet)


def _vertices(word: str) -> Literal["small", "real"] | int:
    named: dict[str, Literal["small", "real"]] = {"small": "small", "real": "real"}
    if word in named:
        return named[word]
    if word.isdecimal() and int(word) > 0:
        return int(word)
    raise UsageError(f"--vertices {word}: small, real or a number is expected")


def _components(n_train: int) -> int:
    """Return the README's 100 components, or as many as the images that are not held out have."""
    return max(1, min(100, round(0.9 * n_train) - 1))


def _run(ctx: typer.Context, folder: Path, subjects: tuple[int, ...], n_components: int, quiet: bool) -> None:
    """Run the pipeline as a user would, showing each command before it runs."""
    where = ["--data-dir", str(folder)]
    cached = ["--cache-dir", str(folder / "cache")]
    first = str(subjects[0])
    partial = [] if len(subjects) == 8 else ["--partial"]
    submission = str(folder / "submission.zip")
    commands = [
        ["data", *where],
        ["extract", *_weights(quiet), *where, *cached],
        ["train", "--pca", str(n_components), *where, *cached],
        ["report", "-s", first, *where, *cached],
        ["plot", "rois", "-s", first, "-o", str(folder / "rois.png"), *where, *cached],
        ["plot", "accuracy", "-s", first, "-o", str(folder / "accuracy.png"), *where, *cached],
        ["submit", *partial, "-o", submission, *where, *cached],
        ["validate", submission, *partial, *where],
    ]
    for words in commands:
        _invoke(ctx, [*words, "--quiet"] if quiet else words)


def _invoke(ctx: typer.Context, words: list[str]) -> None:
    """Run another command of the program that this one was started from."""
    print(f"\n$ algocli {shlex.join(words)}", flush=True)
    code = ctx.find_root().command.main(words, prog_name="algocli", standalone_mode=False)
    if code:
        raise typer.Exit(code)


def _weights(quiet: bool) -> list[str]:
    """Choose pretrained weights, or random ones where they cannot be had: the demo alone does that."""
    from algocli.cli.console import note
    from algocli.features.networks.backbones import load_backbone

    try:
        load_backbone(DEFAULT_MODEL, [DEFAULT_LAYER])
    except DataError as error:
        note(f"{error.message}\nthe demo goes on with random weights, seed 0: its scores are lower", quiet=quiet)
        return ["--weights", "random:0"]
    return []


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("demo")(demo)
