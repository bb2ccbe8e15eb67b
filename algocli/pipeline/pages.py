"""What runs found, as pages to open: the tables of `report` and `compare`, with their charts and maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from algocli.dataset.opening import open_dataset
from algocli.pipeline.arguments import Data
from algocli.pipeline.defaults import DEFAULT_DATA
from algocli.results.certainty import Asked
from algocli.results.drawing.loading import load_matplotlib
from algocli.results.group import GroupResult
from algocli.results.report_rows import Report
from algocli.runs.run import Run

if TYPE_CHECKING:
    from algocli.results.difference_rows import Comparison
    from algocli.results.group_compare import GroupComparison
    from algocli.results.group_report import GroupReport


def write_page(
    result: Report | GroupReport,
    run: Run,
    path: Path,
    *,
    data_dir: Data | None,
    title: str | None,
    asked: Asked,
    rois: Sequence[str] | None,
) -> None:
    """Write a report as one web page; what is asked for is told there as a command."""
    load_matplotlib()
    from algocli.results.data import gather
    from algocli.results.page import frame
    from algocli.results.page.group_page import report_tables, with_group
    from algocli.results.page.group_pictures import report_pictures
    from algocli.results.page.report_page import build_report_page

    data = gather(run, DEFAULT_DATA, result.subjects) if data_dir is None else open_dataset(data_dir)
    each = result if isinstance(result, Report) else result.each
    page = build_report_page(each, run, data, title=title, asked=asked, rois=rois)
    if not isinstance(result, Report):
        page = with_group(page, result, report_tables(result), report_pictures(result))
    frame.write_page(page, path)


def write_compare_page(
    result: Comparison | GroupComparison,
    runs: Sequence[Run],
    path: Path,
    *,
    data_dir: Data | None,
    title: str | None,
    drawn: tuple[int, int],
    rois: Sequence[str] | None,
) -> None:
    """Write a comparison as one web page; `drawn` is how often images were drawn anew, and the seed."""
    load_matplotlib()
    from algocli.results.data import gather
    from algocli.results.page import frame
    from algocli.results.page.compare_page import build_compare_page
    from algocli.results.page.group_page import compare_tables, with_group
    from algocli.results.page.group_pictures import compare_pictures

    data = gather(runs, DEFAULT_DATA, result.subjects) if data_dir is None else open_dataset(data_dir)
    each = result.each if isinstance(result, GroupResult) else result
    page = build_compare_page(each, runs, data, title=title, drawn=drawn, rois=rois)
    if isinstance(result, GroupResult):
        page = with_group(page, result, compare_tables(result), compare_pictures(result))
    frame.write_page(page, path)
