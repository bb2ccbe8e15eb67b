"""In which precision a network runs: a stated mode, part of every key, never chosen silently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

from algocli.errors import UsageError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

# float32: full precision. tf32: CUDA's shortened products. float16, bfloat16: autocast, half the width.
Numerics = Literal["float32", "tf32", "float16", "bfloat16"]
# How far a feature may be from itself, computed elsewhere or in another batch, as a share of the largest of its layer.
# In float32 whole networks moved by up to 2e-6, and a convolution computed by another formula (Winograd's) costs a
# digit. A shorter format rounds after each operation: bfloat16 moved features by up to 1.4 %, and its 8 bits are 3
# fewer than the others have.
ROUNDING: Mapping[Numerics, float] = {"float32": 1e-4, "tf32": 1e-2, "float16": 1e-2, "bfloat16": 3e-2}


def check_numerics(numerics: Numerics, device: str) -> None:
    """Refuse a mode that a device does not have.

    Raises
    ------
    UsageError
        If the mode needs CUDA and the device is another.
    """
    if numerics in ("tf32", "float16") and not device.startswith("cuda"):
        raise UsageError(f"numerics={numerics!r} needs a CUDA device", hint="on a cpu: float32, or bfloat16 for speed")


@contextmanager
def products(numerics: Numerics) -> Iterator[None]:
    """Set for the whole process whether CUDA may shorten float32 products, and put it back afterwards."""
    import torch

    switches: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = numerics == "tf32"
    try:
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.allow_tf32 = value


@contextmanager
def one_core_each(device: str) -> Iterator[None]:
    """On a CPU, keep each network to one core: they work side by side, and sum in the same order however busy it is."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1 if device == "cpu" else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def autocast(numerics: Numerics, device: str) -> AbstractContextManager[object]:
    """Return the context in which one thread runs the network."""
    import torch

    if numerics not in ("float16", "bfloat16"):
        return nullcontext()
    return torch.autocast(device.split(":")[0], dtype=getattr(torch, numerics))
