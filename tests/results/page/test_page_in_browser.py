"""Pages in a browser: sorting, light and dark, print, keyboard."""

from __future__ import annotations

import pytest

from tests.browser import opened


@pytest.fixture(scope="module")
def window(browser, report_path):
    """One window for all tests: opening another takes longer than what they do."""
    with opened(browser, report_path, color_scheme="light") as window:
        yield window


@pytest.fixture
def seen(window):
    window.page.reload()
    return window


def rois(page):
    """Return the names of the rows as they stand, without the names of classes."""
    return page.evaluate(
        "[...document.querySelectorAll('#rois-1 tbody tr:not(.group) > th')].map((th) => th.firstChild.textContent)"
    )


def column(page, place):
    cells = page.locator(f"#rois-1 tbody tr:not(.group) > :nth-child({place})").all_text_contents()
    return [None if text == "–" else float(text) for text in cells]


def test_a_page_complains_of_nothing_and_asks_for_nothing(seen):
    seen.page.wait_for_function("document.querySelector('canvas').width > 0")
    assert seen.complaints == []
    assert seen.requests == []


def test_pressing_a_column_sorts_the_largest_first_and_what_is_absent_last(seen):
    before = rois(seen.page)
    name = seen.page.locator("#rois-1 thead th[data-name='Left hemisphere, median\u00a0r']")
    name.get_by_role("button").click()
    values = column(seen.page, 3)
    present = [value for value in values if value is not None]
    assert values == sorted(present, reverse=True) + [None] * (len(values) - len(present))
    assert name.get_attribute("aria-sort") == "descending"
    assert sorted(rois(seen.page)) == sorted(before)


def test_a_second_press_turns_the_order_and_a_third_restores_it(seen):
    before = rois(seen.page)
    name = seen.page.locator("#rois-1 thead th[data-name='Left hemisphere, median\u00a0r']")
    name.get_by_role("button").click()
    name.get_by_role("button").click()
    present = [value for value in column(seen.page, 3) if value is not None]
    assert present == sorted(present)
    assert name.get_attribute("aria-sort") == "ascending"
    name.get_by_role("button").click()
    assert rois(seen.page) == before
    assert name.get_attribute("aria-sort") == "none"
    assert seen.page.locator("#rois-1 .group").count() == 6


def test_tables_are_sorted_by_keyboard_and_it_is_announced(seen):
    button = seen.page.locator("#rois-1 thead th").get_by_role("button", name="ROI")
    button.focus()
    seen.page.keyboard.press("Enter")
    assert rois(seen.page) == sorted(rois(seen.page), key=str.lower)
    assert seen.page.locator("#announcement").text_content().endswith("sorted by ROI, ascending")


def test_all_vertices_stay_below_whatever_the_order(seen):
    seen.page.locator("#rois-1 thead").get_by_role("button", name="ROI").click()
    assert seen.page.locator("#rois-1 tr").last.locator("th").text_content() == "All vertices"


def test_the_switch_turns_the_page_dark_with_its_charts(seen):
    assert seen.page.locator("img.for-dark").first.is_hidden()
    light = seen.pixels()[5, 5].mean()
    seen.page.locator("#theme").click()
    assert seen.pixels()[5, 5].mean() < light - 150
    assert seen.page.locator("img.for-dark").first.is_visible()
    assert seen.page.locator("img.for-light").first.is_hidden()


def test_a_page_is_as_dark_as_its_readers_system(seen):
    seen.page.emulate_media(color_scheme="dark")
    assert seen.pixels()[5, 5].mean() < 60
    seen.page.emulate_media(color_scheme="light")
    assert seen.pixels()[5, 5].mean() > 200


def test_the_first_stop_of_the_keyboard_leads_past_the_links(seen):
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.getAttribute('href')") == "#content"
    seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("document.activeElement.id") == "content"


@pytest.mark.parametrize("width", [1600, 400])
def test_a_page_is_no_wider_than_the_window(window, width):
    window.page.set_viewport_size({"width": width, "height": 700})
    assert window.page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_goes_on_beyond_the_edge_fades_until_it_is_scrolled_to(window):
    window.page.set_viewport_size({"width": 400, "height": 700})
    box = window.page.locator("#summary .scroll").first
    fades = "(box) => [box.classList.contains('goes-on'), getComputedStyle(box).maskImage !== 'none']"
    window.page.wait_for_function("document.querySelector('#summary .scroll.goes-on')")
    assert box.evaluate("(box) => box.scrollWidth > box.clientWidth")
    assert box.evaluate(fades) == [True, True]
    box.evaluate("(box) => { box.scrollLeft = box.scrollWidth; }")
    window.page.wait_for_function("!document.querySelector('#summary .scroll').classList.contains('goes-on')")
    assert box.evaluate(fades) == [False, False]


def test_print_opens_what_is_folded_and_leaves_the_links_out(seen):
    seen.page.emulate_media(media="print")
    seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert seen.page.locator("#provenance dt", has_text="Principal components").is_visible()
    assert seen.page.locator("nav").is_hidden()
    seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
    seen.page.emulate_media(media="screen")
    assert seen.page.locator("details[open]").count() == 0
