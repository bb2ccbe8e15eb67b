"""Which engine does the work, from the word that names it: local:4 is four processes of this machine."""

from __future__ import annotations

from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass

from algocli.compute.choices import check_word
from algocli.errors import UsageError

_LOCAL = "local"
# More processes than any machine has cores.
_MOST = 4096
_FORMS = "cluster='local:4' is four processes of this machine"


@dataclass(frozen=True)
class Cluster:
    """Where work is done that is not done here.

    Attributes
    ----------
    n_workers
        How many tasks it does at a time.
    """

    n_workers: int

    def open(self) -> AbstractContextManager[Executor]:
        """Have workers for a `with` block; at its end, whatever ends it, they are gone.

        Raises
        ------
        UsageError
            If this is a worker itself.
        """
        from algocli.compute.executors.local import local_engine

        return local_engine(self.n_workers)


def check_cluster(cluster: object) -> Cluster:
    """Return the cluster that a word names.

    Raises
    ------
    UsageError
        If it names none.

    Examples
    --------
    >>> from algocli.compute.executors.specs import check_cluster
    >>> check_cluster("local:4")
    Cluster(n_workers=4)
    """
    if isinstance(cluster, Cluster):
        return cluster
    kind, _, which = check_word("cluster", cluster).partition(":")
    if kind != _LOCAL:
        raise UsageError(f"cluster={cluster!r}: there is no such engine", hint=_FORMS)
    if not (which.isdecimal() and 1 <= int(which[:9]) <= _MOST):
        raise UsageError(f"cluster={cluster!r}: a number of processes, 1 to {_MOST}, was expected", hint=_FORMS)
    return Cluster(int(which))
