"""Keys: what a feature store is keyed by is everything that changes a number in it, and nothing else.

A recipe says how an image becomes a row; together with the images it makes the key of one store. Chunking,
codec, batch size and library versions change no number and stay out: they are provenance.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from algocli.compute.choices import check_choice

SCHEMA = 1
Dtype = Literal["float16", "float32"]


@dataclass(frozen=True)
class Recipe:
    """How an image becomes a row of features: the part of a store's key that all subjects share.

    `asks_for` is no part of the key, which has the transform itself: it tells which one the weights ask for, None where
    nobody knows.
    """

    model: str
    layer: str
    weights: str
    identity: Mapping[str, Any]
    asks_for: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """A folder name that a person can read and that no other recipe has."""
        return f"{words_of(self.model, self.layer)}-{digest_of(self.identity)[:8]}"


def words_of(model: str, layer: str) -> str:
    """Return how the names of all recipes for a model's layer begin."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{model}-{layer}")


def recipe(
    model: str,
    layer: str,
    weights: str,
    network: Mapping[str, Any],
    dtype: Dtype,
    *,
    post: str | Mapping[str, Any] = "flatten",
    numerics: str = "float32",
    asks_for: Mapping[str, Any] | None = None,
) -> Recipe:
    """Put together the recipe of a network's layer as stored in `dtype`.

    Parameters
    ----------
    weights
        Where they came from, for people; what identifies them is their digest in `network`.
    post
        What is done to the layer's output, and `numerics` the mode in which the network ran.
    asks_for
        The constants of the transform that the weights ask for.

    Raises
    ------
    UsageError
        If features are not kept in such a `dtype`.
    """
    check_choice("dtype", dtype, get_args(Dtype))
    identity = {"schema": SCHEMA, **network, "post": post, "dtype": dtype, "numerics": numerics}
    return Recipe(model, layer, weights, identity, asks_for)


def digest_of(value: Mapping[str, Any]) -> str:
    """Return the digest of a dict: independent of the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
