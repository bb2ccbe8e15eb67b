"""How features are made on a cluster: a task is some rows of a subject's images, and then each store's Gram matrix.

What is left to do is read from the stores' records before anything is handed out, and once more at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from algocli.compute.addresses import Address
from algocli.compute.caches import filling
from algocli.compute.executors.crew import Crew, crew_of
from algocli.compute.executors.progress import shown
from algocli.compute.executors.specs import Cluster
from algocli.compute.executors.tasks import Needs, Outcome
from algocli.compute.lock import hold, hold_if_free
from algocli.compute.track import Note, Track, unheard
from algocli.dataset.images import Images, open_images
from algocli.dataset.protocol import Subject
from algocli.encoding.gram_tasks import multiply_stores
from algocli.errors import AlgocliError, DataError, all_refused
from algocli.features import extraction
from algocli.features.networks.backbones import Backbone
from algocli.features.networks.devices import at_hand, resolve_device
from algocli.features.passage import Lane, Passage, Target
from algocli.features.pending import ImagesLeft, announce, divided, pending_shards, say_what_is_done
from algocli.features.room import BASE_MEMORY, memory_held
from algocli.features.store.keys import words_of
from algocli.features.store.shards import FeatureStore
from algocli.pipeline.making import load

# So many tasks are made for each worker, that none is left alone with the last one for long.
TASKS_EACH = 4


@dataclass(frozen=True)
class Order:
    """A network as it was asked for: a worker loads it once, whatever the number of its tasks."""

    model: str
    layers: tuple[str, ...]
    how: tuple[tuple[str, Any], ...]
    device: str
    trust_remote_code: bool

    def load(self, device: str, note: Note) -> Backbone:
        """Load it on a device."""
        how, trust = dict(self.how), self.trust_remote_code
        return load(self.model, list(self.layers), how, device, trust_remote_code=trust, note=note)


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
        return filled(self.folders, self.passage.rows)

    def run(self, note: Note) -> None:
        """Bring the shards that begin within these rows to completion; the command has said what there is to say."""
        images = open_images(self.subject, self.stimuli)
        extraction.extract(self.subject, _loaded(self.order), self.cache_dir, self.passage, images=images)


def filled(folders: Iterable[Path], rows: range | None) -> Outcome | None:
    """Return the outcome of passing rows through a network where the stores of these folders lack none of them."""
    left = [shard for folder in folders for shard in pending_shards(FeatureStore(folder), rows)]
    return None if left else Outcome()


@lru_cache(maxsize=1)
def _loaded(order: Order) -> Backbone:
    # A worker's machine may lack what the command's own has.
    resolve_device(order.device)
    return order.load(order.device, unheard)


def get_ready(order: Order) -> None:
    """Load a network in a worker that is about to get tasks of it."""
    _loaded(order)


@dataclass(frozen=True)
class ClusterExtraction:
    """A network whose features are made by the workers of a cluster."""

    cluster: Cluster
    order: Order
    how: Passage
    at: Address | None
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
            If the network cannot be had, or some rows or products could not; the rest is done.
        """
        with crew_of(self.cluster, self.cache_dir, self.note) as crew:
            # To load a network takes seconds: those who work here do it beside the command where they will have to.
            if any(self._has_none(subject) for subject, _ in sources):
                crew.prepare(get_ready, self.order)
            wanted = extraction.Wanted(self.order.load(at_hand(self.how.device), self.note), self.how, at=self.at)
            with filling(self.cache_dir, self.note):
                filled_by = _Extraction(
                    self.cluster.n_workers, crew, self.order, wanted, self.cache_dir, self.track, self.note
                )
                return filled_by.extract(sources, stimuli, gram=gram)

    def _has_none(self, subject: Subject) -> bool:
        """Say whether a subject has no features of the model at all, whatever else they hang on."""
        homes = (self.cache_dir / "features").glob(f"{words_of(self.order.model, '')}*")
        return not any(True for home in homes for _ in home.glob(f"{subject.name}-*"))


@dataclass(frozen=True)
class _Extraction:
    """A network that is loaded, and those who pass images through it."""

    n_workers: int
    crew: Crew
    order: Order
    wanted: extraction.Wanted
    cache_dir: Path
    track: Track
    note: Note

    def extract(
        self, sources: Sequence[tuple[Subject, Images]], stimuli: Path | None, *, gram: bool
    ) -> list[FeatureStore]:
        stores, tasks, left = list[FeatureStore](), list[Rows](), ImagesLeft()
        n_parts = max(1, TASKS_EACH * self.n_workers // len(sources))
        for subject, images in sources:
            (some,) = extraction.open_stores(subject, [self.wanted], images, self.cache_dir, self.track, self.note)
            passages = [replace(self.wanted.how, rows=rows) for rows in self._left(subject, some, n_parts)]
            about = (
                self.cache_dir,
                stimuli,
                tuple(store.folder for store in some),
                needs_of_passing(some, self.wanted.how),
            )
            tasks += [Rows(subject, self.order, passage, *about) for passage in passages]
            stores += some
            left.add(some, self.wanted.how.rows)
        with working_on(stores, self.note):
            refused = self._pass(tasks, left)
        whole = [store for store in stores if gram and store.complete]
        how = self.n_workers, self.wanted.how.device, self.track, self.note
        n_more, more = multiply_stores(whole, self.crew, *how)
        if refused or more:
            raise all_refused(refused | more, len(tasks) + n_more, "tasks failed")
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

    def _pass(self, tasks: Sequence[Rows], left: ImagesLeft) -> dict[str, AlgocliError]:
        """Have rows passed, show how many images are done, and return why some rows could not be, by their labels."""
        if not tasks:
            return {}
        with shown(self.track, left.count, total=left.total, label="features", unit="images") as look:
            done = self.crew.run(tasks, self.note, look=look)
            return {tasks[number].label: outcome.error for number, outcome in done if outcome.error is not None}

    def _refuse_incomplete(self, stores: Iterable[FeatureStore]) -> None:
        undone = [store for store in stores if self.wanted.how.rows is None and not store.complete]
        if undone:
            raise other_network(self.wanted.backbone.model, undone[0])


def needs_of_passing(stores: Sequence[FeatureStore], how: Passage) -> Needs:
    """Return what passing images through a network takes that fills some stores."""
    held = memory_held(((store.n_features, store.dtype) for store in stores), how.batch_size)
    return Needs(BASE_MEMORY + held, gpu=how.device.startswith("cuda"))


@contextmanager
def working_on(stores: Sequence[FeatureStore], note: Note) -> Iterator[None]:
    """Have stores filled by workers within a `with` block, and clear away what killed ones have left."""
    with ExitStack() as locks:
        # Who works on a store beside others holds its lock as they do, and whoever wants it alone waits.
        for folder in sorted({store.folder for store in stores}):
            locks.enter_context(hold(folder / "lock", note, shared=True))
        yield
    for store in stores:
        # Unless others are at work.
        with hold_if_free([store.folder / "lock"]) as free:
            if free:
                store.sweep()


def other_network(model: str, undone: FeatureStore) -> DataError:
    """Return what is wrong where workers have left a store undone without a word: theirs are other stores."""
    return DataError(
        f"{model} is another network in each process that loads it: {undone.folder} is not complete",
        hint="without cluster=... one process does it all",
    )
