"""Which layer of a network explains which part of the cortex best in a group of subjects, and how stable that is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from algocli.dataset.protocol import Dataset
from algocli.results.best_layer import DEFAULT_MIN_R, LayersByRoi
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.heatmap import draw_heatmap
from algocli.results.drawing.keys import Scale
from algocli.results.group_layers import STABILITY, find_group_best_layers, group_layers_by_roi
from algocli.results.layered import Layered, layered
from algocli.results.on_mesh import cut
from algocli.results.plots.group_maps import group_map
from algocli.results.plots.layers import best_layer_key, layer_colours, of_network
from algocli.results.plots.request import Wishes, all_shortened
from algocli.runs.run import Run


def plot_group_best_layer(
    challenge: Dataset, runs: Sequence[Run], wishes: Wishes, min_r: float = DEFAULT_MIN_R
) -> BrainMap:
    """Map the layer that is the best on average over subjects, and how stable it is when they are drawn anew.

    Raises
    ------
    UsageError
        If the runs have no layers to compare, or more of several networks than there are colours, or the data of a
        subject has no places on fsaverage.
    DataError, MissingStep
        If data and runs do not fit together, or a subject is missing from any of them.
    """
    compared = layered(runs, wishes.labels, nested=wishes.nested)
    subjects = compared.subjects(challenge, wishes.subjects)
    group = find_group_best_layers(subjects, compared, wishes.hemispheres, min_r, wishes.min_ceiling)
    best, n_layers = group.best, len(compared.layers)
    key = best_layer_key(best, compared, layer_colours(compared))
    codes = {h: group.everywhere(h, np.where(side < 0, n_layers, side)) for h, side in best.codes.items()}
    stays = {
        h: cut(here.on_mesh(100 * group.everywhere(h, group.stability[h])), wishes.surface)
        for h, here in group.meeting.items()
    }
    name = "how stable"
    panel = Panel(stays, name, Scale(0, 100, "% of resamples in which it stays the best", colours="cividis"))
    said = (
        f"Of means over subjects: {best.explain(min_r, compared)} How stable: the {STABILITY}. "
        f"{_remark(compared, [subject.id for subject in subjects])}\n{compared.named}"
    )
    title = f"Best layer{of_network(compared)}"
    return group_map(subjects, group.meeting, codes, key, title, said, wishes, name="best layer", further=[panel])


def plot_group_layers(
    challenge: Dataset, runs: Sequence[Run], wishes: Wishes, rois: Sequence[str] = ()
) -> Chart[LayersByRoi]:
    """Draw means over subjects of layers by ROI, and below each ROI how stable its best layer is.

    Raises
    ------
    UsageError
        If the runs have no layers to compare, or the data names no such ROI.
    DataError, MissingStep
        If data and runs do not fit together, or a subject is missing from any of them.
    """
    compared, group = group_layers_by_roi(challenge, runs, rois=rois, **wishes.of_layers)
    table, numbers = group.as_one_subject, [table.subject for table in group.each]
    n = {h: group.n_subjects(h) for h in group.sides}
    below = {"stays best, %": {h: [_percent(share) for share in group.best[h].share] for h in group.sides}}
    if any(((having > 0) & (having < len(numbers))).any() for having in n.values()):
        below["subjects"] = {h: [str(count) if count else "" for count in having] for h, having in n.items()}
    marks = "A frame marks the largest" + (
        ", a dash a ROI that is absent" if any((a == 0).any() for a in n.values()) else ""
    )
    return draw_heatmap(
        table,
        wishes.scale(
            np.concatenate([side.ravel() for side in table.values.values()]),
            f"{compared.words.summary}, mean over subjects",
        ),
        labels=all_shortened([layer.label for layer in compared.layers]),
        title=wishes.title or f"Layers{of_network(compared)}: {compared.words.summary} by ROI, {len(numbers)} subjects",
        caption=(
            f"Means over {len(numbers)} subjects, who are the unit. {compared.words.explained}."
            f"{wishes.told_ceiling} {marks}. Stays best: "
            f"the {STABILITY}. {_remark(compared, numbers)}\n{compared.named}"
        ),
        below=below,
        dpi=wishes.dpi,
        theme=wishes.theme,
    )


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.0f}"


def _remark(compared: Layered, numbers: Sequence[int | str]) -> str:
    """Say once what is to be said of any subject."""
    return " ".join(dict.fromkeys(remark for number in numbers if (remark := compared.remark(number))))
