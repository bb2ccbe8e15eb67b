"""The mesh, and the way from challenge vertices to it."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import DataError, UsageError
from algocli.results.drawing.arrangement import FLAT, VIEWS, lay_out, project
from algocli.results.on_mesh import cut, fsaverage_map
from algocli.results.plots.request import Wishes
from algocli.results.surface import N_VERTICES, coarsened, edges_of, load_flat, load_mesh, vertex_normals

LEFT, RIGHT = ("left",), ("right",)
BOTH = LEFT + RIGHT


@pytest.fixture(scope="module")
def meshes():
    return {hemisphere: load_mesh("fsaverage5", hemisphere) for hemisphere in BOTH}


@pytest.fixture(scope="module")
def shapes(meshes):
    inflated = {(h, view): meshes[h] for h in BOTH for view in VIEWS if view != FLAT}
    return inflated | {(h, FLAT): load_flat("fsaverage5", h) for h in BOTH}


def of(hemispheres, shapes):
    return {(h, view): mesh for (h, view), mesh in shapes.items() if h in hemispheres}


def test_the_mesh_comes_without_a_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    load_mesh.cache_clear()
    load_flat.cache_clear()
    assert load_mesh("fsaverage5", "left").n_vertices == load_flat("fsaverage5", "left").n_vertices == 10_242


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


@pytest.mark.parametrize("number", [1, 6])
@pytest.mark.parametrize("hemisphere", BOTH)
def test_every_challenge_vertex_has_its_value_at_its_fsaverage_index(tiny_challenge, number, hemisphere):
    [subject] = Challenge(tiny_challenge).subjects([number])
    side = {"left": "lh", "right": "rh"}[hemisphere]
    mask = np.load(tiny_challenge / f"subj0{number}/roi_masks/{side}.all-vertices_fsaverage_space.npy")
    values = 1.0 + np.arange(np.count_nonzero(mask))
    full = fsaverage_map(values, subject.fsaverage_vertices(hemisphere))
    np.testing.assert_array_equal(full[mask != 0], values)
    assert np.isnan(full[mask == 0]).all()


@pytest.mark.parametrize(
    ("surface", "n_vertices"), [("fsaverage5", 10_242), ("fsaverage6", 40_962), ("fsaverage", 163_842)]
)
def test_each_surface_shows_exactly_its_first_vertices(surface, n_vertices):
    assert N_VERTICES[surface] == n_vertices
    np.testing.assert_array_equal(cut(np.arange(163_842.0), surface), np.arange(float(n_vertices)))


def test_undoing_cuts_in_four_leaves_an_icosahedron(meshes):
    assert len(coarsened(meshes["left"].faces, 2_562)) == 7_680
    edges = coarsened(meshes["left"].faces, 12)
    assert len(edges) == 30
    assert set(np.bincount(edges.ravel())) == {5}


def test_a_mesh_in_another_order_is_not_taken_for_one_cut_in_four(meshes):
    order = np.random.default_rng(0).permutation(10_242)
    assert coarsened(order[meshes["left"].faces], 2_562) is None


def test_edges_are_those_of_the_faces():
    np.testing.assert_array_equal(edges_of(np.array([[2, 0, 1], [2, 1, 3]])), [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]])


@pytest.mark.parametrize("hemisphere", BOTH)
def test_a_flat_map_lies_flat_and_shows_its_outer_side(hemisphere):
    flat = load_flat("fsaverage5", hemisphere)
    inside = np.unique(flat.faces)
    assert np.isfinite(flat.points[inside]).all()
    assert np.isnan(np.delete(flat.points, inside, axis=0)).all()
    assert (flat.points[inside, 2] == 0).all()
    corners = flat.points[flat.faces]
    assert (np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] > 0).all()


@pytest.mark.parametrize(("hemisphere", "occipital_is_right"), [("left", True), ("right", False)])
def test_occipital_poles_of_flat_maps_face_each_other_and_up_is_up(meshes, hemisphere, occipital_is_right):
    flat, inflated = load_flat("fsaverage5", hemisphere), meshes[hemisphere]
    rightwards, upwards, _ = project(flat.points, hemisphere, FLAT).T
    back, front = inflated.points[:, 1].argmin(), inflated.points[:, 1].argmax()
    assert (rightwards[back] > rightwards[front]) == occipital_is_right
    assert upwards[inflated.points[:, 2].argmax()] > 50 > -50 > upwards[inflated.points[:, 2].argmin()]


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


@pytest.mark.parametrize("view", ["posterior", "ventral", "flat"])
def test_left_stays_left_where_both_hemispheres_stand_side_by_side(shapes, view):
    rightwards = project(np.eye(3), "left", view)[0]
    np.testing.assert_array_equal(rightwards, [1, 0, 0])
    tiles = {tile.hemisphere: tile for tile in lay_out(shapes).tiles if tile.view == view}
    assert tiles["left"].left < tiles["right"].left
    assert tiles["left"].top == pytest.approx(tiles["right"].top, abs=10)


@pytest.mark.parametrize("low", [False, True])
@pytest.mark.parametrize("with_flat", [False, True])
@pytest.mark.parametrize("hemispheres", [LEFT, RIGHT, BOTH])
def test_views_neither_overlap_nor_leave_the_sheet(shapes, hemispheres, with_flat, low):
    seen = {key: mesh for key, mesh in of(hemispheres, shapes).items() if with_flat or key[1] != FLAT}
    sheet = lay_out(seen, low=low)
    assert {(tile.hemisphere, tile.view) for tile in sheet.tiles} == set(seen)
    assert len(sheet.tiles) == len(seen)
    for place, tile in enumerate(sheet.tiles):
        assert tile.left >= 0
        assert tile.top >= 0
        assert tile.left + tile.width <= sheet.width
        assert tile.top + tile.height <= sheet.height
        for other in sheet.tiles[:place]:
            apart_across = tile.left >= other.left + other.width or other.left >= tile.left + tile.width
            apart_down = tile.top >= other.top + other.height or other.top >= tile.top + tile.height
            assert apart_across or apart_down


def test_a_flat_map_of_one_hemisphere_alone_is_left_out_of_a_sheet_of_both(shapes):
    sheet = lay_out({key: mesh for key, mesh in shapes.items() if key != ("right", FLAT)})
    assert {tile.view for tile in sheet.tiles} == set(VIEWS) - {FLAT}


def test_a_surface_that_there_is_not_is_refused():
    for call in (lambda: cut(np.zeros(163_842), "fsaverage4"), lambda: load_mesh("FsAverage5", "left")):
        with pytest.raises(UsageError, match="surface="):
            call()


@pytest.mark.parametrize("options", [{"surface": "pial"}, {"hemispheres": "lhs"}, {"subjects": (0,)}], ids=str)
def test_a_wish_that_cannot_be_is_refused(options):
    with pytest.raises(UsageError):
        Wishes(**options)


def test_one_hemisphere_is_a_list_of_one():
    assert Wishes(hemispheres="left").hemispheres == Wishes(hemispheres="lh").hemispheres == ("left",)
