"""Options that several commands share, declared once so that they read and behave alike everywhere."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

import typer

from algocli.cli.ways_out import remember, remember_cache, remember_word
from algocli.compute.addresses import Address
from algocli.compute.cache_places import name_of_cache
from algocli.compute.files import in_a_heading
from algocli.compute.object_kinds import is_address
from algocli.encoding import presets, usual
from algocli.pipeline.defaults import DEFAULT_CACHE, DEFAULT_DATA, DEFAULT_LAYERS, DEFAULT_MODEL

__all__ = ["DEFAULT_MODEL"]  # beside what is defined here
DEFAULT_DATA_DIR, DEFAULT_CACHE_DIR = DEFAULT_DATA, DEFAULT_CACHE
(DEFAULT_LAYER,) = DEFAULT_LAYERS
# A power of ten as a person writes it: 1e5.
USUAL_GRID = "{:g}:{:.0e}:{}".format(*usual.ALPHAS).replace("e+0", "e")
USUAL_LAYER = f"[default: {DEFAULT_LAYER}]"


DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="ALGOCLI_DATA_DIR",
        callback=remember,
        help="Folder of the challenge data (subj01 ... subj08).",
    ),
]
# Of what is about runs, which know where their data was.
MovedData = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="ALGOCLI_DATA_DIR",
        callback=remember,
        help=f"Folder of the challenge data.  [default: where the run was trained, or {DEFAULT_DATA}]",
    ),
]
CacheDir = Annotated[
    Path,
    typer.Option(
        "--cache-dir",
        envvar="ALGOCLI_CACHE_DIR",
        callback=remember_cache,
        help="Folder of feature stores and runs; or s3://BUCKET/PREFIX (gs://, az://), where features and Gram "
        "matrices then lie, with runs and all else in cache/s3/BUCKET+PREFIX.",
    ),
]
# Of what makes nothing in it.
CacheWord = Annotated[
    Path,
    typer.Option(
        "--cache-dir",
        envvar="ALGOCLI_CACHE_DIR",
        callback=remember_word,
        help="Folder of feature stores and runs; of s3://BUCKET/PREFIX (gs://, az://) whether the server answers is "
        "tried, too.",
    ),
]
Subjects = Annotated[
    list[str] | None,
    typer.Option(
        "--subject", "-s", callback=remember, help="Subject: 3, 1-8 or all; may be repeated.  [default: all found]"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print machine-readable JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no notes on stderr.")]
_NETWORKS = (
    "Network: a classifier of torchvision's, timm/NAME, hf:OWNER/NAME, open_clip:ARCHITECTURE/WEIGHTS, "
    "torchhub:OWNER/REPO[:BRANCH]:NAME or python:MODULE:CALLABLE. timm:NAME and hf/OWNER/NAME mean the same."
)
Model = Annotated[str, typer.Option("--model", help=_NETWORKS)]
TrainedModel = Annotated[str | None, typer.Option("--model", help=f"{_NETWORKS}  [default: {DEFAULT_MODEL}]")]
TrainedLayers = Annotated[
    list[str] | None,
    typer.Option(
        "--layer",
        "-l",
        help=f"Layer, or pattern such as 'features.*'; may be repeated: the features of all.  {USUAL_LAYER}",
    ),
]
Layers = Annotated[
    list[str] | None,
    typer.Option("--layer", "-l", help=f"Layer, or pattern such as 'layer3.*'; may be repeated.  {USUAL_LAYER}"),
]
Features = Annotated[
    list[str] | None,
    typer.Option("--features", help="Name of cached features, or a pattern; may be repeated."),
]
FeaturesFrom = Annotated[
    list[Path] | None,
    typer.Option(
        "--features-from",
        metavar="DIR",
        help="Another cache folder, or an address as s3://BUCKET/PREFIX (gs://, az://), to read features in that are "
        "not in --cache-dir; may be repeated. It is never written.",
    ),
]
MadeFrom = Annotated[
    Path | None,
    typer.Option(
        "--stimuli",
        help="What the images of the features were read from, as extract was told, where that was done from several "
        "places.",
    ),
]
Device = Annotated[str, typer.Option("--device", help="Where matrices are multiplied: cpu, cuda or auto.")]
ClusterName = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="SPEC",
        help="Have the work done side by side: local:N by N processes of this machine, which divide its cores and its "
        "memory; slurm or slurm:FILE.toml by jobs of SLURM ('algocli jobs --help' says what a FILE may hold); "
        "dask:tcp://HOST:PORT, or dask:FILE of a --scheduler-file, "
        "by the workers of a Dask scheduler that see the same folders. What is made is the same.",
    ),
]
Print = Annotated[
    bool,
    typer.Option(
        "--print", help="With --cluster slurm: only write the list of tasks and what sbatch takes, to submit by hand."
    ),
]
TrustRemoteCode = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        help="Allow what runs code that a file names: torchhub: models, those of hf: that bring their own, and a run's "
        "regression of python:.",
    ),
]
PresetName = Annotated[
    presets.PresetName | None,
    typer.Option(
        "--preset",
        help="A model under a name; options that are given as well change it. tutorial: the challenge's notebook, "
        "without a refit; baseline: the organisers' own, all eight layers of AlexNet, standardised; strong: five "
        "layers joined, and ridge on 1000 components, the best of what takes seconds, for up to 4 GB of features of "
        "10,000 images; clip, dinov2: so with six blocks of a transformer, their patches pooled to 8 x 8 beside the "
        "class token; retina: receptive fields on two layers of AlexNet, blended for every vertex with ridge on the "
        "three above: better than strong, in minutes.",
    ),
]
Draws = Annotated[
    int, typer.Option("--n-iter", metavar="N", help="Draws of banded ridge's search for each layer's share.")
]
SearchSeed = Annotated[int | None, typer.Option(metavar="SEED", help="Seed of that search, which has to be named.")]
AlphaGrid = Annotated[
    str | None,
    typer.Option(
        "--alphas",
        metavar="LOW:HIGH:N",
        help=f"Ridge's penalties, relative to a component's mean variance.  [default: {USUAL_GRID}]",
    ),
]
FieldSet = Annotated[
    str,
    typer.Option(
        "--fields",
        metavar="coarse|fine|FILE",
        help="Windows that receptive fields are chosen among: 99, or 604, or those of a CSV file with the columns x, y "
        "and size, in degrees from the middle of the image.",
    ),
]
ImageWidth = Annotated[
    float | None,
    typer.Option(
        "--image-width",
        metavar="DEG",
        help="How wide images were seen, in degrees of visual angle.  [default: what the dataset says; 8.4 in NSD]",
    ),
]
FieldLayer = Annotated[
    str | None,
    typer.Option(
        "--layer",
        "-l",
        help="Receptive fields of train --field-per-layer: those on this layer.  [default: at each vertex those on the "
        "layer that weighs most]",
    ),
]
FieldLayers = Annotated[
    int | None,
    typer.Option(
        "--field-layers",
        metavar="N",
        help="Put windows on the first N layers alone, and blend in ridge on the others, for every vertex.",
    ),
]
FieldPerLayer = Annotated[
    bool, typer.Option("--field-per-layer", help="Give each layer a window of its own, and a weight for every vertex.")
]
Holdout = Annotated[
    float | None, typer.Option("--holdout", help=f"Share of training images held out once.  [default: {usual.HOLDOUT}]")
]
Folds = Annotated[int | None, typer.Option("--folds", help="Hold out every image once, in this many folds.")]
SharedImages = Annotated[
    Literal["all", "only", "exclude"],
    typer.Option(
        "--shared",
        help="What to do with images that other subjects of the dataset saw too: only hold out these, all of them, and "
        "fit on the subject's own; or exclude them, from both.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the split.")]
RunName = Annotated[
    str,
    typer.Option(
        "--run",
        callback=remember,
        help="Name of a run; its beginning, or a pattern such as '*features.2*', is enough where that fits one.",
    ),
]
RoiNames = Annotated[
    list[str] | None,
    typer.Option(
        "--roi",
        help="Only this ROI, class of ROIs ('floc-faces'), name of several ('FFA', 'V1'), list ('V1v,V1d') or sum of "
        "them ('V1v+V1d'), in any case; may be repeated.",
    ),
]
MinCeiling = Annotated[
    float | None,
    typer.Option(
        "--min-ceiling",
        metavar="NC",
        help="Count only vertices with at least this noise ceiling, as a share of variance (0.2): those that any model "
        "could explain.",
    ),
]


def printable(title: str | None) -> str | None:
    """Blank out of a heading what neither a page nor a picture can hold: control characters, bytes that are no text."""
    return None if title is None else in_a_heading(title)


def is_named(ctx: typer.Context, option: str) -> bool:
    """Say whether an option was given, on the command line or by the environment."""
    source = ctx.get_parameter_source(option)
    return source is not None and source.name != "DEFAULT"


def in_same_folders(command: str, data_dir: Path = DEFAULT_DATA_DIR, cache_dir: Path = DEFAULT_CACHE_DIR) -> str:
    """Give a command, such as 'algocli train -s 1', the folders that this one was given: it can be pasted as it is."""
    words = []
    for option, folder, default, variable in (
        ("--data-dir", str(data_dir), DEFAULT_DATA_DIR, "ALGOCLI_DATA_DIR"),
        ("--cache-dir", name_of_cache(cache_dir), DEFAULT_CACHE_DIR, "ALGOCLI_CACHE_DIR"),
    ):
        # What comes from the environment will come from there again.
        if folder not in (str(default), _as_address(os.environ.get(variable))):
            words += [option, quote(folder)]
    # A hint may add a remark in brackets.
    step, bracket, remark = command.partition(" (")
    return " ".join([step, *words]) + bracket + remark


def _as_address(word: str | None) -> str | None:
    """Write an address as it is told; what is none, as it is."""
    return str(Address(word)) if word and is_address(word) else word
