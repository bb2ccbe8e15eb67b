"""`algocli import-features` as a shell sees it."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.dataset.challenge.subjects import Challenge
from algocli.pipeline import import_features
from algocli.runs.finding import find_run
from tests.features.by_hand import list_stores
from tests.support.challenge import write_tiny_challenge


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    return write_tiny_challenge(tmp_path_factory.mktemp("import") / "challenge", n_train=40, n_test=6, image_size=16)


@pytest.fixture
def run(challenge, tmp_path):
    def invoke(command, *words):
        where = ["--data-dir", str(challenge), "--cache-dir", str(tmp_path / "cache")]
        return CliRunner().invoke(app, [command, *map(str, words), *where])

    return invoke


@pytest.fixture
def file(tmp_path):
    """The features of one subject's 46 images."""
    np.save(tmp_path / "features.npy", np.random.default_rng(0).standard_normal((46, 12)))
    return tmp_path / "features.npy"


@pytest.fixture
def everyone(tmp_path):
    """An array of 73,000 rows, one for each NSD id."""
    with h5py.File(tmp_path / "everyone.h5", "w") as features:
        features["layer4"] = np.random.default_rng(1).standard_normal((73_000, 12), dtype=np.float32)
    return tmp_path / "everyone.h5"


def test_one_subjects_features_become_a_store(run, file, tmp_path):
    result = run("import-features", file, "--name", "mine", "-s", 6)
    assert result.exit_code == 0, result.output
    (store,) = list_stores(tmp_path / "cache")
    np.testing.assert_array_equal(store.read(), np.load(file).astype(np.float32))
    (line,) = result.stdout.splitlines()
    assert line.split()[:4] == ["subj06", "46", "x", "12"]
    assert line.split()[-1] == str(store.folder)
    assert "next: algocli train --features mine" in result.stderr


def test_an_array_of_every_nsd_image_serves_every_subject(run, everyone, challenge, tmp_path):
    result = run("import-features", everyone, "--name", "mine", "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["rows"]
    assert [(row["subject"], row["features"], row["n_features"]) for row in rows] == [(1, "mine", 12), (6, "mine", 12)]
    with h5py.File(everyone) as features:
        array = features["layer4"][:]
    for subject, store in zip(Challenge(challenge).subjects(), list_stores(tmp_path / "cache"), strict=True):
        np.testing.assert_array_equal(store.read(), array[[s.nsd_id for s in subject.stimuli]])


def test_a_table_of_ids_says_which_row_is_which(run, file, challenge, tmp_path):
    ids = [stimulus.nsd_id for stimulus in Challenge(challenge).subject(1).stimuli][::-1]
    (tmp_path / "ids.csv").write_text("nsd_id\n" + "".join(f"{nsd_id}\n" for nsd_id in ids))
    result = run("import-features", file, "--name", "mine", "--ids", tmp_path / "ids.csv", "-s", 1)
    assert result.exit_code == 0, result.output
    (store,) = list_stores(tmp_path / "cache")
    np.testing.assert_array_equal(store.read(), np.load(file).astype(np.float32)[::-1])


def test_everything_after_extract_works_on_them(run, file, tmp_path):
    run("import-features", file, "--name", "mine", "-s", 1)
    trained = run("train", "--features", "mine", "--pca", 5, "-s", 1)
    assert trained.exit_code == 0, trained.output
    found = find_run(tmp_path / "cache")
    assert found.name == "mine_pca5_ols_holdout0.1_seed4"
    assert found.subjects == (1,)
    assert run("report").exit_code == 0
    listed = CliRunner().invoke(app, ["cache", "list", "--cache-dir", str(tmp_path / "cache")])
    assert [line.split()[:3] for line in listed.stdout.splitlines()[:4:3]] == [["mine"], ["1", "complete", "12"]]


def test_a_training_without_a_subjects_import_names_the_command(run, file):
    run("import-features", file, "--name", "mine", "-s", 1)
    result = run("train", "--features", "mine", "--pca", 5)
    assert result.exit_code == 4
    assert "features of mine for subject 6 are missing" in result.stderr
    assert "algocli import-features FILE --name mine -s 6" in result.stderr


def test_the_same_command_twice_finds_the_work_done(run, file):
    first, second = (run("import-features", file, "--name", "mine", "-s", 1) for _ in range(2))
    assert second.exit_code == 0
    assert "subject 1: mine is complete, nothing to do" in second.stderr
    assert second.stdout == first.stdout


def test_another_file_is_refused_until_it_is_forced(run, file, tmp_path):
    run("import-features", file, "--name", "mine", "-s", 1)
    np.save(file, -np.load(file))
    refused = run("import-features", file, "--name", "mine", "-s", 1)
    assert refused.exit_code == 2
    assert "mine holds other features of subject 1 already" in refused.stderr
    forced = run("import-features", file, "--name", "mine", "-s", 1, "--force")
    assert forced.exit_code == 0
    (store,) = list_stores(tmp_path / "cache")
    np.testing.assert_array_equal(store.read(), np.load(file).astype(np.float32))


def test_quiet_says_nothing_beside_the_result(run, file):
    result = run("import-features", file, "--name", "mine", "-s", 1, "--quiet")
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--name", "mine"], 2, "in the order of one subject's images; 2 subjects were chosen"),
        (["--name", "mine", "-s", "1", "--key", "nsd-id"], 3, "has 46 rows; 73000, one for each NSD id"),
        (["--name", "mine", "-s", "1", "--ids", "nowhere.csv"], 3, "nowhere.csv is missing"),
        (["--name", "mine", "-s", "1", "--dataset", "x"], 2, "a .npy file holds one array"),
        (["--name", "../mine", "-s", "1"], 2, "cannot be features' name"),
        (["--name", "mine", "-s", "1", "--key", "nonsense"], 2, "nonsense"),
        (["--name", "mine", "-s", "1", "--ids-from", "1"], 2, "rows have none here"),
        (["--name", "mine", "-s", "1", "--ids-from", "2"], 2, "--ids-from"),
        (["--name", "mine", "-s", "1", "--names", "n.txt", "--key", "row"], 2, "give one of them"),
        (["--name", "mine", "-s", "1", "--names", "nowhere.txt"], 3, "nowhere.txt is missing"),
        (["-s", "1"], 2, "--name"),
        (["--name", "mine", "-s", "2"], 3, "has no subject 2"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(run, file, tmp_path, words, code, sentence):
    result = run("import-features", file, *words)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert not (tmp_path / "cache").exists()


def test_a_subject_that_lacks_rows_is_told_before_another_is_stored(run, file, challenge, tmp_path):
    np.save(tmp_path / "ids.npy", [stimulus.nsd_id for stimulus in Challenge(challenge).subject(1).stimuli])
    result = run("import-features", file, "--name", "mine", "--ids", tmp_path / "ids.npy")
    assert result.exit_code == 3
    assert "lacks 46 of the subject's 46 images; the first is NSD id 6000" in result.stderr
    assert list_stores(tmp_path / "cache") == []


@pytest.fixture
def folder(challenge, tmp_path):
    """The features of both subjects in no order, with a list of names, as programs leave them."""
    stimuli = [stimulus for subject in Challenge(challenge).subjects() for stimulus in subject.stimuli]
    order = np.random.default_rng(2).permutation(len(stimuli))
    (tmp_path / "conv5").mkdir()
    np.save(tmp_path / "conv5/features.npy", np.arange(len(stimuli) * 3.0).reshape(-1, 3)[order])
    names = [f"/data/{stimuli[place].path.parent.parent.parent.name}/{stimuli[place].path.name}" for place in order]
    (tmp_path / "conv5/file_names.txt").write_text("\n".join(names))
    return tmp_path / "conv5"


def test_a_folder_with_names_serves_every_subject_in_any_order(run, folder, tmp_path):
    result = run("import-features", folder, "--name", "mine")
    assert result.exit_code == 0, result.output
    one, six = list_stores(tmp_path / "cache")
    np.testing.assert_array_equal(one.read(), np.arange(46 * 3.0).reshape(46, 3))
    np.testing.assert_array_equal(six.read(), np.arange(46 * 3.0, 2 * 46 * 3).reshape(46, 3))
    told = "subject 1: rows were found by the names in file_names.txt; 46 of 92 rows are of other images"
    assert result.stderr.splitlines().count(told) == 1


def test_names_can_be_named(run, folder, tmp_path):
    (folder / "file_names.txt").rename(tmp_path / "list.txt")
    refused = run("import-features", folder, "--name", "mine", "-s", 1)
    assert refused.exit_code == 3
    result = run("import-features", folder, "--name", "mine", "-s", 1, "--names", tmp_path / "list.txt")
    assert result.exit_code == 0, result.output
    (store,) = list_stores(tmp_path / "cache")
    np.testing.assert_array_equal(store.read(), np.arange(46 * 3.0).reshape(46, 3))
    assert store.manifest["provenance"]["names_file"] == str(tmp_path / "list.txt")


@pytest.mark.parametrize(
    "words", [["subj06.npy", "subj01.npy"], ["subj{subject:02d}.npy"], ["subj01.npy", "subj06.npy"]]
)
def test_each_subject_may_have_a_file(run, file, tmp_path, words):
    for number in (1, 6):
        np.save(tmp_path / f"subj{number:02d}.npy", number * np.load(file))
    result = run("import-features", *(tmp_path / word for word in words), "--name", "mine")
    assert result.exit_code == 0, result.output
    for number, store in zip((1, 6), list_stores(tmp_path / "cache"), strict=True):
        np.testing.assert_array_equal(store.read(), (number * np.load(file)).astype(np.float32))
        assert store.manifest["provenance"]["file"] == str(tmp_path / f"subj{number:02d}.npy")
    told = f"subject 1: {tmp_path / 'subj01.npy'}; subject 6: {tmp_path / 'subj06.npy'}"
    assert told in result.stderr.splitlines()


def test_files_without_numbers_are_in_the_order_of_the_subjects(run, file, tmp_path):
    np.save(tmp_path / "other.npy", -np.load(file))
    result = run("import-features", file, tmp_path / "other.npy", "--name", "mine", "-s", 6, "-s", 1)
    assert result.exit_code == 0, result.output
    one, six = list_stores(tmp_path / "cache")
    np.testing.assert_array_equal(six.read(), np.load(file).astype(np.float32))
    np.testing.assert_array_equal(one.read(), -np.load(file).astype(np.float32))


def test_a_file_that_is_named_after_another_subject_is_refused(run, file, tmp_path):
    np.save(tmp_path / "subj06.npy", np.load(file))
    refused = run("import-features", tmp_path / "subj06.npy", "--name", "mine", "-s", 1)
    assert refused.exit_code == 2
    assert "subj06.npy is named after subject 6, and subject 1 was asked for" in refused.stderr
    assert run("import-features", tmp_path / "subj06.npy", "--name", "mine", "-s", 1, "--key", "row").exit_code == 0


def test_a_folder_of_another_subject_is_refused(run, file, tmp_path):
    (tmp_path / "subj06").mkdir()
    moved = file.rename(tmp_path / "subj06/features.npy")
    refused = run("import-features", moved, "--name", "mine", "-s", 1)
    assert refused.exit_code == 2
    assert "subj06/features.npy is named after subject 6, and subject 1 was asked for" in refused.stderr
    assert run("import-features", moved, "--name", "mine", "-s", 1, "--key", "row").exit_code == 0


def test_that_rows_are_taken_in_the_order_of_the_images_is_told_unless_it_was_asked_for(run, file):
    told = "the rows of features.npy have no names: they are taken in the order of the images, training first"
    words = ["import-features", file, "--name", "mine", "-s", 1]
    assert f"subject 1: {told}" in run(*words).stderr.splitlines()
    assert told not in run(*words, "--key", "row").stderr


def test_ids_that_count_from_1_are_told_and_taken(run, file, challenge, tmp_path):
    ids = [stimulus.nsd_id + 1 for stimulus in Challenge(challenge).subject(1).stimuli]
    np.save(tmp_path / "ids.npy", ids)
    words = ["import-features", file, "--name", "mine", "--ids", tmp_path / "ids.npy", "-s", 1]
    refused = run(*words)
    assert refused.exit_code == 3
    assert "they fit, less one: --ids-from 1" in refused.stderr
    assert run(*words, "--ids-from", 1).exit_code == 0
    (store,) = list_stores(tmp_path / "cache")
    np.testing.assert_array_equal(store.read(), np.load(file).astype(np.float32))


def test_training_rows_alone_are_trained_on_and_say_what_they_lack(run, file, tmp_path):
    np.save(file, np.load(file)[:40])
    imported = run("import-features", file, "--name", "mine", "-s", 1)
    assert "subject 1: features.npy has the training images alone: there will be no test predictions" in imported.stderr
    trained = run("train", "--features", "mine", "--pca", 5, "-s", 1)
    assert trained.exit_code == 0, trained.output
    assert "no test predictions are made" in trained.stderr
    assert run("report").exit_code == 0
    assert run("export", "-o", tmp_path / "out").exit_code == 0
    for words in (["submit", "--partial", "-o", tmp_path / "x.zip"], ["score", "latest"]):
        refused = run(*words)
        assert refused.exit_code == 4, refused.output
        assert "has no test predictions of subject 1: mine has features of the training images alone" in refused.stderr
    assert not (tmp_path / "x.zip").exists()


def test_a_table_of_text_is_a_store(run, file, challenge, tmp_path):
    names = [stimulus.path.stem for stimulus in Challenge(challenge).subject(1).stimuli]
    lines = [",".join([name, *map(repr, row)]) for name, row in zip(names, np.load(file).tolist(), strict=True)]
    header = ",".join(["image", *(f"f{n}" for n in range(12))])
    (tmp_path / "table.csv").write_text("\n".join([header, *lines[::-1]]) + "\n")
    result = run("import-features", tmp_path / "table.csv", "--name", "mine", "-s", 1)
    assert result.exit_code == 0, result.output
    (store,) = list_stores(tmp_path / "cache")
    np.testing.assert_array_equal(store.read(), np.load(file).astype(np.float32))
    assert "by the names in table.csv, image" in result.stderr


def test_the_notebook_imports_as_the_command_does(file, challenge, tmp_path):
    subject = Challenge(challenge).subject(1)
    assert import_features(subject, str(file), "mine", cache_dir=tmp_path / "cache") == ("mine",)
    (store,) = list_stores(tmp_path / "cache")
    np.testing.assert_array_equal(store.read(), np.load(file).astype(np.float32))
