"""The runs of every union of some sets: which they are, and that none is trained twice."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from algocli.encoding.settings import Settings
from algocli.encoding.splits import make_folds
from algocli.errors import MissingStep, Replaced
from algocli.runs.datasets import Home
from algocli.runs.done import Asked, find_done
from algocli.runs.finding import list_runs
from algocli.runs.opening import open_run
from algocli.runs.run import Run
from algocli.runs.training import train_subject
from algocli.runs.unions import measure_features, open_unions, train_unions, with_usual_components
from algocli.stats.partition import FeatureSet, Names
from tests.encoding.by_hand import N_COMPONENTS, N_FEATURES, N_TEST, N_TRAIN, World
from tests.features.by_hand import cache_features


@pytest.fixture
def layers(world: World) -> dict[str, str]:
    """The names of three layers' features: the world's own, another large one, and one of four features."""
    rng = np.random.default_rng(0)
    widths = {"large": 40, "small": 4}
    others = {
        layer: cache_features(
            world.cache, world.subject, rng.standard_normal((N_TRAIN + N_TEST, n)).astype(np.float32), layer=layer
        )
        for layer, n in widths.items()
    }
    return {"own": world.recipe, **others}


def as_sets(layers: dict[str, str], *words: str) -> list[FeatureSet]:
    return [FeatureSet(word, tuple(layers[name] for name in word.split("+"))) for word in words]


def settings(layers: dict[str, str]) -> Settings:
    return Settings(features=tuple(layers.values()), n_components=N_COMPONENTS, regression="ridge")


def open_all(world: World, layers: dict[str, str], *words: str) -> dict[Names, Run]:
    n_features = measure_features([world.subject], list(layers.values()), world.cache)
    return open_unions(world.cache, as_sets(layers, *words), settings(layers), n_features)


def finished(runs: dict[Names, Run]) -> dict[str, float]:
    return {run.name: run.subject(1).record["finished_at"] for run in runs.values()}


def test_every_union_is_a_run_of_the_name_that_train_gives_it(world: World, layers: dict[str, str]) -> None:
    runs = open_all(world, layers, "own", "large")
    assert {run.name for run in runs.values()} == {
        f"{layers['own']}_pca12_ridge_holdout0.1_seed4",
        f"{layers['large']}_pca12_ridge_holdout0.1_seed4",
        f"{layers['own']}+{layers['large']}_pca12_ridge_holdout0.1_seed4",
    }


def test_nothing_is_trained_twice_whatever_the_order(world: World, layers: dict[str, str]) -> None:
    first = open_all(world, layers, "own", "large", "small")
    said: list[str] = []
    train_unions(world.subject, first, world.cache, note=said.append)
    assert sum("model" in line for line in said) == 7
    before = finished(first)
    again = open_all(world, layers, "small", "own", "large")
    said.clear()
    train_unions(world.subject, again, world.cache, note=said.append)
    assert said == ["subject 1: 7 of 7 models are there already"]
    assert finished(again) == before
    assert len(list_runs(world.cache)) == 7


def test_sets_that_are_joined_need_no_model_that_apart_they_did_not(world: World, layers: dict[str, str]) -> None:
    apart = open_all(world, layers, "own", "large", "small")
    train_unions(world.subject, apart, world.cache)
    joined = open_all(world, layers, "own", "small+large")
    assert {run.name for run in joined.values()} < {run.name for run in apart.values()}


@pytest.mark.parametrize("refit", [True, False])
def test_what_train_did_is_found_with_and_without_a_refit(world: World, layers: dict[str, str], refit: bool) -> None:
    trained = replace(settings(layers), features=(layers["large"], layers["own"]), refit=refit)
    world.train(trained)
    runs = open_all(world, layers, "own", "large")
    assert runs[frozenset(["own", "large"])].name == trained.default_name


def of_subject(world: World) -> Asked:
    return Asked([world.subject], Home.of([world.subject], world.cache))


def open_asked(world: World, layers: dict[str, str], *words: str) -> dict[Names, Run]:
    n_features = measure_features([world.subject], list(layers.values()), world.cache)
    return open_unions(world.cache, as_sets(layers, *words), settings(layers), n_features, of_subject(world))


def test_a_run_that_its_user_named_is_used_where_it_is_done(world: World, layers: dict[str, str]) -> None:
    trained = replace(settings(layers), features=(layers["own"], layers["large"]))
    before = train_subject(world.subject, open_run(world.cache, "mine", trained), world.cache).record_digest()
    runs = open_asked(world, layers, "large", "own")
    assert runs[frozenset(["own", "large"])].name == "mine"
    train_unions(world.subject, runs, world.cache)
    assert runs[frozenset(["own", "large"])].subject(1).record_digest() == before
    # One that train named comes first.
    world.train(trained)
    assert open_asked(world, layers, "large", "own")[frozenset(["own", "large"])].name == trained.default_name


def test_a_run_that_its_user_named_is_left_alone_where_it_lacks_something(world: World, layers: dict[str, str]) -> None:
    trained = replace(settings(layers), features=(layers["own"], layers["large"]))
    mine = open_run(world.cache, "mine", trained)
    assert "mine" not in {run.name for run in open_asked(world, layers, "own", "large").values()}
    # Of whom it may be asked, or on what data, is not said.
    train_subject(world.subject, mine, world.cache)
    assert "mine" not in {run.name for run in open_all(world, layers, "own", "large").values()}


def test_a_run_of_other_features_or_other_responses_is_not_found_done(world: World, layers: dict[str, str]) -> None:
    trained = replace(settings(layers), features=(layers["large"],))
    train_subject(world.subject, open_run(world.cache, "mine", trained), world.cache)
    assert find_done([trained], of_subject(world))[trained].name == "mine"
    (path,) = (world.subject.folder / "training_split" / "training_fmri").glob("lh_*.npy")
    responses = np.load(path)
    np.save(path, responses + 1)
    assert find_done([trained], of_subject(world)) == {}
    np.save(path, responses)
    assert list(find_done([trained], of_subject(world))) == [trained]
    shutil.rmtree(world.cache / "features" / layers["large"])
    assert list(find_done([trained], of_subject(world))) == [trained]
    # One that is in a store of that name again, and is of another make.
    record = Run(world.cache / "runs" / "mine").subject(1)
    made = {**record.record, "inputs": {**record.record["inputs"], "features": ["another"]}}
    cache_features(world.cache, world.subject, np.zeros((N_TRAIN + N_TEST, 40), dtype=np.float32), layer="large")
    assert list(find_done([trained], of_subject(world))) == [trained]
    record.finish(made)
    assert find_done([trained], of_subject(world)) == {}


def test_a_union_of_fewer_features_than_components_keeps_all(world: World, layers: dict[str, str]) -> None:
    runs = open_all(world, layers, "small", "large")
    kept = {"".join(sorted(union)): run.settings.n_components for union, run in runs.items()}
    assert kept == {"small": None, "large": N_COMPONENTS, "largesmall": N_COMPONENTS}
    train_unions(world.subject, runs, world.cache)


def test_the_number_of_features_is_measured(world: World, layers: dict[str, str]) -> None:
    found = measure_features([world.subject], list(layers.values()), world.cache)
    assert list(found.values()) == [N_FEATURES, 40, 4]


def test_missing_features_are_told_with_their_command(world: World, layers: dict[str, str]) -> None:
    shutil.rmtree(next((world.cache / "features" / layers["small"]).glob("subj01-*")))
    with pytest.raises(MissingStep, match="alexnet small for subject 1 are missing") as missing:
        measure_features([world.subject], list(layers.values()), world.cache)
    assert missing.value.hint is not None
    assert missing.value.hint.startswith("algocli extract --model alexnet -l small")


def test_few_images_keep_all_components(world: World, layers: dict[str, str]) -> None:
    assert with_usual_components(settings(layers), make_folds(settings(layers), N_TRAIN)).n_components is None


def test_with_ols_a_union_has_the_components_of_every_layer(world: World, layers: dict[str, str]) -> None:
    names = [layers["own"], layers["large"]]
    wanted = Settings(features=tuple(names), n_components=N_COMPONENTS)
    runs = open_unions(world.cache, as_sets(layers, "own", "large"), wanted, dict.fromkeys(names, 40))
    assert [run.settings.join for run in runs.values()] == ["features", "features", "components"]
    train_unions(world.subject, runs, world.cache)


def test_with_banded_ridge_unions_have_a_penalty_for_each_layer_and_one_layer_is_ridge(
    world: World, layers: dict[str, str]
) -> None:
    wanted = replace(settings(layers), regression="banded", search_seed=3, n_iter=2, n_components=4)
    n_features = measure_features([world.subject], list(layers.values()), world.cache)
    runs = open_unions(world.cache, as_sets(layers, "own", "large+small"), wanted, n_features)
    told = {"&".join(sorted(union)): run.name.partition("_")[2] for union, run in runs.items()}
    assert told == {
        "own": "pca4_ridge_holdout0.1_seed4",
        "large+small": "pca4_banded-2draws-search3_holdout0.1_seed4",
        "large+small&own": "pca4_banded-2draws-search3_holdout0.1_seed4",
    }
    joined = open_unions(world.cache, as_sets(layers, "own", "large+small"), settings(layers), n_features)
    assert not {run.name for run in joined.values()} & {run.name for run in runs.values()}


def test_banded_ridge_never_takes_all_components(world: World, layers: dict[str, str]) -> None:
    wanted = replace(settings(layers), regression="banded", search_seed=3)
    assert with_usual_components(wanted, make_folds(wanted, N_TRAIN)).n_components == N_TRAIN - round(N_TRAIN / 10) - 1


def test_a_claim_that_was_left_on_a_trained_union_goes(world: World, layers: dict[str, str]) -> None:
    """As whoever is stopped leaves it, who has just put a subject in its place."""
    runs = open_all(world, layers, "own", "large")
    train_unions(world.subject, runs, world.cache)
    for run in runs.values():
        left = run.folder.parent / ".aside" / run.name / "manifest.json"
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes((run.folder / "manifest.json").read_bytes())
    train_unions(world.subject, open_all(world, layers, "own", "large"), world.cache)
    assert not list(world.cache.glob("runs/.aside/*/manifest.json"))


def test_models_of_features_that_were_replaced_between_them_are_not_told_together(
    world: World, layers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = open_all(world, layers, "own", "large")
    for number, run in enumerate(runs.values()):
        keys = [f"{name} as it was before model {number}" for name in run.settings.features]
        run.start_subject(1).finish({"finished_at": 1.0, "inputs": {"features": keys}})
    monkeypatch.setattr("algocli.runs.unions.train_subject", lambda *_given, **_how: None)
    with pytest.raises(Replaced, match="were replaced while models of them were trained"):
        train_unions(world.subject, runs, world.cache)
