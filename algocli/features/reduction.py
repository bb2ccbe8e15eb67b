"""Making a layer's output smaller while it is extracted: pooled to a coarse grid, or projected at random.

Both enter the key of a store. The default keeps every number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import check_whole
from algocli.errors import UsageError
from algocli.features.networks.backbones import Layer

if TYPE_CHECKING:
    import scipy.sparse
    import torch


@dataclass(frozen=True)
class Reduction:
    """What is asked for: a g x g grid of spatial means, and then so many random projections; None keeps all.

    Raises
    ------
    UsageError
        If a field is not what it can be.
    """

    pool: int | None = None
    project: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("pool", "project"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else check_whole(name, value, 1))
        object.__setattr__(self, "seed", check_whole("seed", self.seed, 0, 2**32 - 1))


class Reducer:
    """A reduction fitted to the shape of one layer.

    Raises
    ------
    UsageError
        If the layer has no such grid, or fewer numbers than projections.
    """

    def __init__(self, layer: Layer, reduction: Reduction) -> None:
        self.layer = layer
        self.reduction = reduction
        self.shape = _pooled(layer, reduction.pool)
        n_pooled = int(np.prod(self.shape))
        if reduction.project is not None and reduction.project >= n_pooled:
            raise UsageError(
                f"project={reduction.project}: layer {layer.name} has no more than {n_pooled} features as it is"
            )
        self.n_features = n_pooled if reduction.project is None else reduction.project

    def identity(self) -> str | dict[str, Any]:
        """Return what of the reduction changes a number: 'flatten' where there is none."""
        if self.reduction.pool is None and self._matrix is None:
            return "flatten"
        named: dict[str, Any] = {}
        if self.reduction.pool is not None:
            named["pool"] = self.reduction.pool
        if self._matrix is not None:
            named |= {"project": self.reduction.project, "seed": self.reduction.seed, "matrix": _digest(self._matrix)}
        return named

    def __call__(self, output: torch.Tensor, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Turn the layer's output, (n, *layer.shape) on any device, into rows, (n, n_features) in `dtype`."""
        import torch

        if self.reduction.pool is not None:
            output = torch.nn.functional.adaptive_avg_pool2d(output.float(), self.reduction.pool)
        if self._matrix is not None:
            flat = output.float().flatten(1).cpu().numpy()
            return np.asarray((self._matrix @ flat.T).T, dtype=dtype)
        rows = np.empty((len(output), self.n_features), dtype)
        # copy_ converts, undoes channels-last and (from a GPU) waits, all in one pass.
        torch.from_numpy(rows).view(output.shape).copy_(output)
        return rows

    @cached_property
    def _matrix(self) -> scipy.sparse.csr_matrix | None:
        """The projection, (n_features, n_pooled), float32: sparse signs, as Achlioptas and Li et al. have them."""
        if self.reduction.project is None:
            return None
        from sklearn.random_projection import SparseRandomProjection

        projection = SparseRandomProjection(self.reduction.project, random_state=self.reduction.seed)
        # Only the width is learned from these.
        projection.fit(np.zeros((1, int(np.prod(self.shape))), np.float32))
        return projection.components_.astype(np.float32)


def _pooled(layer: Layer, grid: int | None) -> tuple[int, ...]:
    if grid is None:
        return layer.shape
    if len(layer.shape) != 3 or min(layer.shape[1:]) < grid:
        shape = " x ".join(map(str, layer.shape))
        raise UsageError(
            f"pool={grid}: layer {layer.name} ({shape}) is no map of channels x rows x columns that large",
            hint="extract such layers in a command of their own, without pool=...",
        )
    return (layer.shape[0], grid, grid)


def _digest(matrix: scipy.sparse.csr_matrix) -> str:
    total = hashlib.sha256()
    for part in (matrix.indptr, matrix.indices, matrix.data):
        total.update(np.ascontiguousarray(part).data)
    return total.hexdigest()
