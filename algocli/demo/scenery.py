"""Where a scene takes place: open country, a street, a room, or so close up that there is no place to see."""

from __future__ import annotations

import numpy as np

from algocli.demo.figures import ellipse, limb
from algocli.demo.palette import (
    ANYTHING,
    BRICK,
    DARK,
    EARTH,
    GREENERY,
    PALE,
    SKY,
    STONE,
    VIVID,
    WALLS,
    WATER,
    WOOD,
    pick,
)
from algocli.demo.sketch import Outline, Sketch, Surface


def rectangle(left: float, top: float, right: float, bottom: float) -> Outline:
    """Return the outline of an upright rectangle, (4, 2)."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def draw_close_up(sketch: Sketch, rng: np.random.Generator) -> None:
    """Draw nothing but a surface to put things on."""
    sketch.begin(0.5, 0.5)
    kind = str(rng.choice(["cloud", "foliage", "grass", "water"]))
    tilt = (float(rng.normal(scale=0.2)), float(rng.normal(scale=0.2)))
    sketch.add(rectangle(0, 0, 1, 1), Surface(pick(rng, ANYTHING), kind, 0.17, tilt))


def draw_country(sketch: Sketch, rng: np.random.Generator) -> None:
    """Draw sky, clouds, ranges of hills, ground or water, and trees."""
    sketch.begin(0.5, 0.5, places=0.75)
    horizon = rng.uniform(0.3, 0.65)
    sketch.add(rectangle(0, 0, 1, 1), Surface(pick(rng, SKY), "cloud", 0.05, (0.0, 0.12)))
    for _ in range(int(rng.integers(0, 6))):
        x, y, wide = rng.uniform(0, 1), rng.uniform(0, 0.8 * horizon), rng.uniform(0.06, 0.2)
        spots = rng.normal(size=(4, 2)) * [wide, 0.2 * wide] + [x, y]
        puffs = [ellipse(at_x, at_y, 0.5 * wide, 0.25 * wide) for at_x, at_y in spots]
        sketch.add(puffs, Surface(np.full(3, rng.uniform(0.85, 0.97)), "cloud", 0.05, (0.0, -0.06)))
    land = pick(rng, GREENERY if rng.random() < 0.7 else EARTH)
    haze = pick(rng, SKY)
    n_ranges = int(rng.integers(1, 4))
    for i in range(n_ranges):
        far = 1 - (i + 1) / (n_ranges + 1)
        top = horizon - 0.22 * far * rng.uniform(0.3, 1) + _ridge(rng, 65, 0.05 + 0.1 * far)
        outline = np.vstack([np.stack([np.linspace(0, 1, 65), top], axis=1), [[1, 1], [0, 1]]])
        sketch.add(outline, Surface(far * haze + (1 - far) * land, "foliage", 0.08 + 0.1 * (1 - far)))
    if rng.random() < 0.4:
        sketch.add(rectangle(0, horizon, 1, 1), Surface(pick(rng, WATER), "water", 0.15, (0.0, 0.2)))
        shore = horizon + rng.uniform(0.15, 0.4) + _ridge(rng, 33, 0.1)
        bank = np.vstack([np.stack([np.linspace(0, 1, 33), shore], axis=1), [[1, 1], [0, 1]]])
        sketch.add(bank, Surface(land, "grass", 0.16, (0.0, 0.15)))
    else:
        sketch.add(rectangle(0, horizon, 1, 1), Surface(land, "grass", 0.16, (0.0, 0.2)))
    for depth in np.sort(rng.uniform(0.05, 0.6, size=int(rng.integers(0, 9)))):
        _draw_tree(sketch, rng, rng.uniform(0, 1), horizon + depth * (1 - horizon), 0.15 + 0.6 * depth)


def draw_street(sketch: Sketch, rng: np.random.Generator) -> None:
    """Draw a road between house fronts that run towards a vanishing point."""
    sketch.begin(0.5, 0.5, places=1.0)
    x, y = rng.uniform(0.3, 0.7), rng.uniform(0.4, 0.6)
    sketch.add(rectangle(0, 0, 1, 1), Surface(pick(rng, SKY), "cloud", 0.05, (0.0, 0.12)))
    sketch.add(rectangle(0, y, 1, 1), Surface(pick(rng, STONE), "foliage", 0.1, (0.0, 0.1)))
    edge = rng.uniform(0.15, 0.4)
    road = np.array([[x, y], [x + 0.02, y], [1 + edge, 1.1], [-edge, 1.1]])
    sketch.add(road, Surface(rng.uniform(0.3, 0.5) * np.array([1.0, 1.0, 1.03]), "foliage", 0.08, (0.0, 0.1)))
    dash = np.array([[-0.02, 1.0], [0.02, 1.0], [0.025, 1.3], [-0.025, 1.3]]) * (1 - y)
    marks = [np.array([x, y]) + share * dash for share in (0.1, 0.2, 0.38, 0.7)]
    sketch.add(marks, Surface(pick(rng, PALE)))
    for side in (0, 1):
        # Fronts stand at shares of the way from the picture's edge to the vanishing point.
        stops = np.append(0.0, np.cumsum(rng.uniform(0.12, 0.35, size=int(rng.integers(2, 5)))))
        for near, far in reversed(list(zip(stops[:-1], np.minimum(stops[1:], 0.92), strict=True))):
            if near < far:
                _draw_front(sketch, rng, (x, y), side, near, far)


def _draw_front(
    sketch: Sketch, rng: np.random.Generator, vanishing: tuple[float, float], side: int, near: float, far: float
) -> None:
    """Draw one house front, with its windows, between two shares of the way to the vanishing point."""
    x, y = vanishing
    height, foot = rng.uniform(0.35, 0.9), rng.uniform(0.28, 0.4)

    def at(share: float, level: float) -> list[float]:
        """Return the point at a share of the way, at a level between the foot of the wall (0) and its top (1)."""
        edge = y + foot - level * (foot + height)
        return [side + share * (x - side), edge + share * (y - edge)]

    def panel(a: float, b: float, low: float, high: float) -> Outline:
        return np.array([at(a, low), at(b, low), at(b, high), at(a, high)])

    shade = 1.0 if side else 0.8
    wall = pick(rng, BRICK)
    sketch.add(panel(near, far, 0, 1), Surface(shade * wall, "brick", 0.12, (0.1 - 0.2 * side, 0.05)))
    n_floors, n_columns = int(rng.integers(2, 6)), int(rng.integers(2, 5))
    step, floor = (far - near) / n_columns, 0.95 / n_floors
    windows = [
        panel(near + (c + 0.25) * step, near + (c + 0.75) * step, (f + 0.3) * floor, (f + 0.8) * floor)
        for c in range(n_columns)
        for f in range(n_floors)
    ]
    sketch.add(windows, Surface(pick(rng, DARK if rng.random() < 0.7 else SKY), "cloud", 0.15, (0.0, 0.3)))
    sketch.add(panel(near, far, 0.95, 1.0), Surface(0.7 * shade * wall))


def draw_room(sketch: Sketch, rng: np.random.Generator) -> None:
    """Draw the walls, floor and ceiling of a room, a window, a door or pictures, and some furniture."""
    sketch.begin(0.5, 0.5, places=1.0)
    left, right = rng.uniform(0.05, 0.35), rng.uniform(0.65, 0.95)
    top, bottom = rng.uniform(0.03, 0.2), rng.uniform(0.55, 0.75)
    wall, floor = pick(rng, WALLS), pick(rng, WOOD if rng.random() < 0.6 else STONE)
    sketch.add(rectangle(0, 0, 1, 1), Surface(wall, "cloud", 0.03))
    sketch.add(np.array([[0, 0], [left, top], [left, bottom], [0, 1]]), Surface(0.75 * wall, "cloud", 0.04, (0.1, 0)))
    sketch.add(np.array([[1, 0], [right, top], [right, bottom], [1, 1]]), Surface(0.9 * wall, "cloud", 0.04, (-0.1, 0)))
    ceiling = Surface(np.minimum(1.1 * wall, 0.95), contrast=0.02)
    sketch.add(np.array([[0, 0], [1, 0], [right, top], [left, top]]), ceiling)
    boards = np.array([[left, bottom], [right, bottom], [1.0, 1.0], [0.0, 1.0]])
    sketch.add(boards, Surface(floor, "water", 0.14, (0.0, 0.15)))
    for _ in range(int(rng.integers(1, 4))):
        wide, high = rng.uniform(0.08, 0.22), rng.uniform(0.1, 0.25)
        x, y = rng.uniform(left, right - wide), rng.uniform(top + 0.03, max(top + 0.05, bottom - high - 0.1))
        sketch.add(rectangle(x, y, x + wide, y + high), Surface(pick(rng, WOOD if rng.random() < 0.5 else PALE)))
        view = Surface(pick(rng, SKY if rng.random() < 0.5 else ANYTHING), "cloud", 0.2, (0.0, 0.1))
        sketch.add(rectangle(x + 0.012, y + 0.012, x + wide - 0.012, y + high - 0.012), view)
    for _ in range(int(rng.integers(1, 4))):
        _draw_furniture(sketch, rng, rng.uniform(0.0, 0.8), rng.uniform(bottom, 0.95))


def _draw_furniture(sketch: Sketch, rng: np.random.Generator, x: float, y: float) -> None:
    """Draw a table, or a chest of the same outline, standing at a place on the floor."""
    wide, high = rng.uniform(0.15, 0.35), rng.uniform(0.1, 0.2)
    colour = pick(rng, WOOD if rng.random() < 0.7 else VIVID)
    back = y - high - 0.06
    slab = np.array([[x, y - high], [x + wide, y - high], [x + 0.9 * wide, back], [x + 0.1 * wide, back]])
    if rng.random() < 0.5:
        legs = [limb([(x + share * wide, y - high), (x + share * wide, y)], [0.02, 0.015]) for share in (0.05, 0.95)]
        sketch.add(legs, Surface(0.6 * colour))
    else:
        sketch.add(rectangle(x, y - high, x + wide, y), Surface(0.75 * colour, "grass", 0.1, (0.1, 0.1)))
    sketch.add(slab, Surface(colour, "water", 0.1, (0.1, 0)))


def _draw_tree(sketch: Sketch, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """Draw a trunk and a crown standing at a place on the ground; `size` is the height."""
    trunk = limb([(x, y), (x + rng.normal(scale=0.02), y - 0.6 * size)], [0.08 * size, 0.05 * size])
    sketch.add(trunk, Surface(pick(rng, WOOD), "grass", 0.2, (0.25, 0)))
    spots = rng.normal(scale=[0.16, 0.13], size=(5, 2)) * size
    crown = [ellipse(x + dx, y - 0.75 * size + dy, 0.2 * size, 0.17 * size) for dx, dy in spots]
    sketch.add(crown, Surface(pick(rng, GREENERY), "foliage", 0.3, (-0.1, 0.25)))


def _ridge(rng: np.random.Generator, n_points: int, roughness: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the heights of a skyline whose waves fall off with their frequency, (n_points,)."""
    frequencies = np.arange(1, 12)
    phases = rng.uniform(0, 2 * np.pi, size=11)
    sizes = rng.normal(size=11) / frequencies**1.3
    x = np.linspace(0, 1, n_points)
    return np.asarray(roughness * np.sin(2 * np.pi * x[:, None] * frequencies / 2 + phases) @ sizes)
