"""Names of runs that say their settings: other settings, another name.

A name is read from its end: components, regression, split and seed have no underscore in them, so that whatever stands
before is the features'. Where their names could be read in two ways, a digest stands behind them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence

_LONGEST = 120
# What file systems take, less what tells runs of several datasets apart.
_MOST_BYTES = 240
_DATA = "_data-"
# What a user can have given as a run's name.
_MOST_LETTERS = 200
_WORDS = r"_(weights|transform|image-size|tokens|pool|project|project-seed|dtype|numerics)-[A-Za-z0-9.+]+"
_DIGEST = 16
# How features end that are too long to be written out, or that could be misread.
_ABBREVIATED = re.compile(rf"(?:\+\d+others-[0-9a-f]{{8}}|=[0-9a-f]{{{_DIGEST}}})$")


def run_name(features: Sequence[str], scaled: bool, how: str) -> str:
    """Name a run by its features and by `how` it treats them, as in 'pca100_ols_holdout0.1_seed4'."""
    name = f"{_written_out(features, scaled)}_{how}"
    if _is_clear(features) and len(name.encode()) <= _MOST_BYTES:
        return name
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(features)).strip("-._")[:_LONGEST]
    digest = hashlib.sha256(json.dumps([list(features), scaled]).encode()).hexdigest()[:_DIGEST]
    return f"{words or 'features'}={digest}_{how}"


def number_name(value: float) -> str:
    """Write a number as shortly as it can be read back: 0.1, 1e+05, and 0.1000001 in full."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def with_data(name: str, digest: str) -> str:
    """Name a run of another dataset than that whose run has the name already."""
    return f"{name}{_DATA}{digest[:8]}"


def with_words(name: str, words: str) -> str:
    """Name a run also by what sets its features apart, such as 'weights-random', where that is not too long."""
    longer = f"{name}_{words}"
    return longer if words and len(longer) <= _MOST_LETTERS else name


def is_automatic(name: str, usual: str) -> bool:
    """Say whether a run is named as `usual`, for whatever dataset: under a name of his own a user may mean another."""
    return re.fullmatch(rf"{re.escape(usual)}({_WORDS})*({_DATA}[0-9a-f]{{8}})?", name) is not None


def says_settings(name: str, usual: str) -> bool:
    """Say whether a run is named as `usual`, for whatever dataset, and by nothing else."""
    return re.fullmatch(rf"{re.escape(usual)}({_DATA}[0-9a-f]{{8}})?", name) is not None


def _written_out(features: Sequence[str], scaled: bool) -> str:
    """Name the features one after the other; of many the first, and the others by their number and digest."""
    name = "+".join(features if scaled else ("unscaled", *features))
    if len(name) <= _LONGEST:
        return name
    others = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{features[0]}+{len(features) - 1}others-{others}"


def _is_clear(features: Sequence[str]) -> bool:
    """Say whether names, put one after the other, can be read in one way only."""
    together = "+".join(features)
    return not (
        any("+" in name for name in features)
        or (len(features) > 1 and features[0] == "unscaled")
        or together.endswith("_standardised")
        or _ABBREVIATED.search(together)
    )
