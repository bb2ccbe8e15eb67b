"""The program as a whole: what it imports, how it fails, and that every command explains itself."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from algocli.cli import app

HEAVY = ("torch", "torchvision", "zarr", "nilearn", "sklearn", "scipy", "matplotlib", "rich", "numpy", "PIL", "h5py")
COMMANDS = (
    "demo", "data", "prepare", "import-ceilings", "stimuli", "models", "layers", "fetch-weights", "extract",
    "import-features",
    "train", "report", "compare", "partition", "plot", "export", "submit", "validate", "score", "cache", "doctor",
)  # fmt: skip


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from algocli.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "visual cortex" in done.stdout
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout


@pytest.mark.parametrize(("command", "usage"), [("import-words", "{FILE}..."), ("layers", "[PATTERN]...")])
def test_what_may_be_repeated_is_shown_by_what_one_of_it_is(command, usage):
    told = CliRunner().invoke(app, [command, "--help"]).stdout
    assert usage in told
    assert "list[" not in told


def test_the_commands_are_listed_in_the_order_of_the_work():
    lines = CliRunner().invoke(app, ["--help"]).stdout.splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  ") and line.split()[0] in COMMANDS]
    assert tuple(listed) == COMMANDS


def test_the_module_runs_like_the_program():
    done = subprocess.run([sys.executable, "-m", "algocli", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("algocli ")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nonsense"], 2),
        (["train", "--pca", "none"], 2),
        (["train", "--data-dir", "{empty}", "-s", "9"], 3),
        (["data", "--data-dir", "{empty}/missing"], 3),
        (["report", "--data-dir", "{empty}", "--cache-dir", "{empty}"], 3),
        (["submit", "--cache-dir", "{empty}"], 4),
        (["validate", "{empty}/missing.zip"], 3),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(words, code, tmp_path):
    result = CliRunner().invoke(app, [word.format(empty=tmp_path) for word in words])
    assert result.exit_code == code
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_an_interrupt_ends_with_130(monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("algocli.features.networks.listing.list_names", interrupted)
    result = CliRunner().invoke(app, ["layers", "alexnet"])
    assert result.exit_code == 130


PROGRAM = [sys.executable, "-m", "algocli"]


def run(*words, **options):
    return subprocess.run([*PROGRAM, *map(str, words)], stderr=subprocess.PIPE, text=True, timeout=60, **options)


@pytest.mark.parametrize("words", [[], ["cache"]])
def test_what_a_command_does_is_told_to_the_end(words):
    done = run(*words, "--help", stdout=subprocess.PIPE, env={**os.environ, "COLUMNS": "80"})
    listed = done.stdout.partition("Commands:\n")[2]
    assert listed
    assert "..." not in listed


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_stream_without_the_letters_is_no_obstacle(tiny_challenge, tmp_path, encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    folder = tmp_path / "日本"
    shutil.copytree(tiny_challenge, folder)
    for mask in folder.glob("*/roi_masks/*all-vertices*.npy"):
        mask.unlink()
    # Without masks the table has dashes, and every fault names the folder.
    done = run("data", "--data-dir", folder, stdout=subprocess.PIPE, env=environment)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "-/-" in done.stdout


def test_a_name_that_is_no_text_is_printed_as_it_is(tiny_challenge, tmp_path):
    path = os.fsencode(tmp_path) + b"/b\xff.csv"
    words = ["stimuli", "--data-dir", str(tiny_challenge), "-s", "1", "--csv", os.fsdecode(path)]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run([*PROGRAM, *words], capture_output=True, env=environment, check=True)
    assert done.stdout == path + b"\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("words", [["stimuli", "-s", "1"], ["data", "--json"]])
def test_output_sent_to_a_full_disk_is_one_sentence(tiny_challenge, words):
    with Path("/dev/full").open("w") as full:
        done = run(*words, "--data-dir", tiny_challenge, "--quiet", stdout=full)
    assert done.returncode == 3
    assert done.stderr.splitlines() == ["error: the output cannot be written: no space left on device"]


@pytest.mark.parametrize("words", [["data"], ["stimuli"], ["stimuli", "--json"]])
def test_without_a_stdout_the_work_is_done_all_the_same(tiny_challenge, words):
    command = shlex.join([*PROGRAM, *words, "--data-dir", str(tiny_challenge), "--quiet"])
    done = subprocess.run(["sh", "-c", f"{command} >&-"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [["data"], ["stimuli"], ["stimuli", "--json"]])
def test_a_reader_who_leaves_at_once_is_no_error(tiny_challenge, words):
    process = subprocess.Popen(
        [*PROGRAM, *words, "--data-dir", tiny_challenge, "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=60), told) == (0, b"")


def test_a_second_interrupt_says_nothing_more(tmp_path):
    program = (
        "import atexit, os, signal, sys\n"
        "from algocli.cli import main\n"
        "import algocli.dataset.challenge.subjects as subjects\n"
        # Registered first, it runs last: as late as a second Ctrl-C may come.
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "def interrupted(*_): raise KeyboardInterrupt\n"
        "subjects.Challenge = interrupted\n"
        "sys.argv = ['algocli', 'data']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 130
    assert len(done.stderr.splitlines()) == 1


def test_the_command_of_a_missing_step_can_be_pasted(tiny_challenge, tmp_path):
    where = ["--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path / "my cache")]
    result = CliRunner().invoke(app, ["train", *where])
    assert result.exit_code == 4
    hint = result.stderr.splitlines()[-1].removeprefix("hint:").split(maxsplit=0)[0]
    assert shlex.split(hint)[-4:] == where


@pytest.mark.parametrize("option", ["--csv", "--cache-dir"])
def test_a_name_that_is_too_long_is_one_sentence(tiny_challenge, tmp_path, option):
    words = ["stimuli"] if option == "--csv" else ["train"]
    result = CliRunner().invoke(app, [*words, "--data-dir", str(tiny_challenge), option, str(tmp_path / ("x" * 300))])
    assert result.exit_code in (3, 4)
    assert "Traceback" not in result.output
    assert not isinstance(result.exception, OSError)
