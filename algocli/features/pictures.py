"""Images of the user's own, as files or folders of them, and the features that stored layers have of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.threads import in_threads
from algocli.compute.track import Track, silent
from algocli.dataset.conversions import Conversion, Converted, gather
from algocli.dataset.pixels import SUFFIXES, see
from algocli.errors import DataError, reading
from algocli.features.passage import n_workers
from algocli.features.rebuilding import RebuiltLayer, compute
from algocli.features.store.finite import refuse_non_finite

# Features that are held at once: 1,400 images of 46,656.
FEATURES_BYTES = 2**28
# Photographs of many megapixels are held as they are until they have been resized: few at a time.
BATCH_SIZE = 16


@dataclass(frozen=True)
class Pictures:
    """Image files in their order, and what lay beside them and is no image."""

    paths: tuple[Path, ...]
    passed_over: tuple[Path, ...] = ()


def list_pictures(places: Sequence[Path]) -> Pictures:
    """List image files: each file as it is named, each folder's images by name. What lies deeper is not looked for.

    Raises
    ------
    DataError
        If a file or folder is missing, or a folder holds no image.
    """
    paths: list[Path] = []
    others: list[Path] = []
    for place in places:
        # Below a folder that may not be entered, os.path answers False where pathlib raises.
        if os.path.isdir(place):  # noqa: PTH112
            images, rest = _split(place)
            paths += images
            others += rest
        elif os.path.lexists(place):
            paths.append(place)
        else:
            raise DataError(f"{place} is missing: a file or a folder of images was expected")
    return Pictures(tuple(paths), tuple(others))


def _split(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the images of a folder, and what lies beside them."""
    with reading(folder):
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    images = [path for path in entries if path.suffix.lower() in SUFFIXES and not path.is_dir()]
    if not images:
        raise DataError(f"{folder} holds no images", hint=f"these are looked for: {' '.join(sorted(SUFFIXES))}")
    return images, [path for path in entries if path not in set(images)]


class PictureFeatures:
    """The features of some pictures, computed a part at a time; the part that was asked for last is kept."""

    def __init__(self, pictures: Pictures, layers: Sequence[RebuiltLayer], track: Track = silent) -> None:
        self.pictures = pictures
        self._layers = layers
        self._track = track
        width = sum(layer.reduce.n_features for layer in layers)
        self._n_together = max(1, FEATURES_BYTES // (4 * width))
        self._last: tuple[range, list[NDArray[Any]]] | None = None
        self._conversions: dict[Path, tuple[Conversion, ...]] = {}

    @property
    def converted(self) -> Converted:
        """The names of those read so far that are not plain images, by what was done to them."""
        return gather((path.name, kinds) for path, kinds in self._conversions.items())

    def begin(self) -> None:
        """Compute the first part, which is kept until it is asked for.

        Raises
        ------
        DataError
            As `parts`.
        """
        next(self.parts())

    def parts(self) -> Iterator[list[NDArray[Any]]]:
        """Yield one array a layer, (n_some, n_features) in its store's precision, until all pictures are through.

        Raises
        ------
        DataError
            If a file is no image, or a feature of it not finite; it is named.
        """
        for start in range(0, len(self.pictures.paths), self._n_together):
            rows = range(start, min(start + self._n_together, len(self.pictures.paths)))
            # Of pictures that are one part, the networks are asked once, for however many subjects.
            if self._last is None or self._last[0] != rows:
                self._last = None
                self._last = (rows, self._compute(rows))
            yield self._last[1]

    def _compute(self, rows: range) -> list[NDArray[Any]]:
        paths = self.pictures.paths[rows.start : rows.stop]
        features = [np.empty((len(paths), layer.reduce.n_features), layer.dtype) for layer in self._layers]
        done = self._track(
            self._fill(features, paths), total=len(paths), label="images through the network", unit="images"
        )
        for _ in done:
            pass
        return features

    def _fill(self, blocks: Sequence[NDArray[Any]], paths: Sequence[Path]) -> Iterator[Path]:
        """Fill one array a layer batch by batch, yielding every picture that is through."""
        for start in range(0, len(paths), BATCH_SIZE):
            batch = paths[start : start + BATCH_SIZE]
            pictures = list(in_threads(see, batch, n_threads=n_workers()))
            self._conversions |= {path: picture.conversions for path, picture in zip(batch, pictures, strict=True)}
            images = [picture.image for picture in pictures]
            for block, layer, features in zip(blocks, self._layers, compute(self._layers, images), strict=True):
                _refuse(features, layer, batch)
                block[start : start + len(batch)] = features
            yield from batch


def _refuse(features: NDArray[Any], layer: RebuiltLayer, paths: Sequence[Path]) -> None:
    refuse_non_finite(
        features,
        np.float32,
        what=f"layer {layer.reduce.layer.name}",
        name=lambda place: str(paths[place]),
        remedy="train on features that were extracted with dtype='float32'",
    )
