"""What a map of the cortex shows, before anything is drawn: the same map becomes a picture or a page to turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.sides import HEMISPHERES, Side
from algocli.results.drawing.keys import Key
from algocli.results.surface import Surface


@dataclass(frozen=True)
class Panel:
    """One set of values: for each hemisphere (n_mesh_vertices,), NaN where bare cortex is to show.

    `key` says what its colours mean where that is not what those of the other panels do.
    """

    values: Mapping[Side, NDArray[np.float64]]
    name: str = ""
    key: Key | None = None


@dataclass(frozen=True)
class BrainMap:
    """Values on the cortex, what their colours mean, and the words around them.

    Several `panels`, as measured and predicted responses, share the `key` unless they have their own; each then has a
    name. `outlines` has, for each hemisphere and each ROI name, the mesh vertices (n,) inside. `stimulus` is an image
    to show beside the cortex.
    """

    panels: tuple[Panel, ...]
    key: Key
    title: str
    caption: str = ""
    surface: Surface = "fsaverage5"
    outlines: Mapping[Side, Mapping[str, NDArray[np.int64]]] = field(default_factory=dict)
    stimulus: Path | None = None

    @property
    def hemispheres(self) -> tuple[Side, ...]:
        """The hemispheres that have values, the left one first."""
        return tuple(h for h in HEMISPHERES if h in self.panels[0].values)

    @property
    def is_one_key(self) -> bool:
        """Whether all panels share the key; else each stands beside its own."""
        return all(panel.key is None for panel in self.panels)

    def key_of(self, panel: Panel) -> Key:
        """Return what the colours of a panel mean."""
        return self.key if panel.key is None else panel.key
