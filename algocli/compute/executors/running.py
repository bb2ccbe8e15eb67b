"""Tasks handed to an engine: each once more where its worker died, and in the end what came of every one."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait

from algocli.compute.executors.progress import LOOKS, Look
from algocli.compute.executors.tasks import Outcome, Task, known_of, perform
from algocli.compute.track import Note
from algocli.errors import AlgocliError, ByHand, EngineFault, StorageError, UsageError, WorkerFault

# So often a task is handed out before it is given up.
TRIES = 3


def run_tasks(
    engine: Executor, tasks: Sequence[Task], note: Note, *, look: Look | None = None
) -> Iterator[tuple[int, Outcome]]:
    """Have an engine do some tasks, and yield the number of each with what came of it, in the order in which they end.

    What a task notes is told when it ends. One that fails leaves the others alone, unless the disk takes no more or the
    engine is gone: then nothing goes on. What records say is done is not handed out.

    Parameters
    ----------
    look
        Is called again and again while others work, to show how far they are.

    Raises
    ------
    UsageError
        If a task cannot be sent to a worker.
    StorageError
        If a task met a disk that is full, or may not be written.
    EngineFault
        If nothing can be handed out, or whoever handed tasks out is gone.
    ByHand
        If the engine has written the tasks down, as it was asked to.
    RuntimeError
        In the end, if a task met a bug; with its traceback.
    """
    _check_can_be_sent(tasks)
    tries, crashes, running = dict.fromkeys(range(len(tasks)), 1), list[str](), dict[Future[Outcome], int]()
    try:
        for number, task in enumerate(tasks):
            known = known_of(task)
            if known is None:
                running[engine.submit(perform, task)] = number
            else:
                yield number, _told(known, note)
        while running:
            done = wait(running, LOOKS if look else None, FIRST_COMPLETED).done
            if look:
                look()
            for future in done:
                number = running.pop(future)
                outcome = _outcome_of(future, tasks[number], tries[number], note)
                if outcome is None:
                    tries[number] += 1
                    running[engine.submit(perform, tasks[number])] = number
                    continue
                crashes += [f"{tasks[number].label}:\n{outcome.crash}"] if outcome.crash else []
                yield number, _told(outcome, note)
    finally:
        for future in running:
            future.cancel()
    if crashes:
        raise RuntimeError("\n".join(crashes))


def _told(outcome: Outcome, note: Note) -> Outcome:
    """Tell what a task has noted, and let nothing go on where the disk takes no more."""
    for line in outcome.notes:
        note(line)
    if isinstance(outcome.error, StorageError):
        raise outcome.error
    return outcome


def _outcome_of(future: Future[Outcome], task: Task, n_tries: int, note: Note) -> Outcome | None:
    """Return what came of a task; None where its worker died, and it is to be handed out again."""
    try:
        return future.result()
    # Of all tasks alike.
    except (ByHand, EngineFault):
        raise
    except AlgocliError as error:
        return Outcome(error=error)
    # Whatever is wrong with the task comes back as an outcome: this is the engine's own.
    except Exception as error:
        said = str(error).strip() or type(error).__name__
        if n_tries < TRIES:
            note(f"{task.label}: its worker died ({said.splitlines()[-1]}); it is tried again")
            return None
        # An engine that knows what its worker died of knows better.
        usual = "fewer workers leave each more memory; without cluster=... one process does it all"
        hint = getattr(error, "hint", None) or usual
        return Outcome(
            error=WorkerFault(f"{task.label}: its worker died {TRIES} times; its last words: {said}", hint=hint)
        )


def _check_can_be_sent(tasks: Iterable[Task]) -> None:
    for task in tasks:
        try:
            pickle.dumps(task)
        except Exception as error:
            raise UsageError(
                f"{task.label} cannot be sent to a worker: {error}", hint="without cluster=... it is done here"
            ) from error
