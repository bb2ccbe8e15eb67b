"""Arrays as text within a page: little-endian, deflated, base64."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.results.drawing.brain_map import BrainMap
from algocli.results.drawing.colour_maps import find_colours
from algocli.results.drawing.keys import Key, Scale, Wheel
from algocli.results.surface import Mesh

# A mesh's coordinates are counted in steps of the longest of its three sides: 0.003 mm on fsaverage.
_N_STEPS = 65535
N_COLOURS = 256


def pack(values: NDArray[Any]) -> str:
    """Write an array's numbers, row after row, as text; its type and shape are the reader's to know."""
    plain = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(zlib.compress(plain.tobytes(), 9)).decode("ascii")


def pack_mesh(mesh: Mesh) -> dict[str, Any]:
    """Describe a mesh: uint16 `points`, each `origin` + `step` x count in mm; uint32 `faces`; float32 `depth`."""
    origin = mesh.points.min(axis=0)
    step = float(np.ptp(mesh.points, axis=0).max()) / _N_STEPS
    return {
        "origin": origin.tolist(),
        "step": step,
        "points": pack(np.round((mesh.points - origin) / step).astype(np.uint16)),
        "faces": pack(mesh.faces.astype(np.uint32)),
        "depth": pack(mesh.sulcal_depth.astype(np.float32)),
    }


def pack_map(shown: BrainMap) -> dict[str, Any]:
    """Describe a map: its key, and of each panel the float32 values, NaN where bare cortex is to show.

    A panel has a key where it is not the map's. `outlines` has for each hemisphere the ROIs' names and the uint32
    vertices inside.
    """
    return {
        "surface": shown.surface,
        "key": _pack_key(shown.key),
        "panels": [
            {
                "name": panel.name,
                "values": {h: pack(panel.values[h].astype(np.float32)) for h in shown.hemispheres},
                **({} if panel.key is None else {"key": _pack_key(panel.key)}),
            }
            for panel in shown.panels
        ],
        "outlines": {
            h: [{"name": name, "vertices": pack(inside.astype(np.uint32))} for name, inside in outlined.items()]
            for h, outlined in shown.outlines.items()
        },
    }


def _pack_key(key: Key) -> dict[str, Any]:
    if isinstance(key, Scale):
        palette = pack(scale_colours(key, N_COLOURS))
        return {"kind": "scale", "low": key.low, "high": key.high, "label": key.label, "palette": palette}
    if isinstance(key, Wheel):
        return {
            "kind": "wheel",
            "low": 0,
            "high": 360,
            "label": key.label,
            "palette": pack(wheel_colours(key, N_COLOURS)),
        }
    return {"kind": "categories", "names": list(key.names), "palette": pack(category_colours(key.colours))}


def scale_colours(key: Scale, n: int) -> NDArray[np.uint8]:
    """Return `n` colours from a scale's lower to its upper end, (n, 3)."""
    return np.asarray(find_colours(key.colours)(np.linspace(0, 1, n), bytes=True)[:, :3], dtype=np.uint8)


def wheel_colours(key: Wheel, n: int) -> NDArray[np.uint8]:
    """Return the colours of `n` directions, each in the middle of its part of the circle, from 0 degrees on, (n, 3)."""
    return np.round(255 * key.at((np.arange(n) + 0.5) * 360 / n)).astype(np.uint8)


def category_colours(colours: Sequence[str]) -> NDArray[np.uint8]:
    """Return named colours as numbers, (n, 3)."""
    from matplotlib.colors import to_rgba_array

    return np.round(255 * to_rgba_array(list(colours))[:, :3]).astype(np.uint8)
