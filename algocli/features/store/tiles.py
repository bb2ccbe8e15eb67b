"""The tiles of a symmetric matrix while it is added up: all in memory, or a group of them, and the others on the disk.

A tile is the products of one block of rows with another, float64; those on and below the diagonal tell all of it. How
many are in memory at a time changes nothing in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import length
from algocli.errors import writing
from algocli.features.algebra import Tile

# What is in memory at a time, at the least one row of tiles: one of 15,000 images is there as a whole.
GROUP_BYTES = 2**30
_DOUBLE = 8


def groups(rows: Sequence[slice]) -> list[range]:
    """Divide the rows of tiles of a matrix into groups whose tiles are in memory together.

    Parameters
    ----------
    rows
        The blocks of rows that tiles are of.
    """
    parts, held = [range(0)], 0
    for i, block in enumerate(rows):
        n_bytes = _DOUBLE * length(block) * block.stop
        if len(parts[-1]) and held + n_bytes > GROUP_BYTES:
            parts.append(range(i, i))
            held = 0
        parts[-1] = range(parts[-1].start, i + 1)
        held += n_bytes
    return parts


def places(rows: Sequence[slice]) -> list[Tile]:
    """Return the place of every tile on and below the diagonal, row by row."""
    return [(i, j) for i in range(len(rows)) for j in range(i + 1)]


def zeros(rows: Sequence[slice], group: range) -> dict[Tile, NDArray[np.float64]]:
    """Return the tiles of a group, to be added to."""
    return {(i, j): np.zeros((length(rows[i]), length(rows[j]))) for i in group for j in range(i + 1)}


class Tiles:
    """All tiles (i, j), where j <= i, of a matrix that was added up group by group.

    Parameters
    ----------
    rows
        The blocks of rows that tiles are of.
    folder
        Where those of several groups wait, in a file without a name: nothing is left of it, whoever is killed.
    """

    def __init__(self, rows: Sequence[slice], folder: Path) -> None:
        self.rows = rows
        self.folder = folder
        self._held: Mapping[Tile, NDArray[np.float64]] = {}
        self._starts: dict[Tile, int] = {}
        self._means = np.zeros(rows[-1].stop)

    def close(self) -> None:
        """Let go of what waits on the disk."""
        if self._starts:
            self._file.close()

    def add(self, tiles: Mapping[Tile, NDArray[np.float64]]) -> None:
        """Take the tiles of a group: in memory where it is the only one.

        Raises
        ------
        StorageError
            If the disk is full.
        """
        if len(tiles) == len(self.rows) * (len(self.rows) + 1) // 2:
            self._held = tiles
            return
        with writing(self.folder):
            if not self._starts:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._file = TemporaryFile(dir=self.folder)  # noqa: SIM115
            for place, tile in tiles.items():
                self._starts[place] = self._file.seek(0, 2)
                self._file.write(tile.data)

    def __getitem__(self, place: Tile) -> NDArray[np.float64]:
        """Return a tile, (n_rows_i, n_rows_j), not to be changed."""
        if self._held:
            return self._held[place]
        i, j = (self.rows[number] for number in place)
        self._file.seek(self._starts[place])
        tile = np.fromfile(self._file, np.float64, length(i) * length(j)).reshape(length(i), -1)
        return self._less_means(place, tile)

    def items(self) -> Iterator[tuple[Tile, NDArray[np.float64]]]:
        """Yield each tile with its place, row by row."""
        for place in self._held or self._starts:
            yield place, self[place]

    def diagonal(self) -> NDArray[np.float64]:
        """Return the diagonal of the matrix."""
        return np.concatenate([np.diagonal(self[i, i]) for i in range(len(self.rows))])

    def take_away(self, means: NDArray[np.float64]) -> None:
        """Have all tiles be less the means of their rows and of their columns, once."""
        self._means = means
        for place, tile in self._held.items():
            self._less_means(place, tile)

    def block(self, i: int) -> NDArray[np.float32]:
        """Return the whole rows of a block, each tile serving its mirror image too: symmetric to the last bit."""
        own = self[i, i]
        whole = np.empty((len(own), self.rows[-1].stop), np.float32)
        for j, columns in enumerate(self.rows):
            # A tile on the diagonal mirrors itself, which the product leaves a rounding apart.
            whole[:, columns] = self[i, j] if j < i else (own + own.T) / 2 if j == i else self[j, i].T
        return whole

    def _less_means(self, place: Tile, tile: NDArray[np.float64]) -> NDArray[np.float64]:
        tile -= self._means[self.rows[place[0]], None]
        tile -= self._means[self.rows[place[1]]]
        return tile
