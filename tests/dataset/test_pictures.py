"""A folder of images as a dataset: known by what is in it, with images by name and no responses."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import algocli
from algocli.dataset.challenge.subjects import Challenge
from algocli.dataset.opening import open_dataset
from algocli.errors import AlgocliError, DataError


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "photos"
    place.mkdir()
    for name in ("b.png", "a.jpg", "c.PNG"):
        Image.fromarray(np.full((8, 8, 3), ord(name[0]), np.uint8)).save(place / name)
    (place / "notes.txt").write_text("taken in May")
    (place / ".hidden.png").touch()
    return place


def test_images_are_in_the_order_of_their_names(folder):
    (subject,) = open_dataset(folder).subjects()
    assert subject.id == "photos"
    assert [image.path.name for image in subject.stimuli] == ["a.jpg", "b.png", "c.PNG"]
    assert open_dataset(folder).subject("photos").stimuli == subject.stimuli
    with pytest.raises(DataError, match="no subject 2"):
        open_dataset(folder).subjects([2])


def test_a_folder_of_subjects_is_none_of_images_whatever_lies_in_it(folder, tiny_challenge):
    assert isinstance(open_dataset(tiny_challenge), Challenge)
    (folder / "subj01").mkdir()
    assert isinstance(open_dataset(folder), Challenge)


def test_the_images_of_a_subject_are_told_as_such_as_before(tiny_challenge):
    with pytest.raises(DataError, match="subj01"):
        open_dataset(tiny_challenge / "subj01" / "training_split" / "training_images").subjects()


def test_nothing_can_be_trained_on_images_alone(folder):
    subjects = open_dataset(folder).subjects()
    assert not subjects[0].has_responses("train")
    with pytest.raises(AlgocliError):
        algocli.train(subjects, cache_dir=folder.parent / "cache")
