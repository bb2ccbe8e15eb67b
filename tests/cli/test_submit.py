"""`algocli submit` as a shell sees it."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.compute.vouching import write_sealed
from algocli.runs.finding import find_run
from algocli.runs.run import Run
from algocli.submission.sources import of_runs
from tests.results.by_hand import write_run
from tests.support.damage import replace_array


@pytest.fixture
def submit(tiny_challenge, tmp_path):
    write_run(tmp_path / "cache")
    where = ["--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path / "cache")]

    def invoke(*words):
        return CliRunner().invoke(app, ["submit", *where, "-o", str(tmp_path / "submission.zip"), *words])

    return invoke


def test_a_partial_zip_is_said_once_to_be_none_for_the_leaderboard(submit, tmp_path):
    result = submit("--partial")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{tmp_path / 'submission.zip'}  ")
    assert [line for line in result.stderr.splitlines() if "leaderboard" in line] == [
        "without subject 2, 3, 4, 5, 7, 8: the leaderboard takes only all 8 subjects"
    ]
    assert submit("--partial", "--quiet").stderr == ""


def test_the_json_is_alone_on_stdout(submit, tmp_path):
    printed = json.loads(submit("--partial", "--json").stdout)
    assert printed["path"] == str(tmp_path / "submission.zip")
    assert printed["subjects"] == [1, 6]


def test_missing_subjects_are_a_missing_step_with_the_command_that_makes_them(submit, tiny_challenge, tmp_path):
    result = submit()
    assert result.exit_code == 4
    assert not (tmp_path / "submission.zip").exists()
    hint = result.stderr.splitlines()[-1]
    assert "--run a-run -s 2,3,4,5,7,8 --data-dir" in hint
    assert hint.endswith("(or --partial, for a zip that the leaderboard will not take)")


def packed(tmp_path, name="subj01/lh_pred_test.npy"):
    with zipfile.ZipFile(tmp_path / "submission.zip") as archive, archive.open(name) as stream:
        return np.load(stream)


def saved(tmp_path, run, name="left_pred_test"):
    return np.load(tmp_path / "cache/runs" / run / f"subj01/{name}.npy")


def write_second(cache, scale=2.0):
    """Write a run with other predictions and other r."""
    run = write_run(cache, "b-run", (1,), finished_at=2e9)
    share = run.subject(1)
    for side in ("left", "right"):
        share.save(f"{side}_pred_test", (scale * share.test_predictions(side)[::-1]).astype(np.float32))
        r = np.array(share.correlation(side))
        r[0], r[1] = -0.3, 0.5
        share.save(f"{side}_correlation", r)
    share.finish(share.record)
    first = np.load(cache / "runs/a-run/subj01/left_correlation.npy")
    first[0], first[1] = -0.1, 0.25
    replace_array(Run(cache / "runs/a-run").subject(1), "left_correlation", first)


def test_an_average_is_the_mean_of_its_runs(submit, tmp_path):
    write_second(tmp_path / "cache")
    result = submit("--average", "a-run", "b-run", "--partial", "-s", "1")
    assert result.exit_code == 0, result.stderr
    mean = (saved(tmp_path, "a-run") + saved(tmp_path, "b-run")) / 2
    np.testing.assert_allclose(packed(tmp_path), mean, rtol=1e-6)
    assert "the mean of a-run, b-run" in result.stderr
    record = json.loads((tmp_path / "submission.json").read_text())
    assert [run["run"] for run in record["runs"]] == ["a-run", "b-run"]


def test_a_weighted_average_counts_each_run_by_its_r_at_every_vertex(submit, tmp_path):
    write_second(tmp_path / "cache")
    assert submit("--average", "--weighted", "a-run", "b-run", "--partial").exit_code == 0
    a, b = saved(tmp_path, "a-run"), saved(tmp_path, "b-run")
    found = packed(tmp_path)
    # Vertex 0 is explained by neither, vertex 1 twice as well by the second.
    np.testing.assert_allclose(found[:, 0], (a + b)[:, 0] / 2, rtol=1e-6)
    np.testing.assert_allclose(found[:, 1], (a + 2 * b)[:, 1] / 3, rtol=1e-5)


def test_how_the_settings_of_subjects_differ_is_told(tmp_path):
    first = write_run(tmp_path, "a-run", (1,))
    second = write_run(tmp_path, "b-run", (1, 6))
    manifest = second.folder / "manifest.json"
    content = json.loads(manifest.read_text())
    write_sealed(manifest, {**content, "settings": {**content["settings"], "n_components": 7}})
    predictions, told = of_runs([first, find_run(tmp_path, "b-run")])
    assert [(one.subject, one.hemisphere) for one in predictions] == [
        (1, "left"), (1, "right"), (6, "left"), (6, "right"),
    ]  # fmt: skip
    assert told == ["subject 6 is of run b-run: n_components 7 instead of 100"]


def test_files_of_other_tools_are_packaged(submit, tmp_path):
    folder = tmp_path / "theirs/subj01"
    folder.mkdir(parents=True)
    arrays = {side: np.random.default_rng(0).standard_normal((4, n)) for side, n in (("lh", 31), ("rh", 41))}
    for side, array in arrays.items():
        np.save(folder / f"{side}_pred_test.npy", np.asfortranarray(array))
    result = submit("--from", str(tmp_path / "theirs"), "--partial")
    assert result.exit_code == 0, result.stderr
    found = packed(tmp_path)
    assert (found.dtype, found.flags.c_contiguous) == (np.float32, True)
    np.testing.assert_array_equal(found, arrays["lh"].astype(np.float32))


def test_the_loss_by_rounding_is_told(submit, tmp_path):
    result = submit("--partial", "--mantissa-bits", "12")
    assert "12 mantissa bits were rounded away" in result.stderr
    found, exact = packed(tmp_path), saved(tmp_path, "a-run")
    assert not (found.view(np.uint32) & 0xFFF).any()
    told = float(result.stderr.split("at least 1 - ")[1].split()[0])
    worst = min(np.corrcoef(a, b)[0, 1] for a, b in zip(found.T, exact.T, strict=True))
    assert 1 - worst <= told * 1.06 + 1e-15


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--weighted"], 2, "is for --average"),
        (["--average", "a-run"], 2, "two runs or more"),
        (["--from", "nowhere"], 3, "holds no predictions"),
        (["--from", "nowhere", "--run", "a-run"], 2, "takes no run"),
        (["--mantissa-bits", "many"], 2, "off, auto or a number"),
        (["--mantissa-bits", "0099"], 2, "off, auto or a number"),
        (["a-run", "--run", "b-run"], 2, "named twice"),
    ],
)
def test_a_request_that_makes_no_sense_writes_nothing(submit, tmp_path, words, code, told):
    result = submit("--partial", *words)
    assert result.exit_code == code
    assert told in result.stderr.replace("\n", " ")
    assert not (tmp_path / "submission.zip").exists()


def test_files_of_a_subject_that_lack_one_hemisphere_are_named(submit, tmp_path):
    folder = tmp_path / "theirs/subj01"
    folder.mkdir(parents=True)
    np.save(folder / "lh_pred_test.npy", np.zeros((4, 31)))
    for words in ([], ["-s", "1"]):
        result = submit("--from", str(tmp_path / "theirs"), "--partial", *words)
        assert result.exit_code == 3
        assert "lacks subj01/rh_pred_test.npy" in result.stderr


def test_runs_of_other_vertices_have_no_average(submit, tmp_path):
    write_run(tmp_path / "cache", "b-run", (1,), extra=2)
    result = submit("--average", "a-run", "b-run", "--partial")
    assert result.exit_code == 3
    assert "made from different data" in result.stderr
