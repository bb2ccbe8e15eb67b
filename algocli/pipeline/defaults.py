"""What is meant where nothing is said: the same folders, files, network and layer for a notebook and for the shell."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from algocli.compute.cache_places import DEFAULT_CACHE as DEFAULT_CACHE

DEFAULT_DATA = Path("algonauts_2023_challenge_data")
DEFAULT_HEATMAP = Path("sweep.png")
DEFAULT_EXPORT = Path("export")
DEFAULT_PREDICTIONS = Path("predictions")
DEFAULT_ZIP = Path("submission.zip")
DEFAULT_MODEL = "alexnet"
DEFAULT_LAYERS = ("features.2",)
# Here, and not beside what writes them: the shell's help lists them, and loads nothing for that.
ExportFormat = Literal["npy", "csv", "gifti", "mgh", "nifti"]
