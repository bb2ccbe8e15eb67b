"""The names of a module's calls: its own for the first, and the same with _1, _2, ... for those that follow.

Traced or watched, one name means one call. A module's own name always means that module, whatever else is called so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection


class CallNames:
    """Names calls in the order in which they come.

    Parameters
    ----------
    modules
        The names of all modules, which nothing else may have.
    """

    def __init__(self, modules: Collection[str]) -> None:
        self._taken = set(modules)
        self._n_calls: Counter[str] = Counter()

    def of_module(self, module: str) -> str:
        """Name the next call of a module."""
        self._n_calls[module] += 1
        return module if self._n_calls[module] == 1 else self.free(module)

    def free(self, name: str) -> str:
        """Return a name with the next number that nothing else has, or as it is where that is free; it is taken now."""
        number, found = 0, name
        while found in self._taken:
            number += 1
            found = f"{name}_{number}"
        self._taken.add(found)
        return found
