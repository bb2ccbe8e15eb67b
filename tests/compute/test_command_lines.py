"""Command lines come out as they were typed, in a run's page and in the list of jobs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from algocli.compute.command_lines import as_typed, write_command
from algocli.compute.executors.arrays import command_of


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (["/opt/bin/algocli", "train", "--run", "my run"], "algocli train --run 'my run'"),
        (["/lib/algocli/__main__.py", "train"], "python -m algocli train"),
        (["script.py"], "script.py"),
        ([], ""),
    ],
)
def test_the_program_is_named_as_it_was_started(tmp_path: Path, words: list[str], typed: str) -> None:
    assert write_command(words) == typed
    (tmp_path / "array.json").write_text(json.dumps({"engine": "slurm", "command": words, "jobs": []}))
    assert command_of(tmp_path) == typed


def test_a_module_that_python_runs_is_what_sys_argv_makes_of_it(tmp_path: Path) -> None:
    (tmp_path / "algocli").mkdir()
    (tmp_path / "algocli" / "__init__.py").touch()
    (tmp_path / "algocli" / "__main__.py").write_text("import json, sys\nprint(json.dumps(sys.argv))")
    said = subprocess.run(
        [sys.executable, "-m", "algocli", "train"], cwd=tmp_path, capture_output=True, check=True, env={}
    )
    assert as_typed(json.loads(said.stdout)) == ["python", "-m", "algocli", "train"]
