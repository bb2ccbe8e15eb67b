"""How Gram matrices are made on a cluster: a task is a matrix, or of a large one that of a block of its columns.

Whoever comes to the matrix itself adds up the products that are kept of blocks, in the order of the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import free_disk
from algocli.compute.executors.crew import Crew, refused_of
from algocli.compute.executors.tasks import Needs, Outcome, Task
from algocli.compute.track import Note, Track
from algocli.encoding.fields import Fields
from algocli.encoding.kernels import multiplied
from algocli.encoding.memory import gram_bytes
from algocli.errors import AlgocliError
from algocli.features.networks.devices import resolve_device
from algocli.features.room import BASE_MEMORY
from algocli.features.store.factor import Factor, n_multiplications
from algocli.features.store.gram import blocks_left, gram, is_made, multiply_block, standardised_gram
from algocli.features.store.shards import FeatureStore

# Multiplications from which on a matrix is divided: seconds of work, of which keeping products makes a tenth more.
WORTH_DIVIDING = 1e12
# With so many matrices for each worker none is idle for long, whatever their sizes.
_MATRICES_EACH = 4
# The products of so many blocks for each worker are on disk at a time, or of one matrix more.
_BLOCKS_EACH = 2
# What comes after the name of a matrix, and before the number of one of its blocks.
_BLOCK = ", column block "
# A matrix, and the numbers of its blocks whose products are not kept yet.
_Divided = tuple[Factor, list[int]]


@dataclass(frozen=True)
class Products:
    """A Gram matrix that is to be computed.

    Attributes
    ----------
    folders
        The stores whose features are multiplied, side by side.
    standard
        The images over which features are standardised, as `Factor` has them.
    """

    folders: tuple[Path, ...]
    device: str
    standard: tuple[int, ...] | None = None

    @classmethod
    def of(cls, factor: Factor, device: str) -> Products:
        """Return those of a factor."""
        standard = None if factor.standard is None else tuple(factor.standard.tolist())
        return cls(tuple(store.folder for store in factor.stores), device, standard)

    @property
    def factor(self) -> Factor:
        """What is multiplied, by what the stores say now."""
        standard = None if self.standard is None else np.array(self.standard, np.int64)
        return Factor(tuple(map(FeatureStore, self.folders)), standard)

    @property
    def label(self) -> str:
        """The subject, the matrix and the features."""
        return _called(self.factor)

    @property
    def needs(self) -> Needs:
        """Half a matrix twice over, a block of columns, and a GPU where one multiplies."""
        return Needs(BASE_MEMORY + gram_bytes(self.factor.n_stimuli), gpu=self.device.startswith("cuda"))

    def known(self) -> Outcome | None:
        """Say that it is there."""
        return Outcome() if is_made(self.factor) else None

    def run(self, note: Note) -> None:
        """Compute it, unless it is there."""
        resolve_device(self.device)
        factor = self.factor
        if factor.standard is None:
            gram(factor.stores[0], device=self.device, note=note)
        else:
            standardised_gram(factor.stores, factor.standard, device=self.device)


@dataclass(frozen=True)
class BlockProducts:
    """A block of columns, whose products are to be kept for the Gram matrix `of`."""

    of: Products
    number: int

    @property
    def label(self) -> str:
        """The subject, the matrix, the features and the block."""
        return f"{self.of.label}{_BLOCK}{self.number + 1}"

    @property
    def needs(self) -> Needs:
        """As much as the whole matrix does."""
        return self.of.needs

    def run(self, note: Note) -> None:
        """Multiply it, unless that is done."""
        resolve_device(self.of.device)
        multiply_block(self.of.factor, self.number, device=self.of.device)


def _called(factor: Factor) -> str:
    """Return what a message calls a matrix, and no other."""
    # Of the same features there is one for each fit.
    which = "" if factor.standard is None else f" {factor.key[:8]}"
    features = " + ".join(store.name for store in factor.stores)
    return f"subject {factor.stores[0].subject}, {factor.title}{which} of {features}"


def large_matrices(
    stores: Sequence[FeatureStore], settings: Fields, fits: Callable[[], Iterable[NDArray[np.int64]]]
) -> list[Factor]:
    """Return the large ones of the matrices that models come from: those that workers make before one needs them.

    Small ones are left to whoever needs them.

    Parameters
    ----------
    stores
        Of one subject's layers, as `Kernels` takes them.
    fits
        Returns the images that each model is fitted on; asked only where they have a say in what is large.
    """
    groups = [tuple(group) for group in multiplied(stores, settings) if is_large(group)]
    if not settings.standardised:
        return [Factor(group) for group in groups]
    return [Factor(group, fit) for fit in fits() for group in groups] if groups else []


def is_large(stores: Sequence[FeatureStore]) -> bool:
    """Say whether to multiply the features of some stores is worth being divided among workers."""
    return n_multiplications(stores) >= WORTH_DIVIDING


def multiply_stores(
    stores: Iterable[FeatureStore], crew: Crew, n_workers: int, device: str, track: Track, note: Note
) -> tuple[int, dict[str, AlgocliError]]:
    """Have the Gram matrices of some stores made, as `multiply` does; their features are complete."""
    return multiply([Factor((store,)) for store in stores], crew, n_workers, device, track, note)


def multiply(
    factors: Iterable[Factor], crew: Crew, n_workers: int, device: str, track: Track, note: Note
) -> tuple[int, dict[str, AlgocliError]]:
    """Have Gram matrices made; return how many tasks that took, and why some could not be done.

    Parameters
    ----------
    factors
        What is to be multiplied; of this, what is made already is left alone.
    n_workers
        How many tasks are done at a time.
    """
    each_once = {factor.folder: factor for factor in factors}.values()
    left = [factor for factor in each_once if not is_made(factor)]
    # One alone would keep products for nobody else.
    is_shared = n_workers > 1 and len(left) <= _MATRICES_EACH * n_workers
    divided = [factor for factor in left if is_shared and _is_divided(factor)]
    batches = _batches(divided, _BLOCKS_EACH * n_workers)
    if not _have_room(batches):
        divided, batches = [], []
    rounds = _rounds([factor for factor in left if factor not in divided], batches, device)
    n_tasks, refused = 0, dict[str, AlgocliError]()
    for tasks in rounds:
        # Of a block that could not be had the matrix cannot, either.
        able = [task for task in tasks if not _is_hopeless(task, refused)]
        outcomes = crew.do(able, note, track, label="Gram matrices", unit="parts")
        n_tasks += len(able)
        refused |= refused_of(able, outcomes)
    return n_tasks, refused


def _is_divided(factor: Factor) -> bool:
    return factor.n_blocks > 1 and factor.n_multiplications >= WORTH_DIVIDING


def _batches(divided: Iterable[Factor], n_blocks: int) -> list[list[_Divided]]:
    """Put matrices together whose blocks are multiplied at a time: as few as have so many blocks."""
    batches: list[list[_Divided]] = [[]]
    for factor in divided:
        if sum(len(numbers) for _, numbers in batches[-1]) >= n_blocks:
            batches.append([])
        batches[-1].append((factor, blocks_left(factor)))
    return batches


def _have_room(batches: Sequence[Sequence[_Divided]]) -> bool:
    """Say whether the disk would hold the products of blocks that lie there at a time, twice: others need room, too."""
    held = [sum(2 * factor.n_stimuli**2 * len(numbers) for factor, numbers in batch) for batch in batches]
    # Those of a batch go while those of the next come.
    n_bytes = max(map(sum, zip(held, [*held[1:], 0], strict=True)))
    return n_bytes == 0 or 2 * n_bytes <= free_disk(batches[0][0][0].cache_dir)


def _rounds(whole: Sequence[Factor], batches: Iterable[Sequence[_Divided]], device: str) -> list[list[Task]]:
    """Put tasks into rounds, each of which waits for the one before: blocks in one, and their matrices in the next."""
    rounds: list[list[Task]] = [[Products.of(factor, device) for factor in whole]]
    for batch in batches:
        of = [(Products.of(factor, device), numbers) for factor, numbers in batch]
        rounds[-1] += [BlockProducts(products, number) for products, numbers in of for number in numbers]
        rounds.append([products for products, _ in of])
    return rounds


def _is_hopeless(task: Task, refused: dict[str, AlgocliError]) -> bool:
    return isinstance(task, Products) and any(label.startswith(f"{task.label}{_BLOCK}") for label in refused)
