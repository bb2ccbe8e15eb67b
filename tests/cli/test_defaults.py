"""What the options' defaults and help say is what the functions behind them do."""

from __future__ import annotations

import inspect

import pytest
from typer.main import get_command

import algocli
from algocli.cli import app
from algocli.cli.wording import _OPTIONS, FIELDS
from algocli.encoding.settings import Alphas, Settings
from algocli.features import usual
from algocli.features.passage import Passage
from algocli.results.best_layer import DEFAULT_MIN_R

COMMANDS = ["extract", "train", "partition", "report", "compare", "plot", "predict-files", "export", "submit", "score"]


def options(command):
    found = get_command(app).commands[command.removesuffix("-files")].params
    return {flag.removeprefix("--"): one for one in found for flag in one.opts if flag.startswith("--")}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_and_its_argument_have_the_same_default(command):
    known = options(command)
    for name, parameter in inspect.signature(getattr(algocli, command.replace("-", "_"))).parameters.items():
        option = known.get(_OPTIONS.get(name, name.replace("_", "-")))
        # A run's words, data folders and what is counted by hand are parsed; None stands for what the function takes.
        if option is None or name in ("run", "runs", "data_dir", "n_components") or option.default is None:
            continue
        assert option.default == parameter.default, name


def test_the_defaults_of_train_are_those_of_the_settings():
    known, usual = options("train"), Settings("features")
    for option, field in FIELDS.items():
        default = known[option.replace("_", "-")].default
        if default is not None:
            assert str(default) == str(getattr(usual, field)), option


@pytest.mark.parametrize(
    ("command", "option", "told"),
    [
        ("train", "holdout", f"[default: {Settings('features').holdout}]"),
        ("train", "layer", "[default: features.2]"),
        ("extract", "batch-size", f"[default: {usual.BATCH_ON_CPU} on a cpu, {usual.BATCH_ON_GPU} on"),
        ("plot", "min-r", f"[default: {DEFAULT_MIN_R}]"),
    ],
)
def test_the_help_tells_the_default_that_holds(command, option, told):
    assert told in options(command)[option].help


def test_the_help_tells_the_usual_grid_of_penalties():
    words = options("train")["alphas"].help.split("[default: ")[1].rstrip("]").split(":")
    assert tuple(map(float, words)) == Alphas()


def test_the_defaults_of_extract_are_those_of_a_passage():
    known = options("extract")
    assert (known["dtype"].default, known["numerics"].default) == (Passage().dtype, Passage().numerics)


@pytest.mark.parametrize("source", ["torchvision", "timm/", "torchhub:", "python:"])
@pytest.mark.parametrize("command", ["extract", "train", "partition"])
def test_the_help_says_where_networks_come_from(command, source):
    assert source in options(command)["model"].help
