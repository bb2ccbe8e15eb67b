"""Every input of every layout and every record of a cache, hostile or absurd: numbers or a sentence, within bounds."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.campaign.mutations import mutate, walk
from tests.faults.campaign.outcome import Outcome
from tests.faults.campaign.place import Stage, begin, serving, verdict_of
from tests.faults.campaign.readings import MAKING, READERS
from tests.faults.conftest import Ended
from tests.support.challenge import write_tiny_challenge
from tests.support.inputs import INPUTS, MEMORY
from tests.support.replacements import REPLACEMENTS, SOUND

# What has to be refused, and what may turn out to be sound after all.
_REFUSED, _OPEN = "refused", "open"


def trials(folder: Path, chance: random.Random) -> Iterator[Outcome]:
    """Give a command an input that is none, or a cache with a record of wrong types, again and again."""
    with serving(folder / "said") as jobs:
        stage = Stage(jobs, begin(folder), folder)
        for words in MAKING:
            stage.done(stage.whole, words)
        records = sorted(path.relative_to(stage.whole) for path in stage.whole.rglob("*.json"))
        given = _Given(stage, folder / "sound")
        while True:
            for name in chance.sample(sorted(INPUTS), len(INPUTS)):
                yield chance.choice((given.replaced, given.mutated, given.mutated))(name, chance)
                yield _record(stage, chance.choice(records), chance)


def _record(stage: Stage, record: Path, chance: random.Random) -> Outcome:
    """Have a command meet a record of which one place is of another type."""
    name = chance.choice(sorted(READERS))
    with stage.copy() as place:
        how = walk(place / record, chance)
        ended = stage.run(place, READERS[name].words, memory=MEMORY)
    return _outcome(name, f"a record of wrong types: {record.name}", ended, f"{record}: {how}", _OPEN)


@dataclass
class _Given:
    stage: Stage
    sound: Path

    def __post_init__(self) -> None:
        write_tiny_challenge(self.sound / "challenge", (1,), n_train=12, n_test=4, image_size=40)

    def replaced(self, name: str, chance: random.Random) -> Outcome:
        """Put something else in place of an input."""
        how = chance.choice(sorted(REPLACEMENTS))
        expected = _OPEN if (name, how) in SOUND else _REFUSED
        return self._try(name, how, REPLACEMENTS[how], expected)

    def mutated(self, name: str, chance: random.Random) -> Outcome:
        """Change an input where it promises something."""
        return self._try(name, "mutated", lambda path: mutate(path, chance), _OPEN)

    def _try(self, name: str, how: str, change: Callable[[Path], object], expected: str) -> Outcome:
        given, home = INPUTS[name], self.stage.folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.sound, home)
        if given.write is not None:
            (home / given.file).parent.mkdir(parents=True, exist_ok=True)
            given.write(home / given.file)
        about = change(home / given.file)
        (ended,) = self.stage.jobs.run(given.job(home))
        shutil.rmtree(home)
        return _outcome(f"{given.arguments[0]} of {name}", how, ended, f"{given.file}: {about}", expected)


def _outcome(command: str, fault: str, ended: Ended, about: str, expected: str) -> Outcome:
    failed = verdict_of(ended)
    if failed is None and ended.code == 0 and expected == _REFUSED:
        failed = "wrong"
    if failed is not None:
        return Outcome(command, fault, failed, f"{about}: [{ended.code}] {ended.said[-1500:]}")
    return Outcome(command, fault, "told" if ended.code else "same")
