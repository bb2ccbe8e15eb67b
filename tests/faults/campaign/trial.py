"""One command, disturbed once and given again."""

from __future__ import annotations

import errno
import json
import random
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from algocli.compute.files import PARTIAL
from tests.faults.campaign.commands import COMMANDS, forgotten
from tests.faults.campaign.outcome import Outcome, Verdict
from tests.faults.campaign.shim import SHORT, SIGNALS
from tests.faults.campaign.stage import Stage, difference, stage
from tests.faults.conftest import Ended
from tests.support.hints import proposed

# How a command may end that was sent a signal; what comes after its last change is no longer stopped.
_ENDS = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143, signal.SIGINT: 130}
# As notes and errors say that the disk is at fault.
_TOLD = ("disk", "read-only", "cannot", "could not", "damaged")


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


def operations(here: Stage, rng: random.Random, *, but: tuple[str, ...] = ()) -> Iterator[tuple[str, int, str]]:
    """Go round all commands for ever, and name for each that changes anything an operation: its number and kind."""
    assert not forgotten(), forgotten()
    names = list(COMMANDS)
    while True:
        rng.shuffle(names)
        for name in names:
            if {kind for kind, _ in here.reference(name).operations} - {*but}:
                yield name, *draw(here, name, rng, but=but)


def draw(here: Stage, name: str, rng: random.Random, *, but: tuple[str, ...] = ()) -> tuple[int, str]:
    """Draw an operation of a command, but of some kinds: its number and kind.

    The kind is drawn first, so that the few renames have their share beside the many writes.
    """
    done = here.reference(name).operations
    chosen = rng.choice(sorted({kind for kind, _ in done} - {*but}))
    return rng.choice([number for number, (kind, _) in enumerate(done, 1) if kind == chosen]), chosen


class _Lost(Exception):
    def __init__(self, verdict: Verdict, detail: str) -> None:
        super().__init__(detail)
        self.verdict = verdict
        self.detail = detail


def disturb(here: Stage, name: str, fault: Fault, number: int) -> Outcome:
    """Let a fault happen at a command's operation of that number, give the command again, and see what there is."""
    expected = here.reference(name)
    kind, path = expected.operations[number - 1]
    where = f"operation {number} of {len(expected.operations)}, {kind} {path}"
    here.begin(name)
    met = here.run(name, fault.number, number, lasting=fault.lasting)
    try:
        # What cannot be read may be taken for missing, as long as it is told.
        _ended_well(met, (*fault.codes, 2, 4) if kind == "read" else fault.codes)
        unlike = difference(here.tree(), expected.tree)
        if met.code == 0 and unlike and not _told(met, expected.ended):
            raise _Lost("wrong", f"exit 0, and it {unlike}")
        is_other = "--quiet" in COMMANDS[name].words and met.said != expected.ended.said
        if met.code == 0 and is_other and not _told(met, expected.ended):
            raise _Lost("wrong", f"exit 0, and other results: {met.said[-600:]}")
        _consistent(here, unfinished=fault.lasting or kind == "unlink" or met.code == -signal.SIGKILL)
        if number % 4 == 0:
            # What is there is right, however little it is, or one sentence says what of it is not.
            _ended_well(here.run_words(["cache", "verify", "--no-sample", *here.folders]), (0, 3))
        verdict = _repeated(here, name)
    except _Lost as lost:
        said = " | ".join(met.said.splitlines()[-6:])
        again = shlex.join([name, fault.name, str(number), *(["lasting"] if fault.lasting else [])])
        return Outcome(
            name,
            fault.name,
            lost.verdict,
            f"{fault} at {where}: {lost.detail}; it said: {said}; what it left: {here.keep()};"
            f" again: python -m tests.faults.campaign.trial {again}",
        )
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


def _consistent(here: Stage, *, unfinished: bool) -> None:
    """See that a zip is not beside the record of another, and that nothing is unfinished where it could be deleted."""
    archive, record = here.work / "submission.zip", here.work / "submission.json"
    if record.exists() and json.loads(record.read_text())["sha256"] != sha256(archive.read_bytes()).hexdigest():
        raise _Lost("wrong", f"{archive.name} is beside the record of another")
    left = [] if unfinished else [path for path in here.tree() if path.endswith(PARTIAL)]
    if left:
        raise _Lost("wrong", f"left {', '.join(left)}")


def _told(met: Ended, undisturbed: Ended) -> bool:
    """Whether a command says of the disk what it does not say otherwise."""
    said = set(met.said.splitlines()) - set(undisturbed.said.splitlines())
    return any(word in line for line in said for word in _TOLD)


def _repeated(here: Stage, name: str) -> Verdict:
    """Give a command again, and do what it says where it cannot be done; the folder is as it should be then."""
    expected = here.reference(name).tree
    verdict: Verdict = "same"
    again = here.run(name)
    _ended_well(again, (0, 2, 3, 4))
    if again.code:
        said = again.said
        for words in proposed(said):
            _ended_well(here.run_words(words), (0,))
        again = here.run(name)
        if again.code:
            raise _Lost("wrong", f"a repeat ends with {again.code}: {said[-600:]}")
        verdict = "told"
    unlike = difference(here.tree(), expected)
    if unlike:
        raise _Lost("wrong", f"after a repeat it {unlike}")
    return verdict


def main() -> None:
    """Repeat one trial: a command's name, a fault's and an operation's number, and perhaps 'lasting'."""
    name, what, number, *lasting = sys.argv[1:]
    fault = signalled(signal.Signals[what]) if what.startswith("SIG") else failing(what, lasting=bool(lasting))
    home = Path(tempfile.mkdtemp(prefix="faults-"))
    with stage(home) as here:
        print(disturb(here, name, fault, int(number)), f"in {home}", sep="\n")


if __name__ == "__main__":
    main()
