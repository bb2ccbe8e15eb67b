"""`algocli train` and what shows runs, where two datasets have the same subjects."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.compute.files import read_json
from algocli.compute.vouching import write_sealed
from algocli.runs.finding import find_run, list_runs
from algocli.runs.run import Run
from tests.encoding.data_by_hand import draw_responses, write_dataset


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    home = tmp_path_factory.mktemp("datasets")
    for seed, name in enumerate("ab"):
        write_dataset(home / name, home / "cache", seed)
    return home


@pytest.fixture
def home(tmp_path, written):
    shutil.copytree(written, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def call(home):
    def invoke(command, *words, data=None):
        where = ["--cache-dir", str(home / "cache"), *([] if data is None else ["--data-dir", str(home / data)])]
        return CliRunner().invoke(app, [command, *words, *where])

    return invoke


@pytest.fixture
def train(call):
    return lambda data, *words: call("train", "--pca", "5", *words, data=data)


@pytest.fixture
def mixed(home, train):
    """A run as an older version could leave it: subject 1 of a, subject 6 of b."""
    assert train("a", "--run", "mixed", "-s", "1").exit_code == 0
    assert train("b", "--run", "other", "-s", "6").exit_code == 0
    run, other = (Run(home / "cache/runs" / name) for name in ("mixed", "other"))
    shutil.copytree(other.folder / "subj06", run.folder / "subj06")
    shutil.rmtree(other.folder)
    manifest = read_json(run.folder / "manifest.json")
    del manifest["data"]
    write_sealed(run.folder / "manifest.json", manifest)
    run.mark_latest()
    return run


@pytest.mark.parametrize("number", ["1", "6"])
def test_one_run_never_has_results_of_two_datasets(train, home, number):
    assert train("a", "--run", "same", "-s", "1").exit_code == 0
    refused = train("b", "--run", "same", "-s", number)
    assert refused.exit_code == 2
    assert "run same was trained on other data" in refused.stderr
    assert str(home / "a") in refused.stderr
    assert "another --run ..." in refused.stderr
    assert "with --force" in refused.stderr
    assert refused.stdout == ""
    assert find_run(home / "cache", "same").subjects == (1,)
    forced = train("b", "--run", "same", "-s", number, "--force")
    assert forced.exit_code == 0
    assert "replaced as a whole" in forced.stderr
    assert find_run(home / "cache", "same").subjects == (int(number),)


def test_the_same_command_on_two_datasets_makes_two_runs_and_finds_both_done(train, home):
    first = train("a")
    second = train("b")
    assert second.stderr.count("is of other data: this one is") == 1
    assert len(list_runs(home / "cache")) == 2
    for data, before in (("a", first), ("b", second)):
        again = train(data)
        assert again.stdout == before.stdout
        assert again.stderr.count("is done already") == 2


def test_a_mistake_in_the_settings_is_told_in_options(train):
    for words, sentence in (
        (["--holdout", "1.5"], "--holdout 1.5 is no share"),
        (["--folds", "1"], "--folds 1:"),
        (["--no-scale"], "--no-scale: one layer alone"),
        (["--regression", "ridge", "--alphas", "5:1:9"], "--alphas 5.0:1.0:9 is no grid"),
        (["--regression", "banded"], "--regression banded takes two layers or more, with --scale and --alpha-by gcv"),
    ):
        result = train("a", *words)
        assert result.exit_code == 2
        assert sentence in " ".join(result.stderr.split())


def test_a_run_that_may_be_mixed_is_told_wherever_it_is_shown(mixed, call, home, tmp_path):
    for command in (
        ["report", "--roi", "V1v"],
        ["export", "-o", str(tmp_path / "out")],
        ["submit", "--partial", "-o", str(tmp_path / "x.zip")],
    ):
        data = "a" if command[0] == "submit" else None
        result = call(*command, data=data)
        said = " ".join(result.stderr.split())
        assert f"run mixed may mix datasets: subject 1 on {home / 'a'}; subject 6 on {home / 'b'}" in said, (
            result.output
        )


def test_a_mixed_run_is_not_trained_further(mixed, train):
    refused = train("a", "--run", "mixed", "-s", "1")
    assert refused.exit_code == 2
    assert "responses of subject 6 differ" in " ".join(refused.stderr.split())


def test_a_run_of_one_dataset_has_nothing_to_tell(train, call):
    train("a", "--run", "one")
    assert "mix" not in call("report").stderr


def test_subjects_that_were_trained_on_what_features_held_before_are_told(train, call, home):
    train("a", "--run", "same")
    run = find_run(home / "cache", "same")
    record = read_json(run.folder / "subj06" / "record.json")
    record["inputs"]["features"] = ["of before"]
    write_sealed(run.folder / "subj06" / "record.json", record)
    remark = "mixes features: subject 6 was trained on what"
    assert remark in call("report").stderr
    assert remark in train("a", "--run", "same", "-s", "1").stderr
    assert remark not in train("a", "--run", "same", "-s", "6").stderr
    assert remark not in call("report").stderr


@pytest.fixture
def two(train, home):
    """Runs of subject 1 of both datasets, which held out the same images."""
    for name in "ab":
        assert train(name, "--run", f"run-{name}", "-s", "1").exit_code == 0
    return ["run-a", "run-b"]


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "run-a", "run-b"],
        ["plot", "difference", "--run", "run-a", "--against", "run-b"],
        ["plot", "layers", "--run", "run-a", "--run", "run-b"],
        ["plot", "best-layer", "--run", "run-a", "--run", "run-b"],
        ["submit", "--average", "run-a", "run-b", "--partial"],
    ],
    ids=" ".join,
)
def test_runs_of_different_data_are_not_put_together(two, call, words, tmp_path):
    output = [] if words[0] == "compare" else ["-o", str(tmp_path / ("x.zip" if words[0] == "submit" else "x.png"))]
    refused = call(*words, *output, data="a")
    assert refused.exit_code == 2, refused.output
    said = " ".join(refused.stderr.split())
    assert "trained on other responses of subject 1" in said
    assert list(tmp_path.glob("x.*")) == []


def test_a_submission_from_two_datasets_says_so(train, call, home, tmp_path):
    train("a", "--run", "run-a", "-s", "1")
    train("b", "--run", "run-b", "-s", "6")
    result = call("submit", "run-a", "run-b", "-o", str(tmp_path / "x.zip"), "--partial", data="a")
    assert f"subject 6 is of {home / 'b'}, subject 1 of {home / 'a'}" in " ".join(result.stderr.split())


def test_partition_trains_on_the_data_that_it_is_given(call, home):
    from algocli.dataset.challenge.subjects import Challenge
    from tests.features.by_hand import cache_features

    for subject in Challenge(home / "a").subjects():
        rows = np.random.default_rng(9).standard_normal((46, 30)).astype(np.float32)
        cache_features(home / "cache", subject, rows, layer="features.5", weights="pretrained")
    words = ["features.2", "features.5", "--pca", "5", "-s", "1", "--json"]
    runs = []
    for data in "aba":
        result = call("partition", *words, data=data)
        assert result.exit_code == 0, result.output
        runs.append([one["run"] for one in json.loads(result.stdout)["models"]])
    assert runs[0] == runs[2]
    assert not set(runs[0]) & set(runs[1])


def test_responses_that_changed_in_place_have_a_run_beside_the_old_one(train, home):
    train("a", "-s", "1")
    before = find_run(home / "cache").subject(1).record
    draw_responses(home / "a", 1, seed=9)
    assert "is of other data" in train("a", "-s", "1").stderr
    assert before in [run.subject(1).record for run in list_runs(home / "cache")]


def test_two_that_begin_at_once_on_two_datasets_leave_one_of_them_in_the_run(home):
    words = [sys.executable, "-m", "algocli", "train", "--pca", "5", "--run", "same"]
    where = ["--cache-dir", str(home / "cache")]
    begun = [
        subprocess.Popen(
            [*words, *where, "--data-dir", str(home / data), "-s", number],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for data, number in (("a", "1"), ("b", "6"))
    ]
    said = [process.communicate()[1] for process in begun]
    assert sorted(process.returncode for process in begun) == [0, 2], said
    run = find_run(home / "cache", "same")
    (number,) = run.subjects
    assert run.data == str(home / {1: "a", 6: "b"}[number])


def test_predictions_are_scored_on_a_copy_of_their_data_and_on_no_other(train, call, home):
    for name in "ab":
        for split in ("test_fmri", "noise_ceiling"):
            (home / name / "subj01/test_split" / split).mkdir(exist_ok=True)
        for side in ("lh", "rh"):
            n_vertices = np.load(home / name / f"subj01/training_split/training_fmri/{side}_training_fmri.npy").shape[1]
            n_test = len(list((home / name / "subj01/test_split/test_images").iterdir()))
            drawn = np.random.default_rng(0).standard_normal((n_test, n_vertices)).astype(np.float32)
            np.save(home / name / f"subj01/test_split/test_fmri/{side}_test_fmri.npy", drawn)
            np.save(home / name / f"subj01/test_split/noise_ceiling/{side}_noise_ceiling.npy", np.full(n_vertices, 0.5))
    shutil.copytree(home / "a", home / "copy")
    assert train("a", "--run", "one", "-s", "1").exit_code == 0
    told = [call("score", "one", "-s", "1", "--json", data=data) for data in ("a", "copy")]
    assert [result.exit_code for result in told] == [0, 0], told[1].output
    assert told[0].stdout == told[1].stdout
    refused = call("score", "one", "-s", "1", data="b")
    assert refused.exit_code == 2
    assert "it was trained on" in refused.stderr
    assert "responses" in refused.stderr
