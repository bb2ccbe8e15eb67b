"""The large matrix products and decompositions of training, on a cpu by numpy or on a GPU by torch.

Everything small stays with numpy. What is handed over and what comes back lies in the computer's own memory, so that
no other module knows where the work was done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# Multiplies whatever it is given from the left by a matrix that it holds.
Multiplier = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Algebra(Protocol):
    """Multiplies and decomposes matrices."""

    # Where, as torch calls it.
    device: str

    def multiply(self, left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return left @ right, in float32 throughout."""
        ...

    def hold(self, left: NDArray[np.float32]) -> Multiplier:
        """Return what multiplies by `left` again and again: a GPU is sent that matrix once."""
        ...

    def eigh(self, matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the eigenvalues, rising, and eigenvectors of a symmetric matrix, which may be overwritten."""
        ...


class NumpyAlgebra:
    """By the BLAS and LAPACK that numpy was built with."""

    device = "cpu"

    def multiply(self, left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return left @ right."""
        product: NDArray[np.float32] = left @ right
        return product

    def hold(self, left: NDArray[np.float32]) -> Multiplier:
        """Return what multiplies by `left`."""
        return lambda right: self.multiply(left, right)

    def eigh(self, matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return eigenvalues and eigenvectors, in little more memory than these and the matrix take."""
        from scipy.linalg import eigh

        # numpy takes five times the matrix. The transpose is the same matrix, in the order that LAPACK overwrites.
        values, vectors = eigh(matrix.T, overwrite_a=True, driver="evr", check_finite=False)
        return values, vectors


class TorchAlgebra:
    """By torch, on the device named; TF32 and its like stay off, as nobody asked for fewer digits."""

    def __init__(self, device: str) -> None:
        self.device = device

    def multiply(self, left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return left @ right."""
        return self.hold(left)(right)

    def hold(self, left: NDArray[np.float32]) -> Multiplier:
        """Return what multiplies by `left`, which stays on the device for as long as this is kept."""
        import torch

        held = self._send(left)

        def multiply(right: NDArray[np.float32]) -> NDArray[np.float32]:
            before = torch.backends.cuda.matmul.allow_tf32
            torch.backends.cuda.matmul.allow_tf32 = False
            try:
                with torch.inference_mode():
                    return self._fetch(held @ self._send(right))
            finally:
                torch.backends.cuda.matmul.allow_tf32 = before

        return multiply

    def eigh(self, matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return eigenvalues and eigenvectors, in float64."""
        import torch

        with torch.inference_mode():
            values, vectors = torch.linalg.eigh(self._send(matrix))
        return self._fetch(values), self._fetch(vectors)

    def _send(self, array: NDArray[Any]) -> Any:
        import torch

        # What may not be written to, as a memory map, torch takes with a warning only: then a copy.
        return torch.from_numpy(np.require(array, requirements="W")).to(self.device)

    def _fetch(self, tensor: Any) -> NDArray[Any]:
        array: NDArray[Any] = tensor.cpu().numpy()
        return array


ON_CPU = NumpyAlgebra()


def algebra_on(device: str) -> Algebra:
    """Return what works on a device: numpy on a cpu, which needs no torch to be loaded and is as fast there."""
    return ON_CPU if device == "cpu" else TorchAlgebra(device)
