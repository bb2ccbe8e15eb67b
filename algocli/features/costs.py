"""What passing large images through a network costs, found out on one of them before the first is read."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from algocli.compute.budget import gigabytes
from algocli.features.networks.numerics import autocast, one_core_each, products
from algocli.features.networks.preprocessing import TUTORIAL
from algocli.features.networks.probing import probe_pixels

if TYPE_CHECKING:
    from algocli.features.networks.backbones import Backbone
    from algocli.features.passage import Passage

# The side of images, in pixels, from which on it is worth a word.
LARGE = 320


def tell_cost(backbone: Backbone, how: Passage, n_images: int, n_workers: int) -> str | None:
    """Say what large images cost, and how to have smaller ones; None where they are as small as most are.

    Parameters
    ----------
    n_workers
        How many batches are computed at a time.
    """
    side = backbone.transform.size
    if side < LARGE:
        return None
    seconds, n_bytes = _measure(backbone, how)
    usual = TUTORIAL.size
    told = (
        f"images of {side} x {side} have {(side / usual) ** 2:.1f} times the pixels of {usual} x {usual}: "
        f"about {_duration(seconds * n_images / n_workers)} for {n_images:,} of them, and "
        f"{gigabytes(n_bytes * how.batch_size * n_workers)} of memory for batches of {how.batch_size}"
    )
    if "image_size" in backbone.computation:
        return told
    return f"{told}; image_size={usual} makes all of it smaller, where the network takes such images"


def _measure(backbone: Backbone, how: Passage) -> tuple[float, int]:
    """Return the seconds and the bytes that one image takes in a network."""
    pixels = torch.from_numpy(probe_pixels(backbone.transform.size)[:1]).to(how.device)
    with _as_extracted(how):
        backbone(pixels)
        begun = time.perf_counter()
        for output in backbone(pixels).values():
            # On a GPU it is done when it can be read.
            output.flatten()[0].item()
        seconds = time.perf_counter() - begun
        with _Live() as live:
            backbone(pixels)
    return seconds, live.most


@contextmanager
def _as_extracted(how: Passage) -> Iterator[None]:
    with (
        torch.inference_mode(),
        one_core_each(how.device),
        products(how.numerics),
        autocast(how.numerics, how.device),
    ):
        yield


class _Live(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of the tensors that are there at a time; a view of another takes none of its own."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation."""
        output = func(*args, **(kwargs or {}))
        taken = {_place(tensor) for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, torch.Tensor)}
        for tensor in tree_leaves(output):
            if isinstance(tensor, torch.Tensor) and _place(tensor) not in taken:
                n_bytes = tensor.untyped_storage().nbytes()
                self.now += n_bytes
                weakref.finalize(tensor, self._free, n_bytes)
        self.most = max(self.most, self.now)
        return output

    def _free(self, n_bytes: int) -> None:
        self.now -= n_bytes


def _place(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
