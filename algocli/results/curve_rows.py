"""Rows of learning curves: what models of some number of images score in a ROI, and what the curve comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side
from algocli.results.rows import ORIGIN, OfLayers, RowsByRoi


@dataclass(frozen=True)
class CurveRow(OfLayers):
    """One number of images in one ROI of one hemisphere of one subject; scores are None where there is no vertex.

    Attributes
    ----------
    n_components
        How many the models have, which is less than asked for where so few images have no more; None for all.
    n_repeats
        How many models there are, each of a subset of its own; of more than half of the images there is one.
    mean_r
        On the same held-out images, whatever was fitted on; the mean over the ROI's vertices, and over models.
    sd
        The standard deviation over models, of two at least.
    """

    # Without a default, which the class that it comes from has for those that are made up.
    run: str = field()
    subject: SubjectId
    hemisphere: Side
    roi: str
    n_vertices: int
    n_images: int
    n_components: int | None
    n_repeats: int
    mean_r: float | None
    sd: float | None


@dataclass(frozen=True)
class CeilingRow(OfLayers):
    """What a ROI's curve comes to with images without end, going by r(n) = ceiling / sqrt(1 + b / (n - n_lost)).

    Attributes
    ----------
    n_images, mean_r
        Of the largest models, which usually are fitted on all images that there are.
    ceiling
        None where the images do not bound it: the curve rises too steeply still, or is too unsure.
    low, high
        The 95 % interval of the ceiling; `high` is None where nothing bounds it from above.
    half_at
        b + n_lost: of how many images a model explains half as much variance as one of images without end; None as the
        ceiling is.
    n_lost
        How many images least squares needs for its components and the mean alone, before it learns anything; 0 where
        penalties do without.
    """

    run: str = field()
    subject: SubjectId
    hemisphere: Side
    roi: str
    n_vertices: int
    n_images: int
    mean_r: float | None
    ceiling: float | None
    low: float | None
    high: float | None
    half_at: float | None
    n_lost: int

    @property
    def is_bounded(self) -> bool:
        """Whether the images say where the curve ends."""
        return self.ceiling is not None


@dataclass(frozen=True)
class Curve(RowsByRoi):
    """Learning curves: `rows` by subject, hemisphere, ROI and number of images, and a ceiling for each ROI.

    `settings` are in words what differs from the run; `classes` tells the class of each ROI (`ALL_VERTICES` has none);
    `notes` say what was assumed; `held_out` says on which training images models were scored.
    """

    run: str
    rows: tuple[CurveRow, ...]
    ceilings: tuple[CeilingRow, ...]
    classes: Mapping[str, str]
    notes: tuple[str, ...] = ()
    changed: Mapping[str, Any] = field(default_factory=dict)
    held_out: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Curve({self.told(f'{len(self.sizes)} sizes of {self.run}')})"

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of images, rising."""
        return tuple(sorted({row.n_images for row in self.rows}))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what rows tell."""
        return (*ORIGIN, *(each.name for each in fields(CurveRow) if each.name not in ORIGIN))

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows as dicts."""
        return [{name: getattr(row, name) for name in self.columns} for row in self.rows]

    @property
    def end(self) -> Ends:
        """The ceilings, as a table of their own."""
        return Ends(self.ceilings, self.classes)

    def of_roi(self, subject: SubjectId, hemisphere: Side, roi: str) -> list[CurveRow]:
        """Return the rows of a ROI, from few images to all."""
        wanted = (subject, hemisphere, self.region(roi))
        rows = [row for row in self.rows if (row.subject, row.hemisphere, row.roi) == wanted]
        return sorted(rows, key=lambda row: row.n_images)

    def ceiling_of(self, subject: SubjectId, hemisphere: Side, roi: str) -> CeilingRow | None:
        """Return the ceiling of a ROI; None where that subject's data does not name it."""
        wanted = (subject, hemisphere, self.region(roi))
        return next((row for row in self.ceilings if (row.subject, row.hemisphere, row.roi) == wanted), None)


@dataclass(frozen=True)
class Ends(RowsByRoi):
    """The ceilings of curves as rows."""

    rows: tuple[CeilingRow, ...]
    classes: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what rows tell."""
        return (*ORIGIN, *(each.name for each in fields(CeilingRow) if each.name not in ORIGIN))

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows as dicts."""
        return [{name: getattr(row, name) for name in self.columns} for row in self.rows]
