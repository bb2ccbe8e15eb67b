"""The tables of `sweep`: models by class of ROI, network by network, and the best of them in each ROI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from algocli.cli.console import out
from algocli.cli.roi_tables import Table, fits, roi_lines, show_tables
from algocli.cli.wording import in_options
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import ALL_VERTICES, Side, all_of, heading
from algocli.results.telling import DASH, number

if TYPE_CHECKING:
    from algocli.compute.track import Note
    from algocli.results.swept import Model, SweptScores

# So many ROIs have a column each; of more, their classes.
_MOST_COLUMNS = 12
# What a model's scores are, by its run's name.
_Column = Mapping[str, float | None]


def show_sweep(swept: SweptScores, note: Note) -> None:
    """Print the tables, and how they are to be read."""
    show_tables((_best_by_roi(swept, side) for side in swept.sides), "", ends_in_bars=True)
    out().print()
    show_tables(_by_regions(swept), "")
    note("networks and, of each, layers stand in order, the best first; * the best of a column")
    if swept.nested is not None:
        note(
            "best model: chosen by inner folds within the images that models are fitted on; mean r: what the choice "
            "scores on images that had no part in it; naive r: the best on these images themselves, which looks better "
            "than it is"
        )
    for line in swept.notes:
        note(line)


def _by_regions(swept: SweptScores) -> Iterator[Table]:
    yield from _by_region(swept, _who(swept), _regions(swept))
    if len(swept.subjects) > 1:
        yield from _by_region(swept, "Subject by subject", _of_subjects(swept))


def _who(swept: SweptScores) -> str:
    subjects = swept.subjects
    return f"Subject {subjects[0]}" if len(subjects) == 1 else f"Mean of {len(subjects)} subjects"


def _regions(swept: SweptScores) -> dict[str, _Column]:
    """Return a column for each ROI or, of many, each class; before them all that was asked for together."""
    ranked, rois = swept.ranked, [roi for roi in swept.rois if roi != ALL_VERTICES]
    few = {roi: (roi,) for roi in rois} if len(rois) <= _MOST_COLUMNS else ranked.by_class
    regions = {"all": ranked.overall, **few}
    # A class is told by what it is for: as 'faces', not 'floc-faces'.
    return {
        name.removeprefix("prf-").removeprefix("floc-"): {
            run: ranked.mean_over(run, swept.subjects, those) for run in ranked.names
        }
        for name, those in regions.items()
    }


def _of_subjects(swept: SweptScores) -> dict[str, _Column]:
    ranked = swept.ranked

    def column(subjects: Sequence[SubjectId]) -> _Column:
        return {run: ranked.mean_over(run, subjects, ranked.overall) for run in ranked.names}

    return {"mean": column(swept.subjects), **{f"subj {each}": column([each]) for each in swept.subjects}}


def _by_region(swept: SweptScores, who: str, columns: Mapping[str, _Column]) -> Iterator[Table]:
    """Yield models by network, the best first, in as few tables as the screen holds."""
    groups, names = _grouped(swept), list(columns)
    n_each = len(names)

    def table(some: Sequence[str]) -> tuple[list[str], list[list[str]]]:
        best = {name: _best(columns[name]) for name in some}
        lines: list[list[str]] = []
        for network, models in groups.items():
            lines += [[], [network]]
            lines += [
                [f"  {_layer(each)}", *(_cell(columns[name], each, best[name]) for name in some)] for each in models
            ]
        return ["network, layer", *(f"{name} " for name in some)], lines[1:]

    while n_each > 1 and not all(fits(*table(names[at : at + n_each])) for at in range(0, len(names), n_each)):
        n_each -= 1
    for at in range(0, len(names), n_each):
        yield f"{who}, {all_of(swept.sides)}: mean r (validation)", *table(names[at : at + n_each])


def _grouped(swept: SweptScores) -> dict[str, list[Model]]:
    """Return the models in order by their networks, that of the best model first."""
    groups: dict[str, list[Model]] = {}
    for run in swept.ranked.order(swept.subjects):
        model = swept.model(run)
        groups.setdefault(model.network, []).append(model)
    return groups


def _best(column: _Column) -> str | None:
    known = {run: r for run, r in column.items() if r is not None}
    return max(known, key=lambda run: known[run], default=None)


def _cell(column: _Column, model: Model, best: str | None) -> str:
    return f"{number(column[model.run.name])}{'*' if model.run.name == best else ' '}"


def _layer(model: Model) -> str:
    """Name a model's layer, and as options what else tells it from others of it."""
    return " ".join(filter(None, (model.layer, in_options(model.words))))


def _best_by_roi(swept: SweptScores, side: Side) -> Table:
    """Return the best model of each ROI: chosen in inner folds if that was asked for, and what looks better than it."""
    best = {(row.subject, row.roi): row for row in swept.best() if row.hemisphere == side}
    ranked, cells, is_nested = swept.ranked, dict[str, list[str]](), swept.nested is not None
    for roi in swept.rois:
        column = {run: ranked.mean_over(run, swept.subjects, [roi], [side]) for run in ranked.names}
        naive = _best(column)
        rows = [row for subject in swept.subjects if (row := best.get((subject, roi))) is not None]
        honest = [row.mean_r for row in rows if row.mean_r is not None]
        # Of several subjects each has a choice of its own: the one that is best on average is named.
        run = rows[0].run if is_nested and len(swept.subjects) == 1 else naive
        told = [number(sum(honest) / len(honest) if honest else None)] if is_nested else []
        told.append(number(None if naive is None else column[naive]))
        if run is None:
            cells[roi] = [*told, f" {DASH}"]
        else:
            model = swept.model(run)
            cells[roi] = [*told, f" {model.network} {_layer(model)}"]
    columns = ["ROI", *(["mean r", "naive r"] if is_nested else ["mean r"]), " best model"]
    how = "chosen in inner folds" if is_nested else "validation"
    return f"{_who(swept)}, {heading(side).lower()}: the best model by ROI ({how})", columns, roi_lines(swept, cells)
