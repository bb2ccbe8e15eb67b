"""How well does a neural network explain the human visual cortex?

Public names are resolved on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Challenge": "algocli.dataset.challenge.subjects",
    "Settings": "algocli.encoding.settings",
    "Run": "algocli.runs.run",
    "extract": "algocli.pipeline",
    "train": "algocli.pipeline",
    "report": "algocli.pipeline",
    "predict": "algocli.pipeline",
    "find_run": "algocli.runs.run",
    "correlate": "algocli.stats.correlation",
    "AlgocliError": "algocli.errors",
}

__all__ = [
    "Challenge",
    "Settings",
    "Run",
    "extract",
    "train",
    "report",
    "predict",
    "find_run",
    "correlate",
    "AlgocliError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'algocli' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
