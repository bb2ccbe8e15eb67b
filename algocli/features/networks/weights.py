"""The weights of a backbone: which are meant, how they are loaded, and the digest that identifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from algocli.compute.remarks import list_some
from algocli.compute.track import Note, unheard
from algocli.errors import DataError, UsageError
from algocli.features.networks.checkpoints import contents, no_numbers, odd_ones
from algocli.features.networks.fitting import Place, naming_of, places_of

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


def load_state(
    network: torch.nn.Module,
    state: Mapping[str, torch.Tensor],
    source: str,
    needed: Collection[str] | None = None,
    note: Note = unheard,
) -> None:
    """Load the tensors that are needed, under whatever prefix they lie; what the checkpoint has beyond is passed over.

    Parameters
    ----------
    source
        What to call the checkpoint in a message.
    needed
        Their names; by default all of the network's own.
    note
        Hears under which prefix they were, where there is one, what else would have fitted, and another precision.

    Raises
    ------
    DataError
        If a needed tensor is missing, of another shape, not of real numbers or holds NaN, naming the first of them.
    """
    present = network.state_dict()
    names = [name for name in present if (needed is None or name in needed) and not name.endswith(_COUNTER)]
    wanted = {name: present[name] for name in names}
    places = places_of(wanted, present, state)
    fitting = [place for place in places if place.fits]
    if not fitting:
        raise _unfit(wanted, places, state, source)
    place = fitting[0]
    chosen = {name: state[place.names[name]] for name in wanted}
    odd = odd_ones(chosen)
    if odd:
        raise no_numbers(source, odd)
    _refuse_no_numbers({name: chosen[name] for name in wanted if wanted[name].is_floating_point()}, source)
    # What comes with the network's own, and a plain dict loses, says in which version its names and shapes are.
    present.update(chosen)
    network.load_state_dict(present)
    precision = told_precision(chosen.values(), wanted.values())
    if place.prefix or place.dropped or place.is_wrapped:
        said = _told(place, [other for other in fitting[1:] if not _is_same(other, chosen, state)], source)
        note(f"{said}; {precision}" if precision else said)
    elif precision:
        note(f"weights of {source}: {precision}")


def told_precision(kept: Iterable[torch.Tensor], taken: Iterable[torch.Tensor]) -> str | None:
    """Say in which precision weights are kept, where they are computed with in another."""
    there, here = (
        {str(one.dtype).removeprefix("torch.") for one in some if one.is_floating_point()} for some in (kept, taken)
    )
    if there <= here:
        return None
    return f"kept in {' and '.join(sorted(there))}, computed with in {' and '.join(sorted(here))}"


def _unfit(
    wanted: Mapping[str, torch.Tensor], places: Sequence[Place], state: Mapping[str, torch.Tensor], source: str
) -> DataError:
    """Return the error of a checkpoint that fits nowhere, by the place where most of it does."""
    place = places[0] if places else Place("", "", {}, list(wanted), [])
    theirs, ours = naming_of(state), naming_of(wanted)
    if place.missing and theirs and ours and theirs != ours:
        return DataError(
            f"{source} calls its tensors as {theirs} does, and this network is {ours}'s: names are not converted",
            hint=f"name {theirs}'s network of that architecture",
        )
    if place.missing:
        holds = f"; it holds {contents(state)}" if state and not place.names else ""
        return DataError(
            f"{source} lacks {list_some([place.prefix + name for name in place.missing])}, which the layer asked for "
            f"needs{holds}",
            hint="is it a checkpoint of another architecture, or one cut before this layer?",
        )
    unfit = [
        f"{place.names[name]} ({_shape(state[place.names[name]])} instead of {_shape(wanted[name])})"
        for name in place.unfit
    ]
    return DataError(f"{source} belongs to another architecture: {list_some(unfit)}")


def _told(place: Place, others: Sequence[Place], source: str) -> str:
    said = f"weights of {source}: the {len(place.names)} tensors"
    if place.prefix:
        said += f" under '{place.prefix}'"
    if place.dropped:
        said += f" that the network calls '{place.dropped}*'"
    if place.is_wrapped:
        said += ", less the words that wrappers put into their names"
    if others:
        under = " and ".join(f"'{other.prefix}'" for other in others)
        choices = " or ".join(f"weights='{source}:{other.part_beside(place)}'" for other in others)
        said += f"; those under {under} differ: {choices} takes them"
    return said


def _is_same(place: Place, chosen: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> bool:
    import torch

    return all(torch.equal(state[place.names[name]], tensor) for name, tensor in chosen.items())


def _refuse_no_numbers(state: Mapping[str, torch.Tensor], source: str) -> None:
    """See that what stands for real numbers is real numbers: anything else would be taken, and mean something else."""
    whole = [f"{name} ({tensor.dtype})" for name, tensor in state.items() if not tensor.is_floating_point()]
    if whole:
        raise DataError(
            f"{source} holds no real numbers in {list_some(whole)}",
            hint="is it quantised? save the network's weights as float32 or float16",
        )
    # Infinity is left alone: masks hold it on purpose.
    spoilt = [name for name, tensor in state.items() if tensor.isnan().any()]
    if spoilt:
        hint = "did the training diverge? take another epoch"
        raise DataError(f"{source} holds NaN in {list_some(spoilt)}", hint=hint)


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
