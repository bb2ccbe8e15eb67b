"""Making a layer's output smaller while it is extracted: some of its tokens, a coarse grid, a random projection.

All enter the key of a store. The default keeps every number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import check_whole
from algocli.errors import UsageError
from algocli.features.networks.backbones import Layer
from algocli.features.networks.tokens import ALL, check_tokens

if TYPE_CHECKING:
    import scipy.sparse
    import torch


@dataclass(frozen=True)
class Reduction:
    """What is asked for: some tokens, a g x g grid of spatial means, then so many random projections; None keeps all.

    Of a transformer's layer it is the patches that are pooled; what else is kept of its tokens stands before them.

    Raises
    ------
    UsageError
        If a field is not what it can be.
    """

    pool: int | None = None
    project: int | None = None
    seed: int = 0
    tokens: str | None = None

    def __post_init__(self) -> None:
        for name in ("pool", "project"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else check_whole(name, value, 1))
        object.__setattr__(self, "seed", check_whole("seed", self.seed, 0, 2**32 - 1))
        if self.tokens is not None:
            object.__setattr__(self, "tokens", check_tokens(self.tokens))
            if self.pool is not None and self.tokens != ALL and "patches" not in self.tokens.split("+"):
                raise UsageError(
                    f"pool={self.pool} averages patches, and tokens={self.tokens!r} keeps none of them",
                    hint="leave out pool=..., or keep patches too, as in tokens='class+patches'",
                )

    @property
    def keeps_all(self) -> bool:
        """Whether all tokens are kept as they are, and all cells of a map."""
        return self.pool is None and self.tokens is None


class Reducer:
    """A reduction fitted to one layer.

    Raises
    ------
    UsageError
        If the layer has no such tokens or grid, or fewer numbers than projections.
    """

    def __init__(self, layer: Layer, reduction: Reduction) -> None:
        self.layer = layer
        self.reduction = reduction
        # What is kept of the tokens; none of them are looked at where all numbers are, or a map is pooled.
        self._parts = _parts(layer, reduction)
        self.shape = _pooled(layer, reduction.pool) if self._parts is None else self._shape_of(self._parts)
        n_pooled = int(np.prod(self.shape))
        if reduction.project is not None and reduction.project >= n_pooled:
            raise UsageError(
                f"project={reduction.project}: layer {layer.name} has no more than {n_pooled} features as it is"
            )
        self.n_features = n_pooled if reduction.project is None else reduction.project

    def identity(self) -> str | dict[str, Any]:
        """Return what of the reduction changes a number: 'flatten' where there is none."""
        named: dict[str, Any] = {}
        if self._parts is not None and self.layer.tokens is not None:
            named |= {"tokens": "+".join(self._parts), "layout": self.layer.tokens.identity}
        if self.reduction.pool is not None:
            named["pool"] = self.reduction.pool
        if self._matrix is not None:
            named |= {"project": self.reduction.project, "seed": self.reduction.seed, "matrix": _digest(self._matrix)}
        return named or "flatten"

    def __call__(self, output: torch.Tensor, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Turn the layer's output, (n, *layer.shape) on any device, into rows, (n, n_features) in `dtype`."""
        import torch

        if self._parts is not None:
            output = self._keep(output, self._parts)
        elif self.reduction.pool is not None:
            output = torch.nn.functional.adaptive_avg_pool2d(output.float(), self.reduction.pool)
        if self._matrix is not None:
            flat = output.float().flatten(1).cpu().numpy()
            return np.asarray((self._matrix @ flat.T).T, dtype=dtype)
        rows = np.empty((len(output), self.n_features), dtype)
        # copy_ converts, undoes channels-last and (from a GPU) waits, all in one pass.
        torch.from_numpy(rows).view(output.shape).copy_(output)
        return rows

    def _keep(self, output: torch.Tensor, parts: Sequence[str]) -> torch.Tensor:
        """Return some tokens of a layer's output, (n, n_tokens, n_numbers), in the order of their parts."""
        import torch

        layout = self.layer.tokens
        assert layout is not None
        by_token = layout.by_token(output)
        kept = []
        for part in parts:
            if part in ("class", "registers"):
                kept.append(by_token[:, list(layout.class_tokens if part == "class" else layout.registers)])
                continue
            patches = by_token if layout.count == len(layout.patches) else by_token[:, list(layout.patches)]
            if part == "mean":
                patches = patches.float().mean(1, keepdim=True)
            elif self.reduction.pool is not None:
                maps = patches.float().transpose(1, 2).reshape(len(patches), -1, *layout.grid)
                pooled = torch.nn.functional.adaptive_avg_pool2d(maps, self.reduction.pool)
                patches = pooled.flatten(2).transpose(1, 2)
            kept.append(patches)
        return torch.cat(kept, 1) if len(kept) > 1 else kept[0]

    def _shape_of(self, parts: Sequence[str]) -> tuple[int, ...]:
        layout = self.layer.tokens
        assert layout is not None
        n_patches = len(layout.patches) if self.reduction.pool is None else self.reduction.pool**2
        counts = {"class": len(layout.class_tokens), "registers": len(layout.registers), "mean": 1}
        numbers = [length for axis, length in zip(layout.axes, self.layer.shape, strict=True) if axis == "c"]
        return sum(counts.get(part, n_patches) for part in parts), prod(numbers)

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


def _parts(layer: Layer, reduction: Reduction) -> tuple[str, ...] | None:
    """Return which tokens of a layer are kept; None where no token is told from another."""
    layout, wish, grid = layer.tokens, reduction.tokens or ALL, reduction.pool
    if wish == ALL and (grid is None or layout is None or layout.axes == "cyx"):
        return None
    shape = " x ".join(map(str, layer.shape))
    if layout is None:
        raise UsageError(
            f"tokens={wish!r}: layer {layer.name} ({shape}) has no tokens that can be told apart",
            hint="`algocli layers` shows which layers of a network are made of tokens; leave out tokens=... for others",
        )
    parts = tuple(wish.split("+"))
    if wish == ALL:
        parts = ("patches",) if reduction.tokens is None else layout.parts
    absent = [part for part in parts if part not in (*layout.parts, "mean")]
    if absent:
        none = {"class": "class token", "registers": "registers"}[absent[0]]
        raise UsageError(f"tokens={wish!r}: layer {layer.name} has no {none}; it has {layout.content}")
    if grid is not None and grid > min(layout.grid):
        rows, columns = layout.grid
        raise UsageError(f"pool={grid}: layer {layer.name} has no more than {rows} x {columns} patches")
    return parts


def _pooled(layer: Layer, grid: int | None) -> tuple[int, ...]:
    if grid is None:
        return layer.shape
    shape = " x ".join(map(str, layer.shape))
    # Images are squares, and so is what a network makes of them: n x n x m has its channels last, or none.
    if len(layer.shape) != 3 or layer.shape[0] == layer.shape[1] != layer.shape[2]:
        raise UsageError(
            f"pool={grid}: which of the numbers of layer {layer.name} ({shape}) are rows and columns cannot be told",
            hint="`algocli layers` shows which layers have channels x rows x columns, or a grid of tokens; extract "
            "others in a command of their own, without pool=...",
        )
    rows, columns = layer.shape[1:]
    if min(rows, columns) < grid:
        raise UsageError(f"pool={grid}: layer {layer.name} ({shape}) has no more than {rows} x {columns} places")
    return (layer.shape[0], grid, grid)


def _digest(matrix: scipy.sparse.csr_matrix) -> str:
    total = hashlib.sha256()
    for part in (matrix.indptr, matrix.indices, matrix.data):
        total.update(np.ascontiguousarray(part).data)
    return total.hexdigest()
