"""The kinds of figures that `algocli plot` draws: what each takes from the command line, and who draws it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from algocli.errors import UsageError

if TYPE_CHECKING:
    from algocli.challenge.subjects import Challenge
    from algocli.encoding.runs import Run
    from algocli.results.drawing.brain_map import BrainMap
    from algocli.results.drawing.charts import Chart
    from algocli.results.plots.wishes import Wishes


class What(StrEnum):
    """What a figure shows."""

    ACCURACY = "accuracy"
    ROIS = "rois"
    ROI = "roi"
    VERTICES = "vertices"
    RESPONSE = "response"
    PREDICTION = "prediction"
    BEST_LAYER = "best-layer"


HELP = (
    "accuracy: r on the cortex; rois: bars; roi NAME...: where ROIs lie, or those of a class; vertices: all challenge "
    "vertices; response: a training image and the responses measured; prediction: a held-out image, responses measured "
    "and predicted; best-layer: which layer of a blend has the largest weight."
)


@dataclass(frozen=True)
class _Kind:
    """What a kind of figure needs and takes: options by their names, and how to write it right."""

    of_a_run: bool
    takes: frozenset[str] = frozenset()


_MAPPED = frozenset({"--surface", "--outline"})
_SCALED = _MAPPED | {"--vmin", "--vmax", "--cmap"}
_KINDS = {
    What.ACCURACY: _Kind(True, _SCALED),
    What.ROIS: _Kind(True, frozenset({"--roi"})),
    What.ROI: _Kind(False, _MAPPED | {"NAME"}),
    What.VERTICES: _Kind(False, _MAPPED),
    What.RESPONSE: _Kind(False, _SCALED | {"--roi", "--stimulus", "--nsd-id"}),
    What.PREDICTION: _Kind(True, _SCALED | {"--roi", "--stimulus", "--nsd-id"}),
    What.BEST_LAYER: _Kind(True, _MAPPED | {"--min-r"}),
}


@dataclass(frozen=True)
class Request:
    """What the command line asks for: a kind of figure, and what belongs to some kinds only."""

    what: What
    names: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    stimulus: int | None = None
    nsd_id: int | None = None
    min_r: float | None = None

    @property
    def is_of_a_run(self) -> bool:
        """Whether a run is needed, or the data alone will do."""
        return _KINDS[self.what].of_a_run

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
        for option, given in self._given(wishes).items():
            if given and option not in _KINDS[self.what].takes:
                fitting = ", ".join(kind for kind, one in _KINDS.items() if option in one.takes)
                raise UsageError(f"plot {self.what} takes no {option}", hint=f"it belongs to plot {fitting}")
        if self.what is What.ROI and not self.names:
            raise UsageError("plot roi needs the name of a ROI", hint="algocli plot roi FFA-1")
        if self.what is What.RESPONSE and self.stimulus is None and self.nsd_id is None:
            raise UsageError("plot response needs a training image", hint="algocli plot response --stimulus 0")
        if self.stimulus is not None and self.nsd_id is not None:
            raise UsageError("an image is named twice, by --stimulus and by --nsd-id", hint="leave one of them out")

    def _given(self, wishes: Wishes) -> dict[str, bool]:
        return {
            "--roi": bool(self.only),
            "--stimulus": self.stimulus is not None,
            "--nsd-id": self.nsd_id is not None,
            "--min-r": self.min_r is not None,
            "--surface": wishes.surface != "fsaverage5",
            "--outline": bool(wishes.outlined),
            "--vmin": wishes.low is not None,
            "--vmax": wishes.high is not None,
            "--cmap": wishes.colours is not None,
        }

    def figures(
        self, challenge: Challenge, run: Run | None, wishes: Wishes
    ) -> Iterator[tuple[int, Chart]] | Iterator[tuple[int, BrainMap]]:
        """Return each subject's figure, made when it is asked for."""
        from algocli.results.plots import accuracy, layers, responses, rois

        if run is None:
            if self.what is What.RESPONSE:
                return responses.plot_response(challenge, wishes, row=self.stimulus, nsd_id=self.nsd_id, rois=self.only)
            return rois.plot_roi(challenge, self.names, wishes) if self.names else rois.plot_vertices(challenge, wishes)
        if self.what is What.ROIS:
            return accuracy.plot_bars(challenge, run, wishes, self.only)
        if self.what is What.BEST_LAYER:
            return layers.plot_best_layer(challenge, run, wishes, self.at_least)
        if self.what is What.PREDICTION:
            return responses.plot_prediction(
                challenge, run, wishes, row=self.stimulus, nsd_id=self.nsd_id, rois=self.only
            )
        return accuracy.plot_accuracy(challenge, run, wishes)
