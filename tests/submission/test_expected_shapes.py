"""What a submission must hold, from the official table and from a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Challenge
from algocli.submission.shapes import ExpectedShapes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Subject 2 with 5 left and 7 right vertices, 4 training and 3 test images."""
    subject = tmp_path / "subj02"
    (subject / "roi_masks").mkdir(parents=True)
    for prefix, n_vertices in (("lh", 5), ("rh", 7)):
        mask = np.zeros(163_842, dtype=np.int64)
        mask[:n_vertices] = 1
        np.save(subject / "roi_masks" / f"{prefix}.all-vertices_fsaverage_space.npy", mask)
    for split, words, n_images in (("train", "training", 4), ("test", "test", 3)):
        images = subject / f"{words}_split" / f"{words}_images"
        images.mkdir(parents=True)
        for row in range(1, n_images + 1):
            (images / f"{split}-{row:04d}_nsd-{row:05d}.png").touch()
    return tmp_path


def test_the_official_submission_has_sixteen_files_of_318_megabytes() -> None:
    members = ExpectedShapes.official().members
    assert len(members) == 16
    assert sum(member.shape[1] for member in members) == 315_997
    assert round(sum(member.n_bytes for member in members) / 1e6, 1) == 317.8


def test_files_are_ordered_by_subject_and_left_comes_first() -> None:
    names = [member.name for member in ExpectedShapes.official().members]
    assert names[:3] == ["subj01/lh_pred_test.npy", "subj01/rh_pred_test.npy", "subj02/lh_pred_test.npy"]
    assert names == sorted(names)


def test_a_folder_speaks_for_its_own_subjects_and_the_official_table_for_the_others(folder: Path) -> None:
    shapes = {member.name: member.shape for member in ExpectedShapes.of(Challenge(folder)).members}
    assert len(shapes) == 16
    assert shapes["subj02/lh_pred_test.npy"] == (3, 5)
    assert shapes["subj02/rh_pred_test.npy"] == (3, 7)
    assert shapes["subj03/lh_pred_test.npy"] == (293, 19004)


def test_training_images_are_counted_where_they_are_at_hand(folder: Path) -> None:
    assert ExpectedShapes.of(Challenge(folder)).by_subject[2].n_train == 4
    for image in (folder / "subj02" / "training_split" / "training_images").iterdir():
        image.unlink()
    assert ExpectedShapes.of(Challenge(folder)).by_subject[2].n_train is None


@pytest.mark.parametrize(
    ("index", "shape", "explanation"),
    [
        (0, (159, 20544), "other hemisphere"),
        (0, (293, 19004), "subject 3's left hemisphere: is it"),
        (10, (159, 19004), "subject 1's left hemisphere, subject 2's left hemisphere, subject 5's left hemisphere or"),
        (10, (293, 19004), "subject 3's left hemisphere"),
        (0, (9841, 19004), "training images"),
        (0, (159, 484), "ROIs"),
        (0, (19004, 159), "transposed"),
    ],
)
def test_the_official_shapes_are_told_apart(index: int, shape: tuple[int, int], explanation: str) -> None:
    expected = ExpectedShapes.official()
    assert explanation in expected.explain(expected.members[index], shape)
