"""The file at the top of a synthetic challenge that says what it was made from, and what its responses follow."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from algocli import __version__
from algocli.compute.files import PARTIAL, read_json, sweep, write_json
from algocli.demo.recipe import Recipe
from algocli.demo.truth import CAUSES, MEAN_CEILINGS
from algocli.errors import UsageError, writing

MARKER = "synthetic.json"
# Counts up whenever the same recipe would give other bytes.
_GENERATION = 2


def claim(folder: Path, recipe: Recipe) -> None:
    """Take a folder for a recipe: one that is new or empty, or one that the same recipe has taken before.

    Raises
    ------
    UsageError
        If anything else is in the folder.
    StorageError
        If it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; a synthetic challenge needs a folder")
    made_from = {"generation": _GENERATION, **asdict(recipe)}
    if (folder / MARKER).exists():
        _refuse_other(folder, read_json(folder / MARKER), made_from)
        return
    # A process killed while it wrote the marker leaves nothing but an unfinished one.
    if folder.exists() and not all(name.endswith(PARTIAL) for name in os.listdir(folder)):
        raise UsageError(
            f"{folder} is not empty and holds no synthetic challenge", hint="name a new folder: nothing is overwritten"
        )
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
    write_json(folder / MARKER, {"algocli": __version__, "made_from": made_from, "truth": _truth()})


def _refuse_other(folder: Path, marker: dict[str, Any], made_from: dict[str, int]) -> None:
    recorded = marker.get("made_from")
    if not isinstance(recorded, dict):
        recorded = {}
    for name, wanted in made_from.items():
        if recorded.get(name) != wanted:
            raise UsageError(
                f"{folder} holds a synthetic challenge made with {name} {recorded.get(name, 'unknown')}, not {wanted}",
                hint="name a new folder, or delete this one",
            )


def _truth() -> dict[str, Any]:
    """Say what drives each ROI, so that results can be held against it."""
    return {
        "mean_noise_ceilings": {str(subject): ceiling for subject, ceiling in MEAN_CEILINGS.items()},
        "rois": {
            roi: {"energy": cause.energy, "things": round(1 - cause.energy, 2), "properties": cause.properties}
            for roi, cause in CAUSES.items()
        },
        "signal": "algocli.demo.responses.true_signal",
    }
