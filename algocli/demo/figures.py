"""Figures that areas of later visual cortex look for: faces, bodies of people and animals, and written words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.demo.palette import CLOTHES, HAIR, INK, PAPER, SKIN, pick
from algocli.demo.sketch import Colour, Outline, Sketch, Surface

Placer = Callable[[Outline], Outline]


def ellipse(x: float, y: float, half_width: float, half_height: float) -> Outline:
    """Return the outline of an upright ellipse, (24, 2)."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + half_width * np.cos(angles), y + half_height * np.sin(angles)], axis=1)


def limb(path: Sequence[tuple[float, float] | NDArray[np.float64]], widths: Sequence[float]) -> Outline:
    """Return the outline of a bent, tapering bar along a path, with its width at each of the path's points."""
    points, half = np.asarray(path, dtype=float), np.asarray(widths, dtype=float)[:, None] / 2
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * half
    tip = (along * half)[-1]
    return np.vstack([points + across, points[-1:] + tip, (points - across)[::-1]])


def placed(x: float, y: float, size: float, turn: float = 0.0, flip: bool = False) -> Placer:
    """Return what moves an outline from the figure's own frame, where it is about 1 large, to the picture's."""
    cos, sin = size * np.cos(turn), size * np.sin(turn)
    matrix = np.array([[cos, sin], [-sin, cos]])
    mirror = np.array([-1.0 if flip else 1.0, 1.0])
    return lambda outline: np.array([x, y]) + (outline * mirror) @ matrix


def draw_face(sketch: Sketch, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """Draw a head and shoulders; `size` is half the head's height."""
    put = placed(x, y, size, turn=rng.normal(scale=0.12), flip=rng.random() < 0.5)
    skin, hair = pick(rng, SKIN), pick(rng, HAIR)
    light = (float(rng.normal(scale=0.25)), 0.08)
    flesh = Surface(skin, contrast=0.05, tilt=light, bulge=0.3)
    sketch.begin(x, y, faces=1.0, bodies=0.2, roundness=0.8)
    if rng.random() < 0.75:
        shoulders = np.array([[-1.9, 2.6], [-1.6, 1.6], [-0.5, 1.1], [0.5, 1.1], [1.6, 1.6], [1.9, 2.6]])
        sketch.add(put(shoulders), Surface(pick(rng, CLOTHES), "cloud", 0.08, light))
        sketch.add(put(limb([(0, 0.5), (0, 1.35)], [0.65, 0.75])), Surface(0.8 * skin, tilt=light))
    long_hair = rng.uniform(0.9, 1.5)
    sketch.add(put(ellipse(0, 0.1 * long_hair - 0.2, 0.95, long_hair)), Surface(hair, "grass", 0.15, light))
    sketch.add([put(ellipse(side * 0.75, 0.02, 0.12, 0.22)) for side in (-1, 1)], Surface(0.9 * skin, tilt=light))
    sketch.add(put(ellipse(0, 0.05, 0.75, 0.97)), flesh)
    fringe = rng.uniform(0.25, 0.6)
    angles = np.linspace(np.pi, 2 * np.pi, 14)
    crown = np.stack([0.82 * np.cos(angles), 1.02 * np.sin(angles)], axis=1)
    brow = np.stack([0.7 * np.cos(angles[::-1]), -0.45 + fringe * np.sin(angles[::-1])], axis=1)
    sketch.add(put(np.vstack([crown, brow])), Surface(hair, "grass", 0.15, light))
    _draw_features(sketch, rng, put, skin, hair)


def _draw_features(sketch: Sketch, rng: np.random.Generator, put: Placer, skin: Colour, hair: Colour) -> None:
    """Draw eyes, brows, nose and mouth, all shifted to where the head looks."""
    gaze = rng.normal(scale=0.12)
    eyes = [(gaze + side * 0.3, -0.08) for side in (-1, 1)]
    wide = rng.uniform(0.06, 0.1)
    sketch.add([put(ellipse(ex, ey, 0.19, wide + 0.05)) for ex, ey in eyes], Surface(0.78 * skin))
    sketch.add([put(ellipse(ex, ey, 0.16, wide)) for ex, ey in eyes], Surface(np.array([0.93, 0.92, 0.9])))
    iris = rng.uniform([0.08, 0.08, 0.05], [0.3, 0.28, 0.35])
    sketch.add([put(ellipse(ex + gaze / 5, ey, 0.075, min(wide, 0.08))) for ex, ey in eyes], Surface(iris))
    lift = rng.uniform(-0.06, 0.06)
    arch = np.array([[-0.18, -0.2 - lift], [0.0, -0.26], [0.18, -0.2 + lift]])
    brows = [put(limb([*(arch + eye)], [0.05, 0.08, 0.05])) for eye in eyes]
    sketch.add(brows, Surface(0.8 * hair))
    nose = np.array([[0.35, -0.05], [1.35, 0.28], [1.2, 0.36], [-0.2, 0.36], [-0.3, 0.3]]) * [0.12, 1] + [gaze, 0]
    sketch.add(put(nose), Surface(0.84 * skin, tilt=(0.2, 0)))
    smile = rng.uniform(-0.03, 0.12)
    mouth = limb([(gaze - 0.28, 0.56 - smile), (gaze, 0.58), (gaze + 0.28, 0.56 - smile)], [0.03, 0.17, 0.03])
    sketch.add(put(mouth), Surface(np.array([0.65, 0.25, 0.24]) * (0.5 + 0.5 * skin[0])))
    if rng.random() < 0.3:
        teeth = limb([(gaze - 0.22, 0.59), (gaze, 0.6), (gaze + 0.22, 0.59)], [0.02, 0.07, 0.02])
        sketch.add(put(teeth), Surface(np.array([0.92, 0.9, 0.86])))


def draw_person(sketch: Sketch, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """Draw someone standing, walking or waving, too far away for a face; `size` is half the height."""
    put = placed(x, y, size, turn=rng.normal(scale=0.08), flip=rng.random() < 0.5)
    skin, top, bottom = pick(rng, SKIN), pick(rng, CLOTHES), pick(rng, CLOTHES)
    light = (float(rng.normal(scale=0.25)), -0.05)
    sketch.begin(x, y, bodies=1.0, faces=0.15, elongation=0.9)
    stride, bend = rng.uniform(0.02, 0.3), rng.uniform(0, 0.12)
    knees = [(side * (0.6 * stride) + bend, 0.48) for side in (-1, 1)]
    feet = [(side * stride, 0.95) for side in (-1, 1)]
    legs = [
        limb([(side * 0.08, 0), knee, foot], [0.2, 0.16, 0.1])
        for side, knee, foot in zip((-1, 1), knees, feet, strict=True)
    ]
    sketch.add([put(leg) for leg in legs], Surface(bottom, "cloud", 0.08, light, 0.2))
    shoes = [limb([(ankle - 0.04, 0.97), (ankle + 0.12, 0.98)], [0.09, 0.06]) for ankle, _ in feet]
    sketch.add([put(shoe) for shoe in shoes], Surface(0.4 * pick(rng, CLOTHES)))
    angles = rng.uniform(0.1, 2.6, size=2)
    turns = angles + rng.uniform(0.0, 1.2, size=2)
    sleeves, forearms = [], []
    for side, upper, lower in zip((-1, 1), angles, turns, strict=True):
        elbow = (side * (0.17 + 0.27 * np.sin(upper)), -0.58 + 0.3 * np.cos(upper))
        hand = (elbow[0] + side * 0.26 * np.sin(lower), elbow[1] + 0.26 * np.cos(lower))
        sleeves.append(put(limb([(side * 0.15, -0.58), elbow], [0.13, 0.1])))
        forearms.append(put(limb([elbow, hand], [0.085, 0.06])))
    sketch.add(forearms, Surface(skin, tilt=light))
    sketch.add(sleeves, Surface(0.9 * top, "cloud", 0.08, light))
    chest = limb([(0, -0.64), (0, -0.35), (0, -0.05)], [0.36, 0.33, 0.28])
    sketch.add(put(chest), Surface(top, "cloud", 0.08, light, 0.25))
    sketch.add(put(limb([(0, -0.78), (0, -0.62)], [0.1, 0.11])), Surface(0.85 * skin))
    sketch.add(put(ellipse(0, -0.88, 0.105, 0.135)), Surface(pick(rng, HAIR), "grass", 0.1))
    sketch.add(put(ellipse(0.02, -0.85, 0.085, 0.11)), Surface(skin, tilt=light, bulge=0.3))


def draw_animal(sketch: Sketch, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """Draw a four-legged animal from the side; `size` is about half its length."""
    put = placed(x, y, size, flip=rng.random() < 0.5)
    coat = rng.uniform(0.35, 1.1) * pick(rng, HAIR) + rng.uniform(0, 0.35)
    fur = Surface(coat, "grass", 0.14, (0.0, -0.25), 0.3)
    sketch.begin(x, y, bodies=0.8, elongation=0.7, roundness=0.2)
    height, neck = rng.uniform(0.45, 0.8), rng.uniform(0.25, 0.6)
    for shade, offset in ((0.7, 0.1), (1.0, 0.0)):
        steps = rng.normal(scale=0.1, size=2)
        legs = [
            limb([(at + offset, 0.05), (at + offset + step, 0.1 + height)], [0.2, 0.09])
            for at, step in zip((-0.6, 0.5), steps, strict=True)
        ]
        sketch.add([put(leg) for leg in legs], Surface(shade * coat, "grass", 0.12))
    sketch.add(put(limb([(-0.7, -0.1), (-0.95, 0.0), (-1.0, 0.35)], [0.1, 0.08, 0.04])), Surface(0.8 * coat))
    sketch.add(put(limb([(0.5, -0.1), (0.72, -0.1 - neck)], [0.36, 0.24])), fur)
    sketch.add(put(ellipse(-0.05, 0, 0.75, rng.uniform(0.28, 0.4))), fur)
    sketch.add(put(limb([(0.66, -0.18 - neck), (1.08, -0.08 - neck)], [0.3, 0.16])), fur)
    sketch.add(put(limb([(0.64, -0.25 - neck), (0.58, -0.5 - neck)], [0.12, 0.03])), Surface(0.75 * coat))
    sketch.add(put(ellipse(0.8, -0.2 - neck, 0.035, 0.035)), Surface(np.array([0.05, 0.05, 0.06])))


def draw_words(sketch: Sketch, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """Draw a board with rows of letters made of strokes; `size` is half its width."""
    n_rows, n_letters = int(rng.integers(1, 4)), int(rng.integers(4, 9))
    half_height = 1.1 * n_rows / n_letters + 0.12
    put = placed(x, y, size, turn=rng.normal(scale=0.08))
    paper, ink = (pick(rng, PAPER), pick(rng, INK))
    if rng.random() < 0.4:
        paper, ink = ink, paper
    sketch.begin(x, y, words=1.0, elongation=0.3)
    frame = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    sketch.add(put(frame * [1.06, half_height + 0.06]), Surface(0.6 * paper))
    sketch.add(put(frame * [1.0, half_height]), Surface(paper, contrast=0.03, tilt=(rng.normal(scale=0.1), 0.05)))
    sketch.add([put(stroke) for stroke in _letters(rng, n_rows, n_letters)], Surface(ink))


def _letters(rng: np.random.Generator, n_rows: int, n_letters: int) -> list[NDArray[np.float64]]:
    """Write rows of letters: each joins corners and middles of its cell by two to four strokes."""
    cell = 1.8 / n_letters
    nodes = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0, 2], [1, 2]]) * [0.62 * cell, 0.6 * cell]
    strokes = []
    for row in range(n_rows):
        top = (row - n_rows / 2) * 2.1 * cell + 0.45 * cell
        for column in range(n_letters):
            if rng.random() < 0.12:
                continue
            path = nodes[rng.choice(6, size=int(rng.integers(3, 6)), replace=False)]
            corner = np.array([-0.9 + column * cell, top])
            strokes += [limb([*(path[i : i + 2] + corner)], [0.17 * cell] * 2) for i in range(len(path) - 1)]
    return strokes
