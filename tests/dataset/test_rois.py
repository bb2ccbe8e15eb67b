"""ROIs are named as people name them; what a name stands for is the same everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algocli.dataset.challenge.layout import ROI_CLASSES
from algocli.dataset.challenge.subjects import Challenge
from algocli.dataset.rois import choose_regions, members
from algocli.dataset.sides import ALL_VERTICES
from algocli.errors import DataError, UsageError
from algocli.results.regions import regions
from tests.support.challenge import write_tiny_challenge

CLASSES = {name: roi_class for roi_class, names in ROI_CLASSES.items() for name in names.values()}
FACES = ("OFA", "FFA-1", "FFA-2", "mTL-faces", "aTL-faces")


@pytest.mark.parametrize(
    ("words", "apart", "together"),
    [
        (["ffa-1"], ("FFA-1",), ("FFA-1",)),
        (["FFA"], ("FFA-1", "FFA-2"), ("FFA",)),
        (["v1"], ("V1v", "V1d"), ("V1",)),
        (["V4"], ("hV4",), ("V4",)),
        (["mtl"], ("mTL-bodies", "mTL-faces", "mTL-words"), ("mTL",)),
        (["Floc-Faces"], FACES, ("floc-faces",)),
        (["V1v,V1d"], ("V1v", "V1d"), ("V1v", "V1d")),
        (["v1v + v1d"], ("V1v+V1d",), ("V1v+V1d",)),
        (["V1+V2", "ffa+OFA"], ("V1+V2", "FFA+OFA"), ("V1+V2", "FFA+OFA")),
        (["all", "V1v", "v1"], (ALL_VERTICES, "V1v", "V1d"), (ALL_VERTICES, "V1v", "V1")),
    ],
)
def test_words_ask_for_regions(words: list[str], apart: tuple[str, ...], together: tuple[str, ...]) -> None:
    assert choose_regions(words, CLASSES) == apart
    assert choose_regions(words, CLASSES, apart=False) == together
    # Names that come out are read again as what they are.
    assert choose_regions(apart, CLASSES) == apart


def test_a_name_stands_for_rois_in_the_datas_order() -> None:
    assert members("V2+V1v", CLASSES) == ("V1v", "V2v", "V2d")
    assert members("nothing", CLASSES) == members("V1+nothing", CLASSES) == ()
    # A ROI that is called so goes before what the name would stand for.
    assert members("V1", {**CLASSES, "V1": "mine"}) == ("V1",)
    assert choose_regions(["a,b", "c+d"], {"a,b": "mine", "c+d": "mine"}) == ("a,b", "c+d")


@pytest.mark.parametrize("word", ["FFA-3", "V1+FFA-3", "V1,FFA-3"])
def test_a_word_that_names_nothing_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match=r"no ROI is named '.*FFA-3'; did you mean") as caught:
        choose_regions([word], CLASSES)
    assert "FFA-1" in str(caught.value.hint)
    assert "floc-faces" in str(caught.value.hint)
    with pytest.raises(UsageError, match="no ROI is named 'All vertices'"):
        choose_regions([ALL_VERTICES], CLASSES, whole=False)


def test_regions_are_the_vertices_that_their_masks_mark(tmp_path: Path) -> None:
    write_tiny_challenge(tmp_path, (1,))
    subject = Challenge(tmp_path).subject(1)
    names = {name: code for code, name in ROI_CLASSES["prf-visualrois"].items()}
    codes = np.load(tmp_path / "subj01/roi_masks/lh.prf-visualrois_challenge_space.npy")
    early = np.flatnonzero(np.isin(codes, [names["V1v"], names["V1d"], names["V2v"], names["V2d"]]))
    faces = np.load(tmp_path / "subj01/roi_masks/lh.floc-faces_challenge_space.npy")
    both = np.union1d(early, np.flatnonzero(np.isin(faces, [2, 3])))
    np.testing.assert_array_equal(subject.roi_vertices("V1+V2", "left"), early)
    np.testing.assert_array_equal(subject.roi_vertices("ffa+v1+v2", "lh"), both)
    of = regions(subject, "left", ["V1+V2+FFA", "V1", ALL_VERTICES])
    np.testing.assert_array_equal(of["V1+V2+FFA"], both)
    assert list(of) == ["V1+V2+FFA", "V1", ALL_VERTICES]


def test_a_mapping_of_ones_own_is_a_class_like_any_other(tmp_path: Path) -> None:
    write_tiny_challenge(tmp_path, (1,))
    masks = tmp_path / "subj01/roi_masks"
    n_left = Challenge(tmp_path).subject(1).n_vertices("left")
    rng = np.random.default_rng(4)
    drawn = rng.integers(0, 3, 163842)
    np.save(masks / "mapping_mine.npy", {0: "Unknown", 1: "LO-1", 2: "FFA-1"}, allow_pickle=True)
    np.save(masks / "lh.mine_challenge_space.npy", rng.integers(0, 3, n_left))
    np.save(masks / "rh.mine_fsaverage_space.npy", drawn)
    subject = Challenge(tmp_path).subject(1)
    # The name of a ROI of the organisers stays theirs.
    assert [roi.name for roi in subject.rois if roi.roi_class == "mine"] == ["LO-1", "mine:FFA-1"]
    codes = np.load(masks / "lh.mine_challenge_space.npy")
    np.testing.assert_array_equal(subject.roi_vertices("mine:ffa-1", "left"), np.flatnonzero(codes == 2))
    np.testing.assert_array_equal(subject.roi_vertices("mine", "left"), np.flatnonzero(codes))
    whole = drawn[subject.fsaverage_vertices("right")]
    np.testing.assert_array_equal(subject.roi_vertices("LO", "right"), np.flatnonzero(whole == 1))


def test_without_any_mapping_there_are_all_vertices(tmp_path: Path) -> None:
    write_tiny_challenge(tmp_path, (1,))
    masks = tmp_path / "subj01/roi_masks"
    for path in masks.glob("mapping_*.npy"):
        path.unlink()
    with pytest.raises(DataError, match=r"mapping_prf-visualrois\.npy is missing"):
        _ = Challenge(tmp_path).subject(1).rois
    for path in [*masks.glob("*.floc-*"), *masks.glob("*.prf-*"), *masks.glob("*.streams*")]:
        path.unlink()
    subject = Challenge(tmp_path).subject(1)
    assert subject.rois == ()
    assert list(regions(subject, "left", [ALL_VERTICES])) == [ALL_VERTICES]
    with pytest.raises(UsageError, match="no ROI is named 'V1'"):
        subject.roi_vertices("V1", "left")
