"""What is promised of a cache whose features lie at an address: it knows what is there, and no more than that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import algocli
from algocli.compute import addresses
from algocli.compute.addresses import Address
from algocli.compute.cache_places import check_cache
from algocli.compute.object_kinds import KINDS, S3, ObjectKind
from algocli.dataset.protocol import Subject
from algocli.errors import DataError, DiskFault, StorageError
from algocli.features.imports.formats.matrix import of_array
from algocli.features.imports.recipes import imported_recipe
from algocli.features.store.borrowing import adopt
from algocli.features.store.library import create_store
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import cache_features, list_stores
from tests.support.challenge import write_tiny_challenge
from tests.support.objects import Objects
from tests.support.permissions import as_any_user, read_only


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    data = write_tiny_challenge(tmp_path_factory.mktemp("data") / "challenge", (1,), n_train=25, n_test=2)
    (found,) = algocli.Challenge(data).subjects()
    return found


@pytest.fixture(params=KINDS, ids=lambda kind: kind.scheme)
def at(request: pytest.FixtureRequest, objects_of: Callable[[ObjectKind], Objects], tmp_path: Path) -> Address:
    return objects_of(request.param).at(f"known{tmp_path}")


def cache_on(machine: str, at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which a machine has what is not at the address."""
    (tmp_path / machine).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / machine)
    return check_cache(str(at)).absolute()


def some(subject: Subject, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal((len(subject.stimuli), 6)).astype("float32")


def test_what_one_machine_makes_another_knows_as_its_own(
    subject: Subject, at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (cache_on(name, at, tmp_path, monkeypatch) for name in ("one", "other"))
    cache_features(one, subject, some(subject))
    adopt(other)
    (mine,), (theirs,) = list_stores(one), list_stores(other)
    assert (theirs.place, theirs.is_borrowed, theirs.complete) == (mine.place, False, True)
    assert theirs.manifest == mine.manifest
    np.testing.assert_array_equal(theirs.read(), some(subject))
    # What is known is not written again.
    before = (theirs.folder / "manifest.json").stat().st_mtime_ns
    adopt(other)
    assert (theirs.folder / "manifest.json").stat().st_mtime_ns == before


def test_a_cache_in_a_folder_asks_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "server_of", None)
    adopt(tmp_path / "cache")
    assert not list(tmp_path.iterdir())


# Other servers here take no such names.
@pytest.mark.parametrize("at", [S3], indirect=True)
def test_names_that_lead_elsewhere_and_what_is_damaged_are_passed_over(
    subject: Subject, at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (cache_on(name, at, tmp_path, monkeypatch) for name in ("one", "other"))
    cache_features(one, subject, some(subject))
    (store,) = list_stores(one)
    assert isinstance(store.place, Address)
    manifest, recipe = (place.read() for place in (store.place / "manifest.json", store.place.parent / "recipe.json"))
    for home, folder in (
        ("..", "subj01-0a1b2c3d"),
        (store.name, ".."),
        (".aside", "subj01-0a1b2c3d"),
        (store.name, "nothing"),
    ):
        (at / "features" / home / folder / "manifest.json").write(manifest)
        (at / "features" / home / "recipe.json").write(recipe)
    (store.place.parent / "subj02-0a1b2c3d" / "manifest.json").write(b"{}")
    before = sorted(tmp_path.rglob("*"))
    adopt(other)
    new = {path.relative_to(other) for path in set(tmp_path.rglob("*")) - set(before)}
    assert [found.folder.name for found in list_stores(other)] == [store.folder.name]
    assert {path.parts[0] for path in new} <= {"features", ".lock"}
    assert {path.parts[1] for path in new if len(path.parts) > 1} == {store.name}


def test_what_is_begun_while_the_address_is_listed_stays_known(
    subject: Subject, at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, listed = cache_on("one", at, tmp_path, monkeypatch), Address.glob

    def slowly(self: Address, pattern: str) -> Any:
        found = list(listed(self, pattern))
        with monkeypatch.context() as patch:
            patch.setattr(Address, "glob", listed)
            cache_features(cache, subject, some(subject))
        return iter(found)

    monkeypatch.setattr(Address, "glob", slowly)
    adopt(cache)
    monkeypatch.setattr(Address, "glob", listed)
    assert len(list_stores(cache)) == 1
    adopt(cache)
    assert len(list_stores(cache)) == 1


def test_a_folder_that_may_only_be_read_serves_with_what_it_knows(
    subject: Subject, at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (cache_on(name, at, tmp_path, monkeypatch) for name in ("one", "other"))
    cache_features(one, subject, some(subject))
    adopt(other)
    cache_features(one, subject, some(subject, 1), layer="another")
    with read_only(other):
        as_any_user(lambda: adopt(other))
    assert len(list_stores(other)) == 1


def test_a_disk_that_is_full_is_told_and_not_taken_for_nothing_to_know(
    subject: Subject, at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (cache_on(name, at, tmp_path, monkeypatch) for name in ("one", "other"))
    cache_features(one, subject, some(subject))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("algocli.compute.files.make_safe", full)
        with pytest.raises(StorageError, match="the disk is full"):
            adopt(other)
    adopt(other)
    assert len(list_stores(other)) == 1


def test_a_folder_whose_address_is_damaged_takes_no_features(
    subject: Subject, at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_on("one", at, tmp_path, monkeypatch)
    (cache / "address.json").write_text("{}")
    for use in (lambda: cache_features(cache, subject, some(subject)), lambda: adopt(cache)):
        with pytest.raises(DataError, match=r"address\.json is damaged"):
            use()
    assert not list(cache.rglob("features.zarr"))


def test_a_server_that_does_not_answer_deletes_nothing_of_what_is_known(
    subject: Subject, at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_on("one", at, tmp_path, monkeypatch)
    cache_features(cache, subject, some(subject))

    def gone(*_: object, **__: object) -> None:
        raise OSError("could not connect to the endpoint URL")

    with monkeypatch.context() as patch:
        patch.setattr(at._server.system, "find", gone)
        with pytest.raises(DiskFault, match="could not connect"):
            adopt(cache)
    assert len(list_stores(cache)) == 1


def test_what_lies_at_an_address_of_its_own_is_gone_on_with_there(
    subject: Subject, at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_on("one", at, tmp_path, monkeypatch)
    content, how = "0a1b2c3d" * 8, imported_recipe(cache, "mine", of_array(tmp_path, None, some(subject)), None)
    words = cache, how, subject, content, 6, {}
    made = create_store(*words, at=at / "aside")
    adopt(cache)
    assert create_store(*words).place == made.place
    assert str(made.place).startswith(f"{at}/aside/features/mine/")


def test_features_that_another_cache_lends_whole_are_not_made_again(
    subject: Subject, at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lender, cache = tmp_path / "lender", cache_on("one", at, tmp_path, monkeypatch)
    name = cache_features(lender, subject, some(subject))
    algocli.train(subject, name, n_components=3, features_from=lender, cache_dir=cache)
    cache_features(cache, subject, some(subject))
    (store,) = list_stores(cache)
    assert (store.is_borrowed, store.place) == (True, list_stores(lender)[0].folder.resolve())
    # Where they are gone, they are made where this cache's own lie.
    (lender / "features").rename(tmp_path / "moved")
    cache_features(cache, subject, some(subject))
    again = FeatureStore(store.folder)
    assert (again.is_borrowed, again.complete) == (False, True)
    assert isinstance(again.place, Address)
