"""Finding stores again, and saying which command makes the one that is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.challenge.digests import stimuli_digest
from algocli.challenge.subjects import Subject
from algocli.errors import MissingStep, UsageError
from algocli.features.library import check_name, find_recipe, find_store, list_stores
from algocli.features.store import FeatureStore
from tests.features.by_hand import cache_features


@pytest.fixture
def features(shared_subject: Subject) -> NDArray[np.float16]:
    return np.random.default_rng(0).standard_normal((len(shared_subject.stimuli), 6)).astype(np.float16)


def find(cache: Path, name: str, subject: Subject) -> FeatureStore:
    return find_store(cache, name, subject, stimuli_digest(subject.stimuli, cache))


def test_a_store_is_found_by_its_recipe_and_images(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    name = cache_features(tmp_path, shared_subject, features)
    np.testing.assert_array_equal(find(tmp_path, name, shared_subject).read(), features)
    assert find_recipe(tmp_path, "alexnet", "by-hand") == name
    assert check_name(tmp_path, name) == name
    (store,) = list_stores(tmp_path)
    assert (store.subject, store.n_stimuli, store.n_features) == (1, 27, 6)


def test_where_nothing_is_cached_the_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingStep, match=r"no features of alexnet features\.2") as caught:
        find_recipe(tmp_path, "alexnet", "features.2")
    assert caught.value.hint == "algocli extract --model alexnet -l features.2"
    assert list_stores(tmp_path) == []


def test_features_of_another_layer_are_not_taken_for_these(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    cache_features(tmp_path, shared_subject, features, layer="features.5")
    for model, layer in (("alexnet", "features.2"), ("resnet18", "features.5")):
        with pytest.raises(MissingStep):
            find_recipe(tmp_path, model, layer)


def test_several_kinds_of_features_of_one_layer_are_listed_to_choose_from(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    names = {cache_features(tmp_path, shared_subject, features, weights=word) for word in ("a", "b")}
    with pytest.raises(UsageError) as caught:
        find_recipe(tmp_path, "alexnet", "by-hand")
    assert all(name in caught.value.message for name in names)
    assert any(f"--features {name}" in str(caught.value.hint) for name in names)


@pytest.mark.parametrize("weights", ["pretrained", "random:3"])
def test_the_hint_is_the_command_that_made_the_others(
    tmp_path: Path, shared_subject: Subject, subject: Subject, features: NDArray[np.float16], weights: str
) -> None:
    name = cache_features(tmp_path, shared_subject, features.astype(np.float32), weights=weights)
    other = Subject(6, subject.layout.folder)
    with pytest.raises(MissingStep, match="for subject 6 are missing") as caught:
        find(tmp_path, name, other)
    said = "" if weights == "pretrained" else f" --weights {weights}"
    assert caught.value.hint == f"algocli extract --model alexnet -l by-hand{said} --dtype float32 -s 6"


def test_an_extraction_that_is_not_complete_says_how_much_is_left(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algocli.features.store.MAX_SHARD_ROWS", 8)
    name = cache_features(tmp_path, shared_subject, features)
    (store,) = list_stores(tmp_path)
    store.forget(store.shards[3])
    with pytest.raises(MissingStep, match="3 of 27 images are left") as caught:
        find(tmp_path, name, shared_subject)
    assert str(caught.value.hint).endswith("-s 1")


def test_an_extraction_killed_before_it_had_begun_names_the_whole_command(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    name = cache_features(tmp_path, shared_subject, features)
    (store,) = list_stores(tmp_path)
    (store.folder / "manifest.json").unlink()
    with pytest.raises(MissingStep, match="for subject 1 are missing") as caught:
        find(tmp_path, name, shared_subject)
    assert str(caught.value.hint).startswith("algocli extract --model alexnet -l by-hand")


def test_features_of_images_that_have_changed_since_are_told_so(
    tmp_path: Path, subject: Subject, features: NDArray[np.float16]
) -> None:
    name = cache_features(tmp_path / "cache", subject, features)
    one, other = (stimulus.path for stimulus in subject.train_stimuli[:2])
    one.write_bytes(other.read_bytes())
    with pytest.raises(MissingStep, match="other images than the data folder holds now"):
        find(tmp_path / "cache", name, subject)


@pytest.mark.parametrize(
    "name", ["nonsense", "", ".", "..", "../features/{name}", "{name}/", "/{cache}/features/{name}"]
)
def test_a_name_that_is_none_of_a_recipe_is_refused_with_those_there_are(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16], name: str
) -> None:
    there = cache_features(tmp_path, shared_subject, features)
    with pytest.raises(MissingStep, match=there):
        check_name(tmp_path, name.format(name=there, cache=tmp_path))
