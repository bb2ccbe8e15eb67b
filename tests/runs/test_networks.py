"""What a run's numbers are of, and whether anything was learned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from algocli.compute.vouching import write_sealed
from algocli.encoding.settings import Settings
from algocli.runs.networks import called, name_runs, networks_of, tell_random_weights
from algocli.runs.opening import open_run
from algocli.runs.run import Run


def a_run(cache: Path, name: str, *features: tuple[str, str, str, str]) -> Run:
    """Begin a run of some features, each by its name, network, layer and weights."""
    for called_so, model, layer, weights in features:
        if model:
            home = cache / "features" / called_so
            home.mkdir(parents=True, exist_ok=True)
            identity = {"source": "import"} if layer == "import" else {}
            recipe = {"model": model, "layer": layer, "weights": weights, "identity": identity, "name": called_so}
            write_sealed(home / "recipe.json", recipe)
    return open_run(cache, name, Settings(features=tuple(each[0] for each in features), join="features"))


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ([("f", "alexnet", "features.2", "random:3")], ("alexnet", "features.2", "random:3")),
        (
            [("f", "alexnet", "features.2", "pretrained"), ("g", "alexnet", "features.5", "pretrained")],
            ("alexnet", "features.2 + features.5", "pretrained"),
        ),
        (
            [("f", "alexnet", "features.2", "random"), ("g", "timm/vit", "blocks.3", "pretrained")],
            ("alexnet + timm/vit", "features.2 + blocks.3", "random + pretrained"),
        ),
        ([("mine", "mine", "import", "")], ("mine", None, None)),
        ([("gone", "", "", "")], ("gone", None, None)),
    ],
)
def test_networks_layers_and_weights_are_those_of_the_recipes(tmp_path, features, expected):
    assert tuple(networks_of(a_run(tmp_path, "a", *features)).fields.values()) == expected


def test_random_weights_are_told_by_network_and_run(tmp_path):
    drawn = a_run(tmp_path, "drawn", ("f", "alexnet", "features.2", "random"))
    learned = a_run(tmp_path, "learned", ("g", "alexnet", "features.2", "weights/random.pth"))
    (alone,) = tell_random_weights([drawn])
    assert alone == "the weights of alexnet are random (seed 0), and learned nothing"
    assert list(tell_random_weights([drawn, learned])) == [f"run drawn: {alone}"]
    assert list(tell_random_weights([learned])) == []
    many = [a_run(tmp_path, f"r{n}", ("f", "alexnet", "features.2", "random")) for n in range(6)]
    assert list(tell_random_weights(many)) == [f"all runs: {alone}"]
    assert list(tell_random_weights([*many, learned])) == [f"runs r0, r1, r2 and 3 more: {alone}"]
    assert (called(drawn), called(learned)) == ("drawn (random weights)", "learned")
    assert name_runs([drawn, learned]) == "Runs drawn (random weights), learned."


def test_a_damaged_recipe_says_nothing(tmp_path):
    run = a_run(tmp_path, "a", ("f", "alexnet", "features.2", "random"))
    (tmp_path / "features/f/recipe.json").write_text(json.dumps({"model": 3}))
    assert networks_of(run).fields == {"model": "f", "layer": None, "weights": None}
    assert list(tell_random_weights([run])) == []
