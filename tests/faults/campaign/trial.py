"""One command, disturbed once and given again."""

from __future__ import annotations

import errno
import random
import shlex
import signal
from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.campaign.commands import COMMANDS, forgotten
from tests.faults.campaign.outcome import Outcome, Verdict
from tests.faults.campaign.stage import SHORT, SIGNALS, Stage, difference
from tests.faults.conftest import Ended

# How a command may end that was sent a signal; what comes after its last change is no longer stopped.
_ENDS = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143, signal.SIGINT: 130}
# As notes and errors say that the disk is at fault.
_TOLD = ("disk", "read-only", "cannot", "could not")


@dataclass(frozen=True)
class Fault:
    """What happens before an operation: a signal, an errno, or a write that takes only half."""

    name: str
    number: int
    codes: tuple[int, ...]
    lasting: bool = False

    def __str__(self) -> str:
        return f"{self.name} from then on" if self.lasting else self.name


def signalled(what: signal.Signals) -> Fault:
    """Return a fault that is a signal."""
    return Fault(what.name, SIGNALS + what, (0, _ENDS[what]))


def failing(name: str, *, lasting: bool) -> Fault:
    """Return a fault of the disk, by the name of its errno, or 'short'."""
    return Fault(name, SHORT if name == "short" else getattr(errno, name), (0, 3), lasting)


def operations(stage: Stage, rng: random.Random, *, but: str = "") -> Iterator[tuple[str, int, str]]:
    """Go round all commands for ever, and name for each that changes anything an operation: its number and kind.

    The kind is drawn first, so that the few renames have their share beside the many writes.
    """
    assert not forgotten(), forgotten()
    names = list(COMMANDS)
    while True:
        rng.shuffle(names)
        for name in names:
            done = stage.reference(name).operations
            kinds = sorted({kind for kind, _ in done} - {but})
            if kinds:
                chosen = rng.choice(kinds)
                numbers = [number for number, (kind, _) in enumerate(done, 1) if kind == chosen]
                yield name, rng.choice(numbers), chosen


class _Lost(Exception):
    def __init__(self, verdict: Verdict, detail: str) -> None:
        super().__init__(detail)
        self.verdict = verdict
        self.detail = detail


def disturb(stage: Stage, name: str, fault: Fault, number: int) -> Outcome:
    """Let a fault happen at a command's operation of that number, give the command again, and see what there is."""
    expected = stage.reference(name)
    kind, path = expected.operations[number - 1]
    where = f"operation {number} of {len(expected.operations)}, {kind} {path}"
    stage.begin(name)
    met = stage.run(name, fault.number, number, lasting=fault.lasting)
    try:
        _ended_well(met, fault.codes)
        unlike = difference(stage.tree(), expected.tree)
        if met.code == 0 and unlike and not any(word in met.said for word in _TOLD):
            raise _Lost("wrong", f"exit 0, and it {unlike}")
        if number % 4 == 0:
            # What is there is right, however little it is.
            _ended_well(stage.run_words(["cache", "verify", "--no-sample", *stage.folders]), (0,))
        verdict = _repeated(stage, name)
    except _Lost as lost:
        kept = stage.keep()
        said = " | ".join(met.said.splitlines()[-6:])
        return Outcome(name, fault.name, lost.verdict, f"{fault} at {where}: {lost.detail}; first said: {said}; {kept}")
    return Outcome(name, fault.name, verdict, f"{fault} at {where}")


def _ended_well(ended: Ended, codes: tuple[int, ...]) -> None:
    if ended.code == -signal.SIGALRM:
        raise _Lost("hang", "")
    if "Traceback" in ended.said or "Error:" in ended.said or "Exception ignored" in ended.said:
        raise _Lost("traceback", ended.said[-2000:])
    if ended.code not in codes:
        raise _Lost("wrong", f"exit code {ended.code}: {ended.said[-600:]}")
    if ended.code > 0 and ended.code < 128 and ended.said.count("error: ") != 1:
        raise _Lost("wrong", f"not one sentence: {ended.said[-600:]}")


def _repeated(stage: Stage, name: str) -> Verdict:
    """Give a command again, and do what it says where it cannot be done; the folder is as it should be then."""
    expected = stage.reference(name).tree
    verdict: Verdict = "same"
    again = stage.run(name)
    _ended_well(again, (0, 2, 3, 4))
    if again.code:
        said = again.said
        for words in hints(said):
            _ended_well(stage.run_words(words), (0,))
        again = stage.run(name)
        if again.code:
            raise _Lost("wrong", f"a repeat ends with {again.code}: {said[-600:]}")
        verdict = "told"
    unlike = difference(stage.tree(), expected)
    if unlike:
        raise _Lost("wrong", f"after a repeat it {unlike}")
    return verdict


def hints(said: str) -> list[list[str]]:
    """Return the commands that a hint names."""
    return [
        shlex.split(line.split("algocli ", 1)[1])
        for line in said.splitlines()
        if line.startswith("hint:") and "algocli " in line
    ]
