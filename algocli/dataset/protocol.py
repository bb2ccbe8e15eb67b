"""What an experiment is to the rest of the program: a dataset of subjects who saw images and responded on some sides.

Whatever can say these things can be trained on and reported; `dataset.plain` has the answers of whoever has nothing to
say: no ROIs, no ceilings, no places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Track, silent
from algocli.dataset.ids import Ids
from algocli.dataset.naming import AnySubjectId, SubjectId
from algocli.dataset.sides import Side, Split
from algocli.dataset.stimuli import Stimulus

Space = Literal["fsaverage"]


@dataclass(frozen=True)
class Roi:
    """A region of interest: a name and the class whose code it carries."""

    name: str
    roi_class: str
    code: int


@dataclass(frozen=True)
class Places:
    """Where the vertices of a side lie.

    Attributes
    ----------
    space
        The mesh.
    vertices : (n_vertices,)
        The index of each on the mesh, rising.
    """

    space: Space
    vertices: NDArray[np.int64]


class Subject(Protocol):
    """One subject: images in the order of the responses' rows, and responses on one side or several."""

    @property
    def name(self) -> str:
        """What its folders in a cache are called, as in 'subj01'; see `dataset.naming`."""
        ...

    @property
    def folder(self) -> Path:
        """Where its data lies."""
        ...

    @property
    def home(self) -> Path:
        """Where its dataset lies: runs are told apart by that."""
        ...

    @property
    def id(self) -> SubjectId:
        """What tables, records and messages call it: its number where it has one, else its name."""
        ...

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that responses come from, in the order of tables."""
        ...

    @property
    def train_stimuli(self) -> tuple[Stimulus, ...]:
        """Training images in the order of the training responses' rows."""
        ...

    @property
    def test_stimuli(self) -> tuple[Stimulus, ...]:
        """Test images in the order in which they are predicted."""
        ...

    @property
    def stimuli(self) -> tuple[Stimulus, ...]:
        """All images, training first: the row order of every feature store."""
        ...

    @property
    def ids(self) -> Ids:
        """What the ids of its images are."""
        ...

    @property
    def unit(self) -> str:
        """What a column of responses is, in a word: vertex, voxel, electrode."""
        ...

    @property
    def image_width(self) -> float | None:
        """How wide its images were seen, in degrees of visual angle; None where that is not known."""
        ...

    def n_vertices(self, side: Side) -> int:
        """Count the vertices of a side."""
        ...

    def responses(self, split: Split, side: Side) -> NDArray[np.float32]:
        """Open measured responses, (n_stimuli, n_vertices), of any floating precision.

        Raises
        ------
        UsageError
            If there is no such split or side.
        DataError
            If they are missing or damaged, or disagree with the images.
        """
        ...

    def has_responses(self, split: Split) -> bool:
        """Say whether the responses of a split are there, of all sides."""
        ...

    def responses_name(self, split: Split, side: Side) -> str:
        """Return what a message calls a side's responses to a split: the path of a file, where it is one."""
        ...

    def digest_responses(self, cache_dir: Path, track: Track = silent) -> Mapping[Side, str]:
        """Return a digest of each side's training responses; those of files are remembered in `cache_dir`.

        Raises
        ------
        DataError
            If they are missing or cannot be read.
        """
        ...

    @property
    def rois(self) -> tuple[Roi, ...]:
        """The ROIs that have a name, class by class, whether or not they have vertices here."""
        ...

    def roi_vertices(self, roi: Roi | str, side: Side) -> NDArray[np.int64]:
        """Return the indices of a ROI, or of a ROI or class so named, into the vertices of a side; empty if absent.

        Raises
        ------
        UsageError
            If there is no such ROI.
        """
        ...

    def noise_ceiling(self, side: Side) -> NDArray[np.float64] | None:
        """Return the noise ceiling of every vertex for responses to the test images; None where it is not known.

        (n_vertices,), in shares of variance or percent.
        """
        ...

    def ceiling_name(self, side: Side) -> str:
        """Return what a message calls a side's noise ceilings: the path of a file, where it is or would be one."""
        ...

    def sessions(self, split: Split) -> NDArray[np.int64] | None:
        """Return the session in which each image of a split was shown, (n_stimuli,); None where that is not known."""
        ...

    def places(self, side: Side) -> Places | None:
        """Return where the vertices of a side lie; None where that is not known."""
        ...


# Looked for in the class, and not in what it is of: to ask an object for its images would list a folder.
_SAID = ("name", "folder", "sides", "train_stimuli", "n_vertices", "responses", "has_responses", "digest_responses")


def is_subject(value: object) -> TypeGuard[Subject]:
    """Say whether an object offers what a subject must, of whatever class it is."""
    attributes = () if isinstance(value, type) else getattr(value, "__dict__", ())
    return all(hasattr(type(value), word) or word in attributes for word in _SAID)


def image_width_of(subject: Subject) -> float | None:
    """Return how wide its images were seen, in degrees of visual angle; None where it does not say."""
    return getattr(subject, "image_width", None)


class Dataset(Protocol):
    """Some subjects, in order."""

    @property
    def folder(self) -> Path:
        """Where it lies."""
        ...

    @property
    def subject_ids(self) -> tuple[SubjectId, ...]:
        """The subjects that are there, in order."""
        ...

    def subject(self, which: AnySubjectId) -> Subject:
        """Return one subject, by its number or its name.

        Raises
        ------
        UsageError
            If no subject can be called so.
        DataError
            If it is not there.
        """
        ...

    def subjects(self, which: Iterable[AnySubjectId] | AnySubjectId | None = None) -> Sequence[Subject]:
        """Return the subjects asked for, each once, or all that are there.

        Raises
        ------
        UsageError, DataError
            As `subject` does.
        """
        ...


def is_dataset(value: object) -> TypeGuard[Dataset]:
    """Say whether an object offers what a dataset must, of whatever class it is."""
    # A run has subjects, too, but is not asked for them.
    return all(callable(getattr(type(value), word, None)) for word in ("subject", "subjects"))
