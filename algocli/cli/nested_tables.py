"""The tables of a choice between runs: a ROI a row, with what the choice scores and what would have looked better."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from algocli.compute.remarks import counted
from algocli.dataset.sides import heading
from algocli.results.telling import DASH, number

if TYPE_CHECKING:
    from algocli.cli.roi_tables import Table
    from algocli.results.nested_rows import Nested, NestedGroupRow, NestedRow


def nested_tables(nested: Nested) -> Iterator[Table]:
    """Yield a table for each subject and side."""
    from algocli.cli.roi_tables import roi_lines

    columns = ["ROI", "n", "run", *["in"] * nested.in_folds, "mean r", "low", "high", "naive", "its r", "above"]
    for subject, side in product(nested.subjects, nested.sides):
        rows = {row.roi: row for row in nested.rows if (row.subject, row.hemisphere) == (subject, side)}
        if rows:
            title = f"Subject {subject}, {heading(side).lower()}: the best run by inner folds (validation)"
            yield title, columns, list(roi_lines(nested, {roi: _cells(nested, row) for roi, row in rows.items()}))


def nested_group_tables(nested: Nested) -> Iterator[Table]:
    """Yield a table for each side, over subjects."""
    from algocli.cli.roi_tables import roi_lines

    every = list(nested.over_subjects())
    for side in nested.sides:
        cells = {row.roi: _group_cells(row) for row in every if row.hemisphere == side}
        whose = f"{counted(len(nested.subjects), 'subjects')}, {heading(side).lower()}"
        title = f"{whose}: each one's best run by inner folds (validation)"
        yield title, ["ROI", "subj", "mean r", "low", "high", "naive r", "above"], list(roi_lines(nested, cells))


def explain_nested(nested: Nested, *, group: bool) -> Iterator[str]:
    """Say how these tables are to be read."""
    if group:
        yield "mean r: mean over subjects, each with runs of its own choice; low and high: 95 %, of other subjects"
    else:
        folds = f", in so many of {nested.n_folds} folds" if nested.in_folds else ""
        yield f"run: chosen by inner folds within the images that models are fitted on{folds}; runs as they were named"
        yield "mean r: what the choice scores on images that had no part in it; low and high: its 95 % interval"
    yield "naive: the best run on the held-out images themselves; above: how much better it looks than it is"


def _cells(nested: Nested, row: NestedRow) -> list[str]:
    if row.run is None or row.naive_run is None:
        return [DASH] * (8 + nested.in_folds)
    cells = [number(row.n_vertices, 0), str(nested.place(row.run)), *[str(row.n_chosen)] * nested.in_folds]
    cells += [number(value) for value in (row.mean_r, row.low, row.high)]
    return [*cells, str(nested.place(row.naive_run)), number(row.naive_mean_r), number(row.optimism, signed=True)]


def _group_cells(row: NestedGroupRow) -> list[str]:
    above = None if row.mean_r is None or row.naive_mean_r is None else row.naive_mean_r - row.mean_r
    numbers = [number(value) for value in (row.mean_r, row.low, row.high, row.naive_mean_r)]
    return [str(row.n_subjects), *numbers, number(above, signed=True)]
