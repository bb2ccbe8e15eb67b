"""Finding stores again, and saying which command makes the one that is missing."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.digests import stimuli_digest
from algocli.dataset.images import open_images
from algocli.dataset.stimuli import ids_digest
from algocli.errors import DataError, MissingStep, UsageError
from algocli.features.networks.preprocessing import TUTORIAL, Transform
from algocli.features.store.choosing import Library
from algocli.features.store.commands import options
from algocli.features.store.keys import recipe
from algocli.features.store.library import check_name, create_store, find_store, read_recipe
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import cache_features, fill, list_stores
from tests.support.pictures import write_png


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
    assert Library(tmp_path).find("alexnet", "by-hand") == name
    assert check_name(tmp_path, name) == name
    (store,) = list_stores(tmp_path)
    assert (store.subject, store.n_stimuli, store.n_features) == (1, 27, 6)


def test_a_recipe_of_before_learns_what_its_weights_ask_for(tmp_path: Path, shared_subject: Subject) -> None:
    asks_for = Transform(224, resize_size=256, keep_aspect=True).constants
    network = {"transform": TUTORIAL.identity()}
    now = recipe("resnet50", "layer3", "mine.pth", network, "float16", asks_for=asks_for)
    home = tmp_path / "features" / now.name
    home.mkdir(parents=True)
    before = {"model": now.model, "layer": now.layer, "weights": "pretrained", "identity": dict(now.identity)}
    (home / "recipe.json").write_text(json.dumps(before))
    assert " ".join(options(read_recipe(home))) == "--transform tutorial"
    create_store(tmp_path, now, shared_subject, "digest", 6, {})
    assert read_recipe(home) == before | {"asks_for": asks_for}
    assert " ".join(options(read_recipe(home))) == "--transform tutorial"


def test_where_nothing_is_cached_the_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingStep, match=r"no features of alexnet features\.2") as caught:
        Library(tmp_path).find("alexnet", "features.2")
    assert caught.value.hint == "algocli extract --model alexnet -l features.2"
    assert list_stores(tmp_path) == []


def test_features_of_another_layer_are_not_taken_for_these(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    cache_features(tmp_path, shared_subject, features, layer="features.5")
    for model, layer in (("alexnet", "features.2"), ("resnet18", "features.5")):
        with pytest.raises(MissingStep):
            Library(tmp_path).find(model, layer)


def test_several_kinds_of_features_of_one_layer_are_listed_to_choose_from(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    names = {cache_features(tmp_path, shared_subject, features, weights=word) for word in ("a", "b")}
    with pytest.raises(UsageError) as caught:
        Library(tmp_path).find("alexnet", "by-hand")
    assert all(name in caught.value.message for name in names)
    assert any(f"features={name!r}" in str(caught.value.hint) for name in names)


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
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 8)
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


def cache_elsewhere(cache: Path, subject: Subject, features: NDArray[np.float16], content: str, **about: Any) -> str:
    """Put features into a cache as if a network had made them from images that lie elsewhere."""
    how = recipe("alexnet", "by-hand", "by hand", {"weights": "by hand", "layer": "by-hand"}, "float16")
    store = create_store(cache, how, subject, content, features.shape[1], {"source": "hdf5", **about})
    fill(store, features)
    return how.name


def test_a_store_says_where_its_images_came_from_and_which_they_are(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    cache_features(tmp_path / "own", shared_subject, features)
    cache_elsewhere(tmp_path / "other", shared_subject, features, "a" * 64)
    for cache, source in (("own", "challenge"), ("other", "hdf5")):
        (store,) = list_stores(tmp_path / cache)
        ids = ids_digest(shared_subject.stimuli)
        assert store.manifest["provenance"] == {"source": source, "subject": 1, "ids": ids}


def test_features_of_images_elsewhere_are_found_by_their_ids(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    name = cache_elsewhere(tmp_path, shared_subject, features, "a" * 64)
    np.testing.assert_array_equal(find(tmp_path, name, shared_subject).read(), features)


def test_features_of_exactly_these_images_come_before_those_of_images_elsewhere(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    name = cache_features(tmp_path, shared_subject, features)
    assert cache_elsewhere(tmp_path, shared_subject, -features, "a" * 64) == name
    np.testing.assert_array_equal(find(tmp_path, name, shared_subject).read(), features)


def test_several_kinds_of_images_elsewhere_are_listed(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    name = cache_elsewhere(tmp_path, shared_subject, features, "a" * 64)
    cache_elsewhere(tmp_path, shared_subject, -features, "b" * 64)
    with pytest.raises(UsageError, match="2 kinds of features of alexnet by-hand for subject 1") as caught:
        find(tmp_path, name, shared_subject)
    assert all(f"subj01-{letter * 8} (hdf5)" in caught.value.message for letter in "ab")
    assert caught.value.hint == "name the one that is meant with stimuli=..."


def test_of_several_kinds_of_images_elsewhere_those_are_taken_that_are_named(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    cache, content = tmp_path / "cache", stimuli_digest(shared_subject.stimuli, tmp_path / "cache")
    name = cache_features(cache, shared_subject, features)
    folders = [folder_of(shared_subject, tmp_path / letter, deep=letter == "b") for letter in "abc"]
    write_png(folders[2] / "0.png", np.full((4, 4), 7), bits=8, colour_type=0)
    for sign, folder in zip((-1, 2), folders, strict=False):
        images = open_images(shared_subject, folder)
        where = {"stimuli": str(folder), "converted": {}}
        assert cache_elsewhere(cache, shared_subject, sign * features, images.digest(cache), **where) == name
    folders[1].rename(tmp_path / "moved")
    for folder, taken in ((None, features), (folders[0], -features), (tmp_path / "moved", 2 * features)):
        np.testing.assert_array_equal(find_store(cache, name, shared_subject, content, folder).read(), taken)
    with pytest.raises(MissingStep, match="for subject 1 were not made from") as caught:
        find_store(cache, name, shared_subject, content, folders[2])
    assert f"--stimuli {folders[2]}" in str(caught.value.hint)


def test_features_of_images_elsewhere_with_other_ids_are_not_taken(
    tmp_path: Path, subject: Subject, features: NDArray[np.float16]
) -> None:
    name = cache_elsewhere(tmp_path / "cache", subject, features, "a" * 64)
    last = subject.test_stimuli[-1]
    last.path.rename(last.path.with_name(last.path.name.replace(f"{last.nsd_id:05d}", f"{last.nsd_id + 1:05d}")))
    with pytest.raises(MissingStep, match="other images"):
        find(tmp_path / "cache", name, Challenge(subject.layout.folder.parent).subject(1))


def test_what_is_left_of_images_elsewhere_names_the_place(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    name = cache_elsewhere(tmp_path, shared_subject, features, "a" * 64, stimuli="/data/my images")
    (store,) = list_stores(tmp_path)
    store.forget(store.shards[0])
    with pytest.raises(MissingStep, match="27 of 27 images are left") as caught:
        find(tmp_path, name, shared_subject)
    assert str(caught.value.hint).endswith("--stimuli '/data/my images' -s 1")


def folder_of(subject: Subject, folder: Path, *, deep: bool) -> Path:
    """Write a folder of images for a subject, the first of 16 bits if `deep`."""
    folder.mkdir()
    for row in range(len(subject.stimuli)):
        bits = 16 if deep and row == 0 else 8
        write_png(folder / f"{row}.png", np.full((4, 4), 200), bits=bits, colour_type=0)
    table = "".join(f"{row}.png,{stimulus.nsd_id}\n" for row, stimulus in enumerate(subject.stimuli))
    (folder / "ids.csv").write_text(f"file,nsd_id\n{table}")
    return folder


@pytest.mark.parametrize("deep", [False, True])
def test_features_of_a_folder_from_before_its_images_were_converted_are_not_taken(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16], deep: bool
) -> None:
    folder = folder_of(shared_subject, tmp_path / "my images", deep=deep)
    where = {"source": "folder", "stimuli": str(folder)}
    name = cache_elsewhere(tmp_path / "cache", shared_subject, features, "a" * 64, **where)
    if not deep:
        np.testing.assert_array_equal(find(tmp_path / "cache", name, shared_subject).read(), features)
        return
    with pytest.raises(MissingStep, match="by a version that read images otherwise") as caught:
        find(tmp_path / "cache", name, shared_subject)
    assert f"--stimuli '{folder}'" in str(caught.value.hint)
    # The new ones say that they know, and are taken though the old ones are still there.
    cache_elsewhere(tmp_path / "cache", shared_subject, -features, "b" * 64, **where, converted={"16-bit": 1})
    np.testing.assert_array_equal(find(tmp_path / "cache", name, shared_subject).read(), -features)


def test_features_of_a_folder_that_is_gone_are_taken(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    where = {"source": "folder", "stimuli": str(tmp_path / "gone")}
    name = cache_elsewhere(tmp_path / "cache", shared_subject, features, "a" * 64, **where)
    np.testing.assert_array_equal(find(tmp_path / "cache", name, shared_subject).read(), features)


def test_the_choice_says_what_the_names_do_not(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    name = cache_features(tmp_path, shared_subject, features, weights="random:1")
    cache_features(tmp_path, shared_subject, features, weights="random:2")
    with pytest.raises(UsageError) as caught:
        Library(tmp_path).find("alexnet", "by-hand")
    assert f"{name}  (--weights random:1)" in caught.value.message


def test_kinds_that_were_asked_for_alike_are_told_apart_by_when_they_were_made(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    for code, seconds in (("a", 0), ("b", 61)):
        how = recipe("python:nets:mine", "conv", "pretrained", {"code": code}, "float16")
        fill(create_store(tmp_path, how, shared_subject, "digest", 6, {}), features)
        for path in (tmp_path / "features" / how.name).rglob("*.json"):
            os.utime(path, (1e9 + seconds, 1e9 + seconds))
    with pytest.raises(UsageError) as caught:
        Library(tmp_path).find("python:nets:mine", "conv")
    made = re.findall(r"\(pretrained; made \d+-\d+-\d+ \d+:(\d+):(\d+)\)", caught.value.message)
    first, second = (60 * int(minutes) + int(seconds) for minutes, seconds in sorted(made))
    assert second - first in (61, 3600 - 61)


def test_features_of_no_such_name_are_met_with_the_nearest(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    name = cache_features(tmp_path, shared_subject, features)
    for look in (lambda: find(tmp_path, f"{name}x", shared_subject), lambda: check_name(tmp_path, f"{name}x")):
        with pytest.raises(MissingStep, match=rf"no features are named {name}x \(did you mean {name}\?\)"):
            look()


def test_features_that_nothing_describes_any_more_are_damaged_and_not_missing(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    name = cache_features(tmp_path, shared_subject, features)
    (tmp_path / "features" / name / "recipe.json").unlink()
    with pytest.raises(DataError, match=r"recipe\.json") as caught:
        check_name(tmp_path, name)
    assert "cache verify" in (caught.value.hint or "")


def test_what_a_failed_attempt_left_is_no_choice(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16]
) -> None:
    name = cache_features(tmp_path, shared_subject, features, weights="a")
    cache_features(tmp_path, shared_subject, features, weights="b")
    (failed,) = (store for store in list_stores(tmp_path) if store.folder.parent.name != name)
    for shard in failed.shards:
        failed.forget(shard)
    assert Library(tmp_path).find("alexnet", "by-hand") == name


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model": "alexnet", "layer": "by-hand"}'])
def test_a_damaged_description_hides_no_other_and_is_made_again(
    tmp_path: Path, shared_subject: Subject, features: NDArray[np.float16], content: str
) -> None:
    name = cache_features(tmp_path, shared_subject, features, weights="a")
    other = cache_features(tmp_path, shared_subject, features, layer="other")
    damaged = tmp_path / "features" / name / "recipe.json"
    whole = damaged.read_bytes()
    damaged.write_text(content)
    assert Library(tmp_path).find("alexnet", "other") == other
    with pytest.raises(MissingStep):
        Library(tmp_path).find("alexnet", "by-hand")
    with pytest.raises(DataError, match=r"recipe\.json"):
        find(tmp_path, name, shared_subject)
    cache_features(tmp_path, shared_subject, features, weights="a")
    assert damaged.read_bytes() == whole
