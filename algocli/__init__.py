"""How well does a neural network explain the human visual cortex?

Public names are resolved on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Where each public name lives, in the order in which a user meets them.
_HOMES = {
    "Challenge": "algocli.dataset.challenge.subjects",
    "models": "algocli.pipeline",
    "layers": "algocli.pipeline",
    "fetch_weights": "algocli.pipeline",
    "extract": "algocli.pipeline",
    "import_features": "algocli.pipeline",
    "import_words": "algocli.pipeline",
    "Settings": "algocli.encoding.settings",
    "train": "algocli.pipeline",
    "sweep": "algocli.pipeline",
    "partition": "algocli.pipeline",
    "similarity": "algocli.pipeline",
    "Run": "algocli.runs.run",
    "find_run": "algocli.runs.finding",
    "find_runs": "algocli.runs.finding",
    "report": "algocli.pipeline",
    "compare": "algocli.pipeline",
    "compare_prf": "algocli.pipeline",
    "nested": "algocli.pipeline",
    "curve": "algocli.pipeline",
    "plot": "algocli.pipeline",
    "predict": "algocli.pipeline",
    "predict_files": "algocli.pipeline",
    "export": "algocli.pipeline",
    "submit": "algocli.pipeline",
    "validate": "algocli.pipeline",
    "score": "algocli.pipeline",
    "doctor": "algocli.pipeline",
    "correlate": "algocli.stats.correlation",
    "AlgocliError": "algocli.errors",
}

__all__ = [
    "Challenge",
    "models",
    "layers",
    "fetch_weights",
    "extract",
    "import_features",
    "import_words",
    "Settings",
    "train",
    "sweep",
    "partition",
    "similarity",
    "Run",
    "find_run",
    "find_runs",
    "report",
    "compare",
    "compare_prf",
    "nested",
    "curve",
    "plot",
    "predict",
    "predict_files",
    "export",
    "submit",
    "validate",
    "score",
    "doctor",
    "correlate",
    "AlgocliError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'algocli' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
