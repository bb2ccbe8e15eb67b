"""Splits explained variance into what each set of features explains alone and what several explain in common.

The parts follow from the variance explained by models of every union of the sets. Explaining with A and B together
what neither explains alone leaves their common part negative: it is reported so, as noise or suppression make it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from algocli.errors import UsageError

Names = frozenset[str]


def unions(names: tuple[str, ...]) -> list[Names]:
    """List every union of some sets of features that a partition needs a model of, the smallest first."""
    return [frozenset(some) for size in range(1, len(names) + 1) for some in combinations(names, size)]


def partition(explained: Mapping[Names, NDArray[np.float64]]) -> dict[Names, NDArray[np.float64]]:
    """Partition the variance that two or three sets of features explain together.

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
        If a union is missing, or the sets are not two or three.
    """
    names = tuple(sorted(frozenset().union(*explained)))
    if len(names) not in (2, 3):
        raise UsageError(f"variance can be partitioned between two or three sets of features, not {len(names)}")
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
