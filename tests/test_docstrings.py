"""What the public names say of themselves: their examples run, and the README's table and they name the same."""

from __future__ import annotations

import doctest
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import algocli
from tests.support.challenge import write_tiny_challenge
from tests.support.untrained import untrained

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
FUNCTIONS = [name for name in algocli.__all__ if inspect.isfunction(getattr(algocli, name))]
# What every function takes alike is explained where it first comes.
EXPLAINED_ELSEWHERE = {"cache_dir", "device", "track", "note", "subjects", "run"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a challenge, its features and a run of them, as the examples find them."""
    folder = tmp_path_factory.mktemp("docstrings")
    write_tiny_challenge(folder / "demo", (1, 6), n_train=130, n_test=3, image_size=32)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("algocli.features.networks.sources.torchvision._pretrained_state", untrained)
        subject = algocli.Challenge("demo").subject(1)
        algocli.extract(subject, layers=["features.2", "features.5"])
        algocli.train(subject, layers="features.2", n_components=10, name="first")
    return folder


@pytest.mark.parametrize("name", algocli.__all__)
def test_the_examples_of_a_public_name_run(home, monkeypatch, name):
    monkeypatch.chdir(home)
    monkeypatch.setattr("algocli.features.networks.sources.torchvision._pretrained_state", untrained)
    # Whatever an example before this one has trained, the latest run is the one that examples are about.
    algocli.find_run("cache", "first").mark_latest()
    text = inspect.getdoc(getattr(algocli, name))
    test = doctest.DocTestParser().get_doctest(text, {"algocli": algocli, "np": np}, name, None, 0)
    assert test.examples
    told = []
    doctest.DocTestRunner().run(test, out=told.append)
    assert told == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_explains_every_argument_and_what_it_raises(name):
    text = inspect.getdoc(getattr(algocli, name))
    parameters = set(inspect.signature(getattr(algocli, name)).parameters)
    # Headings of numpydoc's, the indented lines below them being descriptions.
    section = re.search(r"Parameters\n-+\n(.*?)(?:\n\n[A-Z]\w+\n-+|\Z)", text, re.DOTALL)
    named = re.findall(r"^([\w*, ]+?)(?: :.*)?$", section[1], re.MULTILINE) if section else []
    explained = {word.strip(" *") for line in named for word in line.split(",")}
    assert parameters - EXPLAINED_ELSEWHERE <= explained
    assert explained <= parameters
    assert "\nRaises\n------\n" in text


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_may_go_to_a_cluster_names_every_kind_of_it(name):
    function = getattr(algocli, name)
    if "cluster" in inspect.signature(function).parameters:
        told = inspect.getdoc(function)
        kinds = ("local:2", "slurm:FILE.toml", "dask:tcp://HOST:PORT")
        assert [kind for kind in kinds if f"'{kind}'" not in told] == []


def test_the_readme_lists_every_public_name_and_no_other():
    section = README.split("## Commands and functions")[1].split("\n## ")[0]
    listed = re.findall(r"^\|[^|]*\| `(\w+)` \|", section, re.MULTILINE)
    assert listed == algocli.__all__
