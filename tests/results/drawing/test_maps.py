"""Maps: that every pixel shows what lies at its place, and what stands around the cortex."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from PIL import Image

from algocli.errors import DataError
from algocli.results.drawing.arrangement import FLAT, VIEWS, lay_out, project
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.keys import Categories, Scale
from algocli.results.drawing.maps import draw_map
from algocli.results.drawing.painting import see
from algocli.results.drawing.style import CONTEXT_COLOUR, DARK, LIGHT, render
from algocli.results.surface import load_flat, load_mesh

DPI = 50
RANGE = Scale(0, 1, "r")


def empty():
    return {hemisphere: np.full(10_242, np.nan) for hemisphere in ("left", "right")}


def picture_of(figure, panel=0):
    """Return what a panel shows, (height, width, 3) in 0..1; a byte tells 256 levels apart."""
    return np.asarray(figure.axes[panel].images[0].get_array()) / 255


def draw(values, key=RANGE, dpi=DPI, theme=LIGHT, **more):
    return draw_map(BrainMap((Panel(values),), key, "A map", **more), dpi=dpi, theme=theme)


def words_on(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("view", VIEWS)
def test_each_pixel_shows_the_vertices_that_lie_there(view):
    flat, mesh = load_flat("fsaverage5", "right"), load_mesh("fsaverage5", "right")
    shapes = {("right", other): flat if other == FLAT else mesh for other in VIEWS}
    [tile] = [tile for tile in lay_out(shapes).tiles if tile.view == view]
    sight = see(tile, shapes["right", view], 1.0)
    coordinates = project(np.nan_to_num(sight.mesh.points), "right", view)
    right, up = (sight.pixels.interpolate(coordinates[:, axis]) for axis in (0, 1))
    row, column = np.divmod(sight.pixels.index, sight.pixels.shape[1])
    # What is interpolated from the places of the vertices is the place of the pixel.
    mm = sight.finer * sight.tile.scale
    np.testing.assert_allclose((right - sight.origin[0]) * mm + sight.finer, column + 0.5, atol=1e-4)
    np.testing.assert_allclose((sight.origin[1] - up) * mm + sight.finer, row + 0.5, atol=1e-4)


def test_a_map_without_values_is_grey_cortex():
    picture = picture_of(draw(empty()))
    assert np.ptp(picture, axis=2).max() == 0
    assert 0.2 < np.mean(picture < 0.99) < 0.7


@pytest.mark.parametrize("hemisphere", ["left", "right"])
def test_a_single_vertex_can_be_seen(hemisphere):
    values = empty()
    mesh = load_mesh("fsaverage5", hemisphere)
    values[hemisphere][np.argmin(mesh.points[:, 1])] = 0.7
    picture = picture_of(draw(values, dpi=150))
    coloured = np.flatnonzero(np.ptp(picture, axis=2).max(axis=0) > 0.2)
    assert len(coloured) > 0
    # The occipital pole of the left hemisphere lies in the left half of the sheet, and only there.
    assert (coloured < picture.shape[1] / 2).all() == (hemisphere == "left")


def test_a_value_of_zero_is_shown_and_a_missing_one_is_not():
    values = empty()
    values["left"][:] = 0.0
    del values["right"]
    picture = picture_of(draw(values, Categories(["all"], ["#ff0000"])))
    inside = picture[..., 0] < 0.999
    red = (picture[..., 1] < 0.5) & (picture[..., 0] > 0.5)
    assert red.sum() > 0.9 * inside.sum()


def test_values_are_painted_in_the_colours_of_their_scale():
    values = empty()
    values["left"][:], values["right"][:] = 0.0, 1.0
    scale = Scale(0, 1, "r", colours="gray")
    picture = picture_of(draw(values, scale))
    left, right = np.array_split(picture, 2, axis=1)
    assert left.min() == pytest.approx(0, abs=1e-12)
    # White is shaded, by less than a fifth, where the surface turns away.
    assert right.min() > 0.8


def test_one_hemisphere_may_be_drawn_alone():
    names = words_on(draw({"right": empty()["right"]}).axes[0])
    assert names == ["right lateral", "right medial", "right posterior", "right ventral", "right flat"]


def test_a_map_of_both_hemispheres_has_five_views_of_each():
    names = words_on(draw(empty()).axes[0])
    assert sorted(names) == sorted(f"{hemisphere} {view}" for hemisphere in ("left", "right") for view in VIEWS)


def test_without_flat_maps_the_other_views_are_drawn(monkeypatch):
    from algocli.results.drawing import maps

    monkeypatch.setattr(maps, "load_flat", lambda *_: None)
    assert not any("flat" in name for name in words_on(draw(empty()).axes[0]))


def test_panels_stand_below_one_another_under_their_names_and_share_the_key():
    first, second = empty(), empty()
    first["left"][:], second["left"][:] = 0.0, 1.0
    shown = BrainMap((Panel(first, "measured"), Panel(second, "predicted")), Scale(0, 1, "r", colours="gray"), "Two")
    figure = draw_map(shown, dpi=DPI)
    upper, lower, key = figure.axes
    assert ["measured" in words_on(axes) for axes in (upper, lower)] == [True, False]
    assert "predicted" in words_on(lower)
    assert upper.get_position().y0 >= lower.get_position().y1
    assert key.get_xlim() == (0, 1)
    assert picture_of(figure, 0).min() < picture_of(figure, 1).min()


def test_the_stimulus_stands_left_of_the_cortex(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    figure = draw(empty(), stimulus=tmp_path / "image.png")
    cortex, image = figure.axes[0], figure.axes[-1]
    np.testing.assert_array_equal(image.images[0].get_array(), pixels)
    assert image.get_position().x1 < cortex.get_position().x0
    width, height = figure.get_size_inches()
    extent = image.get_position()
    assert extent.width * width / (extent.height * height) == pytest.approx(30 / 20)


@pytest.mark.parametrize("content", [None, b"no image", b"\x89PNG\r\n\x1a\n"])
def test_a_stimulus_that_cannot_be_read_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "image.png").write_bytes(content)
    with pytest.raises(DataError, match=r"image\.png"):
        draw(empty(), stimulus=tmp_path / "image.png")


def back(hemisphere):
    mesh = load_mesh("fsaverage5", hemisphere)
    return np.flatnonzero(mesh.points[:, 1] < -75)


def test_outlines_are_drawn_dark_on_light_and_named_once_a_hemisphere():
    outlines = {hemisphere: {"pole": back(hemisphere)} for hemisphere in ("left", "right")}
    axes = draw(empty(), outlines=outlines).axes[0]
    assert words_on(axes).count("pole") == 2
    rim, line = axes.collections
    assert len(rim.get_segments()) == len(line.get_segments()) > 8
    assert rim.get_linewidth()[0] > line.get_linewidth()[0]
    assert rim.get_edgecolor()[0, :3].min() > 0.9 > 0.1 > line.get_edgecolor()[0, :3].max()


def test_without_outlines_there_are_no_lines():
    assert not any(len(lines.get_segments()) for lines in draw(empty()).axes[0].collections)


def test_names_of_rois_stay_on_the_figure():
    rois = {f"ROI number {i}": back("left") for i in range(5)}
    figure = draw({"left": empty()["left"]}, outlines={"left": rois})
    figure.draw_without_rendering()
    named = [text for text in figure.axes[0].texts if text.get_text() in rois]
    assert len(named) == 5
    for text in named:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_a_dark_map_lies_on_dark_paper_with_no_bright_seam():
    picture = picture_of(draw(empty(), theme=DARK))
    paper, gyrus = to_rgb(DARK.paper), to_rgb(DARK.gyrus)
    np.testing.assert_allclose(picture[0, 0], paper, atol=1e-6)
    # Every pixel, those at the edge as well, is a mixture of paper and cortex.
    assert picture.max() <= max(gyrus) + 0.002
    assert picture.min() >= min(paper) - 0.002


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_context_has_the_colour_of_the_theme_on_cortex_and_in_the_legend(theme):
    key = Categories(["a ROI", "elsewhere"], ["#CC6677", CONTEXT_COLOUR])
    figure = draw({"left": np.ones(10_242)}, key, theme=theme)
    legend = figure.legends[0].get_patches()
    assert [to_hex(patch.get_facecolor()) for patch in legend] == ["#cc6677", theme.context.lower()]
    # A flat map is lit from straight above.
    colours, counts = np.unique(picture_of(figure).reshape(-1, 3), axis=0, return_counts=True)
    not_paper = np.abs(colours - to_rgb(theme.paper)).max(axis=1) > 0.02
    np.testing.assert_allclose(colours[not_paper][counts[not_paper].argmax()], to_rgb(theme.context), atol=0.005)


def test_a_dark_map_is_written_on_dark_paper(tmp_path):
    render(draw(empty(), theme=DARK), tmp_path / "map.png", DPI)
    with Image.open(tmp_path / "map.png") as image:
        corners = [image.convert("RGB").getpixel(at) for at in ((0, 0), (image.width - 1, image.height - 1))]
    assert corners == [tuple(round(255 * part) for part in to_rgb(DARK.paper))] * 2


def test_the_title_is_in_the_files_metadata(tmp_path):
    figure = draw(empty())
    for suffix in (".png", ".svg", ".pdf"):
        render(figure, tmp_path / f"map{suffix}", DPI)
    with Image.open(tmp_path / "map.png") as image:
        assert image.text["Title"] == "A map"
    assert "<title>A map</title>" in (tmp_path / "map.svg").read_text()
    assert re.search(rb"/Title\s*\(A map\)", (tmp_path / "map.pdf").read_bytes())


def test_text_of_an_svg_stays_text(tmp_path):
    render(draw(empty()), tmp_path / "map.svg", DPI)
    written = (tmp_path / "map.svg").read_text()
    assert re.search(r"<text[^>]*>left lateral</text>", written)
    assert written.count("<image") == 2  # the cortices, and the colours of the bar
