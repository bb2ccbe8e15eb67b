"""Which of several kinds of features of a layer are meant, and whose stores are looked at for that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.digests import stimuli_digest
from algocli.errors import MissingStep, UsageError
from algocli.features.networks.preprocessing import TUTORIAL, Transform
from algocli.features.store.choosing import Library
from algocli.features.store.keys import recipe
from algocli.features.store.library import create_store
from algocli.features.store.shards import FeatureStore
from algocli.features.store.variants import Variant
from tests.features.by_hand import fill
from tests.support.challenge import write_tiny_challenge

OWN = Transform(224, resize_size=256, keep_aspect=True)


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> list[Subject]:
    folder = tmp_path_factory.mktemp("choosing") / "challenge"
    return list(Challenge(write_tiny_challenge(folder, n_train=8, n_test=2, image_size=8)).subjects())


def keep(
    cache: Path, subject: Subject, model: str = "resnet18", layer: str = "layer1", *, whole: bool = True, **how: Any
) -> str:
    """Keep features as if a network had made them, and return their name."""
    weights, dtype = how.get("weights", "pretrained"), how.get("dtype", "float16")
    transform = TUTORIAL if how.get("transform") == "tutorial" else OWN
    post = {name: value for name, value in how.items() if name in ("pool", "project", "seed")} or "flatten"
    network = {"weights": weights, "layer": layer, "transform": transform.identity(), "architecture": model}
    numerics = how.get("numerics", "float32")
    made = recipe(model, layer, weights, network, dtype, post=post, numerics=numerics, asks_for=OWN.constants)
    content = how.get("content") or stimuli_digest(subject.stimuli, cache)
    store = create_store(cache, made, subject, content, 4, {})
    if whole:
        fill(store, np.ones(store.manifest["shape"], store.dtype))
    return made.name


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kinds")


@pytest.fixture(scope="module")
def kinds(cache: Path, subjects: list[Subject]) -> dict[str, str]:
    """One layer's features, made in nine ways."""
    ways: dict[str, dict[str, Any]] = {
        "plain": {},
        "random": {"weights": "random"},
        "random:7": {"weights": "random:7"},
        "file": {"weights": "/data/nets/mine.pth"},
        "tutorial": {"transform": "tutorial"},
        "pooled": {"pool": 2},
        "projected": {"project": 3, "seed": 5},
        "float32": {"dtype": "float32"},
        "bfloat16": {"numerics": "bfloat16"},
    }
    return {word: keep(cache, subjects[0], **how) for word, how in ways.items()}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"weights": "random"}, "random"),
        ({"weights": "random:0"}, "random"),
        ({"weights": "random:7"}, "random:7"),
        ({"weights": "/data/nets/mine.pth"}, "file"),
        ({"weights": Path("elsewhere/mine.pth")}, "file"),
        ({"transform": "tutorial"}, "tutorial"),
        ({"pool": 2}, "pooled"),
        ({"project": 3}, "projected"),
        ({"project_seed": 5, "project": np.int64(3)}, "projected"),
        ({"dtype": "float32"}, "float32"),
        ({"numerics": "bfloat16"}, "bfloat16"),
        (
            {
                "weights": "pretrained",
                "transform": "auto",
                "pool": "none",
                "project": "none",
                "dtype": "float16",
                "numerics": "float32",
            },
            "plain",
        ),
    ],
)
def test_an_option_that_sets_a_kind_apart_chooses_it(
    cache: Path, subjects: list[Subject], kinds: dict[str, str], said: dict[str, Any], meant: str
) -> None:
    assert Library(cache, (), subjects[:1]).find("resnet18", "layer1", Variant.of(**said)) == kinds[meant]


def test_several_kinds_are_told_by_what_they_differ_in(tmp_path: Path, subjects: list[Subject]) -> None:
    plain, pooled = (keep(tmp_path, subjects[0], weights="random", **how) for how in ({}, {"pool": 2}))
    library = Library(tmp_path, (), subjects[:1])
    with pytest.raises(UsageError, match="2 kinds of features of resnet18 layer1") as caught:
        library.find("resnet18", "layer1", Variant.of(weights="random"))
    assert f"\n  {plain}  (--pool none)" in caught.value.message
    assert f"\n  {pooled}  (--pool 2)" in caught.value.message
    assert "weights" not in caught.value.message
    with pytest.raises(MissingStep, match=r"have pool=3; there are:\n  .* \(--pool") as missing:
        library.find("resnet18", "layer1", Variant.of(pool=3))
    assert missing.value.hint == "algocli extract --model resnet18 -l layer1 --pool 3"


@pytest.mark.parametrize(
    "said",
    [
        {"weights": ""},
        {"weights": "random:x"},
        {"pool": 0},
        {"pool": "no"},
        {"project": True},
        {"dtype": "int8"},
        {"transform": 3},
        {"numerics": "half"},
        {"project_seed": -1},
    ],
)
def test_what_an_option_cannot_be_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(said))):
        Variant.of(**said)


def spoil(cache: Path, name: str) -> None:
    for manifest in (cache / "features" / name).glob("*/manifest.json"):
        manifest.write_text("{}")


def cut_short(cache: Path, name: str) -> None:
    for manifest in (cache / "features" / name).glob("*/manifest.json"):
        store = FeatureStore(manifest.parent)
        store.forget(store.shards[0])


@pytest.mark.parametrize("damage", [None, spoil, cut_short])
def test_what_other_subjects_have_is_no_choice(tmp_path: Path, subjects: list[Subject], damage: Any) -> None:
    mine, theirs = keep(tmp_path, subjects[0]), keep(tmp_path, subjects[1], weights="random")
    if damage is not None:
        damage(tmp_path, theirs)
    assert Library(tmp_path, (), subjects[:1]).find("resnet18", "layer1") == mine
    assert Library(tmp_path, (), subjects[:1]).find_all(None, None) == [mine]


def test_of_several_subjects_the_kind_that_all_have_is_meant(tmp_path: Path, subjects: list[Subject]) -> None:
    for subject in subjects:
        both = keep(tmp_path, subject)
    one = keep(tmp_path, subjects[0], weights="random")
    assert Library(tmp_path, (), subjects).find("resnet18", "layer1") == both
    with pytest.raises(UsageError, match="2 kinds"):
        Library(tmp_path, (), subjects[:1]).find("resnet18", "layer1")
    said: list[str] = []
    assert Library(tmp_path, (), subjects).find_all(None, None, note=said.append) == [both]
    assert len(said) == 1
    assert "resnet18 layer1 --weights random is left out" in said[0]
    assert Library(tmp_path, (), subjects).find("resnet18", "layer1", Variant.of(weights="random")) == one


def test_stores_of_the_same_subject_of_other_images_are_no_choice(tmp_path: Path, subjects: list[Subject]) -> None:
    mine = keep(tmp_path, subjects[0])
    foreign = keep(tmp_path, subjects[0], weights="random", content="f" * 64)
    assert Library(tmp_path, (), subjects[:1]).find("resnet18", "layer1") == mine
    spoil(tmp_path, foreign)
    assert Library(tmp_path, (), subjects[:1]).find("resnet18", "layer1") == mine


@pytest.mark.parametrize("damage", [spoil, cut_short])
def test_what_is_not_whole_of_the_subject_itself_is_still_asked_for(
    tmp_path: Path, subjects: list[Subject], damage: Any
) -> None:
    keep(tmp_path, subjects[0], weights="random")
    begun = keep(tmp_path, subjects[0])
    for _ in range(2):
        with pytest.raises(UsageError, match="2 kinds"):
            Library(tmp_path, (), subjects[:1]).find("resnet18", "layer1")
        if damage is spoil:
            spoil(tmp_path, begun)


def test_where_nobody_at_hand_has_any_it_is_said_what_makes_them(tmp_path: Path, subjects: list[Subject]) -> None:
    for weights in ("pretrained", "random"):
        keep(tmp_path, subjects[1], weights=weights)
    with pytest.raises(MissingStep, match=f"none of subject {subjects[0].id}") as caught:
        Library(tmp_path, (), subjects[:1]).find("resnet18", "layer1")
    assert caught.value.hint == f"algocli extract --model resnet18 -l layer1 -s {subjects[0].id}"


def test_all_that_fits_comes_as_people_count(tmp_path: Path, subjects: list[Subject]) -> None:
    first = subjects[0]
    layers = ["layer10", "layer2", "layer1"]
    names = {layer: keep(tmp_path, first, layer=layer) for layer in layers}
    drawn = keep(tmp_path, first, layer="layer2", weights="random:1")
    other = keep(tmp_path, first, model="alexnet", layer="features.2")
    library = Library(tmp_path, (), [first])
    ordered = [names["layer1"], names["layer2"], drawn, names["layer10"]]
    assert library.find_all(None, None) == [other, *ordered]
    assert library.find_all(["resnet*"], None) == ordered
    assert library.find_all(["resnet18"], ["layer1*"]) == [names["layer1"], names["layer10"]]
    assert library.find_all(["resnet18"], ["layer10", "layer2"], Variant.of(weights="pretrained")) == [
        names["layer2"],
        names["layer10"],
    ]
    assert library.layers("resnet18", "layer*") == ["layer1", "layer2", "layer10"]
    with pytest.raises(MissingStep, match=r"no layer fits 'layr\*'.*\n  layer1"):
        library.find_all(["resnet18"], ["layr*"])
    with pytest.raises(MissingStep, match=r"no model fits 'vgg\*'"):
        library.find_all(["vgg*"], None)


def test_a_network_may_be_called_with_the_name_of_its_weights(tmp_path: Path, subjects: list[Subject]) -> None:
    tagged, plain = (keep(tmp_path, subjects[0], model="timm/resnet50", weights=word) for word in ("a1_in1k", "random"))
    library = Library(tmp_path, (), subjects[:1])
    assert library.find("timm/resnet50.a1_in1k", "layer1") == tagged
    assert library.find("timm/resnet50", "layer1", Variant.of(weights="pretrained")) == tagged
    assert library.find_all(["timm/resnet50.a1_in1k"], None) == [tagged]
    usual = keep(tmp_path, subjects[0], model="timm/resnet50", weights="pretrained")
    assert library.find("timm/resnet50", "layer1", Variant.of(weights="pretrained")) == usual
    assert set(library.find_all(["timm/resnet50"], None)) == {tagged, plain, usual}
