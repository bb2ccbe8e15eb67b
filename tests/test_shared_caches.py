"""Caches that another user made: read without a lock where they may only be read, and lending features to one's own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import algocli
from algocli.errors import DataError, MissingStep, StorageError, UsageError
from algocli.features.store.library import find_store
from algocli.runs.run import Run
from tests.encoding.data_by_hand import datasets_to_spoil, written_datasets  # noqa: F401
from tests.support.permissions import all_of, as_any_user, read_only

HOW: dict[str, Any] = {"regression": "ridge", "n_components": 5}


@pytest.fixture
def recipe(home: Path) -> str:
    (found,) = (path.name for path in (home / "cache/features").iterdir())
    return found


def subjects(home: Path) -> Sequence[Any]:
    return algocli.Challenge(home / "a").subjects()


def arrays(run: Run) -> dict[str, bytes]:
    return {name: content for name, (_, content) in all_of(run.folder).items() if name.endswith(".npy")}


def import_wide(home: Path, cache: Path, name: str, n_features: int, seed: int = 3) -> None:
    """Keep features of one's own of subject 1, drawn from a seed."""
    (first, _) = subjects(home)
    features = np.random.default_rng(seed).standard_normal((len(first.stimuli), n_features)).astype(np.float32)
    np.save(home / f"{name}.npy", features)
    algocli.import_features([first], home / f"{name}.npy", name, cache_dir=cache)


@pytest.mark.parametrize("with_locks", [True, False])
def test_a_cache_that_may_only_be_read_is_read_without_a_lock(home: Path, recipe: str, with_locks: bool) -> None:
    cache = home / "cache"
    run = algocli.train(subjects(home), recipe, cache_dir=cache, **HOW)
    told = algocli.report(run, significance=True, n_permutations=50).rows
    for path in [] if with_locks else [*cache.rglob("*lock"), *cache.rglob("locks/*")]:
        path.unlink()
    shutil.rmtree(cache / "digests", ignore_errors=True)
    before = all_of(cache)
    with read_only(cache):
        again = as_any_user(lambda: algocli.train(subjects(home), recipe, cache_dir=cache, **HOW))
        assert again.name == run.name
        read = as_any_user(lambda: algocli.report(again, significance=True, n_permutations=50).rows)
        store = as_any_user(
            lambda: find_store(cache, recipe, subjects(home)[0], run.subject(1).record["inputs"]["stimuli"]).gram()
        )
        with pytest.raises(StorageError, match="cannot write"):
            as_any_user(lambda: algocli.train(subjects(home), recipe, cache_dir=cache, **{**HOW, "n_components": 4}))
    assert read == told
    assert store.n_stimuli > 0
    assert all_of(cache) == before


def test_features_of_another_cache_give_the_very_run_and_it_is_left_alone(home: Path, recipe: str) -> None:
    theirs, mine = home / "cache", home / "mine"
    own = algocli.train(subjects(home), recipe, cache_dir=shutil.copytree(theirs, home / "copy"), **HOW)
    # They have the Gram matrix of one subject and not of the other.
    algocli.train(subjects(home)[0], recipe, name="theirs", cache_dir=theirs, **HOW)
    before = all_of(theirs)
    with read_only(theirs):
        run = as_any_user(lambda: algocli.train(subjects(home), recipe, features_from=theirs, cache_dir=mine, **HOW))
        # It is remembered where they lie.
        other = as_any_user(lambda: algocli.train(subjects(home), recipe, cache_dir=mine, folds=3, **HOW))
    assert all_of(theirs) == before
    assert run.name == own.name
    assert arrays(run) == arrays(own)
    assert other.subjects == (1, 6)
    assert [path.parent.parent.name[:6] for path in mine.rglob("matrix.npy")] == ["subj06"]
    assert not list(mine.rglob("features.zarr"))
    assert not list(mine.rglob("done"))


def test_what_is_damaged_of_other_images_is_not_in_the_way(home: Path, recipe: str) -> None:
    for folder in ("subj01-ffffffff", "subj06-ffffffff", "subj03-ffffffff"):
        (home / "cache/features" / recipe / folder).mkdir()
        (home / "cache/features" / recipe / folder / "manifest.json").write_text("{}")
    everyone = subjects(home)
    own = algocli.train(everyone, cache_dir=home / "cache", each=True, **HOW)
    lent = algocli.train(everyone, cache_dir=home / "mine", features_from=home / "cache", each=True, **HOW)
    assert [run.name for run in own] == [run.name for run in lent]
    assert [arrays(run) for run in own] == [arrays(run) for run in lent]
    # Where one that cannot be read may be the one that is meant, it is told.
    (meant,) = (home / "cache/features" / recipe).glob("subj01-[!f]*")
    (meant / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match="damaged"):
        algocli.train(everyone, cache_dir=home / "cache", folds=3, each=True, **HOW)


def test_features_that_are_gone_where_they_were_borrowed_are_told_with_the_place(home: Path, recipe: str) -> None:
    algocli.train(subjects(home), recipe, features_from=[home / "cache"], cache_dir=home / "mine", **HOW)
    (home / "cache").rename(home / "moved")
    with pytest.raises(MissingStep, match=f"were read from {home / 'cache'}.*gone"):
        algocli.train(subjects(home), recipe, cache_dir=home / "mine", folds=3, **HOW)
    again = algocli.train(subjects(home), recipe, features_from=home / "moved", cache_dir=home / "mine", folds=3, **HOW)
    assert again.subjects == (1, 6)


def test_layers_of_several_caches_stand_side_by_side(home: Path, recipe: str) -> None:
    first, lenders = subjects(home)[0], [home / "one", home / "other"]
    for cache, name in zip(lenders, ("wide", "wider"), strict=True):
        import_wide(home, cache, name, 30, seed=len(name))
        import_wide(home, home / "cache", name, 30, seed=len(name))
    expected = algocli.partition([first], ["wide", "wider"], cache_dir=home / "cache", n_components=5)
    found = algocli.partition(
        [first], ["wide", "wider"], cache_dir=home / "mine", features_from=lenders, n_components=5
    )
    assert found.report.rows == expected.report.rows


def test_what_one_has_complete_is_not_borrowed(home: Path, recipe: str) -> None:
    import_wide(home, home / "mine", "mine", 30)
    import_wide(home, home / "cache", "mine", 30, seed=4)
    before = {name: content for name, content in all_of(home / "mine").items() if "manifest" in name}
    algocli.train(
        subjects(home)[0], "mine", features_from=[home / "cache", home / "mine"], cache_dir=home / "mine", **HOW
    )
    assert before.items() <= all_of(home / "mine").items()


@pytest.mark.parametrize("wrong", ["nowhere", "a", 3, []])
def test_what_lends_nothing_is_refused(home: Path, recipe: str, wrong: Any) -> None:
    lender = home / wrong if isinstance(wrong, str) else wrong
    with pytest.raises(UsageError, match="features_from="):
        algocli.train(subjects(home), recipe, features_from=lender, cache_dir=home / "mine", **HOW)
    assert not os.path.lexists(home / "mine")


@pytest.mark.parametrize(
    "how",
    [
        {"regression": "banded", "search_seed": 1, "n_iter": 2},
        {"regression": "blend"},
        {"regression": "ridge", "join": "components"},
        {"regression": "ols", "join": "components"},
        {"regression": "ridge", "alpha_by": "kfold", "join": "components"},
    ],
    ids=str,
)
def test_a_layer_narrower_than_asked_for_keeps_what_it_has_and_that_is_said(home: Path, how: dict[str, Any]) -> None:
    for name, n_features in (("wide", 60), ("narrow", 3)):
        import_wide(home, home / "cache", name, n_features)
    said: list[str] = []
    first = subjects(home)[0]
    run = algocli.train([first], ["wide", "narrow"], n_components=6, cache_dir=home / "cache", note=said.append, **how)
    assert any("of narrow there are 3 components, which are kept, and not 6" in line for line in said)
    assert not any("of wide there" in line for line in said)
    assert run.subject(1).correlation("left").shape == (first.n_vertices("left"),)


def test_a_preset_takes_the_components_that_there_are(home: Path) -> None:
    import_wide(home, home / "cache", "wide", 60)
    said: list[str] = []
    first = subjects(home)[0]
    strong = algocli.train([first], "wide", preset="strong", cache_dir=home / "cache", note=said.append)
    full = algocli.train([first], "wide", regression="ridge", n_components=None, cache_dir=home / "cache")
    assert strong.name == full.name
    n_fit = len(first.train_stimuli) - round(len(first.train_stimuli) / 10)
    assert f"{n_fit} images are fitted: the preset takes the {n_fit - 1} components that there are, not 1000" in said
    with pytest.raises(UsageError, match="1000 components cannot be had"):
        algocli.train([first], "wide", preset="strong", n_components=1000, cache_dir=home / "cache")
