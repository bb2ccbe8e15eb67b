"""What one run found for each layer at each vertex, as a blend its weights, and what its layers are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side
from algocli.encoding.regressions.models import PerLayer
from algocli.encoding.regressions.registry import regression_of
from algocli.errors import DataError
from algocli.features.store.commands import IMPORTED
from algocli.features.store.library import read_recipe
from algocli.runs.run import Run


@dataclass(frozen=True)
class LayerOfRun:
    """One of the layers: the name of its features, what to call it beside the others, and its network."""

    features: str
    label: str
    network: str


def per_layer(run: Run) -> PerLayer | None:
    """Return what a run's regression finds for each layer, or None.

    Raises
    ------
    DataError
        If the run's settings are missing or damaged.
    """
    return regression_of(run.settings).per_layer


def read_per_layer(run: Run, number: SubjectId, hemisphere: Side, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Read what a run found for each layer, (n_layers, n_vertices): by the refit, or by all folds together.

    Parameters
    ----------
    shape
        That the values are to have.

    Raises
    ------
    DataError
        If the array is missing or of another shape.
    MissingStep
        If the run has not been trained on the subject.
    """
    found = per_layer(run)
    assert found is not None  # whoever asks has looked
    fits = run.subject(number).of_regression(found.array, hemisphere)
    if fits.shape[1:] != shape:
        raise DataError(
            f"the {hemisphere} {found.value}s of the run's subject {number} are of shape {fits.shape}; fits of "
            f"{shape[0]} layers x {shape[1]} vertices were expected",
            hint="train this subject again with force=True",
        )
    return np.asarray(fits[-1] if run.settings.refit else fits.mean(axis=0), dtype=np.float64)


def columns_per_layer(run: Run, number: SubjectId, hemisphere: Side, n_vertices: int) -> dict[str, NDArray[np.float64]]:
    """Return the same layer by layer, (n_vertices,) each, by names that columns and files may have: weight.features.2.

    Nothing where the run's regression finds nothing for each layer; errors are those of `read_per_layer`.
    """
    found = per_layer(run)
    if found is None:
        return {}
    layers = name_layers(run, run.settings.features)
    names = [re.sub(r"[^A-Za-z0-9._-]+", "-", layer.label) for layer in layers]
    # What differed in letters that a file cannot have differs by its features' names, which can be files.
    names = names if len({name.lower() for name in names}) == len(names) else [layer.features for layer in layers]
    values = read_per_layer(run, number, hemisphere, (len(layers), n_vertices))
    return {f"{found.value}.{name}": own for name, own in zip(names, values, strict=True)}


def name_layers(run: Run, features: Sequence[str]) -> tuple[LayerOfRun, ...]:
    """Name layers as shortly as tells them apart: of one network without it, of one recipe by their features."""
    layers = list(_named_by_recipe(run.cache_dir / "features", features))
    if len({layer.network for layer in layers}) == 1:
        layers = [replace(layer, label=layer.label.removeprefix(f"{layer.network} ")) for layer in layers]
    if len({layer.label for layer in layers}) < len(layers):
        layers = [replace(layer, label=layer.features) for layer in layers]
    return tuple(layers)


def _named_by_recipe(home: Path, features: Sequence[str]) -> Iterator[LayerOfRun]:
    """Name each layer by network and node; without a recipe its features' name is all there is."""
    for name in features:
        try:
            recipe = read_recipe(home / name)
        except DataError:
            yield LayerOfRun(name, name, name)
            continue
        if recipe["layer"] == IMPORTED:
            yield LayerOfRun(name, name, name)
        else:
            yield LayerOfRun(name, f"{recipe['model']} {recipe['layer']}", recipe["model"])
