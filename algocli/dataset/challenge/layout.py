"""Where the organisers put each file of the challenge, and how large it officially is.

Left and right are values here: every path that comes in two copies takes a hemisphere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from algocli.compute.choices import check_whole
from algocli.dataset.naming import check_each, name_of
from algocli.dataset.sides import HEMISPHERES, Hemisphere, Split, check_hemisphere, check_split, prefix

SUBJECTS = tuple(range(1, 9))
# Words that a subject's number goes by.
_WORDS = {word: number for number in SUBJECTS for word in (str(number), f"{number:02d}", name_of(number))}
# fsaverage has 163,842 vertices a hemisphere; its first 10,242 are those of fsaverage5.
N_FSAVERAGE = 163_842
N_FSAVERAGE5 = 10_242
IMAGE_SIZE = 425
# In degrees of visual angle, as all images of NSD were shown.
IMAGE_WIDTH = 8.4
N_NSD_IMAGES = 73_000

IMAGE_NAME = re.compile(r"(train|test)-([0-9]{4})_nsd-([0-9]{5})\.png")

# The codes of every ROI are the same for all subjects; 0 is 'Unknown' in each class.
ROI_CLASSES: dict[str, dict[int, str]] = {
    "prf-visualrois": {1: "V1v", 2: "V1d", 3: "V2v", 4: "V2d", 5: "V3v", 6: "V3d", 7: "hV4"},
    "floc-bodies": {1: "EBA", 2: "FBA-1", 3: "FBA-2", 4: "mTL-bodies"},
    "floc-faces": {1: "OFA", 2: "FFA-1", 3: "FFA-2", 4: "mTL-faces", 5: "aTL-faces"},
    "floc-places": {1: "OPA", 2: "PPA", 3: "RSC"},
    "floc-words": {1: "OWFA", 2: "VWFA-1", 3: "VWFA-2", 4: "mfs-words", 5: "mTL-words"},
    "streams": {
        1: "early",
        2: "midventral",
        3: "midlateral",
        4: "midparietal",
        5: "ventral",
        6: "lateral",
        7: "parietal",
    },
}
ROI_NAMES = tuple(name for codes in ROI_CLASSES.values() for name in codes.values())


@dataclass(frozen=True)
class OfficialSize:
    """The counts of one subject as the organisers released it."""

    n_train: int
    n_test: int
    n_vertices: dict[Hemisphere, int]
    n_sessions: int

    def n_stimuli(self, split: Split) -> int:
        """Return the number of images of a split."""
        return {"train": self.n_train, "test": self.n_test}[check_split(split)]


def _official(n_train: int, n_test: int, n_left: int, n_right: int, n_sessions: int) -> OfficialSize:
    return OfficialSize(n_train, n_test, {"left": n_left, "right": n_right}, n_sessions)


OFFICIAL_SIZES: dict[int, OfficialSize] = {
    1: _official(9841, 159, 19004, 20544, 40),
    2: _official(9841, 159, 19004, 20544, 40),
    3: _official(9082, 293, 19004, 20544, 32),
    4: _official(8779, 395, 19004, 20544, 30),
    5: _official(9841, 159, 19004, 20544, 40),
    6: _official(9082, 293, 18978, 20220, 32),
    7: _official(9841, 159, 19004, 20544, 40),
    8: _official(8779, 395, 18981, 20530, 30),
}


def official_owners(n_stimuli: int, n_vertices: int, split: Split) -> tuple[tuple[int, Hemisphere], ...]:
    """Return the (subject, hemisphere) pairs whose released responses have this shape.

    Where the rows fit none of them, the columns alone decide.
    """
    by_columns = [(n, h) for n, size in OFFICIAL_SIZES.items() for h in HEMISPHERES if size.n_vertices[h] == n_vertices]
    by_shape = [(n, h) for n, h in by_columns if OFFICIAL_SIZES[n].n_stimuli(split) == n_stimuli]
    return tuple(by_shape or by_columns)


def describe_owners(subject: int, hemisphere: Hemisphere, owners: Sequence[tuple[int, Hemisphere]]) -> str:
    """Say whose file this looks like instead, as in 'this looks like the left hemisphere of subject 3'.

    Empty where it looks like no one's, or fits the subject and hemisphere that it is meant for.
    """
    if not owners or (subject, hemisphere) in owners:
        return ""
    parts = []
    for side in HEMISPHERES:
        subjects = [str(n) for n, h in owners if h == side]
        if subjects:
            listed = " or ".join([", ".join(subjects[:-1]), subjects[-1]] if subjects[1:] else subjects)
            parts.append(f"the {side} hemisphere of subject {listed}")
    return f"this looks like {', or '.join(parts)}"


def check_subject(value: object) -> int:
    """Return a subject's number, 1 to 8, from itself, as a word or not, or from its folder's name.

    Raises
    ------
    UsageError
        If it is no whole number from 1 to 8.
    """
    meant = _WORDS.get(value, value) if isinstance(value, str) else value
    return check_whole("subject", meant, SUBJECTS[0], SUBJECTS[-1])


def check_subjects(value: object) -> tuple[int, ...]:
    """Return one subject's number or several, each once, in their order.

    Raises
    ------
    UsageError
        If one is no whole number from 1 to 8, or there is none.
    """
    return check_each(value, check_subject)


def subject_folder(subject: int) -> str:
    """Return the folder name of a subject, as in 'subj01'."""
    return name_of(subject)


@dataclass(frozen=True)
class SubjectLayout:
    """The paths of one subject's files, whether or not they exist."""

    folder: Path

    @property
    def masks(self) -> Path:
        """The folder of masks and mappings."""
        return self.folder / "roi_masks"

    def images(self, split: Split) -> Path:
        """Return the folder of a split's images."""
        return self.folder / _split_folder(split) / f"{_split_word(split)}_images"

    def responses(self, split: Split, hemisphere: Hemisphere) -> Path:
        """Return the file of a hemisphere's responses to a split."""
        word = _split_word(split)
        return self.folder / _split_folder(split) / f"{word}_fmri" / f"{_prefix(hemisphere)}_{word}_fmri.npy"

    def noise_ceiling(self, hemisphere: Hemisphere) -> Path:
        """Return the file of a hemisphere's noise ceilings, which not every copy of the data has."""
        return self.folder / "test_split" / "noise_ceiling" / f"{_prefix(hemisphere)}_noise_ceiling.npy"

    def all_vertices(self, hemisphere: Hemisphere) -> Path:
        """Return the mask on fsaverage of the vertices that count."""
        return self.masks / f"{_prefix(hemisphere)}.all-vertices_fsaverage_space.npy"

    def roi_mask(self, roi_class: str, hemisphere: Hemisphere, space: Literal["challenge", "fsaverage"]) -> Path:
        """Return a class's ROI codes, of the challenge vertices alone or of all of fsaverage."""
        return self.masks / f"{_prefix(hemisphere)}.{roi_class}_{space}_space.npy"

    def roi_mapping(self, roi_class: str) -> Path:
        """Return the file that names a class's codes."""
        return self.masks / f"mapping_{roi_class}.npy"

    def other_files(self) -> tuple[Path, ...]:
        """List what is there and read beside images and training responses: ROIs, ceilings, test responses."""
        of_sides = [path for h in HEMISPHERES for path in (self.noise_ceiling(h), self.responses("test", h))]
        return tuple(path for path in (*sorted(self.masks.glob("*.npy")), *of_sides) if path.is_file())

    def roi_classes(self) -> tuple[str, ...]:
        """List the classes of ROIs that there are: the official ones of which there is a file, then anyone's own."""
        mapped = sorted(path.name[len("mapping_") : -len(".npy")] for path in self.masks.glob("mapping_*.npy"))
        official = [
            roi_class
            for roi_class in ROI_CLASSES
            if roi_class in mapped or any(self.roi_mask(roi_class, h, "challenge").exists() for h in HEMISPHERES)
        ]
        return (*official, *(roi_class for roi_class in mapped if roi_class not in ROI_CLASSES))


def _prefix(hemisphere: Hemisphere) -> str:
    return prefix(check_hemisphere(hemisphere))


def _split_folder(split: Split) -> str:
    return {"train": "training_split", "test": "test_split"}[check_split(split)]


def _split_word(split: Split) -> str:
    return {"train": "training", "test": "test"}[check_split(split)]


def image_name(split: Split, row: int, nsd_id: int) -> str:
    """Return an image's file name; `row` counts from 0, the name from 1."""
    return f"{split}-{row + 1:04d}_nsd-{nsd_id:05d}.png"
