"""The large products and decompositions between images and predictions, by the library that knows the machine best.

On a GPU that is torch. On a cpu it is numpy, which needs no torch to be loaded, but for the Gram matrix, which is
nearly all of the arithmetic: there libraries differ by a factor of two in how well they know a processor. They also
differ in the last digits, so nothing that is timed chooses: the same machine, with the same versions, takes the same
library however busy it is. Everything small stays with numpy, and what is handed over and what comes back lies in the
computer's own memory, so that no other module knows where the work was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.features.networks.numerics import products

# Multiplies whatever it is given from the left by a matrix that it holds.
Multiplier = Callable[[NDArray[np.float32]], NDArray[np.float32]]
# The products of blocks of rows i and j, where i >= j: what symmetry leaves to be computed.
Tile = tuple[int, int]
Tiles = Mapping[Tile, NDArray[np.float64]]

# Multiplications from which on loading torch, four seconds, costs less than it saves: a third of what numpy takes. The
# same for all who ask, those who have loaded it among them: a matrix shall not depend on the command that made it.
WORTH_LOADING_TORCH = 1.2e12
# Bytes that copies for oneDNN take at the most.
MOST_COPIED = 2**30
# What OpenBLAS calls its kernels for processors with 512-bit vectors.
_WIDE_KERNELS = ("SkylakeX", "Cooperlake", "SapphireRapids")


class Algebra:
    """Multiplies and decomposes matrices by the BLAS and LAPACK that numpy was built with."""

    # Where, as torch calls it.
    device = "cpu"

    @property
    def provenance(self) -> dict[str, Any]:
        """What multiplies: another library, or another number of its threads, may give other last digits."""
        return {"library": "numpy", "version": np.__version__, **_blas()}

    def multiply(self, left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return left @ right, in float32 throughout."""
        return self.hold(left)(right)

    def hold(self, left: NDArray[np.float32]) -> Multiplier:
        """Return what multiplies by `left` again and again: a GPU is sent that matrix once."""
        return lambda right: left @ right

    def add_products(self, blocks: Sequence[NDArray[np.float32]], tiles: Tiles) -> None:
        """Add block i times block j transposed, (n_rows_i, n_rows_j), to every tile (i, j).

        Blocks are (n_rows, n_features); they may be views with gaps between their rows.
        """
        for (i, j), tile in tiles.items():
            tile += blocks[i] @ blocks[j].T

    def each_product(
        self, blocks: Sequence[NDArray[np.float32]], tiles: Iterable[Tile]
    ) -> Iterator[NDArray[np.float32]]:
        """Yield what `add_products` would add to each of some tiles, (n_rows_i, n_rows_j), to the bit."""
        for i, j in tiles:
            yield blocks[i] @ blocks[j].T

    def eigh(
        self, matrix: NDArray[np.float64], n_largest: int | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the eigenvalues, rising, and eigenvectors of a symmetric matrix, which may be overwritten.

        They take little more memory than they and the matrix need. The largest alone take a part of the time, and may
        differ in the last digits from what they are among all.
        """
        from scipy.linalg import eigh

        n = len(matrix)
        some = None if n_largest is None else (n - n_largest, n - 1)
        # numpy takes five times the matrix. The transpose is the same matrix, in the order that LAPACK overwrites.
        values, vectors = eigh(matrix.T, overwrite_a=True, driver="evr", check_finite=False, subset_by_index=some)
        return values, vectors


class TorchAlgebra(Algebra):
    """By torch, on the device named; TF32 and its like stay off, as nobody asked for fewer digits."""

    # Bytes of blocks that are kept as copies; None for as many as there are.
    _most_copied: int | None = None

    def __init__(self, device: str) -> None:
        self.device = device

    @property
    def provenance(self) -> dict[str, Any]:
        """The version of torch, the device, and the threads of a cpu."""
        import torch

        about = {"library": "torch", "version": str(torch.__version__), "device": self.device}
        return about | ({"threads": torch.get_num_threads()} if self.device == "cpu" else {})

    def hold(self, left: NDArray[np.float32]) -> Multiplier:
        """Return what multiplies by `left`, which stays on the device for as long as this is kept."""
        import torch

        held = self._send(left)

        def multiply(right: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.inference_mode(), products("float32"):
                return self._fetch(held @ self._send(right))

        return multiply

    def add_products(self, blocks: Sequence[NDArray[np.float32]], tiles: Tiles) -> None:
        """Multiply tile by tile, every block copied to a GPU once."""
        import torch

        held = self._holding(blocks)
        with torch.inference_mode(), products("float32"):
            # Columns of tiles: of few rows of very many images no more than these rows are held beside one other.
            for (i, j), tile in sorted(tiles.items(), key=lambda item: item[0][::-1]):
                # torch adds with all cores, numpy with one.
                torch.from_numpy(tile).add_(self._product(held(i), held(j)))

    def each_product(
        self, blocks: Sequence[NDArray[np.float32]], tiles: Iterable[Tile]
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the products tile by tile, every block copied to a GPU once."""
        import torch

        held = self._holding(blocks)
        for i, j in tiles:
            with torch.inference_mode(), products("float32"):
                product = self._fetch(self._product(held(i), held(j)))
            yield product

    def eigh(
        self, matrix: NDArray[np.float64], n_largest: int | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return eigenvalues and eigenvectors, in float64."""
        import torch

        with torch.inference_mode():
            values, vectors = torch.linalg.eigh(self._send(matrix))
        return self._fetch(values), self._fetch(vectors)

    def _holding(self, blocks: Sequence[NDArray[np.float32]]) -> Callable[[int], Any]:
        """Return what hands out blocks as they are multiplied, and keeps them for the next time."""
        n_kept = None if self._most_copied is None else max(2, self._most_copied // max(1, blocks[0].nbytes))
        return lru_cache(n_kept)(lambda number: self._hold(self._send(blocks[number])))

    def _hold(self, block: Any) -> Any:
        return block

    def _product(self, left: Any, right: Any) -> Any:
        return (left @ right.T).cpu()

    def _send(self, array: NDArray[Any]) -> Any:
        import torch

        # What may not be written to, as a memory map, torch takes with a warning only: then a copy.
        return torch.from_numpy(np.require(array, requirements="W")).to(self.device)

    def _fetch(self, tensor: Any) -> NDArray[Any]:
        array: NDArray[Any] = tensor.cpu().numpy()
        return array


class OneDnnAlgebra(TorchAlgebra):
    """By oneDNN on a cpu, which torch uses for no other tensors than those in oneDNN's own layout: copies."""

    # Of very many images as large as all the rest that is in memory; to copy is a sixth of the work of multiplying.
    _most_copied = MOST_COPIED

    def __init__(self) -> None:
        super().__init__("cpu")

    @property
    def provenance(self) -> dict[str, Any]:
        """As torch's own."""
        return super().provenance | {"library": "oneDNN in torch"}

    def _hold(self, block: Any) -> Any:
        return block.to_mkldnn()

    def _product(self, left: Any, right: Any) -> Any:
        import torch

        return torch.nn.functional.linear(left, right).to_dense()


ON_CPU = Algebra()


def algebra_on(device: str, n_multiplications: float = 0.0) -> Algebra:
    """Return what works on a device.

    Parameters
    ----------
    n_multiplications
        How large the work is: `uses_torch` says from where on another library than numpy's may be loaded for it.
    """
    if device != "cpu":
        return TorchAlgebra(device)
    return OneDnnAlgebra() if uses_torch(device, n_multiplications) and _has_onednn() else ON_CPU


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
    extensions = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    # numpy 2.4 calls AVX-512 by the level of x86-64 that has it.
    return any(name.startswith("AVX512") or name == "X86_V4" for name in extensions)


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
