"""`algocli import-ceilings` as a shell sees it: ceilings from elsewhere end in the official place and form."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.freesurfer.mghformat import MGHImage
from typer.testing import CliRunner

from algocli.cli import app
from algocli.dataset.challenge.subjects import Challenge
from tests.support.challenge import N_FSAVERAGE, save, write_tiny_challenge

SIDES = {"left": "lh", "right": "rh"}
# Vertices of subject 1 and 6 of the tiny challenge.
COUNTS = {1: {"left": 31, "right": 41}, 6: {"left": 36, "right": 46}}
ASSETS = Path(os.environ.get("ALGOCLI_TEST_ASSETS", "/nowhere"), "nsd")


@pytest.fixture
def challenge(tmp_path):
    return write_tiny_challenge(tmp_path / "challenge", image_size=8, known_test=False)


@pytest.fixture
def run(challenge):
    def invoke(*words):
        return CliRunner().invoke(app, ["import-ceilings", *map(str, words), "--data-dir", str(challenge)])

    return invoke


def shares(subject, hemisphere):
    values = np.random.default_rng(subject).uniform(0, 0.8, COUNTS[subject][hemisphere])
    values[3] = 0
    return values


@pytest.fixture
def everyone(tmp_path):
    """Both subjects' ceilings in percent, float32, each in its folder."""
    folder = tmp_path / "source"
    for subject in COUNTS:
        for hemisphere, side in SIDES.items():
            percent = (100 * shares(subject, hemisphere)).astype(np.float32)
            save(folder / f"subj{subject:02d}/{side}_noise_ceiling.npy", percent)
    return folder


@pytest.fixture
def ratios(tmp_path, challenge):
    """Subject 1's signal-to-noise ratios on fsaverage; what lies outside the challenge is no number."""
    folder = tmp_path / "nsd/subj01/fsaverage/betas"
    folder.mkdir(parents=True)
    for hemisphere, side in SIDES.items():
        vertices = np.flatnonzero(np.load(challenge / f"subj01/roi_masks/{side}.all-vertices_fsaverage_space.npy"))
        everywhere = np.full(N_FSAVERAGE, np.nan, dtype=np.float32)
        everywhere[vertices] = 0.1 * np.arange(COUNTS[1][hemisphere])
        write_map(folder / f"{side}.ncsnr.mgh", everywhere)
    return tmp_path / "nsd"


def write_map(path, values):
    nibabel.save(MGHImage(values.reshape(-1, 1, 1), np.eye(4)), path)


def written(challenge, subject, hemisphere):
    path = challenge / f"subj{subject:02d}/test_split/noise_ceiling/{SIDES[hemisphere]}_noise_ceiling.npy"
    return np.load(path)


def refused(result, code, *told):
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.output
    for words in told:
        assert words in result.stderr.replace("\n", " ")


def test_percent_of_every_subject_become_shares_in_the_official_place(run, everyone, challenge):
    result = run(everyone)
    assert result.exit_code == 0, result.output
    for subject, sides in COUNTS.items():
        for hemisphere in sides:
            found = written(challenge, subject, hemisphere)
            assert found.dtype == np.float64
            np.testing.assert_allclose(found, shares(subject, hemisphere), rtol=1e-6)
    assert "subject 1: read as percent, because some value is above 1; else say --unit share" in result.stderr


def test_the_table_sums_up_each_hemisphere(run, everyone):
    lines = [line.split() for line in run(everyone, "-s", 6).stdout.splitlines()]
    ceiling = shares(6, "right")
    row = ["6", "right", "46", f"{ceiling.mean():.3f}", f"{np.median(ceiling):.3f}", "1", "percent", "(assumed)"]
    assert lines[-1] == row


def test_the_json_has_the_same_rows(run, everyone, challenge):
    rows = json.loads(run(everyone, "-s", 1, "--unit", "percent", "--json").stdout)["rows"]
    assert [(row["hemisphere"], row["n_vertices"], row["n_zero"]) for row in rows] == [
        ("left", 31, 1),
        ("right", 41, 1),
    ]
    assert {(row["read_as"], row["assumed"], row["repeats"], row["is_new"]) for row in rows} == {
        ("percent", False, None, True)
    }
    assert rows[0]["mean"] == pytest.approx(shares(1, "left").mean(), rel=1e-6)
    assert rows[0]["source"] == str(everyone / "subj01/lh_noise_ceiling.npy")
    assert Path(rows[0]["path"]).parent == challenge / "subj01/test_split/noise_ceiling"


def test_later_commands_find_them(run, everyone, challenge):
    run(everyone)
    result = CliRunner().invoke(app, ["data", "--json", "--data-dir", str(challenge)])
    subjects = json.loads(result.stdout)["subjects"]
    assert [h["noise_ceiling"] for one in subjects for h in one["hemispheres"]] == ["share"] * 4


def test_ratios_on_fsaverage_become_ceilings_of_the_challenges_vertices(run, ratios, challenge):
    result = run(ratios, "-s", 1)
    assert result.exit_code == 0, result.output
    for hemisphere, n in COUNTS[1].items():
        # Three repeats leave a third of the noise.
        expected = [(0.1 * i) ** 2 / ((0.1 * i) ** 2 + 1 / 3) for i in range(n)]
        np.testing.assert_allclose(written(challenge, 1, hemisphere), expected, rtol=1e-6)
    assert "test images shown 3, 2 and 1 times: 159,0,0" in result.stderr


def test_of_nsds_several_preparations_the_challenges_own_is_taken(run, ratios):
    (ratios / "subj01/fsaverage/betas").rename(ratios / "subj01/fsaverage/betas_fithrf_GLMdenoise_RR")
    shutil.copytree(ratios / "subj01/fsaverage", ratios / "subj01/nativesurface")
    shutil.copytree(ratios / "subj01/nativesurface", ratios / "subj01/fsaverage/betas_fithrf")
    rows = json.loads(run(ratios, "-s", 1, "--json").stdout)["rows"]
    assert {Path(row["source"]).parent.name for row in rows} == {"betas_fithrf_GLMdenoise_RR"}
    assert {Path(row["source"]).parts[-3] for row in rows} == {"fsaverage"}


def test_repeats_may_be_given(run, ratios, challenge):
    assert run(ratios, "-s", 1, "--repeats", "3,2,1").exit_code == 0
    # Half of the noise is left; the ratio of vertex 10 is 1.
    assert written(challenge, 1, "left")[10] == pytest.approx(2 / 3, rel=1e-6)


def test_repeats_may_be_counted_from_nsds_table(run, ratios, challenge, tmp_path):
    reps = ["1,2,3", "1,2,0", "1,0,0", "1,0,0"]
    lines = [f"{1001 + 3 * i},{words}" for i, words in enumerate(reps)]
    table = tmp_path / "nsd_stim_info_merged.csv"
    table.write_text("\n".join(["nsdId,subject1_rep0,subject1_rep1,subject1_rep2", *lines]))
    result = run(ratios, "-s", 1, "--stim-info", table)
    assert "1,1,2" in result.stderr
    # (1/3 + 1/2 + 2) / 4 = 17/24 of the noise is left.
    assert written(challenge, 1, "left")[10] == pytest.approx(24 / 41, rel=1e-6)


def test_subjects_who_missed_sessions_need_repeats(run, ratios, challenge):
    shutil.move(ratios / "subj01", ratios / "subj06")
    refused(run(ratios, "-s", 6), 2, "subject 6 had 32 of 40 sessions", "--stim-info", "--repeats A,B,C")


def test_a_pair_of_files_is_one_subjects(run, everyone, challenge):
    pair = [everyone / f"subj06/{side}_noise_ceiling.npy" for side in ("rh", "lh")]
    assert run(*pair, "-s", 6).exit_code == 0
    np.testing.assert_allclose(written(challenge, 6, "left"), shares(6, "left"), rtol=1e-6)
    assert not (challenge / "subj01/test_split/noise_ceiling").exists()


def test_subjects_that_the_source_lacks_are_left_out_unless_asked_for(run, everyone):
    shutil.rmtree(everyone / "subj06")
    assert run(everyone).exit_code == 0
    refused(run(everyone, "-s", 6), 3, "has no subject 6: it holds 1")


def test_ceilings_of_all_of_fsaverage_are_cut_to_the_challenge(run, challenge, tmp_path):
    for side in SIDES.values():
        save(tmp_path / f"whole/{side}_noise_ceiling.npy", np.linspace(0, 1, N_FSAVERAGE))
    assert run(tmp_path / "whole", "-s", 1).exit_code == 0
    vertices = Challenge(challenge).subject(1).fsaverage_vertices("left")
    np.testing.assert_array_equal(written(challenge, 1, "left"), np.linspace(0, 1, N_FSAVERAGE)[vertices])


def test_other_ceilings_are_replaced_only_when_forced(run, everyone, ratios, challenge):
    run(everyone, "-s", 1)
    before = written(challenge, 1, "left")
    refused(run(ratios, "-s", 1), 2, "holds other noise ceilings already (2 such files in all)", "--force")
    np.testing.assert_array_equal(written(challenge, 1, "left"), before)
    assert run(ratios, "-s", 1, "--force").exit_code == 0
    assert written(challenge, 1, "left")[0] == 0


def test_the_same_ceilings_again_are_no_fault(run, everyone):
    run(everyone)
    result = run(everyone)
    assert result.exit_code == 0
    assert "there already, just the same: subject 1 left, 1 right, 6 left, 6 right" in result.stderr


def test_nothing_is_written_unless_all_subjects_are_sound(run, everyone, challenge):
    save(everyone / "subj06/rh_noise_ceiling.npy", np.full(46, np.nan))
    refused(run(everyone), 3, "subj06/rh_noise_ceiling.npy: it holds 46 not finite among 46")
    assert not list(challenge.rglob("*noise_ceiling*"))


@pytest.mark.parametrize(
    ("spoil", "words", "code", "told"),
    [
        (lambda f: save(f / "lh_noise_ceiling.npy", -np.ones(31)), [], 3, ["31 negative"]),
        (lambda f: save(f / "lh_noise_ceiling.npy", np.ones(20_220)), [], 3, ["the right hemisphere of subject 6"]),
        (lambda f: save(f / "lh_noise_ceiling.npy", np.ones(19_004)), [], 3, ["fits the released data"]),
        (lambda f: save(f / "lh_noise_ceiling.npy", np.ones(41)), [], 3, ["left and right may be swapped"]),
        (lambda f: save(f / "lh_noise_ceiling.npy", np.ones((31, 2))), [], 3, ["shape (31, 2)"]),
        (lambda f: (f / "lh_noise_ceiling.npy").write_bytes(b"no"), [], 3, ["no whole .npy array"]),
        (lambda f: (f / "rh_noise_ceiling.npy").unlink(), [], 3, ["no noise ceilings of the right hemisphere"]),
        (lambda f: None, ["--unit", "share"], 3, ["no share of variance is above 1", "--unit percent"]),
        (lambda f: None, ["--repeats", "1,0,0"], 2, ["leave out --repeats"]),
        (lambda f: None, ["--repeats", "1,2"], 2, ["three whole numbers"]),
        (lambda f: None, ["--repeats", "0,0,0"], 2, ["three whole numbers"]),
        (lambda f: None, ["--repeats", "1,0,0", "--stim-info", "x.csv"], 2, ["say the same thing"]),
        (lambda f: shutil.copytree(f, f / "again"), [], 0, []),
        (lambda f: shutil.move(shutil.copytree(f, f / "a"), f / "b") and drop(f), [], 0, []),
        (lambda f: (shutil.copytree(f, f / "a"), shutil.copytree(f / "a", f / "b"), drop(f)), [], 2, ["has 2 files"]),
    ],
)
def test_a_source_that_does_not_fit_is_refused_with_the_reason(run, everyone, spoil, words, code, told):
    spoil(everyone / "subj01")
    result = run(everyone, "-s", 1, *words)
    if code == 0:
        assert result.exit_code == 0, result.output
    else:
        refused(result, code, *told)


def drop(folder):
    for path in folder.glob("*.npy"):
        path.unlink()


def test_percent_below_one_are_taken_for_a_slip(run, everyone):
    for side in SIDES.values():
        path = everyone / f"subj01/{side}_noise_ceiling.npy"
        np.save(path, np.load(path) / 100)
    refused(run(everyone, "-s", 1, "--unit", "percent"), 2, "less than 1 % of the variance everywhere", "--unit share")


@pytest.mark.parametrize(
    ("n", "told"), [(10_242, "map on fsaverage5"), (40_962, "map on fsaverage6"), (100, "map on another surface")]
)
def test_a_map_on_another_surface_is_refused(run, ratios, n, told):
    write_map(ratios / "subj01/fsaverage/betas/rh.ncsnr.mgh", np.ones(n, dtype=np.float32))
    refused(run(ratios, "-s", 1), 3, f"has {n} values; fsaverage has 163842 vertices", told)


def test_a_packed_map_is_read_too(run, ratios, challenge):
    run(ratios, "-s", 1)
    for path in ratios.rglob("*.mgh"):
        path.with_suffix(".mgz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert "there already, just the same" in run(ratios, "-s", 1).stderr


def test_a_damaged_map_is_refused(run, ratios):
    path = ratios / "subj01/fsaverage/betas/rh.ncsnr.mgh"
    path.write_bytes(path.read_bytes()[:5000])
    refused(run(ratios, "-s", 1), 3, "rh.ncsnr.mgh is no whole map of FreeSurfer")


def test_a_ratio_that_is_no_number_within_the_challenge_is_refused(run, ratios):
    write_map(ratios / "subj01/fsaverage/betas/rh.ncsnr.mgh", np.full(N_FSAVERAGE, np.nan, dtype=np.float32))
    refused(run(ratios, "-s", 1), 3, "rh.ncsnr.mgh: 41 of 41 signal-to-noise ratios are negative or not finite")


def test_a_unit_is_refused_for_ratios(run, ratios):
    refused(run(ratios, "-s", 1, "--unit", "share"), 2, "signal-to-noise ratios have no unit")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["lh_noise_ceiling.npy"], "one file a hemisphere was expected, found lh_noise_ceiling.npy"),
        (["lh_a.npy", "lh_b.npy"], "one file a hemisphere was expected"),
        (["lh_a.npy", "rh_b.mgh"], "are of two kinds"),
        (["lh_a.npy", "b.npy"], "b.npy does not say which hemisphere"),
        (["lh_a.csv", "rh_a.csv"], "is of no kind that can be imported"),
        (["subj03_lh.npy", "subj03_rh.npy"], "is of subject 3; subject 1 was chosen"),
    ],
)
def test_two_files_that_are_no_pair_are_refused(run, tmp_path, monkeypatch, names, told):
    monkeypatch.chdir(tmp_path)
    for name in names:
        Path(name).write_bytes(b"")
    refused(run(*names, "-s", 1), 2, told)


def test_one_subjects_folder_is_refused_for_several(run, everyone):
    refused(run(everyone / "subj01"), 2, "are one subject's; 2 subjects were chosen", "-s 1")


def test_a_source_that_is_not_there_is_told(run):
    refused(run("nowhere", "-s", 1), 3, "nowhere is no file or folder")


@pytest.mark.skipif(not ASSETS.is_dir(), reason="ALGOCLI_TEST_ASSETS names no folder with real noise ceilings")
def test_a_real_pair_in_percent_becomes_shares(run, challenge):
    percent = {}
    for hemisphere, side in SIDES.items():
        path = ASSETS / f"noise_ceiling_subj01_{side}_percent.npy"
        percent[hemisphere] = np.load(path)
        mask = np.zeros(N_FSAVERAGE, dtype=np.int64)
        mask[: len(percent[hemisphere])] = 1
        save(challenge / f"subj01/roi_masks/{side}.all-vertices_fsaverage_space.npy", mask)
    result = run(*sorted(ASSETS.glob("noise_ceiling_subj01_*_percent.npy")), "-s", 1, "--json")
    rows = json.loads(result.stdout)["rows"]
    assert [(row["n_vertices"], row["read_as"]) for row in rows] == [(19_004, "percent"), (20_544, "percent")]
    for row in rows:
        values = percent[row["hemisphere"]].astype(np.float64)
        np.testing.assert_allclose(written(challenge, 1, row["hemisphere"]), values / 100, rtol=1e-12)
        assert row["n_zero"] == np.count_nonzero(values == 0) > 0
