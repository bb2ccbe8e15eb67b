"""p values stay with the training that they were computed from, and never outlive it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algocli.compute.lock import hold
from algocli.encoding.settings import Settings
from algocli.errors import StorageError
from algocli.runs.opening import open_run
from algocli.runs.p_values import KeptP, keep, kept, make_again, state
from algocli.runs.run import Run, SubjectRun

SIZES = {"left": 3, "right": 4}


def train(run: Run, finished_at: float = 1.0, inputs: str = "these") -> SubjectRun:
    share = run.start_subject(1)
    for hemisphere, n_vertices in SIZES.items():
        share.save(f"{hemisphere}_correlation", np.zeros(n_vertices))
    share.finish({"finished_at": finished_at, "inputs": {"stimuli": inputs}})
    return share


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return open_run(tmp_path, "a-run", Settings(features=("made-by-hand",)))


@pytest.fixture
def share(run: Run) -> SubjectRun:
    """A trained subject whose p values are kept."""
    trained = train(run)
    keep(trained, found(), state(trained))
    return trained


def found(seed: int = 3) -> KeptP:
    rng = np.random.default_rng(seed)
    return KeptP({side: rng.uniform(size=n) for side, n in SIZES.items()}, n_permutations=99, seed=seed)  # type: ignore[misc]


def test_what_is_kept_comes_back_with_how_it_was_made(share: SubjectRun) -> None:
    again = kept(share)
    assert again is not None
    assert (again.n_permutations, again.seed) == (99, 3)
    for hemisphere, p in found().p.items():
        np.testing.assert_array_equal(again.p[hemisphere], p)
        assert (share.folder / f"{hemisphere}_p.npy").is_file()


def test_nothing_is_kept_of_a_run_whose_significance_was_never_asked_for(run: Run) -> None:
    assert kept(train(run)) is None


def test_new_values_take_the_place_of_old_ones(share: SubjectRun) -> None:
    keep(share, found(seed=4), state(share))
    again = kept(share)
    assert again is not None
    assert again.seed == 4


def test_training_again_withdraws_them(share: SubjectRun, run: Run) -> None:
    train(run, finished_at=2.0)
    assert kept(share) is None
    assert not list(share.folder.glob("*_p.npy"))


@pytest.mark.parametrize("changed", [{"finished_at": 2.0}, {"inputs": {"stimuli": "others"}}])
def test_values_of_another_training_do_not_count(share: SubjectRun, changed: dict[str, object]) -> None:
    share.finish({**share.record, **changed})
    assert kept(share) is None


def test_values_of_a_run_that_was_trained_again_meanwhile_are_not_kept(run: Run) -> None:
    before = state(train(run))
    share = train(run, finished_at=2.0)
    keep(share, found(), before)
    assert kept(share) is None


def test_a_run_in_other_hands_is_left_alone(run: Run) -> None:
    share = train(run)
    with hold(share.lock), pytest.raises(StorageError, match="held by another process"):
        keep(share, found(), state(share))
    assert kept(share) is None


@pytest.mark.parametrize("name", ["left_p.npy", "significance.json"])
@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"damaged")])
def test_damaged_values_are_none(share: SubjectRun, name: str, spoil) -> None:  # type: ignore[no-untyped-def]
    spoil(share.folder / name)
    assert kept(share) is None


def test_who_computes_damaged_values_again_is_told_how_many_permutations_they_were_from(share: SubjectRun) -> None:
    name = share.folder.parent.name
    assert make_again(share) == f"algocli report --run {name} --significance --permutations 99 --seed 3 -s 1"
    (share.folder / "significance.json").write_text("damaged")
    assert make_again(share) == f"algocli report --run {name} --significance -s 1"


def test_values_of_another_number_of_vertices_are_none(share: SubjectRun) -> None:
    np.save(share.folder / "right_p.npy", np.ones(5))
    assert kept(share) is None
