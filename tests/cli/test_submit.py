"""`algocli submit` as a shell sees it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from algocli.cli import app
from tests.results.by_hand import write_run


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
    assert "algocli train -s 2,3,4,5,7,8 --data-dir" in hint
    assert hint.endswith("(or --partial, for a zip that the leaderboard will not take)")
