"""Trainings on images of which some are the same: copies stay together, and what others saw is held out or left out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import algocli
from algocli.dataset.opening import known
from algocli.encoding.settings import Settings
from algocli.encoding.splits import make_folds
from algocli.errors import DataError, UsageError
from algocli.results.compare import compare
from algocli.results.report import summarise
from algocli.runs.between_folds import FoldsAgain
from algocli.runs.run import Run
from algocli.runs.splitting import saved_split
from tests.dataset.toy import N_TEST, N_TRAIN, Toy, ToyKind, ToySubject, learn, make_toy

ONLY = {"shared": "only"}
EXCLUDE = {"shared": "exclude", "holdout": 0.25}


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return make_toy(tmp_path / "data", ("anna", "ben", "cleo"))


def plant(here: ToySubject, row: int, there: ToySubject, like: int) -> None:
    """Have one subject's image show what an image shows that she, or another, has, in other bytes."""
    picture, path = there.stimuli[like].path, here.stimuli[row].path
    Image.open(picture).save(path, compress_level=1)
    assert path.read_bytes() != picture.read_bytes()


def held_out(run: Run, who: str) -> list[int]:
    return sorted(run.subject(who).validation_rows().tolist())


def usual(**settings: Any) -> list[list[int]]:
    return [fold.held_out.tolist() for fold in make_folds(Settings(("x",), **settings), N_TRAIN)]


def test_without_copies_nobody_is_told_anything_and_the_split_is_as_ever(toy: Toy, tmp_path: Path) -> None:
    heard: list[str] = []
    run = learn(toy, tmp_path / "cache", holdout=0.25, note=heard.append)
    assert [held_out(run, who) for who in toy.subject_ids] == 3 * usual(holdout=0.25)
    assert not [line for line in heard if "pixels" in line]
    assert not run.subject("anna").has_array("left_out_rows")
    assert not {"copies", "shared"} & {*run.subject("anna").record}


@pytest.mark.parametrize("regression", ["ols", "blend"])
def test_a_copy_is_held_out_with_its_original_and_that_is_told(toy: Toy, tmp_path: Path, regression: str) -> None:
    anna = toy.subject("anna")
    folds = {"holdout": None, "folds": 4}
    [first, second, *_] = usual(**folds)
    # A pair that the usual split would part, and one of the training and test images.
    low, high = sorted((first[0], second[0]))
    plant(anna, high, anna, low)
    plant(anna, N_TRAIN + 1, anna, 3)
    heard: list[str] = []
    layers = {"n_components": 4, "regression": regression}
    cache = tmp_path / "cache"
    names = _layers(toy, cache, 2 if regression == "blend" else 1)
    run = algocli.train(anna, names, cache_dir=cache, note=heard.append, **folds, **layers)
    split = saved_split(run.subject("anna"), N_TRAIN)
    for fold, before in zip(split.folds, usual(**folds), strict=True):
        assert (low in fold.held_out) == (high in fold.held_out)
        assert {*fold.held_out.tolist()} ^ {*before} <= {high}
        np.testing.assert_array_equal(fold.fit, np.setdiff1d(np.arange(N_TRAIN), fold.held_out))
    told = [line for line in heard if "pixels" in line]
    names_told = [one.path.name for one in anna.stimuli]
    assert f"1 image for training has the pixels of another ({names_told[high]} those of {names_told[low]})" in told[0]
    assert f"1 image for the test has the pixels of one for training ({names_told[N_TRAIN + 1]} those of" in told[1]
    assert run.subject("anna").record["copies"] == {"train": 1, "test": 1}
    assert any("too high" in note for note in summarise(toy, run).notes)


def _layers(toy: Toy, cache: Path, n: int) -> list[str]:
    from tests.features.by_hand import cache_features

    rng = np.random.default_rng(8)
    rows = [rng.standard_normal((N_TRAIN + N_TEST, 30)).astype(np.float32) for _ in range(n)]
    return [cache_features(cache, toy.subject("anna"), some, layer=f"layer{k}") for k, some in enumerate(rows)]  # type: ignore[arg-type]


def test_images_that_others_saw_are_all_that_is_held_out(toy: Toy, tmp_path: Path) -> None:
    anna, ben, cleo = toy.subjects()
    for row, like in ((2, 5), (7, 6), (11, N_TRAIN), (15, 8)):
        plant(anna, row, ben, like)
    plant(cleo, 1, anna, 9)
    heard: list[str] = []
    with known(ToyKind(toy)):
        run = learn(Toy(toy.folder, [anna, ben]), tmp_path / "cache", **ONLY, note=heard.append, n_components=4)
    assert run.name.endswith("_sharedonly_seed4")
    assert held_out(run, "anna") == [2, 7, 9, 11, 15]
    # Of cleo, too, who is not trained.
    assert "5 of 26 images for training are held out" in " ".join(heard)
    assert run.subject("anna").record["shared"] == {"n_train": 5, "with": ["ben", "cleo"]}
    fitted = saved_split(run.subject("anna"), N_TRAIN).folds[0].fit
    np.testing.assert_array_equal(fitted, np.setdiff1d(np.arange(N_TRAIN), [2, 7, 9, 11, 15]))
    [note] = [note for note in summarise(toy, run).notes if "saw too" in note]
    assert "was scored on the training images that other subjects saw too (subject anna: 5 of 26;" in note
    assert [note for note in compare([run, run], data_dir=toy).notes if "saw too" in note] == [note]


@pytest.mark.parametrize("regression", ["ols", "ridge"])
@pytest.mark.parametrize("how", [{"holdout": 0.25}, {"holdout": None, "folds": 4}], ids=str)
def test_what_is_excluded_has_no_say_in_any_number(
    toy: Toy, tmp_path: Path, how: dict[str, Any], regression: str
) -> None:
    anna, ben, _ = toy.subjects()
    for row in (0, 9, 17):
        plant(anna, row, ben, row)
    run = learn(toy, tmp_path / "one", shared="exclude", regression=regression, n_components=4, **how)
    own = np.setdiff1d(np.arange(N_TRAIN), [0, 9, 17])
    split = saved_split(run.subject("anna"), N_TRAIN)
    np.testing.assert_array_equal(split.used, own)
    for fold, before in zip(split.folds, make_folds(run.settings, len(own)), strict=True):
        np.testing.assert_array_equal(fold.held_out, own[before.held_out])
        np.testing.assert_array_equal(fold.fit, own[before.fit])
    anna.measured["all"][[0, 9, 17]] = 100 * np.random.default_rng(1).standard_normal((3, anna.n_vertices("all")))
    again = learn(toy, tmp_path / "two", shared="exclude", regression=regression, n_components=4, **how)
    for name in run.subject("anna").arrays:
        np.testing.assert_array_equal(again.subject("anna").array(name), run.subject("anna").array(name), err_msg=name)


def test_a_run_knows_its_split_without_the_other_subjects(toy: Toy, tmp_path: Path) -> None:
    anna, ben, cleo = toy.subjects()
    for row in range(6):
        plant(anna, row, ben, row)
    cache = tmp_path / "cache"
    learn(toy, cache, shared="exclude", holdout=None, folds=4, n_components=4)
    run = algocli.find_run(cache)
    for gone in (ben, cleo):
        shutil.rmtree(gone.folder)
    again = FoldsAgain(run, anna)
    assert [fold.held_out.tolist() for fold in again.folds] == [
        fold.held_out.tolist() for fold in saved_split(run.subject("anna"), N_TRAIN).folds
    ]
    assert min(again.folds[0].fit) >= 6
    again.chance(n_draws=5, seed=0)


def test_a_run_of_other_neighbours_is_not_taken_for_done(toy: Toy, tmp_path: Path) -> None:
    anna, ben, cleo = toy.subjects()
    for row in range(5):
        plant(anna, row, ben, row)
    plant(anna, 9, cleo, 9)
    cache = tmp_path / "cache"
    first = learn(Toy(toy.folder, [anna, ben]), cache, **EXCLUDE, n_components=4)
    assert algocli.train([anna, ben], first.settings, cache_dir=cache).name == first.name
    with known(ToyKind(toy)), pytest.raises(UsageError, match="other subjects' images lay beside"):
        algocli.train(anna, first.settings, cache_dir=cache)
    with known(ToyKind(toy)):
        run = algocli.train(anna, first.settings, cache_dir=cache, force=True)
    assert 9 in run.subject("anna").array("left_out_rows")


def test_a_run_that_parted_copies_is_told(toy: Toy, tmp_path: Path) -> None:
    anna, cache = toy.subject("anna"), tmp_path / "cache"
    part = usual(holdout=0.25)[0]
    low, high = sorted((part[-1], next(row for row in range(N_TRAIN) if row not in part)))
    plant(anna, high, anna, low)
    run = learn(toy, cache, holdout=0.25, n_components=4)
    # As a version left it that knew of no copies.
    before = run.subject("anna")
    before.save("validation_rows", np.array(part))
    before.save("validation_folds", np.zeros(len(part), np.int64))
    before.finish({name: told for name, told in before.record.items() if name != "held_out"})
    heard: list[str] = []
    algocli.train(anna, run.settings, cache_dir=cache, note=heard.append)
    assert any("did not keep the same images on one side" in line for line in heard)


@pytest.mark.parametrize("shared", ["only", "exclude"])
def test_without_other_subjects_nobody_knows_what_they_saw(toy: Toy, tmp_path: Path, shared: str) -> None:
    alone = Toy(toy.folder, [toy.subject("anna")])
    with pytest.raises(DataError, match=rf"shared='{shared}' needs the images of other subjects: .* anna"):
        learn(alone, tmp_path / "cache", shared=shared)


def test_where_nobody_saw_the_same_there_is_nothing_to_hold_out(toy: Toy, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="which are 0 of 26 training images"):
        learn(toy, tmp_path / "cache", **ONLY)
