"""Outlines of ROIs: where they run, what is seen of them, and where their names go."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.results.drawing.arrangement import FLAT, VIEWS, Tile, lay_out, project
from algocli.results.drawing.names import place_names
from algocli.results.drawing.outline import Trace, borders, trace
from algocli.results.drawing.painting import see
from algocli.results.surface import Mesh, load_flat, load_mesh


def plane(n):
    """Return a flat mesh of n by n vertices, 10 mm apart, each square cut from its lower left to its upper right."""
    across, up = np.meshgrid(np.arange(n), np.arange(n))
    points = np.column_stack([across.ravel(), up.ravel(), np.zeros(n * n)]) * 10.0
    corner = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + n + 1], 1), np.stack([corner, corner + n + 1, corner + n], 1)]
    )
    return Mesh(points, faces, np.zeros(n * n), np.tile((0.0, 0.0, 1.0), (n * n, 1)))


def test_a_straight_border_runs_half_way_between_inside_and_outside():
    mesh = plane(6)
    inside = np.flatnonzero(mesh.points[:, 0] <= 20)
    [line] = borders(mesh, inside)
    np.testing.assert_allclose(line[:, 0], 25)
    # It is open, from rim to rim.
    assert sorted(line[[0, -1], 1]) == [0, 50]


def test_a_border_is_closed_around_what_touches_no_rim():
    mesh = plane(8)
    column, row = (mesh.points[:, :2] / 10).T
    [line] = borders(mesh, np.flatnonzero((column >= 2) & (column <= 5) & (row >= 2) & (row <= 4)))
    np.testing.assert_array_equal(line[0], line[-1])
    x, y = line[:-1, 0], line[:-1, 1]
    # Half a step around 30 by 20, less the corners: by the shoelace formula.
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    assert 30 * 20 < area < 40 * 30


def test_every_border_on_a_closed_surface_is_closed():
    mesh = load_mesh("fsaverage5", "left")
    lines = borders(mesh, np.flatnonzero(mesh.points[:, 1] < -60))
    assert lines
    for line in lines:
        np.testing.assert_array_equal(line[0], line[-1])
        # The zigzag from face to face is smoothed out; no point is further off than an edge is long.
        assert np.abs(line[:, 1] + 60).max() < 6


def test_two_pieces_have_two_borders_and_a_hole_has_its_own():
    mesh = plane(14)
    column, row = (mesh.points[:, :2] / 10).T
    first = (np.abs(column - 4) <= 2) & (np.abs(row - 4) <= 2)
    second = (np.abs(column - 10) <= 2) & (np.abs(row - 10) <= 2)
    hole = (np.abs(column - 4) <= 0) & (np.abs(row - 4) <= 0)
    assert len(borders(mesh, np.flatnonzero(first | second))) == 2
    assert len(borders(mesh, np.flatnonzero(first & ~hole))) == 2


def test_nothing_inside_has_no_border_and_neither_has_everything():
    mesh = plane(4)
    assert borders(mesh, np.array([], dtype=np.int64)) == []
    assert borders(mesh, np.arange(16)) == []


@pytest.fixture(scope="module")
def views():
    """Look at the left hemisphere from all sides, with an occipital ROI and a frontal one."""
    mesh, flat = load_mesh("fsaverage5", "left"), load_flat("fsaverage5", "left")
    shapes = {("left", view): flat if view == FLAT else mesh for view in VIEWS}
    lateral = mesh.points[:, 0] < -20
    rois = {
        "back": np.flatnonzero(lateral & (mesh.points[:, 1] < -70)),
        "front": np.flatnonzero(lateral & (mesh.points[:, 1] > 70)),
    }
    found = {}
    for tile in lay_out(shapes).tiles:
        sight = see(tile, shapes["left", tile.view], 1.0)
        lines = {name: borders(sight.mesh, inside) for name, inside in rois.items()}
        found[tile] = sight, trace(sight, rois, lines)
    return found


@pytest.mark.parametrize(
    ("roi", "hidden_from"), [("back", {"medial"}), ("front", {"medial", "posterior"})], ids=["back", "front"]
)
def test_a_roi_is_traced_in_the_views_from_which_it_is_seen(views, roi, hidden_from):
    unseen = {tile.view for tile, (_, traced) in views.items() if traced[roi].area == 0}
    assert unseen == hidden_from
    for tile, (_, traced) in views.items():
        assert bool(traced[roi].lines) == (tile.view not in hidden_from) or tile.view == "ventral"


def test_lines_lie_within_the_tile_of_their_view_and_around_its_vertices(views):
    for tile, (_, traced) in views.items():
        for one in traced.values():
            for line in one.lines:
                assert (line[:, 0] >= tile.left - 1).all()
                assert (line[:, 0] <= tile.left + tile.width + 1).all()
                assert (line[:, 1] >= tile.top - 1).all()
                assert (line[:, 1] <= tile.top + tile.height + 1).all()


def test_a_place_on_the_sheet_is_the_projection_of_its_vertex(views):
    [(tile, (sight, _))] = [(tile, found) for tile, found in views.items() if tile.view == "lateral"]
    right, up, _ = project(sight.mesh.points, "left", "lateral").T
    expected = np.column_stack([tile.left + right - right.min(), tile.top + up.max() - up])
    # To a pixel, which is a mm here.
    np.testing.assert_allclose(sight.on_sheet(sight.find(sight.mesh.points)), expected, atol=1)


def blob(x, y, radius=4.0):
    angles = np.linspace(0, 2 * np.pi, 60)
    around = np.column_stack([x + radius * np.cos(angles), y + radius * np.sin(angles)])
    points = np.array([(x + a, y + b) for a in range(-3, 4) for b in range(-3, 4)], dtype=np.float64)
    return Trace((around,), points, 50.0)


TILE = Tile("left", "lateral", 0, 0, 200, 200)


def extent(name, letters):
    half = np.array([0.6 * len(name.text), 1.1]) * letters / 2
    return np.array([name.x, name.y]) - half, np.array([name.x, name.y]) + half


def test_no_name_runs_into_another():
    crowd = {f"ROI-{i}": blob(50 + 9 * (i % 3), 50 + 9 * (i // 3)) for i in range(9)}
    names = place_names({TILE: crowd}, letters=6)
    assert {name.text for name in names} == set(crowd)
    boxes = [extent(name, 6) for name in names]
    for place, (low, high) in enumerate(boxes):
        for other_low, other_high in boxes[:place]:
            assert (low >= other_high).any() or (other_low >= high).any()


def test_a_name_with_room_stands_in_its_roi():
    large = Trace(
        (np.array([[0, 0], [90, 0], [90, 90], [0, 90], [0, 0.0]]),),
        np.random.default_rng(0).uniform(1, 89, (300, 2)),
        1.0,
    )
    [name] = place_names({TILE: {"V1": large}}, letters=6)
    assert name.of is None
    assert 20 < name.x < 70
    assert 20 < name.y < 70


def test_each_name_is_written_once_a_hemisphere_where_most_rois_are_seen():
    few, most = TILE, Tile("left", "flat", 0, 200, 200, 200)
    right = Tile("right", "lateral", 200, 0, 200, 200)
    a, b = blob(20, 20), blob(80, 20)
    unseen = Trace((), np.empty((0, 2)), 0.0)
    names = place_names(
        {few: {"A": a, "B": unseen}, most: {"A": blob(20, 220), "B": blob(80, 220)}, right: {"A": b, "B": unseen}}, 6
    )
    assert sorted((name.text, name.y > 100) for name in names) == [("A", False), ("A", True), ("B", True)]


def test_a_roi_that_no_view_shows_has_no_name():
    assert place_names({TILE: {"A": Trace((), np.empty((0, 2)), 0.0)}}, 6) == []
