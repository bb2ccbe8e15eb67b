"""The folder of runs: names, what is done, which is the latest, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algocli.compute.files import read_json
from algocli.compute.lock import hold
from algocli.compute.vouching import write_sealed
from algocli.encoding.settings import Alphas, Settings
from algocli.errors import DataError, MissingStep, UsageError
from algocli.runs.aside import aside
from algocli.runs.finding import find_run, list_runs
from algocli.runs.opening import open_run
from algocli.runs.run import Run, check_run_name
from tests.support.damage import cut_short, flip, zero_a_page

SETTINGS = Settings(features=("alexnet-features.2-12345678",))


def finished(cache: Path, name: str, *, at: float = 1.0, subjects: tuple[int, ...] = (1,)) -> Run:
    """Make a run with finished subjects."""
    run = open_run(cache, name, SETTINGS)
    for number in subjects:
        run.start_subject(number).finish({"finished_at": at, "inputs": {}})
    return run


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    for settings in (
        SETTINGS,
        Settings(features=("a", "b"), n_components=7, holdout=1 / 3, seed=9, refit=False),
        Settings(features=("a",), holdout=None, folds=10),
        Settings(features=("a",), n_components=None, regression="ridge", alphas=Alphas(0.1, 10, 5)),
    ):
        run = open_run(tmp_path, settings.default_name, settings)
        assert run.settings == settings
        assert Run(run.folder).settings == settings
        assert open_run(tmp_path, settings.default_name, settings).name == settings.default_name


@pytest.mark.parametrize("change", [{"n_components": 50}, {"seed": 5}, {"holdout": 0.2}, {"refit": False}])
def test_other_settings_under_the_same_name_are_refused(tmp_path: Path, change: dict[str, float]) -> None:
    open_run(tmp_path, "mine", SETTINGS)
    with pytest.raises(UsageError, match=f"run mine exists and was made with other settings: {SETTINGS.default_name}"):
        open_run(tmp_path, "mine", replace(SETTINGS, **change))  # type: ignore[arg-type]
    assert open_run(tmp_path, "mine", SETTINGS).settings == SETTINGS


def test_a_run_of_another_version_is_refused(tmp_path: Path) -> None:
    manifest = open_run(tmp_path, "old", SETTINGS).folder / "manifest.json"
    write_sealed(manifest, {**read_json(manifest), "schema": 99})
    with pytest.raises(DataError, match="another version of algocli"):
        open_run(tmp_path, "old", SETTINGS)


@pytest.mark.parametrize("name", ["a", "A-1", "alexnet_features.2", "x+y=z,w", "9", SETTINGS.default_name, "n" * 200])
def test_a_name_that_can_be_a_folders_is_taken(name: str) -> None:
    assert check_run_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "/tmp/x",
        "a\\b",
        ".hidden",
        "-x",
        "latest",
        "a b",
        "a\n",
        "ä",
        "~",
        "n" * 201,
        "a\0",
    ],
)
def test_a_name_that_is_reserved_or_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a run's name"):
        check_run_name(name)


@given(st.text(max_size=30))
def test_no_accepted_name_leaves_the_folder_of_runs(name: str) -> None:
    try:
        accepted = check_run_name(name)
    except UsageError:
        return
    assert os.path.normpath(f"/cache/runs/{accepted}") == f"/cache/runs/{accepted}"
    assert Path(accepted).name == accepted


def test_a_subject_is_done_when_its_record_says_so(tmp_path: Path) -> None:
    run = open_run(tmp_path, "mine", SETTINGS)
    share = run.start_subject(3)
    share.save("left_correlation", np.zeros(4))
    assert not run.has(3)
    assert run.subjects == ()
    with pytest.raises(MissingStep, match="run mine has no subject 3") as caught:
        run.subject(3)
    assert caught.value.hint == f"algocli train --features {SETTINGS.features[0]} --run mine -s 3"
    share.finish({"finished_at": 5.0})
    assert run.has(3)
    assert run.subject(3).record == {"finished_at": 5.0}
    assert run.subjects == (3,)


def test_a_subject_that_is_begun_again_is_not_done(tmp_path: Path) -> None:
    run = finished(tmp_path, "mine", subjects=(1, 2))
    run.start_subject(2)
    assert run.subjects == (1,)


def test_arrays_come_back_as_they_were_saved(tmp_path: Path) -> None:
    share = open_run(tmp_path, "mine", SETTINGS).start_subject(1)
    rng = np.random.default_rng(0)
    r, predictions = rng.standard_normal(5), rng.standard_normal((7, 5)).astype(np.float32)
    share.save("left_correlation", r)
    with share.writing_rows("left_pred_validation", (7, 5)) as append:
        for start in range(0, 7, 3):
            append(predictions[start : start + 3])
    np.testing.assert_array_equal(share.correlation("left"), r)
    np.testing.assert_array_equal(share.validation_predictions("left"), predictions)
    np.testing.assert_array_equal(np.load(share.folder / "left_pred_validation.npy"), predictions)


def test_an_interrupted_array_is_not_there(tmp_path: Path) -> None:
    share = open_run(tmp_path, "mine", SETTINGS).start_subject(1)

    def write() -> None:
        with share.writing_rows("left_pred_test", (4, 3)) as append:
            append(np.zeros((2, 3), np.float32))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert list(share.folder.iterdir()) == []
    with pytest.raises(DataError, match=r"left_pred_test\.npy is missing"):
        share.test_predictions("left")


def test_a_damaged_array_is_named(tmp_path: Path) -> None:
    share = finished(tmp_path, "mine").subject(1)
    share.save("right_correlation", np.zeros(50))
    os.truncate(share.folder / "right_correlation.npy", 140)
    with pytest.raises(DataError, match=r"right_correlation\.npy is missing or damaged"):
        share.correlation("right")


def test_without_a_run_the_step_is_named(tmp_path: Path) -> None:
    open_run(tmp_path, "begun but not finished", SETTINGS)
    for name in ("latest", "begun"):
        with pytest.raises(MissingStep, match="no finished run") as caught:
            find_run(tmp_path, name)
        assert caught.value.hint == "algocli train"


def test_the_latest_is_the_one_that_was_marked_last(tmp_path: Path) -> None:
    first, second = finished(tmp_path, "first", at=10), finished(tmp_path, "second", at=20)
    second.mark_latest()
    assert find_run(tmp_path).name == "second"
    # Trained before, and asked for again: its work was found done.
    first.mark_latest()
    assert find_run(tmp_path).name == "first"
    assert [run.name for run in list_runs(tmp_path)] == ["first", "second"]


def test_without_a_mark_the_latest_is_the_one_that_ended_last(tmp_path: Path) -> None:
    for name, at in (("a", 30), ("b", 50), ("c", 40)):
        finished(tmp_path, name, at=at)
    assert [run.name for run in list_runs(tmp_path)] == ["b", "c", "a"]


@pytest.mark.parametrize("content", ["", "gone\n", "../..\n"])
def test_a_mark_that_leads_nowhere_is_passed_over(tmp_path: Path, content: str) -> None:
    finished(tmp_path, "only")
    (tmp_path / "runs" / "latest").write_text(content)
    assert find_run(tmp_path).name == "only"


def test_the_beginning_of_a_name_is_enough_where_it_fits_one(tmp_path: Path) -> None:
    for name in ("alexnet_pca100", "alexnet_pca200", "resnet", "alexnet"):
        finished(tmp_path, name)
    assert find_run(tmp_path, "res").name == "resnet"
    assert find_run(tmp_path, "alexnet_pca1").name == "alexnet_pca100"
    # A whole name is itself, though it begins others.
    assert find_run(tmp_path, "alexnet").name == "alexnet"


def test_a_beginning_that_fits_several_is_refused_with_all_of_them(tmp_path: Path) -> None:
    for name in ("alexnet_pca100", "alexnet_pca200", "resnet"):
        finished(tmp_path, name)
    with pytest.raises(UsageError, match="'alex' fits 2 runs") as caught:
        find_run(tmp_path, "alex")
    assert "alexnet_pca100" in caught.value.message
    assert "resnet" not in caught.value.message


@pytest.mark.parametrize("name", ["nonsense", "../runs/resnet", "RESNET"])
def test_a_name_that_fits_none_is_refused_with_those_there_are(tmp_path: Path, name: str) -> None:
    finished(tmp_path, "resnet")
    with pytest.raises(UsageError, match=r"no run is named '.*'; there are:\n  resnet"):
        find_run(tmp_path, name)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"finished_at": "yesterday"}'])
def test_a_subject_with_a_damaged_record_is_not_done_and_hides_no_other(tmp_path: Path, content: str) -> None:
    finished(tmp_path, "other", at=1)
    run = finished(tmp_path, "mine", at=2, subjects=(1, 2))
    (run.folder / "subj02" / "record.json").write_text(content)
    assert run.subjects == (1,)
    with pytest.raises(MissingStep, match="run mine has no subject 2"):
        run.subject(2)
    assert [found.name for found in list_runs(tmp_path)] == ["mine", "other"]


@pytest.mark.parametrize(
    "manifest",
    [
        {"schema": 1},
        {"schema": 1, "settings": 3},
        {"schema": 1, "settings": {"features": ["a"], "colour": "red"}},
        {"schema": 1, "settings": {"features": ["a"], "n_components": "many"}},
        {"schema": 1, "settings": {"features": ["a"], "n_components": 0}},
    ],
)
def test_damaged_settings_are_named(tmp_path: Path, manifest: dict[str, object]) -> None:
    run = finished(tmp_path, "mine")
    write_sealed(run.folder / "manifest.json", manifest)
    with pytest.raises(DataError, match=r"the settings in .*mine are damaged") as caught:
        _ = run.settings
    assert str(caught.value.hint).startswith(f"rm -r {run.folder}, then train again")


def test_an_empty_array_is_a_damaged_one(tmp_path: Path) -> None:
    share = finished(tmp_path, "mine").subject(1)
    (share.folder / "left_correlation.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"left_correlation\.npy is missing or damaged"):
        share.correlation("left")


@pytest.mark.parametrize("damage", [flip, cut_short, zero_a_page])
def test_a_damaged_mark_is_told_where_another_run_could_be_meant(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    for at, name in enumerate(("run1", "run3")):
        finished(tmp_path, name, at=at).mark_latest()
    find_run(tmp_path, "run1").mark_latest()
    assert find_run(tmp_path).name == "run1"
    mark = tmp_path / "runs" / "latest"
    damage(mark)
    with pytest.raises(DataError, match="latest is damaged, or the run that it names is gone") as refused:
        find_run(tmp_path)
    assert refused.value.hint is not None
    assert refused.value.hint.startswith(f"delete {mark}: ")
    assert find_run(tmp_path, "run1").name == "run1"
    mark.unlink()
    assert find_run(tmp_path).name == "run3"


def test_a_mark_of_before_has_the_name_alone(tmp_path: Path) -> None:
    for at, name in enumerate(("a", "b")):
        finished(tmp_path, name, at=at)
    (tmp_path / "runs" / "latest").write_text("a\n")
    assert find_run(tmp_path).name == "a"
    (tmp_path / "runs" / "latest").write_text("gone\n")
    with pytest.raises(DataError, match="the run that it names is gone"):
        find_run(tmp_path)


def test_a_mark_that_is_no_text_is_passed_over(tmp_path: Path) -> None:
    finished(tmp_path, "only")
    (tmp_path / "runs" / "latest").write_bytes(b"\xff\xfe")
    assert find_run(tmp_path).name == "only"


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_correlations_that_training_never_writes_are_refused(tmp_path: Path, wrong: float) -> None:
    share = finished(tmp_path, "mine").subject(1)
    share.save("left_correlation", np.array([0.5, wrong]))
    with pytest.raises(DataError, match=r"left_correlation\.npy is damaged") as refused:
        share.correlation("left")
    assert str(refused.value.hint).endswith("--run mine -s 1 --force")


def test_settings_that_an_older_version_misunderstood_are_named(tmp_path: Path) -> None:
    run = finished(tmp_path, "mine")
    manifest = read_json(run.folder / "manifest.json")
    manifest["settings"]["regression"] = "OLS"
    write_sealed(run.folder / "manifest.json", manifest)
    with pytest.raises(DataError, match=r"regression='OLS' is not known \(did you mean ols\?\)"):
        _ = run.settings


def test_other_settings_replace_a_run_only_if_nobody_trains_it(tmp_path: Path) -> None:
    run = finished(tmp_path, "mine", subjects=(1, 2))
    with hold(run.lock(2)), aside(run, 2) as made:
        write_sealed(made.folder / "manifest.json", read_json(run.folder / "manifest.json"))
        with pytest.raises(UsageError, match="run mine is being trained"):
            open_run(tmp_path, "mine", replace(SETTINGS, seed=5), replace=True)
    # Until a subject of the other has been trained, it stays.
    assert open_run(tmp_path, "mine", replace(SETTINGS, seed=5), replace=True).subjects == (1, 2)
    assert run.settings == SETTINGS


def test_a_folder_that_is_no_run_is_never_deleted(tmp_path: Path) -> None:
    notes = tmp_path / "runs" / "mine" / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("what I meant to try")
    open_run(tmp_path, "mine", SETTINGS, replace=True)
    assert notes.read_text() == "what I meant to try"


def test_a_link_to_a_run_elsewhere_is_not_followed_to_delete_it(tmp_path: Path) -> None:
    elsewhere = finished(tmp_path / "other", "theirs")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mine").symlink_to(elsewhere.folder)
    with pytest.raises(UsageError, match="is a link to a run elsewhere"):
        open_run(tmp_path, "mine", replace(SETTINGS, seed=5), replace=True)
    assert elsewhere.subjects == (1,)
