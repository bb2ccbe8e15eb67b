"""A network that cannot be traced: it is run as it is, and what its modules yield is copied as it comes."""

from __future__ import annotations

import hashlib
import inspect
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle

from algocli.errors import DataError
from algocli.features.networks.attention import Part, find_parts
from algocli.features.networks.layers import Call, CallNames, last_node

_Hook = Callable[[torch.nn.Module, Any, Any], None]
Hidden = Callable[[Any], Any]
_Heard = Callable[[torch.nn.Module, Any, Any, Any], None]


class Watched:
    """A network whose layers are the calls of its modules, in the order in which they end.

    Parameters
    ----------
    images : (n, 3, side, side) each
        What the network is run on to see which modules run how often; without any, each is taken to run once.
    hidden
        Returns what of a module's output its layer is; by default all of it.

    Attributes
    ----------
    found
        The shapes of layers that have been tried out, or why they can be no feature.
    """

    calls: Mapping[str, str] = {}

    def __init__(
        self, network: torch.nn.Module, images: Sequence[torch.Tensor] = (), hidden: Hidden | None = None
    ) -> None:
        self._network = network
        self._hidden = hidden or _whole
        self._hooks: list[RemovableHandle] = []
        modules = [name for name, _ in network.named_modules() if name]
        runs = [_listen(network, some) for some in images] or [modules]
        self._n_calls = Counter(runs[0])
        self._varying = {name for name in modules if len({run.count(name) for run in runs}) > 1}
        names = CallNames(modules)
        numbers: Counter[str] = Counter()
        self._layers: dict[str, Call] = {}
        # Modules that never run are layers to ask for all the same: why they cannot be had is told then.
        for module in [*runs[0], *(name for name in modules if name not in self._n_calls)]:
            numbers[module] += 1
            self._layers[names.of_module(module)] = Call(module, numbers[module])
        self.names = list(self._layers)
        self.found: dict[str, tuple[int, ...] | str] = {}
        # Attention's query, key and value, of modules that run once.
        self._parts = {name: part for name, part in find_parts(network).items() if self._n_calls[part.module] == 1}
        self.parts = {name: part.module for name, part in self._parts.items()}

    def cut(self, layers: Sequence[str]) -> torch.nn.Module:
        """Return the whole network, which yields what the layers said; one cut before is no more of use."""
        for hook in self._hooks:
            hook.remove()
        wanted = {layer: self._call_of(layer) for layer in layers}
        watch = Watch(
            self._network, {call.module: self._n_calls[call.module] for call in wanted.values()}, self._hidden
        )
        by_module: dict[str, dict[str, int]] = {}
        for layer, call in wanted.items():
            by_module.setdefault(call.module, {})[layer] = call.number
        self._hooks = [
            self._network.get_submodule(module).register_forward_hook(
                watch.keep(module, numbers, self._parts), with_kwargs=True
            )
            for module, numbers in by_module.items()
        ]
        return watch.eval()

    def tensors(self, layer: str) -> dict[str, torch.Tensor]:
        """Return all tensors: nothing is known of what leads to a module."""
        return dict(self._network.state_dict())

    def code(self, layer: str) -> str:
        """Digest the whole network's settings and the source of its own classes."""
        kinds = {type(module) for module in self._network.modules()}
        sources = sorted(_source(kind) for kind in kinds if not kind.__module__.startswith("torch."))
        return digest([repr(self._network), *sources, layer])

    def call(self, layer: str) -> int | None:
        """Return the number of the call of a module that runs several times: once, its name stood for the last."""
        call = self._call_of(layer)
        return call.number if self._n_calls[call.module] > 1 else None

    def fault(self, layer: str) -> str | None:
        """Say that a module runs as often as an image has it."""
        if self._call_of(layer).module not in self._varying:
            return None
        return "runs more often for one image than for another: which time is meant is not the same for all"

    def _call_of(self, layer: str) -> Call:
        if layer in self._parts:
            return Call(self._parts[layer].module, 1)
        return self._layers[last_node(layer, self.names)]


class Watch(torch.nn.Module):
    """Runs a network and returns what some of its modules yielded, by name.

    Parameters
    ----------
    n_calls
        How often each of these modules runs.
    hidden
        Returns what of a module's output its layer is.
    """

    def __init__(self, network: torch.nn.Module, n_calls: Mapping[str, int], hidden: Hidden | None = None) -> None:
        super().__init__()
        self.network = network
        self._n_calls = dict(n_calls)
        self._hidden = hidden or _whole
        # Several threads run the network side by side.
        self._seen = threading.local()

    def forward(self, images: torch.Tensor) -> dict[str, Any]:
        """Run the network."""
        outputs: dict[str, Any] = {}
        self._seen.outputs, self._seen.counts = outputs, Counter()
        self.network(images)
        counts = self._seen.counts
        self._seen.outputs, self._seen.counts = {}, Counter()
        for module, usual in self._n_calls.items():
            if counts[module] != usual:
                raise DataError(
                    f"{module} runs {counts[module]} times for some images, where {usual} was expected",
                    hint="choose a layer that runs equally often for every image",
                )
        return outputs

    def keep(self, module: str, layers: Mapping[str, int], parts: Mapping[str, Part]) -> _Heard:
        """Return a forward hook that keeps what some calls of a module yield, or the parts of attention in one."""

        def hook(called: torch.nn.Module, inputs: Any, named: Any, output: Any) -> None:
            self._seen.counts[module] += 1
            for layer, number in layers.items():
                if number == self._seen.counts[module]:
                    part = parts.get(layer)
                    kept = part.of_call(called, inputs, named, output) if part else self._hidden(output)
                    self._seen.outputs[layer] = _copied(kept)

        return hook

    def every(self, images: torch.Tensor) -> dict[str, Any]:
        """Return what every call of every module yields, in the order in which they end."""
        names = CallNames([name for name, _ in self.network.named_modules()])
        outputs: dict[str, Any] = {}

        def keep(name: str, output: Any) -> None:
            outputs[names.of_module(name)] = _copied(self._hidden(output))

        with _hooked(self.network, keep):
            self.network(images)
        return outputs


def digest(lines: Iterable[str]) -> str:
    """Digest lines of text."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _whole(output: Any) -> Any:
    return output


def _copied(output: Any) -> Any:
    """Return an output that nothing changes any more: what follows may do so in place."""
    return output.clone() if isinstance(output, torch.Tensor) else output


def _listen(network: torch.nn.Module, images: torch.Tensor) -> list[str]:
    """Return the modules in the order in which their calls end."""
    heard: list[str] = []
    with _hooked(network, lambda name, _output: heard.append(name)), torch.inference_mode():
        network(images)
    return heard


@contextmanager
def _hooked(network: torch.nn.Module, hear: Callable[[str, Any], None]) -> Iterator[None]:
    """Tell of every call of every module what it yields."""

    def tell(name: str) -> _Hook:
        return lambda _module, _inputs, output: hear(name, output)

    hooks = [module.register_forward_hook(tell(name)) for name, module in network.named_modules() if name]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _source(kind: type) -> str:
    try:
        return inspect.getsource(kind)
    # Written at a prompt, or not in Python: its name has to do.
    except (OSError, TypeError):
        return f"{kind.__module__}.{kind.__qualname__}"
