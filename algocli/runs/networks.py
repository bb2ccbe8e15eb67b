"""Which networks and layers the numbers of a run are of, in words; and whether anything was learned by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algocli.compute.remarks import list_some
from algocli.errors import DataError, MissingStep
from algocli.features.networks.weights import random_seed
from algocli.features.store.commands import IMPORTED, is_imported
from algocli.features.store.library import read_recipe
from algocli.runs.run import Run

# Under which a record tells it, by the names of features.
RECORDED = "networks"


@dataclass(frozen=True)
class Networks:
    """What the features of a run are, those of several layers joined by ' + '.

    Attributes
    ----------
    model
        The networks; of features that were imported, or of which nothing is known any more, their name.
    layer, weights
        Of which layers, and by which weights; None where there is none, or nobody knows any more.
    """

    model: str
    layer: str | None
    weights: str | None

    @property
    def fields(self) -> dict[str, Any]:
        """Return them by name, as rows have them."""
        return {"model": self.model, "layer": self.layer, "weights": self.weights}


def networks_of(run: Run) -> Networks:
    """Say what a run's features are.

    Raises
    ------
    DataError
        If the run's settings are missing or damaged.
    """
    each = [network_of(run, name) for name in run.settings.features]
    models = dict.fromkeys(network.model for network in each)
    layers = [network.layer for network in each if network.layer is not None]
    weights = dict.fromkeys(network.weights for network in each if network.weights is not None)
    return Networks(" + ".join(models), " + ".join(layers) or None, " + ".join(weights) or None)


def network_of(run: Run, features: str) -> Networks:
    """Say what features of one layer are, which a run was made from: as its records tell, or else the cache."""
    for number in run.subjects[:1]:
        # Another process may be about to replace the run; what is damaged is told by whoever reads its numbers.
        with suppress(DataError, MissingStep, KeyError, TypeError):
            return Networks(**run.subject(number).record[RECORDED][features])
    return _made_by(run.cache_dir, features)


def record(cache_dir: Path, features: Iterable[str]) -> dict[str, Any]:
    """Return what a run's records keep of this: it is asked for when the features may be gone."""
    return {RECORDED: {name: _made_by(cache_dir, name).fields for name in features}}


def tell_random_weights(runs: Iterable[Run]) -> Iterator[str]:
    """Say in a line each whose weights are random, of all networks that some runs' features are from."""
    by_name = {run.name: run for run in runs}
    drawn: dict[tuple[str, int], list[str]] = {}
    for run in by_name.values():
        for name in run.settings.features:
            network = network_of(run, name)
            seed = None if network.weights is None else random_seed(network.weights)
            if seed is not None:
                named = drawn.setdefault((network.model, seed), [])
                named += [run.name] * (run.name not in named)
    for (model, seed), names in drawn.items():
        whose = "" if len(names) == len(by_name) == 1 else f"{_listed(names, len(by_name))}: "
        yield f"{whose}the weights of {model} are random (seed {seed}), and learned nothing"


def called(run: Run) -> str:
    """Name a run, as captions do, and say there if its weights are random."""
    return f"{run.name} (random weights)" if [*tell_random_weights([run])] else run.name


def name_runs(runs: Iterable[Run]) -> str:
    """Name runs as a caption has them."""
    names = [called(run) for run in runs]
    return f"Run{'s' if len(names) > 1 else ''} {', '.join(names)}."


def _listed(names: list[str], n_runs: int) -> str:
    if len(names) == n_runs:
        return "all runs"
    return f"run{'s' if len(names) > 1 else ''} {list_some(names)}"


def _made_by(cache_dir: Path, name: str) -> Networks:
    """Say what a cache knows of features; of others' it is their name, and of what is gone too."""
    with suppress(DataError, KeyError, TypeError):
        recipe = read_recipe(cache_dir / "features" / name)
        if not is_imported(recipe) and recipe["layer"] != IMPORTED:
            return Networks(*(str(recipe[field]) for field in ("model", "layer", "weights")))
    return Networks(name, None, None)
