"""Products of tall matrices in float32, by whichever library of this machine multiplies fastest.

The Gram matrix is nearly all of the arithmetic between images and predictions, and libraries differ by a factor of
two in how well they know a processor.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


class Products(Protocol):
    """Multiplies blocks of rows by one another."""

    def of(self, blocks: Sequence[NDArray[np.float32]]) -> PairProducts:
        """Take blocks of rows, each (n_rows, n_features), to where they are multiplied."""
        ...


class PairProducts(Protocol):
    """The products of a sequence of blocks."""

    def __call__(self, i: int, j: int) -> NDArray[np.float32]:
        """Return block i times block j transposed, (n_rows_i, n_rows_j)."""
        ...


class NumpyProducts:
    """By the BLAS that numpy was built with."""

    def of(self, blocks: Sequence[NDArray[np.float32]]) -> PairProducts:
        """Take blocks as they are."""
        return lambda i, j: blocks[i] @ blocks[j].T


class TorchProducts:
    """By torch: oneDNN on a cpu, CUDA's full float32 on a GPU."""

    def __init__(self, device: str) -> None:
        self.device = device

    def of(self, blocks: Sequence[NDArray[np.float32]]) -> PairProducts:
        """Copy blocks into the layout, or to the device, on which they are multiplied."""
        import torch

        held = [self._hold(torch.from_numpy(block)) for block in blocks]

        def product(i: int, j: int) -> NDArray[np.float32]:
            with torch.inference_mode():
                result = torch.nn.functional.linear(held[i], held[j])
            dense: NDArray[np.float32] = (result.to_dense() if result.is_mkldnn else result.cpu()).numpy()
            return dense

        return product

    def _hold(self, block: torch.Tensor) -> torch.Tensor:
        # Only for tensors in oneDNN's own layout does torch use its products; plain ones go to another library.
        return block.to_mkldnn() if self.device == "cpu" else block.to(self.device)


def fastest_products(device: str) -> Products:
    """Choose by a short trial on this machine; on a GPU there is nothing to choose.

    To be asked only by what has loaded torch anyway: loading it costs more than it saves.
    """
    import torch

    if device != "cpu":
        return TorchProducts(device)
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return NumpyProducts()
    candidates: list[Products] = [NumpyProducts(), TorchProducts(device)]
    return min(candidates, key=_trial)


def _trial(products: Products) -> float:
    """Return the seconds that a product of the size of a real one takes, the best of a few."""
    # Two blocks, for numpy multiplies one by itself with half the work, which most pairs do not allow.
    pair = products.of([np.ones((1024, 8192), np.float32), np.ones((1024, 8192), np.float32)])
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        pair(0, 1)
        seconds.append(time.perf_counter() - started)
    return min(seconds)
