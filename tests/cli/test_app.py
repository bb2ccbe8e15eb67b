"""The program as a whole: what it imports, how it fails, and that every command explains itself."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from algocli.cli import app

HEAVY = ("torch", "torchvision", "zarr", "nilearn", "sklearn", "scipy", "matplotlib", "rich", "numpy", "PIL", "h5py")
COMMANDS = (
    "demo", "data", "stimuli", "layers", "extract", "import-features",
    "train", "report", "plot", "export", "submit", "validate", "cache",
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

    monkeypatch.setattr("algocli.features.backbones.list_layers", interrupted)
    result = CliRunner().invoke(app, ["layers", "alexnet"])
    assert result.exit_code == 130
