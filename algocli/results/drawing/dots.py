"""The chart of a group: a dot for each subject, ROI by ROI, beside them their mean and its interval, a row a side."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.roi_axis import (
    ABSENT,
    Place,
    dress_bars,
    inches_before,
    inches_of_names,
    inches_per_roi,
    name_classes,
    name_rois,
    place_rois,
)
from algocli.results.drawing.style import (
    CATEGORY_COLOURS,
    DEFAULT_DPI,
    LIGHT,
    MARGIN,
    Theme,
    Words,
    ordered_colours,
    styled,
)
from algocli.stats.groups import GroupMean, mean_of_subjects

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Subjects differ by shape as well as by colour; more than these cannot be told apart, and are grey.
_MARKERS = "osD^vPX<>"
# In units of one ROI: all runs, and of the share of one: its dots, from where to where, and its mean.
_RUNS, _FIRST_DOT, _LAST_DOT, _MEAN = 0.86, -0.42, 0.2, 0.38
# Inches of paper.
_PER_ROI, _PER_RUN = 0.36, 0.24
_LEFT, _RIGHT, _NAMES, _CLASSES, _ROW, _BETWEEN, _LINE, _ENTRY = 0.75, 0.25, 0.85, 0.4, 1.9, 0.3, 0.2, 0.85
_NARROWEST = 5.0
# How far an interval is followed beyond the dots, in shares of what they span: of two subjects it has no end in sight.
_BEYOND = 0.5


@dataclass(frozen=True)
class Dots:
    """One run's scores on one side, (n_subjects, n_rois), NaN where a subject has none."""

    run: str
    hemisphere: Side
    scores: NDArray[np.float64]

    @cached_property
    def group(self) -> GroupMean:
        """Their means over subjects, (n_rois,)."""
        return mean_of_subjects(self.scores)


@dataclass(frozen=True)
class DotPlot:
    """What a chart of a group shows: for each side and run its dots, of `subjects` and of the ROIs of `classes`.

    `measure` says what a score is; `limits`, from where to where scores are drawn, where they do not.
    """

    subjects: tuple[SubjectId, ...]
    classes: Mapping[str, str]
    dots: tuple[Dots, ...]
    measure: str = "mean r"
    limits: tuple[float, float] | None = None

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs, each once."""
        return tuple(dict.fromkeys(dots.run for dots in self.dots))

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides, each once."""
        return tuple(dict.fromkeys(dots.hemisphere for dots in self.dots))

    @property
    def are_told_apart(self) -> bool:
        """Whether subjects have colours of their own: runs have them where there are several."""
        return len(self.runs) == 1 and len(self.subjects) <= len(_MARKERS)

    @property
    def n_fewer(self) -> bool:
        """Whether some ROI is of fewer subjects than all, but of some."""
        n = np.concatenate([dots.group.n_subjects for dots in self.dots])
        return bool(((n > 0) & (n < len(self.subjects))).any())

    @property
    def is_absent(self) -> bool:
        """Whether no subject has some ROI."""
        return any(bool((dots.group.n_subjects == 0).any()) for dots in self.dots)

    def only(self, rois: Collection[str]) -> DotPlot:
        """Return the part that shows some ROIs, to the same scale."""
        columns = [column for column, roi in enumerate(self.classes) if roi in rois]
        dots = tuple(replace(each, scores=each.scores[:, columns]) for each in self.dots)
        classes = {roi: roi_class for roi, roi_class in self.classes.items() if roi in rois}
        return replace(self, classes=classes, dots=dots, limits=_limits(self))

    @property
    def inches_across(self) -> float:
        """How wide its ROIs are on paper, without what is beside them."""
        places = place_rois(self.classes, self.classes)
        return inches_per_roi(places, max(_PER_ROI, _PER_RUN * len(self.runs))) * (places[-1].x + 1.6)


def draw_dots(
    shown: DotPlot, *, title: str = "", caption: str = "", dpi: int = DEFAULT_DPI, theme: Theme = LIGHT
) -> Chart[DotPlot]:
    """Draw every subject's score, the mean over them and its 95 % interval, for each ROI, run and side.

    Dots stand in the order of the subjects. Of one run they have a colour and a shape each, as far as so many can be
    told apart; of several runs a colour each, and a line leads from a subject's dot of one run to that of the next.
    """
    from matplotlib.figure import Figure

    places = place_rois(shown.classes, shown.classes)
    n_rows = len(shown.sides)
    left = inches_before(places, shown.inches_across / (places[-1].x + 1.6), _LEFT)
    with styled(theme):
        width = max(_NARROWEST, left + _RIGHT + shown.inches_across)
        words = Words.fitting(title, caption, width - 2 * MARGIN)
        entries, n_columns = _legend(shown, theme, width)
        head, foot = (
            words.head + _LINE * -(-len(entries) // n_columns) + 0.1,
            inches_of_names(places, _NAMES) + words.foot,
        )
        height = head + _CLASSES + n_rows * _ROW + (n_rows - 1) * _BETWEEN + foot
        figure = Figure(figsize=(width, height), dpi=dpi)
        rows: list[Axes] = []
        for row, side in enumerate(shown.sides):
            bottom = foot + (n_rows - 1 - row) * (_ROW + _BETWEEN)
            box = (left / width, bottom / height, 1 - (left + _RIGHT) / width, _ROW / height)
            axes = figure.add_axes(box, sharey=rows[0] if rows else None)
            _dress(axes, side, shown, places, theme)
            _draw_side(axes, shown, side, places, theme)
            rows.append(axes)
        name_classes(rows[0], places, theme, above=0.1)
        name_rois(rows[-1], places)
        _explain(figure, entries, n_columns, words.head, height)
        words.write(figure, theme)
    return Chart(figure, shown)


def dots_explained(shown: DotPlot) -> str:
    """Say what dots and bars are, as a caption has it."""
    said = "Dots: subjects; bar: 95 % interval of the mean over subjects (Student's t). The unit is the subject."
    if shown.n_fewer:
        said += f" n: how many of the {len(shown.subjects)} subjects have the ROI, where not all do."
    if shown.is_absent:
        said += " A dash marks a ROI that is absent."
    if _is_cut(shown):
        said += " An arrow: the interval goes on."
    return said


def _limits(shown: DotPlot) -> tuple[float, float]:
    """Return from where to where scores are drawn: all dots and 0, and intervals as far as that makes sense."""
    if shown.limits is not None:
        return shown.limits
    scores = np.concatenate([dots.scores.ravel() for dots in shown.dots] + [[0.0]])
    least, most = float(np.nanmin(scores)), float(np.nanmax(scores))
    reach = _BEYOND * max(most - least, 0.05)
    low = min([least, *(float(end) for dots in shown.dots for end in dots.group.low if np.isfinite(end))])
    high = max([most, *(float(end) for dots in shown.dots for end in dots.group.high if np.isfinite(end))])
    return max(low, least - reach), min(high, most + reach)


def _is_cut(shown: DotPlot) -> bool:
    low, high = _limits(shown)
    return any(bool((dots.group.low < low).any() or (dots.group.high > high).any()) for dots in shown.dots)


def _draw_side(axes: Axes, shown: DotPlot, side: Side, places: Sequence[Place], theme: Theme) -> None:
    middles = np.array([place.x for place in places])
    width = _RUNS / len(shown.runs)
    across = np.linspace(_FIRST_DOT, _LAST_DOT, len(shown.subjects) + 2)[1:-1] * width
    runs = [dots for dots in shown.dots if dots.hemisphere == side]
    starts = [(order - (len(runs) - 1) / 2) * width for order in range(len(runs))]
    low, high = _limits(shown)
    for number, offset in enumerate(across):
        if len(runs) > 1:
            _join(axes, [middles + start + offset for start in starts], [dots.scores[number] for dots in runs], theme)
        for order, (dots, start) in enumerate(zip(runs, starts, strict=True)):
            axes.plot(middles + start + offset, dots.scores[number], **_dot_style(shown, number, order, theme))
    for order, (dots, start) in enumerate(zip(runs, starts, strict=True)):
        _draw_means(axes, dots.group, middles + start + _MEAN * width, (low, high), _colour(shown, order, theme), theme)
    n = np.max([dots.group.n_subjects for dots in runs], axis=0)
    for place, having in zip(places, n.tolist(), strict=True):
        small: dict[str, Any] = {"ha": "center", "va": "bottom", "color": theme.quiet_ink, "fontsize": 7}
        if having == 0:
            axes.text(place.x, 0, ABSENT, **small)
        elif having < len(shown.subjects):
            axes.text(place.x, 1.0, f"n {having}", transform=axes.get_xaxis_transform(), **small)
    room = 0.06 * (high - low)
    # Where nobody has a score there is an axis all the same.
    axes.set_ylim(low - room if low < 0 else 0.0, high + room or 0.05)


def _join(
    axes: Axes, across: Sequence[NDArray[np.float64]], scores: Sequence[NDArray[np.float64]], theme: Theme
) -> None:
    """Lead from one subject's dot of each run to that of the next, ROI by ROI."""
    from matplotlib.collections import LineCollection

    ways = np.stack([np.stack(across, axis=1), np.stack(scores, axis=1)], axis=2)
    axes.add_collection(LineCollection(list(ways), colors=theme.quiet_ink, linewidths=0.4, zorder=1.5), autolim=False)


def _draw_means(
    axes: Axes, group: GroupMean, across: NDArray[np.float64], limits: tuple[float, float], colour: str, theme: Theme
) -> None:
    from matplotlib.patheffects import withStroke

    low, high = limits
    some = np.isfinite(group.low)
    # The rim keeps the darkest run apart from dark paper, and the palest from white.
    style: dict[str, Any] = {
        "color": colour,
        "zorder": 4,
        "path_effects": [withStroke(linewidth=2, foreground=theme.quiet_ink)],
    }
    axes.vlines(across[some], group.low[some].clip(low, high), group.high[some].clip(low, high), linewidth=1.4, **style)
    style["linestyle"] = "none"
    axes.plot(across, group.mean, marker="_", markersize=6, markeredgewidth=1.8, **style)
    for is_beyond, end, marker in ((group.low < low, low, "v"), (group.high > high, high, "^")):
        where = across[is_beyond]
        axes.plot(where, np.full(len(where), end), marker=marker, markersize=3, **style)


def _colour(shown: DotPlot, order: int, theme: Theme) -> str:
    """Return the colour of a run's mean."""
    return theme.ink if len(shown.runs) == 1 else ordered_colours(len(shown.runs))[order]


def _dot_style(shown: DotPlot, number: int, order: int, theme: Theme) -> dict[str, Any]:
    """Return how a subject's dots look in one of the runs."""
    rim = {"markeredgecolor": theme.quiet_ink, "markeredgewidth": 0.3}
    style: dict[str, Any] = {"linestyle": "none", "zorder": 3, **rim}
    if shown.are_told_apart:
        return style | {"marker": _MARKERS[number], "color": CATEGORY_COLOURS[number], "markersize": 4}
    if len(shown.runs) == 1:
        return style | {"marker": "o", "color": theme.context, "markersize": 3}
    return style | {"marker": "o", "color": _colour(shown, order, theme), "markersize": 2.8}


def _legend(shown: DotPlot, theme: Theme, width: float) -> tuple[list[Line2D], int]:
    """Return the entries of the legend, and in how many columns they stand: names of runs are long."""
    from matplotlib.lines import Line2D

    if len(shown.runs) > 1:
        named = [(f"{order + 1}  {run}", _dot_style(shown, 0, order, theme)) for order, run in enumerate(shown.runs)]
    elif shown.are_told_apart:
        named = [(_called(number), _dot_style(shown, order, 0, theme)) for order, number in enumerate(shown.subjects)]
    else:
        named = [(f"{len(shown.subjects)} subjects", _dot_style(shown, 0, 0, theme))]
    longest = max(len(label) for label, _ in named)
    n_columns = 1 if len(shown.runs) > 1 else max(1, int((width - _LEFT - _RIGHT) / max(_ENTRY, 0.07 * longest + 0.35)))
    return [Line2D([], [], label=label, **style) for label, style in named], min(n_columns, len(named))


def _called(number: SubjectId) -> str:
    return f"subject {number}" if isinstance(number, int) else number


def _explain(figure: Figure, entries: Sequence[Line2D], n_columns: int, top: float, height: float) -> None:
    figure.legend(
        handles=list(entries),
        loc="upper left",
        bbox_to_anchor=(_LEFT / figure.get_size_inches()[0], 1 - top / height),
        ncols=n_columns,
        frameon=False,
        fontsize=8,
        borderaxespad=0,
        handlelength=1.0,
        columnspacing=1.2,
    )


def _dress(axes: Axes, side: Side, shown: DotPlot, places: Sequence[Place], theme: Theme) -> None:
    axes.set_xticks([place.x for place in places], [""] * len(places))
    axes.tick_params(axis="x", length=0)
    dress_bars(axes, places, f"{shown.measure}, {side}", theme)
