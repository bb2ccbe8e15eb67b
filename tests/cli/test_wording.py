"""Fields of the library in the words of the command line."""

from __future__ import annotations

from dataclasses import fields

import pytest

from algocli.cli.wording import FIELDS, in_options, told_in_options
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


def test_every_setting_but_the_features_has_an_option():
    assert {*FIELDS.values()} == {field.name for field in fields(Settings)} - {"features"}


def test_an_error_keeps_its_kind():
    with pytest.raises(MissingStep, match="--seed 4") as caught, told_in_options():
        raise MissingStep("seed=4", hint="force=True")
    assert caught.value.hint == "--force"
