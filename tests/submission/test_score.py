"""The official score: against the rule written out with plain numpy, and the leaderboard's own text files."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

import algocli
from algocli.dataset.challenge.layout import ROI_CLASSES
from algocli.dataset.challenge.subjects import Challenge
from algocli.dataset.sides import HEMISPHERES
from algocli.errors import DataError
from algocli.submission.package import Prediction, package
from algocli.submission.score import score, write_score_files
from algocli.submission.shapes import ExpectedShapes
from algocli.submission.sources import in_zip
from tests.results.by_hand import write_run
from tests.results.official import official_percent
from tests.support.challenge import MAPPINGS, write_tiny_challenge

SIDES = {"left": "lh", "right": "rh"}


def plain_r(measured, predicted):
    """Pearson's r vertex by vertex, 0 where either never varies."""
    found = []
    for x, y in zip(measured.T.astype(np.float64), predicted.T.astype(np.float64), strict=True):
        varies = len(set(x.tolist())) > 1 and len(set(y.tolist())) > 1
        found.append(np.corrcoef(x, y)[0, 1] if varies else 0.0)
    return np.array(found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All eight subjects, with ceilings of 0 and next to 0."""
    home = write_tiny_challenge(tmp_path_factory.mktemp("whole") / "challenge", range(1, 9), image_size=8, n_test=7)
    for subject in range(1, 9):
        for side in SIDES.values():
            path = home / f"subj{subject:02d}/test_split/noise_ceiling/{side}_noise_ceiling.npy"
            ceiling = np.load(path)
            ceiling[3], ceiling[4] = 0.0, 1e-300
            np.save(path, ceiling)
    return home


@pytest.fixture(scope="module")
def predicted(folder):
    """Predictions half right, a few of them the same for every image, by subject and hemisphere."""
    rng = np.random.default_rng(0)
    arrays = {}
    for subject in range(1, 9):
        for hemisphere, side in SIDES.items():
            measured = np.load(folder / f"subj{subject:02d}/test_split/test_fmri/{side}_test_fmri.npy")
            arrays[subject, hemisphere] = (measured + rng.standard_normal(measured.shape)).astype(np.float32)
            arrays[subject, hemisphere][:, 6] = 0.25
    return arrays


def offered(predicted, subjects=range(1, 9)):
    return [
        Prediction(subject, hemisphere, lambda array=array: array)
        for (subject, hemisphere), array in predicted.items()
        if subject in subjects
    ]


@pytest.fixture(scope="module")
def truth(folder, predicted):
    """Percent, ceiling and ROI codes of every vertex, by subject and hemisphere, with nothing of the package."""
    found = {}
    for (subject, hemisphere), array in predicted.items():
        home, side = folder / f"subj{subject:02d}", SIDES[hemisphere]
        r = plain_r(np.load(home / f"test_split/test_fmri/{side}_test_fmri.npy"), array)
        ceiling = np.load(home / f"test_split/noise_ceiling/{side}_noise_ceiling.npy")
        codes = {c: np.load(home / f"roi_masks/{side}.{c}_challenge_space.npy") for c in MAPPINGS}
        found[subject, hemisphere] = (official_percent(r, ceiling), ceiling, codes)
    return found


def test_the_score_is_the_organisers(folder, predicted, truth):
    result = score(Challenge(folder), offered(predicted))
    percent = np.concatenate([side[0] for side in truth.values()])
    ceiling = np.concatenate([side[1] for side in truth.values()])
    assert result.mean == pytest.approx(percent.mean(), rel=1e-12)
    assert result.median == pytest.approx(np.median(percent), rel=1e-12)
    assert result.mean_without_zero_ceiling == pytest.approx(percent[ceiling != 0].mean(), rel=1e-12)
    assert (result.n_zero_ceiling, result.n_vertices) == ((ceiling == 0).sum(), len(percent))
    assert result.n_constant == 16


def test_every_roi_of_every_hemisphere_has_the_mean_of_its_vertices(folder, predicted, truth):
    result = score(Challenge(folder), offered(predicted))
    for (subject, hemisphere), (percent, _, codes) in truth.items():
        for roi_class, names in MAPPINGS.items():
            for code, name in enumerate(names.split()[1:], start=1):
                inside = percent[codes[roi_class] == code]
                row = result.row(subject, hemisphere, name)
                assert row.n_vertices == len(inside)
                assert row.mean == (pytest.approx(inside.mean(), rel=1e-12) if len(inside) else None)


def test_a_roi_is_pooled_over_those_who_have_it(folder, predicted, truth):
    result = score(Challenge(folder), offered(predicted))
    inside = np.concatenate([percent[codes["floc-words"] == 3] for percent, _, codes in truth.values()])
    assert result.row(None, None, "VWFA-2").mean == pytest.approx(inside.mean(), rel=1e-12)
    assert result.row(None, None, "mTL-faces").mean is None


def test_ceilings_in_percent_give_the_same_score(folder, predicted, tmp_path):
    import shutil

    shutil.copytree(folder / "subj01", tmp_path / "subj01")
    for side in SIDES.values():
        path = tmp_path / f"subj01/test_split/noise_ceiling/{side}_noise_ceiling.npy"
        np.save(path, 100 * np.load(path))
    shares = score(Challenge(folder), offered(predicted, [1]))
    percents = score(Challenge(tmp_path), offered(predicted, [1]))
    assert (shares.unit_assumed, percents.unit_assumed) == ("share", "percent")
    assert percents.mean == pytest.approx(shares.mean, rel=1e-12)


def test_a_zip_scores_as_what_was_packed(folder, predicted, tmp_path):
    challenge = Challenge(folder)
    expected = ExpectedShapes.of(challenge)
    package(offered(predicted), tmp_path / "all.zip", expected)
    assert score(challenge, in_zip(tmp_path / "all.zip", expected)) == score(challenge, offered(predicted))


def test_a_zip_with_faults_is_not_scored(folder, tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"no zip at all")
    with pytest.raises(DataError, match="is not ready") as caught:
        in_zip(tmp_path / "bad.zip", ExpectedShapes.of(Challenge(folder)))
    assert caught.value.hint == f"algocli validate {tmp_path / 'bad.zip'}"


@pytest.mark.parametrize(
    ("gone", "told", "hint"),
    [
        ("test_fmri/lh_test_fmri.npy", "holds no test responses of subj01", "public since August 2023"),
        ("noise_ceiling/rh_noise_ceiling.npy", "without noise ceilings there is no score", "algocli import-ceilings"),
    ],
)
def test_what_is_missing_is_named_with_what_to_do(tmp_path, gone, told, hint):
    home = write_tiny_challenge(tmp_path / "challenge", [1], image_size=8)
    (home / "subj01/test_split" / gone).unlink()
    given = [Prediction(1, h, lambda n=n: np.ones((4, n), np.float32)) for h, n in (("left", 31), ("right", 41))]
    with pytest.raises(DataError, match=told) as caught:
        score(Challenge(home), given)
    assert hint in str(caught.value.hint)


def lines(path):
    return path.read_text().splitlines(keepends=True)


def test_the_four_files_differ_from_the_leaderboards_in_nothing_but_numbers(folder, predicted, tmp_path):
    assets = os.environ.get("ALGOCLI_TEST_ASSETS")
    if not assets:
        pytest.skip("ALGOCLI_TEST_ASSETS is not set: the leaderboard's own files are not at hand")
    written = write_score_files(score(Challenge(folder), offered(predicted)), tmp_path)
    numbers = re.compile(r": (nan|[0-9.]+(e-[0-9]+)?)$", re.M)
    for path in written:
        theirs = (Path(assets) / "nsd/official_scores" / path.name).read_text()
        assert numbers.sub(": N", path.read_text()) == numbers.sub(": N", theirs)
    assert sorted(path.name for path in written) == sorted(
        path.name for path in (Path(assets) / "nsd/official_scores").iterdir()
    )


def test_the_files_hold_the_numbers_of_the_score(folder, predicted, tmp_path):
    result = score(Challenge(folder), offered(predicted))
    write_score_files(result, tmp_path)
    assert lines(tmp_path / "scores.txt") == [f"All_vertices: {result.mean!r}\n"]
    rois = [name for names in ROI_CLASSES.values() for name in names.values()]
    assert len(lines(tmp_path / "scores_roi.txt")) == 2 + len(rois) == 33
    sides = [line for line in lines(tmp_path / "scores_subj_hemishphere_roi.txt")[1:] if line.startswith("subj03 RH")]
    assert sides[7] == f"subj03 RH EBA: {result.row(3, 'right', 'EBA').mean!r}\n"
    assert [line for line in sides if "aTL-faces" in line] == ["subj03 RH aTL-faces: nan\n"]
    assert len(HEMISPHERES) * 8 * len(rois) + 1 == len(lines(tmp_path / "scores_subj_hemishphere_roi.txt"))


SPOILT = [np.nan, np.inf, -np.inf]


@pytest.fixture
def small(tmp_path):
    """One subject's folder and a run of it, to be spoilt."""
    home = write_tiny_challenge(tmp_path / "challenge", [1], image_size=8)
    return home, write_run(tmp_path / "cache", subjects=(1,))


def vouch(subject_run):
    """Have the record vouch for what was spoilt, as no accident would."""
    subject_run.finish(subject_run.record)


def spoil(path, where, value):
    array = np.load(path)
    array[where] = value
    np.save(path, array)
    return path


@pytest.mark.parametrize("value", SPOILT)
@pytest.mark.parametrize("side", SIDES)
def test_a_measured_response_that_is_no_number_is_refused_by_its_place(small, side, value):
    home, run = small
    path = spoil(home / f"subj01/test_split/test_fmri/{SIDES[side]}_test_fmri.npy", (2, 5), value)
    with pytest.raises(DataError, match="1 values that are NaN or infinite, the first in row 2, column 5") as caught:
        algocli.score(run, data_dir=home)
    assert caught.value.message.startswith(f"{path} holds")


@pytest.mark.parametrize("value", SPOILT)
def test_a_vertex_measured_nowhere_is_not_one_that_nothing_explains(small, value):
    home, run = small
    spoil(home / "subj01/test_split/test_fmri/lh_test_fmri.npy", np.s_[:, 4:6], value)
    with pytest.raises(DataError, match=r"lh_test_fmri\.npy holds 8 values .* the first in row 0, column 4"):
        algocli.score(run, data_dir=home)


@pytest.mark.parametrize("value", SPOILT)
def test_a_prediction_that_is_no_number_is_refused_by_its_place(small, value):
    home, run = small
    path = spoil(run.subject(1).folder / "right_pred_test.npy", (3, 1), value)
    vouch(run.subject(1))
    for use in (
        algocli.score,
        lambda run, data_dir: algocli.submit(run, home / "a.zip", data_dir=data_dir, partial=True),
    ):
        with pytest.raises(DataError, match="the first in row 3, column 1") as caught:
            use(run, data_dir=home)
        assert caught.value.message.startswith(f"{path} holds")
    assert not (home / "a.zip").exists()


def test_of_runs_to_be_averaged_the_one_with_a_nan_is_named(small, tmp_path):
    home, run = small
    other = write_run(tmp_path / "cache", "b-run", subjects=(1,))
    path = spoil(other.subject(1).folder / "left_pred_test.npy", (0, 2), np.nan)
    vouch(other.subject(1))
    with pytest.raises(DataError, match="the first in row 0, column 2") as caught:
        algocli.submit([run, other], tmp_path / "a.zip", average=True, partial=True, data_dir=home)
    assert caught.value.message.startswith(f"{path} holds")


@pytest.mark.parametrize("value", [*SPOILT, -0.5])
def test_a_noise_ceiling_that_is_none_is_refused_by_its_place(small, value):
    home, run = small
    path = spoil(home / "subj01/test_split/noise_ceiling/rh_noise_ceiling.npy", 7, value)
    with pytest.raises(DataError, match="the first of them at position 7") as caught:
        algocli.score(run, data_dir=home)
    assert caught.value.message.startswith(str(path))


def test_predictions_from_memory_are_told_by_whose_they_are(small):
    home, _ = small
    given = [Prediction(1, "left", lambda: np.full((4, 31), np.nan))]
    with pytest.raises(DataError, match="predicted for the left hemisphere of subject 1 holds 124 values"):
        score(Challenge(home), given)


def test_a_prediction_that_is_constant_but_for_its_last_bit_scores_nothing(small):
    home, _ = small
    measured = {h: np.load(home / f"subj01/test_split/test_fmri/{side}_test_fmri.npy") for h, side in SIDES.items()}
    # The last bit follows the responses: taken for a prediction, it would explain a good part of them.
    bits = {
        h: np.where(of > np.median(of, axis=0), np.nextafter(np.float32(0.7), 1), 0.7) for h, of in measured.items()
    }
    found = score(Challenge(home), [Prediction(1, h, lambda h=h: bits[h].astype(np.float32)) for h in SIDES])
    assert found.mean == 0
    assert found.n_constant == found.n_vertices
