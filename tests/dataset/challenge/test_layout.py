"""The organisers' layout, against what is known of the released data."""

from __future__ import annotations

from pathlib import Path

import pytest

from algocli.dataset.challenge.layout import (
    IMAGE_NAME,
    OFFICIAL_SIZES,
    ROI_CLASSES,
    ROI_NAMES,
    SUBJECTS,
    SubjectLayout,
    describe_owners,
    image_name,
    official_owners,
)
from algocli.dataset.sides import HEMISPHERES
from tests.support.challenge import MAPPINGS, write_tiny_challenge


def test_the_eight_subjects_have_the_published_number_of_vertices() -> None:
    assert sum(OFFICIAL_SIZES[n].n_vertices[h] for n in SUBJECTS for h in HEMISPHERES) == 315_997


def test_the_whole_of_40_sessions_is_10000_images() -> None:
    for size in OFFICIAL_SIZES.values():
        n_images = size.n_stimuli("train") + size.n_stimuli("test")
        assert (n_images == 10_000) == (size.n_sessions == 40)
        assert n_images <= 10_000


def test_there_are_31_rois_with_31_names() -> None:
    assert len(ROI_NAMES) == len(set(ROI_NAMES)) == 31


def test_codes_and_names_are_those_of_the_mapping_files() -> None:
    for roi_class, names in MAPPINGS.items():
        assert {0: "Unknown", **ROI_CLASSES[roi_class]} == dict(enumerate(names.split()))
    assert list(ROI_CLASSES) == list(MAPPINGS)


def test_every_path_of_the_layout_is_a_file_of_the_challenge(tmp_path: Path) -> None:
    folder = write_tiny_challenge(tmp_path, (3,), n_train=1, n_test=1, image_size=8) / "subj03"
    layout = SubjectLayout(folder)
    named = [layout.roi_mapping(c) for c in ROI_CLASSES]
    for hemisphere in HEMISPHERES:
        named += [layout.all_vertices(hemisphere), layout.noise_ceiling(hemisphere)]
        named += [layout.responses("train", hemisphere), layout.responses("test", hemisphere)]
        named += [layout.roi_mask(c, hemisphere, "challenge") for c in ROI_CLASSES]
        named += [layout.roi_mask(c, hemisphere, "fsaverage") for c in ROI_CLASSES]
    named += [layout.images("train") / "train-0001_nsd-03000.png", layout.images("test") / "test-0001_nsd-03001.png"]
    assert set(named) == {path for path in folder.rglob("*") if path.is_file()}


def test_image_names_count_from_1() -> None:
    assert image_name("train", 0, 13) == "train-0001_nsd-00013.png"
    assert image_name("test", 158, 72_999) == "test-0159_nsd-72999.png"


@pytest.mark.parametrize(
    "name",
    ["train-0001_nsd-00013.png\n", "train-001_nsd-00013.png", "Train-0001_nsd-00013.png", "train-٠٠٠١_nsd-00013.png"],
)
def test_other_names_are_none_of_the_challenge(name: str) -> None:
    assert IMAGE_NAME.fullmatch(name) is None


@pytest.mark.parametrize(
    ("shape", "owners"),
    [
        ((9082, 20_220), "this looks like the right hemisphere of subject 6"),
        ((8779, 20_544), "this looks like the right hemisphere of subject 4"),
        ((9841, 19_004), "this looks like the left hemisphere of subject 1, 2, 5 or 7"),
        # No one has so many rows: the columns alone say whose it may be.
        ((10, 18_981), "this looks like the left hemisphere of subject 8"),
        ((9841, 7), ""),
    ],
)
def test_a_shape_betrays_whose_responses_these_are(shape: tuple[int, int], owners: str) -> None:
    assert describe_owners(3, "left", official_owners(*shape, "train")) == owners


def test_a_shape_that_fits_its_own_place_is_no_one_elses() -> None:
    assert describe_owners(2, "left", official_owners(9841, 19_004, "train")) == ""
    assert describe_owners(2, "right", official_owners(9841, 19_004, "train")) != ""
