"""Receptive fields of several subjects together: maps of means on fsaverage, and charts in which all count alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from algocli.dataset.protocol import Dataset
from algocli.results.drawing.brain_map import BrainMap
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.coverage import Coverage, Coverages, draw_coverage
from algocli.results.drawing.keys import Key, Wheel
from algocli.results.drawing.size_lines import SizeLine, SizeLines, draw_size_lines
from algocli.results.field_layers import tell_layer
from algocli.results.group_places import group_sides
from algocli.results.plots.field_charts import Areas, areas_of, coverage_of, line_of, reach_of
from algocli.results.plots.fields import QUANTITIES
from algocli.results.plots.group_maps import counted, group_map, meeting_of
from algocli.results.plots.request import Wishes
from algocli.results.receptive_fields import read_fields
from algocli.results.scoring import scored_subjects
from algocli.runs.networks import name_runs
from algocli.runs.run import Run
from algocli.stats.circular import mean_angles
from algocli.stats.groups import mean_of_subjects


def plot_group_fields(challenge: Dataset, run: Run, wishes: Wishes, what: str) -> BrainMap:
    """Map the mean 'eccentricity', 'angle' or 'size' over the subjects who have a window, and how many they are.

    A vertex stays bare where fewer than half of the subjects have a window; the mean of angles is where they point
    together.

    Raises
    ------
    UsageError
        If the run has no windows, or the data of a subject has no places on fsaverage.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    about = QUANTITIES[what]
    subjects = [subject for subject, _ in scored_subjects(challenge, run, wishes.subjects)]
    meeting, mean, having = meeting_of(subjects, wishes), {}, {}
    for h, here in meeting.items():
        values = {
            subject.id: getattr(read_fields(run, subject.id, h, subject.n_vertices(h), wishes.layer), what)
            for subject in subjects
            if h in subject.sides
        }
        stacked = here.stack(values)
        having[h] = np.isfinite(stacked).sum(axis=0)
        over = mean_angles(stacked) if what == "angle" else mean_of_subjects(stacked).mean
        mean[h] = np.where(having[h] >= here.least, over, np.nan)
    every = np.concatenate(list(mean.values()))
    key: Key = Wheel(about.label).between(wishes.colours) if what == "angle" else wishes.scale(every, about.label)
    least = next(iter(meeting.values())).least
    said = (
        f"{about.says}, mean over the subjects who have one.{tell_layer(run, wishes.layer)} Vertices where fewer than "
        f"{least} have a window that is better than the whole image stay bare. {name_runs([run])}"
    )
    further = [counted(meeting, having, "subjects with a window", wishes)]
    return group_map(subjects, meeting, mean, key, about.title, said, wishes, further=further)


def plot_group_sizes(challenge: Dataset, run: Run, wishes: Wishes, rois: Sequence[str] = ()) -> Chart[SizeLines]:
    """Draw how windows grow with eccentricity: means over subjects of each one's medians, and of each one's line.

    Raises
    ------
    UsageError
        If the run has no windows, or the data names no such ROI.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    areas = _areas(challenge, run, wishes, rois)
    lines = {
        side: [_mean_line(name, [line_of(name, *each[side][name]) for each in having]) for name in having[0][side]]
        for side, having in areas.items()
    }
    caption = (
        "Dots: mean over subjects of the median size of their windows in each half degree of eccentricity, where at "
        "least half of them have one. Lines: mean of their robust regressions (Huber)."
        f"{tell_layer(run, wishes.layer)}{wishes.told_ceiling}\n{name_runs([run])}"
    )
    title = _title(wishes, "Size of receptive fields by eccentricity")
    return draw_size_lines(lines, title=title, caption=caption, dpi=wishes.dpi, theme=wishes.theme)


def plot_group_coverage(challenge: Dataset, run: Run, wishes: Wishes, rois: Sequence[str] = ()) -> Chart[Coverages]:
    """Draw which part of the visual field each area sees: the mean over subjects, and the centres of all windows.

    Raises
    ------
    UsageError
        If the run has no windows, the data names no such ROI, or there is no colour map of the name asked for.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    areas = _areas(challenge, run, wishes, rois)
    reach = max(reach_of(each, run.settings.image_width) for having in areas.values() for each in having)
    panels = {
        side: tuple(
            _mean_coverage(name, [coverage_of(name, *each[side][name], reach) for each in having])
            for name in having[0][side]
        )
        for side, having in areas.items()
    }
    caption = (
        "Colour: mean over subjects of what an area's windows see, each one's relative to its largest; dots: centres "
        "of all subjects' windows, as large as there are windows."
        f"{tell_layer(run, wishes.layer)}{wishes.told_ceiling}\n{name_runs([run])}"
    )
    return draw_coverage(
        Coverages(panels, reach),
        title=_title(wishes, "Coverage of the visual field"),
        caption=caption,
        colours=wishes.colours,
        dpi=wishes.dpi,
        theme=wishes.theme,
    )


def _areas(challenge: Dataset, run: Run, wishes: Wishes, rois: Sequence[str]) -> dict[str, list[Areas]]:
    """Return by side the areas of all subjects who have it."""
    subjects = [subject for subject, _ in scored_subjects(challenge, run, wishes.subjects)]
    each = [areas for _, areas in areas_of(run, subjects, wishes, rois)]
    sides = group_sides(subjects, wishes.hemispheres)
    return {side: [areas for areas in each if side in areas] for side in sides}


def _title(wishes: Wishes, default: str) -> str:
    n = "" if wishes.subjects is None else f", {len(wishes.subjects)} subjects"
    return wishes.title or f"{default}{n}"


def _mean_line(name: str, each: Sequence[SizeLine]) -> SizeLine:
    """Average an area's medians and lines over subjects, where at least half of them have any."""
    least = -(-len(each) // 2)
    medians: dict[float, list[float]] = {}
    for subject in each:
        for centre, median in zip(subject.eccentricity.tolist(), subject.median_size.tolist(), strict=True):
            medians.setdefault(centre, []).append(median)
    told = {centre: np.mean(values) for centre, values in sorted(medians.items()) if len(values) >= least}
    lines = [subject.line for subject in each if subject.line is not None]
    slope, intercept = np.mean(lines or [(np.nan, np.nan)], axis=0).tolist()
    return replace(
        each[0],
        n_vertices=sum(subject.n_vertices for subject in each),
        eccentricity=np.array(list(told)),
        median_size=np.array(list(told.values())),
        line=(slope, intercept) if lines and len(lines) >= least else None,
        ends=(min(subject.ends[0] for subject in each), max(subject.ends[1] for subject in each)),
    )


def _mean_coverage(name: str, each: Sequence[Coverage]) -> Coverage:
    density = np.mean([subject.density for subject in each], axis=0)
    most = density.max()
    x, y = (np.concatenate([getattr(subject, part) for subject in each]) for part in ("x", "y"))
    return Coverage(name, x, y, density / most if most > 0 else density)
