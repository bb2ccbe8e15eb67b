"""How Gram matrices are made on a cluster: a task is a store's, or of a large one that of a block of its columns.

Whoever comes to the matrix itself adds up the products that are kept of blocks, in the order of the columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from algocli.compute.budget import free_disk
from algocli.compute.executors.crew import Crew, refused_of
from algocli.compute.executors.tasks import Needs, Outcome, Task
from algocli.compute.track import Note, Track
from algocli.encoding.memory import gram_bytes
from algocli.errors import AlgocliError
from algocli.features.networks.devices import resolve_device
from algocli.features.room import BASE_MEMORY
from algocli.features.store.gram import blocks_left, is_made, multiply_block, n_multiplications
from algocli.features.store.gram import gram as products
from algocli.features.store.shards import FeatureStore

# Multiplications from which on a matrix is divided: seconds of work, of which keeping products makes a tenth more.
WORTH_DIVIDING = 1e12
# With so many matrices for each worker none is idle for long, whatever their sizes.
_STORES_EACH = 4
# The products of so many blocks for each worker are on disk at a time, or of one matrix more.
_BLOCKS_EACH = 2


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
        return _needs(self.folder, self.device)

    def known(self) -> Outcome | None:
        """Say that it is there."""
        return Outcome() if is_made(FeatureStore(self.folder)) else None

    def run(self, note: Note) -> None:
        """Compute it, unless it is there."""
        resolve_device(self.device)
        products(FeatureStore(self.folder), device=self.device, note=note)


@dataclass(frozen=True)
class BlockProducts:
    """A block of a store's columns, whose products are to be kept for its Gram matrix."""

    folder: Path
    number: int
    device: str

    @property
    def label(self) -> str:
        """The subject, the features and the block."""
        of = f"Gram matrix of {self.folder.parent.name}"
        return f"subject {FeatureStore(self.folder).subject}, {of}, column block {self.number + 1}"

    @property
    def needs(self) -> Needs:
        """As much as the whole matrix does."""
        return _needs(self.folder, self.device)

    def run(self, note: Note) -> None:
        """Multiply it, unless that is done."""
        resolve_device(self.device)
        multiply_block(FeatureStore(self.folder), self.number, device=self.device)


def _needs(folder: Path, device: str) -> Needs:
    return Needs(BASE_MEMORY + gram_bytes(FeatureStore(folder).n_stimuli), gpu=device.startswith("cuda"))


def multiply_stores(
    stores: Iterable[FeatureStore], crew: Crew, n_workers: int, device: str, track: Track, note: Note
) -> tuple[int, dict[str, AlgocliError]]:
    """Have the Gram matrices of some stores made; return how many tasks that took, and why some could not be done.

    Parameters
    ----------
    stores
        Whose features are complete; what is made already is left alone.
    n_workers
        How many tasks are done at a time.
    """
    left = list({store.folder: store for store in stores if not is_made(store)}.values())
    divided = [store for store in left if len(left) <= _STORES_EACH * n_workers and _is_large(store)]
    divided = divided if _have_room(divided) else []
    rounds = _rounds([store for store in left if store not in divided], divided, _BLOCKS_EACH * n_workers, device)
    n_tasks, refused = 0, dict[str, AlgocliError]()
    for tasks in rounds:
        # Of a block that could not be had the matrix cannot, either.
        able = [task for task in tasks if not _is_hopeless(task, refused)]
        outcomes = crew.do(able, note, track, label="Gram matrices", unit="parts")
        n_tasks += len(able)
        refused |= refused_of(able, outcomes)
    return n_tasks, refused


def _is_large(store: FeatureStore) -> bool:
    return n_multiplications([store]) >= WORTH_DIVIDING and len(store.column_blocks()) > 1


def _have_room(divided: Sequence[FeatureStore]) -> bool:
    """Say whether the disk would hold the products of all blocks, twice: others need room, too."""
    n_bytes = sum(2 * store.n_stimuli**2 * len(store.column_blocks()) for store in divided)
    return not divided or 2 * n_bytes <= free_disk(divided[0].cache_dir)


def _rounds(
    whole: Sequence[FeatureStore], divided: Sequence[FeatureStore], n_blocks: int, device: str
) -> list[list[Task]]:
    """Put tasks into rounds, each of which waits for the one before: blocks in one, and their matrices in the next."""
    rounds: list[list[Task]] = [[Products(store.folder, device) for store in whole]]
    coming: list[Task] = []
    for store in divided:
        if sum(isinstance(task, BlockProducts) for task in rounds[-1]) >= n_blocks:
            rounds.append(coming)
            coming = []
        rounds[-1] += [BlockProducts(store.folder, number, device) for number in blocks_left(store)]
        coming.append(Products(store.folder, device))
    return [*rounds, coming]


def _is_hopeless(task: Task, refused: dict[str, AlgocliError]) -> bool:
    return isinstance(task, Products) and any(label.startswith(f"{task.label}, ") for label in refused)
