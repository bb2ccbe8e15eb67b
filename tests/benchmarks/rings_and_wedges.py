"""Receptive fields found beside those planted, as rings and wedges: a figure of a run on a synthetic challenge.

Wherever a run has found a window in V1, V2 or V3, a dot lies in the visual field: above it has the colour of the wedge,
below that of the ring, in which its planted centre lies. On the left dots lie where they were planted, on the right
where they were found; what is right is as orderly as what was planted.
`python -m tests.benchmarks.rings_and_wedges CACHE RUN -o rings.png`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from algocli.dataset.challenge.subjects import Challenge
from algocli.dataset.sides import HEMISPHERES
from algocli.demo.cortex import lay_out
from algocli.demo.recipe import count_left
from algocli.demo.visual_field import IMAGE_RADIUS
from algocli.results.drawing.colour_maps import find_colours
from algocli.results.drawing.keys import Wheel
from algocli.results.drawing.style import render
from algocli.results.receptive_fields import read_fields
from algocli.runs.finding import find_run
from algocli.runs.run import Run

AREAS = ("V1", "V2", "V3")
WEDGE, RING = 45.0, 1.0
# Of the eccentricity at which the colours of rings end.
OUTERMOST = 5.0


def fields_of(run: Run, number: int, n_left: int) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """Yield each area, and the centres planted and found of its vertices that have a window, (2, n) each."""
    subject = Challenge(Path(str(run.subject(number).data_folder)).parent).subject(number)
    for area in AREAS:
        planted, found = [], []
        for side in HEMISPHERES:
            truth, fields = (
                lay_out(number, side, n_left).fields,
                read_fields(run, number, side, subject.n_vertices(side)),
            )
            inside = np.concatenate([subject.roi_vertices(f"{area}{half}", side) for half in "vd"])
            here = inside[fields.has_window[inside]]
            planted.append([truth.right[here], truth.up[here]])
            found.append([fields.x[here], fields.y[here]])
        yield area, np.hstack(planted), np.hstack(found)


def draw(run: Run, number: int, n_left: int) -> Figure:
    """Draw every area: planted beside found, wedges above rings."""
    figure = Figure(figsize=(2.1 * 2 * len(AREAS), 4.6), dpi=110)
    axes = figure.subplots(2, 2 * len(AREAS), sharex=True, sharey=True)
    for place, (area, planted, found) in enumerate(fields_of(run, number, n_left)):
        turned = np.degrees(np.arctan2(planted[1], planted[0])) % 360
        away = np.hypot(*planted)
        wedges = Wheel("").at((np.floor(turned / WEDGE) + 0.5) * WEDGE)
        rings = find_colours("viridis")((np.floor(away / RING) + 0.5) * RING / OUTERMOST)[:, :3]
        for row, colours in enumerate((wedges, rings)):
            for column, (what, where) in enumerate((("planted", planted), ("found", found))):
                panel = axes[row, 2 * place + column]
                panel.scatter(*where, s=5, c=colours, linewidths=0)
                panel.set(xlim=(-IMAGE_RADIUS - 1, IMAGE_RADIUS + 1), ylim=(-IMAGE_RADIUS - 1, IMAGE_RADIUS + 1))
                panel.set_aspect("equal")
                panel.set_title(f"{area}, {what}" if row == 0 else "", fontsize=9)
                panel.tick_params(labelsize=7)
    return figure


def main() -> None:
    """Draw the figure of a run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cache", type=Path, help="the cache of the run")
    parser.add_argument("run", nargs="?", default="latest", help="its name")
    parser.add_argument("--subject", type=int, default=1)
    parser.add_argument("--vertices", default="small", help="what the challenge was written with")
    parser.add_argument("-o", "--output", type=Path, default=Path("rings.png"))
    chosen = parser.parse_args()
    vertices = chosen.vertices if chosen.vertices in ("small", "real") else int(chosen.vertices)
    render(draw(find_run(chosen.cache, chosen.run), chosen.subject, count_left(vertices)), chosen.output, 110)


if __name__ == "__main__":
    main()
