"""What a job of SLURM's runs: one line of a list of tasks, ending when SLURM says so."""

from __future__ import annotations

import signal
from pathlib import Path

from algocli.compute.executors.lists import work
from algocli.compute.executors.tasks import Outcome
from algocli.errors import AlgocliError

# As a shell writes what a signal has ended.
_TERMINATED = 128 + signal.SIGTERM


class _Ended(KeyboardInterrupt):
    """A signal that ends whatever Ctrl-C does, in the same way: it is no mistake of a user's code, as SystemExit is."""


def work_in_job(path: str, index: int) -> Outcome:
    """Do the task in one line of a list; called by submitit, which sends back what it returns."""
    _obey()
    try:
        return work(Path(path), index)
    except AlgocliError as error:
        # Once more, it would be no other.
        return Outcome(error=error)
    except _Ended:
        raise SystemExit(_TERMINATED) from None


def _obey() -> None:
    """End when SLURM says so, in order: submitit would go on until it is killed, and has jobs requeued at its own will.

    Where SLURM requeues a job it starts it anew, and the task goes on from its records.
    """
    signal.signal(signal.SIGTERM, _end)
    # Sent some time before a limit, and with an end.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.signal(signal.SIGCONT, signal.SIG_DFL)


def _end(number: int, _frame: object) -> None:
    # It may come to a process and again to its group, which is no reason to leave half of the cleaning undone.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Ended
