"""Maps: which numbers of a store's rows are the rows and columns of a layer's channels, and their sums within windows.

Where they stand is told by the layer's shape, or by the layout of its tokens; never guessed from how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.errors import UsageError
from algocli.features.store.columns import widen
from algocli.features.store.commands import transform_of
from algocli.features.store.readable import Readable

# Parts of a store that are read while one is worked on: each takes some 40 MB a layer.
_AHEAD = 2
# Images whose features are widened, and summed up, at once.
_AT_ONCE = 64


@dataclass(frozen=True)
class Layout:
    """Where the cells of a map are in a row of a store.

    Attributes
    ----------
    n_before
        How many numbers stand before them: those of tokens that are no patches.
    channels_first
        Whether all cells of a channel stand together, and not all channels of a cell.
    seen
        The share of an image's width that the network is fed: less than 1 where the centre is cut out.
    """

    n_channels: int
    n_rows: int
    n_columns: int
    n_before: int = 0
    channels_first: bool = True
    seen: float = 1.0

    @property
    def n_cells(self) -> int:
        """How many cells a channel has."""
        return self.n_rows * self.n_columns

    def pool(self, features: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sum up each channel within windows.

        Parameters
        ----------
        features : (n_images, n_features)
        weights : (n_windows, n_cells)

        Returns
        -------
        (n_windows, n_channels, n_images)
        """
        n_numbers = self.n_channels * self.n_cells
        cells = features[:, self.n_before : self.n_before + n_numbers]
        if self.channels_first:
            # Cells are moved before they are summed up, where they are long runs; afterwards each would go by itself.
            by_channel = cells.reshape(len(features), self.n_channels, self.n_cells).transpose(1, 0, 2)
            summed: NDArray[np.float32] = weights @ by_channel.reshape(-1, self.n_cells).T
            return summed.reshape(len(weights), self.n_channels, len(features))
        pooled: NDArray[np.float32] = weights @ cells.reshape(len(features), self.n_cells, self.n_channels)
        return pooled.transpose(1, 2, 0)


def layout_of(store: Readable) -> Layout:
    """Return where the map of a store's layer is.

    Raises
    ------
    UsageError
        If it has none, or its numbers are no longer those of cells.
    """
    identity, shape = store.manifest["identity"], store.manifest["provenance"].get("shape") or []
    post = identity.get("post", "flatten")
    reduced = post if isinstance(post, dict) else {}
    if "project" in reduced:
        raise UsageError(
            f"{store.name} was projected at random: no number of it belongs to a place in the image",
            hint="extract the layer without project=...",
        )
    made_of = {"identity": identity, "model": store.name, "layer": ""}
    transform = transform_of(made_of)
    seen = 1.0 if transform.resize_size is None else transform.size / transform.resize_size
    if "layout" in reduced:
        return _of_tokens(store, reduced, seen)
    if len(shape) == 3 and min(shape[1:]) > 1:
        grid = reduced.get("pool")
        if grid is not None:
            return Layout(shape[0], grid, grid, seen=seen)
        # Images are squares: rows and columns are as many.
        if shape[0] == shape[1] != shape[2]:
            return Layout(shape[2], shape[0], shape[1], channels_first=False, seen=seen)
        return Layout(shape[0], shape[1], shape[2], seen=seen)
    tokens = len(shape) == 2 and min(shape) > 1
    raise UsageError(
        f"{store.name} has no rows and columns that can be told{_times(shape)}",
        hint="of a transformer extract tokens='patches', which says where each lies"
        if tokens
        else "choose layers that are maps, as convolutional ones are: `algocli layers` shows their shapes",
    )


def _of_tokens(store: Readable, reduced: dict[str, Any], seen: float) -> Layout:
    layout, parts = reduced["layout"], reduced["tokens"].split("+")
    rows, columns = (reduced["pool"],) * 2 if "pool" in reduced else layout["grid"]
    if "patches" not in parts:
        raise UsageError(
            f"{store.name} has no patches, which lie in rows and columns", hint="extract it with tokens='patches'"
        )
    counts = {part: 1 if part == "mean" else len(layout.get(part, ())) for part in parts} | {"patches": rows * columns}
    n_channels = store.n_features // sum(counts.values())
    before = sum(counts[part] for part in parts[: parts.index("patches")])
    return Layout(n_channels, rows, columns, before * n_channels, channels_first=False, seen=seen)


def _times(shape: Sequence[int]) -> str:
    return f" (it is {' x '.join(map(str, shape))})" if shape else ""


def pool_rows(
    stores: Sequence[Readable],
    layouts: Sequence[Layout],
    weights: Sequence[NDArray[np.float32]],
    rows: NDArray[np.int64],
) -> Iterator[tuple[NDArray[np.int64], list[NDArray[np.float32]]]]:
    """Sum up the channels of some images within windows, in one pass over each store.

    Parameters
    ----------
    weights : (n_windows, n_cells) each
        One entry a store.
    rows
        Rising.

    Yields
    ------
    The places of some of these rows among them, and (n_windows, n_channels, n_some) of each store.

    Raises
    ------
    DataError
        If a store is damaged.
    """
    step = max(store.rows_per_shard for store in stores)
    parts = np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows // step)) + 1)

    def read(part: NDArray[np.int64]) -> list[NDArray[Any]]:
        return [_read(store, rows[part]) for store in stores]

    # Decompressing takes as long as the products: what comes next is read meanwhile, and no more than that.
    with ThreadPoolExecutor(_AHEAD) as pool:
        waiting = iter(parts)
        ahead = [(part, pool.submit(read, part)) for part in islice(waiting, _AHEAD)]
        while ahead:
            part, reading = ahead.pop(0)
            features = reading.result()
            ahead += [(following, pool.submit(read, following)) for following in islice(waiting, 1)]
            for some in blocks(len(part), _AT_ONCE):
                triples = zip(layouts, features, weights, strict=True)
                yield part[some], [layout.pool(as_float32(layer[some]), of) for layout, layer, of in triples]


def as_float32(features: NDArray[Any]) -> NDArray[np.float32]:
    """Return features of any precision as float32."""
    if features.dtype == np.float32:
        return features
    wide = np.empty(features.shape, np.float32)
    widen(features, wide)
    return wide


def _read(store: Readable, rows: NDArray[np.int64]) -> NDArray[Any]:
    # Of what lies together most is asked for, as a rule: a shard is decompressed as a whole anyhow.
    whole = store.read(slice(int(rows[0]), int(rows[-1]) + 1))
    return whole if len(whole) == len(rows) else whole[rows - rows[0]]
