"""`algocli predict`: the responses of a trained run to new images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    CacheDir,
    DataDir,
    FeaturesFrom,
    Json,
    Quiet,
    RunName,
    Subjects,
    TrustRemoteCode,
    is_named,
)
from algocli.cli.parsing import parse_ids
from algocli.dataset.sides import all_of
from algocli.pipeline.defaults import DEFAULT_PREDICTIONS

if TYPE_CHECKING:
    from algocli.results.predicted import Predicted, RegionResponse

# A table of more images than fit a screen or two is no table to read.
_SHOWN = 50
_NAME_WIDTH = 40

Regions = Annotated[
    list[str] | None,
    typer.Option(
        "--roi",
        help="The mean of this ROI, class ('floc-faces'), several ('FFA') or sum ('V1v+V1d'); may be repeated.  "
        "[default: every class]",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("predict")(predict)


def predict(
    ctx: typer.Context,
    images: Annotated[list[Path], typer.Argument(help="Image files, and folders of images.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")] = DEFAULT_PREDICTIONS,
    subject: Subjects = None,
    roi: Regions = None,
    run: RunName = "latest",
    device: Annotated[str, typer.Option(help="Where the network runs: auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    trust_remote_code: TrustRemoteCode = False,
    features_from: FeaturesFrom = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Predict the responses of a run's subjects to new images.

    Images are prepared and passed through the network as those of the run were: they may have any size, but where the
    run's were squares, they are squeezed to squares. They are seen as on a screen of mid-grey (127), which shows
    through transparent pixels, and upright as their EXIF says; 16-bit numbers span their whole range. How many images
    were converted so is told. Each subject has a folder, subj01 and so on, with lh_pred.npy and
    rh_pred.npy, a row for each image and a column for each vertex; images.csv says which row is which image. Responses
    are in the unit of the training responses. The first time fits the model once more and keeps it. Without --data-dir
    the data is looked for where the run was trained.
    """
    from algocli.cli.console import note, noter, show_json, tracker
    from algocli.pipeline.arguments import refuse_file
    from algocli.pipeline.predictions import predict_files
    from algocli.results.predicted import IMAGES
    from algocli.runs.finding import find_run

    refuse_file(output)
    trained, shown = find_run(cache_dir, run), count()
    results = predict_files(
        trained,
        images,
        output,
        data_dir=data_dir if is_named(ctx, "data_dir") else None,
        subjects=parse_ids(subject, lambda: trained.subjects),
        rois=roi or None,
        device=device,
        features_from=features_from,
        trust_remote_code=trust_remote_code,
        made=lambda result: None if as_json else _show(result, trained.name, is_first=next(shown) == 0),
        track=tracker(quiet),
        note=noter(quiet),
    )
    if as_json:
        files = [*(path for result in results for path in result.files), output / IMAGES]
        show_json({"run": trained.name, "files": files, "rows": [row for result in results for row in result.rows]})
        return
    n_files = 1 + sum(len(result.files) for result in results)
    note(f"run {trained.name}", quiet=quiet)
    names = ", ".join(dict.fromkeys(path.name for result in results for path in result.files))
    folder = "subjNN" if all(isinstance(result.subject, int) for result in results) else "SUBJECT"
    note(f"wrote {n_files} files to {output}: {folder}/{names}; {IMAGES}", quiet=quiet)


def _show(result: Predicted, run: str, *, is_first: bool) -> None:
    """Print a table of one subject: a line an image, a column a region; where regions are unknown, the files."""
    from algocli.cli.console import number, out, show_path, show_table

    if not result.regions:
        for path in result.files:
            show_path(path)
        return
    if not is_first:
        out().print()
    by_image: dict[int, list[RegionResponse]] = {}
    for row in result.rows:
        by_image.setdefault(row.row, []).append(row)
    shown = dict(list(by_image.items())[:_SHOWN])
    names = _names([rows[0].file for rows in shown.values()])
    lines = [
        [str(place), name, *(number(_pooled(rows, region)) for region in result.regions)]
        for name, (place, rows) in zip(names, shown.items(), strict=True)
    ]
    whose = all_of({row.hemisphere for row in result.rows})
    whose = whose if whose.endswith("vertices") else f"{whose}' vertices"
    title = f"Subject {result.subject}: mean predicted response of {whose}\n{run}"
    # A class is told by what it is for: as 'faces', not 'floc-faces'.
    regions = [region.removeprefix("prf-").removeprefix("floc-") for region in result.regions]
    show_table(["row", "image", *regions], lines, title=title, left=2)
    if len(by_image) > _SHOWN:
        out().print(f"... and {len(by_image) - _SHOWN} more images: --json has them all", markup=False)


def _pooled(rows: Sequence[RegionResponse], name: str) -> float | None:
    """Return the mean over a region's vertices of both hemispheres; None where it has none."""
    parts = [(row.n_vertices, row.mean) for row in rows if row.roi == name and row.mean is not None]
    n_vertices = sum(size for size, _ in parts)
    return sum(size * mean for size, mean in parts) / n_vertices if n_vertices else None


def _names(files: Sequence[str]) -> list[str]:
    """Name files as shortly as tells them apart."""
    names = [Path(file).name for file in files]
    names = names if len(set(names)) == len(names) else list(files)
    return [name if len(name) <= _NAME_WIDTH else f"...{name[3 - _NAME_WIDTH :]}" for name in names]
