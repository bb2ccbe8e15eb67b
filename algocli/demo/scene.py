"""Composes the scene of an image: a place, things of all sizes that hide one another, and now and then a figure.

Things are dead leaves: they fall one over another with sizes that follow a power law, which is what gives pictures the
statistics of natural ones. A scene depends on nothing but the generator that it is drawn from.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from algocli.demo.motifs import draw_motif
from algocli.demo.sketch import TEXTURES, Sketch, Surface, box, ellipse, surface_of

# Place: its share of all images; how many things lie about in it, a range, drawn evenly on a log scale; of what it is,
# and what lies below its horizon; how much of a place it is; and the motifs that stand in it, each with ranges of
# their number, how far down they are, and their size.
_HILLS, _TREES = ("hill", (1, 4), (0.5, 0.55), (0.4, 0.8)), ("tree", (0, 6), (0.55, 0.75), (0.15, 0.4))
_HOUSES, _FRAMES = ("house", (5, 9), (0.62, 0.68), (0.3, 0.4)), ("frame", (2, 5), (0.1, 0.5), (0.06, 0.13))
_PLACES = (
    (0.34, (50, 150), None, None, 0.0, ()),  # close up
    (0.24, (4, 40), "sky", "land", 0.75, (_HILLS, _TREES)),
    (0.21, (4, 30), "sky", "stone", 1.0, (_HOUSES,)),
    (0.21, (6, 40), "wall", "stone", 1.0, (_FRAMES,)),
)
# Figure, share of all figures, the range of its size (half its height or width), and how far its feet lie below its
# middle, in sizes; what has no feet may be anywhere.
_FIGURES = (
    ("face", 0.3, (0.06, 0.26), None),
    ("person", 0.25, (0.14, 0.42), 1.0),
    ("animal", 0.2, (0.1, 0.3), 0.7),
    ("words", 0.25, (0.1, 0.36), None),
)
_N_FIGURES = (0.3, 0.4, 0.2, 0.1)  # shares of scenes with none, one, two and three


def compose(rng: np.random.Generator) -> Sketch:
    """Compose a scene, back to front."""
    sketch = Sketch()
    _, numbers, behind, below, degree, standing = _PLACES[rng.choice(4, p=[place[0] for place in _PLACES])]
    sketch.begin(0.5, 0.5, places=degree)
    everywhere = surface_of(rng, behind)
    if behind is None:
        everywhere = replace(everywhere, texture=str(rng.choice(TEXTURES)), contrast=0.17)
    sketch.add([box(0.5, 0.5, 0.5, 0.5)], everywhere)
    if below is not None:
        sketch.add([box(0.5, rng.uniform(1.0, 1.2), 0.5, 0.5)], surface_of(rng, below))
    for name, several, heights, sizes in standing:
        for y in np.sort(rng.uniform(*heights, size=rng.integers(*several))):
            draw_motif(sketch, rng, name, rng.uniform(), y, rng.uniform(*sizes))
    n_things = round(_even_log(rng, numbers))
    colours = [surface_of(rng).colour for _ in range(6)]
    in_front = int(rng.integers(0, n_things // 5 + 1))
    _drop(sketch, rng, n_things - in_front, colours, lying=below is not None)
    for _ in range(rng.choice(4, p=_N_FIGURES)):
        name, _, sizes, feet = _FIGURES[rng.choice(4, p=[figure[1] for figure in _FIGURES])]
        size = _even_log(rng, sizes)
        x, y = np.clip(rng.normal([0.5, 0.5], [0.22, 0.16]), 0.08, 0.92)
        draw_motif(sketch, rng, name, x, y if feet is None else rng.uniform(0.75, 1.05) - feet * size, size)
    _drop(sketch, rng, in_front, colours, lying=True)
    return sketch


def _even_log(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(ends))))


def _drop(sketch: Sketch, rng: np.random.Generator, n: int, colours: list[NDArray[np.float64]], *, lying: bool) -> None:
    """Let ellipses, round or long, fall anywhere, or lie on the ground, the nearer ones larger and lower."""
    smallest, largest = (0.015, 0.14) if lying else (0.02, 0.3)
    power = -1.2
    for nearness in np.sort(rng.beta(1.3, 1.2, size=n)):
        # Of such radii, the number of those above r falls with r to that power.
        radius = (smallest**power + rng.random() * (largest**power - smallest**power)) ** (1 / power)
        x, y = rng.uniform(-0.05, 1.05, size=2)
        if lying:
            y, radius = 0.5 + 0.55 * nearness, radius * (0.35 + 0.9 * nearness)
        stretch = float(np.exp(np.abs(rng.normal(scale=0.5))))
        colour = np.clip(rng.choice(colours) * np.exp(rng.normal(scale=0.35)), 0.02, 0.97)
        properties = {
            "number": 1.0,
            "size": float(radius > 0.08),
            "roundness": float(np.exp(2 - 2 * stretch)),
            "elongation": 1 - 1 / stretch,
            "colourfulness": float(np.ptp(colour) / (colour.max() + 0.1)),
        }
        sketch.begin(x, y, **properties)
        outline = ellipse(x, y, radius * stretch**0.5, radius / stretch**0.5, rng.uniform(0, np.pi))
        sketch.add([outline], Surface(colour, str(rng.choice(TEXTURES)), rng.gamma(2.0, 0.06)))
