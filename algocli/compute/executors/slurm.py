"""SLURM as a cluster: tasks become arrays of jobs, through submitit, or a file for sbatch that you submit yourself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from algocli.compute.executors.slurm_request import tell_threads
from algocli.compute.executors.slurm_settings import SlurmSettings, read_settings
from algocli.compute.track import Note
from algocli.errors import UsageError, install_hint


@dataclass(frozen=True)
class _OnSlurm:
    """Work for SLURM.

    Attributes
    ----------
    settings
        What it is asked for.
    """

    settings: SlurmSettings
    has_own_devices = True

    @property
    def n_workers(self) -> int:
        """How many tasks run at a time."""
        return self.settings.workers


class SlurmCluster(_OnSlurm):
    """The SLURM of this machine."""

    def open(self, cache_dir: Path, note: Note) -> AbstractContextManager[Executor]:
        """Submit tasks for a `with` block; an interrupt leaves those that are submitted in the queue.

        Raises
        ------
        UsageError
            If there is no SLURM on this machine, or no submitit.
        EngineFault
            If SLURM does not answer.
        """
        return _submitting(self.settings, cache_dir, note)


class SbatchCluster(_OnSlurm):
    """Tasks written down for somebody who submits them by hand."""

    def open(self, cache_dir: Path, note: Note) -> AbstractContextManager[Executor]:
        """Take tasks for a `with` block, which the first of them ends, written down, with `ByHand`."""
        return _writing(self.settings, cache_dir, note)


def parse_slurm(which: str) -> SlurmCluster:
    """Return the cluster of which a file says what to ask it for.

    Raises
    ------
    UsageError, DataError
        If the file is not there, or says what is not known.
    """
    return SlurmCluster(read_settings(which))


def parse_sbatch(which: str) -> SbatchCluster:
    """Return the same, to be submitted by hand.

    Raises
    ------
    UsageError, DataError
        As `parse_slurm` does.
    """
    return SbatchCluster(read_settings(which))


@contextmanager
def _submitting(settings: SlurmSettings, cache_dir: Path, note: Note) -> Iterator[Executor]:
    if find_spec("submitit") is None:
        raise UsageError(
            "SLURM is spoken to through submitit, which is not installed",
            hint=f"{install_hint('slurm')}; or cluster='sbatch' writes down what you submit by hand",
        )
    if shutil.which("sbatch") is None:
        raise UsageError("there is no SLURM on this machine: no sbatch is found", hint="a login node of it has one")
    from algocli.compute.executors.slurm_engine import SlurmEngine

    tell_threads(settings, note)
    engine = SlurmEngine(settings, cache_dir, note)
    try:
        yield engine
    except KeyboardInterrupt:
        engine.leave()
        raise
    except BaseException:
        engine.cancel()
        raise
    finally:
        engine.shutdown()


@contextmanager
def _writing(settings: SlurmSettings, cache_dir: Path, note: Note) -> Iterator[Executor]:
    from algocli.compute.executors.by_hand import Writer

    tell_threads(settings, note)
    engine = Writer(settings, cache_dir, note)
    try:
        yield engine
    finally:
        engine.shutdown()
