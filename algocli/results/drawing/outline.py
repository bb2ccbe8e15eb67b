"""Borders of ROIs as lines on the cortex, half way between the vertices inside and those outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.results.drawing.arrangement import project
from algocli.results.drawing.painting import Sight
from algocli.results.surface import Mesh

# A line counts as seen up to so many mm behind what a pixel shows, for the surface is steep where it turns away.
_BEHIND = 1.5
# The cosine of the angle under which a surface is too steep to be drawn on.
_GRAZING = 0.25
_NEARER_THAN_ALL = 1e6
# Millimetres: a border as short as this surrounds one vertex; what is left of a line that hides and shows again and
# again must be longer than the other to be drawn.
_SPECK, _DASH = 14.0, 5.0


def borders(mesh: Mesh, inside: NDArray[np.integer]) -> list[NDArray[np.float64]]:
    """Draw around vertices, on the mesh.

    Parameters
    ----------
    mesh
        Inflated or flat.
    inside : (n,)
        Numbers of the vertices inside.

    Returns
    -------
    list of (n_points, 3) float64
        Lines through the middles of the edges that lead out of the set, in mm. A closed one ends where it begins;
        those that meet the rim of a flat mesh are open. Round a vertex that is all alone, or a hole of one, there is
        none unless there are no others: specks would hide what they surround.
    """
    is_inside = np.zeros(mesh.n_vertices, dtype=bool)
    is_inside[inside] = True
    corners = is_inside[mesh.faces]
    faces, corners = (array[np.isin(corners.sum(axis=1), (1, 2))] for array in (mesh.faces, corners))
    # Two edges of such a face lead out: those of the corner that is alone on its side.
    alone = np.where(corners.sum(axis=1) == 1, corners.argmax(axis=1), corners.argmin(axis=1))
    turned = np.take_along_axis(faces, (alone[:, None] + np.arange(3)) % 3, axis=1)
    edges = np.sort(np.stack([turned[:, [0, 1]], turned[:, [0, 2]]], axis=1), axis=2)
    crossed, steps = np.unique(edges.reshape(-1, 2), axis=0, return_inverse=True)
    middles = mesh.points[crossed].mean(axis=1)
    lines = sorted((middles[chain] for chain in _chains(steps.reshape(-1, 2).tolist())), key=_length, reverse=True)
    return [_smooth(line) for order, line in enumerate(lines) if order == 0 or _length(line) > _SPECK]


def _chains(steps: list[list[int]]) -> Iterator[list[int]]:
    """Join steps from one number to another end to end; no number occurs in more than two."""
    onward: dict[int, list[int]] = {}
    for here, there in steps:
        onward.setdefault(here, []).append(there)
        onward.setdefault(there, []).append(here)
    # Open chains first, from one of their ends; then what is left is closed.
    for start in sorted(onward, key=lambda number: len(onward[number])):
        chain = [start]
        while onward[chain[-1]]:
            chain.append(onward[chain[-1]].pop())
            onward[chain[-1]].remove(chain[-2])
        if len(chain) > 1:
            yield chain


def _length(line: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def _smooth(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the zigzag out, which goes from one side to the other with each face."""
    if len(line) < 4:
        return line
    smooth = line.copy()
    smooth[1:-1] = (line[:-2] + 2 * line[1:-1] + line[2:]) / 4
    if np.array_equal(line[0], line[-1]):
        smooth[[0, -1]] = (line[-2] + 2 * line[0] + line[1]) / 4
    return smooth


@dataclass(frozen=True)
class Trace:
    """What a view shows of one ROI, in mm of the sheet.

    `lines` (n_points, 2) each, its border. `points` (n_visible, 2), its vertices; `area`, how large they look together,
    in any unit, the same for all views of a mesh and its flat map.
    """

    lines: tuple[NDArray[np.float64], ...]
    points: NDArray[np.float64]
    area: float


Borders = Mapping[str, Sequence[NDArray[np.float64]]]


def trace(sight: Sight, rois: Mapping[str, NDArray[np.integer]], drawn: Borders) -> dict[str, Trace]:
    """Find what one view shows of ROIs: their vertices (n,) and `borders`, as far as they are not hidden."""
    mesh, tile, pixels = sight.mesh, sight.tile, sight.pixels
    facing = project(mesh.normals, tile.hemisphere, tile.view)[:, 2]
    # Where the surface turns away, lines would run together to a black rim: nothing is seen there.
    seen_from = np.where(facing > _GRAZING, sight.find(mesh.points)[:, 2], _NEARER_THAN_ALL)
    nearest = np.full(pixels.shape, _NEARER_THAN_ALL)
    nearest.flat[pixels.index] = pixels.interpolate(seen_from)
    traced = {}
    for name, inside in rois.items():
        on_patch = inside[np.isfinite(mesh.points[inside, 0]) & (facing[inside] > 0)]
        places = sight.find(mesh.points[on_patch])
        seen = _is_seen(places, nearest)
        lines = tuple(part for line in drawn[name] for part in _seen_parts(sight, line, nearest))
        area = float(facing[on_patch[seen]].sum()) * tile.scale**2
        traced[name] = Trace(lines, sight.on_sheet(places[seen]), area)
    return traced


def _is_seen(places: NDArray[np.float64], nearest: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell of places, (n, 3) as `Sight.find` gives them, which have nothing nearer to the eye before them."""
    height, width = nearest.shape
    column, row = places[:, :2].astype(np.int64).T
    seen: NDArray[np.bool_] = places[:, 2] > nearest[row.clip(0, height - 1), column.clip(0, width - 1)] - _BEHIND
    return seen


def _seen_parts(sight: Sight, line: NDArray[np.float64], nearest: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    places = sight.find(line)
    visible = _is_seen(places, nearest)
    cuts = np.flatnonzero(visible[1:] != visible[:-1]) + 1
    for shown, part in zip(np.split(visible, cuts), np.split(sight.on_sheet(places), cuts), strict=True):
        if shown[0] and (len(part) == len(line) or _length(part) > _DASH):
            yield part
