"""What a sweep found: the scores of every network's layers under all settings, and the best of them in each ROI."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset
from algocli.dataset.sides import Side
from algocli.results.choosing import tell_choice
from algocli.results.nested_rows import Nested
from algocli.results.ranked import Ranking, Scores
from algocli.results.report import summarise
from algocli.results.report_rows import RoiRow
from algocli.results.rows import ORIGIN, OfLayers, RowsByRoi, write_csv, write_records
from algocli.runs.networks import network_of
from algocli.runs.run import Run


@dataclass(frozen=True)
class Model:
    """A model of a sweep, by what tells it from the others: network, layer, kind of features and settings."""

    run: Run
    network: str
    layer: str
    words: str = ""

    @property
    def label(self) -> str:
        """What a chart calls it."""
        return " ".join(filter(None, (self.network.removeprefix("timm/"), self.layer, self.words)))


@dataclass(frozen=True)
class SweptRow(RoiRow):
    """The scores of one model in one ROI of one hemisphere of one subject, as a report has them.

    `roi_class` is the class of the ROI, `settings` what of features and model differs within the sweep.
    """

    roi_class: str = field(default="", kw_only=True)
    settings: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class BestRow(OfLayers):
    """The best model of one ROI in one hemisphere of one subject; None where there is no vertex.

    Attributes
    ----------
    mean_r
        What the choice scores on images that had no part in it, if it was made in inner folds; else None.
    naive_run, naive_mean_r
        The run that is best on the held-out images themselves, and its score there: what looks better than it is. It is
        the choice where none was made in inner folds.
    """

    settings: str = field(default="", kw_only=True)
    subject: SubjectId
    hemisphere: Side
    roi: str
    n_vertices: int
    mean_r: float | None
    naive_run: str | None
    naive_mean_r: float | None


# Fields of a report's row that are only there where they were asked for.
_UNASKED = ("low", "high", "significant_share")


@dataclass(frozen=True)
class SweptScores(RowsByRoi):
    """The rows of every model, model by model in the order of the sweep, ROIs in the order of their classes.

    Attributes
    ----------
    nested
        The best model of each ROI, chosen in inner folds, where that was asked for.
    """

    models: tuple[Model, ...]
    rows: tuple[SweptRow, ...]
    classes: dict[str, str]
    notes: tuple[str, ...] = ()
    nested: Nested | None = None
    min_ceiling: float = 0
    held_out: dict[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what rows tell, the class of a ROI before it."""
        usual = [column.name for column in fields(RoiRow) if column.name not in (*ORIGIN, *_UNASKED)]
        return (*ORIGIN, "settings", *usual[:2], "roi_class", *usual[2:])

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows as JSON and CSV have them: their columns by name."""
        return [{name: getattr(row, name) for name in self.columns} for row in self.rows]

    @cached_property
    def ranked(self) -> RankedModels:
        """The models in order."""
        return RankedModels(self)

    def model(self, run: str) -> Model:
        """Return the model of a run."""
        return next(model for model in self.models if model.run.name == run)

    def best(self) -> Iterator[BestRow]:
        """Yield the best model of each ROI, subject by subject and side by side; of equals the first."""
        rows: dict[tuple[SubjectId, Side, str], list[SweptRow]] = {}
        for row in self.rows:
            rows.setdefault((row.subject, row.hemisphere, row.roi), []).append(row)
        for (subject, side, roi), own in rows.items():
            naive = max(own, key=lambda row: -math.inf if row.mean_r is None else row.mean_r)
            nested = None if self.nested is None else self.nested.of_roi(subject, side, roi)
            run = naive.run if nested is None else nested.run
            chosen = next((row for row in own if row.run == run and naive.mean_r is not None), None)
            whose = {} if chosen is None else {"settings": chosen.settings, **chosen.origin}
            naive_run = naive.run if naive.mean_r is not None else None
            mean_r = None if nested is None else nested.mean_r
            yield BestRow(subject, side, roi, naive.n_vertices, mean_r, naive_run, naive.mean_r, **whose)


@dataclass(frozen=True)
class RankedModels(Ranking):
    """The models of a sweep by their scores; each goes by its run's name."""

    swept: SweptScores

    @property
    def table(self) -> RowsByRoi:
        """The rows of the sweep."""
        return self.swept

    @property
    def names(self) -> tuple[str, ...]:
        """The runs, in the order of the sweep."""
        return tuple(model.run.name for model in self.swept.models)

    @cached_property
    def scores(self) -> Scores:
        """Those of all rows that have one."""
        return {
            (row.subject, row.hemisphere, row.roi, str(row.run)): (row.n_vertices, row.mean_r)
            for row in self.swept.rows
            if row.mean_r is not None
        }


def score_models(
    models: Sequence[Model],
    data: Dataset,
    subjects: Sequence[SubjectId],
    *,
    rois: Sequence[str] | None = None,
    min_ceiling: float = 0,
    nested: Nested | None = None,
) -> SweptScores:
    """Score every ROI of some models' subjects; `nested` has the best of each, chosen in inner folds.

    Raises
    ------
    UsageError
        If the data names no such ROI.
    DataError, MissingStep
        If data and runs do not fit together, or a run lacks a subject.
    """
    rows: list[SweptRow] = []
    notes: dict[str, None] = {}
    classes: dict[str, str] = {}
    held_out: dict[str, Any] = {}
    for model in models:
        report = summarise(data, model.run, subjects=subjects, rois=rois, min_ceiling=min_ceiling)
        classes, held_out = report.classes, report.held_out
        notes |= dict.fromkeys(report.notes)
        for row in report.rows:
            told: dict[str, Any] = {**vars(row), "roi_class": classes.get(row.roi, ""), "settings": model.words}
            rows.append(SweptRow(**told))
    are_layers = not any(model.words for model in models)
    if nested is None:
        remark = tell_choice([model.run for model in models], subjects, layers=are_layers)
        notes |= dict.fromkeys(filter(None, [remark]))
    return SweptScores(tuple(models), tuple(rows), classes, tuple(notes), nested, min_ceiling, held_out)


def name_models(runs: Sequence[Run], words: Sequence[str]) -> list[Model]:
    """Say of each run of one layer which network and layer it is of; `words` say what else differs."""
    models = []
    for run, said in zip(runs, words, strict=True):
        made = network_of(run, run.settings.features[0])
        models.append(Model(run, made.model, made.layer or run.settings.features[0], said))
    return models


def write_swept(swept: SweptScores, csv: Path) -> list[Path]:
    """Write the rows as CSV, the choices in inner folds to a file beside it, and return the files.

    Raises
    ------
    StorageError
        If one cannot be written.
    """
    write_records(swept.columns, swept.records, csv)
    if swept.nested is None:
        return [csv]
    beside = csv.with_name(f"{csv.stem}.nested{csv.suffix}")
    write_csv(swept.nested, beside)
    return [csv, beside]
