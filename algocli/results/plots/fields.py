"""Receptive fields on a subject's cortex: how far from the middle vertices see, in which direction, and how much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.keys import Key, Wheel
from algocli.results.field_layers import tell_layer
from algocli.results.plots.request import Values, Wishes
from algocli.results.receptive_fields import VertexFields, fields_of
from algocli.results.scoring import scored_subjects
from algocli.runs.networks import name_runs
from algocli.runs.run import Run


@dataclass(frozen=True)
class _Quantity:
    """What a map shows: its title, what stands over its key, and a sentence that says how to read it."""

    title: str
    label: str
    says: str


QUANTITIES = {
    "eccentricity": _Quantity(
        "Eccentricity of receptive fields",
        "eccentricity (degrees)",
        "Degrees of visual angle from the middle of the image to the centre of each vertex's window",
    ),
    "angle": _Quantity(
        "Polar angle of receptive fields",
        "polar angle (degrees)",
        "Direction from the middle of the image to the centre of each vertex's window, as the visual field is seen",
    ),
    "size": _Quantity(
        "Size of receptive fields",
        "size (degrees)",
        "Standard deviation of each vertex's Gaussian window in degrees of visual angle",
    ),
}


def plot_fields(challenge: Dataset, run: Run, wishes: Wishes, what: str) -> Iterator[tuple[SubjectId, BrainMap]]:
    """Map the 'eccentricity', 'angle' or 'size' of each subject's windows; all subjects share one scale.

    Vertices whose window is no better than the whole image stay bare cortex.

    Raises
    ------
    UsageError
        If the run has no windows, there is no colour map of the name that was asked for, or the dataset does not say
        where its responses are.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    about, pairs = QUANTITIES[what], scored_subjects(challenge, run, wishes.subjects)
    fields = {subject.id: fields_of(run, subject, wishes.sides(subject), wishes.layer) for subject, _ in pairs}
    values: dict[SubjectId, Values] = {
        subject.id: wishes.explainable(subject, {h: getattr(side, what) for h, side in fields[subject.id].items()})
        for subject, _ in pairs
    }
    key: Key = (
        Wheel(about.label).between(wishes.colours)
        if what == "angle"
        else wishes.scale(np.concatenate([side for sides in values.values() for side in sides.values()]), about.label)
    )
    for subject, _ in pairs:
        drawn = wishes.on_surface(subject, values[subject.id])
        without = tell_without([*fields[subject.id].values()], what)
        said = f"{about.says}.{tell_layer(run, wishes.layer)}"
        caption = f"{said}{without}\n{name_runs([run])}\n{wishes.count(drawn, values[subject.id])}"
        title = wishes.heading(about.title, subject.id, pairs)
        outlines = wishes.outlines(subject)
        yield subject.id, BrainMap((Panel(drawn),), key, title, caption, wishes.surface, outlines)


def tell_without(fields: Sequence[VertexFields], what: str) -> str:
    """Say how many vertices have no window, or none that lies in a direction; nothing where all have one."""
    n = sum(len(side.x) for side in fields)
    n_without = n - sum(int(side.has_window.sum()) for side in fields)
    n_middle = sum(int((side.eccentricity == 0).sum()) for side in fields) if what == "angle" else 0
    told = {
        "for which no window is better than the whole image": n_without,
        "whose window lies in the very middle": n_middle,
    }
    listed = ", and ".join(f"{count:,} {whose}" for whose, count in told.items() if count)
    return f" Without colour, of {n:,} vertices: {listed}." if listed else ""
