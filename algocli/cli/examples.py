"""What one may want to do with a command: lines to paste, at the end of its --help."""

from __future__ import annotations

import typer

# Each runs where those before it have run, and the README's.
EXAMPLES = {
    "extract": (
        "algocli extract -l features.2 -l features.5 -s 1",
        "algocli extract -l features.9 --weights checkpoint.pth -s 1-3",
    ),
    "models": (
        "algocli models dinov2",
        "algocli models 'timm/*.openai'",
    ),
    "train": (
        "algocli train --run everyone",
        "algocli train --pca 100 --folds 5 -s 1",
        "algocli train -l features.2 -l features.5 -s 1",
        "algocli train --each -l features.2 -l features.5 -s 1 --run 'layer-*'",
        "algocli train -l features.2 -l features.5 -s 1 --regression blend --pca 50",
        "algocli train -l features.2 -l features.5 -s 1 --regression banded --pca 20 --n-iter 5 --search-seed 0",
    ),
    "report": (
        "algocli report --csv rois.csv --json",
        "algocli report --significance --intervals -s 1",
        "algocli report --run everyone --group",
    ),
    "compare": ("algocli compare conv1 conv2 --roi EBA", "algocli compare --run 'conv*' --roi EBA"),
    "partition": (
        "algocli partition features.2 features.5 -s 1 -o parts",
        "algocli partition features.2 features.5 -s 1 --folds 5 --intervals --correct max",
    ),
    "plot": (
        "algocli plot accuracy -s 1 --vmin 0 --vmax 0.6 --cmap viridis -o accuracy.pdf",
        "algocli plot rois -s 1 --dark -o bars.svg",
        "algocli plot rois --run everyone --group",
        "algocli plot roi floc-places -s 1",
        "algocli plot response --stimulus 7 -s 1",
        "algocli plot prediction -s 1",
        "algocli plot ceiling -s 1",
        "algocli plot layers --run conv1 --run conv2 -s 1",
        "algocli plot best-layer --run conv1 --run conv2 -s 1",
        "algocli plot difference --run conv2 --against conv1 -s 1",
    ),
    "predict": ("algocli predict algonauts_2023_challenge_data/subj01/test_split/test_images --run conv1 --roi FFA-1",),
    "export": (
        "algocli export --format csv -o tables -s 1",
        "algocli export --run everyone --group --format mgh -o maps",
    ),
    "score": ("algocli score conv1 -s 1",),
}


def add_examples(app: typer.Typer) -> None:
    """Let the help of each command end in its examples."""
    for command in app.registered_commands:
        lines = EXAMPLES.get(command.name or "")
        if lines:
            # The mark keeps what follows from being wrapped.
            command.epilog = "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))
