"""Pages of eight subjects: no higher than a reader goes through, nothing cut off, and no figure cut in two."""

from __future__ import annotations

import pytest

from algocli.dataset.challenge.subjects import Challenge
from algocli.results.certainty import Asked
from algocli.results.compare import compare
from algocli.results.group_compare import group_comparison
from algocli.results.group_report import group_report
from algocli.results.page.compare_page import build_compare_page
from algocli.results.page.frame import write_page
from algocli.results.page.group_page import compare_tables, report_tables, with_group
from algocli.results.page.group_pictures import compare_pictures, report_pictures
from algocli.results.page.report_page import build_report_page
from algocli.results.report import summarise
from tests.browser import opened
from tests.results.compared import N_TRAIN, write_compared_run
from tests.support.challenge import write_tiny_challenge

SUBJECTS = range(1, 9)
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 420, "height": 900}, "has_touch": True, "is_mobile": True}
MOST = 8000


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Report and comparison of three runs, alone and over subjects."""
    folder = tmp_path_factory.mktemp("eight")
    data = write_tiny_challenge(folder / "data", SUBJECTS, n_train=N_TRAIN, n_test=2, image_size=8)
    runs = [
        write_compared_run(folder / "cache", data, name, noise=noise, subjects=SUBJECTS)
        for name, noise in {
            "alexnet-features.2-pretrained": 1.0,
            "second": 0.6,
            "resnet50-layer3-random-0": 2.0,
        }.items()
    ]
    report = summarise(Challenge(data), runs[0], asked=Asked(n_resamples=30))
    comparison = compare(runs, data_dir=data, n_resamples=30, keep_draws=True)
    group, groups = group_report(report), group_comparison(comparison)
    alone = build_report_page(report, runs[0], Challenge(data))
    compared = build_compare_page(comparison, runs, Challenge(data))
    made = {
        "report": alone,
        "group report": with_group(alone, group, report_tables(group), report_pictures(group)),
        "comparison": compared,
        "group comparison": with_group(compared, groups, compare_tables(groups), compare_pictures(groups)),
    }
    for name, page in made.items():
        write_page(page, folder / f"{name}.html")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("window", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", ["report", "group report", "comparison", "group comparison"])
def test_a_page_of_eight_subjects_is_short_until_it_is_unfolded(browser, pages, name, window):
    width = window["viewport"]["width"]
    with opened(browser, pages / f"{name}.html", **window) as seen:
        page = seen.page
        page.locator(".brain-stage[aria-busy=false]").first.wait_for(state="attached")
        assert page.evaluate("document.documentElement.scrollHeight") <= MOST
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        page.locator("#subject-8 table").first.wait_for()
        # What is wider than the window lies in a box that can be scrolled.
        cut = page.evaluate(
            """() => [...document.querySelectorAll("main *")].filter((one) => one.checkVisibility()
              && !one.closest(".scroll, pre, .unseen") && one.getBoundingClientRect().right > innerWidth + 1)
              .map((one) => one.outerHTML.slice(0, 80))"""
        )
        assert cut == []
        assert seen.complaints == []
