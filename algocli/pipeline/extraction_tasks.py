"""How features are made on a cluster: a task is some rows of a subject's images, and then each store's Gram matrix.

What is left to do is read from the stores' records before anything is handed out, and once more at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from algocli.compute.executors.progress import shown
from algocli.compute.executors.running import run_tasks
from algocli.compute.executors.specs import Cluster
from algocli.compute.executors.tasks import Needs, Outcome, Task
from algocli.compute.lock import hold, hold_if_free
from algocli.compute.track import Note, Track, unheard
from algocli.dataset.images import Images, open_images
from algocli.dataset.protocol import Subject
from algocli.encoding.memory import gram_bytes
from algocli.errors import AlgocliError, DataError, all_refused
from algocli.features import extraction
from algocli.features.networks.backbones import Backbone
from algocli.features.networks.devices import at_hand, resolve_device
from algocli.features.passage import Lane, Passage, Target
from algocli.features.pending import ImagesLeft, announce, divided, pending_shards, say_what_is_done
from algocli.features.room import BASE_MEMORY, memory_held
from algocli.features.store.gram import gram as products
from algocli.features.store.gram import is_made
from algocli.features.store.shards import FeatureStore
from algocli.pipeline.making import load

# So many tasks are made for each worker, that none is left alone with the last one for long.
_TASKS_EACH = 4


@dataclass(frozen=True)
class Order:
    """A network as it was asked for: a worker loads it once, whatever the number of its tasks."""

    model: str
    layers: tuple[str, ...]
    how: tuple[tuple[str, Any], ...]
    device: str
    trust_remote_code: bool


@dataclass(frozen=True)
class Rows:
    """Some rows of a subject's images, to be passed through a network.

    Attributes
    ----------
    folders
        The stores that they fill.
    needs
        What passing them takes.
    """

    subject: Subject
    order: Order
    passage: Passage
    cache_dir: Path
    stimuli: Path | None
    folders: tuple[Path, ...]
    needs: Needs

    @property
    def label(self) -> str:
        """The subject and the rows."""
        rows = self.passage.rows
        return f"subject {self.subject.id}" + (f", rows {rows.start} to {rows.stop}" if rows else "")

    @property
    def whole(self) -> Rows:
        """All rows: how they are cut hangs on what is done."""
        return replace(self, passage=replace(self.passage, rows=None))

    def known(self) -> Outcome | None:
        """Say that nothing is left of these rows."""
        left = [shard for folder in self.folders for shard in pending_shards(FeatureStore(folder), self.passage.rows)]
        return None if left else Outcome()

    def run(self, note: Note) -> None:
        """Bring the shards that begin within these rows to completion; the command has said what there is to say."""
        images = open_images(self.subject, self.stimuli)
        extraction.extract(self.subject, _loaded(self.order), self.cache_dir, self.passage, images=images)


@dataclass(frozen=True)
class Products:
    """A store whose Gram matrix is to be computed."""

    folder: Path
    device: str

    @property
    def label(self) -> str:
        """The subject and the features."""
        return f"subject {FeatureStore(self.folder).subject}, Gram matrix of {self.folder.parent.name}"

    @property
    def needs(self) -> Needs:
        """Half a matrix twice over, a block of columns, and a GPU where one multiplies."""
        store = FeatureStore(self.folder)
        return Needs(BASE_MEMORY + gram_bytes(store.n_stimuli), gpu=self.device.startswith("cuda"))

    def known(self) -> Outcome | None:
        """Say that it is there."""
        return Outcome() if is_made(FeatureStore(self.folder)) else None

    def run(self, note: Note) -> None:
        """Compute it, unless it is there."""
        resolve_device(self.device)
        products(FeatureStore(self.folder), device=self.device)


@lru_cache(maxsize=1)
def _loaded(order: Order) -> Backbone:
    how, trust = dict(order.how), order.trust_remote_code
    # A worker's machine may lack what the command's own has.
    resolve_device(order.device)
    return load(order.model, list(order.layers), how, order.device, trust_remote_code=trust, note=unheard)


@dataclass(frozen=True)
class ClusterExtraction:
    """A network whose features are made by the workers of a cluster."""

    cluster: Cluster
    order: Order
    wanted: extraction.Wanted
    cache_dir: Path
    track: Track
    note: Note

    def extract(
        self, sources: Sequence[tuple[Subject, Images]], stimuli: Path | None, *, gram: bool
    ) -> list[FeatureStore]:
        """Bring some subjects' features to completion, and return their stores, subject by subject, in layer order.

        Raises
        ------
        AlgocliError
            If some rows, or products, could not be had; the rest is done.
        """
        stores, tasks, left = list[FeatureStore](), list[Rows](), ImagesLeft()
        n_parts = max(1, _TASKS_EACH * self.cluster.n_workers // len(sources))
        for subject, images in sources:
            (some,) = extraction.open_stores(subject, [self.wanted], images, self.cache_dir, self.track, self.note)
            passages = [replace(self.wanted.how, rows=rows) for rows in self._left(subject, some, n_parts)]
            about = self.cache_dir, stimuli, tuple(store.folder for store in some), self._needs(some)
            tasks += [Rows(subject, self.order, passage, *about) for passage in passages]
            stores += some
            left.add(some, self.wanted.how.rows)
        with self.cluster.open(self.cache_dir, self.note) as engine:
            with ExitStack() as locks:
                # Who works on a store beside others holds its lock as they do, and whoever wants it alone waits.
                for folder in sorted({store.folder for store in stores}):
                    locks.enter_context(hold(folder / "lock", self.note, shared=True))
                refused = self._pass(engine, tasks, left)
            _sweep(stores)
            whole = [store for store in stores if gram and store.complete and not is_made(store)]
            computed = [Products(store.folder, self.wanted.how.device) for store in whole]
            refused |= self._do(engine, computed, "Gram matrices", "stores")
        if refused:
            raise all_refused(refused, len(tasks) + len(computed), "tasks failed")
        self._refuse_incomplete(stores)
        return stores

    def _left(self, subject: Subject, stores: Sequence[FeatureStore], n_parts: int) -> list[range]:
        """Divide the rows that some stores still lack; say what is left, and refuse what cannot fit."""
        how, targets = self.wanted.how, list[Target]()
        for store, reduce in zip(stores, self.wanted.reducers, strict=True):
            shards = pending_shards(store, how.rows)
            say_what_is_done(subject, store, shards, how.rows, self.note)
            targets += [Target(store, reduce, shards)] if shards else []
        if targets:
            # What it costs is tried out on what this machine has.
            here = replace(how, device=at_hand(how.device))
            announce(subject, [Lane(self.wanted.backbone, targets)], self.cache_dir, here, self.note)
        shards = [shard for target in targets for shard in target.pending]
        return divided(shards, n_parts, how.rows or range(stores[0].n_stimuli))

    def _needs(self, stores: Sequence[FeatureStore]) -> Needs:
        how = self.wanted.how
        held = memory_held(((store.n_features, store.dtype) for store in stores), how.batch_size)
        return Needs(BASE_MEMORY + held, gpu=how.device.startswith("cuda"))

    def _pass(self, engine: Executor, tasks: Sequence[Rows], left: ImagesLeft) -> dict[str, AlgocliError]:
        """Have rows passed, show how many images are done, and return why some rows could not be, by their labels."""
        if not tasks:
            return {}
        with shown(self.track, left.count, total=left.total, label="features", unit="images") as look:
            done = run_tasks(engine, tasks, self.note, look=look)
            return {tasks[number].label: outcome.error for number, outcome in done if outcome.error is not None}

    def _do(self, engine: Executor, tasks: Sequence[Task], label: str, unit: str) -> dict[str, AlgocliError]:
        """Have tasks done, and return why some could not be, by their labels."""
        refused: dict[str, AlgocliError] = {}
        if tasks:
            done = run_tasks(engine, tasks, self.note)
            for number, outcome in self.track(done, total=len(tasks), label=label, unit=unit):
                if outcome.error is not None:
                    refused[tasks[number].label] = outcome.error
        return refused

    def _refuse_incomplete(self, stores: Iterable[FeatureStore]) -> None:
        """Refuse what workers have left undone without a word: theirs was another network, whose stores are others."""
        undone = [store for store in stores if self.wanted.how.rows is None and not store.complete]
        if undone:
            raise DataError(
                f"{self.wanted.backbone.model} is another network in each process that loads it: "
                f"{undone[0].folder} is not complete",
                hint="without cluster=... one process does it all",
            )


def _sweep(stores: Iterable[FeatureStore]) -> None:
    """Delete what killed workers left, unless others are at work."""
    for store in stores:
        with hold_if_free([store.folder / "lock"]) as free:
            if free:
                store.sweep()
