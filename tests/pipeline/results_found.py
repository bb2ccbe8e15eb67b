"""What reports, learning curves and similarities of a small challenge come to, and all that they leave."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import algocli
from algocli.compute.track import Note, unheard
from algocli.dataset.challenge.subjects import Challenge
from tests.features.by_hand import digest_tree
from tests.pipeline.left import cache_wide_features, left

# What is told of a cluster, and not of what was found.
_OF_WORKERS = re.compile("it is tried again|^SLURM has ")
CERTAIN: dict[str, Any] = {"significance": True, "n_permutations": 40, "n_resamples": 30}


def train_in(cache: Path, challenge: Path) -> Path:
    """Cache features of two layers of every subject, and train a run in folds on one of them."""
    cache_wide_features(cache, challenge, ("features.2", "features.5"))
    algocli.train(
        Challenge(challenge).subjects(), layers="features.2", n_components=5, folds=3, cache_dir=cache, name="run"
    )
    return cache


def certain(challenge: Path, cache: Path, cluster: str | None, note: Note = unheard) -> tuple[Any, ...]:
    """Report how sure a run's scores are; `note` hears what is no result."""
    csv = cache / "x.csv"
    rows = algocli.report(
        algocli.find_run(cache), data_dir=challenge, intervals=True, cluster=cluster, csv=csv, note=note, **CERTAIN
    )
    kept = {name: content for name, content in left(cache).items() if name.endswith("_p.npy")}
    assert len(kept) == 4
    return csv.read_bytes(), rows.notes, json.dumps(rows.records), kept


def grown(challenge: Path, cache: Path, cluster: str | None) -> tuple[Any, ...]:
    """Train on growing numbers of images."""
    notes: list[str] = []
    how: dict[str, Any] = {"sizes": [10, 25, 40], "repeats": 2, "n_resamples": 30, "data_dir": challenge}
    curve = algocli.curve(
        algocli.find_run(cache), **how, n_components=12, cluster=cluster, csv=cache / "x.csv", note=notes.append
    )
    assert len(curve.rows) > 3
    written = [path.read_bytes() for path in sorted(cache.glob("*.csv"))]
    return written, curve.notes, [line for line in notes if not _OF_WORKERS.search(line)]


def alike(challenge: Path, cache: Path, cluster: str | None, **how: Any) -> tuple[Any, ...]:
    """Compare layers with cortex, or with each other."""
    subjects = Challenge(challenge).subjects()
    found = algocli.similarity(subjects, model="alexnet", n_permutations=40, cache_dir=cache, cluster=cluster, **how)
    made = [digest_tree(folder) for folder in sorted(cache.glob("features/*/*/gram"))]
    return json.dumps(found.described), [asdict(row) for row in found.group].__repr__(), made
