"""On what of this machine networks run, and large matrices are multiplied."""

from __future__ import annotations

from algocli.compute.freed_memory import keep_freed_memory
from algocli.errors import UsageError

# What can be computed on, the fastest first, by torch's names.
_CALLED = {"cuda": "CUDA", "mps": "MPS", "cpu": "CPU"}


def resolve_device(name: str, *, elsewhere: bool = False) -> str:
    """Turn 'auto' into what computes fastest here, 'cuda', 'mps' or 'cpu'; see that any other device is here.

    Parameters
    ----------
    elsewhere
        Whether other machines compute, which may have GPUs where this one has none.

    Raises
    ------
    UsageError
        If the device asked for is none, or not on this machine.
    """
    import torch

    # Before there are threads, and whatever runs on the cpu.
    keep_freed_memory()
    there = usable()
    if name == "auto":
        return there[0]
    here = f"use auto or {' or '.join(reversed(there))}"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"'{name}' is no device", hint=here) from error
    # Torch knows many kinds; on 'meta' there are shapes and no numbers, and others are built into few of its versions.
    if device.type not in _CALLED:
        raise UsageError(f"nothing is computed on the device '{name}'", hint=here)
    if elsewhere and device.type == "cuda":
        return str(device)
    if device.type not in there:
        raise UsageError(f"no {_CALLED[device.type]} device is available to torch", hint=here)
    n_devices = torch.cuda.device_count() if device.type == "cuda" else 1
    if (device.index or 0) >= n_devices:
        last = f"of {device.type} there is one device, {device.type}:0"
        if n_devices > 1:
            last = f"{device.type} devices here are {device.type}:0 to {device.type}:{n_devices - 1}"
        raise UsageError(f"there is no device '{name}': {last}", hint=here)
    return "cpu" if device.type == "cpu" else str(device)


def at_hand(device: str) -> str:
    """Return what of this machine stands in for a device that may be another's: itself, or the cpu."""
    return device if device.partition(":")[0] in usable() else "cpu"


def usable() -> list[str]:
    """List the kinds of devices that networks can run on here, the fastest first."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [kind for kind in _CALLED if there[kind]]
