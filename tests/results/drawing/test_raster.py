"""What a pixel shows, against algebra and against matplotlib's own interpolation in triangles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.tri import LinearTriInterpolator, Triangulation

from algocli.results.drawing.raster import rasterise

# Rows count downwards: seen on the sheet, these two faces go round counter-clockwise.
SQUARE = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [10.0, 10.0, 0.0], [0.0, 10.0, 0.0]])
TOWARDS = np.array([[0, 2, 1], [0, 3, 2]])


def picture(pixels, values):
    filled = np.full(pixels.shape[0] * pixels.shape[1], np.nan)
    filled[pixels.index] = values
    return filled.reshape(pixels.shape)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_interpolation_equals_matplotlibs_in_any_triangulation(seed):
    rng = np.random.default_rng(seed)
    flat = rng.uniform(1, 29, (12, 2))
    mesh = Triangulation(*flat.T)
    values = rng.standard_normal(12)
    points = np.column_stack([flat, np.zeros(12)])
    # matplotlib's triangles go round counter-clockwise where rows count upwards.
    pixels = rasterise(points, mesh.triangles[:, ::-1].astype(np.int64), (30, 30))
    row, column = np.divmod(pixels.index, 30)
    expected = LinearTriInterpolator(mesh, values)(column + 0.5, row + 0.5)
    known = ~np.ma.getmaskarray(expected)
    np.testing.assert_allclose(pixels.interpolate(values)[known], expected[known], atol=1e-6)


def test_a_square_fills_every_pixel_within_it_and_none_outside():
    pixels = rasterise(SQUARE + np.array([2, 3, 0]), TOWARDS, (20, 15))
    seen = ~np.isnan(picture(pixels, np.zeros(len(pixels.index))))
    expected = np.zeros((20, 15), dtype=bool)
    expected[3:13, 2:12] = True
    np.testing.assert_array_equal(seen, expected)
    np.testing.assert_allclose(pixels.weights.sum(axis=1), 1, rtol=1e-6)


def test_what_reaches_beyond_the_picture_is_cut_off():
    pixels = rasterise(SQUARE - [5, 5, 0], TOWARDS, (3, 4))
    assert len(pixels.index) == 12


@pytest.mark.parametrize("first_is_near", [True, False])
def test_the_nearer_of_two_surfaces_is_seen(first_is_near):
    points = np.concatenate([SQUARE, SQUARE])
    points[:4, 2] = 5.0 if first_is_near else -5.0
    pixels = rasterise(points, np.concatenate([TOWARDS, TOWARDS + 4]), (10, 10))
    seen = pixels.interpolate(np.repeat([1.0, 2.0], 4))
    np.testing.assert_allclose(seen, 1.0 if first_is_near else 2.0)


def test_faces_seen_from_behind_are_left_out():
    assert len(rasterise(SQUARE, TOWARDS[:, ::-1], (10, 10)).index) == 0


def fan(radius):
    """Return a hexagon of six faces around vertex 0."""
    angles = np.arange(6) * np.pi / 3
    rim = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(6)]) * radius
    points = np.concatenate([[[0, 0, 0]], rim]) + np.array([radius + 1, radius + 1, 0])
    faces = np.array([[0, (i + 1) % 6 + 1, i + 1] for i in range(6)])
    return points, faces


def test_a_lone_vertex_is_shown_up_to_half_way_to_its_neighbours():
    radius = 60
    points, faces = fan(radius)
    pixels = rasterise(points, faces, (2 * radius + 2, 2 * radius + 2))
    values = np.array([0.7, *[np.nan] * 6])
    seen = pixels.interpolate(values)
    np.testing.assert_allclose(seen[~np.isnan(seen)], 0.7)
    # Half way along every edge is a hexagon of half the size, a quarter of the area.
    assert np.mean(~np.isnan(seen)) == pytest.approx(0.25, abs=0.01)


def test_between_codes_the_one_with_the_larger_weight_prevails():
    radius = 60
    points, faces = fan(radius)
    pixels = rasterise(points, faces, (2 * radius + 2, 2 * radius + 2))
    shares = pixels.prevailing(np.array([7, *[3] * 6]))
    assert set(shares) == {3, 7}
    assert np.mean(shares == 7) == pytest.approx(0.25, abs=0.01)
