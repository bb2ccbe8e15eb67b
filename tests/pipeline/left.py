"""What commands leave in a cache, whoever did the work, and a regression that takes its worker with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.contracts.test_same_bytes import CLOCK
from tests.features.by_hand import digest_tree

# Of a record, what says how it came about.
PROVENANCE = {*CLOCK, "command_line", "digest"}
# Least squares, but for the first time in a folder, when it takes its process with it.
FALLS = """
import os, signal
from pathlib import Path
import numpy as np


class Falls:
    def fit(self, X, y):
        here = Path(os.environ["FALLS_IN"])
        if here.is_dir() and not (here / "fallen").exists():
            (here / "fallen").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        self.weights = np.linalg.lstsq(X, y, rcond=None)[0]
        return self

    def predict(self, X):
        return X @ self.weights
"""


def left(cache: Path) -> dict[str, object]:
    """Return what training leaves: every file but locks and what is remembered, of records what is no provenance."""
    told: dict[str, object] = {"gram": [digest_tree(folder) for folder in sorted(cache.glob("features/*/*/gram"))]}
    for path in sorted((cache / "runs").rglob("*")):
        if path.is_file() and not path.name.startswith(".") and path.name != "lock":
            content: object = path.read_bytes()
            if path.name == "record.json":
                content = {word: said for word, said in json.loads(path.read_bytes()).items() if word not in PROVENANCE}
            if path.suffix == ".npz":
                # It says of which training it is.
                content = {name: array.tolist() for name, array in np.load(path).items() if name != "of"}
            told[str(path.relative_to(cache))] = content
    return told
