"""The map to turn by hand, as text and in a real browser."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image, ImageColor

from algocli.results.drawing.arrangement import project
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.keys import Categories, Scale, Wheel
from algocli.results.drawing.style import DARK, LIGHT
from algocli.results.page.viewer import explain_colours, turnable, viewer_assets, write_map_page
from algocli.results.surface import load_mesh
from tests.browser import opened
from tests.support.pictures import write_png

N = 10_242
TITLE = "r & <script>alert(1)</script>"
SETTINGS = {"viewport": {"width": 560, "height": 520}, "reduced_motion": "reduce"}
# What a pointer or a key has set off begins with the next picture.
BEGUN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
NOTHING = {h: np.full(N, np.nan) for h in ("left", "right")}


def values_everywhere():
    return {h: np.random.default_rng(seed).uniform(0, 1, N) for seed, h in enumerate(("left", "right"))}


def brain_map(values, key=None, **rest):
    return BrainMap((Panel(values),), key or Scale(0, 1, "r"), TITLE, "A caption.", **rest)


def test_the_same_map_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_map_page(brain_map(values_everywhere()), tmp_path / f"{name}.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_a_page_with_both_hemispheres_full_of_values_takes_less_than_a_megabyte(tmp_path):
    write_map_page(brain_map(values_everywhere()), tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size < 1_000_000


def test_nothing_of_a_map_can_leave_its_element():
    bad = "</script><b>"
    inside = {"left": {bad: np.array([1])}}
    key = Categories([bad], ["#CC6677"])
    text = turnable(BrainMap((Panel(NOTHING, bad),), key, bad, bad, outlines=inside), ident="one")
    assert "<b>" not in text
    assert text.count("</script>") == 1


def test_the_stimulus_of_a_page_is_what_the_network_saw(tmp_path):
    path = write_png(tmp_path / "deep.png", np.full((8, 8), 30_000), bits=16, colour_type=0)
    page = str(turnable(brain_map(NOTHING, stimulus=path), ident="map"))
    encoded = re.search(r"data:image/jpeg;base64,([^\"]+)", page)[1]
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as shown:
        assert np.abs(np.asarray(shown, int) - 30_000 / 257).max() < 3


def test_meshes_are_held_once_for_all_the_maps_of_a_page():
    held = re.findall(r'id="([^"]+)"', viewer_assets().meshes)
    assert held == ["mesh-fsaverage5-left", "mesh-fsaverage5-right"]


@pytest.mark.parametrize(
    ("beyond", "n_arrows"), [("neither", 0), ("min", 1), ("max", 1), ("both", 2)], ids=lambda it: str(it)
)
def test_a_colour_bar_has_an_arrow_where_values_lie_beyond_it(beyond, n_arrows):
    bar = ET.fromstring(explain_colours(Scale(0, 1, "r", beyond), "one"))
    assert len([path for path in bar.iter("path") if path.get("fill")]) == n_arrows


def test_the_numbers_of_a_colour_bar_stand_where_they_belong():
    bar = ET.fromstring(explain_colours(Scale(-2, 2, "response"), "one"))
    box = next(bar.iter("rect"))
    low, width = float(box.get("x")), float(box.get("width"))
    label, *numbers = bar.iter("text")
    assert label.text == "response"
    for number in numbers:
        value = float(number.text.replace("\N{MINUS SIGN}", "-"))
        assert float(number.get("x")) == pytest.approx(low + width * (value + 2) / 4, abs=0.01)
    assert "0" in [number.text for number in numbers]


def test_a_wheel_stands_as_the_visual_field_is_seen():
    wheel = ET.fromstring(explain_colours(Wheel("polar angle"), "one"))
    wedges = [path for path in wheel.iter("path") if path.get("fill")]
    middle, centre = map(float, wheel.find(".//path[@data-middle]").get("data-middle").split())
    turn = 360 / len(wedges)
    for number, wedge in enumerate(wedges):
        # Where its outer arc begins and ends; up is down in a picture.
        outer = re.search(r"L(\S+) (\S+) A\S+ \S+ 0 0 0 (\S+) (\S+)", wedge.get("d")).groups()
        x, y, to_x, to_y = map(float, outer)
        for (right, down), at in (((x, y), number), ((to_x, to_y), number + 1)):
            told = np.degrees(np.arctan2(centre - down, right - middle))
            assert (told - at * turn + 180) % 360 - 180 == pytest.approx(0, abs=0.1)
        shade = np.array(ImageColor.getrgb(wedge.get("fill"))) / 255
        np.testing.assert_allclose(shade, Wheel("").at(np.array([(number + 0.5) * turn]))[0], atol=0.01)


# ---- In a browser


def settle(page):
    page.evaluate(BEGUN)
    page.wait_for_selector(".brain-stage[aria-busy=false]")


@pytest.fixture(scope="module")
def full(browser, tmp_path_factory):
    """A page with a value everywhere and a ROI in front of the eye; every test starts from where it opens."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    inside = {h: {"MyROI": np.flatnonzero(load_mesh("fsaverage5", h).points[:, 1] < -60)} for h in NOTHING}
    write_map_page(brain_map(values_everywhere(), outlines=inside), path)
    with opened(browser, path, **SETTINGS) as window:
        settle(window.page)
        yield window


@pytest.fixture
def page(full):
    full.page.mouse.move(0, 0)
    full.page.set_checked("[data-together]", True)
    full.page.locator(".brain-stage").press("R")
    full.page.evaluate("document.activeElement.blur()")
    settle(full.page)
    return full.page


def canvas(page, hemisphere):
    return page.locator(f"canvas[data-hemisphere={hemisphere}]")


def bytes_of(page, hemisphere):
    settle(page)
    return canvas(page, hemisphere).evaluate("(canvas) => canvas.toDataURL()")


def readout(page):
    page.evaluate(BEGUN)
    return page.locator(".brain-readout").inner_text()


def point(page, hemisphere, x, y):
    """Point at a place of a canvas, in pixels from its upper left corner; return vertex and what is said of it."""
    canvas(page, hemisphere).hover(position={"x": x, "y": y}, force=True)
    said = re.fullmatch(r"(left|right) hemisphere, fsaverage vertex (\d+): (.+)", readout(page))
    assert said[1] == hemisphere
    return int(said[2]), said[3]


def test_a_page_has_no_complaint_and_asks_for_nothing(full, page):
    assert full.complaints == []
    assert full.requests == []


def test_a_title_stays_text(page):
    assert page.title() == TITLE
    assert page.locator("h1").inner_text() == TITLE


@pytest.mark.parametrize("key", ["ArrowLeft", "Shift+ArrowUp", "+"])
def test_keys_turn_move_and_zoom_both_hemispheres(page, key):
    before = [bytes_of(page, h) for h in NOTHING]
    page.locator(".brain-stage").press(key)
    assert all(bytes_of(page, h) != was for h, was in zip(NOTHING, before, strict=True))
    page.locator(".brain-stage").press("Home")
    assert [bytes_of(page, h) for h in NOTHING] == before


@pytest.mark.parametrize("together", [True, False])
def test_a_drag_turns_its_own_hemisphere_and_with_it_the_other_if_so_wished(page, together):
    page.set_checked("[data-together]", together)
    before = {h: bytes_of(page, h) for h in NOTHING}
    canvas(page, "right").drag_to(
        canvas(page, "right"), source_position={"x": 150, "y": 100}, target_position={"x": 190, "y": 110}, force=True
    )
    assert bytes_of(page, "right") != before["right"]
    assert (bytes_of(page, "left") != before["left"]) is together


@pytest.mark.parametrize("view", ["lateral", "medial", "posterior", "ventral"])
def test_a_view_shows_every_vertex_where_it_projects_to(full, page, view):
    page.click(f"button[data-view={view}]")
    settle(page)
    for hemisphere in NOTHING:
        seen = full.pixels(canvas(page, hemisphere)).sum(axis=2) < 740
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        left, top, width, height = columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1
        right, up, _ = project(load_mesh("fsaverage5", hemisphere).points, hemisphere, view).T
        assert width / height == pytest.approx(np.ptp(right) / np.ptp(up), rel=0.03)
        x, y = left + 0.35 * width, top + 0.45 * height
        vertex, _ = point(page, hemisphere, x, y)
        assert left + width * (right[vertex] - right.min()) / np.ptp(right) == pytest.approx(x, abs=5)
        assert top + height * (up.max() - up[vertex]) / np.ptp(up) == pytest.approx(y, abs=5)


@pytest.mark.parametrize("hemisphere", ["left", "right"])
def test_pointing_tells_the_value_of_the_vertex_and_its_roi(page, hemisphere):
    box = canvas(page, hemisphere).bounding_box()
    vertex, said = point(page, hemisphere, box["width"] / 2, 0.65 * box["height"])
    value, roi = re.fullmatch(r"r ([\d.]+)(; in MyROI)?", said).groups()
    assert float(value) == pytest.approx(values_everywhere()[hemisphere][vertex], rel=1e-3)
    assert bool(roi) is bool(load_mesh("fsaverage5", hemisphere).points[vertex, 1] < -60)


def test_enter_reads_the_vertex_in_the_middle_aloud_and_escape_forgets_it(page):
    page.locator(".brain-stage").press("Enter")
    assert "fsaverage vertex" in readout(page)
    assert page.locator(".brain-readout").get_attribute("aria-live") == "polite"
    page.locator(".brain-stage").press("Escape")
    assert "fsaverage vertex" not in readout(page)


def test_the_wheel_zooms_only_when_it_is_meant_for_the_map(page):
    before = bytes_of(page, "left")
    canvas(page, "left").hover()
    page.mouse.wheel(0, -200)
    assert bytes_of(page, "left") == before
    page.locator(".brain-stage").focus()
    page.mouse.wheel(0, -200)
    assert bytes_of(page, "left") != before


def test_a_page_follows_the_system_and_its_own_switch(full, page):
    def paper():
        settle(page)
        return tuple(full.pixels()[-1, 0])

    page.emulate_media(color_scheme="dark")
    assert paper() == ImageColor.getrgb(DARK.paper)
    page.click("#theme")
    assert paper() == ImageColor.getrgb(LIGHT.paper)
    page.emulate_media(color_scheme="light")
    page.click("#theme")
    assert paper() == ImageColor.getrgb(DARK.paper)
    page.click("#theme")


@pytest.mark.parametrize("hemisphere", ["left", "right"])
def test_a_lone_vertex_is_seen_and_told(browser, tmp_path, hemisphere):
    vertex = int(np.argmin(load_mesh("fsaverage5", hemisphere).points[:, 1]))
    alone = {h: side.copy() for h, side in NOTHING.items()}
    alone[hemisphere][vertex] = -0.25
    write_map_page(brain_map(alone, Scale(-1, 1, "z-score", colours="RdBu_r")), tmp_path / "page.html", theme=DARK)
    with opened(browser, tmp_path / "page.html", **SETTINGS) as window:
        settle(window.page)
        picture = window.pixels(canvas(window.page, hemisphere))
        blue = np.argwhere(picture[..., 2] - picture[..., 0] > 40)
        y, x = blue.mean(axis=0)
        assert point(window.page, hemisphere, x, y) == (vertex, "z-score \N{MINUS SIGN}0.25")
        other, said = point(window.page, hemisphere, x, y - 40)
        assert (other != vertex, said) == (True, "no value")
        assert tuple(window.pixels()[-1, 0]) == ImageColor.getrgb(DARK.paper)


def test_a_panel_with_a_key_of_its_own_has_its_colours_beside_it_and_is_told_by_it(browser, tmp_path):
    halves = {h: np.full(N, 0.5) for h in NOTHING}
    counts = {h: np.full(N, 1.0) for h in NOTHING}
    panels = (Panel(halves, "mean"), Panel(counts, "subjects", Categories(["none", "two"], ["#000000", "#0000ff"])))
    write_map_page(BrainMap(panels, Scale(0, 2, "r", colours="Reds"), "Group", "A caption."), tmp_path / "page.html")
    with opened(browser, tmp_path / "page.html", **{**SETTINGS, "viewport": {"width": 560, "height": 1100}}) as window:
        page = window.page
        settle(page)
        assert page.locator(".brain-foot svg, .brain-foot ul").count() == 0
        assert page.locator(".brain-panel .brain-scale").count() == 1
        assert page.locator(".brain-panel .brain-legend").inner_text().split() == ["none", "two"]
        second = page.locator("canvas[data-panel='1'][data-hemisphere=left]")
        second.hover(position={"x": 130, "y": 120}, force=True)
        assert readout(page).endswith(": mean 0.5, subjects two")
        marker = page.locator(".brain-marker")
        assert marker.get_attribute("visibility") == "visible"
        assert float(re.search(r"translate\(([\d.]+)", marker.get_attribute("transform"))[1]) == pytest.approx(270 / 4)
        seen = window.pixels(second).astype(int)
        assert ((seen[..., 2] > 150) & (seen[..., 0] < 20)).sum() > 1000


def test_the_border_of_a_roi_runs_between_the_vertices_inside_and_those_outside(browser, tmp_path):
    black = {h: np.zeros(N) for h in NOTHING}
    up = load_mesh("fsaverage5", "left").points[:, 2]
    shown = brain_map(black, outlines={"left": {"upper half": np.flatnonzero(up > 0)}})
    write_map_page(shown, tmp_path / "page.html", theme=DARK)
    with opened(browser, tmp_path / "page.html", **SETTINGS) as window:
        settle(window.page)
        window.page.uncheck("[data-names]")
        settle(window.page)
        picture = window.pixels(canvas(window.page, "left")).sum(axis=2)
        # Black values on dark grey paper: nothing but the line is bright.
        rows = np.flatnonzero((picture < 40).any(axis=1))
        lit = np.flatnonzero((picture > 150).any(axis=1))
        height = up.max() - np.ptp(up) * (lit - rows[0]) / (np.ptp(rows) + 1)
        assert len(height)
        assert np.abs(height).max() < 6  # mm; edges of this mesh are up to 5 long


def test_paper_gets_finer_pictures_on_light_paper(browser, tmp_path):
    write_map_page(brain_map(NOTHING), tmp_path / "page.html", theme=DARK)
    with opened(browser, tmp_path / "page.html", **SETTINGS) as window:
        settle(window.page)
        first = window.page.locator("canvas").first
        window.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert first.evaluate("(canvas) => canvas.width / canvas.clientWidth") == pytest.approx(3, abs=0.01)
        assert window.page.locator("html").get_attribute("data-theme") == "light"
        window.page.evaluate("dispatchEvent(new Event('afterprint'))")
        settle(window.page)
        assert first.evaluate("(canvas) => canvas.width / canvas.clientWidth") == pytest.approx(1, abs=0.01)
        assert window.page.locator("html").get_attribute("data-theme") == "dark"


def test_categories_and_panels_and_the_stimulus_are_told(browser, tmp_path):
    Image.new("RGB", (425, 425), "teal").save(tmp_path / "stimulus.png")
    codes = {"left": (load_mesh("fsaverage5", "left").points[:, 2] > 0).astype(float)}
    key = Categories(["below", "above"], ["#CC6677", "#332288"])
    shown = BrainMap((Panel(codes, "one"), Panel(codes, "two")), key, "Halves", stimulus=tmp_path / "stimulus.png")
    write_map_page(shown, tmp_path / "page.html")
    with opened(browser, tmp_path / "page.html", **SETTINGS) as window:
        settle(window.page)
        first = window.page.locator("canvas[data-panel='1']")
        first.scroll_into_view_if_needed()
        settle(window.page)
        for share, name in ((0.25, "above"), (0.75, "below")):
            box = first.bounding_box()
            first.hover(position={"x": box["width"] / 2, "y": share * box["height"]})
            assert readout(window.page).endswith(f": one {name}, two {name}")
        assert window.page.get_by_alt_text("stimulus.png").evaluate("(image) => image.naturalWidth") == 256
        assert window.complaints == []


def test_a_map_comes_back_when_the_graphics_card_forgets_it(browser, tmp_path):
    keep = """
        const getContext = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
          const context = getContext.call(this, kind, ...rest);
          if (kind === "webgl2") window.kept = context.getExtension("WEBGL_lose_context");
          return context;
        };"""
    write_map_page(brain_map(values_everywhere()), tmp_path / "page.html")
    with opened(browser, tmp_path / "page.html", keep, **SETTINGS) as window:
        before = bytes_of(window.page, "left")
        window.page.evaluate("new Promise((done) => { kept.loseContext(); setTimeout(done, 50); })")
        window.page.locator(".brain-stage").press("ArrowLeft")
        window.page.evaluate("new Promise((done) => { kept.restoreContext(); setTimeout(done, 50); })")
        window.page.locator(".brain-stage").press("R")
        assert bytes_of(window.page, "left") == before


def test_without_webgl_a_sentence_says_so(browser, tmp_path):
    write_map_page(brain_map(NOTHING), tmp_path / "page.html")
    with opened(
        browser, tmp_path / "page.html", "HTMLCanvasElement.prototype.getContext = () => null;", **SETTINGS
    ) as window:
        assert "needs a browser with JavaScript and WebGL 2" in window.page.locator("main").inner_text()
        assert not window.page.locator(".brain-stage").is_visible()
        assert window.complaints == []


def test_directions_on_either_side_of_the_right_have_no_colour_of_the_left_between(browser, tmp_path):
    around = {h: np.random.default_rng(3).choice([350.0, 10.0], N) for h in NOTHING}
    path = tmp_path / "wheel.html"
    write_map_page(brain_map(around, Wheel("polar angle")), path)
    with opened(browser, path, **SETTINGS) as window:
        settle(window.page)
        shown = window.pixels(canvas(window.page, "left")).reshape(-1, 3)
        assert window.complaints == []
        vertex, said = point(window.page, "left", 130, 100)
        assert said == f"polar angle {around['left'][vertex]:g}"
        marker = window.page.locator(".brain-marker").get_attribute("transform")
        assert marker.startswith(f"rotate({-around['left'][vertex]:g} ")
    right, left = 255 * Wheel("").at(np.array([0.0, 180.0]))
    coloured = shown[np.ptp(shown, axis=1) > 40]
    assert len(coloured) > 5000
    # Shaded at the edges, but red all over, as what lies to the right is.
    assert right[0] > right[1]
    assert left[0] < left[1]
    assert (coloured[:, 0] > coloured[:, 1]).all()
