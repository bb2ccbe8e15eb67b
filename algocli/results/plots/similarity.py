"""How similar layers are to ROIs, RDMs or other layers: a heatmap, with the largest of each column framed."""

from __future__ import annotations

import numpy as np

from algocli.dataset.naming import list_subjects
from algocli.results.best_layer import LayersByRoi
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.heatmap import draw_heatmap
from algocli.results.layer_names import LayerOfRun
from algocli.results.plots.request import Wishes, all_shortened
from algocli.results.similarity_table import Similarity

# Values that are all smaller have three digits.
_SMALL = 0.2


def plot_similarity(result: Similarity, wishes: Wishes | None = None) -> Chart[LayersByRoi]:
    """Draw layers from top to bottom and what they were compared with from left to right; of several subjects means."""
    wishes = wishes or Wishes()
    values = result.shown
    whose = [item for item in result.subjects if item is not None]
    if len(whose) > 1:
        field, subject = f"mean of {len(whose)} subjects", f"{len(whose)} subjects"
    else:
        field = subject = list_subjects(whose) if whose else "all"
    layers = tuple(LayerOfRun(name, name, "") for name in result.layers)
    there = np.asarray(np.isfinite(values).any(axis=0), dtype=np.int64)
    targets = dict(zip(result.targets, all_shortened(result.targets), strict=True))
    classes = {targets[name]: result.classes[name] for name in result.targets}
    table = LayersByRoi(subject, layers, result.how.told, classes, {field: values}, {field: there})
    absent = "" if there.all() else ", a dash what is absent"
    n_images = " and ".join(f"{n:,}" for n in result.n_images)
    what = {"ROI": "ROI", "RDM": "RDM", "layer": "layer"}[result.kind]
    return draw_heatmap(
        table,
        wishes.scale(values, result.how.short),
        labels=all_shortened(result.layers),
        title=wishes.title or f"Similarity of layers by {what}",
        caption=f"{result.how.told}, {n_images} images. A frame marks the largest value{absent}.",
        # A single brain's RDM is so noisy that hundredths would tell no layers apart.
        digits=3 if np.nanmax(np.abs(values)) < _SMALL else 2,
        dpi=wishes.dpi,
        theme=wishes.theme,
    )
