"""What is drawn again and again, never twice alike, as a table of shapes: figures, and what stands in places.

A motif is drawn in a frame of its own, where it is about 1 large each way from the middle, and y points downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from algocli.demo.sketch import Outline, Sketch, box, ellipse, surface_of

# The material of some parts, how light they are beside others of it, and their outlines, back to front.
Parts = Sequence[tuple[str, float, Sequence[Outline]]]


def _both(outline: Outline) -> list[Outline]:
    """Return a part on the right side and its mirror image."""
    return [outline, outline * [-1, 1]]


# What a figure is to later areas of visual cortex, and its parts; what stands in a place is a part of that.
MOTIFS: dict[str, tuple[dict[str, float], Parts]] = {
    "face": (
        {"faces": 1.0, "bodies": 0.2, "roundness": 0.8},
        (
            ("skin", 0.8, [box(0, 1.0, 0.3, 0.6)]),
            ("hair", 1.0, [ellipse(0, -0.15, 0.95, 1.1)]),
            ("skin", 1.0, [ellipse(0, 0.1, 0.75, 0.92)]),
            ("pale", 1.0, _both(ellipse(0.3, -0.08, 0.17, 0.11))),
            ("dark", 1.0, _both(ellipse(0.3, -0.08, 0.08, 0.1))),
            ("hair", 0.8, _both(box(0.32, -0.28, 0.18, 0.035))),
            ("skin", 0.84, [ellipse(0, 0.16, 0.08, 0.17)]),
            ("skin", 0.5, [ellipse(0, 0.58, 0.26, 0.08)]),
        ),
    ),
    "person": (
        {"bodies": 1.0, "faces": 0.15, "elongation": 0.9},
        (
            ("dark", 1.0, _both(box(0.15, 0.48, 0.08, 0.5, -0.15))),
            ("skin", 1.0, _both(box(0.36, -0.28, 0.045, 0.28, -0.6))),
            ("cloth", 0.9, _both(box(0.26, -0.42, 0.06, 0.18, -0.6))),
            ("cloth", 1.0, [box(0, -0.32, 0.17, 0.35)]),
            ("hair", 1.0, [ellipse(0, -0.88, 0.105, 0.135)]),
            ("skin", 1.0, [ellipse(0.02, -0.84, 0.085, 0.11)]),
        ),
    ),
    "animal": (
        {"bodies": 0.8, "elongation": 0.7, "roundness": 0.2},
        (
            ("hair", 0.8, [box(at, 0.4, 0.07, 0.4) for at in (-0.6, -0.45, 0.35, 0.5)]),
            (
                "hair",
                1.0,
                [ellipse(0, 0, 0.75, 0.34), box(0.6, -0.25, 0.14, 0.35, 0.5), ellipse(0.87, -0.52, 0.26, 0.14)],
            ),
        ),
    ),
    "words": ({"words": 1.0, "elongation": 0.3}, [("pale", 1.0, [box(0, 0, 1, 0.6)])]),
    "hill": ({}, [("land", 1.0, [ellipse(0, 0.1, 0.6, 0.3)])]),
    "tree": (
        {},
        (
            ("dark", 1.0, [box(0, -0.3, 0.04, 0.3)]),
            (
                "land",
                0.9,
                [ellipse(x, y, 0.22, 0.2) for x, y in ((-0.2, -0.6), (0.2, -0.6), (-0.1, -0.8), (0.1, -0.9))],
            ),
        ),
    ),
    "house": (
        {},
        (
            ("stone", 1.0, [box(0, -0.8, 0.5, 0.8)]),
            ("dark", 1.0, [box(x, y, 0.07, 0.1) for x in (-0.3, 0, 0.3) for y in (-1.35, -0.95, -0.55, -0.1)]),
        ),
    ),
    "frame": ({}, [("wall", 0.8, [box(0, 0, 1, 0.8)]), ("sky", 0.8, [box(0, 0, 0.85, 0.65)])]),
}


def draw_motif(sketch: Sketch, rng: np.random.Generator, name: str, x: float, y: float, size: float) -> None:
    """Draw a motif about a middle, a little stretched, facing either way; a figure is a thing, and may stand aslant."""
    properties, parts = MOTIFS[name]
    turn = rng.normal(scale=0.1) if properties else 0.0
    stretched = size * np.exp(rng.normal(scale=0.12, size=2)) * [rng.choice([-1, 1]), 1]
    frame = np.diag(stretched) @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    if properties:
        sketch.begin(x, y, **properties)
    surfaces = {material: surface_of(rng, material) for material, _, _ in parts}
    for material, light, outlines in parts:
        moved = [[x, y] + (outline + rng.normal(scale=0.02, size=2)) @ frame for outline in outlines]
        sketch.add(moved, replace(surfaces[material], colour=light * surfaces[material].colour))
    if "words" in properties:
        sketch.add([[x, y] + stroke @ frame for stroke in _letters(rng)], surface_of(rng, "dark"))


def _letters(rng: np.random.Generator) -> list[Outline]:
    """Write rows of letters, three strokes each, upright, level or aslant, that stand anywhere in its cell."""
    n_rows, n_letters = rng.integers(1, 4), rng.integers(4, 9)
    wide, high = 0.9 / n_letters, 0.5 / n_rows
    return [
        box(x + at * wide, y + lift * high, 0.12 * wide, 0.6 * min(wide, high), turn)
        for x in (2 * np.arange(n_letters) + 1) * wide - 0.9
        for y in (2 * np.arange(n_rows) + 1) * high - 0.5
        for at, lift, turn in zip(*rng.uniform(-0.45, 0.45, (2, 3)), rng.choice([0, 0.8, 1.6], 3), strict=True)
    ]
