"""The charts of receptive fields on a report's page: their sizes by eccentricity, and what areas see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.style import DARK, LIGHT, Theme
from algocli.results.page.pictures import Picture, picture
from algocli.results.plots.field_charts import plot_coverage, plot_size_by_eccentricity
from algocli.results.plots.request import Wishes
from algocli.runs.run import Run

_KINDS: tuple[tuple[Callable[..., Iterator[tuple[SubjectId, Chart[Any]]]], str, str], ...] = (
    (
        plot_size_by_eccentricity,
        "Size of receptive fields by eccentricity",
        "sizes of receptive fields by eccentricity",
    ),
    (plot_coverage, "Coverage of the visual field", "receptive fields in the visual field"),
)


def field_pictures(
    data: Dataset, run: Run, subjects: Sequence[SubjectId], min_ceiling: float
) -> dict[SubjectId, tuple[Picture, ...]]:
    """Draw the charts of subjects who have receptive fields.

    Raises
    ------
    DataError
        If data and run do not fit together, or an array is damaged.
    """
    if not subjects:
        return {}
    found: dict[SubjectId, tuple[Picture, ...]] = dict.fromkeys(subjects, ())
    for plot, title, what in _KINDS:
        charts = {
            theme: dict(plot(data, run, Wishes(tuple(subjects), title="", theme=theme, min_ceiling=min_ceiling)))
            for theme in (LIGHT, DARK)
        }
        for n in subjects:
            found[n] += (_picture(charts, n, title, what),)
    return found


def _picture(charts: Mapping[Theme, Mapping[SubjectId, Chart[Any]]], n: SubjectId, title: str, what: str) -> Picture:
    told = f"Chart of subject {n}'s {what}, area by area, left and right."
    return picture(lambda theme: charts[theme][n], title, told)
