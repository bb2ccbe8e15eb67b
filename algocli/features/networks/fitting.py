"""Where in a checkpoint a network's tensors are: under which prefix their names and their shapes fit.

No list of wrappers is needed for that: whatever stands before the names, of dicts, of DataParallel, of a compiler, of a
trainer's own module, one and the same beginning has to stand before all of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# What DataParallel, torch.compile, FSDP and activation checkpointing put into names wherever they wrap a part: trained
# as in PyTorch's own ImageNet example, AlexNet's first tensor is features.module.0.weight.
_WRAPPER = re.compile(r"(?<![^/.])(module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
# The files of torchvision's DenseNets are older than their names: norm.1 is norm1.
_OLD_DENSENET = re.compile(r"\.(norm|relu|conv)\.([12])\.")
# Of two networks in one checkpoint, what the authors of such checkpoints evaluate: averages and teachers before what
# they were made from, and what gradients trained before its slow copy in contrastive learning.
_FIRST = re.compile(r"teacher|(^|_)ema(_|$)|^encoder_q$|^(online|base)(_|$)")
_LAST = re.compile(r"student|^encoder_k$|momentum|target|^(optimizer|optim|grads?)(_|$)")
# How libraries call the parts of a vision transformer: of one architecture each has names of its own.
_NAMINGS = {
    "timm": re.compile(r"(^|[./])blocks\.\d+\.(attn|mlp|norm1)\."),
    "transformers": re.compile(r"(^|[./])(embeddings\.patch_embedding|layers?\.\d+\.(attention|self_attn|layernorm_))"),
    "open_clip": re.compile(r"(^|[./])transformer\.resblocks\.\d+\."),
    "torchvision": re.compile(r"(^|[./])encoder\.layers\.encoder_layer_\d+\."),
}


def naming_of(state: Iterable[str]) -> str | None:
    """Return the library whose names a vision transformer's tensors have; None where that is not known.

    Examples
    --------
    >>> naming_of(["model/blocks.0.attn.qkv.weight"])
    'timm'
    """
    names = list(state)
    return next((library for library, named in _NAMINGS.items() if any(map(named.search, names))), None)


@dataclass(frozen=True)
class Place:
    """A prefix under which some of the needed tensors are.

    Parameters
    ----------
    prefix
        What stands before their names in the checkpoint.
    dropped
        What the network's own names begin with that the checkpoint's do not.
    names
        The checkpoint's name of each tensor that is there.
    missing, unfit
        Those that are not there, and those of another shape.
    """

    prefix: str
    dropped: str
    names: Mapping[str, str]
    missing: list[str]
    unfit: list[str]

    @property
    def fits(self) -> bool:
        """Whether all that is needed is there as it should be."""
        return not self.missing and not self.unfit

    @property
    def is_wrapped(self) -> bool:
        """Whether the checkpoint's names have further words within them."""
        return any(there != self.prefix + name.removeprefix(self.dropped) for name, there in self.names.items())

    def part_beside(self, other: Place) -> str:
        """Name the part of the checkpoint that this place is in and another is not."""
        words, others = _words(self.prefix), _words(other.prefix)
        return next((word for word in words if word not in others), ".".join(words).strip("."))


@dataclass(frozen=True)
class _Tensors:
    """What is wanted, what the network has, and what the checkpoint has."""

    wanted: Mapping[str, torch.Tensor]
    present: Mapping[str, torch.Tensor]
    state: Mapping[str, torch.Tensor]

    def place(self, prefix: str, dropped: str, names: Mapping[str, str]) -> Place:
        """Return the place where the checkpoint has some of the wanted tensors under these names."""
        missing = [name for name in self.wanted if name not in names]
        unfit = [name for name, there in names.items() if self.state[there].shape != self.wanted[name].shape]
        return Place(prefix, dropped, names, missing, unfit)


def places_of(
    wanted: Mapping[str, torch.Tensor], present: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]
) -> list[Place]:
    """Return where the wanted tensors are, or most of them, those that are meant first.

    Parameters
    ----------
    wanted
        What is needed of a network, by its names there.
    present
        All tensors of the network.
    state
        The checkpoint's, as `algocli.features.networks.checkpoints.read_state` names them.
    """
    if not wanted:
        return [Place("", "", {}, [], [])]
    tensors = _Tensors(wanted, present, state)
    places: list[Place] = []
    for written in ({name: name for name in state}, {_bare(name): name for name in state}):
        places += [place for dropped in _beginnings(present) for place in _under(tensors, dropped, written)]
        places += _of_module(tensors, written)
        # Words within names are left out only where nothing fits as it is written.
        if any(place.fits for place in places):
            break
    return sorted(places, key=_order)


def _order(place: Place) -> tuple[int, ...]:
    words = _words(place.prefix)
    first, last = (sum(bool(pattern.search(word)) for word in words) for pattern in (_FIRST, _LAST))
    # Sorting keeps the checkpoint's order between those that are alike in all of this.
    return len(place.missing), len(place.unfit), last - first, len(place.dropped), place.is_wrapped, len(words)


def _words(prefix: str) -> list[str]:
    return re.split("[/.]", prefix)


def _under(tensors: _Tensors, dropped: str, written: Mapping[str, str]) -> list[Place]:
    """Return the places under each prefix that stands before the wanted names, of which the network's prefix is off."""
    short = {name.removeprefix(dropped): name for name in tensors.wanted}
    by_prefix: dict[str, dict[str, str]] = defaultdict(dict)
    for spelt, name in written.items():
        for start in (0, *(sign.end() for sign in re.finditer("[/.]", spelt))):
            if spelt[start:] in short:
                by_prefix[spelt[:start]][short[spelt[start:]]] = name
    return [tensors.place(prefix, dropped, names) for prefix, names in by_prefix.items()]


def _of_module(tensors: _Tensors, written: Mapping[str, str]) -> list[Place]:
    """Return the place in a state dict of the one module that holds all that is wanted.

    What a module alone calls its tensors ('0.weight') means little: all of them have to be there, and nothing else.
    """
    present = tensors.present
    for dropped in _beginnings(tensors.wanted)[len(_beginnings(present)) :]:
        names = {name: name.removeprefix(dropped) for name in present if name.startswith(dropped)}
        if set(names.values()) == written.keys() and all(
            tensors.state[written[names[name]]].shape == present[name].shape for name in names
        ):
            return [tensors.place("", dropped, {name: written[names[name]] for name in tensors.wanted})]
    return []


def _bare(name: str) -> str:
    """Return a name without words that wrappers put within it, in the spelling that torchvision has now."""
    return _OLD_DENSENET.sub(r".\1\2.", _WRAPPER.sub("", name))


def _beginnings(names: Mapping[str, torch.Tensor]) -> list[str]:
    """Return what all names begin with, up to each of its dots: '', 'module.', 'module.model.'."""
    first = next(iter(names), "")
    beginnings = [first[: dot.end()] for dot in re.finditer(r"\.", first)]
    return ["", *(beginning for beginning in beginnings if all(name.startswith(beginning) for name in names))]
