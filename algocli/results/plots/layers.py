"""Which layer of a network explains which part of a subject's cortex best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from algocli.challenge.subjects import Challenge
from algocli.encoding.runs import Run
from algocli.results.best_layer import DEFAULT_MIN_R, BlendedLayer, find_best_layers, name_layers
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.keys import Categories
from algocli.results.drawing.style import CONTEXT_COLOUR, ordered_colours
from algocli.results.plots.wishes import Wishes, category_colours
from algocli.results.scoring import scored_subjects

_LONGEST_LABEL = 36


def plot_best_layer(
    challenge: Challenge, run: Run, wishes: Wishes, min_r: float = DEFAULT_MIN_R
) -> Iterator[tuple[int, BrainMap]]:
    """Map which layer of a blend has the largest weight at each of a subject's vertices.

    Layers of one network have an order, that in which they were given, and colours from dark to light; layers of
    several have colours of their own. `find_best_layers` says what a weight means and which vertices have no layer.

    Raises
    ------
    UsageError
        If the run is no blend, or has more layers of several networks than there are colours.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    layers = name_layers(run)
    colours = [*_layer_colours(layers), CONTEXT_COLOUR]
    pairs = scored_subjects(challenge, run, wishes.subjects)
    for subject, _ in pairs:
        best = find_best_layers(subject, run, wishes.hemispheres, min_r)
        n_coloured = [best.count(code) for code in range(len(layers))]
        counts = [*n_coloured, best.n_vertices - sum(n_coloured)]
        names = [*(_shortened(layer.label) for layer in layers), "none"]
        key = Categories(
            [f"{name}  {100 * n / best.n_vertices:.0f} %" for name, n in zip(names, counts, strict=True)], colours
        )
        codes = {h: np.where(side < 0, len(layers), side).astype(np.float64) for h, side in best.codes.items()}
        drawn = wishes.on_surface(subject, codes)
        caption = f"{best.explain(min_r)}\nRun {run.name}.\n{wishes.count(drawn, codes)}"
        title = wishes.heading(_layers_title(layers), subject.number, pairs)
        outlines = wishes.outlines(subject)
        yield subject.number, BrainMap((Panel(drawn),), key, title, caption, wishes.surface, outlines)


def _layer_colours(layers: Sequence[BlendedLayer]) -> Sequence[str]:
    if len({layer.network for layer in layers}) == 1:
        return ordered_colours(len(layers))
    return category_colours(len(layers), "layers of several networks")


def _shortened(label: str) -> str:
    """Take the middle out of a name that would run into the caption."""
    return (
        label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL // 3]}…{label[-_LONGEST_LABEL * 2 // 3 :]}"
    )


def _layers_title(layers: Sequence[BlendedLayer]) -> str:
    networks = list(dict.fromkeys(layer.network for layer in layers))
    return f"Best layer of {networks[0]}" if len(networks) == 1 else "Best layer"
