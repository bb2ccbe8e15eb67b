"""The folder that a synthetic challenge leaves: layout, bytes, what is repeated, what is refused."""

import errno
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from PIL import Image

from algocli.dataset.arrays import load_mapping
from algocli.dataset.challenge.layout import ROI_CLASSES
from algocli.dataset.challenge.subjects import Challenge
from algocli.dataset.sides import HEMISPHERES, SPLITS, Hemisphere
from algocli.demo.images import Gallery
from algocli.demo.recipe import Recipe, nsd_ids
from algocli.demo.write import SyntheticSummary, write_challenge
from algocli.errors import StorageError, UsageError

T = TypeVar("T")
TINY: dict[str, Any] = {"n_train": 9, "n_test": 6, "vertices": 300, "seed": 7}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> SyntheticSummary:
    return write_challenge(tmp_path_factory.mktemp("synthetic") / "demo", subjects=[6, 1], **TINY)


@pytest.fixture(scope="module")
def challenge(written: SyntheticSummary) -> Challenge:
    return Challenge(written.folder)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_file_of_the_official_layout_is_there_and_no_other(written: SyntheticSummary) -> None:
    found = {name for name in digests(written.folder / "subj01") if not name.endswith(".png")}
    sides = ("lh", "rh")
    classes = ("prf-visualrois", "floc-bodies", "floc-faces", "floc-places", "floc-words", "streams")
    expected = {f"roi_masks/{side}.all-vertices_fsaverage_space.npy" for side in sides}
    for name in classes:
        expected |= {f"roi_masks/mapping_{name}.npy"}
        expected |= {
            f"roi_masks/{side}.{name}_{space}_space.npy" for side in sides for space in ("challenge", "fsaverage")
        }
    expected |= {f"training_split/training_fmri/{side}_training_fmri.npy" for side in sides}
    expected |= {f"test_split/test_fmri/{side}_test_fmri.npy" for side in sides}
    expected |= {f"test_split/noise_ceiling/{side}_noise_ceiling.npy" for side in sides}
    assert found == expected


def test_images_are_named_and_shaped_as_the_official_ones(challenge: Challenge) -> None:
    subject = challenge.subject(1)
    assert [len(subject.train_stimuli), len(subject.test_stimuli)] == [9, 6]
    for stimulus in subject.stimuli:
        with Image.open(stimulus.path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (425, 425))


def test_nsd_ids_rise_with_the_rows_and_no_image_is_in_both_splits(challenge: Challenge) -> None:
    for subject in challenge.subjects():
        train, test = ([s.nsd_id for s in part] for part in (subject.train_stimuli, subject.test_stimuli))
        assert train == sorted(set(train))
        assert test == sorted(set(test))
        assert not set(train) & set(test)
        assert min(train + test) >= 0
        assert max(train + test) < 73_000


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_arrays_have_the_official_types_and_fit_together(challenge: Challenge, hemisphere: Hemisphere) -> None:
    for subject in challenge.subjects():
        layout = subject.layout
        mask = np.load(layout.all_vertices(hemisphere))
        assert (mask.dtype, mask.shape) == (np.int64, (163_842,))
        vertices = np.flatnonzero(mask)
        for split, n_rows in zip(SPLITS, (9, 6), strict=True):
            responses = np.load(layout.responses(split, hemisphere))
            assert responses.dtype == np.float32
            assert responses.flags.c_contiguous
            assert responses.shape == (n_rows, len(vertices))
            assert np.isfinite(responses).all()
        ceiling = np.load(layout.noise_ceiling(hemisphere))
        assert (ceiling.dtype, ceiling.shape) == (np.float64, (len(vertices),))
        assert ceiling.min() == 0.0
        assert ceiling.max() <= 1
        for roi_class in ROI_CLASSES:
            everywhere = np.load(layout.roi_mask(roi_class, hemisphere, "fsaverage"))
            within = np.load(layout.roi_mask(roi_class, hemisphere, "challenge"))
            assert everywhere.dtype == within.dtype == np.int64
            np.testing.assert_array_equal(everywhere[vertices], within)
            assert not everywhere[mask == 0].any()


def test_mappings_are_plain_dicts_of_all_names(challenge: Challenge) -> None:
    for roi_class, names in ROI_CLASSES.items():
        path = challenge.subject(1).layout.roi_mapping(roi_class)
        assert load_mapping(path) == np.load(path, allow_pickle=True).item() == {0: "Unknown", **names}


def test_an_image_that_subjects_share_has_the_same_id_and_pixels(
    challenge: Challenge, written: SyntheticSummary
) -> None:
    first, second = ({s.nsd_id: s.path for s in subject.stimuli} for subject in challenge.subjects())
    shared = set(first) & set(second)
    assert len(shared) == written.n_shared == 3
    for nsd_id in shared:
        assert first[nsd_id].read_bytes() == second[nsd_id].read_bytes()


def test_different_images_differ(challenge: Challenge) -> None:
    contents = [stimulus.path.read_bytes() for stimulus in challenge.subject(1).stimuli]
    assert len(set(contents)) == len(contents)


def test_eight_subjects_of_official_size_see_all_of_nsd_with_a_thousand_in_common() -> None:
    recipe = Recipe(n_train=9841, n_test=159, n_left=300, seed=0)
    seen = [set(np.concatenate([*nsd_ids(recipe, subject).values()]).tolist()) for subject in range(1, 9)]
    assert {len(ids) for ids in seen} == {10_000}
    assert len(set.intersection(*seen)) == 1_000
    assert set.union(*seen) == set(range(73_000))


def test_the_same_seed_gives_the_same_bytes_whatever_the_threads_and_the_other_subjects(
    written: SyntheticSummary, tmp_path: Path
) -> None:
    write_challenge(tmp_path / "again", subjects=[6], n_threads=3, **TINY)
    assert digests(tmp_path / "again/subj06") == digests(written.folder / "subj06")
    write_challenge(tmp_path / "again", subjects=[1], n_threads=1, **TINY)
    assert digests(tmp_path / "again") == digests(written.folder)


def test_another_seed_gives_other_images_and_responses(written: SyntheticSummary, tmp_path: Path) -> None:
    other = write_challenge(tmp_path / "other", subjects=[6], **{**TINY, "seed": 8})
    ours, theirs = digests(written.folder / "subj06"), digests(other.folder / "subj06")
    assert not {ours[name] for name in ours if name.endswith("png")} & set(theirs.values())
    same = {name for name in ours if ours[name] == theirs.get(name)}
    assert same == {name for name in ours if name.startswith("roi_masks")}


def test_the_same_call_again_finds_the_work_done(written: SyntheticSummary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gallery, "show", None)
    before = {path: path.stat().st_mtime_ns for path in written.folder.rglob("*")}
    again = write_challenge(written.folder, subjects=[1, 6], **TINY)
    assert (written.n_written, again.n_written) == (2, 0)
    assert again.n_bytes == written.n_bytes
    assert {path: path.stat().st_mtime_ns for path in written.folder.rglob("*")} == before


def test_an_interrupted_writing_leaves_no_half_subject_and_goes_on(
    written: SyntheticSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show, shown = Gallery.show, []

    def interrupted(gallery: Gallery, nsd_id: int) -> object:
        shown.append(nsd_id)
        if len(shown) > 20:
            raise KeyboardInterrupt
        return show(gallery, nsd_id)

    folder = tmp_path / "demo"
    with monkeypatch.context() as patch:
        patch.setattr(Gallery, "show", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_challenge(folder, subjects=[1, 6], n_threads=1, **TINY)
    assert sorted(path.name for path in folder.glob("subj*")) == ["subj01"]
    # What a killed process would have left behind.
    (folder / "subj06.unfinished/roi_masks").mkdir(parents=True)
    (folder / "subj06.unfinished/roi_masks/lh.streams_challenge_space.npy").write_bytes(b"torn")
    assert write_challenge(folder, subjects=[1, 6], **TINY).n_written == 1
    assert digests(folder) == digests(written.folder)


def test_a_full_disk_is_told_in_one_sentence_and_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match=r"subj01: the disk is full"):
        write_challenge(tmp_path / "demo", subjects=[1], **TINY)
    assert not list((tmp_path / "demo").glob("subj*"))


def test_a_folder_that_holds_anything_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("do not lose me")
    with pytest.raises(UsageError, match="is not empty"):
        write_challenge(tmp_path, subjects=[1], **TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UsageError, match="is a file"):
        write_challenge(tmp_path / "thesis.tex", subjects=[1], **TINY)


def test_a_challenge_from_another_recipe_is_refused_by_what_differs(written: SyntheticSummary) -> None:
    with pytest.raises(UsageError, match=r"made with n_train 9, not 10"):
        write_challenge(written.folder, subjects=[1], **{**TINY, "n_train": 10})
    with pytest.raises(UsageError, match=r"made with seed 7, not 0"):
        write_challenge(written.folder, subjects=[1], **{**TINY, "seed": 0})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"subjects": [9]}, "no subject 9"),
        ({"subjects": []}, "no subject is named"),
        ({"n_train": 9842, "n_test": 159}, "at most 10000"),
        ({"n_test": 1}, "at least 2"),
        ({"vertices": 20_000}, "between 300 and 19004"),
        ({"vertices": "huge"}, "'huge'"),
        ({"seed": -1}, "negative"),
    ],
)
def test_numbers_out_of_range_are_refused_before_anything_is_written(
    wrong: dict[str, object], told: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=told):
        write_challenge(tmp_path / "demo", **{"subjects": [1], **TINY, **wrong})
    assert not (tmp_path / "demo").exists()


def test_the_truth_lies_beside_the_data(written: SyntheticSummary) -> None:
    marker = json.loads((written.folder / "synthetic.json").read_text())
    assert marker["made_from"]["seed"] == 7
    assert marker["truth"]["rois"]["V1v"] == {"energy": 1.0, "properties": {}, "things": 0.0}
    faces = marker["truth"]["rois"]["FFA-1"]["properties"]
    assert max(faces, key=faces.__getitem__) == "faces"


def test_progress_is_told_image_by_image(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []

    def track(items: Iterable[T], *, total: int, label: str, unit: str = "") -> Iterable[T]:
        listed = list(items)
        told.append((label, total, len(listed)))
        return listed

    write_challenge(tmp_path / "demo", subjects=[2], track=track, **TINY)
    assert told == [("subject 2: drawing images", 15, 15), ("subject 2: writing responses", 2, 2)]
