"""A task for a worker, and what comes back of it: what a task says of itself, an engine never has to understand."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from algocli.compute.lock import WAITS
from algocli.compute.object_kinds import KINDS
from algocli.compute.track import Note
from algocli.errors import AlgocliError, WorkerFault, first_line


@dataclass(frozen=True)
class Needs:
    """What a task will take, of what is known before: an engine may ask for as much.

    Attributes
    ----------
    memory
        In bytes; 0 where nobody knows.
    minutes
        How long it takes at the most; 0 where nobody knows.
    gpu
        Whether it computes on one.
    """

    memory: int = 0
    minutes: int = 0
    gpu: bool = False


class Task(Protocol):
    """A piece of work that can be sent to a worker; done once more, it finds itself done, or goes on where it was.

    It may have three things more. `needs`, a property, is what it will take. `known()` returns what came of it where
    records say that it is done, an Outcome, and else None: then nobody is sent it. `whole`, a property, is the same for
    all tasks that one piece of work was cut into: cut otherwise, parts would overlap with those of before.
    """

    @property
    def label(self) -> str:
        """What a message calls it, as in 'subject 3'."""
        ...

    def run(self, note: Note) -> Any:
        """Do it.

        Raises
        ------
        AlgocliError
            If it cannot be done.
        """
        ...


@dataclass(frozen=True)
class Outcome:
    """What came of a task.

    Attributes
    ----------
    value
        What it returned.
    error
        What kept it from that; None where nothing did.
    crash
        The traceback, where that is a bug.
    notes
        What it said by the way.
    """

    value: Any = None
    error: AlgocliError | None = None
    crash: str = ""
    notes: tuple[str, ...] = ()


def needs_of(task: Task) -> Needs:
    """Return what a task will take, of what it tells."""
    needs: Needs = getattr(task, "needs", Needs())
    return needs


def known_of(task: Task) -> Outcome | None:
    """Return what came of a task that is done already; None where it is not, or does not tell."""
    known: Outcome | None = task.known() if hasattr(task, "known") else None
    return known


def perform(task: Task) -> Outcome:
    """Do a task, in a worker, and tell what came of it."""
    notes: list[str] = []
    try:
        value = task.run(notes.append)
    except AlgocliError as error:
        # The environment of whoever gave the command may be another.
        if error.hint in [kind.who_asks for kind in KINDS]:
            error.hint = f"where workers run, {error.hint}"
        return Outcome(error=error, notes=_worth_telling(notes))
    except MemoryError:
        # With other neighbours it may suffice: that is for whoever hands tasks out.
        raise
    except Exception as error:
        # An exception of another library may not survive the way back; its words do.
        fault = WorkerFault(f"{type(error).__name__}: {first_line(error)}")
        return Outcome(error=fault, crash=traceback.format_exc(), notes=_worth_telling(notes))
    return Outcome(value, notes=_worth_telling(notes))


def _worth_telling(notes: Sequence[str]) -> tuple[str, ...]:
    """Return what is worth telling when a task has ended: whatever it waited for, it has had by then."""
    return tuple(line for line in notes if not line.endswith(WAITS))
