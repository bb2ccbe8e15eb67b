"""The mesh, and the way from challenge vertices to it."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from algocli.errors import DataError
from algocli.results.drawing.sheet import VIEWS, lay_out, project
from algocli.results.surface import cut, fsaverage_map, load_mesh, vertex_normals


@pytest.fixture(scope="module")
def meshes():
    return {hemisphere: load_mesh("fsaverage5", hemisphere) for hemisphere in ("left", "right")}


def test_the_mesh_comes_without_a_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    load_mesh.cache_clear()
    assert load_mesh("fsaverage5", "left").n_vertices == 10_242


@pytest.mark.parametrize("hemisphere", ["left", "right"])
def test_a_hemisphere_is_a_closed_surface(meshes, hemisphere):
    mesh = meshes[hemisphere]
    edges = np.sort(np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1)
    unique, uses = np.unique(edges, axis=0, return_counts=True)
    assert set(uses) == {2}
    # Euler: a sphere has V - E + F = 2.
    assert mesh.n_vertices - len(unique) + len(mesh.faces) == 2


def test_normals_of_a_ball_point_away_from_its_middle():
    corners = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=np.float64)
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    np.testing.assert_allclose(vertex_normals(corners, np.array(faces)), corners)


def test_values_stand_at_their_vertices_and_nothing_stands_elsewhere():
    full = fsaverage_map([0.0, 0.5, -1.0], np.array([2, 5, 7]), n=9)
    np.testing.assert_array_equal(full, [np.nan, np.nan, 0.0, np.nan, np.nan, 0.5, np.nan, -1.0, np.nan])


def test_values_and_vertices_must_be_equally_many():
    with pytest.raises(DataError, match="2 values for 3 vertices"):
        fsaverage_map([0.0, 0.5], np.array([2, 5, 7]))


def test_fsaverage5_keeps_the_first_vertices():
    full = fsaverage_map([1.0, 2.0], np.array([10_241, 10_242]))
    kept = cut(full, "fsaverage5")
    assert kept.shape == (10_242,)
    assert kept[-1] == 1.0
    assert np.isnan(kept[:-1]).all()


# The direction of the eye in anatomical terms: which end of which axis is nearest to it.
@pytest.mark.parametrize(
    ("hemisphere", "view", "axis", "sign"),
    [
        ("left", "lateral", 0, -1),
        ("left", "medial", 0, 1),
        ("right", "lateral", 0, 1),
        ("right", "medial", 0, -1),
        ("left", "posterior", 1, -1),
        ("right", "posterior", 1, -1),
        ("left", "ventral", 2, -1),
        ("right", "ventral", 2, -1),
    ],
)
def test_every_view_looks_from_the_side_it_is_named_after(hemisphere, view, axis, sign):
    nearness = project(np.eye(3), hemisphere, view)[:, 2]
    expected = np.zeros(3)
    expected[axis] = sign
    np.testing.assert_array_equal(nearness, expected)


@pytest.mark.parametrize("hemisphere", ["left", "right"])
@pytest.mark.parametrize("view", VIEWS)
def test_no_view_is_mirrored(hemisphere, view):
    turned = project(np.eye(3), hemisphere, view)
    assert np.linalg.det(turned) == pytest.approx(1)


@pytest.mark.parametrize("view", ["posterior", "ventral"])
def test_left_stays_left_where_both_hemispheres_stand_side_by_side(meshes, view):
    rightwards = project(np.eye(3), "left", view)[0]
    np.testing.assert_array_equal(rightwards, [1, 0, 0])
    tiles = {tile.hemisphere: tile for tile in lay_out(meshes).tiles if tile.view == view}
    assert tiles["left"].left < tiles["right"].left


@pytest.mark.parametrize("hemispheres", [("left",), ("right",), ("left", "right")])
def test_views_neither_overlap_nor_leave_the_sheet(meshes, hemispheres):
    sheet = lay_out({hemisphere: meshes[hemisphere] for hemisphere in hemispheres})
    assert len(sheet.tiles) == len(VIEWS) * len(hemispheres)
    for place, tile in enumerate(sheet.tiles):
        assert tile.left >= 0
        assert tile.top >= 0
        assert tile.left + tile.width <= sheet.width
        assert tile.top + tile.height <= sheet.height
        for other in sheet.tiles[:place]:
            apart_across = tile.left >= other.left + other.width or other.left >= tile.left + tile.width
            apart_down = tile.top >= other.top + other.height or other.top >= tile.top + tile.height
            assert apart_across or apart_down
