"""Runs side by side as one web page: what they differ in, by how much in every ROI, and where on the cortex."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from shlex import quote

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset
from algocli.results.difference_rows import Comparison
from algocli.results.drawing.brain_map import BrainMap
from algocli.results.drawing.keys import Scale
from algocli.results.drawing.roi_axis import remark_on_absent
from algocli.results.drawing.run_bars import draw_runs
from algocli.results.how_sure import of_comparison
from algocli.results.on_mesh import has_places
from algocli.results.page.compare_tables import (
    BETTER,
    WORSE,
    SettingRow,
    choice_table,
    difference_table,
    settings_side_by_side,
    subjects_differences,
)
from algocli.results.page.frame import Page, SubjectPart
from algocli.results.page.pictures import Picture, picture
from algocli.results.page.provenance import Provenance, finished, provenance
from algocli.results.page.repeating import commands_of
from algocli.results.page.run_tables import differences_of_run, runs_table, scores_table
from algocli.results.page.tables import Table
from algocli.results.plots.difference import plot_difference
from algocli.results.plots.group_maps import plot_group_difference
from algocli.results.plots.request import Wishes
from algocli.results.ranked import MOST_SIDE_BY_SIDE, Ranked, told_apart
from algocli.results.telling import SCORED_ON, read_differences
from algocli.runs.run import Run

# How often images are drawn anew for intervals, and the seed, unless told otherwise.
USUALLY_DRAWN = (1000, 0)


@dataclass(frozen=True)
class RunPart:
    """One of the runs: its place in the tables, from 1, and what its records tell."""

    place: int
    name: str
    short: str
    finished: str
    provenance: Provenance


@dataclass(frozen=True, kw_only=True)
class ComparePage(Page):
    """Everything that a comparison's page shows."""

    template = "compare.html"

    runs: tuple[RunPart, ...]
    settings: tuple[SettingRow, ...]
    # Beyond four runs, in place of their settings side by side: the runs as rows, and what they have alike.
    table: Table | None = None
    alike: dict[str, str] = field(default_factory=dict)


def build_compare_page(
    comparison: Comparison,
    runs: Sequence[Run],
    data: Dataset,
    *,
    title: str | None = None,
    drawn: tuple[int, int] = USUALLY_DRAWN,
    rois: Sequence[str] | None = None,
) -> ComparePage:
    """Gather what a comparison's page shows; the same comparison gives the same page.

    Parameters
    ----------
    comparison
        What `compare` found of the runs.
    runs
        These runs, the reference first.
    data
        The data that they were made from. Subjects that it lacks have no maps.
    title
        A heading; by default one that says what the page is.
    drawn
        How often images were drawn anew for the intervals, and the seed.
    rois
        What else was asked for, which the command that makes the page again is to say.

    Raises
    ------
    DataError
        If data and runs do not fit together, or the records of a run are damaged.
    """
    by_name = {run.name: run for run in runs}
    ordered = [by_name[name] for name in (comparison.reference, *comparison.runs)]
    short, _ = told_apart([run.name for run in ordered])
    parts = tuple(
        RunPart(place, run.name, word, finished(run), provenance(run, comparison.subjects, f"records-{place}"))
        for place, (run, word) in enumerate(zip(ordered, short, strict=True), start=1)
    )
    settings = settings_side_by_side(ordered)
    ranked = Ranked(comparison) if len(comparison.names) > MOST_SIDE_BY_SIDE else None
    made = [(run, [run.subject(n) for n in comparison.subjects]) for run in by_name.values()]
    several = len(comparison.subjects) > 1
    return ComparePage(
        title=title or "Runs compared",
        runs=parts,
        settings=settings,
        table=None if ranked is None else runs_table(ranked, settings),
        alike={} if ranked is None else {row.name: row.values[0] for row in settings if not row.differs},
        overview=tuple(subjects_differences(comparison, h) for h in comparison.sides)
        if several and ranked is None
        else (),
        pictures=(),
        maps=tuple(_group_maps(comparison, ordered, data, ranked)),
        subjects=tuple(_subject_parts(comparison, ordered, data, ranked)),
        how_sure=tuple(of_comparison(in_folds=any(run.settings.folds is not None for run in ordered))),
        repeat=(*commands_of(made), _command(comparison, title, drawn, rois)),
        notes=(
            *read_differences(f"{BETTER} {WORSE}", *drawn, comparison.corrected),
            *_on_maps(ranked),
            *comparison.notes,
        ),
    )


def _mapped(comparison: Comparison, runs: Sequence[Run], ranked: Ranked | None) -> Iterator[tuple[int, Run]]:
    """Yield the runs, by their places, whose difference from the reference is mapped: of many the best alone."""
    wanted = comparison.names if ranked is None else [_best(ranked)]
    for place, run in enumerate(runs[1:], start=2):
        # A reference that is compared with itself differs nowhere.
        if run.name != comparison.reference and run.name in wanted:
            yield place, run


def _best(ranked: Ranked) -> str:
    """Return the best run beside the reference."""
    order = ranked.order(ranked.comparison.subjects)
    return next(run for run in order if run != ranked.comparison.reference)


def _on_maps(ranked: Ranked | None) -> Iterator[str]:
    if ranked is not None:
        place = ranked.place(_best(ranked))
        yield f"maps are of run {place}, the best beside the reference; plot difference draws those of any other"


def _placed(comparison: Comparison, data: Dataset) -> tuple[SubjectId, ...]:
    """Return the subjects of whom the data says where on the cortex their responses lie."""
    return tuple(n for n in comparison.subjects if n in data.subject_ids and has_places(data.subject(n)))


def _group_maps(
    comparison: Comparison, runs: Sequence[Run], data: Dataset, ranked: Ranked | None
) -> Iterator[tuple[str, BrainMap]]:
    """Map the mean difference over subjects of each further run, where there are several subjects."""
    placed = _placed(comparison, data)
    for place, run in _mapped(comparison, runs, ranked) if len(placed) > 1 else ():
        wishes = _wishes(comparison, placed, f"Run {place} minus run 1, {len(placed)} subjects")
        shown = plot_group_difference(data, run, runs[0], wishes)
        yield f"map-group-{place}", _labelled(shown, f"mean r of run {place} minus that of run 1")


def _subject_parts(
    comparison: Comparison, runs: Sequence[Run], data: Dataset, ranked: Ranked | None
) -> Iterator[SubjectPart]:
    there = _placed(comparison, data)
    maps: dict[SubjectId, list[tuple[str, BrainMap]]] = {n: [] for n in comparison.subjects}
    for place, run in _mapped(comparison, runs, ranked) if there else ():
        wishes = _wishes(comparison, there, f"Run {place} minus run 1")
        for n, shown in plot_difference(data, run, runs[0], wishes):
            maps[n].append((f"map-{n}-{place}", _labelled(shown, f"r of run {place} minus r of run 1")))
    for n in comparison.subjects:
        if ranked is None:
            tables = tuple(difference_table(comparison, n, h) for h in comparison.sides)
            yield SubjectPart(n, (*tables, *_choices(comparison, n)), (_bars(comparison, n),), tuple(maps[n]))
        else:
            tables = tuple(scores_table(ranked, n, h) for h in comparison.sides)
            each = tuple(differences_of_run(ranked, n, place) for place in range(2, len(comparison.names) + 1))
            yield SubjectPart(n, (*tables, *_choices(comparison, n)), (), tuple(maps[n]), folded=each)


def _choices(comparison: Comparison, subject: SubjectId) -> Iterator[Table]:
    """Yield what was chosen in inner folds, if that was asked for."""
    if comparison.nested is not None:
        yield from (choice_table(comparison.nested, subject, side) for side in comparison.sides)


def _wishes(comparison: Comparison, subjects: tuple[SubjectId, ...], title: str) -> Wishes:
    return Wishes(subjects, title=title, min_ceiling=comparison.min_ceiling)


def _labelled(shown: BrainMap, label: str) -> BrainMap:
    """Give a map's scale the name that the page gives to what is shown."""
    return replace(shown, key=replace(shown.key, label=label)) if isinstance(shown.key, Scale) else shown


def _bars(comparison: Comparison, subject: SubjectId) -> Picture:
    names = ", ".join(dict.fromkeys((comparison.reference, *comparison.runs)))
    remark = remark_on_absent(row.n_vertices for row in comparison.rows if row.subject == subject)
    return picture(
        lambda theme: draw_runs(comparison, subject, theme=theme),
        "Mean r by ROI",
        f"Bar chart of subject {subject}'s mean r by ROI for the runs {names}. The tables above have the numbers.",
        f"Scored on {SCORED_ON}.{remark}",
    )


def _command(comparison: Comparison, title: str | None, drawn: tuple[int, int], rois: Sequence[str] | None) -> str:
    """Return the command that writes this page again."""
    words = ["algocli compare", *map(quote, (comparison.reference, *comparison.runs))]
    words.append(f"-s {','.join(map(str, comparison.subjects))}")
    words += [f"--roi {quote(roi)}" for roi in rois or ()]
    words += [f"--min-ceiling {comparison.min_ceiling:g}"] * bool(comparison.min_ceiling)
    for option, given, usual in zip(("--resamples", "--seed"), drawn, USUALLY_DRAWN, strict=True):
        words += [f"{option} {given}"] * (given != usual)
    words += ["--nested"] * (comparison.nested is not None)
    words += [f"--correct {comparison.corrected}"] * (comparison.corrected != "none")
    words += [f"--title {quote(title)}"] if title else []
    return " ".join([*words, "--html compare.html"])
