"""`algocli report` as a shell sees it."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.compute.vouching import write_sealed
from algocli.stats.explained import unbiased_square
from tests.results.by_hand import write_run
from tests.results.official import official_percent


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    write_run(folder, "older", finished_at=1.0)
    write_run(folder, "newer", finished_at=2.0)
    return folder


@pytest.fixture
def released(tiny_challenge, tmp_path):
    """A copy of the challenge to spoil, without its images."""
    return shutil.copytree(tiny_challenge, tmp_path / "released", ignore=shutil.ignore_patterns("*.png"))


@pytest.fixture
def at_home(monkeypatch, tmp_path):
    """Run `report` in an empty folder, no data folder being named in any way."""
    monkeypatch.delenv("ALGOCLI_DATA_DIR", raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)

    def invoke(cache_dir, *words):
        return CliRunner().invoke(app, ["report", "--cache-dir", str(cache_dir), *words])

    return invoke


def record_origin(run, folder):
    """Let a run's records say that it was trained on the subjects of that folder."""
    for number in run.subjects:
        path = run.folder / f"subj{number:02d}/record.json"
        write_sealed(path, {**json.loads(path.read_text()), "data": str(folder / f"subj{number:02d}")})


@pytest.fixture
def report(tiny_challenge, cache):
    def invoke(*words):
        return CliRunner().invoke(app, ["report", "--data-dir", str(tiny_challenge), "--cache-dir", str(cache), *words])

    return invoke


def test_the_json_is_the_contract(report, tiny_challenge, cache):
    result = report("--json", "-s", "1")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert list(printed) == ["run", "rows", "summary", "held_out"]
    n_images = len(np.load(cache / "runs/newer/subj01/validation_rows.npy"))
    split = {"shared": "all", "split": "train", "holdout": 0.1, "folds": None, "seed": 4}
    assert printed["held_out"] == {**split, "n_images": {"1": n_images}}
    assert printed["run"] == "newer"
    assert len(printed["rows"]) == 2 * 32
    keys = ["run", "model", "layer", "weights", "subject", "hemisphere", "roi", "n_vertices", "median_r", "mean_r"]
    keys += ["accuracy", "adjusted_accuracy"]
    assert {tuple(row) for row in printed["rows"]} == {tuple(keys)}
    r = np.load(cache / "runs/newer/subj01/left_correlation.npy")
    everything = printed["rows"][31]
    assert (everything["hemisphere"], everything["roi"]) == ("left", "All vertices")
    assert everything["n_vertices"] == 31
    assert everything["mean_r"] == pytest.approx(r.mean(), abs=1e-15)
    absent = next(row for row in printed["rows"] if row["roi"] == "mTL-faces")
    # Of features that nothing is known of, their name is told.
    told = ["newer", "alexnet-features.2-1a2b3c4d", None, None, 1, "left", "mTL-faces", 0, None, None, None, None]
    assert absent == dict(zip(keys, told, strict=True))


def test_the_table_fits_a_terminal_and_says_what_was_scored(report):
    result = report("-s", "1")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "Subject 1: r on held-out training images (validation)"
    assert lines[1] == "newer"
    assert "r: on held-out training images (10 %, seed 4); the leaderboard's test images are others" in result.stderr


def test_the_table_groups_rois_by_class_with_both_hemispheres_side_by_side(report):
    lines = report("-s", "6").stdout.splitlines()
    words = [line.split() for line in lines]
    assert words[2] == ["ROI", "left", "n", "median", "mean", "acc", "%", "right", "n", "median", "mean", "acc", "%"]
    first = [row[0] for row in words[3:] if row]
    assert first[:2] == ["prf-visualrois", "V1v"]
    assert first[first.index("floc-faces") + 2] == "FFA-1"
    assert words[-4][:3] == ["All", "vertices", "36"]


def test_an_absent_roi_is_a_row_of_dashes(report):
    lines = report("-s", "1").stdout.splitlines()
    [line] = [line for line in lines if "aTL-faces" in line]
    assert line.split() == ["aTL-faces", *["–"] * 8]


def test_several_subjects_end_in_a_table_that_compares_them(report):
    result = report()
    assert result.stdout.count("Subject ") == 2
    tail = result.stdout[result.stdout.index("All vertices, subject by subject") :].splitlines()
    left = [line.split() for line in tail[3 : tail.index("", 3)]]
    assert [row[0] for row in left] == ["1", "6", "median"]
    medians = [float(row[2]) for row in left]
    assert medians[2] == pytest.approx((medians[0] + medians[1]) / 2, abs=1.1e-3)


def test_without_noise_ceilings_there_is_no_column_for_accuracy(tiny_challenge, cache, tmp_path):
    folder = tmp_path / "released"
    shutil.copytree(tiny_challenge, folder, ignore=shutil.ignore_patterns("*.png", "noise_ceiling"))
    result = CliRunner().invoke(app, ["report", "--data-dir", str(folder), "--cache-dir", str(cache)])
    assert result.exit_code == 0
    assert "acc %" not in result.stdout + result.stderr
    assert "validation %" not in result.stdout


def test_only_the_rois_asked_for_are_shown(report):
    printed = json.loads(report("--json", "--roi", "FFA-1", "--roi", "PPA").stdout)
    assert {row["roi"] for row in printed["rows"]} == {"FFA-1", "PPA"}


def test_an_unknown_roi_is_a_usage_error_with_a_guess(report):
    result = report("--roi", "FFA1")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "did you mean FFA-1" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_csv_is_written_beside_the_table(report, tmp_path):
    path = tmp_path / "scores.csv"
    result = report("--csv", str(path))
    assert str(path) in result.stderr.replace("\n", "")
    assert "Subject 1" in result.stdout
    with path.open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 2 * 2 * 32


def test_quiet_leaves_only_the_result(report):
    assert report("--quiet").stderr == ""


def test_a_run_is_found_by_the_beginning_of_its_name(report):
    assert json.loads(report("--json", "--run", "old").stdout)["run"] == "older"


def test_without_a_run_the_hint_is_the_command_that_makes_one(tiny_challenge, tmp_path):
    result = CliRunner().invoke(app, ["report", "--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path)])
    assert result.exit_code == 4
    assert "algocli train" in result.stderr


def test_a_run_of_another_data_folder_is_a_data_error(tiny_challenge, tmp_path):
    write_run(tmp_path, extra=1)
    result = CliRunner().invoke(app, ["report", "--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path)])
    assert result.exit_code == 3
    assert "another data folder" in result.stderr.replace("\n", " ")


def test_the_summary_pools_every_vertex_whatever_rois_are_asked_for(report, tiny_challenge, cache):
    percent, zero, adjusted = [], [], []
    for subject in ("subj01", "subj06"):
        for hemisphere, side in (("left", "lh"), ("right", "rh")):
            r = np.load(cache / f"runs/newer/{subject}/{hemisphere}_correlation.npy")
            ceiling = np.load(tiny_challenge / f"{subject}/test_split/noise_ceiling/{side}_noise_ceiling.npy")
            percent.append(official_percent(r, ceiling))
            zero.append(ceiling == 0)
            n = len(np.load(cache / f"runs/newer/{subject}/validation_rows.npy"))
            high = ceiling > 0.01
            adjusted.append(100 * unbiased_square(r[None, high], np.array([n])) / ceiling[high])
    percent, zero = np.concatenate(percent), np.concatenate(zero)
    expected = {
        "mean": pytest.approx(percent.mean(), rel=1e-14),
        "median": pytest.approx(np.median(percent), rel=1e-14),
        "n_zero_ceiling": 4,
        "mean_without_zero_ceiling": pytest.approx(percent[~zero].mean(), rel=1e-14),
        "adjusted_mean": pytest.approx(np.concatenate(adjusted).mean(), rel=1e-12),
        "n_low_ceiling": 6,
        "unit_assumed": "share",
    }
    assert json.loads(report("--json", "--roi", "PPA").stdout)["summary"] == expected
    line, below = report().stdout.splitlines()[-2:]
    assert below == f"adjusted for the number of images: mean {np.concatenate(adjusted).mean():.1f}"
    assert len(line) <= 80
    assert line == (
        f"All vertices, validation %: mean {percent.mean():.1f} "
        f"({percent[~zero].mean():.1f} without 4 NC = 0), median {np.median(percent):.1f}"
    )


def test_without_noise_ceilings_accuracy_and_summary_are_null(cache, released):
    shutil.rmtree(released / "subj01/test_split/noise_ceiling")
    words = ["report", "--json", "-s", "1", "--data-dir", str(released), "--cache-dir", str(cache)]
    printed = json.loads(CliRunner().invoke(app, words).stdout)
    assert printed["summary"] is None
    assert {row["accuracy"] for row in printed["rows"]} == {None}


def test_a_median_over_subjects_of_whom_one_has_no_ceilings_is_a_dash(cache, released):
    shutil.rmtree(released / "subj06/test_split/noise_ceiling")
    result = CliRunner().invoke(app, ["report", "--data-dir", str(released), "--cache-dir", str(cache)])
    one, six, median = [line.split() for line in result.stdout.splitlines() if line.split()][-3:]
    assert [row[0] for row in (one, six, median)] == ["1", "6", "median"]
    assert (one[4] != "–", six[4], median[4]) == (True, "–", "–")
    assert "noise ceilings are missing of subject 6 left, subject 6 right" in result.stderr


@pytest.mark.parametrize("spoil", [lambda c: c[:-1], lambda c: c - 1, lambda c: np.full_like(c, np.nan)])
def test_ceilings_that_do_not_fit_are_a_data_error(cache, released, spoil):
    path = released / "subj01/test_split/noise_ceiling/lh_noise_ceiling.npy"
    np.save(path, spoil(np.load(path)))
    result = CliRunner().invoke(app, ["report", "--data-dir", str(released), "--cache-dir", str(cache)])
    assert result.exit_code == 3
    assert result.stdout == ""
    assert path.name in result.stderr
    assert "Traceback" not in result.output


def test_the_data_that_the_run_was_trained_on_is_found_again(at_home, released, tmp_path):
    record_origin(write_run(tmp_path / "cache"), released)
    result = at_home(tmp_path / "cache", "--json")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert printed["summary"]["n_zero_ceiling"] == 4
    assert len(printed["rows"]) == 2 * 2 * 32


def test_the_folder_that_is_named_goes_before_the_recorded_one(at_home, released, tiny_challenge, tmp_path):
    record_origin(write_run(tmp_path / "cache"), tiny_challenge)
    for folder in released.glob("*/test_split/noise_ceiling"):
        shutil.rmtree(folder)
    assert json.loads(at_home(tmp_path / "cache", "--json").stdout)["summary"] is not None
    named = at_home(tmp_path / "cache", "--json", "--data-dir", str(released))
    assert json.loads(named.stdout)["summary"] is None


def test_the_usual_folder_takes_the_place_of_a_recorded_one_that_is_gone(at_home, released, tmp_path):
    record_origin(write_run(tmp_path / "cache"), tmp_path / "moved")
    released.rename(tmp_path / "home/algonauts_2023_challenge_data")
    result = at_home(tmp_path / "cache", "-s", "1")
    assert result.exit_code == 0
    assert "FFA-1" in result.stdout
    assert "which is gone: algonauts_2023_challenge_data/subj01 takes its place" in result.stderr


def test_data_that_is_gone_leaves_the_vertices_together_and_no_accuracy(at_home, tmp_path):
    run = write_run(tmp_path / "cache", subjects=(1,))
    record_origin(run, tmp_path / "gone")
    result = at_home(tmp_path / "cache", "--json")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert [(row["hemisphere"], row["roi"], row["n_vertices"], row["accuracy"]) for row in printed["rows"]] == [
        ("left", "All vertices", 31, None),
        ("right", "All vertices", 41, None),
    ]
    assert printed["summary"] is None
    r = np.load(run.folder / "subj01/left_correlation.npy")
    assert printed["rows"][0]["mean_r"] == pytest.approx(r.mean(), abs=1e-15)
    table = at_home(tmp_path / "cache")
    assert "All vertices" in table.stdout
    assert "acc %" not in table.stdout
    assert f"subject 1 was trained on {tmp_path / 'gone/subj01'}, which is gone" in table.stderr


def test_a_roi_of_data_that_is_gone_is_a_data_error(at_home, tmp_path):
    record_origin(write_run(tmp_path / "cache"), tmp_path / "gone")
    result = at_home(tmp_path / "cache", "--roi", "FFA-1")
    assert result.exit_code == 3
    assert "--data-dir" in result.stderr


def test_a_named_folder_that_is_not_there_is_a_data_error(at_home, released, tmp_path, monkeypatch):
    record_origin(write_run(tmp_path / "cache"), released)
    assert at_home(tmp_path / "cache", "--data-dir", "nowhere").exit_code == 3
    monkeypatch.setenv("ALGOCLI_DATA_DIR", "nowhere")
    assert at_home(tmp_path / "cache").exit_code == 3


def test_a_plain_report_imports_no_other_command_and_nothing_that_fits_or_draws(tiny_challenge, cache):
    words = ["report", "--json", "--quiet", "--data-dir", str(tiny_challenge), "--cache-dir", str(cache)]
    code = (
        "import sys\n"
        "from algocli.cli import app\n"
        f"try:\n    app({words!r})\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print(*(name for name in sys.modules if name.startswith('algocli')), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(done.stderr.splitlines()[-1].split())
    assert json.loads(done.stdout)["run"] == "newer"
    assert {"algocli.cli.report", "algocli.results.report"} <= imported
    unwanted = {"cli.train", "cli.plot", "runs.between_folds", "results.drawing", "dataset.images"}
    assert not imported & {f"algocli.{name}" for name in unwanted}


def test_a_plain_report_for_a_program_loads_nothing_that_it_does_not_need(tiny_challenge, cache):
    unneeded = (
        "torch",
        "zarr",
        "scipy",
        "rich",
        "concurrent.futures",
        "algocli.results.group",
        "algocli.dataset.copies",
    )
    words = ["report", "--json", "--quiet", "--data-dir", str(tiny_challenge), "--cache-dir", str(cache)]
    code = (
        "import sys\nfrom algocli.cli import app\n"
        f"try:\n    app({words!r})\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {unneeded!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["run"] == "newer"
    assert done.stderr.splitlines()[-1] == "[]"
