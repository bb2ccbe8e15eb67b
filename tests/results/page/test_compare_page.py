"""The page of runs side by side: its numbers, what differs, and where on the cortex."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Challenge
from algocli.results.compare import compare
from algocli.results.page.compare_page import build_compare_page
from algocli.results.page.compare_tables import settings_side_by_side
from algocli.results.page.frame import write_page
from algocli.runs.opening import open_run
from tests.browser import opened
from tests.results.compared import write_challenge, write_compared_run
from tests.results.page.reading import ReadPage


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A challenge, a reference, a better run and one that is worse."""
    folder = write_challenge(tmp_path_factory.mktemp("data") / "challenge")
    cache = tmp_path_factory.mktemp("cache")
    noises = {"plain": 1.2, "better": 0.4, "worse": 4.0}
    return Challenge(folder), [
        write_compared_run(cache, folder, name, noise=noise, subjects=[1]) for name, noise in noises.items()
    ]


@pytest.fixture(scope="module")
def comparison(made):
    return compare(made[1], n_resamples=60)


@pytest.fixture(scope="module")
def shown(made, comparison):
    return build_compare_page(comparison, made[1], made[0])


@pytest.fixture(scope="module")
def page(made, comparison, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "compare.html"
    write_page(build_compare_page(comparison, made[1], made[0], title="<i>"), path)
    return ReadPage(path)


def test_the_tables_have_the_rows_of_the_comparison(page, comparison):
    for hemisphere in ("left", "right"):
        table = page.tables[f"differences-1-{hemisphere}"]
        for roi in comparison.rois:
            rows = comparison.of_roi(1, hemisphere, roi)
            if not rows[0].n_vertices:
                assert set(table.row(roi)) == {"–"}
                continue
            cells = [str(rows[0].n_vertices), f"{rows[0].reference_mean_r:.3f}"]
            for row in rows:
                cells += [f"{row.mean_r:.3f}", f"{row.difference:+.3f}", f"{row.low:+.3f} to {row.high:+.3f}"]
            assert table.row(roi) == cells


def test_a_difference_whose_interval_excludes_zero_is_marked_by_its_direction_and_in_words(shown):
    tables = shown.subjects[0].tables
    better, worse = (tables[0].foot[0][place] for place in (4, 7))
    assert (better.mark, better.meaning) == ("▲", "better, the interval excludes 0")
    assert (worse.mark, worse.meaning) == ("▼", "worse, the interval excludes 0")


def test_an_interval_around_zero_leaves_a_difference_unmarked(made):
    itself = build_compare_page(compare([made[1][0], made[1][0]], n_resamples=20), [made[1][0]], made[0])
    cell = itself.subjects[0].tables[0].foot[0][4]
    assert (cell.text, cell.mark) == ("0.000", "")
    assert not itself.subjects[0].maps


def test_each_further_run_has_a_map_of_its_difference_around_zero(made, shown):
    maps = [shown for _, shown in shown.subjects[0].maps]
    assert len(maps) == 2
    for place, one in enumerate(maps, start=1):
        vertices = made[0].subject(1).fsaverage_vertices("left")
        r = [np.load(run.folder / "subj01/left_correlation.npy") for run in (made[1][place], made[1][0])]
        np.testing.assert_allclose(one.panels[0].values["left"][vertices], r[0] - r[1], atol=1e-12)
        assert one.key.low == -one.key.high


def test_settings_that_differ_are_told_from_those_that_do_not(tmp_path, made):
    first = made[1][0]
    other = open_run(tmp_path, "other", replace(first.settings, regression="ridge", seed=5))
    rows = {row.name: row for row in settings_side_by_side([first, other])}
    assert {name for name, row in rows.items() if row.differs} == {
        "Regression",
        "Penalties",
        "Penalty chosen by",
        "Seed of the split",
    }
    assert rows["Penalties"].values[0] == "–"
    assert list(rows).index("Penalties") < list(rows).index("Held out")


def test_the_page_can_be_read_by_all(page):
    assert len(page.ids) == len(set(page.ids))
    assert all(given["alt"] for given in page.all("img"))
    assert "<i>" in page.text["h1"]


def test_the_commands_make_everything_again(made, comparison):
    shown = build_compare_page(comparison, made[1], made[0], drawn=(60, 2), rois=["V1v"])
    kinds = [line.split()[:2] for line in shown.repeat]
    assert [kind[0] for kind in kinds] == ["export", "export", "algocli", "algocli", "algocli", "algocli"]
    assert shown.repeat[-1] == (
        "algocli compare plain better worse -s 1 --roi V1v --resamples 60 --seed 2 --html compare.html"
    )


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """The page of three runs of two subjects, and what it shows."""
    folder = tmp_path_factory.mktemp("two")
    data = write_challenge(folder / "data")
    noises = {"first": 1.0, "second": 0.6, "third": 2.0}
    runs = [write_compared_run(folder / "cache", data, name, noise=noise) for name, noise in noises.items()]
    comparison = compare(runs, n_resamples=40)
    write_page(build_compare_page(comparison, runs, Challenge(data)), folder / "page.html")
    return folder / "page.html", comparison


def test_means_over_subjects_stand_above_each(of_two):
    path, comparison = of_two
    page = ReadPage(path)
    each = [comparison.of_roi(n, "left", "All vertices")[0] for n in (1, 6)]
    mean = np.mean([row.difference for row in each])
    assert page.tables["subjects-left"].row("Mean over subjects")[3:5] == [f"{mean:+.3f}", "–"]
    brains = [given["id"] for given in page.all("section") if given.get("class") == "brain"]
    assert brains[:2] == ["map-group-2", "map-group-3"]


def test_a_run_that_is_left_out_takes_its_columns_and_maps_with_it_and_comes_back(browser, of_two):
    with opened(browser, of_two[0]) as window:
        page = window.page
        table = page.locator("#subjects-left")
        page.get_by_role("button", name="unfold all subjects").click()
        before = table.inner_text()
        box = page.get_by_label("2 second")
        box.focus()
        page.keyboard.press("Space")
        assert not box.is_checked()
        assert "Run 2 against run 1" not in table.inner_text()
        assert "Run 3 against run 1" in table.inner_text()
        assert page.locator("#settings").inner_text().split("\n")[0].split() == ["Settings"]
        assert "second" not in page.locator("#settings").inner_text()
        assert [page.locator(f"#map-1-{n}").is_visible() for n in (2, 3)] == [False, True]
        assert page.locator("#announcement").text_content() == "Run 2 is left out"
        widths = [
            row.count()
            for row in (
                table.locator("tbody tr").first.locator("> :visible"),
                table.locator("thead tr").last.locator("> :visible"),
            )
        ]
        assert widths[0] == widths[1] == 6
        third = page.get_by_label("3 third")
        assert page.locator("summary", has_text="Run 3 minus run 1").is_visible()
        third.uncheck()
        assert page.locator("summary", has_text="Run 3 minus run 1").is_hidden()
        third.check()
        box.check()
        assert table.inner_text() == before
        assert window.complaints == []
