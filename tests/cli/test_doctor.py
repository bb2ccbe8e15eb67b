"""algocli doctor: what it tells, what it leaves behind, and when it says that something is wrong."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from algocli.compute import machine
from algocli.features.networks import readiness
from algocli.pipeline import health
from tests.support.objects import system


def doctor(*words):
    return CliRunner().invoke(app, ["doctor", *map(str, words)])


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    monkeypatch.delenv("ALGOCLI_CACHE_DIR", raising=False)


def test_a_sound_machine_is_well_and_nothing_is_left_behind(tmp_path):
    result = doctor("--cache-dir", tmp_path / "cache")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"algocli        {algocli.__version__}" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_shell_and_python_say_the_same(tmp_path):
    shown = json.loads(doctor("--cache-dir", tmp_path, "--json").stdout)
    told = algocli.doctor(cache_dir=tmp_path)
    assert shown["well"] is told.well is True
    assert list(shown["facts"]) == list(told.facts)
    assert shown["facts"]["versions"] == told.facts["versions"]
    assert {"device", "network"} & set(told.facts) == set()


def test_whether_jobs_can_be_submitted_and_workers_be_called_is_told(tmp_path, monkeypatch):
    assert {"submitit", "distributed"} <= set(machine.WELCOME)
    monkeypatch.setattr(machine, "WELCOME", (*machine.WELCOME, "no-such-scheduler"))
    monkeypatch.setenv("PATH", str(tmp_path))
    facts = algocli.doctor(cache_dir=tmp_path).facts
    assert facts["versions"]["not_installed"][-1] == "no-such-scheduler"
    assert facts["machine"]["sbatch"] == "not on the PATH"
    (tmp_path / "sbatch").write_text("#!/bin/sh\n")
    (tmp_path / "sbatch").chmod(0o755)
    assert algocli.doctor(cache_dir=tmp_path).facts["machine"]["sbatch"] == str(tmp_path / "sbatch")


def test_the_home_directory_is_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ALGOCLI_DATA_DIR", str(tmp_path / "data"))
    result = doctor("--cache-dir", tmp_path / "cache")
    assert str(tmp_path) not in result.stdout
    assert "~/cache, not made yet" in result.stdout
    assert "~/data" in result.stdout


def test_of_a_cache_at_an_address_it_tells_whether_the_server_answers(objects, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    address = str(objects.at(f"doctor{tmp_path}"))
    told = algocli.doctor(cache_dir=address)
    assert told.well
    assert (told.facts["cache"]["address"], told.facts["cache"]["server"]) == (address, "answers")
    assert list(tmp_path.iterdir()) == []
    result = doctor("--cache-dir", address)
    assert result.exit_code == 0
    assert address in result.stdout
    assert list(tmp_path.iterdir()) == []

    def gone(*_, **__):
        raise OSError("could not connect to the endpoint URL")

    monkeypatch.setattr(system(), "call_s3", gone)
    result = doctor("--cache-dir", address)
    assert result.exit_code == 3
    problem, mend = _trouble(result.stdout)
    assert "could not connect" in problem
    assert "AWS_ENDPOINT_URL" in mend


def test_a_cache_that_cannot_be_locked_ends_with_3_and_what_mends_it(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", lambda _stream, _kind: None)
    result = doctor("--cache-dir", tmp_path)
    assert result.exit_code == 3
    problem, mend = _trouble(result.stdout)
    assert problem.startswith(f"files cannot be locked in {tmp_path}")
    assert mend.startswith("  mend: put the cache on another disk")
    assert result.stderr == "error: 1 thing would make other commands fail\n"


def _trouble(text):
    lines = text.splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith("  mend: "))
    return lines[place - 1 : place + 1]


def test_the_remedy_is_in_the_words_of_whoever_asked(tmp_path):
    (tmp_path / "cache").touch()
    assert "cache_dir=..." in algocli.doctor(cache_dir=tmp_path / "cache").troubles[0].mend
    result = doctor("--cache-dir", tmp_path / "cache")
    assert result.exit_code == 3
    assert "  mend: choose another folder: --cache-dir, or" in result.stdout


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("algocli.compute.abilities.free_disk", lambda _folder: 5_000_000)
    result = doctor("--cache-dir", tmp_path)
    assert result.exit_code == 3
    assert f"the disk of {tmp_path} is full: 5.0 MB are free" in result.stdout


def test_a_package_that_is_missing_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "NEEDED", (*machine.NEEDED, "no-such-package"))
    (trouble,) = algocli.doctor(cache_dir=tmp_path).troubles
    assert trouble.problem == "not installed: no-such-package"


def test_a_section_that_breaks_down_is_a_trouble_and_the_others_are_told(tmp_path, monkeypatch):
    def broken():
        raise ImportError("libopenblas.so.0: cannot open shared object file\nand more")

    monkeypatch.setattr(machine, "matrix_libraries", broken)
    diagnosis = algocli.doctor(cache_dir=tmp_path)
    (trouble,) = diagnosis.troubles
    assert trouble.problem == "matrices: ImportError: libopenblas.so.0: cannot open shared object file"
    assert list(diagnosis.facts)[-1] == "weights"


def test_hosts_are_asked_only_when_that_is_asked_for(tmp_path, monkeypatch):
    asked = []

    def nobody(hosts=("https://nowhere",)):
        asked.extend(hosts)
        return dict.fromkeys(readiness.HOSTS, "timed out")

    monkeypatch.setattr(readiness, "unreachable", nobody)
    assert doctor("--cache-dir", tmp_path).exit_code == 0
    assert asked == []
    result = doctor("--cache-dir", tmp_path, "--network")
    assert result.exit_code == 3
    assert result.stdout.count("is out of reach: timed out") == len(readiness.HOSTS)


def test_threads_beyond_the_cores_are_worth_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr(health.cores, "quota", lambda: 0.5)
    library = {"of": "numpy", "library": "openblas", "version": "1", "kernels": "Haswell", "threads": 64}
    monkeypatch.setattr(machine, "matrix_libraries", lambda: [library])
    result = doctor("--cache-dir", tmp_path)
    assert result.exit_code == 0
    assert "note: numpy multiplies with 64 threads on 1 cores, which is slow: set OMP_NUM_THREADS=1" in result.stdout


def test_neither_torch_nor_nilearn_is_loaded_unasked(tmp_path):
    code = (
        "import sys, algocli\n"
        f"algocli.doctor(cache_dir={str(tmp_path)!r})\n"
        "print([name for name in ('torch', 'nilearn', 'sklearn', 'zarr') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "[]\n"
    assert list(Path(tmp_path).iterdir()) == []
