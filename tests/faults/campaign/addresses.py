"""Commands whose cache lies at an address, stopped at any request to the server or at any moment, and given again."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from algocli.compute.addresses import Address
from algocli.compute.cache_places import folder_of
from algocli.compute.object_kinds import AZURE, GOOGLE, KINDS, S3, ObjectKind
from tests.faults.campaign.outcome import Outcome, Verdict
from tests.faults.campaign.place import EXTRACT, IMPORT, Stage, begin, serving, verdict_of
from tests.faults.campaign.readings import FOLDED, MINE, OF_ONE, is_lock
from tests.faults.campaign.stage import CLOCK, Tree, difference
from tests.faults.conftest import Ended
from tests.support.objects import BUCKET, asking_anew, make_bucket, serving_objects, why_none

# A Gram matrix of 28 images, 3 kB, is sent in several parts.
PART_BYTES = 700
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_OTHERS = ("import-features", "before.npy", "--name", "theirs", *OF_ONE, "--force")
_EXTRACTED = (*EXTRACT, *OF_ONE, "--no-gram")
# Each with those that come before it.
COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "extract": ((*EXTRACT, *OF_ONE, "--batch-size", "5"),),
    "extract both": ((*EXTRACT, "-s", "1,2"),),
    "extract --no-gram": (_EXTRACTED,),
    "train": (FOLDED, _EXTRACTED),
    "train --standardise": (MINE, FOLDED, (*EXTRACT, *OF_ONE)),
    "import-features": ((*IMPORT, *OF_ONE),),
    "import-features --force": (_OTHERS, (*IMPORT, *OF_ONE)),
}
# What a server of jobs has at hand before one comes.
_IMPORTS = {
    S3: ("s3fs", "aiobotocore.session", "botocore.auth", "email.mime.multipart"),
    GOOGLE: ("gcsfs", "s3fs"),
    AZURE: ("adlfs", "azure.storage.blob.aio", "s3fs"),
}
_ENDS = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143, signal.SIGINT: 130}


def trials(home: Path, rng: random.Random) -> Iterator[Outcome]:
    """Stop one command after the other, every second one at a moment and the others at a request.

    Every second one has its cache on a server of S3's, the others on those of the other kinds that are at hand.
    """
    with ExitStack() as up:
        kinds = [kind for kind in KINDS if not why_none(kind)]
        places = [up.enter_context(there(home / kind.scheme, kind)) for kind in kinds]
        names = list(COMMANDS)
        while True:
            for name in rng.sample(names, len(names)):
                here = rng.choice([*places, *[places[0]] * (len(places) - 2)])
                yield here.at_request(name, rng)
                yield here.at_moment(name, rng)


@contextmanager
def there(home: Path, kind: ObjectKind = S3) -> Iterator[Elsewhere]:
    """Have a server of objects, and one of jobs that finds it, within a `with` block."""
    home.mkdir(parents=True, exist_ok=True)
    with serving_objects(home, kind, PART_BYTES) as objects, pytest.MonkeyPatch.context() as patch:
        for word, value in objects.environment.items():
            patch.setenv(word, value)
        make_bucket(kind=kind)
        at = objects.at("cache")
        with asking_anew(), serving(home / "said", *_IMPORTS[kind], ALGOCLI_CACHE_DIR=str(at)) as jobs:
            yield Elsewhere(Stage(jobs, begin(home), home), at)


@dataclass
class _Seen:
    """What a command asks of the server when nothing disturbs it, how long it takes, and what is there then."""

    requests: list[str]
    seconds: float
    tree: Tree


@dataclass
class Elsewhere:
    """A place whose cache lies at an address, and what commands do there."""

    stage: Stage
    at: Address
    _begun: dict[tuple[Any, ...], tuple[Path, dict[str, bytes]]] = field(default_factory=dict, repr=False)
    _seen: dict[str, _Seen] = field(default_factory=dict, repr=False)

    def at_request(self, name: str, rng: random.Random) -> Outcome:
        """Stop a command at one of its requests, before it or as soon as it is answered."""
        requests = self.undisturbed(name).requests
        # The kind first, so that few uploads have their share beside many questions.
        kind = rng.choice(sorted(set(requests)))
        number = rng.choice([number for number, each in enumerate(requests, 1) if each == kind])
        what, answered = rng.choice(SIGNALS), rng.choice((False, True))
        where = f"{'after' if answered else 'before'} request {number} of {len(requests)}, {kind}"
        how = {"request": number, "signal_there": int(what), "answered": answered}
        return self.disturb(name, what, where, how)

    def at_moment(self, name: str, rng: random.Random) -> Outcome:
        """Kill a command at some moment: it need not obey signals by then."""
        after, what = rng.uniform(0, self.undisturbed(name).seconds), signal.SIGKILL
        return self.disturb(name, what, f"after {after:.3f} s", {"signals": [(after, int(what))]})

    def disturb(self, name: str, what: signal.Signals, where: str, how: dict[str, Any]) -> Outcome:
        """Stop a command, give it again, and see what there is."""
        expected = self.undisturbed(name).tree
        with self.begun(COMMANDS[name][1:]) as place:
            met = self.run(place, COMMANDS[name][0], **how)
            if met.code in (0, _ENDS[what]):
                verdict, detail = self._repeated(place, name, expected)
            else:
                verdict, detail = verdict_of(met) or "wrong", f"exit code {met.code}: {met.said[-600:]}"
        return Outcome(name, what.name, verdict, f"{what.name} {where}, at {self.at.kind.scheme}://: {detail}")

    def _repeated(self, place: Path, name: str, expected: Tree) -> tuple[Verdict, str]:
        again = self.run(place, COMMANDS[name][0])
        if again.code:
            return verdict_of(again) or "wrong", f"a repeat ends with {again.code}: {again.said[-600:]}"
        unlike = difference(self.tree(place), expected)
        if unlike:
            return "wrong", f"after a repeat it {unlike}"
        verified = self.run(place, ("cache", "verify", "--no-sample"))
        return ("wrong", verified.said[-600:]) if verified.code else ("same", "")

    def undisturbed(self, name: str) -> _Seen:
        """Run a command undisturbed, unless it was before."""
        if name not in self._seen:
            with self.begun(COMMANDS[name][1:]) as place:
                started = time.monotonic()
                ended = self.run(place, COMMANDS[name][0])
                seconds = time.monotonic() - started
                if ended.code:
                    raise RuntimeError(f"{name}: {ended.code}\n{ended.said}")
                self._seen[name] = _Seen(self.log.read_text().split(), seconds, self.tree(place))
        return self._seen[name]

    @property
    def log(self) -> Path:
        """Where the last command's requests are written down."""
        return self.stage.folder / "requests"

    def run(self, place: Path, words: tuple[str, ...], **how: Any) -> Ended:
        """Run a command in a place."""
        self.log.unlink(missing_ok=True)
        # What is imported is recorded by its path.
        words = tuple(str(self.stage.whole / word) if word.endswith(".npy") else word for word in words)
        common = {"part_bytes": PART_BYTES, "requests": str(self.log), "answered": False, "clock": CLOCK}
        common["scheme"] = self.at.kind.scheme
        return self.stage.run(place, words, **{**common, **how})

    @contextmanager
    def begun(self, before: tuple[tuple[str, ...], ...]) -> Iterator[Path]:
        """Have a place, and the address, hold what commands have left that come before, for a `with` block."""
        whole, objects = self._after(before)
        self._clear()
        for name, content in objects.items():
            (self.at / name).write(content)
        with self.stage.copy(whole) as place:
            yield place

    def _after(self, before: tuple[tuple[str, ...], ...]) -> tuple[Path, dict[str, bytes]]:
        if not before:
            return self.stage.whole, {}
        if before not in self._begun:
            with self.begun(before[1:]) as place:
                ended = self.run(place, before[0])
                if ended.code:
                    raise RuntimeError(f"{before[0]}: {ended.code}\n{ended.said}")
                kept = Path(shutil.copytree(place, self.stage.folder / f"begun{len(self._begun)}", symlinks=True))
            self._begun[before] = kept, self.at.read_all()
        return self._begun[before]

    def _clear(self) -> None:
        self.at.remove_all()
        for upload in self._bucket.unfinished(".*"):
            (self._bucket / upload.key).abort(upload.id)

    @property
    def _bucket(self) -> Address:
        return Address(f"{self.at.kind.scheme}://{BUCKET}")

    def tree(self, place: Path) -> Tree:
        """Digest every object, what of any was begun to be sent, and every file of the cache's folder but locks."""
        found = {name: sha256(content).hexdigest() for name, content in self.at.read_all().items()}
        found |= {f"unfinished {upload.key}": upload.id for upload in self._bucket.unfinished(".*")}
        home = place / folder_of(self.at)
        files = [path for path in home.rglob("*") if path.is_file() and not is_lock(path) and path.suffix != ".lock"]
        return found | {f"cache/{path.relative_to(home)}": sha256(path.read_bytes()).hexdigest() for path in files}
