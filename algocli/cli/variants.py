"""Options that tell several kinds of features of one layer apart: those of `extract` that made them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from algocli.errors import UsageError

_PANEL = "Of several kinds of features of a layer, "
Weights = Annotated[
    str | None, typer.Option("--weights", help=f"{_PANEL}those of these weights, as extract was given them.")
]
TransformName = Annotated[
    Literal["auto", "tutorial", "model"] | None,
    typer.Option("--transform", help="Those of images that were prepared so."),
]
ImageSize = Annotated[int | None, typer.Option("--image-size", min=1, help="Those of images of this side.")]
Tokens = Annotated[
    str | None, typer.Option("--tokens", metavar="WHICH", help="Those of these tokens; all are those of all.")
]
Pool = Annotated[str | None, typer.Option("--pool", metavar="N|none", help="Those that were pooled so, or not pooled.")]
Project = Annotated[
    str | None, typer.Option("--project", metavar="N|none", help="Those of so many projections, or of none.")
]
ProjectSeed = Annotated[int | None, typer.Option("--project-seed", min=0, help="Those of projections of this seed.")]
Dtype = Annotated[Literal["float16", "float32"] | None, typer.Option("--dtype", help="Those kept in this precision.")]
Numerics = Annotated[
    Literal["float32", "tf32", "float16", "bfloat16"] | None,
    typer.Option("--numerics", help="Those of a network that ran in this precision."),
]
NAMES = ("weights", "transform", "image_size", "tokens", "pool", "project", "project_seed", "dtype", "numerics")


def parse_variant(given: dict[str, Any]) -> dict[str, Any]:
    """Return what the functions behind the commands take, of a command's parameters."""
    return {name: _parse_count(name, given[name]) for name in NAMES}


def _parse_count(name: str, value: Any) -> Any:
    """Turn the '2' of --pool 2 into 2; 'none' stays."""
    if name not in ("pool", "project") or value in (None, "none"):
        return value
    if not value.isdecimal() or not int(value[:9]) >= 1:
        raise UsageError(f"--{name} {value}: a whole number from 1 on is expected, or none")
    return int(value)
