"""The pipeline from Python: what every command does, as a function of the same name; the commands call these.

Each is resolved on first use, as reading defaults from here must cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# The module of each function, in the order in which a user meets them.
_HOMES = {
    "models": "networks",
    "layers": "networks",
    "fetch_weights": "fetching",
    "extract": "features",
    "import_features": "features",
    "import_words": "words",
    "train": "training",
    "sweep": "sweeping",
    "partition": "shares",
    "similarity": "similarities",
    "report": "reports",
    "compare": "reports",
    "compare_prf": "retinotopy",
    "nested": "choices",
    "curve": "curves",
    "plot": "figures",
    "predict": "predictions",
    "predict_files": "predictions",
    "export": "files",
    "submit": "leaderboard",
    "validate": "leaderboard",
    "score": "official",
    "doctor": "health",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'algocli.pipeline' has no attribute '{name}'")
    return getattr(import_module(f"algocli.pipeline.{_HOMES[name]}"), name)
