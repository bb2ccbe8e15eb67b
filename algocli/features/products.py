"""Products of tall matrices in float32, by whichever library of this machine multiplies fastest.

The Gram matrix is nearly all of the arithmetic between images and predictions, and libraries differ by a factor of
two in how well they know a processor.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

# The products of blocks of rows i and j, where i >= j: what symmetry leaves to be computed.
Tiles = Mapping[tuple[int, int], NDArray[np.float64]]


class Products(Protocol):
    """Multiplies blocks of rows by one another."""

    def add(self, blocks: Sequence[NDArray[np.float32]], tiles: Tiles) -> None:
        """Add block i times block j transposed, (n_rows_i, n_rows_j), to every tile (i, j).

        Blocks are (n_rows, n_features); they may be views with gaps between their rows.
        """
        ...


class NumpyProducts:
    """By the BLAS that numpy was built with."""

    def add(self, blocks: Sequence[NDArray[np.float32]], tiles: Tiles) -> None:
        """Multiply tile by tile."""
        for (i, j), tile in tiles.items():
            tile += blocks[i] @ blocks[j].T


class TorchProducts:
    """By torch's own BLAS on a cpu, by CUDA's in full float32 on a GPU."""

    def __init__(self, device: str) -> None:
        self.device = device

    def add(self, blocks: Sequence[NDArray[np.float32]], tiles: Tiles) -> None:
        """Multiply tile by tile, every block copied to a GPU once."""
        import torch

        held = [self._hold(torch.from_numpy(block)) for block in blocks]
        with torch.inference_mode():
            for (i, j), tile in tiles.items():
                # torch adds with all cores, numpy with one.
                torch.from_numpy(tile).add_(self._multiply(held[i], held[j]))

    def _hold(self, block: torch.Tensor) -> torch.Tensor:
        return block.to(self.device)

    def _multiply(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return (left @ right.T).cpu()


class OneDnnProducts(TorchProducts):
    """By oneDNN on a cpu, which torch uses for no other tensors than those in oneDNN's own layout: copies."""

    def __init__(self) -> None:
        super().__init__("cpu")

    def _hold(self, block: torch.Tensor) -> torch.Tensor:
        return block.to_mkldnn()

    def _multiply(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.nn.functional.linear(left, right).to_dense()


def fastest_products(device: str) -> Products:
    """Choose by a short trial on this machine; on a GPU there is nothing to choose.

    To be asked only by what has loaded torch anyway: loading it costs more than it saves.
    """
    import torch

    if device != "cpu":
        return TorchProducts(device)
    candidates: list[Products] = [NumpyProducts(), TorchProducts(device)]
    if torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        candidates.append(OneDnnProducts())
    return min(candidates, key=_trial)


def _trial(products: Products) -> float:
    """Return the seconds that a product as deep as a real one takes, the best of a few."""
    # Two blocks, for numpy multiplies one by itself with half the work, which most pairs do not allow.
    blocks = [np.ones((512, 8192), np.float32), np.ones((512, 8192), np.float32)]
    tiles = {(1, 0): np.zeros((512, 512))}
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        products.add(blocks, tiles)
        seconds.append(time.perf_counter() - started)
    return min(seconds)
