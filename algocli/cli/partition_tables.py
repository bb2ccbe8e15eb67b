"""The tables of `algocli partition`: a column for each part, sets told by letters, both hemispheres pooled.

With its interval a part takes three times the room: what a narrow terminal does not hold of them side by side stands in
tables one below the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, groupby, pairwise
from string import ascii_uppercase
from typing import TYPE_CHECKING

from algocli.cli.roi_tables import Table, roi_lines, show_tables
from algocli.dataset.sides import all_of
from algocli.results.telling import DASH, UNIT_OF_SUBJECTS

if TYPE_CHECKING:
    from algocli.results.part_rows import PartitionReport, PartRow

# Four sets have fifteen parts: too many columns for a screen.
MOST_IN_FULL = 3

_Pick = Callable[["PartRow"], float | None]
_UNITS: dict[str, _Pick] = {
    "variance": lambda row: row.explained,
    "explainable variance": lambda row: row.of_explainable,
}


def show_parts(summary: PartitionReport) -> None:
    """Print each subject's parts in percent of variance and, where there are ceilings, of the explainable."""
    legend = "\n".join(f"{letter} {name}" for letter, name in zip(ascii_uppercase, summary.sets, strict=False))
    show_tables(_tables(summary), legend)


def remarks(summary: PartitionReport, regression: str, drawn: str = "", *, by_letters: bool = True) -> Iterator[str]:
    """Say how the table is to be read; `drawn` says what intervals come from."""
    from algocli.encoding.regressions.registry import find_regression

    if not by_letters:
        yield "a set's name: what it alone explains; A & B: what exactly A and B share; total: all sets, the sum"
        if len(summary.sets) > MOST_IN_FULL:
            yield "shared parts: --json or --csv FILE"
    elif len(summary.sets) > MOST_IN_FULL:
        yield "A: what A alone explains; by 2: all that exactly two sets share; total: all sets, the sum"
        yield "each shared part by itself: --json, --csv FILE or -o FOLDER"
    else:
        yield "A: what A alone explains; AB: what exactly A and B share; total: all sets, the sum of the parts"
    yield "a shared part below 0: the sets explain more together than apart (suppression), or noise"
    yield "a set's own part below 0: with it the others' predictions get worse, as they do from too few images"
    kind = find_regression(regression)
    if kind is not None and not kind.has_penalties:
        pays = f"{kind.title} pays for every component of every layer on new images"
        yield f"{pays}: unless images are many, ridge is fairer"
        if summary.has_intervals:
            noise = "sets that explain nothing have a shared part above 0, made of noise: mind its star"
            yield f"with {kind.title} {noise}"
    if drawn:
        yield from _certainty(summary, drawn)
    if summary.has_ceilings:
        ratio = "explainable: a ROI's mean over its mean noise ceiling; " if by_letters else "each ROI: "
        yield f"{ratio}{all_of(summary.sides)} together"


def _certainty(summary: PartitionReport, drawn: str) -> Iterator[str]:
    from algocli.results.part_rows import CHANCE

    corrected = {"none": "", "fdr": ", corrected by FDR over ROIs", "max": ", corrected by the largest of all ROIs"}
    yield f"95 %: of a part, low and high end of its interval ({drawn})"
    yield UNIT_OF_SUBJECTS
    yield (
        f"* p <= .05{corrected[summary.corrected]}: a set's own part or the total is above what chance gives, a shared "
        "part above or below it"
    )
    yield f"chance: {CHANCE}"
    if any(row.stands_out and (row.explained or 0) > 0 > (row.low or 0) for row in summary.rows):
        yield (
            "a star beside an interval that reaches below 0: R² of few images comes out far too low more easily than "
            "too high, and p asks how often it comes out so high"
        )
    if summary.corrected == "none":
        yield "each ROI stands for itself: of many that are nothing, one in twenty has a star (--correct)"


def _tables(summary: PartitionReport) -> Iterator[Table]:
    """Yield each table's title, columns and lines."""
    from algocli.results.telling import SCORED_ON

    for number in summary.subjects:
        for what, pick in _UNITS.items():
            if any(pick(row) is not None for row in summary.rows if row.subject == number):
                title = f"Subject {number}: percent of {what}, {SCORED_ON}"
                # Intervals are of shares of variance; a ceiling divides both ends alike.
                sure = summary.has_intervals and pick is _UNITS["variance"]
                rows = {roi: summary.of_roi(number, roi) for roi in summary.rois_of(number)}
                yield from _side_by_side(summary, title, "ROI", rows, pick, sure=sure)
    if len(summary.subjects) > 1:
        for roi in summary.rois_side_by_side:
            title = f"{roi}, subject by subject: percent of variance (validation)"
            of_subjects = {str(number): summary.of_roi(number, roi) for number in summary.subjects}
            yield from _side_by_side(
                summary, title, "subject", of_subjects, _UNITS["variance"], sure=summary.has_intervals
            )


def _side_by_side(
    summary: PartitionReport,
    title: str,
    first: str,
    rows: Mapping[str, Sequence[PartRow]],
    pick: _Pick,
    *,
    sure: bool,
) -> Iterator[Table]:
    """Yield a table of all parts; where they have intervals and the screen is narrow, as few tables as hold them."""
    from algocli.cli.console import TIGHT, number, room, table_width

    headers = _headers(summary, sure=sure)
    cells = {name: _cells(summary, of_name, pick, sure=sure) for name, of_name in rows.items()}
    counts = {
        name: number(of_name[0].n_vertices, 0) if of_name and of_name[0].n_vertices else DASH
        for name, of_name in rows.items()
    }
    limit, tables = room(), list[Table]()
    for n_tables in range(1, len(headers) + 1 if sure and limit is not None else 2):
        tables = []
        for start, stop in pairwise(round(len(headers) * place / n_tables) for place in range(n_tables + 1)):
            columns = [first, "n", *chain(*headers[start:stop])]
            of_table = {name: [counts[name], *chain(*each[start:stop])] for name, each in cells.items()}
            lines = [*roi_lines(summary, of_table)] if first == "ROI" else [[name, *of_table[name]] for name in rows]
            tables.append((title, columns, lines))
        if limit is None or all(table_width(*table[1:], TIGHT) <= limit for table in tables):
            break
    yield from tables


def _headers(summary: PartitionReport, *, sure: bool) -> list[list[str]]:
    """Return the columns of each part."""
    from algocli.stats.partition import unions

    letters = ascii_uppercase[: len(summary.sets)]
    more = ["95 %"] if sure else []
    if len(letters) > MOST_IN_FULL:
        sums = [[f"by {size}"] for size in range(2, len(letters) + 1)]
        return [*([letter, *more] for letter in letters), *sums, ["total", *more]]
    return [["".join(sorted(part)), *more] for part in unions(letters)] + [["total", *more]]


def _cells(summary: PartitionReport, rows: Sequence[PartRow], pick: _Pick, *, sure: bool) -> list[list[str]]:
    """Return each part in percent, with its interval; of many sets, the shared parts summed by their size."""
    from algocli.cli.console import number
    from algocli.stats.partition import unions

    if not rows or rows[0].n_vertices == 0:
        return [[DASH] * len(columns) for columns in _headers(summary, sure=sure)]
    values = [None if (share := pick(row)) is None else 100 * share for row in rows]
    ends = [[_interval(row)] * sure for row in rows]
    each = [[number(value, 1), *end] for value, end in zip(values, ends, strict=True)]
    if len(summary.sets) <= MOST_IN_FULL:
        return each
    sized = zip(map(len, unions(summary.sets)), values, strict=False)
    by_size = {size: [value for _, value in group] for size, group in groupby(sized, key=lambda pair: pair[0])}
    n_sets = len(by_size.pop(1))
    return [*each[:n_sets], *([number(_sum(shared), 1)] for shared in by_size.values()), each[-1]]


def _interval(row: PartRow) -> str:
    """Return both ends in percent, and the mark of what is more than chance, which takes its room where it is not."""
    from algocli.cli.console import number

    if row.low is None or row.high is None:
        return DASH
    return f"{number(100 * row.low, 1)} {number(100 * row.high, 1)} {'*' if row.stands_out else ' '}"


def _sum(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return sum(present) if present else None
