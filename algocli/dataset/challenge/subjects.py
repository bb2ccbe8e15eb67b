"""A challenge folder and its subjects: where every later step gets images, responses and ROIs from."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.calls import forgiving
from algocli.compute.choices import check_path
from algocli.compute.track import Track, silent
from algocli.dataset.arrays import open_array
from algocli.dataset.challenge.image_names import NSD_IDS, list_stimuli
from algocli.dataset.challenge.layout import (
    IMAGE_WIDTH,
    SUBJECTS,
    SubjectLayout,
    check_subject,
    check_subjects,
    describe_owners,
    official_owners,
    subject_folder,
)
from algocli.dataset.challenge.roi_masks import read_codes, read_rois, read_vertices
from algocli.dataset.naming import AnySubjectId, list_subjects
from algocli.dataset.plain import PlainSubject
from algocli.dataset.protocol import Places, Roi
from algocli.dataset.rois import find_rois
from algocli.dataset.sides import HEMISPHERES, Hemisphere, Side, check_hemisphere, check_split
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError


@forgiving
class Challenge:
    """A folder of subjects in the organisers' layout.

    Attributes
    ----------
    folder
        Where it is.
    subject_ids
        The numbers of its subjects, rising.

    Raises
    ------
    DataError
        If the folder is not there, or holds no subject.

    Examples
    --------
    >>> challenge = algocli.Challenge("demo")
    >>> challenge.subject_ids
    (1, 6)
    >>> subject = challenge.subject(1)
    >>> subject.responses("train", "left").shape == (len(subject.train_stimuli), subject.n_vertices("left"))
    True
    >>> subject.roi_vertices("floc-faces", "left").dtype.name
    'int64'
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = check_path("folder", folder)
        # Below a folder that may not be entered, os.path answers False where pathlib raises.
        if not os.path.isdir(self.folder):  # noqa: PTH112
            raise DataError(
                f"{self.folder} is not a folder",
                hint="name the challenge data with data_dir=..., or write a synthetic one with `algocli demo`, in "
                "data_dir='demo'",
            )
        self.subject_ids = tuple(n for n in SUBJECTS if (self.folder / subject_folder(n)).is_dir())
        if not self.subject_ids:
            raise DataError(
                f"{self.folder} holds no subject: folders subj01 to subj08 were expected",
                hint="name the folder above subj01 with data_dir=...",
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r}: {list_subjects(self.subject_ids)})"

    def subject(self, number: AnySubjectId) -> Subject:
        """Return one subject by its number, 1 to 8, or its folder's name.

        Raises
        ------
        UsageError
            If it is no such number.
        DataError
            If the folder does not hold that subject.
        """
        number = check_subject(number)
        if number not in self.subject_ids:
            have = ", ".join(str(n) for n in self.subject_ids)
            raise DataError(f"{self.folder} has no subject {number}: it holds {have}")
        return Subject(number, self.folder / subject_folder(number))

    def subjects(self, numbers: Iterable[AnySubjectId] | AnySubjectId | None = None) -> list[Subject]:
        """Return the subjects asked for, each once, or all that are there.

        Raises
        ------
        UsageError, DataError
            As `subject` does.
        """
        return [self.subject(n) for n in (self.subject_ids if numbers is None else check_subjects(numbers))]


@forgiving
class Subject(PlainSubject):
    """One subject's files; nothing is read before it is asked for.

    Its home is the folder above its own, whatever links lead there; its ids are numbers among NSD's 73,000 images. The
    challenge tells no image's session.
    """

    sides = HEMISPHERES
    ids = NSD_IDS
    image_width = IMAGE_WIDTH

    def __init__(self, number: int, folder: Path) -> None:
        self.number = self.id = number
        self.name, self.folder = subject_folder(number), folder
        self.layout = SubjectLayout(folder)
        self._masks: dict[tuple[str, Hemisphere], NDArray[Any]] = {}

    def __reduce__(self) -> tuple[type[Subject], tuple[int, Path]]:
        # A worker that it is sent to reads the files itself: what has been read of them may be large.
        return type(self), (self.number, self.folder)

    def __repr__(self) -> str:
        # Whatever is wrong with the files is told when they are used.
        with suppress(DataError):
            images = f"{len(self.train_stimuli)} training and {len(self.test_stimuli)} test images"
            vertices = " and ".join(f"{self.n_vertices(h)} {h}" for h in HEMISPHERES)
            return f"Subject({self.number}: {images}, {vertices} vertices; {str(self.layout.folder)!r})"
        return f"Subject({self.number}; {str(self.layout.folder)!r})"

    @cached_property
    def train_stimuli(self) -> tuple[Stimulus, ...]:  # type: ignore[override]  # set once, here at first use
        """Training images in the order of the training responses' rows."""
        return list_stimuli(self.layout, "train")

    @cached_property
    def test_stimuli(self) -> tuple[Stimulus, ...]:
        """Test images in the order in which predictions are submitted."""
        return list_stimuli(self.layout, "test")

    def responses(self, split: str, hemisphere: Side) -> NDArray[np.float32]:
        """Open measured responses as a memory map.

        Returns
        -------
        (n_stimuli, n_vertices) float32, as released; another precision or byte order stays as it is
            Z-scored per scan session, averaged over repeats.

        Raises
        ------
        UsageError
            If there is no such split or hemisphere.
        DataError
            If the file is missing or damaged, or its shape disagrees with the images or the mask.
        """
        split, hemisphere = check_split(split), check_hemisphere(hemisphere)
        path = self.layout.responses(split, hemisphere)
        array = open_array(path)
        n_stimuli = len(self.train_stimuli if split == "train" else self.test_stimuli)
        n_vertices = self.n_vertices(hemisphere)
        if array.ndim != 2 or array.dtype.kind != "f":
            raise DataError(f"{path} is {array.dtype} of shape {array.shape}; a float32 matrix was expected")
        if array.shape[0] != n_stimuli:
            raise DataError(f"{path} has {array.shape[0]} rows; the folder of {split} images holds {n_stimuli}")
        if array.shape[1] != n_vertices:
            raise DataError(
                f"{path} has {array.shape[1]} columns; the {hemisphere} mask of {self.name} has {n_vertices} vertices",
                hint=describe_owners(self.number, hemisphere, official_owners(array.shape[0], array.shape[1], split))
                or "`algocli data` lists every fault",
            )
        return array

    def has_responses(self, split: str) -> bool:
        """Say whether both hemispheres' responses of a split are on disk."""
        split = check_split(split)
        return all(self.layout.responses(split, h).is_file() for h in HEMISPHERES)

    def responses_name(self, split: str, hemisphere: Side) -> str:
        """Return the path of a hemisphere's responses to a split."""
        return str(self.layout.responses(check_split(split), check_hemisphere(hemisphere)))

    def digest_responses(self, cache_dir: Path, track: Track = silent) -> dict[Side, str]:
        """Digest the files of the training responses, unless they are as they were last time."""
        from algocli.dataset.digests import digest_files

        cache_dir = check_path("cache_dir", cache_dir)
        paths = [self.layout.responses("train", hemisphere) for hemisphere in HEMISPHERES]
        return dict(zip(HEMISPHERES, digest_files(paths, cache_dir, track=track), strict=True))

    @property
    def other_files(self) -> tuple[Path, ...]:
        """What is read beside images and training responses, as far as it is there."""
        return self.layout.other_files()

    def noise_ceiling(self, hemisphere: Side) -> NDArray[np.float64] | None:
        """Return the noise ceiling of every vertex in the file's own unit, or None where there is no file.

        Returns
        -------
        (n_vertices,) float64
            Explainable share of variance, 0 to 1, as the organisers give it; percent in files of other origin.

        Raises
        ------
        DataError
            If the file is damaged, or its shape disagrees with the mask.
        """
        path = self.layout.noise_ceiling(check_hemisphere(hemisphere))
        # What is there and no file is told, not passed over.
        if not os.path.lexists(path):
            return None
        ceiling, n_vertices = open_array(path), self.n_vertices(hemisphere)
        if ceiling.shape != (n_vertices,) or ceiling.dtype.kind not in "fiu":
            raise DataError(
                f"{path} is {ceiling.dtype} of shape {ceiling.shape}; the {hemisphere} mask of {self.name} has "
                f"{n_vertices} vertices"
            )
        return np.asarray(ceiling, dtype=np.float64)

    def ceiling_name(self, hemisphere: Side) -> str:
        """Return the path of a hemisphere's noise ceilings, whether or not they are there."""
        return str(self.layout.noise_ceiling(check_hemisphere(hemisphere)))

    def places(self, hemisphere: Side) -> Places:
        """Return the vertices of fsaverage that the challenge counts."""
        return Places("fsaverage", self.fsaverage_vertices(hemisphere))

    def fsaverage_vertices(self, hemisphere: Side) -> NDArray[np.int64]:
        """Return the fsaverage index of every challenge vertex, (n_vertices,), rising.

        Raises
        ------
        DataError
            If the mask is missing or damaged, or is not one whole number for each vertex of fsaverage.
        """
        return self._vertices[check_hemisphere(hemisphere)]

    @cached_property
    def _vertices(self) -> dict[Hemisphere, NDArray[np.int64]]:
        return {h: read_vertices(self.layout, h) for h in HEMISPHERES}

    def n_vertices(self, hemisphere: Side) -> int:
        """Count the challenge vertices of a hemisphere."""
        return len(self.fsaverage_vertices(hemisphere))

    @cached_property
    def rois(self) -> tuple[Roi, ...]:
        """The ROIs that the mapping files name, class by class, whether or not they have vertices here."""
        return read_rois(self.layout)

    def roi_vertices(self, roi: Roi | str, hemisphere: Side) -> NDArray[np.int64]:
        """Return the indices of a ROI into the challenge vertices, (n_roi_vertices,), rising; empty where it is absent.

        Parameters
        ----------
        roi
            One of `rois`, or what stands for some of them, in any case: 'FFA-1', 'floc-faces', 'FFA', 'V1v+V1d'.

        Raises
        ------
        UsageError
            If the mapping files name no such ROI or class.
        """
        hemisphere, inside = check_hemisphere(hemisphere), np.zeros(self.n_vertices(hemisphere), bool)
        for roi_class, rois in groupby(find_rois(self.rois, roi), key=lambda each: each.roi_class):
            inside |= np.isin(self._codes(roi_class, hemisphere), [each.code for each in rois])
        return np.flatnonzero(inside)

    def _codes(self, roi_class: str, hemisphere: Hemisphere) -> NDArray[Any]:
        """Return the code of the ROI that each vertex has in a class, (n_vertices,)."""
        known = self._masks.get((roi_class, hemisphere))
        if known is not None:
            return known
        codes = read_codes(self.layout, roi_class, hemisphere, self.fsaverage_vertices(hemisphere))
        # Read once for all ROIs of the class; a map would keep a file open for each.
        return self._masks.setdefault((roi_class, hemisphere), np.array(codes))
