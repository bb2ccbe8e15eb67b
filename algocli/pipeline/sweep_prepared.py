"""The networks of a sweep made ready: opened, tried on a few images, and divided among passes over all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algocli.compute.budget import available_memory
from algocli.compute.track import Note, Track
from algocli.dataset.images import Images
from algocli.dataset.protocol import Subject
from algocli.errors import AlgocliError
from algocli.pipeline.sweep_grid import whole_settings
from algocli.pipeline.sweep_networks import Asking, Faults, Swept
from algocli.runs.datasets import Home
from algocli.runs.splitting import find_sameness
from algocli.runs.training import refuse_unfounded

if TYPE_CHECKING:
    from algocli.features.extraction import Wanted
    from algocli.features.outlook import Pace

# Of the memory that is free: networks that take more than this between them are loaded again for their pass.
_WEIGHTS_SHARE = 0.25
# Of the memory that a pass leaves free: features that have passed stay there until they are multiplied.
_SPARE_SHARE = 1 / 3


@dataclass(frozen=True)
class PlannedLayer:
    """A layer of a sweep: what its features are called, their size, and of how many images they are to be made."""

    model: str
    layer: str
    features: str
    shape: tuple[int, ...]
    n_features: int
    n_bytes: int
    n_images_left: int
    is_spread: bool


@dataclass
class Prepared:
    """A network that was opened, its layers by the names of their features, and its pace where it has to pass."""

    swept: Swept
    layers: dict[str, PlannedLayer]
    numerics: Any
    held: int
    pace: Pace | None
    wanted: list[Wanted] | None

    @property
    def is_done(self) -> bool:
        """Whether all features are there."""
        return self.pace is None

    def open(self, asking: Asking, note: Note) -> list[Wanted]:
        """Return what is wanted of the network, which is loaded once more if it had to make room for others."""
        return self.swept.open(asking, note) if self.wanted is None else self.wanted


def prepare(
    networks: Sequence[Swept],
    sources: Sequence[tuple[Subject, Images]],
    cache_dir: Path,
    asking: Asking,
    note: Note,
    track: Track,
) -> list[Prepared]:
    """Open every network, and try those of which features are to be made.

    Raises
    ------
    AlgocliError
        If some cannot be swept, with the reason of each.
    """
    contents = [images.digest(cache_dir, track) for _, images in sources]
    faults, prepared, loaded = Faults(len(networks)), list[Prepared](), 0
    limit = _WEIGHTS_SHARE * available_memory()
    for swept in track(networks, total=len(networks), label="networks opened and tried", unit="networks"):
        try:
            made = _prepare(swept, sources, contents, cache_dir, asking, note)
        except AlgocliError as error:
            faults.note(swept.model, error)
            continue
        prepared.append(made)
        loaded += made.held if made.wanted is not None else 0
        if made.is_done or loaded > limit:
            made.wanted = None
    faults.refuse()
    return prepared


def _prepare(
    swept: Swept,
    sources: Sequence[tuple[Subject, Images]],
    contents: Sequence[str],
    cache_dir: Path,
    asking: Asking,
    note: Note,
) -> Prepared:
    from algocli.features.extraction import recipe_of
    from algocli.features.networks.trial import try_network
    from algocli.features.outlook import count_rows_left, held_bytes, measure_pace, weights_bytes

    wanted = swept.open(asking, note)
    backbone, how = wanted[0].backbone, wanted[0].how
    layers: dict[str, PlannedLayer] = {}
    for each in wanted:
        for reduce in each.reducers:
            left = sum(
                count_rows_left(each, reduce, subject, content, cache_dir)
                for (subject, _), content in zip(sources, contents, strict=True)
            )
            name, width = recipe_of(each, reduce).name, reduce.n_features
            n_bytes = left * width * (2 if each.how.dtype == "float16" else 4)
            shape = reduce.shape if each.how.reduction.project is None else (width,)
            layers[name] = PlannedLayer(swept.model, reduce.layer.name, name, shape, width, n_bytes, left, swept.spread)
    pace = None
    if any(layer.n_images_left for layer in layers.values()):
        try_network(backbone, how.device, how.numerics)
        pace = measure_pace(wanted, sources[0][1])
    return Prepared(swept, layers, how.numerics, held_bytes(wanted) + weights_bytes(backbone), pace, wanted)


def divide(prepared: Sequence[Prepared], base: int) -> list[list[Prepared]]:
    """Divide the networks that are to pass among passes over the images, as few as memory allows."""
    from algocli.features.outlook import in_passes

    passing = [network for network in prepared if not network.is_done]
    passes = in_passes([(network.numerics, network.held) for network in passing], max(0, available_memory() - base))
    return [[passing[place] for place in places] for places in passes]


def spare(networks: Sequence[Prepared], base: int) -> int:
    """Return the bytes of memory in which features of a pass may stay, so that they need not be read again."""
    left = available_memory() - base - sum(network.held for network in networks)
    return int(_SPARE_SHARE * max(0, left))


def check_models(
    subjects: Sequence[Subject],
    combinations: Sequence[Mapping[str, Any]],
    layers: Iterable[PlannedLayer],
    cache_dir: Path,
    track: Track,
) -> None:
    """Refuse settings that no model could be fitted with, before anything is extracted.

    Raises
    ------
    UsageError
        If there are fewer images than components need.
    DataError
        If images cannot be split so.
    """
    widths, home = {layer.n_features for layer in layers}, Home.of(subjects, cache_dir, track)
    for subject, given in product(subjects, combinations):
        settings = whole_settings("any", given)
        split = find_sameness(subject, settings, home, cache_dir, track).split(settings)
        for width in sorted(widths):
            refuse_unfounded(settings, split, [width])
