"""PyTorch's saved tensors, read as weights are: without running what a pickle may contain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.opening import check_file
from algocli.errors import DataError, first_line
from algocli.features.imports.formats.labels import as_words, labels_within, rank_key
from algocli.features.imports.formats.matrix import Matrix, choose, selection, stack
from algocli.features.networks.checkpoints import flatten, is_plain

if TYPE_CHECKING:
    import torch

# How torch begins where a pickle asks for more than it admits.
_OBJECTS = "Weights only load failed"


def open_tensor(path: Path, dataset: str | None) -> Matrix:
    """Open a tensor, or one of a dict of them; bfloat16, which numpy lacks, is read as float32.

    Raises
    ------
    DataError, UsageError
        As `open_matrix`.
    """
    import torch

    saved = _load(path)
    items = flatten(saved) if isinstance(saved, Mapping) else {"": saved}
    tensors = {name: item for name, item in items.items() if isinstance(item, torch.Tensor)}
    plain = {name: tuple(item.shape) for name, item in tensors.items() if is_plain(item)}
    if not plain:
        raise DataError(
            f"{path} holds no tensor of images x features, but {_describe(saved)}",
            hint="save one tensor, which torch.stack or torch.cat makes of many, with torch.save",
        )
    dtypes = {name: _as_numpy(torch.empty(0, dtype=tensors[name].dtype)).dtype for name in plain}
    stacked = (
        None if dataset else stack(path, plain, dtypes, lambda names: [_as_numpy(tensors[n].detach()) for n in names])
    )
    if stacked is not None:
        return stacked
    name = choose(path, plain, dataset)
    tensor = tensors[name].detach()

    def read(rows: Sequence[int]) -> NDArray[Any]:
        return _as_numpy(tensor[selection(rows)])

    words = {other: partial(_as_words, items[other]) for other in items if rank_key(other) is not None}
    shape = plain[name]
    return Matrix(
        path, name or None, shape, dtypes[name], read, labels_within(path, shape[0] if shape else 0, words, name)
    )


def _load(path: Path) -> Any:
    import torch

    check_file(path)
    # Only what torch has written since 1.6 can be mapped. Of anything that is damaged, or holds more than tensors and
    # plain containers, the machine that reads it raises nearly anything.
    for is_mapped in (True, False):
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_mapped)
        except Exception as error:
            failure = error
    if _OBJECTS in str(failure):
        raise DataError(
            f"{path} holds other objects than tensors, which were not run", hint="save the tensor alone"
        ) from failure
    raise DataError(
        f"{path} cannot be read as tensors: {first_line(failure).split('. ')[0]}", hint="copy the file again"
    ) from failure


def _describe(saved: Any) -> str:
    import torch

    if isinstance(saved, torch.Tensor):
        return "one whose numbers are not all in the file, as of a sparse one"
    return f"a {type(saved).__name__}" + (f" of {len(saved)}" if isinstance(saved, list | tuple | dict) else "")


def _as_numpy(tensor: torch.Tensor) -> NDArray[Any]:
    import torch

    # The eight-bit floats, too, are numbers that float32 holds exactly.
    is_known = tensor.dtype in (torch.float16, torch.float32, torch.float64) or not tensor.dtype.is_floating_point
    return np.asarray((tensor if is_known else tensor.float()).resolve_conj().resolve_neg().numpy())


def _as_words(item: Any) -> list[str] | None:
    if isinstance(item, list | tuple):
        return as_words(np.asarray(item)) if item and all(isinstance(word, str | int) for word in item) else None
    return as_words(item.numpy()) if hasattr(item, "numpy") else None
