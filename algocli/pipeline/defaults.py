"""What is meant where nothing is said: the same folders, network and layer for a notebook and for the shell."""

from __future__ import annotations

from pathlib import Path

DEFAULT_CACHE = Path("cache")
DEFAULT_DATA = Path("algonauts_2023_challenge_data")
DEFAULT_MODEL = "alexnet"
DEFAULT_LAYERS = ("features.2",)
