"""Two to four commands at once on one cache: whatever they meet, it ends as if they had come one after the other."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

from tests.faults.campaign.outcome import Outcome, Verdict
from tests.faults.campaign.place import EXTRACT, IMPORT, Stage, begin, serving, verdict_of
from tests.faults.campaign.readings import (
    BLEND,
    FOLDED,
    MAKING,
    MINE,
    OF_ONE,
    READERS,
    THEIRS,
    Reader,
    left_in,
    may_lack,
)
from tests.faults.conftest import Ended

# Seconds within which all begin, and after which one may be killed or stopped, and for how long.
_TOGETHER, _LIFE, _STOPPED = 0.15, 0.6, 0.4
_CACHE = ("cache/features", "cache/runs")
_OTHERS = ("import-features", "before.npy", "--name", "theirs", *OF_ONE)
# What changes a cache, each on one that holds all that was made of subject 1.
WRITERS: dict[str, tuple[str, ...]] = {
    "extract": (*EXTRACT, "-s", "1,2"),
    "extract another layer": (*EXTRACT[:-4], "-l", "corner", "--device", "cpu", *OF_ONE),
    "import-features": (*IMPORT[:-1], "again", *OF_ONE),
    "import-features of others": _OTHERS,
    "import-features --force": (*_OTHERS, "--force"),
    "train": (*MINE[:-1], "fresh"),
    "train with other settings": (*MINE[:-1], "fresh", "--seed", "7"),
    "train on other features": (*THEIRS[:-1], "fresh"),
    "train --force": (*MINE, "--force"),
    "train --force with other settings": (*MINE, "--seed", "7", "--force"),
    "train on folds --force": (*FOLDED, "--seed", "7", "--force"),
    "train theirs --force": (*THEIRS, "--force"),
    "train a blend --force": (*BLEND, "--run", "blend", "--force"),
    "report --significance": ("report", "--run", "plain", "--significance", "--permutations", "25", "--json"),
    "partition": READERS["partition"].words,
    "predict": READERS["predict"].words,
    "cache gc": ("cache", "gc", "--yes"),
    "cache gc --unused": ("cache", "gc", "--yes", "--unused"),
}
_LOOKERS = (
    *("report", "report of the latest", "compare", "score", "submit", "export", "export of a blend", "plot rois"),
    *("cache list", "cache verify", "report --intervals", "validate"),
)
LOOKERS: dict[str, Reader] = {name: READERS[name] for name in _LOOKERS}
# What is said, in one sentence, to whom another has come in the way of.
_MEANWHILE = ("meanwhile", "is being trained", "while it was read", "repeat the command")

State = dict[str, str]


def trials(folder: Path, chance: random.Random) -> Iterator[Outcome]:
    """Have commands meet, again and again, every pair of them in its turn."""
    with serving(folder / "said") as jobs:
        stage = Stage(jobs, begin(folder), folder)
        for words in MAKING:
            stage.done(stage.whole, words)
        races = _Races(stage)
        pairs = [pair for pair in combinations([*WRITERS, *LOOKERS], 2) if pair[0] in WRITERS]
        pairs += [(name, name) for name in WRITERS]
        while True:
            for pair in chance.sample(pairs, len(pairs)):
                more = chance.choices([*WRITERS, *LOOKERS], k=chance.choice((0, 0, 0, 1, 2)))
                # Three that write have six orders, and more than these are not told apart in time.
                names = [*pair, *(name for name in more if name in LOOKERS or pair[1] in LOOKERS)][:4]
                # What two write into one folder is the later one's, though the earlier one has told of it.
                names = [name for place, name in enumerate(names) if not (_fills(name) and name in names[:place])]
                yield races.trial(names, chance)


@dataclass
class _Races:
    stage: Stage
    # What commands leave, and what each of those that look sees, that came one after the other.
    states: dict[tuple[str, ...], State] = field(default_factory=dict)
    seen: dict[tuple[tuple[str, ...], str], Any] = field(default_factory=dict)

    def trial(self, names: Sequence[str], chance: random.Random) -> Outcome:
        """Let some commands meet, and hold what is left against what any order of them leaves."""
        jobs, faults = [], []
        victim, fault = chance.randrange(len(names)), chance.choice(("together", "together", "killed", "stopped"))
        for number, name in enumerate(names):
            job: dict[str, Any] = {
                "arguments": list(_words(name)),
                "delay": chance.choice((0, chance.random() * _TOGETHER)),
            }
            when = chance.random() * _LIFE
            if number == victim and fault == "killed":
                job["signals"] = [(when, int(signal.SIGKILL))]
            elif number == victim and fault == "stopped":
                job["signals"] = [(when, int(signal.SIGSTOP)), (when + _STOPPED, int(signal.SIGCONT))]
            jobs.append(job)
            faults.append(f"{name} +{job['delay']:.3f}{job.get('signals', '')}")
        with self.stage.copy() as place:
            verdict, detail = self.race(place, names, jobs)
        about = f"{'; '.join(faults)}: {detail}" if verdict not in ("same", "told") else ""
        return Outcome(" | ".join(sorted(names[:2])), f"{len(names)} {fault}", verdict, about)

    def race(self, place: Path, names: Sequence[str], jobs: Sequence[dict[str, Any]]) -> tuple[Verdict, str]:
        """Run jobs together, and those that were killed once more; then judge."""
        ended = self.stage.together(place, jobs)
        said = "\n".join(f"[{one.code}] {name}: {one.said[-500:]}" for name, one in zip(names, ended, strict=True))
        pairs = list(zip(names, ended, strict=True))
        again = []
        for name, one in pairs:
            if one.code == -signal.SIGKILL:
                again.append((name, self.stage.run(place, _words(name))))
                said += f"\n[{again[-1][1].code}] {name} again: {again[-1][1].said[-500:]}"
        for _, one in (*[pair for pair in pairs if pair[1].code != -signal.SIGKILL], *again):
            failed = verdict_of(one)
            if failed is not None:
                return failed, said
        return self.judge(place, pairs, again, said)

    def judge(
        self, place: Path, pairs: Sequence[tuple[str, Ended]], again: Sequence[tuple[str, Ended]], said: str
    ) -> tuple[Verdict, str]:
        """Say whether what is left, and what was seen, is what some order leaves and sees."""
        writers = [name for name, _ in pairs if name in WRITERS]
        done = [name for name, one in (*pairs, *again) if name in WRITERS and one.code == 0]
        seen = [(name, one, _seen(place, name, one)) for name, one in pairs if name in LOOKERS and one.code >= 0]
        for name, one, what in seen:
            if not (one.code and any(word in one.said for word in _MEANWHILE)) and not any(
                self.sees(order, name) == what for order in _orders(writers, [])
            ):
                return "wrong", f"{name} saw what no order shows\n{said}"
        state = _state(place)
        differing: list[str] = []
        for order in _orders(writers, done):
            differing = _differing(state, self.after(order))
            if not differing:
                break
        else:
            return "wrong", f"no order leaves this; the last differs in {differing[:5]}\n{said}"
        verified = self.stage.run(place, READERS["cache verify"].words)
        if verified.code != 0:
            return "wrong", f"damage is left: {verified.said}\n{said}"
        return ("told" if any(one.code for _, one in pairs) else "same"), ""

    def after(self, order: tuple[str, ...]) -> State:
        """Return what is left after commands that came one after the other."""
        if order not in self.states:
            self._play(order)
        return self.states[order]

    def sees(self, order: tuple[str, ...], name: str) -> Any:
        """Return what a command sees after others."""
        if (order, name) not in self.seen:
            with self.stage.copy() as place:
                for words in map(_words, order):
                    self.stage.run(place, words)
                ended = self.stage.run(place, _words(name))
                self.seen[order, name] = _seen(place, name, ended)
        return self.seen[order, name]

    def _play(self, order: tuple[str, ...]) -> None:
        with self.stage.copy() as place:
            for words in map(_words, order):
                self.stage.run(place, words)
            self.states[order] = _state(place)


def _fills(name: str) -> bool:
    """Say whether a command that looks writes files into a folder."""
    return name in LOOKERS and any(not Path(leaf).suffix for leaf in LOOKERS[name].leaves)


def _words(name: str) -> tuple[str, ...]:
    return WRITERS[name] if name in WRITERS else LOOKERS[name].words


def _orders(writers: Sequence[str], done: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield the orders in which commands may have come; those that did not succeed may not have come at all."""
    surely, tried = list(done), set()
    for n in range(len(writers), -1, -1):
        for some in combinations(writers, n):
            if all(some.count(name) >= min(1, surely.count(name)) for name in surely):
                for order in permutations(some):
                    if order not in tried:
                        tried.add(order)
                        yield order


def _seen(place: Path, name: str, ended: Ended) -> Any:
    looker = LOOKERS[name]
    said = "" if looker.talks and ended.code == 0 else ended.said
    return ended.code, said, left_in(place, *looker.leaves) if ended.code == 0 else {}


def _state(place: Path) -> State:
    left = left_in(place, *_CACHE)
    # A run that was begun, and of which no subject is done, is nothing yet: `cache gc` takes it away.
    begun = {file for file in left if file.endswith("/manifest.json") and file.startswith("cache/runs/")}
    done = {file.split("/")[2] for file in left if file.endswith("/record.json") and file.startswith("cache/runs/")}
    left = {file: digest for file, digest in left.items() if file not in begun or file.split("/")[2] in done}
    return {file: digest for file, digest in left.items() if ".aside" not in file and not file.endswith(".partial")}


def _differing(state: State, other: State) -> list[str]:
    """Return the files that differ; what is kept to save work may be there or not, and no other."""
    names = {*state, *other}
    return sorted(
        name
        for name in names
        if state.get(name) != other.get(name) and not (may_lack(name) and (name not in state or name not in other))
    )
