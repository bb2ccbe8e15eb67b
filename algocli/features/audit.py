"""Whether stored features are still what the network says: two rows of each store are computed anew and compared.

A checksum tells that a file is the one that was written; this tells that what was written is right. Where images,
weights or the network's code are not at hand, or are others than they were, nothing can be said of a store: that is
told with its reason, and is no fault of the store. Whether a kept Gram matrix belongs to the features beside it is seen
by checks that cost next to nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Track, silent
from algocli.compute.vouching import read_sealed
from algocli.dataset.images import Images, open_images
from algocli.dataset.opening import open_dataset
from algocli.dataset.stimuli import FROM_DATASET, ids_digest
from algocli.errors import AlgocliError, DataError
from algocli.features.networks.numerics import ROUNDING
from algocli.features.rebuilding import (
    NetworkKey,
    compute,
    load_network,
    network_of,
    read_stored_recipe,
    rebuild_layer,
)
from algocli.features.store.commands import LayerRequest, is_imported
from algocli.features.store.library import read_recipe
from algocli.features.store.matrices import Gram, matrix_fault, open_matrix
from algocli.features.store.shards import FeatureStore

if TYPE_CHECKING:
    from algocli.features.networks.backbones import Backbone

# How far a feature may be from what it was, as a share of the largest of its row: what differs between two ways to
# sum the same products. Here, with the same torch, batches of 2 and of 32 gave the same bits; elsewhere a
# convolution is cut up otherwise, and a GPU may compute it by another formula.
_SAME_MACHINE = 1e-5
# Two numbers that are almost alike may be rounded to neighbours, which in float16 lie 2**-10 of their size apart, or
# 2**-24 near zero.
_FLOAT16_STEP, _FLOAT16_SMALLEST = 2e-3, 2.0**-23
# Images a side of the tiles that are compared with their mirror images.
_TILE = 64
# float32 products of a hundred thousand features, summed a block at a time, are right to 1e-5 or so.
_GRAM_ROUNDING = 1e-4


@dataclass(frozen=True)
class Sample:
    """A stored row beside the same computed anew.

    Attributes
    ----------
    difference
        The largest between a stored and a recomputed feature; NaN where a stored one is not finite.
    largest
        The largest recomputed feature, to judge the difference by.
    """

    store: Path
    row: int
    image: str
    difference: float
    largest: float
    agrees: bool


@dataclass(frozen=True)
class NotRecomputed:
    """A store of which nothing can be said, and why."""

    store: Path
    reason: str


class _Wanted(NamedTuple):
    """A store with what it takes to compute some of its rows."""

    store: FeatureStore
    recipe: Mapping[str, Any]
    images: Images
    rows: tuple[int, ...]


def recompute(
    stores: Sequence[FeatureStore],
    data_dir: Path,
    cache_dir: Path,
    *,
    trust_code: bool = False,
    track: Track = silent,
) -> Iterator[Sample | NotRecomputed]:
    """Compute two rows of every store anew and compare; each network is built once for all of its stores.

    Stores of imported features, and those without a finished row, are passed over.

    Parameters
    ----------
    trust_code
        Whether code that a store names, a repository's or a module's, may run here.
    """
    networks: dict[tuple[NetworkKey, str], list[_Wanted]] = defaultdict(list)
    for store in stores:
        # What is missing is found before torch takes its seconds to load.
        try:
            wanted = _want(store, data_dir, trust_code)
        except AlgocliError as error:
            yield NotRecomputed(store.folder, error.message)
            continue
        if wanted is not None:
            networks[network_of(wanted.recipe), _device(store)].append(wanted)
    total = sum(map(len, networks.values()))
    results = (result for key, group in networks.items() for result in _recompute_network(*key, group, cache_dir))
    for store_results in track(results, total=total, label="recomputing two rows of each store", unit="stores"):
        yield from store_results


def sample_rows(store: FeatureStore) -> tuple[int, ...]:
    """Return the first and the last finished row: a training and a test image, in two shards where there are."""
    pending = set(store.pending())
    done = [shard for shard in store.shards if shard not in pending]
    return tuple(dict.fromkeys((done[0].start, done[-1].stop - 1))) if done else ()


def gram_fault(store: FeatureStore, rows: tuple[int, ...]) -> str | None:
    """Say what is wrong with a store's Gram matrix; None where there is none, or nothing is found.

    Parameters
    ----------
    rows
        Rows of the store whose distance is compared with what the matrix says of it.
    """
    folder = store.folder / "gram"
    # Without its record it is computed anew.
    if not (folder / "record.json").is_file():
        return None
    try:
        if read_sealed(folder / "record.json").get("key") != store.key:
            return "it belongs to other features"
        matrix = Gram(folder)
        # Read from the file: an array without rows would fail below.
        shape = open_matrix(folder).shape
        if shape != (store.n_stimuli,) * 2:
            return f"it is {' x '.join(map(str, shape))}; {store.n_stimuli} images were expected"
        return matrix_fault(folder) or _asymmetry(matrix) or _wrong_distance(matrix, store, rows)
    except DataError as error:
        return error.message


def _want(store: FeatureStore, data_dir: Path, trust_code: bool) -> _Wanted | None:
    rows = sample_rows(store)
    if is_imported(read_recipe(store.folder.parent)) or not rows:
        return None
    named = read_stored_recipe(store, trust_code=trust_code)
    about = store.manifest["provenance"]
    if about.get("source", FROM_DATASET) != FROM_DATASET and not about.get("stimuli"):
        raise DataError(f"it was made from images elsewhere ({about['source']}), and where was not recorded")
    subject = open_dataset(data_dir).subject(store.subject)
    images = open_images(subject, Path(about["stimuli"]) if about.get("stimuli") else None)
    if len(images.stimuli) != store.n_stimuli or about.get("ids") not in (None, ids_digest(images.stimuli)):
        raise DataError(f"{subject.folder} holds other images than it was made from")
    return _Wanted(store, named, images, rows)


def _device(store: FeatureStore) -> str:
    return str(store.manifest["provenance"].get("device", "cpu")).partition(":")[0]


def _recompute_network(
    network: NetworkKey, device: str, group: Sequence[_Wanted], cache_dir: Path
) -> Iterator[Sequence[Sample | NotRecomputed]]:
    """Yield what came of each store of one network."""
    from algocli.features.networks.devices import resolve_device

    layers = list(dict.fromkeys(wanted.recipe["layer"] for wanted in group))
    try:
        at_hand = "cpu" if device == "cpu" else resolve_device("auto")
        backbone = load_network(network, layers, at_hand)
    except AlgocliError as error:
        yield from ([NotRecomputed(wanted.store.folder, error.message)] for wanted in group)
        return
    for wanted in group:
        try:
            yield _compare(wanted, backbone, at_hand, cache_dir)
        except AlgocliError as error:
            yield [NotRecomputed(wanted.store.folder, error.message)]


def _compare(wanted: _Wanted, backbone: Backbone, device: str, cache_dir: Path) -> list[Sample]:
    store, images, rows = wanted.store, wanted.images, wanted.rows
    layer = rebuild_layer(store, wanted.recipe, backbone, device)
    (fresh,) = compute([layer], images.load(rows))
    stored = store.read(rows)
    rounding = _rounding(store, layer.request, device)
    samples = [
        _sample(store, row, images.name(row), *pair, rounding)
        for row, pair in zip(rows, zip(stored, fresh, strict=True), strict=True)
    ]
    # Only now, as it may read every image: where all agrees these images are the right ones.
    agrees = all(sample.agrees for sample in samples)
    if not agrees and images.digest(cache_dir) != store.manifest["identity"]["stimuli"]:
        raise DataError("the images are no longer those that it was made from")
    return samples


def _rounding(store: FeatureStore, request: LayerRequest, device: str) -> float:
    import torch

    if request.numerics != "float32":
        return ROUNDING[request.numerics]
    about = store.manifest["provenance"]
    same = _device(store) == device == "cpu" and about.get("versions", {}).get("torch") == torch.__version__
    return _SAME_MACHINE if same else ROUNDING["float32"]


def _sample(
    store: FeatureStore, row: int, image: str, stored: NDArray[Any], fresh: NDArray[Any], rounding: float
) -> Sample:
    was, now = stored.astype(np.float64), fresh.astype(np.float64)
    largest = float(np.abs(now).max())
    allowed = np.full_like(now, rounding * largest)
    if store.dtype == np.float16:
        allowed += _FLOAT16_STEP * np.abs(now) + _FLOAT16_SMALLEST
    # What was stored and is not finite never agrees.
    difference = np.abs(was - now)
    agrees = bool((difference <= allowed).all())
    return Sample(store.folder, row, image, float(difference.max()), largest, agrees)


def _asymmetry(matrix: Gram) -> str | None:
    """Compare some tiles with their mirror images, from which they differ in no bit."""
    n = matrix.n_stimuli
    edges = [np.arange(start, min(start + _TILE, n)) for start in sorted({0, n // 2, max(0, n - _TILE)})]
    for rows in edges:
        for columns in edges:
            tile = matrix.block(rows, columns)
            if not np.isfinite(tile).all():
                return "it holds numbers that are not finite"
            if not np.array_equal(tile, matrix.block(columns, rows).T):
                return f"it is not symmetric near row {rows[0]}, column {columns[0]}"
    return None


def _wrong_distance(matrix: Gram, store: FeatureStore, rows: tuple[int, ...]) -> str | None:
    """Compare the distance of two rows with K[r, r] + K[s, s] - 2 K[r, s]: it needs no mean over all images."""
    if len(rows) < 2 or not store.complete:
        return None
    places = np.asarray(rows)
    block = matrix.block(places, places).astype(np.float64)
    features: NDArray[np.float64] = store.read(rows).astype(np.float64)
    distance = block[0, 0] + block[1, 1] - 2 * block[0, 1]
    expected = float(((features[0] - features[1]) ** 2).sum())
    # Features far from zero beside their spread lose digits when the mean is taken away in float32.
    lengths = np.linalg.norm(features, axis=1).sum() * np.sqrt(np.abs(block.diagonal())).sum()
    if (
        abs(distance - expected)
        <= _GRAM_ROUNDING * np.abs(block.diagonal()).sum() + np.finfo(np.float32).eps * 4 * lengths
    ):
        return None
    return (
        f"the squared distance of rows {rows[0]} and {rows[1]} is {distance:g} in it and {expected:g} in the features"
    )
