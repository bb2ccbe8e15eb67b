"""A dataset that is not the challenge goes the whole way; what it cannot do is said in a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from algocli.compute.lock import hold
from algocli.dataset.images import open_images
from algocli.dataset.opening import find_subject, known
from algocli.errors import DataError, MissingStep, UsageError
from algocli.features.imports.stores import import_files
from algocli.runs.finding import find_run
from algocli.runs.leftovers import find_in_cache
from algocli.runs.run import Run
from tests.dataset.toy import N_TRAIN, Toy, ToyKind, learn, make_toy, run_of_toy, toy_with_regions  # noqa: F401
from tests.features.by_hand import extract_one
from tests.features.stand_in import stand_in


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"regression": "ridge"},
        {"folds": 3},
        {"refit": False},
        {"n_components": None, "regression": "ridge", "alphas": (0.01, 100, 5)},
    ],
    ids=str,
)
def test_any_model_is_trained_on_any_dataset(toy: Toy, tmp_path: Path, settings: dict[str, Any]) -> None:
    trained = learn(toy, tmp_path, **settings)
    assert trained.subjects == ("anna", "ben")
    assert trained.subject("ben").test_predictions("all").shape == (4, 7)


def test_the_same_command_finds_the_work_done(toy: Toy, tmp_path: Path) -> None:
    learn(toy, tmp_path)
    said: list[str] = []
    again = learn(toy, tmp_path, note=said.append)
    assert [line for line in said if "done already" in line] == [
        f"subject {name}: run {again.name} is done already" for name in ("anna", "ben")
    ]


def test_other_responses_are_another_run(tmp_path: Path) -> None:
    one, other = (make_toy(tmp_path / name) for name in ("a", "b"))
    for person in other.subjects():
        person.measured["all"] = person.measured["all"] + np.float32(1) * person.measured["all"] ** 2
    assert learn(one, tmp_path / "cache").name != learn(other, tmp_path / "cache").name


def test_three_sides_keep_their_order(tmp_path: Path) -> None:
    toy = make_toy(tmp_path / "data", ("anna",), ("top", "middle", "bottom"))
    trained = learn(toy, tmp_path / "cache")
    assert trained.subject("anna").sides == ("top", "middle", "bottom")
    assert [row.hemisphere for row in algocli.report(trained, data_dir=toy).rows] == ["top", "middle", "bottom"]
    with pytest.raises(UsageError, match="side='left' is not known"):
        trained.subject("anna").correlation("left")


def test_names_with_dashes_are_kept_apart(tmp_path: Path) -> None:
    toy = make_toy(tmp_path / "data", ("anna", "anna-2"))
    trained = learn(toy, tmp_path / "cache")
    assert trained.subjects == ("anna", "anna-2")
    first, second = (trained.subject(name).record["inputs"]["features"] for name in trained.subjects)
    assert first != second


def test_ten_numbered_subjects_are_in_order(tmp_path: Path) -> None:
    names = [f"subj{number:02d}" for number in (10, 2, 9)]
    toy = make_toy(tmp_path / "data", names)
    trained = learn(toy, tmp_path / "cache")
    assert trained.subjects == (2, 9, 10)
    assert trained.subject("subj09").id == trained.subject("9").id == trained.subject(9).id == 9


def test_without_test_images_there_are_no_test_predictions(tmp_path: Path) -> None:
    toy = make_toy(tmp_path / "data", ("anna",), n_test=0)
    share = learn(toy, tmp_path / "cache").subject("anna")
    with pytest.raises(DataError, match="no test images"):
        share.test_predictions("all")
    assert [row.roi for row in algocli.report(learn(toy, tmp_path / "cache"), data_dir=toy).rows] == ["All vertices"]


def test_features_are_imported_by_words(toy: Toy, tmp_path: Path) -> None:
    anna = toy.subject("anna")
    features = np.random.default_rng(0).standard_normal((len(anna.stimuli), 5)).astype(np.float32)
    np.save(tmp_path / "features.npy", features[::-1])
    (tmp_path / "ids.csv").write_text("id\n" + "".join(f"{one.id}\n" for one in anna.stimuli[::-1]))
    (store,) = import_files(
        [anna], [tmp_path / "features.npy"], "mine", tmp_path / "cache", ids_file=tmp_path / "ids.csv", dtype="float32"
    )
    np.testing.assert_array_equal(store.read(), features)


def test_features_are_imported_by_the_names_of_files(toy: Toy, tmp_path: Path) -> None:
    anna = toy.subject("anna")
    features = np.random.default_rng(0).standard_normal((len(anna.stimuli), 5)).astype(np.float32)
    np.save(tmp_path / "features.npy", features[::-1])
    (tmp_path / "names.txt").write_text("".join(f"x/{one.path.name}\n" for one in anna.stimuli[::-1]))
    names = tmp_path / "names.txt"
    (store,) = import_files(
        [anna], [tmp_path / "features.npy"], "mine", tmp_path / "cache", names_file=names, dtype="float32"
    )
    np.testing.assert_array_equal(store.read(), features)


def test_numbers_say_nothing_where_ids_are_words(toy: Toy, tmp_path: Path) -> None:
    np.save(tmp_path / "features.npy", np.zeros((N_TRAIN + 3, 5), np.float32))
    with pytest.raises(DataError, match="the ids of anna are words"):
        import_files([toy.subject("anna")], [tmp_path / "features.npy"], "mine", tmp_path / "cache", key="nsd-id")


def test_somebody_who_is_not_there_is_told(run: Run) -> None:
    with pytest.raises(MissingStep, match="no subject carl"):
        run.subject("carl")
    with pytest.raises(UsageError, match="no subject can be called so"):
        run.subject("../anna")


def test_a_subject_is_found_by_its_own_folder(toy: Toy) -> None:
    anna = toy.subject("anna")
    assert find_subject(anna.id, anna.folder) is None
    with known(ToyKind(toy)):
        assert find_subject(anna.id, anna.folder) is anna


def test_what_a_killed_command_left_of_somebody_may_go_and_what_is_held_stays(tmp_path: Path) -> None:
    toy = make_toy(tmp_path / "data", ("anna-2",))
    cache = tmp_path / "cache"
    store = extract_one(toy.subject("anna-2"), stand_in(), cache)
    assert find_in_cache(cache) == []
    assert find_in_cache(cache, unused=True)[0].path == store.folder
    with hold(store.folder.parent / "anna-2.lock"):
        assert find_in_cache(cache, unused=True)[0].is_held
    algocli.train(toy.subjects(), store.folder.parent.name, n_components=4, cache_dir=cache)
    assert find_in_cache(cache, unused=True) == []


def test_a_folder_of_somebody_elses_beside_the_stores_stays(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    store = extract_one(make_toy(tmp_path / "data", ("anna",)).subject("anna"), stand_in(), cache)
    (store.folder.parent / "backup-0a1b2c3d").mkdir()
    assert find_in_cache(cache) == []


@pytest.mark.parametrize(
    ("names", "sides", "fault"), [(("01",), ("all",), "subject='01'"), (("a",), ("b/c",), "sides=")]
)
def test_what_nothing_can_be_named_after_is_refused(
    tmp_path: Path, names: tuple[str, ...], sides: tuple[str, ...], fault: str
) -> None:
    toy = make_toy(tmp_path / "data", names, sides)
    with pytest.raises(UsageError, match=fault):
        algocli.train(toy.subjects(), "none", cache_dir=tmp_path / "cache")
    assert not (tmp_path / "cache/runs").exists()


def test_what_is_no_subject_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a Subject was expected"):
        algocli.train(["anna"], "none", cache_dir=tmp_path)  # type: ignore[list-item]


def test_images_may_lie_in_a_folder_with_a_table_of_words(toy: Toy, tmp_path: Path) -> None:
    anna = toy.subject("anna")
    for place, one in enumerate(anna.stimuli):
        shutil.copy(one.path, tmp_path / f"{place}.png")
    lines = [f"{place}.png,{one.id}" for place, one in reversed(list(enumerate(anna.stimuli)))]
    (tmp_path / "ids.csv").write_text("\n".join(["file,id", *lines]))
    assert open_images(anna, tmp_path).digest(tmp_path / "cache") == open_images(anna).digest(tmp_path / "cache")
    (tmp_path / "bricks.hdf5").touch()
    with pytest.raises(DataError, match="the images of anna are called by words"):
        open_images(anna, tmp_path / "bricks.hdf5")


def test_the_shell_takes_somebody_by_name(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    names = {extract_one(one, stand_in(), tmp_path / "cache").folder.parent.name for one in toy.subjects()}
    cache = ["--cache-dir", str(tmp_path / "cache"), "--quiet"]
    features = [word for name in names for word in ("--features", name)]
    with known(ToyKind(toy)):
        data = ["--data-dir", str(toy.folder)]
        trained = CliRunner().invoke(app, ["train", "-s", "ben", "--pca", "4", *features, *data, *cache])
        assert trained.exit_code == 0, trained.output
        assert find_run(tmp_path / "cache").subjects == ("ben",)
        shown = CliRunner().invoke(app, ["report", "-s", "ben", "--json", *cache])
        assert {row["subject"] for row in json.loads(shown.stdout)["rows"]} == {"ben"}
        refused = CliRunner().invoke(app, ["train", "-s", "carl", "--pca", "4", *features, *data, *cache])
    assert (refused.exit_code, "'carl' names no subject" in refused.output) == (2, True)
