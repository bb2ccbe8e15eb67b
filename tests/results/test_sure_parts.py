"""Intervals and p of the parts of explained variance, held against drawing images by hand and against scipy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, t
from threadpoolctl import threadpool_limits

from algocli.compute.track import silent, unheard
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.encoding.settings import Settings
from algocli.encoding.splits import make_folds
from algocli.errors import UsageError
from algocli.results import held_out
from algocli.results.part_rows import TOTAL, PartitionReport, PartRow
from algocli.results.partition import read_parts, resample_parts, summarise_parts
from algocli.results.rows import write_csv
from algocli.results.sure_parts import Resampling, check_enough
from algocli.results.telling import Correction
from algocli.runs.run import Run
from algocli.runs.unions import measure_features, open_unions, train_unions
from algocli.stats.partition import Names
from tests.results.planted import Planted, plant

N_RESAMPLES, SEED = 300, 3
PARTS = ("A", "B", "A & B", TOTAL)
A, B, AB = frozenset("A"), frozenset("B"), frozenset("AB")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    with threadpool_limits(1):
        return plant(tmp_path_factory.mktemp("sure_parts"))


@pytest.fixture(scope="module")
def holdout(planted: Planted) -> dict[Names, Run]:
    """The same sets, a fifth of the images held out once."""
    cache = planted.runs[AB].cache_dir
    every = tuple(name for one in planted.sets for name in one.features)
    settings = Settings(features=every, n_components=15, regression="ridge", holdout=0.2, refit=False)
    runs = open_unions(cache, planted.sets, settings, measure_features([planted.subject], every, cache))
    train_unions(planted.subject, runs, cache)
    return runs


def report(
    subject: Subject, runs: dict[Names, Run], correct: Correction = "none", rois: list[str] | None = None
) -> PartitionReport:
    found = [(subject, read_parts(subject, runs))]
    how = Resampling(N_RESAMPLES, SEED, correct)
    drawn = resample_parts(found, ["A", "B"], runs, how, rois=rois)
    return summarise_parts(["A", "B"], found, rois=rois, drawn=drawn, correct=correct)


def by_hand(subject: Subject, run: Run, side: Hemisphere) -> NDArray[np.float64]:
    """Return the R² of a holdout's run in every resample, (n_resamples, n_vertices)."""
    share = run.subject(1)
    order = np.argsort(share.validation_rows())
    measured = subject.responses("train", side)[share.validation_rows()[order]].astype(np.float64)
    predicted = share.validation_predictions(side)[order].astype(np.float64)
    rng, n = np.random.default_rng(SEED), len(order)
    error, found = measured - predicted, []
    off = error.mean(axis=0)
    for _ in range(N_RESAMPLES):
        drawn = np.repeat(np.arange(n), rng.multinomial(n, np.full(n, 1 / n)))
        unexplained = off**2 + ((error[drawn] - off) ** 2).mean(axis=0)
        found.append(1 - unexplained / measured[drawn].var(axis=0, ddof=1))
    return np.array(found)


def test_intervals_are_those_of_a_paired_bootstrap(planted: Planted, holdout: dict[Names, Run]) -> None:
    found = report(planted.subject, holdout)
    left, right = (
        {union: by_hand(planted.subject, run, side) for union, run in holdout.items()} for side in HEMISPHERES
    )
    roi = next(roi for roi in planted.subject.rois if roi.name == "FFA-1")
    vertices = planted.subject.roi_vertices(roi, "left")
    for rows, r2 in (
        (found.of_roi(1, "FFA-1", "left"), {union: drawn[:, vertices] for union, drawn in left.items()}),
        (found.of_roi(1, "All vertices"), {union: np.hstack([left[union], right[union]]) for union in left}),
    ):
        a, b, ab = (r2[union].mean(axis=1) for union in (A, B, AB))
        # 80 images are few enough for Student's t.
        few = np.sqrt(80 / 79) * t.ppf(0.975, 79) / 1.959964
        low = np.quantile(ab.mean() + few * (ab - ab.mean()), (1 - 0.683) / 2)
        for row, drawn in zip(rows, (ab - b, ab - a, a + b - ab, ab), strict=True):
            # Other models of 320 images would have made them vary more, of what is not surely explained.
            factor = few * np.sqrt(1 + 4 * (1 - max(low, 0) / ab.mean()) * 80 / 320)
            wider = drawn.mean() + factor * (drawn - drawn.mean())
            assert (row.low, row.high) == pytest.approx(tuple(np.quantile(wider, [0.025, 0.975])), abs=1e-6)


@pytest.mark.parametrize("split", ["holdout", "folds"])
def test_intervals_hold_their_estimate_and_what_was_planted_is_more_than_chance(
    planted: Planted, holdout: dict[Names, Run], split: str
) -> None:
    found = report(planted.subject, holdout if split == "holdout" else planted.runs)
    for row in found.rows:
        if row.n_vertices:
            assert row.low is not None
            assert row.high is not None
            assert row.explained is not None
            assert row.low < row.explained < row.high
    # A and B explain, each alone and together, whatever images are drawn.
    assert all(row.stands_out and (row.low or 0) > 0 for row in found.of_roi(1, "All vertices"))


def test_folds_bound_parts_more_closely_than_a_fifth_of_the_images(planted: Planted, holdout: dict[Names, Run]) -> None:
    widths = []
    for runs in (holdout, planted.runs):
        rows = report(planted.subject, runs, rois=["All vertices"]).of_roi(1, "All vertices")
        widths.append([(row.high or 0) - (row.low or 0) for row in rows])
    ratio = np.divide(*widths)
    assert (ratio > 1.5).all()
    assert (ratio < 3.5).all()


def p_of(found: PartitionReport, part: str, *, pooled: bool) -> NDArray[np.float64]:
    rows = [row for row in found.rows if row.part == part and (row.hemisphere == "both") is pooled]
    return np.array([row.p for row in rows if row.n_vertices], np.float64)


def test_p_is_corrected_over_the_rois_of_a_part(planted: Planted) -> None:
    plain, fdr, largest = (report(planted.subject, planted.runs, correct) for correct in ("none", "fdr", "max"))  # type: ignore[arg-type]
    assert (plain.corrected, fdr.corrected, largest.corrected) == ("none", "fdr", "max")
    for part in PARTS:
        for pooled in (True, False):
            p = p_of(plain, part, pooled=pooled)
            np.testing.assert_allclose(p_of(fdr, part, pooled=pooled), false_discovery_control(p))
            assert (p_of(largest, part, pooled=pooled) >= p).all()


def test_blocks_of_vertices_do_not_matter(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = report(planted.subject, planted.runs)
    monkeypatch.setattr(held_out, "VERTICES", 7)
    for mine, theirs in zip(report(planted.subject, planted.runs).rows, whole.rows, strict=True):
        assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_what_was_not_asked_for_is_none_and_no_column(planted: Planted, tmp_path: Path) -> None:
    plain = summarise_parts(["A", "B"], [(planted.subject, read_parts(planted.subject, planted.runs))])
    assert {(row.low, row.high, row.p) for row in plain.rows} == {(None, None, None)}
    sure = report(planted.subject, planted.runs, rois=["FFA-1"])
    columns = ("subject", "hemisphere", "roi", "n_vertices", "part", "explained", "of_explainable")
    for found, further in ((plain, ()), (sure, ("low", "high", "p"))):
        assert {tuple(record) for record in found.records} == {(*columns, *further)}
        write_csv(found, tmp_path / "parts.csv")
        assert (tmp_path / "parts.csv").read_text().splitlines()[0] == ",".join((*columns, *further))
    absent = report(planted.subject, planted.runs, rois=["aTL-faces"]).rows[0]
    assert absent == PartRow(1, "left", "aTL-faces", 0, "A", None, None)


def test_a_model_that_knows_the_mean_alone_is_no_more_than_chance(planted: Planted) -> None:
    # What R² pays for the mean of the fitted images, by drawing normal responses.
    rng = np.random.default_rng(0)
    found = [(planted.subject, read_parts(planted.subject, planted.runs))]
    drawn = resample_parts(found, ["A", "B"], planted.runs, Resampling(2), rois=["FFA-1"], track=silent, note=unheard)
    y = rng.standard_normal((400, 20_000))
    r2 = 1 - ((y[:80] - y[80:].mean(axis=0)) ** 2).sum(axis=0) / (80 * y[:80].var(axis=0))
    chance = drawn[1].by_chance
    assert chance == {"A": 0, "B": 0, "A & B": chance[TOTAL], TOTAL: pytest.approx(r2.mean(), rel=0.05)}


def test_splits_of_too_few_images_are_refused_before_anything_is_trained(planted: Planted) -> None:
    settings = replace(planted.runs[AB].settings, folds=None, holdout=0.01)
    with pytest.raises(UsageError, match="folds of 4 images do not tell how sure a share of variance is"):
        check_enough(make_folds(settings, 400))
