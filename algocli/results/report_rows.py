"""Rows of a report: the scores of each ROI, behind the table, the JSON, the CSV and the bar chart."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from algocli.compute.choices import said
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side, check_side
from algocli.errors import UsageError
from algocli.results.receptive_fields import COLUMNS as OF_FIELDS
from algocli.results.rows import ORIGIN, OfLayers, RowsByRoi
from algocli.results.scoring import OverallAccuracy


@dataclass(frozen=True)
class RoiRow(OfLayers):
    """The scores of one ROI in one hemisphere of one subject; None where there is nothing to score.

    `median_r` and `mean_r` are over the ROI's vertices, r being on held-out training images; `accuracy` is the mean
    noise-normalised encoding accuracy in percent by the official rule, `adjusted_accuracy` the mean of the same without
    what chance adds to r², signed and not cut off (`scoring.VertexScores`); None where the data folder has no noise
    ceilings, or, of the latter, they are too low or the images too few. Where they were asked for, `low` and `high`
    bound the 95 % interval of `mean_r`, and `significant_share` is the share of vertices that are explained better than
    chance.

    Where the run has found receptive fields, `field_share` is the share of vertices that have one, and of these
    `median_eccentricity` and `median_size` are in degrees of visual angle, `mean_angle` is in degrees from the right
    horizontal on against the clock, `median_margin` says by what share less than the whole image's the error is, and
    `rim_share` how many have a centre as far out as any that was tried.
    """

    subject: SubjectId
    hemisphere: Side
    roi: str
    n_vertices: int
    median_r: float | None
    mean_r: float | None
    accuracy: float | None
    low: float | None = None
    high: float | None = None
    significant_share: float | None = None
    adjusted_accuracy: float | None = None
    field_share: float | None = None
    median_eccentricity: float | None = None
    mean_angle: float | None = None
    median_size: float | None = None
    median_margin: float | None = None
    rim_share: float | None = None


# What every row tells, asked or not.
COLUMNS = (*ORIGIN, *(field.name for field in fields(RoiRow) if field.default is MISSING), "adjusted_accuracy")


@dataclass(frozen=True)
class Report(RowsByRoi):
    """All rows of a run, subject by subject and hemisphere by hemisphere, ROIs in the order of their classes.

    `classes` tells the class of each ROI (`ALL_VERTICES` has none); `notes` say what was assumed on the way.
    `overall` is over all vertices of all the subjects whatever the rows are; None unless all have noise ceilings.
    `columns` are the fields of a row that were asked for; `preparation` has a line for each network whose images were
    not prepared as its weights ask for. `refitted` is False where no subject's folds could be fitted again for p;
    `same_images` is the share of a subject's held-out images that were held out of another too, if images were drawn.
    `min_ceiling` is the least noise ceiling of the vertices that rows count; `held_out` says which training images the
    scores are on.
    """

    run: str
    rows: tuple[RoiRow, ...]
    classes: dict[str, str]
    notes: tuple[str, ...] = ()
    overall: OverallAccuracy | None = None
    columns: tuple[str, ...] = COLUMNS
    preparation: tuple[str, ...] = ()
    refitted: bool = True
    same_images: float = 0.0
    min_ceiling: float = 0
    held_out: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Report({self.told(f'run {self.run}')})"

    def table(self) -> list[dict[str, Any]]:
        """Return the rows as dicts: those columns that were asked for, a missing score as None."""
        return self.records

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows as JSON and CSV have them: their columns by name."""
        return [{name: getattr(row, name) for name in self.columns} for row in self.rows]

    @property
    def has_accuracy(self) -> bool:
        """Say whether any row is normalised by a noise ceiling."""
        return any(row.accuracy is not None for row in self.rows)

    @property
    def has_adjusted(self) -> bool:
        """Say whether any row tells an accuracy without what chance adds to it."""
        return any(row.adjusted_accuracy is not None for row in self.rows)

    @property
    def has_fields(self) -> bool:
        """Say whether rows tell of receptive fields."""
        return OF_FIELDS[0] in self.columns

    @property
    def has_intervals(self) -> bool:
        """Say whether rows tell the interval of their mean r."""
        return "low" in self.columns

    @property
    def has_significance(self) -> bool:
        """Say whether rows tell how many vertices are significant."""
        return "significant_share" in self.columns

    def row(self, subject: SubjectId, hemisphere: Side, roi: str) -> RoiRow | None:
        """Return one row, or None where that subject's data does not name the ROI.

        Raises
        ------
        UsageError
            If there is no such hemisphere, or the report has no such subject or ROI.
        """
        if subject not in self.subjects:
            listed = ", ".join(map(str, self.subjects))
            raise UsageError(f"{said('subject', subject)}: the report has {listed or 'none'}")
        wanted = (subject, check_side(hemisphere, self.sides), self.region(roi))
        return next((row for row in self.rows if (row.subject, row.hemisphere, row.roi) == wanted), None)
