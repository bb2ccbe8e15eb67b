"""The axis of a chart that has ROIs side by side, class by class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from algocli.results.drawing.style import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Stands where a ROI that is absent has no bar and no cell.
ABSENT = "\N{EN DASH}"
# In units of one ROI: the space between two classes.
_BETWEEN_CLASSES = 0.7
# Inches of paper that the name of a class takes.
_CLASS_NAME = 0.85
# The width of a letter of a ROI's name; down and to the left of its end by so much, aslant.
_LETTER, _DOWN, _LEFTWARDS = 0.064, 0.87, 0.5


@dataclass(frozen=True)
class Place:
    """Where a ROI stands on the axis."""

    x: float
    roi: str
    roi_class: str


def place_rois(rois: Iterable[str], classes: Mapping[str, str]) -> tuple[Place, ...]:
    """Place ROIs one unit apart, and with more space between two classes; a ROI may have none."""
    return tuple(_places(rois, classes))


def inches_per_roi(places: Sequence[Place], usual: float) -> float:
    """Return how many inches a ROI takes: more than usual where a class is too small for its own name."""
    sizes = [len(list(members)) for roi_class, members in groupby(places, lambda place: place.roi_class) if roi_class]
    return max([usual, *(_CLASS_NAME / (n_rois + _BETWEEN_CLASSES) for n_rois in sizes)])


def inches_of_names(places: Sequence[Place], usual: float) -> float:
    """Return how many inches the ROIs' names take below the axis: more than usual where one is long."""
    return max([usual, *(_LETTER * _DOWN * len(place.roi) + 0.15 for place in places)])


def inches_before(places: Sequence[Place], per_roi: float, usual: float) -> float:
    """Return how many inches are left of the axis: more than usual where a long name would leave the paper."""
    return max([usual, *(_LETTER * _LEFTWARDS * len(place.roi) - (place.x + 0.8) * per_roi for place in places)])


def remark_on_absent(n_vertices: Iterable[int]) -> str:
    """Return what a caption adds where a chart's rows have these numbers of vertices; nothing if none is 0."""
    return " A dash marks a ROI that is absent." if 0 in n_vertices else ""


def dress_bars(axes: Axes, places: Sequence[Place], label: str, theme: Theme) -> None:
    """Give bars over ROIs an axis with a name, a grid, and a line at 0 in place of a frame."""
    axes.set_xlim(-0.8, places[-1].x + 0.8)
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.set_ylabel(label)
    axes.yaxis.grid(True, color=theme.rule, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    axes.axhline(0, color=theme.quiet_ink, linewidth=0.8, zorder=3)
    for side in ("top", "left", "right", "bottom"):
        axes.spines[side].set_visible(False)


def name_rois(axes: Axes, places: Sequence[Place]) -> None:
    """Write the ROIs' names below the axis, aslant."""
    axes.set_xticks([place.x for place in places], [place.roi for place in places], rotation=60, ha="right")
    axes.tick_params(axis="x", length=0, pad=1, labelsize=8)
    for label in axes.get_xticklabels():
        label.set_rotation_mode("anchor")  # the end of each name stands below its ROI


def name_classes(axes: Axes, places: Sequence[Place], theme: Theme, *, above: float = 0.03) -> None:
    """Write the classes' names over their ROIs, `above` being the share of the axes' height that lies between."""
    for roi_class, members in groupby(places, key=lambda place: place.roi_class):
        if not roi_class:
            continue
        across = [place.x for place in members]
        axes.plot(
            [across[0] - 0.45, across[-1] + 0.45],
            [1 + above, 1 + above],
            color=theme.quiet_ink,
            linewidth=0.8,
            clip_on=False,
            transform=axes.get_xaxis_transform(),
        )
        axes.annotate(
            roi_class,
            ((across[0] + across[-1]) / 2, 1 + above),
            (0, 3),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            fontsize=7.5,
            color=theme.quiet_ink,
            ha="center",
            va="bottom",
        )


def _places(rois: Iterable[str], classes: Mapping[str, str]) -> Iterator[Place]:
    x = 0.0
    for roi_class, members in groupby(rois, key=lambda roi: classes.get(roi, "")):
        for roi in members:
            yield Place(x, roi, roi_class)
            x += 1
        x += _BETWEEN_CLASSES
