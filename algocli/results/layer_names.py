"""What layers are called beside each other: by their nodes, as far as that tells them apart, or as a user likes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from algocli.errors import UsageError
from algocli.runs.networks import network_of
from algocli.runs.run import Run


@dataclass(frozen=True)
class LayerOfRun:
    """One of the layers: the name of its features, what to call it beside the others, and its network.

    `whose` tells the run, the network and its weights, by the names that rows have for them.
    """

    features: str
    label: str
    network: str
    whose: dict[str, Any] = field(default_factory=dict)


def name_layers(run: Run, features: Sequence[str]) -> tuple[LayerOfRun, ...]:
    """Name layers as shortly as tells them apart: of one network without it, of one recipe by their features."""
    layers = shortly(list(named_by_recipe(run, features)))
    if len({layer.label for layer in layers}) < len(layers):
        layers = [replace(layer, label=layer.features) for layer in layers]
    return tuple(layers)


def shortly(layers: list[LayerOfRun]) -> list[LayerOfRun]:
    """Leave out the network where it is the same of all."""
    if len({layer.network for layer in layers}) > 1:
        return layers
    return [replace(layer, label=layer.label.removeprefix(f"{layer.network} ")) for layer in layers]


def named_by_recipe(run: Run, features: Sequence[str]) -> Iterator[LayerOfRun]:
    """Name each layer by network and node; without a recipe its features' name is all there is."""
    for name in features:
        made = network_of(run, name)
        label = made.model if made.layer is None else f"{made.model} {made.layer}"
        yield LayerOfRun(name, label, made.model, {"run": run.name, "model": made.model, "weights": made.weights})


def check_labels(labels: Sequence[str], n: int, kind: str) -> Sequence[str]:
    """Return labels of so many runs, or layers.

    Raises
    ------
    UsageError
        If there are other than as many, or two alike.
    """
    if len(labels) != n:
        raise UsageError(
            f"labels=...: {len(labels)} for {n} {kind}", hint=f"give each of the {kind} one, in the order of the {kind}"
        )
    if len(set(labels)) < n:
        twice = next(word for place, word in enumerate(labels) if word in labels[:place])
        raise UsageError(f"labels=...: two {kind} are called {twice!r}", hint="give each its own")
    return labels
