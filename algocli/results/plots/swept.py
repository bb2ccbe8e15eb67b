"""The models of a sweep by ROI: one heatmap of a subject, or of the means over several."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from algocli.compute.remarks import counted
from algocli.dataset.sides import Side
from algocli.results.best_layer import LayersByRoi
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.heatmap import draw_heatmap
from algocli.results.layer_names import LayerOfRun
from algocli.results.plots.request import Wishes
from algocli.results.swept import SweptScores
from algocli.results.telling import SCORED_ON, shortened

_MEASURE = "mean r"
# Letters of a row's name.
_LONGEST = 64


def plot_swept(swept: SweptScores, wishes: Wishes) -> Chart[LayersByRoi]:
    """Draw the mean r of every model in every ROI, network by network in the order of their layers.

    A ROI's value is the mean over those subjects who have it.
    """
    table = _as_table(swept)
    n_subjects, whose = len(swept.subjects), swept.subjects[0]
    several = n_subjects > 1
    values = np.concatenate([side.ravel() for side in table.values.values()])
    over = f", mean over {n_subjects} subjects" if several else ""
    is_absent = any((n == 0).any() for n in table.n_vertices.values())
    marks = "A frame marks the largest value" + (", a dash a ROI that is absent." if is_absent else ".")
    heading = f"{_MEASURE.capitalize()} by ROI, {f'{n_subjects} subjects' if several else f'subject {whose}'}"
    return draw_heatmap(
        table,
        wishes.scale(values, f"{_MEASURE}{over}"),
        labels=[shortened(model.label, _LONGEST) for model in swept.models],
        parted=[place for place, (one, other) in enumerate(pairwise(swept.models), 1) if one.network != other.network],
        title=wishes.title or f"{counted(len(swept.models), 'models')}: {heading[0].lower()}{heading[1:]}",
        caption=(
            f"Mean r of each layer's own model over the vertices of a ROI{over}, on {SCORED_ON}.{wishes.told_ceiling} "
            f"{marks} The best of several looks better on the images that it was chosen by than on others."
        ),
        dpi=wishes.dpi,
        theme=wishes.theme,
    )


def _as_table(swept: SweptScores) -> LayersByRoi:
    """Return the scores as layers by ROI, for one hemisphere after the other."""
    ranked = swept.ranked
    values: dict[Side, NDArray[np.float64]] = {}
    n_vertices: dict[Side, NDArray[np.int64]] = {}
    for side in swept.sides:
        means = [[ranked.mean_over(run, swept.subjects, [roi], [side]) for roi in swept.rois] for run in ranked.names]
        values[side] = np.array(means, dtype=np.float64)
        n_vertices[side] = _n_vertices(swept, side)
    layers = [LayerOfRun(model.run.name, model.label, model.network, {"run": model.run.name}) for model in swept.models]
    classes: Mapping[str, str] = {roi: swept.classes.get(roi, "") for roi in swept.rois}
    return LayersByRoi(swept.subjects[0], tuple(layers), _MEASURE, classes, values, n_vertices)


def _n_vertices(swept: SweptScores, side: Side) -> NDArray[np.int64]:
    """Count the vertices of each ROI, of all subjects together."""
    counts = dict.fromkeys(swept.rois, 0)
    first = swept.models[0].run.name
    for row in swept.rows:
        if row.run == first and row.hemisphere == side:
            counts[row.roi] += row.n_vertices
    return np.array(list(counts.values()))
