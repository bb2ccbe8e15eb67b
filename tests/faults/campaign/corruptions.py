"""Every file that a place can hold, damaged in every way, and then every command that reads: told, or without effect.

Files are listed from the disk, so that none which is new is forgotten. Whatever a command says of a damage is done as
it says, until the command succeeds and gives what it gave before.
"""

from __future__ import annotations

import os
import random
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.campaign.damages import DAMAGES, kind_of
from tests.faults.campaign.outcome import Outcome, Verdict
from tests.faults.campaign.place import Stage, begin, serving, verdict_of
from tests.faults.campaign.readings import MAKING, READERS, SIGNIFICANCE, TRAININGS, Reader, is_lock, left_in, may_lack
from tests.faults.conftest import Ended
from tests.support.hints import command_in

# Rounds of doing what is said: a damage may hide the next.
_ROUNDS = 6
# How whoever reads data says that it is not what it was; what is scored may be scored anew for good reasons.
_CHANGED = ("changed, or went, after", "changed after run")
# Of what a place holds, what is damaged; and where data is kept as it was.
_READ, _SOUND = ("cache", "out", "data"), "sound data"
# What may be lost, or be of before, and costs work and no more.
_COSTS_WORK = ("digests", "done", "spectra", "axes", "gram", "standardised", "model.npz", "p values", "latest")


def trials(folder: Path, chance: random.Random) -> Iterator[Outcome]:
    """Damage one file of a whole place, read it, and mend it, again and again."""
    with serving(folder / "said") as jobs:
        stage = Stage(jobs, begin(folder), folder)
        _make(stage, folder / "before", old=True)
        for words in MAKING:
            stage.done(stage.whole, words)
        campaign = _Campaign(stage, folder / "before")
        while True:
            for kind in chance.sample(sorted(campaign.kinds), len(campaign.kinds)):
                yield campaign.trial(kind, chance)


def _make(stage: Stage, place: Path, *, old: bool) -> None:
    """Make a place as it may have been before: other features and settings under the same names."""
    shutil.copytree(stage.whole, place)
    if old:
        os.replace(place / "before.npy", place / "theirs.npy")
    swapped = {"5": "6", "4": "3"}
    for words in MAKING:
        stage.done(place, [swapped.get(word, word) if before == "--pca" else word for before, word in _pairs(words)])


def _pairs(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return zip(("", *words), words, strict=False)


@dataclass
class _Campaign:
    stage: Stage
    before: Path
    kinds: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    expected: dict[tuple[str, bool], tuple[str, dict[str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        whole = self.stage.whole
        # Data lies behind a link, and is shared by all places.
        for path in sorted((*whole.rglob("*"), *(whole / "data" / "subj01").rglob("*"))):
            file = path.relative_to(whole)
            if path.is_file() and not is_lock(path) and file.parts[0] in _READ and path.stat().st_size:
                self.kinds[kind_of(file)].append(file)
        shutil.copytree(whole / "data", self.stage.folder / _SOUND)

    def trial(self, kind: str, chance: random.Random) -> Outcome:
        """Damage a file of a kind, and have some command read it."""
        file = chance.choice(self.kinds[kind])
        damage = chance.choice(sorted(DAMAGES))
        name = chance.choice(sorted(READERS))
        # What it gives of what is whole.
        self.wanted(name, of_data=file.parts[0] == "data")
        with self.stage.copy() as place, self.data_put_back():
            how = DAMAGES[damage](self, place, file, chance)
            if how is None:
                return Outcome(name, f"{damage}, {kind}", "same", "nothing to damage it with")
            verdict, detail = self.read(name, place, file, damage)
        about = f"{file} {how}; {' '.join(READERS[name].words)}: {detail}" if verdict not in ("same", "told") else ""
        return Outcome(name, f"{damage}, {kind}", verdict, about)

    @contextmanager
    def data_put_back(self) -> Iterator[None]:
        """Make all data sound again at the end of a `with` block."""
        yield
        for sound in (self.stage.folder / _SOUND / "subj01").rglob("*"):
            path = self.stage.whole / "data" / sound.relative_to(self.stage.folder / _SOUND)
            if sound.is_file() and not (path.is_file() and path.read_bytes() == sound.read_bytes()):
                shutil.copy2(sound, path)

    def wanted(self, name: str, *, of_data: bool) -> tuple[str, dict[str, str]]:
        """Return what a command says and leaves in a place that is whole, with its notes where data will be damaged."""
        if (name, of_data) not in self.expected:
            with self.stage.copy() as place:
                ended = self.stage.done(place, READERS[name].words, quiet=not of_data)
                self.expected[name, of_data] = _seen(READERS[name], place, ended)
        return self.expected[name, of_data]

    def read(self, name: str, place: Path, file: Path, damage: str) -> tuple[Verdict, str]:
        """Read what is damaged, doing what is said about it, until it is as it was."""
        of_data = file.parts[0] == "data"
        reader, wanted, said = READERS[name], self.wanted(name, of_data=of_data), []
        for turn in range(_ROUNDS):
            # Of data that nobody vouches for, notes tell.
            ended = self.stage.run(place, reader.words, quiet=not of_data)
            said.append(f"[{ended.code}] {ended.said[-600:]}")
            failed = verdict_of(ended)
            if failed is not None:
                return failed, said[-1]
            if ended.code == 0:
                if name.startswith("predict") and "test_images" in file.parts:
                    # Any folder of images will do: of others it predicts others.
                    return "same", ""
                if of_data and any(told in ended.said for told in _CHANGED):
                    return "told", ""
                seen = _seen(reader, place, ended)
                if reader.keeps:
                    # A deletion that was stopped leaves features without a manifest: they go, and that is told.
                    if damage == "all of it" and kind_of(file) == "store: manifest.json":
                        return "told", ""
                    seen[1][str(file)] = "kept"
                is_right = self.is_right(name, place, file, damage, turn) and _agree(seen, wanted)
                return (("told" if turn else "same") if is_right else "wrong"), "\n".join(said)
            if file.parts[0] != "cache":
                return "told", ""
            done = [self.follow(line, place, file) for line in _hints(ended)]
            said.append(f"-> {done}")
            if not done:
                break
        return "wrong", "no way out: " + "\n".join(said)

    def is_right(self, name: str, place: Path, file: Path, damage: str, turn: int) -> bool:
        """Say whether a check that ended well has nothing to tell, or all that was told is mended."""
        if not name.startswith("cache verify") or file.parts[0] != "cache" or turn:
            return True
        if damage == "a byte more" and file.suffix == ".npz":
            # A zip says itself where it ends.
            return True
        is_whole = (place / file).is_file() and damage in ("a bit", "a page", "the end", "a byte more")
        return not is_whole and any(word in kind_of(file) for word in _COSTS_WORK)

    def follow(self, line: str, place: Path, file: Path, deep: int = 0) -> str:
        """Do what a line of a hint says, and what that says where it fails; return what that was."""
        deletion = re.match(r"(?:delete|rm -r) (\S+?)(?: folder)?(?:,? (?:then|and) (.*)|: .*)?$", line)
        if deletion:
            path = _meant(deletion[1], place, file)
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            then = deletion[2] or ""
            more = f", {self.follow(then, place, file, deep)}" if then else ""
            return f"deleted {path.relative_to(place)}{more}"
        done = []
        for words in [self.command_of(line, file), *map(self.command_of, re.findall(r"`(algocli [^`]+)`", line))]:
            for some in words:
                ended = self.stage.run(place, some)
                done.append(" ".join(some))
                if ended.code != 0 and deep < 2:
                    done += [self.follow(more, place, file, deep + 1) for more in _hints(ended)]
        return "; ".join(done)

    def command_of(self, line: str, file: Path | None = None) -> list[tuple[str, ...]]:
        """Return the commands that a hint asks for, with what only whoever made it knows filled in."""
        # A training that is replaced has no p values until they are asked for.
        asked = {"plain": [SIGNIFICANCE], "mine": [MAKING[6]]}
        words = command_in(line)
        if words is not None:
            # What only whoever made it knows.
            words = ["theirs.npy" if word == "FILE" else word for word in words]
            if "--significance" in words and "--permutations" not in words and "plain" in words:
                return [SIGNIFICANCE]
            run = words[words.index("--run") + 1] if words[0] == "train" and "--run" in words else ""
            return [tuple(words), *(asked.get(run, []) if "--force" in words else [])]
        if file is None:
            return []
        run = file.parts[2] if file.parts[1] == "runs" and len(file.parts) > 3 else "mine"
        if line.startswith("train") or "replace it with --force" in line:
            return [(*TRAININGS[run], *(["--force"] if "force" in line else [])), *asked.get(run, [])]
        if (
            "algocli extract" in line
            or "algocli import-features" in line
            or "extract again" in line
            or "made it" in line
            or "make it again" in line
        ):
            return [MAKING["theirs" in file.parts]]
        return []


def _meant(word: str, place: Path, file: Path) -> Path:
    """Return what a hint means by a path, or by 'it' and the like."""
    path = place / file
    if word in ("it", "that", "its", "the"):
        home = {"runs": 3, "features": 4}.get(file.parts[1], len(file.parts))
        return path if word == "it" else place.joinpath(*file.parts[:home])
    return place / word


def _hints(ended: Ended) -> list[str]:
    """Return the lines of a hint."""
    _, found, hint = ended.said.partition("hint:")
    return [line.strip() for line in hint.strip().splitlines()] if found else []


def _seen(reader: Reader, place: Path, ended: Ended) -> tuple[str, dict[str, str]]:
    said = "" if reader.talks else ended.said.replace(str(place), "")
    left = left_in(place, *reader.leaves)
    return said, dict.fromkeys(left, "kept") if reader.keeps else left


def _agree(seen: tuple[str, dict[str, str]], wanted: tuple[str, dict[str, str]]) -> bool:
    """Say whether a command said and left the same; what is kept to save work may be there or not."""
    return seen[0] == wanted[0] and all(
        seen[1].get(file, digest if may_lack(file) else "") == digest for file, digest in wanted[1].items()
    )
