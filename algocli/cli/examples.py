"""What one may want to do with a command: lines to paste, at the end of its --help."""

from __future__ import annotations

import typer

# Each runs where those before it have run, and the README's.
EXAMPLES = {
    "extract": (
        "algocli extract -l features.2 -l features.5 -s 1",
        "algocli extract -l features.9 --weights checkpoint.pth -s 1-3",
        "algocli extract -l features.12 --weights checkpoint.pth -s 1-2 --cluster slurm:slurm.toml",
        "algocli extract -l features.2 -s 1 --cache-dir s3://bucket/shared",
        "algocli extract -l features.2 -s 1 --features-dir s3://bucket/features --cache-dir elsewhere",
    ),
    "jobs": ("algocli jobs --json",),
    "models": (
        "algocli models dinov2",
        "algocli models 'timm/*.openai'",
    ),
    "train": (
        "algocli train --run everyone",
        "algocli train --pca 100 --folds 5 -s 1",
        "algocli train --pca 50 -s 1-4 --run shared --cluster local:2",
        "algocli train --pca 40 -s 1-4 --run handed-out --cluster slurm:slurm.toml --print",
        "algocli train --pca 30 -s 1-4 --run by-dask --cluster dask:tcp://localhost:8786",
        "algocli train --pca 20 -s 1 --cache-dir s3://bucket/shared",
        "algocli train --pca 20 -s 1 --features-from s3://bucket/features --cache-dir mine",
        "algocli train -l features.2 -l features.5 -s 1",
        "algocli train --each -l features.2 -l features.5 -s 1 --run 'layer-*'",
        "algocli train -l features.2 -l features.5 -s 1 --regression blend --pca 50",
        "algocli train -l features.2 -s 1 --regression fields --fields coarse --run fields",
        "algocli train -l features.2,features.5 -s 1 --regression fields --fields coarse --field-per-layer --run apart",
        "algocli train -l features.2 -l features.5 -s 1 --regression banded --pca 20 --n-iter 5 --search-seed 0",
    ),
    "sweep": (
        "algocli sweep alexnet resnet18 -l 'features.[25]' -l resnet18=layer1 --weights random -s 1 --dry-run",
        "algocli sweep alexnet -l features.2 -l features.5 --pca 50 --pca 100 -s 1 -o sweep.pdf",
        "algocli sweep alexnet -l features.5 --folds 5 --regression ridge --roi floc-faces --csv sweep.csv -s 1",
        "algocli sweep alexnet -l features.5 --regression ridge --regression fields --fields coarse -s 1 --dry-run",
    ),
    "report": (
        "algocli report --csv rois.csv --json",
        "algocli report --significance --intervals -s 1",
        "algocli report --run everyone --group",
    ),
    "compare": (
        "algocli compare conv1 conv2 --roi EBA",
        "algocli compare --run 'conv*' --roi EBA",
        "algocli compare 'layer-*' --nested --roi EBA",
    ),
    "partition": (
        "algocli partition features.2 features.5 -s 1 -o parts",
        "algocli partition features.2 features.5 -s 1 --folds 5 --intervals --correct max",
        "algocli partition features.2 features.5 -s 1 --regression fields --fields coarse",
    ),
    "similarity": (
        "algocli similarity -s 1 --plot similarity.png",
        "algocli similarity -s 1 --roi streams --measure cka-unbiased -o similarity",
        "algocli similarity -s 1 -l features.2 --to-layer 'features.*'",
    ),
    "curve": (
        "algocli curve -s 1 --sizes 4 -o curve.png",
        "algocli curve --run everyone --sizes 40,80,110 --repeats 2 --pca full --regression ridge --csv curve.csv",
    ),
    "plot": (
        "algocli plot accuracy -s 1 --vmin 0 --vmax 0.6 --cmap viridis -o accuracy.pdf",
        "algocli plot rois -s 1 --dark -o bars.svg",
        "algocli plot rois --run everyone --group",
        "algocli plot roi floc-places -s 1",
        "algocli plot response --stimulus 7 -s 1",
        "algocli plot prediction -s 1",
        "algocli plot ceiling -s 1",
        "algocli plot angle --run fields -s 1 --outline prf-visualrois",
        "algocli plot angle --run apart -l features.5 -s 1",
        "algocli plot size-by-eccentricity --run fields -s 1 -o sizes.pdf",
        "algocli plot coverage --run fields -s 1 --roi V1 --roi V2",
        "algocli plot layers --run conv1 --run conv2 -s 1",
        "algocli plot best-layer --run conv1 --run conv2 -s 1",
        "algocli plot difference --run conv2 --against conv1 -s 1",
    ),
    "predict": ("algocli predict algonauts_2023_challenge_data/subj01/test_split/test_images --run conv1 --roi FFA-1",),
    "export": (
        "algocli export --format csv -o tables -s 1",
        "algocli export --run everyone --group --format mgh -o maps",
        "algocli export --run fields --format gifti -o retinotopy",
        "algocli export --run fields --format nifti -o niftis",
        "algocli export --run apart --layer features.5 --format mgh -o deeper",
    ),
    "score": ("algocli score conv1 -s 1",),
}

# A sweep as a file has it.
SWEEP_FILE = """\
networks = ["alexnet", "resnet18"]
layers = ["features.[25]", "layer1", "layer2"]
[[network]]
name = "alexnet"
layers = ["features.12"]
pool = ["none", 2]
[features]
weights = "random"
[train]
pca = [20, 30]
regression = "ridge"
"""


def add_examples(app: typer.Typer) -> None:
    """Let the help of each command end in its examples."""
    for command in app.registered_commands:
        lines = EXAMPLES.get(command.name or "")
        if lines:
            # The mark keeps what follows from being wrapped.
            command.epilog = "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))
