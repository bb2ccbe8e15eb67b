"""A challenge folder opened subject by subject; what disagrees with its neighbours is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.errors import DataError, UsageError
from tests.support.challenge import N_FSAVERAGE, save, write_tiny_challenge

SIDES: dict[Hemisphere, str] = {"left": "lh", "right": "rh"}


@pytest.fixture
def subject(tiny_challenge: Path) -> Subject:
    return Challenge(tiny_challenge).subject(6)


@pytest.fixture
def spoiled(spoilable: Path) -> Subject:
    return Challenge(spoilable).subject(1)


def test_the_subjects_that_are_there_are_found(tiny_challenge: Path) -> None:
    challenge = Challenge(str(tiny_challenge))
    assert challenge.subject_ids == (1, 6)
    assert [s.name for s in challenge.subjects()] == ["subj01", "subj06"]
    assert [s.number for s in challenge.subjects((6,))] == [6]


def test_a_folder_that_is_not_there_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder") as caught:
        Challenge(tmp_path / "none")
    assert caught.value.hint is not None
    assert "algocli demo" in caught.value.hint


def test_a_subject_folder_given_for_the_challenge_says_which_one_is_meant(tiny_challenge: Path) -> None:
    with pytest.raises(DataError, match="holds no subject") as caught:
        Challenge(tiny_challenge / "subj01")
    assert caught.value.hint == "name the folder above subj01 with data_dir=..."


def test_a_subject_that_is_not_there_says_which_are(tiny_challenge: Path) -> None:
    with pytest.raises(DataError, match="has no subject 3: it holds 1, 6"):
        Challenge(tiny_challenge).subject(3)


def test_training_images_come_first(subject: Subject) -> None:
    assert [s.split for s in subject.stimuli] == ["train"] * 12 + ["test"] * 4
    assert [s.row for s in subject.stimuli] == [*range(12), *range(4)]


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_responses_have_a_row_for_each_image_and_a_column_for_each_vertex(
    subject: Subject, tiny_challenge: Path, hemisphere: Hemisphere
) -> None:
    for split, folder, n_stimuli in (
        ("train", "training_split/training_fmri", 12),
        ("test", "test_split/test_fmri", 4),
    ):
        responses = subject.responses(split, hemisphere)  # type: ignore[arg-type]
        word = folder.split("/")[1]
        raw = np.load(tiny_challenge / "subj06" / folder / f"{SIDES[hemisphere]}_{word}.npy")
        assert responses.shape == (n_stimuli, {"left": 36, "right": 46}[hemisphere])
        np.testing.assert_array_equal(responses, raw)


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_a_vertex_counts_wherever_the_mask_is_not_zero(subject: Subject, hemisphere: Hemisphere) -> None:
    mask = np.load(subject.layout.all_vertices(hemisphere))
    assert mask.max() == 2
    np.testing.assert_array_equal(subject.fsaverage_vertices(hemisphere), np.nonzero(mask)[0])
    assert subject.n_vertices(hemisphere) == {"left": 36, "right": 46}[hemisphere]


def test_all_31_rois_are_listed_whether_or_not_they_have_vertices(subject: Subject) -> None:
    names = [roi.name for roi in subject.rois]
    assert len(names) == 31
    assert names[:2] == ["V1v", "V1d"]
    (faces,) = [roi for roi in subject.rois if roi.name == "mTL-faces"]
    assert all(len(subject.roi_vertices(faces, h)) == 0 for h in HEMISPHERES)


def test_a_rois_vertices_are_those_of_its_code_on_fsaverage(subject: Subject) -> None:
    for roi in subject.rois:
        for hemisphere in HEMISPHERES:
            on_fsaverage = np.load(subject.layout.roi_mask(roi.roi_class, hemisphere, "fsaverage"))
            vertices = subject.fsaverage_vertices(hemisphere)[subject.roi_vertices(roi, hemisphere)]
            np.testing.assert_array_equal(vertices, np.flatnonzero(on_fsaverage == roi.code))


def test_what_the_organisers_withheld_is_simply_not_there(tmp_path: Path) -> None:
    subject = Challenge(write_tiny_challenge(tmp_path, (2,), image_size=8, known_test=False)).subject(2)
    assert subject.has_responses("train")
    assert not subject.has_responses("test")
    assert subject.noise_ceiling("left") is None


def test_noise_ceilings_come_in_the_unit_of_their_file(subject: Subject) -> None:
    path = subject.layout.noise_ceiling("left")
    ceiling = subject.noise_ceiling("left")
    assert ceiling is not None
    np.testing.assert_array_equal(ceiling, np.load(path))


def test_one_hemisphere_of_test_responses_is_not_enough(spoiled: Subject) -> None:
    spoiled.layout.responses("test", "right").unlink()
    assert not spoiled.has_responses("test")


@pytest.mark.parametrize("rows", [11, 13])
def test_responses_with_other_rows_than_images_are_refused(spoiled: Subject, rows: int) -> None:
    save(spoiled.layout.responses("train", "left"), np.zeros((rows, 31), dtype=np.float32))
    with pytest.raises(DataError, match=f"has {rows} rows; the folder of train images holds 12"):
        spoiled.responses("train", "left")


def test_responses_of_another_subject_are_refused_and_recognised(spoiled: Subject) -> None:
    save(spoiled.layout.responses("train", "left"), np.zeros((12, 20_220), dtype=np.float32))
    with pytest.raises(DataError, match="the left mask of subj01 has 31 vertices") as caught:
        spoiled.responses("train", "left")
    assert caught.value.hint == "this looks like the right hemisphere of subject 6"


@pytest.mark.parametrize("array", [np.zeros(31, dtype=np.float32), np.zeros((12, 31), dtype=np.int16)])
def test_responses_that_are_no_matrix_of_floats_are_refused(spoiled: Subject, array: np.ndarray) -> None:
    save(spoiled.layout.responses("train", "left"), array)
    with pytest.raises(DataError, match="a float32 matrix was expected"):
        spoiled.responses("train", "left")


@pytest.mark.parametrize(
    "mask",
    [
        np.ones(10_242, dtype=np.int64),
        np.ones((2, N_FSAVERAGE), dtype=np.int64),
        np.ones(N_FSAVERAGE),
        np.full(N_FSAVERAGE, "1"),
    ],
)
def test_a_mask_that_is_not_one_number_for_each_vertex_of_fsaverage_is_refused(
    spoiled: Subject, mask: np.ndarray
) -> None:
    save(spoiled.layout.all_vertices("left"), mask)
    with pytest.raises(DataError, match="163842 whole numbers were expected"):
        spoiled.fsaverage_vertices("left")


@pytest.mark.parametrize("ceiling", [np.zeros(30), np.zeros((31, 1)), np.full(31, "0.5")])
def test_noise_ceilings_that_are_not_one_number_for_each_vertex_are_refused(
    spoiled: Subject, ceiling: np.ndarray
) -> None:
    save(spoiled.layout.noise_ceiling("left"), ceiling)
    with pytest.raises(DataError, match="the left mask of subj01 has 31 vertices"):
        spoiled.noise_ceiling("left")


def test_roi_codes_of_another_mask_are_refused(spoiled: Subject) -> None:
    save(spoiled.layout.roi_mask("floc-faces", "left", "challenge"), np.zeros(30, dtype=np.int64))
    (roi,) = [roi for roi in spoiled.rois if roi.name == "OFA"]
    with pytest.raises(DataError, match="has shape"):
        spoiled.roi_vertices(roi, "left")


def test_a_class_of_rois_has_the_vertices_of_all_of_them(subject: Subject) -> None:
    own = [subject.roi_vertices(roi, "left") for roi in subject.rois if roi.roi_class == "floc-bodies"]
    assert sum(map(len, own)) > 0
    np.testing.assert_array_equal(subject.roi_vertices("FLOC-bodies", "left"), np.unique(np.concatenate(own)))


def test_a_class_that_is_misspelt_is_guessed(subject: Subject) -> None:
    with pytest.raises(UsageError, match="did you mean floc-faces"):
        subject.roi_vertices("floc-face", "left")


def test_a_subject_says_how_large_it_is_and_where(tiny_challenge: Path) -> None:
    said = repr(Challenge(tiny_challenge).subject(6))
    assert "12 training and 4 test images, 36 left and 46 right vertices" in said
    assert str(tiny_challenge) in said
    assert repr(Challenge(tiny_challenge)).endswith("subjects 1, 6)")


def test_a_damaged_subject_can_still_be_printed(spoiled: Subject) -> None:
    save(spoiled.layout.all_vertices("left"), np.zeros(3))
    assert repr(spoiled).startswith(f"Subject({spoiled.number}")
