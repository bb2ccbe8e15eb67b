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

from algocli.compute.executors.crew import crew_of, refused_of
from algocli.compute.executors.specs import Cluster
from algocli.compute.lock import hold, hold_if_free
from algocli.compute.track import Note, Track, unheard
from algocli.dataset.images import Images, open_images
from algocli.dataset.protocol import Subject
from algocli.errors import DataError, all_refused
from algocli.features import extraction
from algocli.features.networks.backbones import Backbone
from algocli.features.passage import Lane, Passage, Target
from algocli.features.pending import announce, divided, pending_shards, say_what_is_done
from algocli.features.store.shards import FeatureStore
from algocli.pipeline.gram_tasks import multiply_stores
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


@dataclass(frozen=True)
class Rows:
    """Some rows of a subject's images, to be passed through a network."""

    subject: Subject
    order: Order
    passage: Passage
    cache_dir: Path
    stimuli: Path | None

    @property
    def label(self) -> str:
        """The subject and the rows."""
        rows = self.passage.rows
        return f"subject {self.subject.id}" + (f", rows {rows.start} to {rows.stop}" if rows else "")

    def run(self, note: Note) -> None:
        """Bring the shards that begin within these rows to completion; the command has said what there is to say."""
        images = open_images(self.subject, self.stimuli)
        extraction.extract(self.subject, _loaded(self.order), self.cache_dir, self.passage, images=images)


@lru_cache(maxsize=1)
def _loaded(order: Order) -> Backbone:
    how, trust = dict(order.how), order.trust_remote_code
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
        stores, tasks = list[FeatureStore](), list[Rows]()
        n_parts = max(1, TASKS_EACH * self.cluster.n_workers // len(sources))
        for subject, images in sources:
            (some,) = extraction.open_stores(subject, [self.wanted], images, self.cache_dir, self.track, self.note)
            passages = [replace(self.wanted.how, rows=rows) for rows in self._left(subject, some, n_parts)]
            tasks += [Rows(subject, self.order, passage, self.cache_dir, stimuli) for passage in passages]
            stores += some
        with crew_of(self.cluster) as crew:
            with working_on(stores, self.note):
                outcomes = crew.do(tasks, self.note, self.track, label="features", unit="parts")
                refused = refused_of(tasks, outcomes)
            whole = [store for store in stores if gram and store.complete]
            how = self.cluster.n_workers, self.wanted.how.device, self.track, self.note
            n_more, more = multiply_stores(whole, crew, *how)
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
            announce(subject, [Lane(self.wanted.backbone, targets)], self.cache_dir, how, self.note)
        shards = [shard for target in targets for shard in target.pending]
        return divided(shards, n_parts, how.rows or range(stores[0].n_stimuli))

    def _refuse_incomplete(self, stores: Iterable[FeatureStore]) -> None:
        undone = [store for store in stores if self.wanted.how.rows is None and not store.complete]
        if undone:
            raise other_network(self.wanted.backbone.model, undone[0])


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
