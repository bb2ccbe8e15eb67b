"""What can be decided about an encoding model, field by field: what each can be by itself.

Which of them go together is `Settings`' and the regression's to say; what needs to know fields alone reads these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import PurePath
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import (
    as_number,
    check_choice,
    check_flag,
    check_number,
    check_whole,
    check_word,
    check_words,
    each_of,
    said,
)
from algocli.encoding import usual
from algocli.encoding.windows import SetName, Window, check_windows
from algocli.errors import UsageError

AlphaBy = Literal["gcv", "kfold"]
Join = Literal["features", "components"]
Shared = Literal["all", "only", "exclude"]


class Alphas(NamedTuple):
    """A grid of penalties, evenly spaced on a logarithmic scale, in units of a component's mean variance."""

    # From a penalty that only the least of all components notice to one that leaves the largest a hundredth of itself:
    # the first component of a layer holds a few hundred to a few thousand times the mean.
    low: float = usual.ALPHAS[0]
    high: float = usual.ALPHAS[1]
    n: int = usual.ALPHAS[2]


USUAL_ALPHAS = Alphas()
USUAL_DRAWS = usual.N_DRAWS
USUAL_WINDOWS = usual.WINDOWS
# What receptive fields alone read.
OF_FIELDS = ("windows", "image_width", "field_layers", "field_per_layer")


@dataclass(frozen=True)
class Fields:
    """The fields of `Settings`, which says what they mean; nothing is checked here."""

    features: tuple[str, ...]
    n_components: int | None = usual.N_COMPONENTS
    regression: str = "ols"
    alpha_by: AlphaBy = "gcv"
    alphas: Alphas = USUAL_ALPHAS
    join: Join = "features"
    scaled: bool = True
    standardised: bool = False
    n_iter: int = USUAL_DRAWS
    search_seed: int | None = None
    windows: SetName | tuple[Window, ...] = usual.WINDOWS
    image_width: float | None = None
    field_layers: int | None = None
    field_per_layer: bool = False
    holdout: float | None = usual.HOLDOUT
    folds: int | None = None
    seed: int = usual.SEED
    refit: bool = True
    shared: Shared = "all"
    # Runs of versions before have them, and settings that do not say so.
    former_penalties: bool = False

    @property
    def keeps_layers_apart(self) -> bool:
        """Whether every layer has components of its own."""
        raise NotImplementedError("settings know their regression; bare fields do not")

    @property
    def relative_alphas(self) -> NDArray[np.float64]:
        """The grid of penalties, rising, in units of a component's mean variance, (n_alphas,)."""
        return np.geomspace(*self.alphas)


def _features(name: str, value: object) -> tuple[str, ...]:
    words = check_words(name, value)
    for word in words:
        # A run is named after its features: one with a slash in it would lead elsewhere.
        if PurePath(word).name != word or word == ".." or not word.isprintable():
            raise UsageError(f"{said(name, word)}: no features can be named so", hint="`algocli cache list` names them")
    return words


def _alphas(name: str, value: object) -> Alphas:
    told = f"{said(name, tuple(value) if isinstance(value, Alphas) else value)} is no grid of penalties"
    hint = "two positive numbers, the smaller first, and how many: 0.01:100000:20"
    words = value.split(":") if isinstance(value, str) else each_of(value)
    # As numpy.logspace makes it, and nothing else does.
    if len(words) > 3 and _is_geometric(*words):
        return Alphas(float(words[0]), float(words[-1]), len(words))
    if len(words) != 3:
        raise UsageError(told, hint=hint)
    low, high, n = [_number(word) for word in words] if isinstance(value, str) else words
    # Who lists 0.1, 1 and 10 for another program means three penalties.
    if not isinstance(value, Alphas | str) and _is_geometric(low, high, n):
        told = f"{said(name, value)} may mean three penalties, or {n} from {low} to {high}"
        raise UsageError(told, hint=f"{name} is a grid, as a word that can mean nothing else: '{low}:{high}:{n}'")
    # An array has one type for all three.
    n = int(n) if as_number(n).is_integer() else n
    try:
        grid = Alphas(check_number("low", low), check_number("high", high), check_whole("n", n, low=2))
    except UsageError as error:
        raise UsageError(f"{told}: {error.message}", hint=hint) from error
    if not 0 < grid.low < grid.high:
        raise UsageError(told, hint=hint)
    return grid


def _number(word: str) -> float | str:
    """Return the number that a word is, or the word, to be refused as any other."""
    with suppress(ValueError):
        return float(word)
    return word


def _is_geometric(*grid: object) -> bool:
    numbers = [as_number(value) for value in grid]
    steps = [after / before if before > 0 else math.nan for before, after in pairwise(numbers)]
    return steps[0] > 1 and all(math.isclose(step, steps[0], rel_tol=1e-6) for step in steps)


def _share(name: str, value: object) -> float:
    number = as_number(value)
    if not 0 < number < 1:
        raise UsageError(f"{said(name, value)} is no share between 0 and 1")
    return number


def _width(name: str, value: object) -> float:
    width = check_number(name, value)
    if not 0 < width <= 360:
        raise UsageError(f"{said(name, value)}: the width of an image in degrees of visual angle was expected")
    return width


def _or_none(check: Callable[..., Any], name: str, value: object) -> Any:
    return None if value is None else check(name, value)


_seed = partial(check_whole, low=0, high=2**32 - 1, expected=f"a seed is a whole number from 0 to {2**32 - 1}")
# What every field can be. Which of them go together is the class's own business.
CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "features": _features,
    "n_components": partial(
        _or_none, partial(check_whole, low=1, expected="a whole number is needed, at least 1; None is for all")
    ),
    "regression": check_word,
    "alpha_by": partial(check_choice, allowed=get_args(AlphaBy)),
    "alphas": _alphas,
    "join": partial(check_choice, allowed=get_args(Join)),
    "scaled": check_flag,
    "standardised": check_flag,
    "n_iter": partial(check_whole, low=1, expected="a whole number is needed, at least 1 draw"),
    "search_seed": partial(_or_none, _seed),
    "windows": check_windows,
    "image_width": partial(_or_none, _width),
    "field_layers": partial(_or_none, partial(check_whole, low=1, expected="a whole number of layers, at least 1")),
    "field_per_layer": check_flag,
    "holdout": partial(_or_none, _share),
    "folds": partial(
        _or_none, partial(check_whole, low=2, expected="a whole number is expected; at least 2 are needed")
    ),
    "seed": _seed,
    "refit": check_flag,
    "shared": partial(check_choice, allowed=get_args(Shared)),
    "former_penalties": check_flag,
}
