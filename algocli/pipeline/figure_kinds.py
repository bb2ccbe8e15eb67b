"""The kinds of figures that `plot` draws: what each takes, and who draws it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from algocli.dataset.naming import SubjectId
from algocli.errors import UsageError

if TYPE_CHECKING:
    from algocli.dataset.protocol import Dataset
    from algocli.results.best_layer import LayerCount, LayerRow
    from algocli.results.drawing.brain_map import BrainMap
    from algocli.results.drawing.chart import Chart
    from algocli.results.group_layers import GroupLayerCount, GroupLayerRow
    from algocli.results.plots.field_charts import SizeRow
    from algocli.results.plots.request import Wishes
    from algocli.runs.run import Run

    Rows = list[LayerCount] | list[LayerRow] | list[GroupLayerCount] | list[GroupLayerRow] | list[SizeRow]

PAGE = ".html"
# What the figure of a group is called in place of a subject.
GROUP = "group"


class What(StrEnum):
    """What a figure shows."""

    ACCURACY = "accuracy"
    DIFFERENCE = "difference"
    ROIS = "rois"
    CEILING = "ceiling"
    ECCENTRICITY = "eccentricity"
    ANGLE = "angle"
    SIZE = "size"
    SIZE_BY_ECCENTRICITY = "size-by-eccentricity"
    COVERAGE = "coverage"
    LAYERS = "layers"
    BEST_LAYER = "best-layer"
    ROI = "roi"
    VERTICES = "vertices"
    RESPONSE = "response"
    PREDICTION = "prediction"


HELP = (
    "accuracy: r on the cortex; difference: r of one run minus that of another; rois: bars; ceiling: r against the "
    "noise ceiling; eccentricity, angle, size: receptive fields on the cortex; size-by-eccentricity: their sizes, "
    "with a line for each area; coverage: which part of the visual field areas see; layers: layers by ROI, of a "
    "blend, a banded ridge or several runs; best-layer: the same on the cortex; roi NAME...: where ROIs lie, or those "
    "of a class; vertices: all challenge vertices; response: a training image and the responses measured; prediction: "
    "a held-out image, responses measured and predicted. With --group one figure of all subjects: of accuracy, "
    "difference, best-layer, eccentricity, angle and size on fsaverage, with the number of subjects behind each "
    "vertex; of size-by-eccentricity and coverage means over subjects; of rois a dot for each subject, beside them "
    "their mean and its interval, of one run or several; of layers means over subjects, and how stable the best layer "
    "is."
)


@dataclass(frozen=True)
class _Kind:
    """What a kind of figure needs and takes: how many runs, and arguments by their names."""

    runs: Literal["none", "one", "several"]
    shape: Literal["map", "chart"]
    takes: frozenset[str] = frozenset()


_SCALE = frozenset({"vmin", "vmax", "cmap"})
_MAPPED = frozenset({"surface", "outline"})
_IMAGE = frozenset({"rois", "stimulus", "nsd_id"})
_GROUPED = frozenset({"group"})
_WINDOWS = frozenset({"layer"})
_KINDS = {
    What.ACCURACY: _Kind("one", "map", _MAPPED | _SCALE | _GROUPED | {"significant"}),
    What.DIFFERENCE: _Kind("one", "map", _MAPPED | _SCALE | _GROUPED | {"against"}),
    What.ROIS: _Kind("one", "chart", _GROUPED | {"rois", "labels"}),
    What.CEILING: _Kind("one", "chart", frozenset({"cmap"})),
    What.ECCENTRICITY: _Kind("one", "map", _MAPPED | _SCALE | _WINDOWS | _GROUPED),
    What.ANGLE: _Kind("one", "map", _MAPPED | _WINDOWS | _GROUPED | {"cmap"}),
    What.SIZE: _Kind("one", "map", _MAPPED | _SCALE | _WINDOWS | _GROUPED),
    What.SIZE_BY_ECCENTRICITY: _Kind("one", "chart", _WINDOWS | _GROUPED | {"rois"}),
    What.COVERAGE: _Kind("one", "chart", _WINDOWS | _GROUPED | {"rois", "cmap"}),
    What.LAYERS: _Kind("several", "chart", _SCALE | _GROUPED | {"rois", "labels"}),
    What.BEST_LAYER: _Kind("several", "map", _MAPPED | _GROUPED | {"min_r", "labels", "nested"}),
    What.ROI: _Kind("none", "map", _MAPPED | {"names"}),
    What.VERTICES: _Kind("none", "map", _MAPPED),
    What.RESPONSE: _Kind("none", "map", _MAPPED | _SCALE | _IMAGE),
    What.PREDICTION: _Kind("one", "map", _MAPPED | _SCALE | _IMAGE),
}


@dataclass(frozen=True)
class Request:
    """What is asked for: a kind of figure, how many runs are named, and what belongs to some kinds only."""

    what: What
    names: tuple[str, ...] = ()
    n_runs: int = 0
    against: bool = False
    only: tuple[str, ...] = ()
    stimulus: int | None = None
    nsd_id: int | None = None
    min_r: float | None = None
    significant: bool = False
    group: bool = False

    @property
    def is_of_a_run(self) -> bool:
        """Whether a run is needed, or the data alone will do."""
        return _KINDS[self.what].runs != "none"

    @property
    def chooses(self) -> bool:
        """Whether it marks the best of several runs."""
        return _KINDS[self.what].runs == "several"

    @property
    def takes_several(self) -> bool:
        """Whether it shows several runs in one figure."""
        return self.chooses or (self.group and self.what is What.ROIS)

    @property
    def stem(self) -> str:
        """The beginning of a figure's default name."""
        image = [] if self.stimulus is None else [str(self.stimulus)]
        image += [] if self.nsd_id is None else [f"nsd{self.nsd_id}"]
        return "_".join([self.what, *self.names, *image])

    @property
    def at_least(self) -> float:
        """The r above which a vertex has a layer."""
        from algocli.results.best_layer import DEFAULT_MIN_R

        return DEFAULT_MIN_R if self.min_r is None else self.min_r

    def check(self, wishes: Wishes) -> None:
        """Refuse what does not belong together before anything is read."""
        if self.names and self.what is not What.ROI:
            raise UsageError(
                f"plot {self.what} takes no further word, found '{self.names[0]}'", hint=f"algocli plot {self.what}"
            )
        for field, given in self._given(wishes).items():
            if given and field not in _KINDS[self.what].takes:
                fitting = ", ".join(kind for kind, about in _KINDS.items() if field in about.takes)
                raise UsageError(f"plot {self.what} takes no {field}=...", hint=f"it belongs to plot {fitting}")
        self._check_runs()
        if wishes.labels and self.what is What.ROIS and not self.group:
            raise UsageError(
                "labels=... name the runs of a figure that shows several", hint="add group=..., or leave them out"
            )
        if self.what is What.ROI and not self.names:
            raise UsageError("plot roi needs the name of a ROI", hint="algocli plot roi FFA-1")
        if self.what is What.RESPONSE and self.stimulus is None and self.nsd_id is None:
            raise UsageError("plot response needs a training image", hint="algocli plot response --stimulus 0")
        if self.stimulus is not None and self.nsd_id is not None:
            raise UsageError("an image is named twice, by stimulus=... and by nsd_id=...", hint="leave one of them out")

    def check_output(self, path: Path) -> None:
        """Refuse a file that this kind of figure cannot be written to."""
        from algocli.results.drawing.style import SUFFIXES, check_suffix

        if path.suffix.lower() != PAGE:
            check_suffix(path)
        elif _KINDS[self.what].shape == "chart":
            raise UsageError(
                f"plot {self.what} draws a chart, and only a map can be turned in a page: {path.name}",
                hint=f"end it in {', '.join(SUFFIXES)}",
            )

    def _check_runs(self) -> None:
        if self.n_runs and not self.is_of_a_run:
            raise UsageError(f"plot {self.what} shows the data and takes no run=...", hint="leave it out")
        if self.n_runs > 1 and not self.takes_several:
            several = ", ".join(kind for kind, about in _KINDS.items() if about.runs == "several")
            raise UsageError(
                f"plot {self.what} takes one run=..., found {self.n_runs}",
                hint=f"plot {several} take several, rois with group=..., and difference subtracts that of against=...",
            )
        if self.what is What.DIFFERENCE and not self.against:
            raise UsageError(
                "plot difference needs a run to compare with", hint="algocli plot difference --run A --against B"
            )

    def _given(self, wishes: Wishes) -> dict[str, bool]:
        return {
            "against": self.against,
            "significant": self.significant,
            "group": self.group,
            "rois": bool(self.only),
            "stimulus": self.stimulus is not None,
            "nsd_id": self.nsd_id is not None,
            "min_r": self.min_r is not None,
            "surface": wishes.surface != "fsaverage5",
            "outline": bool(wishes.outlined),
            "vmin": wishes.low is not None,
            "vmax": wishes.high is not None,
            "cmap": wishes.colours is not None,
            "labels": bool(wishes.labels),
            "nested": wishes.nested,
            "layer": wishes.layer is not None,
        }

    def figures(
        self, challenge: Dataset, runs: Sequence[Run], wishes: Wishes
    ) -> Iterator[tuple[SubjectId, Chart[Any] | BrainMap]]:
        """Return each subject's figure, made when it is asked for; the run to compare with is the last of `runs`."""
        from algocli.results.plots import accuracy, ceilings, difference, field_charts, fields, layers, responses, rois

        if self.group:
            return iter([(GROUP, self._of_group(challenge, runs, wishes))])
        image = {"row": self.stimulus, "nsd_id": self.nsd_id}
        match self.what:
            case What.ACCURACY:
                return accuracy.plot_accuracy(challenge, runs[0], wishes, only_significant=self.significant)
            case What.DIFFERENCE:
                return difference.plot_difference(challenge, runs[0], runs[1], wishes)
            case What.ROIS:
                return accuracy.plot_bars(challenge, runs[0], wishes, self.only)
            case What.CEILING:
                return ceilings.plot_ceiling(challenge, runs[0], wishes)
            case What.ECCENTRICITY | What.ANGLE | What.SIZE:
                return fields.plot_fields(challenge, runs[0], wishes, self.what)
            case What.SIZE_BY_ECCENTRICITY:
                return field_charts.plot_size_by_eccentricity(challenge, runs[0], wishes, self.only)
            case What.COVERAGE:
                return field_charts.plot_coverage(challenge, runs[0], wishes, self.only)
            case What.LAYERS:
                return layers.plot_layers(challenge, runs, wishes, self.only)
            case What.BEST_LAYER:
                return layers.plot_best_layer(challenge, runs, wishes, self.at_least)
            case What.ROI:
                return rois.plot_roi(challenge, self.names, wishes)
            case What.VERTICES:
                return rois.plot_vertices(challenge, wishes)
            case What.RESPONSE:
                return responses.plot_response(challenge, wishes, **image, rois=self.only)
            case What.PREDICTION:
                return responses.plot_prediction(challenge, runs[0], wishes, **image, rois=self.only)

    def _of_group(self, challenge: Dataset, runs: Sequence[Run], wishes: Wishes) -> Chart[Any] | BrainMap:
        """Return the figure of all subjects together."""
        from algocli.results.plots import group_charts, group_fields, group_layers, group_maps

        match self.what:
            case What.ACCURACY:
                return group_maps.plot_group_accuracy(challenge, runs[0], wishes, only_significant=self.significant)
            case What.DIFFERENCE:
                return group_maps.plot_group_difference(challenge, runs[0], runs[1], wishes)
            case What.ROIS:
                return group_charts.plot_group_rois(challenge, runs, wishes, self.only)
            case What.ECCENTRICITY | What.ANGLE | What.SIZE:
                return group_fields.plot_group_fields(challenge, runs[0], wishes, self.what)
            case What.SIZE_BY_ECCENTRICITY:
                return group_fields.plot_group_sizes(challenge, runs[0], wishes, self.only)
            case What.COVERAGE:
                return group_fields.plot_group_coverage(challenge, runs[0], wishes, self.only)
            case What.LAYERS:
                return group_layers.plot_group_layers(challenge, runs, wishes, self.only)
            case _:
                return group_layers.plot_group_best_layer(challenge, runs, wishes, self.at_least)

    def rows(self, challenge: Dataset, runs: Sequence[Run], wishes: Wishes) -> Rows | None:
        """Return what a figure of layers or sizes shows as rows; None for those whose numbers other commands print."""
        from algocli.results.best_layer import count_layers, layers_by_roi

        how = wishes.of_layers
        if self.what is What.SIZE_BY_ECCENTRICITY:
            from algocli.results.plots.field_charts import size_rows

            return size_rows(challenge, runs[0], wishes, self.only)
        if self.group:
            return self._group_rows(challenge, runs, wishes)
        if self.what is What.BEST_LAYER:
            return count_layers(challenge, runs, min_r=self.at_least, nested=wishes.nested, **how)
        if self.what is What.LAYERS:
            _, tables = layers_by_roi(challenge, runs, rois=self.only, **how)
            return [row for table in tables for row in table.rows]
        return None

    def _group_rows(self, challenge: Dataset, runs: Sequence[Run], wishes: Wishes) -> Rows | None:
        from algocli.results.group_layers import find_group_best_layers, group_layers_by_roi
        from algocli.results.layered import layered

        if self.what is What.BEST_LAYER:
            compared = layered(runs, wishes.labels, nested=wishes.nested)
            subjects = compared.subjects(challenge, wishes.subjects)
            best = find_group_best_layers(subjects, compared, wishes.hemispheres, self.at_least, wishes.min_ceiling)
            return list(best.counts(compared))
        if self.what is What.LAYERS:
            _, group = group_layers_by_roi(challenge, runs, rois=self.only, **wishes.of_layers)
            return list(group.rows)
        return None
