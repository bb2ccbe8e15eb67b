"""Composes the scene of an image: a place, things of all sizes that hide one another, and now and then a figure.

Things are dead leaves: they fall one over another with sizes that follow a power law, which is what gives pictures the
statistics of natural ones. A scene depends on nothing but the generator that it is drawn from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algocli.demo.figures import draw_animal, draw_face, draw_person, draw_words
from algocli.demo.palette import ANYTHING, pick, vividness
from algocli.demo.scenery import draw_close_up, draw_country, draw_room, draw_street
from algocli.demo.sketch import TEXTURES, Sketch, Surface, ellipse

# Place, share of all images, and how many things lie about in it: a range, drawn evenly on a log scale.
_PLACES = (
    (draw_close_up, 0.34, (50, 150)),
    (draw_country, 0.24, (4, 40)),
    (draw_street, 0.21, (4, 30)),
    (draw_room, 0.21, (6, 40)),
)
# Figure, share of all figures, the range of its size (half its height or width), and how far its feet lie below its
# middle, in sizes; what has no feet may be anywhere.
_FIGURES = (
    (draw_face, 0.3, (0.06, 0.26), None),
    (draw_person, 0.25, (0.14, 0.42), 1.0),
    (draw_animal, 0.2, (0.1, 0.3), 0.7),
    (draw_words, 0.25, (0.1, 0.36), None),
)
_N_FIGURES = (0.3, 0.4, 0.2, 0.1)  # shares of scenes with none, one, two and three


def compose(rng: np.random.Generator) -> Sketch:
    """Compose a scene, back to front."""
    sketch = Sketch()
    draw_place, _, (fewest, most) = _PLACES[rng.choice(len(_PLACES), p=[share for _, share, _ in _PLACES])]
    draw_place(sketch, rng)
    n_things = round(float(np.exp(rng.uniform(np.log(fewest), np.log(most)))))
    colours = pick(rng, ANYTHING, 6)
    in_front = int(rng.integers(0, n_things // 5 + 1))
    drop = _litter if draw_place is draw_close_up else _strew
    drop(sketch, rng, n_things - in_front, colours)
    for _ in range(rng.choice(4, p=_N_FIGURES)):
        draw_figure, _, (smallest, largest), feet = _FIGURES[rng.choice(4, p=[share for _, share, _, _ in _FIGURES])]
        size = float(np.exp(rng.uniform(np.log(smallest), np.log(largest))))
        x, y = np.clip(rng.normal([0.5, 0.5], [0.22, 0.16]), 0.08, 0.92)
        draw_figure(sketch, rng, float(x), float(y) if feet is None else rng.uniform(0.75, 1.05) - feet * size, size)
    _strew(sketch, rng, in_front, colours)
    return sketch


def _litter(sketch: Sketch, rng: np.random.Generator, n: int, colours: NDArray[np.float64]) -> None:
    """Let things fall anywhere, small and large, until they hide most of what lies below."""
    _drop(sketch, rng, rng.uniform(-0.05, 1.05, size=(n, 2)), _power_law(rng.random(n), 0.02, 0.3), colours)


def _strew(sketch: Sketch, rng: np.random.Generator, n: int, colours: NDArray[np.float64]) -> None:
    """Let things lie about on the ground, the nearer ones larger and lower in the picture."""
    nearness = np.sort(rng.beta(1.3, 1.2, size=n))
    centres = np.stack([rng.uniform(-0.05, 1.05, n), 0.5 + 0.55 * nearness], axis=1)
    _drop(sketch, rng, centres, _power_law(rng.random(n), 0.015, 0.14) * (0.35 + 0.9 * nearness), colours)


def _power_law(shares: NDArray[np.float64], smallest: float, largest: float) -> NDArray[np.float64]:
    """Return radii such that the number of those above r falls with r**-1.2 between two ends."""
    power = -1.2
    radii: NDArray[np.float64] = (smallest**power + shares * (largest**power - smallest**power)) ** (1 / power)
    return radii


def _drop(
    sketch: Sketch,
    rng: np.random.Generator,
    centres: NDArray[np.float64],
    radii: NDArray[np.float64],
    colours: NDArray[np.float64],
) -> None:
    """Draw ellipses, round or long, at places, (n, 2), with radii, (n,), in the colours of the scene."""
    for (x, y), radius in zip(centres.tolist(), radii.tolist(), strict=True):
        stretch = float(np.exp(np.abs(rng.normal(scale=0.5))))
        colour = np.clip(rng.choice(colours) * np.exp(rng.normal(scale=0.35)), 0.02, 0.97)
        sketch.begin(
            x,
            y,
            number=1.0,
            size=float(radius > 0.08),
            roundness=float(np.exp(2 - 2 * stretch)),
            elongation=1 - 1 / stretch,
            colourfulness=float(vividness(colour)),
        )
        outline = ellipse(x, y, radius * stretch**0.5, radius / stretch**0.5, rng.uniform(0, np.pi))
        sketch.add(outline, Surface(colour, str(rng.choice(TEXTURES)), rng.gamma(2.0, 0.06)))
