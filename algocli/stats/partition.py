"""Splits explained variance into what each set of features explains alone and what several explain in common.

The parts follow from the variance explained by models of every union of the sets. Explaining with A and B together
what neither explains alone leaves their common part negative: it is reported so, as noise or suppression make it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.errors import UsageError

Names = frozenset[str]
# Every further set doubles the models: five need 31 of them, and 31 parts are more than anyone reads.
MOST_SETS = 5


class FeatureSet(NamedTuple):
    """Layers, or other features, that count as one; `features` names their recipes.

    In a model each layer has a scale of its own, not each set: what a union explains then depends on its layers alone
    and not on how they were divided, so that the parts of a finer division sum to the parts of a coarser one.
    """

    name: str
    features: tuple[str, ...]


def check_count(n_sets: int) -> None:
    """Refuse fewer sets than two, and more than anyone could read.

    Raises
    ------
    UsageError
        If there are too few or too many.
    """
    if not 2 <= n_sets <= MOST_SETS:
        more = f"{n_sets} would need {2**n_sets - 1} models: join layers into one set with a plus, as in A+B"
        raise UsageError(
            f"variance can be partitioned between two to five sets of features, not {n_sets}",
            hint=more if n_sets > MOST_SETS else "name each set as a word of its own: A B, or A B+C",
        )


def check_sets(sets: Sequence[FeatureSet]) -> None:
    """Refuse sets between which variance cannot be partitioned.

    Raises
    ------
    UsageError
        If there are too few or too many, or two have a layer in common.
    """
    check_count(len(sets))
    for first, second in combinations(sets, 2):
        if set(first.features) == set(second.features):
            raise UsageError(f"{first.name} and {second.name} are the same features", hint="name each set once")
        common = [name for name in first.features if name in second.features]
        if common:
            raise UsageError(
                f"{', '.join(common)} would be in two sets, {first.name} and {second.name}",
                hint="give each layer to one set: what it shares with the others is a part of its own",
            )


def unions(names: Sequence[str]) -> list[Names]:
    """List every union of some sets of features that a partition needs a model of, the smallest first."""
    return [frozenset(some) for size in range(1, len(names) + 1) for some in combinations(names, size)]


def partition(explained: Mapping[Names, NDArray[np.float64]]) -> dict[Names, NDArray[np.float64]]:
    """Partition the variance that two to five sets of features explain together.

    Parameters
    ----------
    explained
        For every union of the sets the explained variance of its model, (n_vertices,): r² or R².

    Returns
    -------
    dict
        For every combination of sets what is explained by each of them and by no other set, (n_vertices,): under one
        name its unique part, under several what exactly these share. All parts sum to what all sets explain.

    Raises
    ------
    UsageError
        If a union is missing, or there are too few or too many sets.
    """
    names = tuple(sorted(frozenset().union(*explained)))
    check_count(len(names))
    wanted = unions(names)
    missing = [" + ".join(sorted(union)) for union in wanted if union not in explained]
    if missing:
        raise UsageError(f"variance partitioning needs a model of {', '.join(missing)}")
    everything = frozenset(names)
    return {part: _exactly(part, everything, explained) for part in wanted}


def _exactly(part: Names, everything: Names, explained: Mapping[Names, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return what is explained by each set of `part` and by none of the others."""
    others = everything - part
    # What exactly `part` explains is what all explain less what the others do, less every smaller such part:
    # with the sizes' signs alternating, a sum over the subsets of `part` joined to the others.
    total = np.zeros_like(next(iter(explained.values())), dtype=np.float64)
    for size in range(len(part) + 1):
        for some in combinations(sorted(part), size):
            union = others | frozenset(some)
            if union:
                total += (-1) ** (size + 1) * explained[union]
    return total
