"""Feature stores filled with numbers of a test's own, and a digest to compare whole folders with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algocli.compute.addresses import Address
from algocli.compute.track import silent, unheard
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.digests import stimuli_digest
from algocli.features.extraction import extract
from algocli.features.networks.backbones import Backbone
from algocli.features.passage import Passage
from algocli.features.store.keys import recipe
from algocli.features.store.library import create_store, store_folders
from algocli.features.store.shards import FeatureStore


def list_stores(cache_dir: Path) -> list[FeatureStore]:
    """Open every store of a cache folder, by recipe and subject."""
    return [FeatureStore(folder) for folder in store_folders(cache_dir)]


def make_store(folder: Path, features: NDArray[Any], **identity: Any) -> FeatureStore:
    """Write an n_stimuli x n_features array as a complete store of subject 1."""
    shape = (features.shape[0], features.shape[1])
    store = FeatureStore.create(folder, {"dtype": features.dtype.name, **identity}, shape, {"subject": 1})
    return fill(store, features)


def fill(store: FeatureStore, features: NDArray[Any]) -> FeatureStore:
    """Write every shard of a store that has no record."""
    for shard in store.pending():
        store.write(shard, features[shard.start : shard.stop])
    return store


def cache_features(
    cache_dir: Path,
    subject: Subject,
    features: NDArray[Any],
    *,
    model: str = "alexnet",
    layer: str = "by-hand",
    weights: str = "by hand",
    shape: Sequence[int] = (),
    **identity: Any,
) -> str:
    """Put features into a cache as if a network had made them, from a layer of that shape; return the recipe's name."""
    dtype: Literal["float16", "float32"] = "float32" if features.dtype == np.float32 else "float16"
    how = recipe(model, layer, weights, {"weights": weights, "layer": layer}, dtype, **identity)
    content = stimuli_digest(subject.stimuli, cache_dir)
    about = {"shape": list(shape)} if shape else {}
    fill(create_store(cache_dir, how, subject, content, features.shape[1], about), features)
    return how.name


def digest_tree(*folders: Path) -> str:
    """Digest the names and bytes of every file in some folders, and below."""
    total = hashlib.sha256()
    for folder in folders:
        for path in sorted(_files(folder)):
            total.update(f"{path.relative_to(folder.parent)}\n".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def store_digest(store_folder: Path) -> str:
    """Digest what an extraction leaves: the array and the records of its shards."""
    return digest_tree(store_folder / "features.zarr", store_folder / "done")


def digest_of_objects(address: Address) -> str:
    """Digest the same of what an extraction leaves at an address."""
    total = hashlib.sha256()
    for part in ("done", "features.zarr"):
        for name, content in sorted((address / part).read_all().items()):
            total.update(f"{part}/{name}\n".encode() + content)
    return total.hexdigest()


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def extract_one(
    subject: Subject, backbone: Backbone, cache_dir: Path, *, track: Any = silent, note: Any = unheard, **how: Any
) -> FeatureStore:
    """Extract the only layer of a backbone and return its store."""
    (store,) = extract(subject, backbone, cache_dir, Passage(**how), track=track, note=note)
    return store
