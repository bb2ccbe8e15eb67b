"""A subject of a dataset of one's own: what must be said of it, and what is taken for granted where nothing is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Track, silent
from algocli.dataset.ids import Ids
from algocli.dataset.naming import SubjectId, id_of
from algocli.dataset.protocol import Places, Roi
from algocli.dataset.rois import find_rois
from algocli.dataset.sides import Side, Split
from algocli.dataset.stimuli import Stimulus


class PlainSubject(ABC):
    """A `dataset.protocol.Subject` of whatever kind.

    Its attributes, and its abstract methods, have no defaults; everything else may be given in place of what is here.
    """

    name: str
    folder: Path
    sides: tuple[Side, ...]
    train_stimuli: tuple[Stimulus, ...]

    @abstractmethod
    def n_vertices(self, side: Side) -> int:
        """Count the vertices of a side."""

    @abstractmethod
    def responses(self, split: Split, side: Side) -> NDArray[np.float32]:
        """Open measured responses, (n_stimuli, n_vertices)."""

    @abstractmethod
    def digest_responses(self, cache_dir: Path, track: Track = silent) -> Mapping[Side, str]:
        """Return a digest of each side's training responses."""

    @cached_property
    def home(self) -> Path:
        """The folder above its own."""
        return self.folder.parent

    @cached_property
    def id(self) -> SubjectId:
        """The number that its name says, or its name."""
        return id_of(self.name)

    @cached_property
    def test_stimuli(self) -> tuple[Stimulus, ...]:
        """None: all images are for training, of which some are held out."""
        return ()

    @property
    def stimuli(self) -> tuple[Stimulus, ...]:
        """All images, training first."""
        return self.train_stimuli + self.test_stimuli

    @cached_property
    def ids(self) -> Ids:
        """Words."""
        return Ids()

    @cached_property
    def unit(self) -> str:
        """The word for a column of responses."""
        return "vertex"

    @property
    def image_width(self) -> float | None:
        """How wide its images were seen, in degrees of visual angle: nobody says it."""
        return None

    def has_responses(self, split: Split) -> bool:
        """Say that those to the training images are there, and no others."""
        return split == "train"

    def responses_name(self, split: Split, side: Side) -> str:
        """Name them in a message."""
        return f"the {split} responses of {self.name}, {side},"

    @cached_property
    def rois(self) -> tuple[Roi, ...]:
        """None."""
        return ()

    def roi_vertices(self, roi: Roi | str, side: Side) -> NDArray[np.int64]:
        """Return no vertices of a ROI that there is."""
        find_rois(self.rois, roi)
        return np.empty(0, np.int64)

    def noise_ceiling(self, side: Side) -> NDArray[np.float64] | None:
        """Return None: nobody knows."""
        return None

    def ceiling_name(self, side: Side) -> str:
        """Name it in a message."""
        return f"the noise ceiling of {self.name}, {side}"

    def sessions(self, split: Split) -> NDArray[np.int64] | None:
        """Return None: nobody knows."""
        return None

    def places(self, side: Side) -> Places | None:
        """Return None: nobody knows."""
        return None
