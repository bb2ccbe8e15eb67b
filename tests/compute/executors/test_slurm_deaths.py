"""What jobs die of: which line of the file for SLURM is named, and what a line of setup that fails leaves behind."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from algocli.compute.executors import slurm_engine
from algocli.compute.executors.arrays import JobArray
from algocli.compute.executors.by_hand import script_of
from algocli.compute.executors.running import run_tasks
from algocli.compute.executors.slurm_deaths import remedy_for
from algocli.compute.executors.slurm_engine import SlurmEngine
from algocli.compute.executors.slurm_request import parameters_for
from algocli.compute.executors.slurm_settings import SlurmSettings
from algocli.compute.executors.tasks import perform
from algocli.errors import WorkerFault
from algocli.pipeline.extraction_tasks import Rows
from tests.compute.executors.queue_here import Queue, rows, until
from tests.compute.executors.test_slurm_asked import Doing

SETTINGS = SlurmSettings(python="/opt/py/bin/python3 -X dev", source=Path("ask.toml"))


@pytest.mark.parametrize(
    ("said", "state", "word"),
    [
        ("", "TIMEOUT", "time"),
        ("slurmstepd: error: *** JOB 3 CANCELLED AT ... DUE TO TIME LIMIT ***", "FAILED", "time"),
        ("", "OUT_OF_MEMORY", "mem"),
        ("MemoryError: Unable to allocate 3.2 GiB for an array", None, "mem"),
        ("slurm_script: line 9: /opt/py/bin/python3: No such file or directory", "FAILED", "python"),
        ("/opt/py/bin/python3: No module named submitit", "FAILED", "python"),
        ("/opt/py/bin/python3: No module named algocli", "FAILED", "python"),
        ("a line of setup failed with code 1: module load cuda", "FAILED", "setup"),
    ],
)
def test_what_would_have_helped_is_named_with_its_file(said: str, state: str | None, word: str) -> None:
    assert remedy_for(said, state, SETTINGS).startswith(f"{word} in ask.toml ")


def test_what_a_task_does_not_find_is_no_matter_of_python() -> None:
    assert not remedy_for("cat: algocli_data.txt: No such file or directory", "FAILED", SETTINGS).startswith("python")


def test_after_three_deaths_the_last_hint_is_that_of_the_last_death(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed: the extra slurm")
    engine = engine_of(source=Path("ask.toml"))

    def die(_: object = ()) -> Any:
        assert queue.states is not None
        queue.states |= dict.fromkeys(queue.states, "TIMEOUT")
        return queue.ask()

    monkeypatch.setattr(slurm_engine, "ask_queue", die)
    monkeypatch.setattr(Rows, "known", lambda _: None)
    ((_, outcome),) = run_tasks(engine, [rows(challenge, None)], print)
    assert isinstance(outcome.error, WorkerFault)
    assert "died 3 times" in outcome.error.message
    assert outcome.error.hint == "time in ask.toml says how long a task may take"


def test_a_task_whose_own_memory_does_not_suffice_names_mem(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path
) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed: the extra slurm")
    import cloudpickle

    part = engine_of(source=Path("ask.toml")).submit(perform, rows(challenge, None))
    until(lambda: queue.arrays and queue.arrays[0][0].jobs)
    logs = queue.arrays[0][0].logs
    error = "Traceback (most recent call last):\n  File x\nMemoryError: Unable to allocate 3.2 GiB\n"
    (logs / "1_0_0_result.pkl").write_bytes(cloudpickle.dumps(("error", error)))
    died = part.exception(60)
    assert "Unable to allocate" in str(died)
    assert getattr(died, "hint", None) == "mem in ask.toml says how much memory a task may take"


@pytest.mark.parametrize(
    ("setup", "told"),
    [
        (["module_of_nobody load cuda  # for torch"], "code 127: module_of_nobody load cuda  # for torch"),
        (["f() { false; return 3; }", "f 'a b'"], "code 3: f 'a b'"),
        (["source ./missing.sh"], "code 1: source ./missing.sh"),
        (["false || true", "if false; then", "  echo no", "fi", "test -f /no/such && echo yes"], ""),
        # What is within a file is its own matter.
        (["source ./inner.sh"], ""),
        ([], ""),
    ],
)
def test_a_line_of_setup_that_fails_ends_the_job_with_itself_and_its_code(
    tmp_path: Path, setup: list[str], told: str
) -> None:
    (tmp_path / "inner.sh").write_text("false\ntrue\n")
    settings = SlurmSettings({"setup": setup} if setup else {})
    array, python = JobArray(tmp_path / "array"), "echo python begins; false #"
    script = tmp_path / "array.sbatch"
    script.write_text(script_of(array, 1, _asked(settings), python))
    done = subprocess.run(["bash", str(script)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ("python begins" in done.stdout) == (not told)
    if told:
        assert f"a line of setup failed with {told}" in done.stderr.splitlines()
        assert done.returncode == int(told.split()[1].rstrip(":"))
    else:
        assert "a line of setup failed" not in done.stderr


def _asked(settings: SlurmSettings) -> dict[str, Any]:
    return parameters_for([Doing()], settings)
