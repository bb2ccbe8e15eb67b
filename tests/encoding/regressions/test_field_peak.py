"""Where between windows the error is least: surfaces whose least is known, and what they are not asked to say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.encoding.regressions.field_peak import Surfaces, Tried, n_tried
from algocli.encoding.windows import SetName, Window, Windows, windows_of

WIDTH = 8.4


def errors_of(windows: Windows, truth: NDArray[np.float64], curves: tuple[float, float] = (0.05, 3.0)) -> Any:
    """Return errors of windows that rise from a place on, (n_windows, n_vertices), of places, (3, n_vertices)."""
    x, y, size = windows.places[1:].T[:, :, None]
    apart = (x - truth[0]) ** 2 + (y - truth[1]) ** 2
    logs = curves[0] * apart + curves[1] * np.log(size / truth[2]) ** 2
    return np.vstack([np.ones(truth.shape[1]), np.exp(logs - 6)])


def find(windows: Windows, errors: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Try windows as a search does; return the best and the peak of each vertex."""
    n_vertices = errors.shape[1]
    surfaces, every = Surfaces(windows, WIDTH), np.arange(n_vertices)
    tried, best = Tried(surfaces, n_vertices), np.zeros(n_vertices, np.int32)
    for number in range(len(windows)):
        if number == windows.n_first:
            tried.first[:] = best
        some = every if number < windows.n_first else every[surfaces.near[tried.first, number]]
        tried.keep(number, some, errors[number, some])
        better = errors[number, some] < errors[best[some], some]
        best[some[better]] = number
    return best, tried.peaks(best)


def draw_places(n: int) -> NDArray[np.float64]:
    """Return places well within an image, of sizes between those that are tried."""
    rng = np.random.default_rng(3)
    return np.stack([rng.uniform(-3, 3, n), rng.uniform(-3, 3, n), rng.uniform(0.5, 0.6, n)])


@pytest.mark.parametrize(("name", "n_places"), [("coarse", 99), ("fine", 135)])
def test_there_is_room_for_as_many_windows_as_are_tried_at_a_vertex(name: SetName, n_places: int) -> None:
    windows = windows_of(name, WIDTH)
    assert n_tried(windows) == n_places == Surfaces(windows, WIDTH).n_places


def test_the_least_of_a_round_surface_is_found_between_windows() -> None:
    windows, truth = windows_of("fine", WIDTH), draw_places(200)
    best, peaks = find(windows, errors_of(windows, truth))
    assert (np.abs(windows.places[best].T - truth)[:2] > 0.05).any(axis=1).all()
    np.testing.assert_allclose(peaks, truth, atol=1e-4)


def test_where_windows_are_of_two_sizes_about_the_place_moves_and_the_size_does_not() -> None:
    windows, truth = windows_of("coarse", WIDTH), draw_places(200)
    best, peaks = find(windows, errors_of(windows, truth))
    tried = windows.places[best].T
    off, off_tried = (np.hypot(*(each - truth)[:2]) for each in (peaks, tried))
    assert np.median(off) < 0.01 < 0.2 < np.median(off_tried)
    np.testing.assert_array_equal(peaks[2], tried[2])


def test_windows_of_ones_own_are_told_between_where_enough_of_them_are_near() -> None:
    grid = np.arange(-2, 2.1, 0.5)
    own: tuple[Window, ...] = tuple((x, y, 0.5) for x in grid for y in grid)
    truth = np.array([[0.6, -1.13], [1.2, 0.4], [0.5, 0.5]])
    _, peaks = find(windows_of(own, WIDTH), errors_of(windows_of(own, WIDTH), truth))
    np.testing.assert_allclose(peaks, truth, atol=1e-4)
    # Of two windows, and of some that lie too far from each other, nobody knows what is between.
    for far in (own[:2], tuple((x, y, 0.05) for x, y, _ in own)):
        windows = windows_of(far, WIDTH)
        best, peaks = find(windows, errors_of(windows, truth))
        np.testing.assert_array_equal(peaks, windows.places[best].T)


def test_a_peak_stays_within_what_was_tried() -> None:
    windows = windows_of("fine", WIDTH)
    beyond = np.array([[7.0, -8, 0], [0, 7, 0], [0.6, 0.6, 5]])
    best, peaks = find(windows, errors_of(windows, beyond))
    x, y, size = windows.places[best].T
    assert (np.hypot(peaks[0] - x, peaks[1] - y) <= size * (1 + 1e-9)).all()
    assert (np.abs(np.log(peaks[2] / size)) <= np.log(1.2) * (1 + 1e-9)).all()
    assert (peaks[0, 0] > x[0]) & (peaks[0, 1] < x[1])


def test_no_peak_lies_beyond_the_image_and_those_at_its_edge_are_found_along_it() -> None:
    windows, rng = windows_of("fine", WIDTH), np.random.default_rng(8)
    # Beyond the right, the upper, and a corner; as far along the edge as it may be.
    along = rng.uniform(-3, 3, 30)
    truth = np.stack([np.full(30, 4.5), along, np.full(30, 0.6)])
    truth[:, 10:20] = truth[[1, 0, 2]][:, 10:20]
    truth[:2, 20:] = -4.4
    best, peaks = find(windows, errors_of(windows, truth))
    # Windows themselves end short of the edge.
    assert np.abs(windows.places[best, :2]).max() < WIDTH / 2 - 0.1
    np.testing.assert_allclose(peaks[:2], np.clip(truth[:2], -WIDTH / 2, WIDTH / 2), atol=1e-4)
    np.testing.assert_allclose(peaks[2], 0.6, atol=1e-4)


def test_what_has_no_least_stays_where_it_was_tried() -> None:
    windows, truth = windows_of("fine", WIDTH), draw_places(20)
    best, peaks = find(windows, errors_of(windows, truth, (-0.01, -0.1)))
    np.testing.assert_allclose(peaks, windows.places[best].T)


def test_the_whole_image_is_its_own_peak() -> None:
    windows = windows_of("fine", WIDTH)
    errors = np.full((len(windows), 3), 2.0)
    errors[0] = 1
    # One that is explained to the last digit, and one that never varies.
    errors[5, 1], errors[:, 2] = 0, np.nan
    best, peaks = find(windows, errors)
    assert best.tolist() == [0, 5, 0]
    np.testing.assert_array_equal(peaks[:, [0, 2]].T, [[0, 0, np.inf]] * 2)
    assert np.isfinite(peaks[:, 1]).all()
