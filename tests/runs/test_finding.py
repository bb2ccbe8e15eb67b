"""Runs by patterns: which fit, in which order, and what is said where none does."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

import algocli
from algocli.encoding.settings import Settings
from algocli.errors import DataError, MissingStep, Replaced, UsageError
from algocli.runs import finding
from algocli.runs.finding import find_run, find_runs
from algocli.runs.latest import Mark, read_mark
from algocli.runs.opening import open_run
from algocli.runs.run import Run

NAMES = ["alexnet-features.10_pca5", "alexnet-features.2_pca5", "alexnet-features.2_pca50", "resnet18-layer1", "zoo"]
LAYERS = ["alexnet-features.2_pca5", "alexnet-features.2_pca50", "alexnet-features.10_pca5"]


def finished(cache: Path, name: str, *, at: float = 1.0) -> Run:
    run = open_run(cache, name, Settings(features=("alexnet-features.2-12345678",)))
    run.start_subject(1).finish({"finished_at": at, "inputs": {}})
    return run


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    for place, name in enumerate(NAMES):
        finished(tmp_path, name, at=place)
    return tmp_path


def names(cache: Path, *words: str) -> list[str]:
    return [run.name for run in find_runs(cache, words)]


def test_a_pattern_takes_all_that_fit_as_people_count(cache: Path) -> None:
    assert names(cache, "alexnet*") == LAYERS
    assert names(cache, "*_pca5") == [LAYERS[0], LAYERS[2]]
    assert names(cache, "*features.?_*") == LAYERS[:2]
    assert names(cache, "*layer[0-9]") == ["resnet18-layer1"]
    assert [run.name for run in find_runs(cache)] == [*LAYERS, "resnet18-layer1", "zoo"]


def test_several_words_stay_in_their_order_and_a_pattern_repeats_none(cache: Path) -> None:
    assert names(cache, "zoo", "alexnet*", "*") == ["zoo", *LAYERS, "resnet18-layer1"]
    assert names(cache, "latest", "alexnet*") == ["zoo", *LAYERS]
    # Named twice by itself it is compared with itself.
    assert names(cache, "zoo", "zoo") == ["zoo", "zoo"]


def test_one_run_may_be_named_by_a_pattern_that_fits_no_other(cache: Path) -> None:
    assert find_run(cache, "*layer*").name == "resnet18-layer1"
    with pytest.raises(UsageError, match=r"'alexnet\*' fits 3 runs; there are:") as caught:
        find_run(cache, "alexnet*")
    assert caught.value.message.split("\n  ")[1:] == LAYERS
    with pytest.raises(UsageError, match="'alexnet' fits 3 runs") as caught:
        find_runs(cache, "alexnet")
    assert "'alexnet*'" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("word", "nearest"),
    [("resnet50*", "resnet18-layer1"), ("ALEXNET*10*", LAYERS[2]), ("zo?o*", "zoo"), ("*ayer2", "resnet18-layer1")],
)
def test_a_pattern_that_fits_none_shows_the_names_that_there_are(cache: Path, word: str, nearest: str) -> None:
    for find in (find_run, find_runs):
        with pytest.raises(UsageError, match="no run fits") as caught:
            find(cache, word)  # type: ignore[operator]
        told = caught.value.message.split("\n  ")[1:]
        assert told[0] == nearest
        assert sorted(told) == sorted(NAMES)


def test_of_many_names_the_nearest_are_shown(tmp_path: Path) -> None:
    for number in range(50):
        finished(tmp_path, f"mine-{number}")
    finished(tmp_path, "yours")
    with pytest.raises(UsageError) as caught:
        find_runs(tmp_path, "yuors*")
    told = caught.value.message.split("\n  ")[1:]
    assert (told[0], told[-1], len(told)) == ("yours", "... and 21 more", 31)


@pytest.mark.parametrize("name", ["mine[1]", "what?", "a*b"])
def test_a_name_with_the_signs_of_a_pattern_is_itself(tmp_path: Path, name: str) -> None:
    finished(tmp_path, "kept").folder.rename(tmp_path / "runs" / name)
    for other in ("mine1", "whats", "axb"):
        finished(tmp_path, other, at=9)
    assert find_run(tmp_path, name).name == name
    assert names(tmp_path, name) == [name]


def test_what_a_pattern_fits_and_is_damaged_is_not_passed_over(cache: Path) -> None:
    (cache / "runs" / LAYERS[1] / "subj01" / "record.json").write_text("{}")
    assert names(cache, "*10*", "zoo") == [LAYERS[2], "zoo"]
    with pytest.raises(DataError):
        find_runs(cache, "alexnet*")


def test_without_any_run_it_is_said_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(MissingStep) as caught:
        algocli.find_runs(tmp_path, "alexnet*")
    assert caught.value.hint == "algocli train"


def test_a_training_that_ends_meanwhile_does_not_make_the_latest_run_look_lost(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(cache, "old", at=9).mark_latest()

    def then_another_ends(runs: Path) -> Mark:
        mark = read_mark(runs)
        finished(cache, "new", at=10).mark_latest()
        return mark

    monkeypatch.setattr(finding, "read_mark", then_another_ends)
    assert find_run(cache).name == "old"
    assert find_run(cache).name == "new"


def test_a_run_that_is_trained_again_between_its_manifest_and_its_records_is_read_anew(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = find_run(cache, "zoo")
    other = Settings(features=run.settings.features, n_components=7)
    run.start_subject(1).finish({"finished_at": 9.0, "inputs": {}, "settings": asdict(run.settings)})
    honest = Run.settings.fget
    assert honest is not None
    read = iter([other])
    monkeypatch.setattr(finding, "_refuse_damaged", lambda _: None)
    monkeypatch.setattr(Run, "settings", property(lambda run: next(read, None) or honest(run)))
    with pytest.raises(Replaced, match="was trained again while it was read"):
        finding._sound(run)
    # Whoever asks for a run begins anew then; where a manifest stays another's, that is damage.
    assert find_run(cache, "zoo").settings == run.settings
    monkeypatch.setattr(Run, "settings", property(lambda _: other))
    with pytest.raises(DataError, match="tells of other settings"):
        find_run(cache, "zoo")
