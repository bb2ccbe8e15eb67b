"""The weights of a backbone: where they come from, whether they fit, and the digest that identifies them."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from algocli.compute.opening import check_file
from algocli.errors import DataError, UsageError, first_line, install_hint

if TYPE_CHECKING:
    import torch

PRETRAINED = "pretrained"
RANDOM = "random"
# What torch's generator takes.
MAX_SEED = 2**64 - 1
# Batch normalisation counts its training batches in a buffer that inference never reads: some checkpoints lack it,
# and no feature depends on it.
_COUNTER = "num_batches_tracked"


def random_seed(weights: str) -> int | None:
    """Return the seed of 'random' or 'random:SEED', None where weights are not random.

    Raises
    ------
    UsageError
        If what follows 'random:' is no whole number.
    """
    word, colon, seed = weights.partition(":")
    if word != RANDOM:
        return None
    if not colon:
        return 0
    if not seed.isdecimal() or int(seed) > MAX_SEED:
        raise UsageError(f"weights={weights!r}: the seed must be a whole number up to {MAX_SEED}, as in random:0")
    return int(seed)


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Read a checkpoint's tensors by name: a .safetensors file, or what torch.save made of a state dict.

    A state dict may be wrapped as 'state_dict' or 'model'.

    Raises
    ------
    DataError
        If the file is missing, damaged, asks to run code, or holds no tensors by name.
    UsageError
        If it is a .safetensors file and the package that reads these is not installed.
    """
    import torch

    if not path.exists():
        raise DataError(
            f"there is no weights file {path}", hint="weights=... takes pretrained, random, random:SEED or a file"
        )
    check_file(path)
    state = _read_safetensors(path) if path.suffix == ".safetensors" else _unpickle(path)
    for wrapper in ("state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise DataError(f"{path} holds no tensors by name: a state dict was expected")
    odd = [str(name) for name, tensor in state.items() if not is_plain(tensor)]
    if odd:
        raise DataError(
            f"{path} does not hold all numbers of {_first(odd)}, as of a sparse tensor or one on torch's meta device",
            hint="save the network's weights as plain tensors",
        )
    # DataParallel and Lightning put a word before every name.
    names = [str(name) for name in state]
    for word in ("module.", "model."):
        if names and all(name.startswith(word) for name in names):
            return {str(name).removeprefix(word): tensor for name, tensor in state.items()}
    return {str(name): tensor for name, tensor in state.items()}


def is_plain(tensor: torch.Tensor) -> bool:
    """Say whether each number of a tensor has a place of its own in memory, and means what it says."""
    import torch

    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized or tensor.is_nested:
        return False
    # One that was expanded may seem to have any number of them.
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def _unpickle(path: Path) -> object:
    """Read what torch.save wrote."""
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    # On bytes that are no checkpoint torch.load's machine for pickles raises nearly anything.
    except Exception as error:
        raise DataError(
            f"{path} is no checkpoint that can be read without running its code",
            hint="save it as a plain state dict: torch.save(model.state_dict(), FILE)",
        ) from error


def _read_safetensors(path: Path) -> object:
    """Read what safetensors wrote: tensors by name and nothing else."""
    try:
        safetensors = importlib.import_module("safetensors.torch")
    except ImportError as error:
        raise UsageError(
            f"{path} needs safetensors, which is not installed",
            hint=f"pip install safetensors, or {install_hint('timm')}, which brings it",
        ) from error
    try:
        return safetensors.load_file(path)
    # Its errors are of a class of its own, and beside it OSError and more.
    except Exception as error:
        first = first_line(error)
        raise DataError(f"{path} is no sound safetensors file: {first}", hint="copy the file again") from error


def load_state(
    network: torch.nn.Module, state: Mapping[str, torch.Tensor], source: str, needed: Collection[str] | None = None
) -> None:
    """Load the tensors that are needed; what the checkpoint has beyond them is passed over.

    Parameters
    ----------
    source
        What to call the checkpoint in a message.
    needed
        Their names; by default all of the network's own.

    Raises
    ------
    DataError
        If a needed tensor is missing, of another shape, not of real numbers or holds NaN, naming the first of them.
    """
    present = network.state_dict()
    wanted = {
        name: present[name] for name in present if (needed is None or name in needed) and not name.endswith(_COUNTER)
    }
    missing = [name for name in wanted if name not in state]
    if missing:
        raise DataError(
            f"{source} lacks {_first(missing)}, which the layer asked for needs",
            hint="is it a checkpoint of another architecture, or one cut before this layer?",
        )
    unfit = [
        f"{name} ({_shape(state[name])} instead of {_shape(tensor)})"
        for name, tensor in wanted.items()
        if state[name].shape != tensor.shape
    ]
    if unfit:
        raise DataError(f"{source} belongs to another architecture: {_first(unfit)}")
    _refuse_no_numbers({name: state[name] for name in wanted if wanted[name].is_floating_point()}, source)
    network.load_state_dict({**present, **{name: state[name] for name in wanted}})


def _refuse_no_numbers(state: Mapping[str, torch.Tensor], source: str) -> None:
    """See that what stands for real numbers is real numbers: anything else would be taken, and mean something else."""
    whole = [f"{name} ({tensor.dtype})" for name, tensor in state.items() if not tensor.is_floating_point()]
    if whole:
        raise DataError(
            f"{source} holds no real numbers in {_first(whole)}",
            hint="is it quantised? save the network's weights as float32 or float16",
        )
    # Infinity is left alone: masks hold it on purpose.
    spoilt = [name for name, tensor in state.items() if tensor.isnan().any()]
    if spoilt:
        raise DataError(f"{source} holds NaN in {_first(spoilt)}", hint="did the training diverge? take another epoch")


def digests(layers: Mapping[str, Mapping[str, torch.Tensor]]) -> dict[str, str]:
    """Return the digest of the parameters and buffers that each of several layers depends on.

    It is of their names, dtypes, shapes and bytes, in the order of names. Layers share most of their tensors: as far as
    two sorted lists begin alike, the tensors are read once for both.
    """
    names = {layer: sorted(n for n in tensors if not n.endswith(_COUNTER)) for layer, tensors in layers.items()}
    digest_of: dict[str, str] = {}
    # After each tensor of the list before, the state of its digest.
    trail: list[tuple[str, hashlib._Hash]] = []
    for layer in sorted(names, key=names.__getitem__):
        shared = 0
        while shared < min(len(trail), len(names[layer])) and trail[shared][0] == names[layer][shared]:
            shared += 1
        del trail[shared:]
        for name in names[layer][shared:]:
            total = trail[-1][1].copy() if trail else hashlib.sha256()
            _add(total, name, layers[layer][name])
            trail.append((name, total))
        digest_of[layer] = (trail[-1][1] if trail else hashlib.sha256()).hexdigest()
    return {layer: digest_of[layer] for layer in layers}


def _add(total: hashlib._Hash, name: str, tensor: torch.Tensor) -> None:
    import torch

    total.update(f"{name} {tensor.dtype} {_shape(tensor)}\n".encode())
    total.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)


def _shape(tensor: torch.Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "scalar"


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
