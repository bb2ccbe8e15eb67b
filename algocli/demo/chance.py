"""Generators of random numbers, one for each purpose, so that no two draws of the challenge share a stream."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

Purpose = Literal["terrain", "anatomy", "ids", "split", "texture", "scene", "truth", "noise"]


def generator(purpose: Purpose, *key: int) -> np.random.Generator:
    """Return a generator that depends on its purpose and its key, which is always as long for the same purpose."""
    return np.random.default_rng([1 + get_args(Purpose).index(purpose), *key])
