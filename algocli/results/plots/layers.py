"""Which layer of a network explains which part of a subject's cortex best: on the cortex, and by ROI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset
from algocli.results.best_layer import DEFAULT_MIN_R, BestLayers, LayersByRoi, find_best_layers, layers_by_roi
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.heatmap import draw_heatmap
from algocli.results.drawing.keys import Categories
from algocli.results.drawing.style import CONTEXT_COLOUR, ordered_colours
from algocli.results.layered import Layered, layered
from algocli.results.plots.request import Wishes, all_shortened, category_colours
from algocli.runs.run import Run


def plot_best_layer(
    challenge: Dataset, runs: Sequence[Run], wishes: Wishes, min_r: float = DEFAULT_MIN_R
) -> Iterator[tuple[SubjectId, BrainMap]]:
    """Map the best layer of each of a subject's vertices: by what one run found for each, or by r of several runs.

    Layers of one network have an order, that in which they were given, and colours from dark to light; layers of
    several have colours of their own. `find_best_layers` says which vertices have no layer.

    Raises
    ------
    UsageError
        If the runs have no layers to compare, or more of several networks than there are colours.
    DataError, MissingStep
        If data and runs do not fit together, or a subject is missing from any of them.
    """
    compared = layered(runs, wishes.labels, nested=wishes.nested)
    colours, n_layers = layer_colours(compared), len(compared.layers)
    subjects = compared.subjects(challenge, wishes.subjects)
    for subject in subjects:
        best = find_best_layers(subject, compared, wishes.sides(subject), min_r, wishes.min_ceiling)
        key = best_layer_key(best, compared, colours)
        codes = {h: np.where(side < 0, n_layers, side).astype(np.float64) for h, side in best.codes.items()}
        drawn = wishes.on_surface(subject, codes)
        said = f"{best.explain(min_r, compared)} {compared.remark(subject.id)}\n{compared.named}"
        # Those of a low ceiling have been counted.
        caption = f"{said}\n{replace(wishes, min_ceiling=0).count(drawn, codes)}"
        title = wishes.heading(f"Best layer{of_network(compared)}", subject.id, subjects)
        outlines = wishes.outlines(subject)
        yield subject.id, BrainMap((Panel(drawn),), key, title, caption, wishes.surface, outlines)


def plot_layers(
    challenge: Dataset, runs: Sequence[Run], wishes: Wishes, rois: Sequence[str] = ()
) -> Iterator[tuple[SubjectId, Chart[LayersByRoi]]]:
    """Draw layers by ROI for each subject: median r of a run each, or the mean of what one found; all share one scale.

    Raises
    ------
    UsageError
        If the runs have no layers to compare, or the data names no such ROI.
    DataError, MissingStep
        If data and runs do not fit together, or a subject is missing from any of them.
    """
    compared, tables = layers_by_roi(challenge, runs, rois=rois, **wishes.of_layers)
    everything = np.concatenate([side.ravel() for table in tables for side in table.values.values()])
    scale = wishes.scale(everything, compared.words.summary)
    labels = all_shortened([layer.label for layer in compared.layers])
    heading = f"Layers{of_network(compared)}: {compared.words.summary} by ROI"
    said = f"{compared.words.explained}.{wishes.told_ceiling}"
    for table in tables:
        is_absent = any((n == 0).any() for n in table.n_vertices.values())
        marks = "A frame marks the largest value" + (", a dash a ROI that is absent." if is_absent else ".")
        yield (
            table.subject,
            draw_heatmap(
                table,
                scale,
                labels=labels,
                title=wishes.heading(heading, table.subject, tables),
                caption=f"{said} {marks} {compared.remark(table.subject)}\n{compared.named}",
                dpi=wishes.dpi,
                theme=wishes.theme,
            ),
        )


def best_layer_key(best: BestLayers, compared: Layered, colours: Sequence[str]) -> Categories:
    """Return a colour for each layer and one for no layer, with the percent of vertices that have it."""
    n_best = [best.count(code) for code in range(len(compared.layers))]
    n_of = [*n_best, best.n_vertices - sum(n_best)]
    labels = [*all_shortened([layer.label for layer in compared.layers]), "none"]
    told = [f"{label}  {100 * n / max(best.n_vertices, 1):.0f} %" for label, n in zip(labels, n_of, strict=True)]
    return Categories(told, [*colours, CONTEXT_COLOUR])


def layer_colours(compared: Layered) -> Sequence[str]:
    """Return a colour for each layer: in order for those of one network, of their own for those of several.

    Raises
    ------
    UsageError
        If there are more of several networks than colours.
    """
    n_layers = len(compared.layers)
    if compared.network is not None:
        return ordered_colours(n_layers)
    return category_colours(n_layers, "layers of several networks")


def of_network(compared: Layered) -> str:
    """Say whose layers they are, as a title goes on; nothing where they are of several networks."""
    return f" of {compared.network}" if compared.network is not None else ""
