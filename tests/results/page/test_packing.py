"""What a page holds of a map, read back as a browser reads it."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from matplotlib import colormaps

from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.keys import Categories, Scale
from algocli.results.page.packing import pack_map, pack_mesh
from algocli.results.surface import load_mesh


def unpacked(text, dtype):
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=dtype)


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(0)
    return {h: np.where(rng.random(10_242) < 0.1, rng.normal(size=10_242), np.nan) for h in ("left", "right")}


@pytest.mark.parametrize("hemisphere", ["left", "right"])
def test_a_mesh_is_read_back_to_a_hundredth_of_a_millimetre(hemisphere):
    mesh = load_mesh("fsaverage5", hemisphere)
    packed = pack_mesh(mesh)
    counts = unpacked(packed["points"], "<u2").reshape(-1, 3)
    np.testing.assert_allclose(packed["origin"] + packed["step"] * counts, mesh.points, atol=0.01)
    np.testing.assert_array_equal(unpacked(packed["faces"], "<u4").reshape(-1, 3), mesh.faces)
    np.testing.assert_array_equal(unpacked(packed["depth"], "<f4"), mesh.sulcal_depth.astype(np.float32))


def test_every_panel_and_hemisphere_keeps_its_values_and_their_gaps(values):
    halves = {h: side / 2 for h, side in values.items()}
    shown = BrainMap((Panel(values, "measured"), Panel(halves, "predicted")), Scale(0, 1, "r"), "Two")
    panels = pack_map(shown)["panels"]
    assert [panel["name"] for panel in panels] == ["measured", "predicted"]
    for panel, original in zip(panels, (values, halves), strict=True):
        for hemisphere, side in original.items():
            read = unpacked(panel["values"][hemisphere], "<f4")
            np.testing.assert_array_equal(read, side.astype(np.float32))


def test_a_scale_has_the_colours_that_matplotlib_gives(values):
    key = pack_map(BrainMap((Panel(values),), Scale(-2, 2, "response", colours="RdBu_r"), "One"))["key"]
    colours = unpacked(key["palette"], np.uint8).reshape(-1, 3)
    np.testing.assert_array_equal(colours, colormaps["RdBu_r"](np.arange(256), bytes=True)[:, :3])
    assert (key["low"], key["high"], key["label"]) == (-2, 2, "response")


def test_categories_keep_their_names_and_colours(values):
    key = pack_map(BrainMap((Panel(values),), Categories(["V1v", "V1d"], ["#CC6677", "#332288"]), "Two"))["key"]
    assert key["names"] == ["V1v", "V1d"]
    assert unpacked(key["palette"], np.uint8).tolist() == [0xCC, 0x66, 0x77, 0x33, 0x22, 0x88]


def test_outlines_keep_the_vertices_inside(values):
    inside = np.array([3, 17, 10_241])
    shown = BrainMap((Panel(values),), Scale(0, 1, "r"), "One", outlines={"right": {"PPA": inside}})
    ((roi,),) = pack_map(shown)["outlines"].values()
    assert roi["name"] == "PPA"
    np.testing.assert_array_equal(unpacked(roi["vertices"], "<u4"), inside)
