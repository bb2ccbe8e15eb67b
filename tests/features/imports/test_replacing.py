"""Features that replace others of their name: wherever that is stopped, whoever reads meets one or the other."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import algocli
from algocli.compute import places
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.digests import stimuli_digest
from algocli.errors import AlgocliError, DataError, MissingStep
from algocli.features.store.leftovers import find_leftovers
from algocli.features.store.library import find_store
from algocli.features.store.overview import list_rows
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import store_digest

OLD, NEW = (np.random.default_rng(seed).standard_normal((27, 10)).astype(np.float32) for seed in (0, 1))


class Stopped(BaseException):
    """What no code of ours catches, as none does after a kill."""


@pytest.fixture(autouse=True)
def _several_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 16)


def bring(subject: Subject, home: Path, features: NDArray[np.float32], **how: Any) -> None:
    np.save(home / "mine.npy", features)
    algocli.import_features(subject, home / "mine.npy", "mine", cache_dir=home / "cache", note=lambda _: None, **how)


def read(subject: Subject, home: Path) -> NDArray[Any]:
    cache = home / "cache"
    return np.asarray(find_store(cache, "mine", subject, stimuli_digest(subject.stimuli, cache)).features)


def stop_at(number: int, monkeypatch: pytest.MonkeyPatch, *, exchange: bool) -> list[str]:
    """Let whatever is done to the disk be stopped before the operation of that number; list those that were done."""
    done: list[str] = []

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **how: Any) -> Any:
            if len(done) == number:
                if name == "rmtree":
                    # Half of it is gone by then, in whatever order.
                    for path in sorted(Path(given[0]).rglob("*"))[::2]:
                        if path.is_file():
                            os.remove(path)  # noqa: PTH107
                raise Stopped
            done.append(name)
            return function(*given, **how)

        return call

    for owner, name in (
        (Path, "rename"),
        (Path, "unlink"),
        (shutil, "rmtree"),
        (os, "replace"),
        (FeatureStore, "write"),
    ):
        monkeypatch.setattr(owner, name, counted(name, getattr(owner, name)))
    monkeypatch.setattr(places, "_exchange", counted("exchange", places._exchange) if exchange else lambda *_: False)
    return done


@pytest.mark.parametrize("exchange", [True, False])
def test_a_replacement_is_stopped_anywhere(
    shared_subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    whole, replaced = tmp_path / "whole", tmp_path / "replaced"
    for home in (whole, replaced):
        home.mkdir()
        bring(shared_subject, home, OLD)
    np.testing.assert_array_equal(read(shared_subject, whole), OLD)
    bring(shared_subject, replaced, NEW, force=True)
    expected = store_digest(list_rows(replaced / "cache")[0].path)
    seen = []
    for number in range(1000):
        home = shutil.copytree(whole, tmp_path / str(number))
        with monkeypatch.context() as patch:
            done = stop_at(number, patch, exchange=exchange)
            try:
                bring(shared_subject, home, NEW, force=True)
            except Stopped:
                pass
            else:
                break
        try:
            now = read(shared_subject, home)
            assert any(np.array_equal(now, either) for either in (OLD, NEW)), done
            seen.append("old" if np.array_equal(now, OLD) else "new")
        # Where two names cannot be exchanged there is a moment for which there is nothing.
        except MissingStep:
            assert not exchange, done
            seen.append("nothing")
        # Neither is lost, whatever is cleared away then but in that moment.
        if number % 2 and seen[-1] != "nothing":
            for left in find_leftovers(home / "cache"):
                assert left.delete(), (left, done)
            assert any(np.array_equal(read(shared_subject, home), either) for either in (OLD, NEW)), done
        # Half of the times whoever repeats it has forgotten that it was to replace something.
        try:
            bring(shared_subject, home, NEW)
        except AlgocliError as error:
            assert "force=True" in str(error.hint), done  # noqa: PT017
            bring(shared_subject, home, NEW, force=True)
        np.testing.assert_array_equal(read(shared_subject, home), NEW)
        (row,) = list_rows(home / "cache")
        assert store_digest(row.path) == expected, done
        folders = {path.name for path in (home / "cache/features/mine").iterdir() if path.is_dir()}
        assert folders == {row.path.name}, done
        shutil.rmtree(home)
    assert seen == sorted(seen, key=["old", "nothing", "new"].index)
    assert {"old", "new"} <= set(seen)
    assert ("nothing" in seen) is not exchange


def test_what_was_to_be_replaced_may_come_again(
    shared_subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(shared_subject, tmp_path, OLD)
    with monkeypatch.context() as patch:
        # What is to take the other's place is whole by then.
        stop_at(8, patch, exchange=True)
        with pytest.raises(Stopped):
            bring(shared_subject, tmp_path, NEW, force=True)
    bring(shared_subject, tmp_path, OLD)
    np.testing.assert_array_equal(read(shared_subject, tmp_path), OLD)
    assert not list((tmp_path / "cache/features/mine").glob(".aside/*/*"))


def test_the_manifest_of_what_was_replaced_is_no_manifest_of_what_replaced_it(
    shared_subject: Subject, tmp_path: Path
) -> None:
    """As a backup leaves it that was brought back in part: nothing is vouched for by it, and the rows stay."""
    bring(shared_subject, tmp_path, OLD)
    before = next((tmp_path / "cache/features/mine").glob("*/manifest.json")).read_bytes()
    bring(shared_subject, tmp_path, NEW, force=True)
    (manifest,) = (tmp_path / "cache/features/mine").glob("*/manifest.json")
    whole = store_digest(tmp_path / "cache")
    manifest.write_bytes(before)
    with pytest.raises(DataError, match="is damaged: it is that of other features") as refused:
        read(shared_subject, tmp_path)
    assert str(refused.value.hint).startswith("algocli cache verify")
    bring(shared_subject, tmp_path, NEW)
    np.testing.assert_array_equal(read(shared_subject, tmp_path), NEW)
    assert store_digest(tmp_path / "cache") == whole
