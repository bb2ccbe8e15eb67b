"""What nothing refers to in a cache folder: found where it is, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from algocli.compute.files import publish, write_json
from algocli.compute.leftovers import Leftover
from algocli.compute.lock import hold
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.digests import digest_files
from algocli.features.store.gram import gram
from algocli.features.store.leftovers import EMPTY, FOREIGN, GONE, KILLED, MISMATCHED, UNUSED, find_leftovers
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import cache_features, digest_tree, list_stores

PARTIAL = "recipe.json.0a1b2c3d.partial"


@pytest.fixture
def cache(tmp_path: Path, shared_subject: Subject) -> Path:
    features = np.random.default_rng(0).standard_normal((len(shared_subject.stimuli), 6)).astype(np.float16)
    cache_features(tmp_path / "cache", shared_subject, features)
    return tmp_path / "cache"


@pytest.fixture
def store(cache: Path) -> FeatureStore:
    (store,) = list_stores(cache)
    return store


def found(cache: Path) -> list[tuple[str, str]]:
    return [(str(one.path.relative_to(cache)), one.why) for one in find_leftovers(cache)]


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_sound_cache_has_none(cache: Path, store: FeatureStore) -> None:
    gram(store)
    assert find_leftovers(cache) == []
    assert find_leftovers(cache / "nowhere") == []


@pytest.mark.parametrize(
    "place",
    [
        f"features/NAME/{PARTIAL}",
        f"features/{PARTIAL}",
        "features/NAME/STORE/manifest.json.0a1b2c3d.partial",
        "features/NAME/STORE/features.zarr/c/0/0.6fa459eaee8a3ca4894edb77e160355e.partial",
        "features/NAME/STORE/gram/spectra/0123-00128.npz.0a1b2c3d.partial",
        "digests/0123456789abcdef.json.0a1b2c3d.partial",
        "runs/latest.0a1b2c3d.partial",
        "runs/mine/subj01/left_pred_test.npy.0a1b2c3d.partial",
    ],
)
def test_an_unfinished_file_is_found_wherever_it_lies(cache: Path, store: FeatureStore, place: str) -> None:
    gram(store)
    before = digest_tree(cache)
    path = cache / place.replace("NAME", store.folder.parent.name).replace("STORE", store.folder.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("half")
    (leftover,) = find_leftovers(cache)
    assert (leftover.path, leftover.why, leftover.n_bytes) == (path, KILLED, 4)
    assert leftover.delete()
    assert digest_tree(cache) == before


@pytest.mark.parametrize("name", ["thesis.partial", "notes.txt", "thesis.docx.partial"])
def test_a_file_of_someone_elses_is_none(cache: Path, store: FeatureStore, name: str) -> None:
    for folder in (cache, cache / "features", store.folder.parent):
        (folder / name).write_text("mine")
    (cache / PARTIAL).write_text("not in a folder of ours")
    assert find_leftovers(cache) == []


def test_a_file_that_is_being_written_is_held(cache: Path) -> None:
    def write(stream: object) -> None:
        (leftover,) = find_leftovers(cache)
        assert leftover.is_held
        assert not leftover.delete()

    publish(cache / "digests" / "0123456789abcdef.json", write)
    assert (cache / "digests" / "0123456789abcdef.json").is_file()


@pytest.mark.parametrize("lock", ["lock", "creation.lock", "gram/lock", "locks/00000", "../subj01.lock"])
def test_what_lies_in_a_store_that_someone_holds_is_held(cache: Path, store: FeatureStore, lock: str) -> None:
    (store.folder / "features.zarr/c/0/0.abc.partial").write_text("half")
    (store.folder / "manifest.json").unlink()
    with hold((store.folder / lock).resolve()):
        whole, recipe = find_leftovers(cache)
        assert whole.is_held
        assert not whole.delete()
        assert not recipe.delete()
    assert store.folder.is_dir()
    assert whole.delete()
    assert recipe.delete()
    assert not store.folder.parent.exists()


def test_a_store_without_a_manifest_was_never_whole(cache: Path, store: FeatureStore) -> None:
    (store.folder / "manifest.json").unlink()
    name = store.folder.parent.name
    assert found(cache) == [(f"features/{name}/{store.folder.name}", KILLED), (f"features/{name}", EMPTY)]


def test_a_recipe_whose_store_came_back_stays(cache: Path, store: FeatureStore) -> None:
    manifest = (store.folder / "manifest.json").read_bytes()
    (store.folder / "manifest.json").unlink()
    leftovers = find_leftovers(cache)
    (store.folder / "manifest.json").write_bytes(manifest)
    assert [one.delete() for one in leftovers] == [False, False]
    assert list_stores(cache)[0].complete


def test_a_recipe_with_something_unknown_stays(cache: Path, store: FeatureStore) -> None:
    shutil.rmtree(store.folder)
    (store.folder.parent / "notes.txt").write_text("mine")
    assert find_leftovers(cache) == []


@pytest.mark.parametrize(("schema", "why"), [(0, FOREIGN), (99, FOREIGN), (None, None), ("one", None)])
def test_a_store_of_another_version_may_go(cache: Path, store: FeatureStore, schema: object, why: str | None) -> None:
    rewrite(store.folder / "manifest.json", schema=schema)
    assert [one.why for one in find_leftovers(cache)] == ([why, EMPTY] if why else [])


def test_a_damaged_manifest_is_for_the_user_to_judge(cache: Path, store: FeatureStore) -> None:
    (store.folder / "manifest.json").write_text("{")
    assert find_leftovers(cache, lambda _store: False) == []


@pytest.mark.parametrize("text", ['{"key": "another"}', "{", None])
def test_a_gram_matrix_that_is_not_the_stores_may_go(cache: Path, store: FeatureStore, text: str | None) -> None:
    gram(store)
    (store.folder / "gram/spectra").mkdir()
    (store.folder / "gram/spectra/0123-00128.npz").write_text("pairs")
    record = store.folder / "gram/record.json"
    if text is None:
        record.unlink()
    else:
        record.write_text(text)
    (leftover,) = find_leftovers(cache)
    assert (leftover.path, leftover.why) == (store.folder / "gram", MISMATCHED)
    assert leftover.delete()
    assert not (store.folder / "gram").exists()
    assert store.complete


def test_digests_of_a_folder_that_is_gone_may_go(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What has just been written is not remembered before it has rested.
    really = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: really() + 3600 * 10**9)
    before = digest_tree(cache)
    (tmp_path / "images").mkdir()
    (tmp_path / "images/1.png").write_text("1")
    os.utime(tmp_path / "images/1.png", (1, 1))
    digest_files([tmp_path / "images/1.png"], cache)
    assert find_leftovers(cache) == []
    shutil.rmtree(tmp_path / "images")
    (leftover,) = find_leftovers(cache)
    assert (leftover.why, leftover.detail) == (GONE, str(tmp_path / "images"))
    assert leftover.delete()
    assert digest_tree(cache) == before


def test_a_store_that_no_run_refers_to_may_go_when_asked(cache: Path, store: FeatureStore) -> None:
    assert find_leftovers(cache, lambda _store: True) == []
    leftovers = find_leftovers(cache, lambda one: one.key != store.key)
    assert [one.why for one in leftovers] == [UNUSED, EMPTY]


def test_one_that_is_used_by_the_time_it_would_go_stays(cache: Path, store: FeatureStore) -> None:
    used: set[str] = set()
    unused, _ = find_leftovers(cache, lambda one: one.key in used)
    used.add(store.key)
    assert not unused.delete()
    assert store.complete


LINKS: list[Callable[[Path, FeatureStore], tuple[Path, Path]]] = [
    lambda cache, store: (cache / "features", cache.parent / "moved"),
    lambda cache, store: (store.folder.parent, cache.parent / "moved"),
    lambda cache, store: (store.folder, cache.parent / "moved"),
]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_out_of_the_cache_is_not_followed(
    cache: Path, store: FeatureStore, link: Callable[[Path, FeatureStore], tuple[Path, Path]]
) -> None:
    rewrite(store.folder / "manifest.json", schema=0)
    (store.folder / "features.zarr/c/0/0.abc.partial").write_text("half")
    path, target = link(cache, store)
    path.rename(target)
    path.symlink_to(target)
    before = digest_tree(target)
    assert find_leftovers(cache, lambda _store: False) == []
    assert digest_tree(target) == before


def test_a_link_within_a_store_is_deleted_and_not_followed(cache: Path, store: FeatureStore, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/data").write_text("mine" * 1000)
    (store.folder / "link").symlink_to(tmp_path / "precious")
    (store.folder / "data").symlink_to(tmp_path / "precious/data")
    rewrite(store.folder / "manifest.json", schema=0)
    leftovers = find_leftovers(cache)
    assert all(one.delete() for one in leftovers)
    assert not store.folder.exists()
    assert (tmp_path / "precious/data").stat().st_size == 4000


def test_what_became_a_link_meanwhile_stays(cache: Path, store: FeatureStore, tmp_path: Path) -> None:
    rewrite(store.folder / "manifest.json", schema=0)
    leftovers = find_leftovers(cache)
    store.folder.rename(tmp_path / "moved")
    store.folder.symlink_to(tmp_path / "moved")
    assert [one.delete() for one in leftovers] == [False, False]
    assert (tmp_path / "moved/manifest.json").is_file()


def test_the_cache_itself_may_be_a_link(cache: Path, store: FeatureStore, tmp_path: Path) -> None:
    rewrite(store.folder / "manifest.json", schema=0)
    (tmp_path / "link").symlink_to(cache)
    assert all(one.delete() for one in find_leftovers(tmp_path / "link"))
    assert list((cache / "features").iterdir()) == []


def test_a_kill_while_deleting_leaves_what_is_found_again(
    cache: Path, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_folder: Path) -> None:
        raise KeyboardInterrupt

    (leftover, _) = find_leftovers(cache, lambda _store: False)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            leftover.delete()
    assert list_stores(cache) == []
    assert [one.delete() for one in find_leftovers(cache)] == [True, True]


def test_the_sizes_add_up_to_what_is_freed(cache: Path, store: FeatureStore) -> None:
    n_bytes = sum(path.stat().st_size for path in (cache / "features").rglob("*") if path.is_file())
    leftovers: list[Leftover] = find_leftovers(cache, lambda _store: False)
    assert sum(one.n_bytes for one in leftovers) == n_bytes
    write_json(cache / "features" / "x.json", {})
    assert all(one.delete() for one in leftovers)
    assert [path.name for path in (cache / "features").rglob("*")] == ["x.json"]
