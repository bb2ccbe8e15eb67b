"""A sweep on a cluster: rows of images through a network are a task, and so is a model of one subject.

The scores that a choice goes by are tasks as well; all of it is found by the command afterwards, in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algocli.compute.executors.crew import crew_of, refused_of
from algocli.compute.executors.specs import Cluster
from algocli.compute.executors.tasks import Needs, Outcome
from algocli.compute.remarks import counted
from algocli.compute.track import Note, unheard
from algocli.dataset.images import open_images
from algocli.dataset.protocol import Subject
from algocli.encoding.gram_tasks import large_matrices, multiply, multiply_stores
from algocli.errors import AlgocliError, StorageError
from algocli.features.pending import divided
from algocli.features.store.choosing import Library
from algocli.features.store.factor import Factor
from algocli.features.store.shards import FeatureStore
from algocli.pipeline.extraction_tasks import TASKS_EACH, filled, needs_of_passing, other_network, working_on
from algocli.pipeline.plans import Choice, plan_each
from algocli.pipeline.sweep_grid import fields_of
from algocli.pipeline.sweep_job import Job
from algocli.pipeline.sweep_networks import Asking, Swept
from algocli.pipeline.sweep_prepared import Prepared
from algocli.pipeline.training import device_of_products
from algocli.pipeline.training_tasks import ClusterJob
from algocli.results.data import Gathered
from algocli.results.nested import refuse_other_splits
from algocli.results.nested_rows import Nested
from algocli.runs.datasets import Home
from algocli.runs.inner_scores import InnerScores
from algocli.runs.predictor import stores_of
from algocli.runs.run import Run

if TYPE_CHECKING:
    from algocli.features.extraction import Wanted


@dataclass(frozen=True)
class SweptOrder:
    """All that is wanted of a network: a worker loads it once, whatever the number of its tasks."""

    model: str
    requests: tuple[tuple[tuple[str, ...] | None, tuple[tuple[str, Any], ...]], ...]
    common: tuple[str, ...]
    asking: Asking

    @classmethod
    def of(cls, swept: Swept, asking: Asking) -> SweptOrder:
        """Return what a sweep wants of a network."""
        requests = tuple((layers, tuple(how.items())) for layers, how in swept.requests)
        return cls(swept.model, requests, swept.common, asking)


@lru_cache(maxsize=1)
def _opened(order: SweptOrder) -> list[Wanted]:
    swept = Swept(order.model, [(layers, dict(how)) for layers, how in order.requests], order.common)
    return swept.open(order.asking, unheard)


@dataclass(frozen=True)
class SweptRows:
    """Some rows of a subject's images, to be passed through a network.

    Attributes
    ----------
    folders
        The stores that they fill.
    needs
        What passing them takes.
    """

    subject: Subject
    order: SweptOrder
    rows: range
    cache_dir: Path
    stimuli: Path | None
    folders: tuple[Path, ...]
    needs: Needs

    @property
    def label(self) -> str:
        """The network, the subject and the rows."""
        return f"{self.order.model}, subject {self.subject.id}, rows {self.rows.start} to {self.rows.stop}"

    @property
    def whole(self) -> SweptRows:
        """All rows: how they are cut hangs on what is done."""
        return replace(self, rows=range(0))

    def known(self) -> Outcome | None:
        """Say that nothing is left of these rows."""
        return filled(self.folders, self.rows)

    def run(self, note: Note) -> None:
        """Bring the shards that begin within these rows to completion."""
        from algocli.features.extraction import extract_together

        wanted = [replace(each, how=replace(each.how, rows=self.rows)) for each in _opened(self.order)]
        images = open_images(self.subject, self.stimuli)
        for made in extract_together(self.subject, wanted, self.cache_dir, images=images):
            if made.fault is not None:
                raise made.fault


@dataclass(frozen=True)
class InnerFolds:
    """A subject of a run, whose scores in inner folds are to be kept."""

    of: Run
    subject: Subject

    @property
    def label(self) -> str:
        """The subject and the run."""
        return f"subject {self.subject.id}, inner folds of {self.of.name}"

    def large_matrices(self) -> list[Factor]:
        """Return the large Gram matrices that they come from; none where they cannot be, which is told by `run`."""
        with suppress(AlgocliError):
            stores = stores_of(self.of, self.subject.id, self.of.cache_dir)
            return large_matrices(stores, self.of.settings, lambda: InnerScores(self.of, self.subject).fits())
        return []

    def run(self, note: Note) -> None:
        """Score them, unless that is done."""
        InnerScores(self.of, self.subject, note=note).read()


@dataclass
class ClusterSweep(Job):
    """A sweep whose features, models and choices are made by the workers of a cluster."""

    cluster: Cluster = field(kw_only=True)

    def extract(self) -> None:
        """Extract what is missing, of all networks side by side, and multiply all images with each other."""
        passing = [network for networks in self.passes for network in networks]
        stores, tasks = list[tuple[str, FeatureStore]](), list[SweptRows]()
        for network in passing:
            own, parts = self._order(network, len(passing))
            stores += [(network.swept.model, store) for store in own]
            tasks += parts
        with crew_of(self.cluster, self.cache_dir, self.note) as crew:
            with working_on([store for _, store in stores], self.note):
                outcomes = crew.do(tasks, self.note, self.track, label="features", unit="parts")
            for task, outcome in zip(tasks, outcomes, strict=True):
                if outcome.error is not None:
                    self.failed.setdefault(task.order.model, outcome.error)
            for model, store in stores:
                if not store.complete:
                    self.lacking.add(store.name)
                    self.failed.setdefault(model, other_network(model, store))
            whole = [store for _, store in stores if store.complete]
            how = self.cluster.n_workers, self.asking.device, self.track, self.note
            self.failed |= multiply_stores(whole, crew, *how)[1]

    def fit(self, features: Sequence[str], words: Sequence[str]) -> dict[tuple[str, int], Run]:
        """Fit every model, all settings side by side."""
        library = Library(self.cache_dir, (), self.subjects)
        plans, runs = {}, dict[tuple[str, int], Run]()
        for place, given in enumerate(self.combinations):
            runs |= {(name, place): run for name, run in self.named(features, given).items()}
            left = tuple(name for name in features if (name, place) not in runs)
            if not left:
                continue
            try:
                plans[place] = plan_each(library, Choice(features=left), fields_of(given), None, self.note)
            except StorageError:
                raise
            except AlgocliError as error:
                self.unfitted(words[place], error)
        home, device = Home.of(self.subjects, self.cache_dir, self.track), device_of_products(self.cluster, self.device)
        how = self.stimuli, False, device, lambda run: None, self.track, self.note
        job = ClusterJob(self.subjects, home, *how, cluster=self.cluster)
        for place, (trained, refused) in zip(plans, job.train_sets(list(plans.values())), strict=True):
            runs |= {(run.settings.features[0], place): run for run in trained}
            if refused is not None:
                self.unfitted(words[place], refused)
        return runs

    def choose(
        self, runs: Sequence[Run], data: Gathered, rois: Sequence[str] | None, min_ceiling: float
    ) -> Nested | None:
        """Have the scores in inner folds made that are not kept, and choose by them."""
        try:
            tasks = self._left_inside(runs)
        # Whoever chooses says why that cannot be.
        except AlgocliError:
            tasks = []
        if tasks:
            self.note(
                f"choosing in inner folds scores {counted(len(tasks), 'models')} of a subject; that is kept for "
                "next time"
            )
        with crew_of(self.cluster, self.cache_dir, self.note) as crew:
            matrices = [matrix for task in tasks for matrix in task.large_matrices()]
            # What could not be made is told by whoever needs it.
            multiply(matrices, crew, self.cluster.n_workers, "cpu", self.track, self.note)
            refused = refused_of(tasks, crew.do(tasks, self.note, self.track, label="inner folds", unit="runs"))
        if refused:
            self.note(f"no choice in inner folds: {next(iter(refused.values())).message}")
            return None
        return super().choose(runs, data, rois, min_ceiling)

    def _left_inside(self, runs: Sequence[Run]) -> list[InnerFolds]:
        for subject in self.subjects:
            refuse_other_splits(runs, subject)
        pairs = [(run, subject) for subject in self.subjects for run in runs]
        return [InnerFolds(*pair) for pair in pairs if InnerScores(*pair, track=self.track).n_models]

    def _order(self, network: Prepared, n_networks: int) -> tuple[list[FeatureStore], list[SweptRows]]:
        """Open a network's stores of all subjects, and divide the rows that these still lack."""
        from algocli.features.extraction import open_stores

        order = SweptOrder.of(network.swept, self.asking)
        wanted = network.open(self.asking, self.note)
        n_parts = max(1, TASKS_EACH * self.cluster.n_workers // (n_networks * len(self.sources)))
        stores, tasks = list[FeatureStore](), list[SweptRows]()
        for subject, images in self.sources:
            opened = open_stores(subject, wanted, images, self.cache_dir, self.track, self.note)
            own = list({store.folder: store for some in opened for store in some}.values())
            shards = [shard for store in own for shard in store.pending()]
            parts = divided(shards, n_parts, range(own[0].n_stimuli))
            folders = tuple(store.folder for store in own)
            about = self.cache_dir, self.stimuli, folders, needs_of_passing(own, wanted[0].how)
            tasks += [SweptRows(subject, order, rows, *about) for rows in parts]
            stores += own
        # Workers load it by themselves.
        network.wanted = None
        return stores, tasks
