"""algocli extract: every image through a network, once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    DEFAULT_LAYER,
    DEFAULT_MODEL,
    CacheDir,
    ClusterName,
    DataDir,
    Json,
    Layers,
    Model,
    PresetName,
    Print,
    Quiet,
    Subjects,
    TrustRemoteCode,
    in_same_folders,
)
from algocli.cli.parsing import parse_cluster, parse_ids
from algocli.errors import AlgocliError, UsageError
from algocli.features import usual

if TYPE_CHECKING:
    from algocli.dataset.protocol import Subject
    from algocli.features.store.shards import FeatureStore

_ROWS = (
    "Only these rows, for a job array: rounded to whole blocks of rows, those that begin within A:B, so that any "
    "partition gives the same."
)
_SIZES = "The side of the images, for networks that take others than their own: fewer pixels are quicker and smaller."
_TOKENS = (
    "Of a transformer: all, or some of class, registers, patches and their mean, as in class+patches; with --pool the "
    "patches, unless told otherwise."
)
_ELSEWHERE = (
    "Keep the features, and their Gram matrices, at this address of an object store (s3://, gs://, az://), and all "
    "else in --cache-dir, which may be such an address itself. Other caches read them there with --features-from."
)
_BATCHES = f"[default: {usual.BATCH_ON_CPU} on a cpu, {usual.BATCH_ON_GPU} on a GPU]"


def extract(
    preset: PresetName = None,
    model: Model = DEFAULT_MODEL,
    layer: Layers = None,
    weights: Annotated[
        str,
        typer.Option(help="pretrained, random, random:SEED, a checkpoint file or folder, or weights by their name."),
    ] = "pretrained",
    transform: Annotated[
        Literal["auto", "tutorial", "model"],
        typer.Option(
            help="224 x 224 as in the tutorial, or what the weights ask for; auto: the tutorial's for its own networks "
            "and where nothing else is known."
        ),
    ] = "auto",
    image_size: Annotated[int | None, typer.Option(min=1, metavar="PIXELS", help=_SIZES)] = None,
    tokens: Annotated[str | None, typer.Option(metavar="WHICH", help=_TOKENS)] = None,
    pool: Annotated[
        int | None,
        typer.Option(min=1, help="Average each channel, or a transformer's patches, over a grid of so many cells."),
    ] = None,
    project: Annotated[int | None, typer.Option(min=1, help="Keep so many sparse random projections.")] = None,
    project_seed: Annotated[int, typer.Option(min=0, help="Seed of the projections.")] = 0,
    dtype: Annotated[
        Literal["float16", "float32"], typer.Option(help="Precision of the stored features.")
    ] = usual.DTYPE,
    numerics: Annotated[
        Literal["float32", "tf32", "float16", "bfloat16"],
        typer.Option(help="Precision of the network itself: tf32 and float16 on CUDA, bfloat16 anywhere."),
    ] = usual.NUMERICS,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    batch_size: Annotated[int | None, typer.Option(min=1, help=f"Images a forward pass.  {_BATCHES}")] = None,
    stimuli: Annotated[
        Path | None, typer.Option(help="Read the images from NSD's HDF5 file, or from a folder with a CSV of ids.")
    ] = None,
    rows: Annotated[str | None, typer.Option(metavar="A:B", help=_ROWS)] = None,
    with_gram: Annotated[
        bool, typer.Option("--gram/--no-gram", help="Also compute the products between images that train begins with.")
    ] = True,
    trust_remote_code: TrustRemoteCode = False,
    features_dir: Annotated[str | None, typer.Option(metavar="s3://BUCKET/PREFIX", help=_ELSEWHERE)] = None,
    cluster: ClusterName = None,
    by_hand: Print = False,
    subject: Subjects = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Pass every image through a network, once.

    The features of one layer, or of several, are kept in the cache; a layer may be a pattern such as 'layer3.*'.
    Interrupted at any moment, the same command goes on where it was.

    Images are taken as 8-bit RGB: transparent ones are laid on mid-grey (127), photographs are turned upright as their
    EXIF says, 16-bit numbers span their whole range; how many were converted so is told. An image whose numbers could
    mean anything is refused.

    Weights are known by their numbers, never by their name. Without a network bring a checkpoint: it may lack the
    layers past those that are asked for, and have its tensors in any dict and under any prefix, which is told; of a
    teacher and its student, or the like, FILE:student names the other. Of a folder its .safetensors files are read, or
    else its .bin or .pth; fetch-weights makes one where there is a network.

    Of hf: a folder as save_pretrained writes it has the network's settings and how its images are prepared, too.

    A network of your own says in its attribute pretrained_cfg what images it takes, as timm's do. One that is no
    function of its image (dropout left on, sampling, statistics of the batch) is refused.
    """
    from algocli.cli.console import note, noter, tracker
    from algocli.cli.stores import show_stores
    from algocli.dataset.opening import open_dataset
    from algocli.pipeline.features import extract as run

    some_rows = _parse_rows(rows)
    dataset = open_dataset(data_dir)
    subjects = dataset.subjects(parse_ids(subject, lambda: dataset.subject_ids))
    features = run(
        subjects,
        model,
        layer,
        preset=preset,
        weights=weights,
        transform=transform,
        image_size=image_size,
        tokens=tokens,
        pool=pool,
        project=project,
        project_seed=project_seed,
        dtype=dtype,
        numerics=numerics,
        batch_size=batch_size,
        stimuli=stimuli,
        rows=some_rows,
        gram=with_gram,
        trust_remote_code=trust_remote_code,
        features_dir=features_dir,
        cache_dir=cache_dir,
        device=device,
        cluster=parse_cluster(cluster, by_hand),
        track=tracker(quiet),
        note=noter(quiet),
    )
    show_stores(features.stores, as_json=as_json)
    if not as_json:
        note(f"next: {_next_step(features.stores, (preset, model, layer), subjects, data_dir, cache_dir)}", quiet=quiet)


def _next_step(
    stores: Sequence[FeatureStore],
    asked: tuple[str | None, str, list[str] | None],
    subjects: Sequence[Subject],
    data_dir: Path,
    cache_dir: Path,
) -> str:
    if not all(store.complete for store in stores):
        return "the same command for the rows that are left, or without --rows"
    if not any(subject.has_responses("train") for subject in subjects):
        # Images alone: there is nothing to fit, and others' RDMs of them can be compared with.
        return in_same_folders("algocli similarity --rdm FILE", data_dir, cache_dir)
    preset, model, layers = asked
    if preset:
        train = f"algocli train --preset {preset}"
    elif (model, layers or [DEFAULT_LAYER]) == (DEFAULT_MODEL, [DEFAULT_LAYER]) and _is_usual(
        stores[0], subjects, cache_dir
    ):
        train = "algocli train"
    else:
        train = " ".join(["algocli train", *_choice(stores, model, layers, subjects, cache_dir)])
    return in_same_folders(train, data_dir, cache_dir)


def _choice(
    stores: Sequence[FeatureStore], model: str, layers: list[str] | None, subjects: Sequence[Subject], cache_dir: Path
) -> list[str]:
    """Return the words by which train finds some features: of several layers as they were asked for, if that does."""
    from algocli.features.store.choosing import Library
    from algocli.features.store.library import read_recipe
    from algocli.features.store.variants import Variant, in_options, unusual

    names = list(dict.fromkeys(store.name for store in stores))
    if len(names) == 1:
        return [f"--features {names[0]}"]
    with suppress(AlgocliError):
        made = read_recipe(stores[0].folder.parent)
        said = unusual(made)
        if set(Library(cache_dir, (), subjects).find_all([model], layers, Variant.of(**said))) == set(names):
            chosen = [f"-l {quote(layer)}" for layer in layers or ()]
            return ["--each", f"--model {quote(model)}", *chosen, *([in_options(made, said)] if said else [])]
    return ["--each", *(f"--features {name}" for name in names)]


def _is_usual(store: FeatureStore, subjects: Sequence[Subject], cache_dir: Path) -> bool:
    """Say whether train finds these features unasked: of several kinds (other weights, another transform) it asks."""
    from algocli.features.store.choosing import Library

    try:
        return Library(cache_dir, subjects=subjects).find(DEFAULT_MODEL, DEFAULT_LAYER) == store.name
    except AlgocliError:
        return False


def _parse_rows(words: str | None) -> range | None:
    """Turn 'A:B' into rows A to B, end excluded; either may be left out at the edges."""
    if words is None:
        return None
    first, colon, last = words.partition(":")
    if not colon or any(word and not word.isdecimal() for word in (first, last)):
        raise UsageError(f"--rows {words}: two row numbers are expected, as in 0:2500")
    start, stop = int(first or 0), int(last) if last else sys.maxsize
    if start > stop:
        raise UsageError(f"--rows {words}: the first row comes first", hint=f"--rows {stop}:{start}")
    return range(start, stop)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("extract")(extract)
