"""The tables of `algocli similarity`: of few targets one each, with intervals; of many one row each, layers beside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from algocli.cli.console import number
from algocli.cli.roi_tables import Table, fits, show_tables
from algocli.compute.remarks import counted
from algocli.results.telling import DASH, SIGNIFICANT, shortened

if TYPE_CHECKING:
    from algocli.results.similarity import GroupSimilarityRow, SimilarityRow
    from algocli.results.similarity_table import Similarity

# So many targets have a table each.
_FEW = 6


def show_similarity(result: Similarity) -> None:
    """Print what was found: of several subjects what they say together."""
    show_tables(_tables(result), "")


def remarks(result: Similarity) -> Iterator[str]:
    """Say how the tables are to be read."""
    how = result.how
    corrected = {"none": "", "fdr": ", share of false discoveries bounded", "max": ", by the largest of all"}[
        how.correct
    ]
    order = f"images in random order, {how.n_permutations:,} permutations, seed {how.seed}"
    if result.group:
        yield "95 %, low to high: had it been other subjects who saw these images"
        yield "* p <= .05: signs of whole subjects flipped, one-sided"
        if any(row.with_mean is not None for row in result.group):
            yield f"mean RDM: similarity with the mean of the subjects' RDMs, its p by {order}{corrected}"
            yield "noise ceiling: subjects with the mean of the others, and with that of all: none fits better"
        yield "every subject's rows: --csv FILE, --json or -o FOLDER"
    else:
        if len(result.targets) <= _FEW:
            yield "95 %, low to high: had the images been others of the kind"
        yield f"* p <= .05: {order}, one-sided{corrected}"
        if len(result.targets) > _FEW:
            yield "intervals and p: --csv FILE, --json or -o FOLDER"
    yield from result.notes


def _tables(result: Similarity) -> Iterator[Table]:
    if len(result.targets) > _FEW:
        for title, rows in _subjects(result):
            yield from _side_by_side(result, title, rows)
    elif result.group:
        for target in result.targets:
            yield _of_group(result, target, [row for row in result.group if row.target == target])
    else:
        for target in result.targets:
            yield _of_subject(result, target, [row for row in result.rows if row.target == target])


def _images(result: Similarity) -> str:
    return f"{' and '.join(f'{n:,}' for n in result.n_images)} images"


def _whose(result: Similarity) -> str:
    if result.group:
        return f"{len(result.subjects)} subjects, "
    (subject,) = result.subjects
    return "" if subject is None else f"subject {subject}, "


def _of_group(result: Similarity, target: str, rows: Sequence[GroupSimilarityRow]) -> Table:
    has_mean = any(row.with_mean is not None for row in rows)
    columns = ["Layer", "mean", "se", "95 %", "p", "", *["mean RDM", "p"] * has_mean]
    lines = []
    for row in rows:
        interval = DASH if row.low is None else f"{number(row.low)} {number(row.high)}"
        line = [row.layer, number(row.mean), number(row.se), interval, _p(row.p), _star(row.p)]
        lines.append([*line, *[number(row.with_mean), _p(row.with_mean_p)] * has_mean])
    n = max(row.n_subjects for row in rows)
    title = f"{target}: {counted(n, 'subjects')}, {_images(result)}, {result.how.told}"
    if rows[0].ceiling_low is not None:
        title += f"\nnoise ceiling {number(rows[0].ceiling_low)} to {number(rows[0].ceiling_high)}"
    return title, columns, lines


def _of_subject(result: Similarity, target: str, rows: Sequence[SimilarityRow]) -> Table:
    columns = ["Layer", result.how.short, "95 %", "p", ""]
    lines = [
        [
            row.layer,
            number(row.similarity),
            DASH if row.low is None else f"{number(row.low)} {number(row.high)}",
            _p(row.p),
            _star(row.p),
        ]
        for row in rows
    ]
    vertices = "" if rows[0].n_vertices is None else f", {rows[0].n_vertices:,} vertices"
    return f"{target}: {_whose(result)}{_images(result)}{vertices}, {result.how.told}", columns, lines


def _subjects(result: Similarity) -> Iterator[tuple[str, dict[tuple[str, str], str]]]:
    """Yield one title, and the cells by layer and target."""
    cells = {}
    for row in result.group or result.rows:
        value = getattr(row, "mean" if result.group else "similarity")
        cells[row.layer, row.target] = f"{number(value)}{_star(row.p) or ' '}"
    yield f"{_whose(result)}{_images(result)}: {result.how.told}", cells


def _side_by_side(result: Similarity, title: str, cells: dict[tuple[str, str], str]) -> Iterator[Table]:
    """Yield a table of targets, layers beside each other; as many tables as the screen asks for."""
    left = list(result.layers)
    what = {"ROI": "ROI", "RDM": "RDM", "layer": "Layer"}[result.kind]
    while left:
        n = len(left)
        while True:
            columns = [what, *(f"{shortened(name, 24)} " for name in left[:n])]
            lines = list(_lines(result, left[:n], cells))
            if n == 1 or fits(columns, lines):
                break
            n -= 1
        yield title, columns, lines
        left = left[n:]


def _lines(result: Similarity, layers: Sequence[str], cells: dict[tuple[str, str], str]) -> Iterator[list[str]]:
    before = None
    for target in result.targets:
        roi_class = result.classes[target]
        if roi_class != before:
            if before is not None:
                yield []
            if roi_class:
                yield [roi_class]
            before = roi_class
        name = f"  {target}" if roi_class else target
        yield [name, *(cells.get((layer, target), DASH) for layer in layers)]


def _star(p: float | None) -> str:
    return "*" if p is not None and p <= SIGNIFICANT else ""


def _p(p: float | None) -> str:
    return "<.001" if p is not None and p < 0.0005 else number(p)
