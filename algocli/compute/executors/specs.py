"""Which engine does the work, from the word that names it: local:4 is four processes of this machine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from algocli.compute.choices import check_word
from algocli.compute.track import Note
from algocli.errors import UsageError


@runtime_checkable
class Cluster(Protocol):
    """Where work is done that is not done here.

    One whose machines may have GPUs where this one has none says so with an attribute, `has_own_devices`.
    """

    @property
    def n_workers(self) -> int:
        """How many tasks it does at a time: of what can be cut anywhere, a few for each are made."""
        ...

    def open(self, cache_dir: Path, note: Note) -> AbstractContextManager[Executor]:
        """Have workers for a `with` block; whatever ends it, nothing that it began is left without an owner.

        Parameters
        ----------
        cache_dir
            The cache that the tasks fill, which all workers see: what an engine itself has to keep lies in it.
        note
            How to say something by the way, such as where logs are.

        Raises
        ------
        AlgocliError
            If none can be had.
        """
        ...


@dataclass(frozen=True)
class Kind:
    """A kind of cluster.

    Attributes
    ----------
    form
        How one is named, and what that is, for whoever named none.
    parse
        Makes one of what stands behind the colon; raises UsageError, which need not name what was said.
    """

    form: str
    parse: Callable[[str], Cluster]


def _local(which: str) -> Cluster:
    from algocli.compute.executors.local import parse_local

    return parse_local(which)


def _dask(which: str) -> Cluster:
    from algocli.compute.executors.dask_cluster import parse_dask

    return parse_dask(which)


def _slurm(which: str) -> Cluster:
    from algocli.compute.executors.slurm import parse_slurm

    return parse_slurm(which)


def _sbatch(which: str) -> Cluster:
    from algocli.compute.executors.slurm import parse_sbatch

    return parse_sbatch(which)


# Each kind by its word; what it needs is imported where it is named.
KINDS = {
    "local": Kind("cluster='local:4' is four processes of this machine", _local),
    "dask": Kind("cluster='dask:tcp://HOST:PORT' is a scheduler of Dask", _dask),
    "slurm": Kind("cluster='slurm:FILE.toml' is SLURM, and a file of what it is asked for", _slurm),
    "sbatch": Kind("cluster='sbatch:FILE.toml' writes down what you submit to SLURM by hand", _sbatch),
}


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
    LocalCluster(n_workers=4)
    """
    if isinstance(cluster, Cluster):
        return cluster
    word, _, which = check_word("cluster", cluster).partition(":")
    if word not in KINDS:
        forms = "; ".join(kind.form for kind in KINDS.values())
        raise UsageError(f"cluster={cluster!r}: there is no such engine", hint=forms)
    try:
        return KINDS[word].parse(which)
    except UsageError as error:
        hint = error.hint or KINDS[word].form
        raise UsageError(f"cluster={cluster!r}: {error.message}", hint=hint) from error
