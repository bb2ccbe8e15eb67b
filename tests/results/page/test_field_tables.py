"""A report's page of a run with receptive fields shows them; that of another says nothing of them."""

from __future__ import annotations

import pytest

from algocli.results.page.report_page import build_report_page
from algocli.results.report import summarise
from tests.results.by_hand import write_run
from tests.results.fields_by_hand import write_fields_run


def part(challenge, run):
    [one] = build_report_page(summarise(challenge, run, subjects=[1]), run, challenge).subjects
    return one


def test_a_page_has_the_table_the_charts_and_the_maps_of_windows(challenge, tmp_path):
    run = write_fields_run(tmp_path)
    shown = part(challenge, run)
    assert [ident for ident, _ in shown.maps] == ["map-1", "angle-1", "eccentricity-1", "size-1"]
    titles = [picture.title for picture in shown.pictures]
    assert titles[-2:] == ["Size of receptive fields by eccentricity", "Coverage of the visual field"]
    _, windows = shown.tables
    assert windows.ident == "fields-1"
    row = summarise(challenge, run, subjects=[1]).row(1, "left", "All vertices")
    [[head, n, share, eccentricity, *_]] = windows.foot
    assert head.text == "All vertices"
    assert (n.key, share.key) == (31, pytest.approx(100 * row.field_share))
    assert eccentricity.key == row.median_eccentricity


def test_a_page_of_another_run_has_none_of_it(challenge, tmp_path):
    shown = part(challenge, write_run(tmp_path))
    assert [ident for ident, _ in shown.maps] == ["map-1"]
    assert len(shown.tables) == 1
