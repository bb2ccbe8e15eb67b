"""A run is of one dataset: which one it is known by what is in it, and another is refused or has a run of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algocli.compute.files import read_json
from algocli.compute.lock import hold, machine
from algocli.compute.track import unheard
from algocli.compute.vouching import write_sealed
from algocli.dataset.challenge.subjects import Challenge
from algocli.encoding.settings import Settings
from algocli.errors import UsageError
from algocli.runs.datasets import Home, differing
from algocli.runs.leftovers import find_in_cache
from algocli.runs.opening import claim, open_on
from algocli.runs.run import Run
from algocli.runs.training import train_subject
from tests.encoding.data_by_hand import datasets_to_spoil, draw_responses, write_dataset, written_datasets  # noqa: F401

Train = Callable[..., Run]


@pytest.fixture
def settings(written: Path) -> Settings:
    (recipe,) = (path.name for path in (written / "cache/features").iterdir())
    return Settings((recipe,), n_components=5)


@pytest.fixture
def train(home: Path, settings: Settings) -> Train:
    def fit(data: str, *numbers: int, name: str | None = "same", force: bool = False, **options: Any) -> Run:
        subjects = Challenge(home / data).subjects(numbers or None)
        dataset = Home.of(subjects, home / "cache")
        run = open_on(dataset, settings, [one.number for one in subjects], name=name, force=force, **options)
        for subject in subjects:
            train_subject(subject, run, home / "cache", force=force)
        return run

    return fit


def responses_of(run: Run, number: int) -> Any:
    return run.subject(number).record["inputs"]["responses"]


def test_the_same_subject_of_other_data_is_refused(train: Train, home: Path) -> None:
    before = responses_of(train("a", 1), 1)
    with pytest.raises(UsageError, match=f"run same was trained on other data .*{home / 'a'}") as caught:
        train("b", 1)
    assert f"in {home / 'b'} the responses of subject 1 differ" in caught.value.message
    assert "name=" in str(caught.value.hint)
    assert "force=True" in str(caught.value.hint)
    assert responses_of(Run(home / "cache/runs/same"), 1) == before


def test_another_subject_of_other_data_is_refused(train: Train) -> None:
    run = train("a", 1)
    with pytest.raises(UsageError, match="trained on other data"):
        train("b", 6)
    assert run.subjects == (1,)


def test_another_subject_of_a_folder_that_nothing_connects_is_refused(train: Train, home: Path) -> None:
    train("a", 1)
    shutil.rmtree(home / "b/subj01")
    with pytest.raises(UsageError, match=f"nothing shows that {home / 'b'} is the same"):
        train("b", 6)


def test_another_subject_of_the_same_folder_is_added(train: Train) -> None:
    train("a", 1)
    assert train("a", 6).subjects == (1, 6)


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_a_folder_that_was_moved_or_copied_is_the_same_dataset(train: Train, home: Path, move: Any) -> None:
    train("a", 1)
    move(home / "a", home / "elsewhere")
    run = train("elsewhere", 6)
    assert run.subjects == (1, 6)
    assert run.data == str(home / ("a" if (home / "a").exists() else "elsewhere"))


def test_a_subject_is_found_where_its_dataset_was_moved_to(train: Train, home: Path) -> None:
    run = train("a", 1)
    shutil.move(home / "a", home / "elsewhere")
    # Nothing has shown yet that this is the same.
    assert run.subject(1).data_folder == home / "a/subj01"
    train("elsewhere", 6)
    assert [run.subject(number).data_folder for number in (1, 6)] == [home / f"elsewhere/subj0{n}" for n in (1, 6)]
    # The place of its record comes first, as long as there is something.
    shutil.copytree(home / "elsewhere", home / "a")
    assert run.subject(1).data_folder == home / "a/subj01"


def test_a_folder_of_links_to_subjects_is_one_dataset(train: Train, home: Path) -> None:
    for number, disk in ((1, "one"), (6, "two")):
        (home / disk).mkdir()
        shutil.move(home / f"a/subj0{number}", home / disk)
        (home / f"a/subj0{number}").symlink_to(home / disk / f"subj0{number}")
    train("a", 1)
    assert train("a", 6).subjects == (1, 6)


def test_force_replaces_a_run_of_other_data_as_a_whole(train: Train, home: Path) -> None:
    train("a")
    notes: list[str] = []
    run = train("b", 1, force=True, note=notes.append)
    assert run.subjects == (1,)
    assert run.data == str(home / "b")
    assert any("is replaced as a whole" in note for note in notes)


def test_force_replaces_the_run_though_the_subject_itself_was_not_in_it(train: Train) -> None:
    train("a", 1)
    assert train("b", 6, force=True).subjects == (6,)


def test_force_trains_again_what_changed_in_its_folder_and_keeps_the_rest(train: Train, home: Path) -> None:
    run = train("a")
    kept = responses_of(run, 6)
    draw_responses(home / "a", 1, seed=5)
    with pytest.raises(UsageError, match="the responses of subject 1 differ"):
        train("a", 6)
    run = train("a", 1, force=True)
    assert run.subjects == (1, 6)
    assert responses_of(run, 6) == kept


def test_force_keeps_nothing_that_its_folder_has_other_data_of_now(train: Train, home: Path) -> None:
    train("a")
    for number in (1, 6):
        draw_responses(home / "a", number, seed=5)
    assert train("a", 1, force=True).subjects == (1,)


def test_a_run_that_is_being_trained_is_not_deleted(train: Train, home: Path) -> None:
    run = train("a", 1)
    subject = Challenge(home / "a").subject(1)
    inputs, dataset = run.subject(1).record["inputs"], Home.of([subject], run.cache_dir)
    with (
        hold(run.lock(1)),
        claim(run, run.settings, subject, inputs, dataset, force=True, note=unheard) as made,
    ):
        with pytest.raises(UsageError, match="run same is being trained"):
            train("b", 6, force=True)
        assert run.subjects == (1,)
        made.finish(run.subject(1).record)
    assert run.subjects == (1,)


def test_a_run_of_which_nothing_is_finished_is_anyones_unless_it_is_being_trained(
    home: Path, settings: Settings, train: Train
) -> None:
    begun = open_on(Home(home / "a", home / "cache"), settings, [1], name="same")
    with hold(begun.lock(1)), pytest.raises(UsageError, match="is being trained on"):
        train("b", 6)
    assert train("b", 6).data == str(home / "b")
    # Whoever had begun it finds that it is no longer his.
    with pytest.raises(UsageError, match="was begun on"):
        train_subject(Challenge(home / "a").subject(1), begun, home / "cache")


def test_a_run_that_is_replaced_stays_until_a_subject_of_the_new_one_is_whole(
    train: Train, home: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    train("a")
    other = replace(settings, n_components=3)
    run = open_on(Home(home / "a", home / "cache"), other, [1], name="same", force=True)
    with monkeypatch.context() as patch:
        patch.setattr("algocli.runs.training.Training.run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train_subject(Challenge(home / "a").subject(1), run, home / "cache", force=True)
    assert (run.settings, run.subjects) == (settings, (1, 6))
    train_subject(Challenge(home / "a").subject(1), run, home / "cache", force=True)
    assert (run.settings, run.subjects) == (other, (1,))
    # Whoever was to replace the first one too joins the second.
    train_subject(Challenge(home / "a").subject(6), run, home / "cache", force=True)
    assert (run.settings, run.subjects) == (other, (1, 6))


def test_settings_that_a_record_tells_count_though_the_manifest_tells_others(
    train: Train, home: Path, settings: Settings
) -> None:
    run = train("a", 1)
    before = run.subject(1).correlation("left").copy()
    other = replace(settings, n_components=3)
    write_sealed(run.folder / "manifest.json", {**read_json(run.folder / "manifest.json"), "settings": asdict(other)})
    train_subject(Challenge(home / "a").subject(1), Run(run.folder), home / "cache")
    assert run.subject(1).record["settings"]["n_components"] == 3
    assert not np.array_equal(run.subject(1).correlation("left"), before)


def test_what_a_killed_training_left_is_swept_by_the_next_of_any_subject(train: Train, home: Path) -> None:
    run = train("a", 1)
    for number in (1, 6):
        left = run.lock(number).parent / f"new-{machine()}" / f"subj0{number}"
        left.mkdir(parents=True)
        (left.parent.parent / "lock").touch()
        (left / "left_correlation.npy.0a1b2c3d.partial").write_text("half")
    with hold(run.lock(6)):
        train("a", 1, force=True)
        # Somebody lives there.
        assert [path.name for path in (home / "cache").rglob("*.partial")] == ["left_correlation.npy.0a1b2c3d.partial"]
    train("a", 1, force=True)
    assert list((home / "cache").rglob("*.partial")) == []


def test_a_run_that_was_deleted_meanwhile_is_not_trained(home: Path, settings: Settings, train: Train) -> None:
    train("a", 6)
    run = open_on(Home(home / "a", home / "cache"), settings, [1], name="same")
    shutil.rmtree(run.folder)
    with pytest.raises(UsageError, match="was deleted or replaced meanwhile"):
        train_subject(Challenge(home / "a").subject(1), run, home / "cache")
    assert not run.folder.exists()


def claims_left(home: Path) -> list[str]:
    left = [one.path for one in find_in_cache(home / "cache")]
    return [path.parent.name for path in left if path.name == "manifest.json"]


@pytest.mark.parametrize("how", [{"n_components": 500}, {}])
def test_a_first_training_that_is_refused_or_killed_leaves_no_run_and_no_name_that_is_taken(
    train: Train, home: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    runs = home / "cache/runs"
    before = set(runs.glob("[!.]*"))
    refused = replace(settings, **how)
    dataset = Home(home / "a", home / "cache")
    with monkeypatch.context() as patch:
        if not how:
            patch.setattr("algocli.runs.training.Training.run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            # As after a kill, nothing is tidied up.
            patch.setattr("algocli.runs.aside._clear", lambda *_: None)
        run = open_on(dataset, refused, [1], name="same")
        with pytest.raises((UsageError, KeyboardInterrupt)):
            train_subject(Challenge(home / "a").subject(1), run, home / "cache")
    assert set(runs.glob("[!.]*")) == before
    assert claims_left(home) == ["same"]
    # Somebody else may have the name, with other settings and on other data.
    theirs = open_on(Home(home / "b", home / "cache"), replace(settings, n_components=4), [6], name="same")
    other = train_subject(Challenge(home / "b").subject(6), theirs, home / "cache")
    assert other.folder.parent == run.folder
    assert not claims_left(home)


def test_a_name_is_claimed_while_somebody_trains(home: Path, settings: Settings) -> None:
    dataset = Home(home / "a", home / "cache")
    begun = open_on(dataset, settings, [1], name="same")
    other = replace(settings, n_components=4)
    with hold(begun.lock(1)), pytest.raises(UsageError, match="is being trained with other settings"):
        open_on(dataset, other, [1], name="same")
    # Before that it may be anyone's, and whoever began first is told before anything is fitted.
    open_on(dataset, other, [1], name="same")
    with pytest.raises(UsageError, match="was deleted or replaced meanwhile"):
        train_subject(Challenge(home / "a").subject(1), begun, home / "cache")


def test_subjects_without_a_manifest_are_taken_for_no_runs_own(train: Train) -> None:
    run = train("a", 1)
    (run.folder / "manifest.json").unlink()
    with pytest.raises(UsageError, match="nothing says with which settings"):
        train("b", 6)
    assert train("b", 6, force=True).subjects == (6,)


def test_a_run_of_old_is_known_by_the_records_of_its_subjects(train: Train, home: Path) -> None:
    run = train("a", 1)
    manifest = read_json(run.folder / "manifest.json")
    del manifest["data"]
    write_sealed(run.folder / "manifest.json", manifest)
    with pytest.raises(UsageError, match="trained on other data"):
        train("b", 6)
    assert train("a", 6).data == str(home / "a")


def test_subjects_of_several_folders_are_no_dataset(home: Path) -> None:
    subjects = [Challenge(home / "a").subject(1), Challenge(home / "b").subject(6)]
    with pytest.raises(UsageError, match="of one dataset"):
        Home.of(subjects, home / "cache")


def test_an_automatic_name_that_other_data_has_is_followed_by_a_digest(
    train: Train, home: Path, settings: Settings
) -> None:
    first = train("a", name=None)
    notes: list[str] = []
    second = train("b", 6, name=None, note=notes.append)
    assert first.name == settings.default_name
    assert second.name.startswith(f"{settings.default_name}_data-")
    assert f"run {first.name} is of other data: this one is {second.name}" in notes
    # Whichever subject is asked for, and wherever the folder is by then.
    shutil.move(home / "b", home / "moved")
    assert train("moved", 1, name=None).name == second.name
    assert second.subjects == (1, 6)
    assert train("a", 1, name=None).name == first.name


def test_a_dataset_has_the_same_name_in_whatever_folder_it_is_begun(train: Train, home: Path) -> None:
    train("a", name=None)
    shutil.copytree(home / "b", home / "copy")
    begun = train("b", 6, name=None)
    shutil.rmtree(begun.folder)
    assert train("copy", 1, name=None).name == begun.name


def test_datasets_that_differ_in_a_later_subject_have_names_of_their_own(train: Train, home: Path) -> None:
    names = [train("a", name=None).name]
    shutil.copytree(home / "b", home / "c")
    draw_responses(home / "c", 6, seed=7)
    names += [train(data, name=None).name for data in "bc"]
    assert len(set(names)) == 3
    assert [train(data, name=None).name for data in "abc"] == names


def test_the_data_of_records_differ_in_what_both_of_them_tell() -> None:
    one = {"responses": {"left": "l", "right": "r"}, "stimuli": "s"}
    assert differing(one, dict(one)) == []
    assert differing(one, {**one, "stimuli": "t"}) == ["images"]
    assert differing({**one, "responses": {}}, {**one, "stimuli": "t"}) == ["responses", "images"]
    assert differing({"responses": one["responses"]}, one) == []
    for nothing in (None, {}, [], {"responses": 3}):
        assert differing(nothing, one) is None
