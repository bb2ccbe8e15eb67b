"""The networks of a sweep: each is opened once, whatever is wanted of it, and cut at all layers that are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from algocli.compute.patterns import is_pattern
from algocli.compute.remarks import counted
from algocli.compute.track import Note
from algocli.errors import AlgocliError, StorageError, UsageError
from algocli.features.networks.names import canonical
from algocli.pipeline.making import load, of_network, passage_of
from algocli.pipeline.sweep_grid import Entry, told_together

if TYPE_CHECKING:
    from algocli.features.extraction import Wanted
    from algocli.features.networks.graphs import Graph
    from algocli.features.networks.network import Network


@dataclass(frozen=True)
class Asking:
    """How networks are opened, and images passed through them."""

    device: str
    batch_size: int | None
    trust_remote_code: bool


@dataclass
class Swept:
    """A network of a sweep, with all that is wanted of it.

    Attributes
    ----------
    requests
        Layers by names and patterns, and the options by which features are made of them. No layers stand for some that
        are spread over the network.
    common
        Layers that are asked of all networks: each takes those that it has.
    spread
        Whether it was left to us which layers, which is told.
    """

    model: str
    requests: list[tuple[tuple[str, ...] | None, dict[str, Any]]]
    common: tuple[str, ...] = ()
    spread: bool = False
    fitting: set[str] = field(default_factory=set)
    _chosen: list[list[str]] = field(default_factory=list)

    def open(self, asking: Asking, note: Note) -> list[Wanted]:
        """Load the network, cut at all layers that are asked for, and return what is wanted of it.

        Raises
        ------
        UsageError, DataError
            If it cannot be had, or has no such layer.
        """
        from algocli.features.extraction import Wanted

        (first, how), trust = self.requests[0], asking.trust_remote_code
        # Where it is said what is wanted, and one kind of it, the network alone says which layers these are.
        words = list(first) if first is not None and len(self.requests) == 1 else self._choose
        backbone = load(self.model, words, how, asking.device, trust_remote_code=trust, note=note)
        there = [layer.name for layer in backbone.layers]
        wanted = []
        for names, (_, making) in zip(self._chosen or [there], self.requests, strict=True):
            layers = tuple(name for name in names if name in there)
            if not layers:
                raise UsageError(f"no layer of {self.model} that fits {', '.join(names)} can be a feature")
            each = Wanted(backbone, passage_of(making, asking.device, asking.batch_size), layers)
            # A layer that cannot be reduced so is told now.
            _ = each.reducers
            wanted.append(each)
        return wanted

    def _choose(self, built: Network, graph: Graph) -> list[str]:
        """Return all names and patterns that are asked for, and keep what each request means by its own."""
        from algocli.features.networks.layers import resolve_layers

        self._chosen, words = [], list[str]()
        for layers, _ in self.requests:
            own = self._words(layers, built, graph)
            words += own
            self._chosen.append(resolve_layers(own, graph.names, self.model, {**graph.calls, **graph.parts}))
        return list(dict.fromkeys(words))

    def _words(self, layers: tuple[str, ...] | None, built: Network, graph: Graph) -> list[str]:
        from algocli.features.networks.backbones import measure
        from algocli.features.networks.layers import modules_of, no_layer
        from algocli.features.networks.spread import spread

        if layers is not None:
            return list(layers)
        if not self.common:
            self.spread = True
            return spread(measure(built, graph, graph.names, ["*"]))
        names = [*graph.names, *modules_of(graph.names, {**graph.calls, **graph.parts})]
        own = [word for word in self.common if word in names or _fits_any(word, graph.names)]
        self.fitting |= set(own)
        if not own:
            raise no_layer(self.common[0], names, self.model)
        return own


def _fits_any(word: str, names: Iterable[str]) -> bool:
    return is_pattern(word) and any(fnmatchcase(name, word) for name in names)


def gather_networks(entries: Sequence[Entry], common: Sequence[str], own: Mapping[str, tuple[str, ...]]) -> list[Swept]:
    """Return each network once, with all that some entries want of it.

    Parameters
    ----------
    common, own
        Layers that are asked of all networks that name none, and of single ones by their names.

    Raises
    ------
    UsageError
        If layers are named of a network that is none of these.
    """
    models = [entry.model for entry in entries]
    own = {canonical(model): layers for model, layers in own.items()}
    for model in own:
        if model not in models:
            raise UsageError(
                f"layers of {model} are named, which is no network of the sweep",
                hint=f"its networks: {', '.join(models)}",
            )
    networks: dict[str, Swept] = {}
    for entry in entries:
        # What is asked of all of one network is asked of that.
        layers = entry.layers or own.get(entry.model) or (tuple(common) or None if len(entries) == 1 else None)
        for how in entry.ways():
            # Networks that run in two modes pass twice: what changes their numbers changes all of them.
            key = f"{entry.model} {sorted(of_network(how).items())} {how.get('numerics')}"
            swept = networks.setdefault(key, Swept(entry.model, [], tuple(common)))
            swept.requests.append((layers, how))
    return list(networks.values())


def check_common(networks: Sequence[Swept], common: Sequence[str]) -> None:
    """Refuse layers that are asked of all networks, once these are open, and that none has.

    Raises
    ------
    UsageError
        If there are some.
    """
    asked = [swept for swept in networks if any(layers is None for layers, _ in swept.requests)]
    for word in common if asked else ():
        if not any(word in swept.fitting for swept in asked):
            raise UsageError(
                f"layers={word!r}: none of these networks has such a layer", hint=f"algocli layers {asked[0].model}"
            )


class Faults:
    """What keeps networks from being swept, gathered so that all of it is told at once."""

    def __init__(self, n_networks: int) -> None:
        self._n_networks = n_networks
        self._by_model: dict[str, AlgocliError] = {}

    def note(self, model: str, error: AlgocliError) -> None:
        """Keep what one network is refused for; what concerns the disk concerns all."""
        if isinstance(error, StorageError):
            raise error
        self._by_model.setdefault(model, error)

    def refuse(self) -> None:
        """Raise what was noted, if anything was.

        Raises
        ------
        AlgocliError
            With the reason of each network.
        """
        if self._n_networks == 1 and self._by_model:
            raise next(iter(self._by_model.values()))
        if self._by_model:
            raise told_together(
                self._by_model, f"{len(self._by_model)} of {counted(self._n_networks, 'networks')} cannot be swept"
            )
