"""Checkpoints of transformers, whatever release of it wrote them: the library itself brings older names to its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from algocli.compute.track import Note, unheard
from algocli.features.networks.weights import load_state, told_precision

if TYPE_CHECKING:
    import torch

# What a checkpoint may lack: a head that only some tasks have, and what stands for patches that were hidden.
_SPARE = re.compile(r"(^|\.)(pooler\.|mask_token$)")
# What trainers put before all names.
_WRAPPERS = ("module.", "_orig_mod.", "model.", "backbone.")


def load_released(
    kind: Any, config: Any, state: Mapping[str, torch.Tensor], source: str, note: Note = unheard
) -> torch.nn.Module:
    """Build a network with the weights of a checkpoint, less a head that the checkpoint does not have.

    Parameters
    ----------
    kind, config
        A class of transformers, or of somebody's code for it, and the settings to build it with.
    state
        The checkpoint's tensors, as `algocli.features.networks.checkpoints.read_state` names them.
    source
        What to call it in a message.
    note
        Hears what the tensors lie under, and their precision where it is another.

    Raises
    ------
    DataError
        If it lacks a tensor, or has one of another shape, naming the first.
    """
    import torch

    module: Any = None
    for prefix, part in _parts(state).items():
        module, found = kind.from_pretrained(
            None,
            config=config,
            state_dict=part,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
        )
        lacks = [name for name in found["missing_keys"] if not _SPARE.search(name)]
        if any(name.startswith("pooler.") for name in found["missing_keys"]):
            module.pooler = None
        if not lacks and not found["mismatched_keys"]:
            under = [f"the {len(part)} tensors under '{prefix}'"] if prefix else []
            precision = told_precision(part.values(), module.parameters())
            said = "; ".join([*under, *([precision] if precision else [])])
            if said:
                note(f"weights of {source}: {said}")
            break
    else:
        # What else they may lie under; what is lacking is told.
        load_state(module, state, source, note=note)
    loaded: torch.nn.Module = module
    return loaded


def _parts(state: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """Return the tensors of each dict of a checkpoint by their names there, by what wraps all of them."""
    parts = {}
    for place in dict.fromkeys(name.rpartition("/")[0] for name in state):
        prefix = f"{place}/" if place else ""
        part = {name.rpartition("/")[2]: tensor for name, tensor in state.items() if name.rpartition("/")[0] == place}
        for wrapper in _WRAPPERS:
            if all(name.startswith(wrapper) for name in part):
                part = {name.removeprefix(wrapper): tensor for name, tensor in part.items()}
                prefix += wrapper
        parts[prefix] = part
    return parts
