"""Whether a network is a function of its image: passed again, alone or among others, an image gives the same.

Features of a network that is not (dropout that is always on, noise, statistics of the batch, something that is counted
from image to image) would be chance, and nothing that looks at them later could tell. It is refused before the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from algocli.errors import UsageError
from algocli.features.networks.compiler import compiler_put_off
from algocli.features.networks.graphs import EveryNode
from algocli.features.networks.network import told_as
from algocli.features.networks.numerics import ROUNDING, Numerics, autocast, one_core_each, products
from algocli.features.networks.probing import DARK, NOISE, PHOTOGRAPH, probe_pixels
from algocli.features.networks.watched import Watch

if TYPE_CHECKING:
    from algocli.features.networks.backbones import Backbone

# What the layers yield for some of the images, by name.
_Run = Callable[[tuple[int, ...]], Mapping[str, Any]]

_REPEATED = "passed again, the same images give other numbers"
_ELSEWHERE = "in another batch, the same image gives other numbers"
_DRAWN = "it draws random numbers, and what it yields hangs on them"
_REMEDIES = {
    _REPEATED: "dropout, sampling or a memory of earlier images has to rest while features are taken",
    _ELSEWHERE: "statistics over a batch have to be replaced by those of training, or left out",
    _DRAWN: "dropout and sampling have to rest while features are taken; what is random for good is drawn once, "
    "where the network is built",
}


class _Question(NamedTuple):
    """Whether the photograph comes out of other images as it comes out of the first; `draws` replaces what is drawn."""

    fault: str
    images: tuple[int, ...]
    draws: float | None = None

    @property
    def same(self) -> bool:
        """Whether all images are the first ones."""
        return self.images == _FIRST


_FIRST = (PHOTOGRAPH, NOISE)
_QUESTIONS = (
    _Question(_REPEATED, _FIRST),
    _Question(_ELSEWHERE, (DARK, PHOTOGRAPH)),
    _Question(_ELSEWHERE, (PHOTOGRAPH,)),
)
# However rarely a draw shows (dropout of one in a million), at one end of what can be drawn it does.
_ENDS = (_Question(_DRAWN, _FIRST, 0.0), _Question(_DRAWN, _FIRST, 1 - 2**-24))


def try_network(backbone: Backbone, device: str, numerics: Numerics) -> None:
    """See that a network's layers are functions of an image; it is tried once on a device in a mode.

    Raises
    ------
    UsageError
        If they are not, naming the first layer where it begins.
    """
    if (device, numerics) in backbone.tried:
        return
    pixels = torch.from_numpy(probe_pixels(backbone.transform.size))
    rounding = ROUNDING[numerics]
    exact = 0.0 if device == "cpu" else rounding
    remedy = None if numerics == "float32" else "numerics='float32' is what every network runs in"

    def running(outputs: Callable[[torch.Tensor], Mapping[str, Any]]) -> _Run:
        def run(images: tuple[int, ...]) -> Mapping[str, Any]:
            with told_as(f"{backbone.model} does not run in {numerics} on {device}", remedy):
                return outputs(backbone.transform.normalise(pixels[list(images)].to(device)))

        return run

    with _as_extracted(device, numerics):
        answer = _ask(running(backbone.network), exact, rounding)
        if answer is not None:
            question, layer = answer
            every = _compare(running(lambda images: _every(backbone.network, images)), question, exact, rounding)
            raise UsageError(
                f"{backbone.model} is no function of its image: {question.fault}, from layer {every or layer} on",
                hint=_REMEDIES[question.fault],
            )
    backbone.tried.add((device, numerics))


@contextmanager
def _as_extracted(device: str, numerics: Numerics) -> Iterator[None]:
    """Run a network as an extraction does; torch's generator is left as it was found."""
    with (
        torch.random.fork_rng(devices=[]),
        torch.inference_mode(),
        one_core_each(device),
        products(numerics),
        autocast(numerics, device),
    ):
        yield


def _ask(run: _Run, exact: float, rounding: float) -> tuple[_Question, str] | None:
    """Return the first question that is answered with no, and a layer that differs."""
    first, drawing = run(_FIRST), _Draws()
    with drawing:
        # In the reverse order: what remembers other images shows when the first ones come again.
        others = [run(question.images) for question in reversed(_QUESTIONS)][::-1]
    for question, other in zip(_QUESTIONS, others, strict=True):
        layer = _differing(first, other, question, exact, rounding)
        if layer is not None:
            return question, layer
    for question in _ENDS if drawing.seen else ():
        layer = _compare(run, question, exact, rounding)
        if layer is not None:
            return question, layer
    return None


def _compare(run: _Run, question: _Question, exact: float, rounding: float) -> str | None:
    first = run(_FIRST)
    if question.fault == _REPEATED:
        run((DARK, PHOTOGRAPH))
    with _Draws(question.draws):
        other = run(question.images)
    return _differing(first, other, question, exact, rounding)


def _differing(
    first: Mapping[str, Any], other: Mapping[str, Any], question: _Question, exact: float, rounding: float
) -> str | None:
    """Return the first layer whose output differs."""
    for layer, output in first.items():
        if layer not in other:
            continue
        if question.same:
            pairs = list(zip(tree_leaves(output), tree_leaves(other[layer]), strict=False))
        else:
            place = question.images.index(PHOTOGRAPH)
            pairs = [
                (here[0], there[place])
                for here, there in zip(tree_leaves(output), tree_leaves(other[layer]), strict=False)
                # What has no row for each image may well differ: a size, a mean over the batch that is used later.
                if _has_rows(here, len(_FIRST)) and _has_rows(there, len(question.images))
            ]
        if any(_differs(here, there, exact if question.same else rounding) for here, there in pairs):
            return layer
    return None


def _has_rows(output: Any, n: int) -> bool:
    return isinstance(output, torch.Tensor) and output.ndim > 1 and output.shape[0] == n


def _differs(output: Any, other: Any, tolerance: float) -> bool:
    """Say whether two outputs differ by more than a share of the larger one; NaN is equal to NaN."""
    if not isinstance(output, torch.Tensor) or not isinstance(other, torch.Tensor):
        return (
            isinstance(output, int | float) and isinstance(other, int | float) and output != other and output == output
        )
    if output.shape != other.shape:
        return True
    apart = (output != other) & ~((output != output) & (other != other))
    if not apart.any() or not output.is_floating_point():
        return bool(apart.any())
    gap = (output[apart].double() - other[apart].double()).abs()
    finite = output[output.isfinite()].double()
    # Infinity or NaN on one side alone is beyond any tolerance.
    return not bool((gap <= tolerance * (finite.abs().max() if len(finite) else 0.0)).all())


def _every(network: torch.nn.Module, images: torch.Tensor) -> Mapping[str, Any]:
    """Return what all layers of a network that was cut yield, not only those that it was cut at."""
    if isinstance(network, Watch):
        return network.every(images)
    if isinstance(network, fx.GraphModule):
        interpreter = EveryNode(network)
        interpreter.run(images)
        return interpreter.outputs
    outputs: Mapping[str, Any] = network(images)
    return outputs


@compiler_put_off
class _Draws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees whether random numbers are drawn, and replaces them where it has a number to put in their place.

    A draw from a generator that the code made for it is left alone: with a seed of its own it may well be the same for
    every image.
    """

    def __init__(self, replacement: float | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen = False
        self._replacement = replacement

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation."""
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        # Of dropout, the draw alone: all of it, at rest or not, is one operation here.
        with self:
            parts = func.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        before = _generators()
        output = func(*args, **kwargs)
        # Attention, for one, is among these whether or not it is to drop anything.
        if all(map(torch.equal, before, _generators())):
            return output
        self.seen = True
        if self._replacement is None:
            return output
        if func._schema.is_mutable:
            _replace(output, self._replacement)
            return output
        return tree_map_only(torch.Tensor, lambda drawn: _replace(drawn.clone(), self._replacement), output)


def _generators() -> list[torch.Tensor]:
    """Return the states of the generators that all share."""
    on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return [torch.get_rng_state(), *on_gpu]


def _replace(drawn: torch.Tensor, value: float | None) -> torch.Tensor:
    """Put a number in the place of all that was drawn; of whole numbers one end cannot be told from here."""
    if drawn.is_floating_point() and value is not None:
        return drawn.fill_(value)
    return drawn.fill_(bool(value)) if drawn.dtype == torch.bool else drawn
