"""Fields of the library in the words of the command line."""

from __future__ import annotations

from dataclasses import fields

import pytest
from typer.main import get_command

from algocli.cli import app
from algocli.cli.wording import _OPTIONS, FIELDS, in_options, told_in_options
from algocli.encoding.settings import Settings
from algocli.errors import MissingStep


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("seed=-1: a seed", "--seed -1: a seed"),
        ("regression='ridge' does", "--regression ridge does"),
        ("n_components=None has all", "--pca full has all"),
        ("scaled=False, refit=True.", "--no-scale, --refit."),
        ("replace it with force=True", "replace it with --force"),
        ("alphas=(1.0, 2.0, 3) is", "--alphas 1.0:2.0:3 is"),
        ("holdout=0.1.", "--holdout 0.1."),
        ("a run named my-seed=4, in /data/seed=4", "a run named my-seed=4, in /data/seed=4"),
        ("the seed of a run", "the seed of a run"),
    ],
)
def test_a_field_and_its_value_become_an_option(said, told):
    assert in_options(said) == told


def test_every_setting_has_an_option_but_the_features_and_what_runs_of_before_had():
    assert {*FIELDS.values()} == {field.name for field in fields(Settings)} - {"features", "former_penalties"}


def test_an_error_keeps_its_kind():
    with pytest.raises(MissingStep, match="--seed 4") as caught, told_in_options():
        raise MissingStep("seed=4", hint="force=True")
    assert caught.value.hint == "--force"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("html=... and csv=... name", "--html and --csv name"),
        ("name it with data_dir=...", "name it with --data-dir"),
        ("rois=['V1v', 'EBA'] are", "--roi V1v --roi EBA are"),
        ("repeats=(1, 2, 3) are", "--repeats 1,2,3 are"),
        ("with html=FILE.", "with --html FILE."),
        ("device='': a name", "--device '': a name"),
        ("file_format='npy' needs none", "--format npy needs none"),
        ("a penalty: alphas=(1e-05, 1e+06, 26) reaches", "a penalty: --alphas 1e-05:1e+06:26 reaches"),
        ("as in subjects=3, or key='row'", "as in -s 3, or --key row"),
        ("give repeats=A,B,C: images", "give --repeats A,B,C: images"),
        ("model='vgg16' has no say", "--model vgg16 has no say"),
        ("a folder a/seed=..., left", "a folder a/seed=..., left"),
    ],
)
def test_an_argument_becomes_its_option(said, told):
    assert in_options(said) == told


def test_a_command_that_has_a_word_of_its_own_is_told_in_it():
    assert in_options("name='x'", "import-features") == "--name x"
    assert in_options("name='x'", "train") == "--run x"


def test_a_hint_that_is_a_command_stays_as_it_is():
    with pytest.raises(MissingStep) as caught, told_in_options():
        raise MissingStep("there is none", hint="algocli train --run seed=4")
    assert caught.value.hint == "algocli train --run seed=4"


def test_every_option_of_the_words_is_one_of_a_command():
    known = {
        flag.removeprefix("--")
        for command in get_command(app).commands.values()
        for parameter in command.params
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }
    assert {*_OPTIONS.values()} <= known
