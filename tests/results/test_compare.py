"""Differences between runs, held against drawing images one by one, scipy's bootstrap and planted differences."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import DataError, MissingStep, UsageError
from algocli.results.compare import compare
from algocli.results.difference_rows import Comparison, DifferenceRow
from algocli.results.report import summarise
from algocli.runs.run import Run
from algocli.stats import bootstrap
from algocli.stats.bootstrap import resample
from tests.results.compared import (
    FOUR_FOLDS,
    ROWS,
    correlations,
    measured,
    write_challenge,
    write_compared_run,
)

Write = Callable[..., Run]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_challenge(tmp_path_factory.mktemp("compared") / "challenge")


@pytest.fixture
def write(tmp_path: Path, data: Path) -> Write:
    def write_run(name: str, **how: object) -> Run:
        return write_compared_run(tmp_path / "cache", data, name, **how)  # type: ignore[arg-type]

    return write_run


def find(found: Comparison, roi: str = "All vertices", subject: int = 1) -> DifferenceRow:
    [row] = found.of_roi(subject, "left", roi)
    return row


def drawn_one_by_one(
    data: Path, run: Run, counts: NDArray[np.float32], vertices: slice | NDArray[np.int64] = slice(None)
) -> NDArray[np.float64]:
    """Mean r over vertices, and before that over folds, of images repeated as often as each was drawn."""
    share = run.subject(1)
    rows, folds = share.validation_rows(), share.validation_folds()
    # Counts belong to images in rising order, a run's predictions to its own order.
    place = np.searchsorted(np.sort(rows), rows)
    x = measured(data, 1, "left")[rows][:, vertices]
    y = np.asarray(share.validation_predictions("left"))[:, vertices]
    result = []
    for own in counts.astype(int):
        picked = [np.repeat(np.flatnonzero(folds == f), own[place[folds == f]]) for f in np.unique(folds)]
        result.append(np.mean([correlations(x[one], y[one]) for one in picked]))
    return np.array(result)


def test_an_interval_is_that_of_drawing_the_images_one_by_one(write: Write, data: Path) -> None:
    runs = [write("a", noise=1.2), write("b", noise=0.9, noise_seed=1)]
    found = compare(runs, subjects=[1], n_resamples=60, seed=3)
    counts = resample(len(ROWS), n_resamples=60, seed=3)
    challenge = Challenge(data).subject(1)
    ffa = next(roi for roi in challenge.rois if roi.name == "FFA-1")
    for roi, vertices in (("All vertices", slice(None)), ("FFA-1", challenge.roi_vertices(ffa, "left"))):
        reference, other = (drawn_one_by_one(data, run, counts, vertices) for run in runs)
        low, high = np.quantile(wider(other - reference), [0.025, 0.975])
        row = find(found, roi)
        assert (row.low, row.high) == pytest.approx((low, high), abs=2e-6)


def wider(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move resamples of the held-out images apart as Student's t does."""
    n = len(ROWS)
    factor = np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1) / stats.norm.ppf(0.975)
    return drawn.mean() + factor * (drawn - drawn.mean())


def test_an_interval_agrees_with_scipys_bootstrap_of_the_images(write: Write, data: Path) -> None:
    runs = [write("a", noise=1.2), write("b", noise=1.0, noise_seed=1)]
    x = measured(data, 1, "left")[ROWS]
    y, z = (np.asarray(run.subject(1).validation_predictions("left")) for run in runs)

    def difference(images: NDArray[np.int64]) -> float:
        return float(np.mean(_columns(x[images], z[images]) - _columns(x[images], y[images])))

    images = np.arange(len(ROWS))
    theirs = stats.bootstrap(
        (images,), difference, n_resamples=3000, vectorized=False, method="percentile", rng=np.random.default_rng(1)
    )
    low, high = np.quantile(wider(theirs.bootstrap_distribution), [0.025, 0.975])
    row = find(compare(runs, subjects=[1], n_resamples=3000))
    assert row.low == pytest.approx(low, abs=0.08 * (high - low))
    assert row.high == pytest.approx(high, abs=0.08 * (high - low))


def _columns(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    return stats.pearsonr(x, y).statistic  # type: ignore[no-any-return]


def test_mean_r_is_the_reports_and_the_difference_is_theirs(write: Write, data: Path) -> None:
    a, b = write("a", folds=FOUR_FOLDS), write("b", noise=0.5, folds=FOUR_FOLDS)
    found = compare([a, b], n_resamples=5)
    reports = [summarise(Challenge(data), run) for run in (a, b)]
    assert [row.roi for row in found.rows] == [row.roi for row in reports[0].rows]
    for row, reference, other in zip(found.rows, reports[0].rows, reports[1].rows, strict=True):
        assert (row.subject, row.hemisphere, row.n_vertices) == (other.subject, other.hemisphere, other.n_vertices)
        assert (row.reference_mean_r, row.mean_r) == (reference.mean_r, other.mean_r)
        if reference.mean_r is not None and other.mean_r is not None:
            assert row.difference == other.mean_r - reference.mean_r


def test_a_run_differs_from_itself_by_nothing(write: Write) -> None:
    run = write("a", folds=FOUR_FOLDS)
    for row in compare([run, run], n_resamples=20).rows:
        expected = (None,) * 3 if row.n_vertices == 0 else (0.0,) * 3
        assert (row.difference, row.low, row.high) == expected
        assert not row.excludes_zero


def test_a_better_run_is_told_from_one_that_is_as_good(write: Write) -> None:
    reference = write("a", noise=1.2)
    better, equal = write("b", noise=0.6, noise_seed=1), write("c", noise=1.2, noise_seed=2)
    found = compare([reference, better, equal], rois=["all vertices"], n_resamples=300)
    assert [row.run for row in found.rows] == ["b", "c"] * 4
    assert all(row.excludes_zero and row.low is not None and row.low > 0 for row in found.rows if row.run == "b")
    assert not any(row.excludes_zero for row in found.rows if row.run == "c")


def test_a_worse_run_is_marked_too(write: Write) -> None:
    found = compare([write("a", noise=0.6), write("b", noise=1.5)], n_resamples=100)
    row = find(found)
    assert row.high is not None
    assert row.high < 0
    assert row.excludes_zero


def test_rows_in_another_order_and_folds_of_other_numbers_change_nothing(write: Write) -> None:
    reference = write("a", noise=1.2, folds=FOUR_FOLDS)
    order = np.random.default_rng(2).permutation(len(ROWS))
    same = write("b", noise=1.2, rows=ROWS[order], folds=(3 - FOUR_FOLDS)[order])
    found = compare([reference, same], n_resamples=20)
    assert not any("other folds" in note for note in found.notes)
    for row in found.rows:
        if row.n_vertices:
            assert (row.difference, row.low, row.high) == pytest.approx((0, 0, 0), abs=1e-6)


def test_other_folds_of_the_same_images_are_compared_and_told(write: Write, data: Path) -> None:
    runs = [write("a", folds=FOUR_FOLDS), write("b", noise=0.8, folds=np.arange(len(ROWS)) % 2)]
    found = compare(runs, subjects=[1], n_resamples=40)
    [note] = [note for note in found.notes if "other folds" in note]
    assert "run b (folds=2 seed=4) divided the images into other folds" in note
    row = find(found)
    assert row.low is not None
    assert row.high is not None
    assert row.difference is not None
    assert row.low < row.difference < row.high


def test_folds_of_two_images_are_refused_and_those_of_five_give_intervals_that_hold_their_estimates(
    write: Write,
) -> None:
    two, five = np.repeat(np.arange(20), 2), np.repeat(np.arange(8), 5)
    with pytest.raises(UsageError, match="folds of 2 images do not tell how sure"):
        compare([write("a", folds=two), write("b", noise=0.5, folds=two)], n_resamples=50)
    found = compare([write("c", folds=five), write("d", noise=0.5, folds=five)], n_resamples=50)
    for row in found.rows:
        if row.n_vertices:
            assert row.low < row.difference < row.high  # type: ignore[operator]


def test_blocks_of_vertices_do_not_matter(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [write("a"), write("b", noise=0.8)]
    whole = compare(runs, n_resamples=20)
    monkeypatch.setattr(bootstrap, "VERTICES", 7)
    for mine, theirs in zip(compare(runs, n_resamples=20).rows, whole.rows, strict=True):
        if mine.n_vertices:
            assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_an_absent_roi_has_nothing_to_compare(write: Write) -> None:
    row = find(compare([write("a"), write("b")], n_resamples=2), "mTL-faces")
    assert row.n_vertices == 0
    assert {row.mean_r, row.reference_mean_r, row.difference, row.low, row.high} == {None}


def test_runs_that_held_out_other_images_are_refused_with_what_differs(write: Write) -> None:
    other = np.random.default_rng(9).permutation(60)[:40]
    n_shared = len(set(ROWS.tolist()) & set(other.tolist()))
    with pytest.raises(UsageError) as caught:
        compare([write("a"), write("b", rows=other, seed=5)])
    assert caught.value.message == (
        "run a (holdout=0.1 seed=4) and run b (holdout=0.1 seed=5) held out different images of subject 1: "
        f"40 and 40, {n_shared} in both"
    )
    assert "seed=..." in (caught.value.hint or "")


def test_responses_that_have_moved_are_named_by_the_user(write: Write, data: Path, tmp_path: Path) -> None:
    moved = tmp_path / "first"
    shutil.copytree(data, moved)
    runs = [write_compared_run(tmp_path / "cache", moved, name, noise=noise) for name, noise in (("a", 1), ("b", 2))]
    before = compare(runs, n_resamples=5).rows
    moved.rename(tmp_path / "second")
    with pytest.raises(DataError, match=r"is no longer in .*first") as caught:
        compare(runs, n_resamples=5)
    assert "data_dir=..." in (caught.value.hint or "")
    assert compare(runs, data_dir=tmp_path / "second", n_resamples=5).rows == before


def test_responses_that_a_run_was_not_trained_on_are_refused(write: Write, data: Path, tmp_path: Path) -> None:
    runs = [write("a"), write("b")]
    other = tmp_path / "other"
    shutil.copytree(data, other)
    path = other / "subj01/training_split/training_fmri/lh_training_fmri.npy"
    np.save(path, np.load(path)[::-1])
    with pytest.raises(DataError, match="run a was not trained on the responses of subject 1"):
        compare(runs, data_dir=other, n_resamples=2)


def test_responses_of_another_number_of_vertices_are_refused(write: Write, data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "subj06", tmp_path / "other/subj01")
    with pytest.raises(DataError, match="run a was not trained on the responses of subject 1"):
        compare([write("a"), write("b")], data_dir=tmp_path / "other", n_resamples=2)


def test_one_run_alone_is_refused(write: Write) -> None:
    with pytest.raises(UsageError, match="one run alone"):
        compare([write("a")])


def test_a_subject_that_a_run_lacks_is_left_out_with_a_note_unless_asked_for(write: Write) -> None:
    runs = [write("a"), write("b", subjects=[6])]
    found = compare(runs, n_resamples=2)
    assert found.subjects == (6,)
    left_out, choice = found.notes
    assert left_out == "subject 1 is left out: run b lacks it"
    assert choice.startswith("the best of 2 runs looks better on the images that it was chosen by")
    with pytest.raises(MissingStep, match="run b has no subject 1"):
        compare(runs, subjects=[1])


def test_runs_without_a_common_subject_are_refused(write: Write) -> None:
    with pytest.raises(DataError, match="run a has 1; run b has 6"):
        compare([write("a", subjects=[1]), write("b", subjects=[6])])


@pytest.mark.parametrize("correct", ["fdr", "max"])
def test_a_correction_gives_p_to_every_difference_and_marks_by_it(write: Write, correct: Any) -> None:
    runs = [write("a", noise=1.2), write("b", noise=0.6, noise_seed=1), write("c", noise=1.2, noise_seed=2)]
    plain, corrected = compare(runs, n_resamples=300), compare(runs, n_resamples=300, correct=correct)
    assert corrected.corrected == correct
    for row, before in zip(corrected.rows, plain.rows, strict=True):
        assert replace(row, p=None) == before
        assert (row.p is None) == (row.n_vertices == 0)
    assert all(row.stands_out for row in corrected.rows if row.run == "b" and row.roi == "All vertices")
    marked = [sum(row.stands_out for row in found.rows if row.run == "c") for found in (plain, corrected)]
    assert marked[1] <= marked[0]


def test_a_correction_is_of_each_subject_by_itself(write: Write) -> None:
    runs = [write("a"), write("b", noise=0.9, noise_seed=1)]
    both, alone = (compare(runs, subjects=which, n_resamples=50, correct="max") for which in (None, [6]))
    assert [row for row in both.rows if row.subject == 6] == list(alone.rows)
