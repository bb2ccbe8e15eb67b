"""Composes the scene of an image: a place, things of all sizes that hide one another, and now and then a figure.

Things are dead leaves: they fall one over another with sizes that follow a power law, which is what gives pictures the
statistics of natural ones. A scene depends on nothing but the generator that it is drawn from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algocli.demo import motifs
from algocli.demo.palette import ANYTHING, Colours, pick, vividness
from algocli.demo.sketch import TEXTURES, Sketch, Stroke, ellipse

# Place, share of all images, how much of a place it is, and how many things lie about in it: a range, drawn evenly on a
# log scale.
_PLACES = (
    (motifs.draw_close_up, 0.34, 0.0, (50, 150)),
    (motifs.draw_country, 0.24, 0.75, (4, 40)),
    (motifs.draw_street, 0.21, 1.0, (4, 30)),
    (motifs.draw_room, 0.21, 1.0, (6, 40)),
)
# Figure, share of all figures, what it is to the later areas, the range of its size (half its height or width), and how
# far its feet lie below its middle, in sizes; what has no feet may be anywhere.
_FIGURES = (
    (motifs.draw_face, 0.3, {"faces": 1.0, "bodies": 0.2, "roundness": 0.8}, (0.06, 0.26), None),
    (motifs.draw_person, 0.25, {"bodies": 1.0, "faces": 0.15, "elongation": 0.9}, (0.14, 0.42), 1.0),
    (motifs.draw_animal, 0.2, {"bodies": 0.8, "elongation": 0.7, "roundness": 0.2}, (0.1, 0.3), 0.7),
    (motifs.draw_words, 0.25, {"words": 1.0, "elongation": 0.3}, (0.1, 0.36), None),
)
_N_FIGURES = (0.3, 0.4, 0.2, 0.1)  # shares of scenes with none, one, two and three


def compose(rng: np.random.Generator) -> Sketch:
    """Compose a scene, back to front."""
    sketch = Sketch()
    draw_place, _, places, (fewest, most) = _PLACES[rng.choice(len(_PLACES), p=[row[1] for row in _PLACES])]
    sketch.add(0.5, 0.5, draw_place(rng), places=places)
    n_things = round(float(np.exp(rng.uniform(np.log(fewest), np.log(most)))))
    colours = pick(rng, ANYTHING, 6)
    in_front = int(rng.integers(0, n_things // 5 + 1))
    # Close up, things fall anywhere, small and large, until they hide most of what lies below.
    drop = _strew if places else _litter
    drop(sketch, rng, n_things - in_front, colours)
    for _ in range(rng.choice(4, p=_N_FIGURES)):
        _add_figure(sketch, rng)
    _strew(sketch, rng, in_front, colours)
    return sketch


def _add_figure(sketch: Sketch, rng: np.random.Generator) -> None:
    """Draw a figure, about as large as it is, at its place and a little aslant."""
    draw, _, properties, (smallest, largest), feet = _FIGURES[rng.choice(4, p=[row[1] for row in _FIGURES])]
    size = float(np.exp(rng.uniform(np.log(smallest), np.log(largest))))
    x, y = (float(place) for place in np.clip(rng.normal([0.5, 0.5], [0.22, 0.16]), 0.08, 0.92))
    if feet is not None:
        y = rng.uniform(0.75, 1.05) - feet * size
    turn = rng.normal(scale=0.1)
    matrix = size * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    strokes = (stroke.moved(lambda outline: np.array([x, y]) + outline @ matrix) for stroke in draw(rng))
    sketch.add(x, y, strokes, **properties)


def _litter(sketch: Sketch, rng: np.random.Generator, n: int, colours: Colours) -> None:
    """Let things fall anywhere."""
    _drop(sketch, rng, rng.uniform(-0.05, 1.05, size=(n, 2)), _power_law(rng.random(n), 0.02, 0.3), colours)


def _strew(sketch: Sketch, rng: np.random.Generator, n: int, colours: Colours) -> None:
    """Let things lie about on the ground, the nearer ones larger and lower in the picture."""
    nearness = np.sort(rng.beta(1.3, 1.2, size=n))
    centres = np.stack([rng.uniform(-0.05, 1.05, n), 0.5 + 0.55 * nearness], axis=1)
    _drop(sketch, rng, centres, _power_law(rng.random(n), 0.015, 0.14) * (0.35 + 0.9 * nearness), colours)


def _power_law(uniform: NDArray[np.float64], smallest: float, largest: float) -> NDArray[np.float64]:
    """Return radii such that the number of those above r falls with r**-1.2 between two ends."""
    power = -1.2
    radii: NDArray[np.float64] = (smallest**power + uniform * (largest**power - smallest**power)) ** (1 / power)
    return radii


def _drop(
    sketch: Sketch, rng: np.random.Generator, centres: NDArray[np.float64], radii: NDArray[np.float64], colours: Colours
) -> None:
    """Draw ellipses, round or long, at places, (n, 2), with radii, (n,), in the colours of the scene."""
    for (x, y), radius in zip(centres.tolist(), radii.tolist(), strict=True):
        stretch = float(np.exp(np.abs(rng.normal(scale=0.5))))
        colour = np.clip(rng.choice(colours) * np.exp(rng.normal(scale=0.35)), 0.02, 0.97)
        outline = ellipse(x, y, radius * stretch**0.5, radius / stretch**0.5, rng.uniform(0, np.pi))
        sketch.add(
            x,
            y,
            [Stroke(outline, colour, str(rng.choice(TEXTURES)), rng.gamma(2.0, 0.06))],
            number=1.0,
            size=float(radius > 0.08),
            roundness=float(np.exp(2 - 2 * stretch)),
            elongation=1 - 1 / stretch,
            colourfulness=float(vividness(colour)),
        )
