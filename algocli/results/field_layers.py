"""Whose windows are meant where each layer has its own: those on one layer, or at each vertex on the heaviest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side
from algocli.errors import DataError, UsageError
from algocli.results.layer_names import name_layers
from algocli.runs.commands import again
from algocli.runs.run import Run


def layers_apart(run: Run) -> tuple[str, ...]:
    """Return what layers are called that have windows of their own; nothing where all have one together."""
    if not run.settings.field_per_layer:
        return ()
    seen = run.settings.features[: run.settings.field_layers]
    return tuple(layer.label for layer in name_layers(run, run.settings.features))[: len(seen)]


def place_of(run: Run, layer: str | None) -> int | None:
    """Return which of the layers that have windows of their own is meant; None where none is named.

    Raises
    ------
    UsageError
        If all layers have one window together, or none of those that have their own is called so.
    """
    layers = layers_apart(run)
    if layer is None:
        return None
    if not layers:
        raise UsageError(
            f"run {run.name} has one window of all its layers at each vertex: layer={layer!r} has no say",
            hint="leave it out; field_per_layer=True gives each layer its own",
        )
    called: dict[str, int] = dict(
        zip((*layers, *run.settings.features[: len(layers)]), [*range(len(layers))] * 2, strict=True)
    )
    if layer not in called:
        raise UsageError(f"layer={layer!r}: run {run.name} has windows on {', '.join(layers)}")
    return called[layer]


def read_weights(run: Run, subject: SubjectId, hemisphere: Side, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Read how much each layer's window weighs at each vertex, (n_layers, n_vertices), which `shape` is to be.

    Raises
    ------
    DataError
        If they are damaged, or of another shape.
    """
    fits = run.subject(subject).of_regression("blend", hemisphere)
    if fits.ndim != 3 or fits.shape[1] < shape[0] or fits.shape[2] != shape[1] or not len(fits):
        raise DataError(
            f"the {hemisphere} weights of the run's subject {subject} are of shape {fits.shape}; fits of {shape[0]} "
            f"layers x {shape[1]} vertices were expected",
            hint=again(run.folder, [subject]),
        )
    # What ridge weighs comes last.
    weights = fits[-1] if run.settings.refit else fits.mean(axis=0)
    return np.asarray(weights[: shape[0]], dtype=np.float64)


def take_heaviest(each: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take at each vertex the window of the layer that weighs most, (4, n_vertices), of (n_layers, 4, n_vertices)."""
    taken: NDArray[np.float64] = np.take_along_axis(each, weights.argmax(axis=0)[None, None], axis=0)[0]
    nothing = ~weights.any(axis=0)
    taken[:3, nothing] = np.nan
    taken[3, nothing & ~np.isnan(taken[3])] = 0
    return taken


def tell_layer(run: Run, layer: str | None = None) -> str:
    """Say whose windows are shown, as a caption goes on; nothing where all layers have one together."""
    if not run.settings.field_per_layer:
        return ""
    return f" Windows on {layer}." if layer else " At each vertex the window on the layer that weighs most."


def tell_apart(run: Run) -> list[str]:
    """Say whose windows numbers are about where each layer has its own."""
    apart = run.settings.field_per_layer
    return ["receptive fields: at each vertex those on the layer that weighs most"] if apart else []
