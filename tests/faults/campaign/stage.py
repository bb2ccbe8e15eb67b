"""The stage on which a command is disturbed: what it begins with, what it does to the disk, and what it leaves."""

from __future__ import annotations

import atexit
import contextlib
import pkgutil
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

import algocli
from tests.dataset.nsd.miniature import write_nsd
from tests.faults.campaign.commands import COMMANDS
from tests.faults.campaign.shim import NOTHING, preloading
from tests.faults.conftest import Ended, Jobs, serving
from tests.support.challenge import save, write_tiny_challenge

# No command of these takes more than a few seconds.
PATIENCE = 60
CLOCK = 1_750_000_000.0
# A server that has them does not import them anew for every job.
IMPORTS = (
    *("matplotlib.pyplot", "matplotlib.backends.backend_agg", "nilearn.surface", "nilearn.datasets", "nibabel"),
    *("scipy.stats", "scipy.optimize", "sklearn.utils.extmath", "jinja2", "rich.progress", "himalaya.ridge", "h5py"),
    *(module.name for module in pkgutil.walk_packages(algocli.__path__, "algocli.") if "__main__" not in module.name),
)

# What keeps two writers of a file apart.
_RANDOM = re.compile(r"\.[0-9a-f]+\.partial")

Tree = dict[str, str]


@dataclass
class Undisturbed:
    """What a command does to the disk when nothing disturbs it, and what it leaves and says."""

    operations: list[tuple[str, str]]
    tree: Tree
    ended: Ended


@dataclass
class Stage:
    """A folder in which commands begin with what those before them left, and a server that runs them."""

    jobs: Jobs
    home: Path
    given: dict[str, str]
    undisturbed: dict[str, Undisturbed] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        """The folder in which everything happens; its path is part of what is written."""
        return self.home / "work"

    @property
    def folders(self) -> tuple[str, ...]:
        """The options that lead a command to the data and the cache."""
        return ("--data-dir", self.given["data"], "--cache-dir", self.given["cache"])

    @property
    def log(self) -> Path:
        return self.home / "operations"

    def begin(self, name: str) -> None:
        """Put what a command begins with into the folder."""
        self._put(COMMANDS[name].after)

    def _put(self, after: tuple[str, ...]) -> None:
        kept = self.home / "begin" / ("+".join(after).replace(" ", "_") or "nothing")
        if not kept.exists():
            if after:
                self._put(after[:-1])
                ended = self.run(after[-1])
                assert ended.code == 0, ended.said
                shutil.copytree(self.work, kept, symlinks=True)
            else:
                (kept / "cache").mkdir(parents=True)
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(kept, self.work, symlinks=True)

    def run(self, name: str, fault: int = NOTHING, number: int = 0, *, lasting: bool = False) -> Ended:
        """Run a command with what is in the folder; let a fault happen at its operation of that number, from 1."""
        words = [word for given in COMMANDS[name].words.format(**self.given).split() for word in self._named(given)]
        return self.run_words(words, fault, number, lasting=lasting)

    def _named(self, word: str) -> list[str]:
        """Return the files that a pattern stands for: a folder of tasks is called by what they are."""
        is_pattern = word.startswith(f"{self.work}/") and "*" in word
        return sorted(map(str, self.work.glob(str(Path(word).relative_to(self.work))))) if is_pattern else [word]

    def run_words(self, words: list[str], fault: int = NOTHING, number: int = 0, *, lasting: bool = False) -> Ended:
        self.log.unlink(missing_ok=True)
        armed = [str(self.work), str(self.log), fault, number, lasting]
        (ended,) = self.jobs.run({"arguments": words, "armed": armed, "alarm": PATIENCE, "clock": CLOCK})
        return ended

    def operations(self) -> list[tuple[str, str]]:
        """What the last command did, each as its kind and the path within the folder."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [(kind, _RANDOM.sub(".partial", path)) for kind, path in (line.split("\t", 1) for line in lines)]

    def reference(self, name: str) -> Undisturbed:
        """Run a command undisturbed, unless it was before."""
        if name not in self.undisturbed:
            self.begin(name)
            ended = self.run(name)
            assert ended.code == 0, ended.said
            self.undisturbed[name] = Undisturbed(self.operations(), self.tree(), ended)
        return self.undisturbed[name]

    def keep(self) -> Path:
        """Keep a copy of the folder as it is, and return where."""
        kept = self.home / "failed" / str(self.jobs.count)
        kept.parent.mkdir(exist_ok=True)
        shutil.copytree(self.work, kept, symlinks=True)
        return kept

    def tree(self) -> Tree:
        """Digest every file in the folder but locks: the kernel knows whether they are held, and they hold nothing."""
        return {
            str(path.relative_to(self.work)): sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.work.rglob("*"))
            if path.is_file() and not path.name.endswith("lock") and path.parent.name != "locks"
        }


def difference(found: Tree, expected: Tree) -> str:
    """Say in which files two folders differ."""
    # What was not remembered of digests is read again: it costs time, and nothing else.
    gone = sorted(path for path in expected.keys() - found.keys() if not path.startswith("cache/digests/"))
    new = sorted(found.keys() - expected.keys())
    other = sorted(path for path in found.keys() & expected.keys() if found[path] != expected[path])
    parts = (
        f"{word} {', '.join(paths)}" for word, paths in (("lacks", gone), ("has", new), ("altered", other)) if paths
    )
    return "; ".join(parts)


_STAGES: list[Stage] = []


def the_stage(home: Path) -> Stage:
    """Return the stage of this process, which whoever asks first builds in a folder of his own; it ends with it.

    All kinds of faults do what they do one after the other, and to set it up takes a minute.
    """
    if not _STAGES or _STAGES[0].jobs.process.poll() is not None:
        ending = contextlib.ExitStack()
        atexit.register(ending.close)
        _STAGES[:] = [ending.enter_context(stage(home))]
    return _STAGES[0]


@contextlib.contextmanager
def stage(home: Path) -> Iterator[Stage]:
    """Write what commands begin with, and start a server that the shim looks upon."""
    given = write_given(home) | {"nsd": str(write_nsd_of(home)), "network": str(write_network(home))}
    (home / "said").mkdir()
    with serving(home / "said", *IMPORTS, **preloading(home)) as jobs:
        yield Stage(jobs, home, given)


def write_given(home: Path) -> dict[str, str]:
    """Write what is given to commands, and return it by name, with the folders in which they are to work."""
    data = write_tiny_challenge(home / "given" / "challenge", (1,), n_train=25, n_test=2, image_size=40)
    given = {
        "work": home / "work",
        "cache": home / "work" / "cache",
        "data": data,
        "images": data / "subj01/test_split/test_images",
        "matrix": home / "given" / "matrix.npy",
        "other_matrix": home / "given" / "other_matrix.npy",
        "labels": home / "given" / "labels.csv",
    }
    rng = np.random.default_rng(0)
    save(given["matrix"], rng.standard_normal((27, 12)).astype(np.float32))
    save(given["other_matrix"], rng.standard_normal((27, 9)).astype(np.float32))
    names = sorted(path.name for path in data.glob("subj01/*_split/*_images/*.png"))
    lines = [f"{name},{'even' if place % 2 else 'odd'}" for place, name in enumerate(names)]
    given["labels"].write_text("\n".join(["file_name,label", *lines]))
    return {name: str(path) for name, path in given.items()}


def write_network(home: Path) -> Path:
    """Write a folder of a network, as far as what copies it looks at it, and return it."""
    folder = home / "given/network"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "vit"}')
    (folder / "model.safetensors").write_bytes(bytes(1000))
    return folder


def write_nsd_of(home: Path) -> Path:
    """Write NSD's own files of the subject of the challenge that is given, and return their root."""
    masks = home / "given/challenge/subj01/roi_masks"
    sides = {side: np.load(masks / f"{side}.all-vertices_fsaverage_space.npy") for side in ("lh", "rh")}
    write_nsd(home / "given/nsd", 1, sides, {"lh": (), "rh": ()})
    return home / "given/nsd"
