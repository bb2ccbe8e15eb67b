"""Pages in a browser: sorting, folding, light and dark, print, keyboard, and a phone's touch."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser import opened


@pytest.fixture(scope="module")
def window(browser, report_path):
    """One window for all tests: opening another takes longer than what they do."""
    with opened(browser, report_path, color_scheme="light") as window:
        yield window


@pytest.fixture
def seen(window):
    window.page.goto(window.page.url.partition("#")[0])
    return window


@pytest.fixture
def unfolded(seen):
    """Where a link has led to subject 1, whose part was folded."""
    seen.page.locator("nav").get_by_role("link", name="Subject 1").click()
    seen.page.locator("#rois-1").wait_for(state="visible")
    return seen


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


def test_pressing_a_column_sorts_the_largest_first_and_what_is_absent_last(unfolded):
    before = rois(unfolded.page)
    name = unfolded.page.locator("#rois-1 thead th[data-name='Left hemisphere, median\u00a0r']")
    name.get_by_role("button").click()
    values = column(unfolded.page, 3)
    present = [value for value in values if value is not None]
    assert values == sorted(present, reverse=True) + [None] * (len(values) - len(present))
    assert name.get_attribute("aria-sort") == "descending"
    assert sorted(rois(unfolded.page)) == sorted(before)


def test_a_second_press_turns_the_order_and_a_third_restores_it(unfolded):
    before = rois(unfolded.page)
    name = unfolded.page.locator("#rois-1 thead th[data-name='Left hemisphere, median\u00a0r']")
    name.get_by_role("button").click()
    name.get_by_role("button").click()
    present = [value for value in column(unfolded.page, 3) if value is not None]
    assert present == sorted(present)
    assert name.get_attribute("aria-sort") == "ascending"
    name.get_by_role("button").click()
    assert rois(unfolded.page) == before
    assert name.get_attribute("aria-sort") == "none"
    assert unfolded.page.locator("#rois-1 .group").count() == 6


def test_tables_are_sorted_by_keyboard_and_it_is_announced(unfolded):
    button = unfolded.page.locator("#rois-1 thead th").get_by_role("button", name="ROI")
    button.focus()
    unfolded.page.keyboard.press("Enter")
    assert rois(unfolded.page) == sorted(rois(unfolded.page), key=str.lower)
    assert unfolded.page.locator("#announcement").text_content().endswith("sorted by ROI, ascending")


def test_all_vertices_stay_below_whatever_the_order(unfolded):
    unfolded.page.locator("#rois-1 thead").get_by_role("button", name="ROI").click()
    assert unfolded.page.locator("#rois-1 tr").last.locator("th").text_content() == "All vertices"


def test_subjects_are_folded_until_a_link_or_a_button_opens_them(seen):
    tables = [seen.page.locator(f"#rois-{n}") for n in (1, 6)]
    assert [table.is_visible() for table in tables] == [False, False]
    seen.page.locator("nav").get_by_role("link", name="Subject 6").click()
    tables[1].wait_for(state="visible")
    assert tables[0].is_hidden()
    button = seen.page.get_by_role("button", name="unfold all subjects")
    button.focus()
    seen.page.keyboard.press("Enter")
    tables[0].wait_for(state="visible")
    seen.page.locator("#subject-1 .brain-stage").scroll_into_view_if_needed()
    seen.page.locator("#subject-1 .brain-stage[aria-busy=false]").wait_for()
    seen.page.get_by_role("button", name="fold all subjects", exact=True).click()
    tables[1].wait_for(state="hidden")
    assert seen.complaints == []


def test_the_median_over_subjects_stays_above_whatever_the_order(seen):
    def firsts():
        return seen.page.locator("#subjects tbody th").all_text_contents()

    assert firsts() == ["Median over subjects", "Subject 1", "Subject 6"]
    seen.page.locator("#subjects thead").get_by_role("button", name="Subject").click()
    assert firsts() == ["Median over subjects", "Subject 6", "Subject 1"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_can_be_read_on_every_colour_of_their_cells(seen, scheme):
    def luminance(colour):
        shares = [channel / 255 for channel in colour]
        return np.dot(
            [0.2126, 0.7152, 0.0722], [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
        )

    seen.page.emulate_media(color_scheme=scheme)
    cell = seen.page.locator("#rois-all td.warm").first
    for sign in ("warm", "cold"):
        cell.evaluate("(cell, sign) => { cell.className = sign; cell.style.setProperty('--heat', '100%'); }", sign)
        pixels = seen.pixels(cell)
        paper = pixels[2, 2]
        ink = pixels.reshape(-1, 3)[np.abs(pixels.reshape(-1, 3) - paper).sum(axis=1).argmax()]
        assert np.ptp(paper) > 20
        light, dark = sorted((luminance(paper), luminance(ink)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5
    seen.page.emulate_media(color_scheme="light")


def test_on_a_phone_the_text_speaks_of_touch_and_wide_tables_say_that_they_go_on(browser, report_path, seen):
    assert seen.page.get_by_text("Drag to turn, with Shift").first.is_visible()
    phone = {"viewport": {"width": 420, "height": 800}, "has_touch": True, "is_mobile": True}
    with opened(browser, report_path, **phone) as window:
        page = window.page
        page.locator(".brain-stage").first.wait_for()
        assert page.get_by_text("tap to hold a vertex").first.is_visible()
        assert page.get_by_text("with Shift to move, Ctrl").first.is_hidden()
        assert page.locator(".brain-readout").first.inner_text().startswith("Tap the cortex")
        assert page.locator(".wide:has(#subjects) .cue").inner_text() == "swipe sideways for more →"
        assert page.evaluate("document.documentElement.scrollWidth") <= 420


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
    box.and_(window.page.locator(".goes-on")).wait_for()
    assert box.evaluate("(box) => box.scrollWidth > box.clientWidth")
    assert box.evaluate(fades) == [True, True]
    box.evaluate("(box) => { box.scrollLeft = box.scrollWidth; }")
    # Polled from outside the page, whose policy lets no one evaluate text.
    box.and_(window.page.locator(":not(.goes-on)")).wait_for()
    assert box.evaluate(fades) == [False, False]


def test_print_opens_what_is_folded_and_leaves_the_links_out(seen):
    seen.page.emulate_media(media="print")
    seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert seen.page.locator("#provenance dt", has_text="Principal components").is_visible()
    assert seen.page.locator("nav").is_hidden()
    seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
    seen.page.emulate_media(media="screen")
    assert seen.page.locator("details[open]").count() == 0
