"""How sure a report's scores are: shares of significant vertices, and intervals against drawing images by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.stats import false_discovery_control

from algocli.compute.vouching import write_sealed
from algocli.dataset.challenge.subjects import Challenge
from algocli.dataset.sides import Hemisphere
from algocli.errors import DataError, StorageError, UsageError
from algocli.results import held_out
from algocli.results import significance as chance
from algocli.results.certainty import Asked
from algocli.results.report import summarise
from algocli.results.report_rows import COLUMNS, Report, RoiRow
from algocli.results.rows import write_csv
from algocli.runs.p_values import kept
from algocli.runs.run import Run
from algocli.stats.influence import small_fold
from algocli.stats.permutation import permutation_p, permute
from tests.results.compared import (
    FOUR_FOLDS,
    ONE_FOLD,
    ROWS,
    SIDES,
    correlations,
    measured,
    write_challenge,
    write_compared_run,
)

N_LOST = 12
PERMUTED = Asked(n_permutations=199, seed=2)
RESAMPLED = Asked(n_resamples=60, seed=3)
Write = Callable[..., Run]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_challenge(tmp_path_factory.mktemp("sure") / "challenge")


@pytest.fixture
def write(tmp_path: Path, data: Path) -> Write:
    def write_run(name: str = "a", **how: object) -> Run:
        how = {"noise": 0.5, "subjects": (1,), **how}
        return write_compared_run(tmp_path / "cache", data, name, **how)  # type: ignore[arg-type]

    return write_run


@pytest.fixture
def report(data: Path) -> Callable[[Run, Asked], Report]:
    return lambda run, asked: summarise(Challenge(data), run, asked=asked)


def row(found: Report, roi: str = "All vertices", hemisphere: Hemisphere = "left") -> RoiRow:
    wanted = found.row(1, hemisphere, roi)
    assert wanted is not None
    return wanted


def ffa(data: Path, hemisphere: str = "left") -> NDArray[np.int64]:
    codes = np.load(data / f"subj01/roi_masks/{SIDES[hemisphere]}.floc-faces_challenge_space.npy")
    return np.flatnonzero(codes == 2)


def held_out_arrays(data: Path, run: Run, hemisphere: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return measured and predicted responses to the held-out images in the images' own order."""
    rows = np.load(run.folder / "subj01/validation_rows.npy")
    predicted = np.load(run.folder / f"subj01/{hemisphere}_pred_validation.npy")
    return measured(data, 1, hemisphere)[np.sort(rows)], predicted[np.argsort(rows)]


def forbidden(*_: object) -> NDArray[np.float64]:
    raise AssertionError("computed again")


@pytest.mark.parametrize("folds", [ONE_FOLD, FOUR_FOLDS], ids=["holdout", "folds"])
def test_shares_are_those_of_q_over_both_hemispheres(
    write: Write, report: Callable[..., Report], data: Path, folds: NDArray[np.int64]
) -> None:
    run = write(noise=1.5 if folds is ONE_FOLD else 0.9, folds=folds)
    found = report(run, PERMUTED)
    permutations = permute(folds[np.argsort(ROWS)], n_permutations=199, seed=2)
    # Folds whose features are gone may depend on each other as much as models of the same images can.
    widened = 1 if folds is ONE_FOLD else np.sqrt(2)
    p = [permutation_p(*held_out_arrays(data, run, side), permutations, widened=widened) for side in SIDES]
    significant = false_discovery_control(np.concatenate(p)) <= 0.05
    assert 0 < significant.sum() < 72
    assert row(found).significant_share == significant[:31].mean()
    assert row(found, "All vertices", "right").significant_share == significant[31:].mean()
    assert row(found, "FFA-1").significant_share == significant[ffa(data)].mean()


def test_vertices_of_which_noise_is_predicted_are_not_significant(write: Write, report: Callable[..., Report]) -> None:
    found = report(write(n_lost=N_LOST), PERMUTED)
    for hemisphere, n_vertices in (("left", 31), ("right", 41)):
        share = row(found, "All vertices", hemisphere).significant_share
        assert share == pytest.approx(1 - N_LOST / n_vertices, abs=1.5 / n_vertices)


def test_p_values_are_kept_with_the_run_and_asked_for_again_cost_nothing(
    write: Write, report: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write()
    first = report(run, PERMUTED)
    monkeypatch.setattr(chance, "permutation_p", forbidden)
    assert report(run, PERMUTED) == first


def test_p_values_of_a_holdout_that_were_kept_before_hold(
    write: Write, report: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write()
    first = report(run, PERMUTED)
    path = run.folder / "subj01/significance.json"
    write_sealed(path, {**json.loads(path.read_text()), "schema": 1})
    monkeypatch.setattr(chance, "permutation_p", forbidden)
    assert report(run, PERMUTED) == first


@pytest.mark.parametrize("other", [{"seed": 5}, {"n_permutations": 99}])
def test_other_permutations_are_computed_and_kept_instead(
    write: Write, report: Callable[..., Report], other: dict[str, int]
) -> None:
    run = write()
    report(run, PERMUTED)
    report(run, replace(PERMUTED, **other))
    again = kept(run.subject(1))
    assert again is not None
    assert {"n_permutations": again.n_permutations, "seed": again.seed} == {"n_permutations": 199, "seed": 2} | other


def test_training_again_makes_p_values_stale(write: Write, report: Callable[..., Report]) -> None:
    assert row(report(write(), PERMUTED)).significant_share == 1
    worse = write(noise=1e3)
    assert row(report(worse, PERMUTED)).significant_share < 0.1


def test_kept_p_values_serve_where_the_data_is_gone(
    write: Write, report: Callable[..., Report], tmp_path: Path
) -> None:
    run = write()
    expected = row(report(run, PERMUTED))
    share = run.subject(1)
    share.finish({**share.record, "data": str(tmp_path / "gone/subj01")})
    found = summarise(tmp_path / "nowhere", run, asked=PERMUTED)
    assert found.rows[0].significant_share == expected.significant_share


def test_p_values_of_folds_that_could_not_be_fitted_again_say_so_as_long_as_they_are_kept(
    write: Write, report: Callable[..., Report], tmp_path: Path
) -> None:
    run = write(folds=FOUR_FOLDS)
    first = report(run, PERMUTED)
    values = kept(run.subject(1))
    assert not first.refitted
    assert values is not None
    assert "as wide as models of different folds can make it" in values.widened
    share = run.subject(1)
    share.finish({**share.record, "data": str(tmp_path / "gone/subj01")})
    found = summarise(tmp_path / "nowhere", run, asked=PERMUTED)
    assert values.widened in first.notes
    assert values.widened in found.notes
    assert not found.refitted


@pytest.mark.parametrize("asked", [PERMUTED, RESAMPLED], ids=["significance", "intervals"])
def test_what_needs_responses_that_are_gone_says_so(write: Write, tmp_path: Path, asked: Asked) -> None:
    run = write()
    share = run.subject(1)
    share.finish({**share.record, "data": str(tmp_path / "gone/subj01")})
    with pytest.raises(DataError, match=r"is no longer in .*gone/subj01") as caught:
        summarise(tmp_path / "nowhere", run, asked=asked)
    assert "data_dir=..." in (caught.value.hint or "")


@pytest.mark.parametrize("asked", [PERMUTED, RESAMPLED], ids=["significance", "intervals"])
def test_responses_that_the_run_was_not_trained_on_are_refused(
    write: Write, data: Path, tmp_path: Path, asked: Asked
) -> None:
    shutil.copytree(data, tmp_path / "other")
    path = tmp_path / "other/subj01/training_split/training_fmri/lh_training_fmri.npy"
    np.save(path, np.load(path)[::-1])
    with pytest.raises(DataError, match="run a was not trained on the responses of subject 1"):
        summarise(Challenge(tmp_path / "other"), write(), asked=asked)


def test_a_run_that_cannot_be_written_is_reported_with_a_note(
    write: Write, report: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StorageError("cannot write a: the file system is read-only")

    monkeypatch.setattr(chance.kept_p, "keep", refuse)
    found = report(write(), PERMUTED)
    assert row(found).significant_share == 1
    assert any("p values could not be kept" in note and "read-only" in note for note in found.notes)


def test_an_interval_is_that_of_drawing_images_with_replacement(
    write: Write, report: Callable[..., Report], data: Path
) -> None:
    run = write()
    x, y = held_out_arrays(data, run, "left")
    rng = np.random.default_rng(3)
    vertices = ffa(data)
    means = []
    for _ in range(60):
        drawn = np.repeat(np.arange(len(ROWS)), rng.multinomial(len(ROWS), np.full(len(ROWS), 1 / len(ROWS))))
        means.append(np.mean(correlations(x[drawn][:, vertices], y[drawn][:, vertices])))
    it = row(report(run, RESAMPLED), "FFA-1")
    n, middle = len(ROWS), np.mean(means)
    wider = middle + np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1) / stats.norm.ppf(0.975) * (means - middle)
    assert (it.low, it.high) == pytest.approx(tuple(np.quantile(wider, [0.025, 0.975])), abs=2e-6)


def test_an_interval_of_folds_follows_what_each_image_adds_and_is_as_wide_as_shared_images_can_make_it(
    write: Write, report: Callable[..., Report], data: Path
) -> None:
    run = write(folds=FOUR_FOLDS)
    x, y = (array[:, ffa(data)].astype(np.float64) for array in held_out_arrays(data, run, "left"))
    folds = FOUR_FOLDS[np.argsort(ROWS)]
    # What the mean over folds gains with an image's weight, by changing it a little.
    gained = np.empty(len(ROWS))
    for image in range(len(ROWS)):
        inside, step = np.flatnonzero(folds == folds[image]), 1e-5
        r = [weighted_r(x[inside], y[inside], 1 + sign * step * (inside == image)) for sign in (1, -1)]
        gained[image] = (r[0] - r[1]).mean() / (2 * step) / 4
        gained[image] *= small_fold(len(inside))
    counts = np.random.default_rng(3).multinomial(len(ROWS), np.full(len(ROWS), 1 / len(ROWS)), 60)
    found = report(run, RESAMPLED)
    it = row(found, "FFA-1")
    expected = it.mean_r + np.sqrt(2) * np.quantile((counts - 1) @ gained, [0.025, 0.975])
    assert (it.low, it.high) == pytest.approx(tuple(expected), abs=1e-5)
    assert any("as wide as models of different folds can make them" in note for note in found.notes)


def weighted_r(x: NDArray[np.float64], y: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlate columns of images that count differently."""
    x, y = (each - np.average(each, axis=0, weights=weights) for each in (x, y))
    xy, xx, yy = (np.average(product, axis=0, weights=weights) for product in (x * y, x * x, y * y))
    return xy / np.sqrt(xx * yy)


def test_an_interval_covers_the_mean_that_was_planted(write: Write, report: Callable[..., Report]) -> None:
    # Responses vary by .7 squared, and so does the noise: r is the square root of a half.
    found = report(write(noise=0.7), Asked(n_resamples=500))
    for hemisphere in SIDES:
        it = row(found, "All vertices", hemisphere)
        assert it.low < np.sqrt(0.5) < it.high
        assert it.low < it.mean_r < it.high


def test_a_roi_alone_has_the_interval_that_it_has_among_others(write: Write, data: Path) -> None:
    run, challenge = write(), Challenge(data)
    every = row(summarise(challenge, run, asked=RESAMPLED), "FFA-1", "right")
    alone = row(summarise(challenge, run, rois=["FFA-1"], asked=RESAMPLED), "FFA-1", "right")
    assert (alone.low, alone.high) == pytest.approx((every.low, every.high), abs=1e-6)


def test_blocks_of_vertices_do_not_matter(
    write: Write, report: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(n_permutations=99, n_resamples=20)
    whole = report(write("a"), asked)
    monkeypatch.setattr(held_out, "VERTICES", 7)
    parts = report(write("b"), asked)
    for mine, theirs in zip(parts.rows, whole.rows, strict=True):
        assert mine.significant_share == theirs.significant_share
        assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_an_absent_roi_has_neither_share_nor_interval(write: Write, report: Callable[..., Report]) -> None:
    found = report(write(), Asked(n_permutations=9, n_resamples=9))
    assert row(found, "aTL-faces") == RoiRow(1, "left", "aTL-faces", 0, None, None, None)


def test_scores_are_the_same_with_and_without(write: Write, report: Callable[..., Report]) -> None:
    run = write()
    plain, more = report(run, Asked()), report(run, Asked(n_permutations=9, n_resamples=9))
    assert [{name: record[name] for name in COLUMNS} for record in more.records] == plain.records
    assert plain.overall == more.overall


def test_records_and_csv_have_what_was_asked_for_and_no_more(
    write: Write, report: Callable[..., Report], tmp_path: Path
) -> None:
    run = write()
    for asked, further in (
        (Asked(), ()),
        (Asked(n_permutations=9), ("significant_share",)),
        (Asked(n_resamples=9), ("low", "high")),
        (Asked(n_permutations=9, n_resamples=9), ("low", "high", "significant_share")),
    ):
        found = report(run, asked)
        assert {tuple(record) for record in found.records} == {(*COLUMNS, *further)}
        write_csv(found, tmp_path / "rows.csv")
        assert (tmp_path / "rows.csv").read_text().splitlines()[0] == ",".join((*COLUMNS, *further))


def test_more_than_the_memory_holds_is_refused(write: Write, report: Callable[..., Report]) -> None:
    for asked in (Asked(n_permutations=10**13), Asked(n_resamples=10**12)):
        with pytest.raises(UsageError, match="of memory are needed"):
            report(write(), asked)
