"""The command that trains a run again, read by the command line itself."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.encoding.settings import Alphas, Settings
from algocli.errors import UsageError
from algocli.runs.commands import command
from algocli.runs.opening import open_run
from tests.results.blends import LAYERS, write_recipe

ONE, ALL = LAYERS[:1], LAYERS


@pytest.fixture
def understood(tmp_path, tiny_challenge, monkeypatch):
    """Give a command to `train` and return the name and settings that it would open a run with."""

    def read(words):
        heard = []

        def stop(dataset, settings, numbers, *, name, words, force, note):
            heard.append((name or settings.default_name, settings))
            raise UsageError("that is all")

        monkeypatch.setattr("algocli.runs.opening.open_on", stop)
        folders = ["--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path)]
        CliRunner().invoke(app, [*words, *folders])
        return heard[0]

    for name in ALL:
        write_recipe(tmp_path, name, "alexnet", name)
    return read


@pytest.mark.parametrize(
    "settings",
    [
        Settings(ONE),
        Settings(ONE, n_components=None, regression="ridge", alphas=Alphas(0.1 + 0.2, 1e5, 7), holdout=1 / 3),
        Settings(ONE, regression="ridge", alpha_by="kfold", holdout=None, folds=7, seed=0, refit=False),
        Settings(ALL, n_components=3, regression="blend", standardised=True),
        Settings(ALL, join="components", scaled=False),
        Settings(ALL, regression="banded", n_iter=9, search_seed=0),
        Settings(ALL, regression="python:some_module.part:make", n_components=7),
    ],
    ids=lambda settings: settings.default_name[-40:],
)
def test_the_command_of_a_run_has_its_settings_and_its_name(settings, tmp_path, understood):
    run = open_run(tmp_path, "my-own", settings)
    run.start_subject(6).finish({"finished_at": 1.0})
    words = shlex.split(command(run.name, run.settings, (6,)))
    assert words[0] == "algocli"
    assert understood(words[1:]) == ("my-own", settings)


def test_a_run_with_the_usual_settings_and_name_needs_few_words(tmp_path):
    settings = Settings(ONE)
    run = open_run(tmp_path, settings.default_name, settings)
    for number in (1, 6):
        run.start_subject(number).finish({"finished_at": 1.0})
    assert command(run.name, run.settings, (1, 6)) == f"algocli train --features {ONE[0]} -s 1,6"


def test_every_setting_that_differs_is_said(tmp_path):
    usual = Settings(ALL, regression="ridge")
    other = replace(usual, seed=5)
    runs = [open_run(tmp_path, f"run{n}", one) for n, one in enumerate((usual, other))]
    assert "--seed" not in command(runs[0].name, runs[0].settings, (1,))
    assert "--seed 5" in command(runs[1].name, runs[1].settings, (1,))


def test_a_run_that_was_named_for_its_data_is_found_without_its_name(tmp_path):
    settings = Settings(features=("alexnet-features.2-1a2b3c4d",))
    run = open_run(tmp_path, f"{settings.default_name}_data-0123abcd", settings)
    assert "--run" not in command(run.name, run.settings, (1,))
    other = open_run(tmp_path, f"{settings.default_name}_data-mine", settings)
    assert "--run" in command(other.name, other.settings, (1,))
