"""The workers of a cluster for as long as a command needs them: where nothing is left to do, none is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from algocli.compute.executors.local import LocalCluster, LocalEngine
from algocli.compute.executors.progress import Look
from algocli.compute.executors.running import run_tasks
from algocli.compute.executors.specs import Cluster
from algocli.compute.executors.tasks import Outcome, Task
from algocli.compute.track import Note, Track
from algocli.errors import AlgocliError, StorageError


@contextmanager
def crew_of(cluster: Cluster, cache_dir: Path, note: Note) -> Iterator[Crew]:
    """Have the workers of a cluster at hand for a `with` block; at its end, whatever ends it, they are gone."""
    with ExitStack() as stack:
        yield Crew(cluster, cache_dir, note, stack)


class Crew:
    """Workers that are called with the first task there is; see `crew_of`."""

    def __init__(self, cluster: Cluster, cache_dir: Path, note: Note, stack: ExitStack) -> None:
        self._cluster, self._stack = cluster, stack
        self._cache_dir, self._note = cache_dir, note
        self._engine: Executor | None = None

    def run(self, tasks: Sequence[Task], note: Note, *, look: Look | None = None) -> Iterator[tuple[int, Outcome]]:
        """Do what `run_tasks` does; without tasks, nothing."""
        if not tasks:
            return iter(())
        return run_tasks(self._begun(), tasks, note, look=look)

    def prepare(self, call: Callable[..., object], *args: object) -> None:
        """Have workers that are this machine's own begin with a call, while the command has something else to do.

        What comes of it is not told: where it fails, so does the task that would have needed it.
        """
        if isinstance(self._cluster, LocalCluster) and isinstance(engine := self._begun(), LocalEngine):
            engine.prepare(call, *args)

    def do(self, tasks: Sequence[Task], note: Note, track: Track, *, label: str, unit: str) -> list[Outcome]:
        """Have all of some tasks done, and return what came of each, in their order; `label` and `unit` are `track`'s.

        Raises
        ------
        UsageError, StorageError, RuntimeError
            As `run_tasks`.
        """
        if not tasks:
            return []
        outcomes = dict(track(self.run(tasks, note), total=len(tasks), label=label, unit=unit))
        return [outcomes[number] for number in range(len(tasks))]

    def _begun(self) -> Executor:
        if self._engine is None:
            self._engine = self._stack.enter_context(self._cluster.open(self._cache_dir, self._note))
        return self._engine


def do_here(task: Task, note: Note) -> Outcome:
    """Do a task in this process, as one that will find itself done needs no worker.

    Raises
    ------
    StorageError
        If the disk is full, or may not be written.
    """
    try:
        return Outcome(task.run(note))
    except StorageError:
        raise
    except AlgocliError as error:
        return Outcome(error=error)


def values_of(outcomes: Iterable[Outcome]) -> list[Any]:
    """Return what each of some tasks has come to.

    Raises
    ------
    AlgocliError
        Of the first that could not be done.
    """
    values = []
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
        values.append(outcome.value)
    return values


def refused_of(tasks: Sequence[Task], outcomes: Sequence[Outcome]) -> dict[str, AlgocliError]:
    """Return why some tasks could not be done, by their labels."""
    pairs = zip(tasks, outcomes, strict=True)
    return {task.label: outcome.error for task, outcome in pairs if outcome.error is not None}
