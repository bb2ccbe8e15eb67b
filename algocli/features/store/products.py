"""Products of tall matrices in float32, by the library that knows this machine's processor best.

The Gram matrix is nearly all of the arithmetic between images and predictions, and libraries differ by a factor of
two in how well they know a processor. They also differ in the last digits, so nothing that is timed chooses: the same
machine, with the same versions, takes the same library however busy it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

# The products of blocks of rows i and j, where i >= j: what symmetry leaves to be computed.
Tiles = Mapping[tuple[int, int], NDArray[np.float64]]


# Multiplications from which on loading torch, four seconds, costs less than it saves: a third of what numpy takes. The
# same for all who ask, those who have loaded it among them: a matrix shall not depend on the command that made it.
WORTH_LOADING_TORCH = 1.2e12
# What OpenBLAS calls its kernels for processors with 512-bit vectors.
_WIDE_KERNELS = ("SkylakeX", "Cooperlake", "SapphireRapids")


class Products(Protocol):
    """Multiplies blocks of rows by one another."""

    @property
    def provenance(self) -> dict[str, Any]:
        """What multiplies: another library, or another number of its threads, may give other last digits."""
        ...

    def add(self, blocks: Sequence[NDArray[np.float32]], tiles: Tiles) -> None:
        """Add block i times block j transposed, (n_rows_i, n_rows_j), to every tile (i, j).

        Blocks are (n_rows, n_features); they may be views with gaps between their rows.
        """
        ...


class NumpyProducts:
    """By the BLAS that numpy was built with."""

    @property
    def provenance(self) -> dict[str, Any]:
        """The BLAS, its kernels and its threads."""
        return {"library": "numpy", "version": np.__version__, **_blas()}

    def add(self, blocks: Sequence[NDArray[np.float32]], tiles: Tiles) -> None:
        """Multiply tile by tile."""
        for (i, j), tile in tiles.items():
            tile += blocks[i] @ blocks[j].T


class TorchProducts:
    """By torch's own BLAS on a cpu, by CUDA's in full float32 on a GPU."""

    def __init__(self, device: str) -> None:
        self.device = device

    @property
    def provenance(self) -> dict[str, Any]:
        """The version of torch, the device, and the threads of a cpu."""
        import torch

        about = {"library": "torch", "version": str(torch.__version__), "device": self.device}
        return about | ({"threads": torch.get_num_threads()} if self.device == "cpu" else {})

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

    @property
    def provenance(self) -> dict[str, Any]:
        """As torch's own."""
        return super().provenance | {"library": "oneDNN in torch"}

    def _hold(self, block: torch.Tensor) -> torch.Tensor:
        return block.to_mkldnn()

    def _multiply(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.nn.functional.linear(left, right).to_dense()


def choose_products(device: str, n_multiplications: float) -> Products:
    """Choose what multiplies on a device, by what is known of the work and of the machine.

    Parameters
    ----------
    n_multiplications
        How large the work is: `uses_torch` says from where on another library than numpy's may be loaded for it.
    """
    if device != "cpu":
        return TorchProducts(device)
    return OneDnnProducts() if uses_torch(device, n_multiplications) and _has_onednn() else NumpyProducts()


def uses_torch(device: str, n_multiplications: float) -> bool:
    """Say whether torch will be loaded for products of that size, without loading it."""
    return device != "cpu" or (n_multiplications >= WORTH_LOADING_TORCH and _blas_is_narrow())


def _blas_is_narrow() -> bool:
    """Say whether numpy's OpenBLAS works with vectors of half the width that the processor has.

    It does where it is older than the processor or was told to. Measured: 200 to 300 GFLOP/s with such kernels, 400 to
    530 with the right ones, and 290 to 420 by oneDNN, which asks the processor itself.
    """
    blas = _blas()
    return blas["blas"] == "openblas" and blas["kernels"] not in _WIDE_KERNELS and _has_wide_vectors()


def _has_wide_vectors() -> bool:
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    # numpy 2.4 calls AVX-512 by the level of x86-64 that has it.
    return any(name.startswith("AVX512") or name == "X86_V4" for name in found)


def _has_onednn() -> bool:
    import torch

    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def _blas() -> dict[str, Any]:
    """Return which BLAS numpy multiplies with: its name, its kernels for this processor, and its threads."""
    # scikit-learn asks the same way, and brings it.
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    # scipy may bring another of its own.
    pools.sort(key=lambda pool: "numpy" not in pool["filepath"])
    blas = pools[0] if pools else {}
    return {
        "blas": blas.get("internal_api"),
        "blas_version": blas.get("version"),
        "kernels": blas.get("architecture"),
        "threads": blas.get("num_threads"),
    }
