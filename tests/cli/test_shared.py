"""Images that several subjects saw, as a shell sees them: told by data, listed by stimuli, split over by train."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from algocli.cli import app
from algocli.dataset.challenge.subjects import Challenge
from algocli.runs.finding import find_run
from tests.features.by_hand import cache_features
from tests.support.challenge import write_tiny_challenge

IMAGES = "training_split/training_images"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A challenge in which subject 6 saw five training images of subject 1, and one more under another NSD id."""
    home = tmp_path_factory.mktemp("shared")
    data = write_tiny_challenge(home / "data", n_train=40, n_test=6, image_size=16)
    one, six = (sorted((data / f"subj0{n}" / IMAGES).iterdir()) for n in (1, 6))
    for mine, theirs in zip(one[3:8], six[:5], strict=True):
        nsd_id = mine.stem.rpartition("-")[2]
        theirs.rename(theirs.with_name(f"{theirs.stem.rpartition('-')[0]}-{nsd_id}.png"))
    Image.open(one[20]).save(six[9], compress_level=1)
    Image.open(one[30]).save(one[31], compress_level=1)
    for subject in Challenge(data).subjects():
        for number, layer in ((0, "features.2"), (1, "features.5")):
            rows = np.random.default_rng([subject.number, number]).standard_normal((46, 50)).astype(np.float32)
            cache_features(home / "cache", subject, rows, layer=layer, weights="pretrained")
    return home


def call(home: Path, *words: str) -> Result:
    where = ["--data-dir", str(home / "data")]
    if words[0] in ("train", "report", "partition"):
        where += ["--cache-dir", str(home / "cache")]
    return CliRunner().invoke(app, [*words, *where])


def test_data_tells_what_is_the_same(home: Path) -> None:
    result = call(home, "data")
    assert result.exit_code == 0, result.output
    for sentence in (
        "subject 1: 1 image has the pixels of another of this subject under another NSD id "
        "(train-0031_nsd-01090.png = train-0032_nsd-01093.png)",
        "subjects 1, 6: 5 of 40 training images and 0 of 6 test images were seen by other subjects too, "
        "by their NSD ids",
        "subject 6: 1 image has the pixels of another subject's under another NSD id "
        "(train-0010_nsd-06027.png = subj01/train-0021_nsd-01060.png)",
    ):
        assert sentence in result.stdout
    assert "seen by" not in call(home, "data", "-s", "1").stdout
    assert "same" not in call(home, "data", "--quick").stdout


def test_stimuli_lists_what_others_saw_or_the_rest(home: Path) -> None:
    rows = {
        kind: {row["nsd_id"] for row in json.loads(call(home, "stimuli", "-s", "1", "--json", *words).stdout)["rows"]}
        for kind, words in {"all": (), "only": ("--shared", "only"), "exclude": ("--shared", "exclude")}.items()
    }
    assert rows["only"] == {1009, 1012, 1015, 1018, 1021, 1060}
    assert rows["exclude"] == rows["all"] - rows["only"]
    assert len(rows["all"]) == 46


def test_a_model_is_scored_on_what_others_saw_and_every_view_says_so(home: Path, tmp_path: Path) -> None:
    trained = call(home, "train", "--pca", "5", "--shared", "only")
    assert trained.exit_code == 0, trained.output
    assert "subject 1: 6 of 40 images for training are held out: those that subject 6 saw too" in trained.stderr
    assert "NSD ids, 1 by their pixels alone" in trained.stderr
    run = find_run(home / "cache")
    assert run.settings.shared == "only"
    assert run.subject(1).validation_rows().tolist() == [3, 4, 5, 6, 7, 20]
    page = tmp_path / "page.html"
    report = call(home, "report", "--roi", "V1v", "--html", str(page))
    assert "was scored on the training images that other subjects saw too (subject 1: 6 of 40" in report.stderr
    assert "r: on held-out training images (all that other subjects saw too);" in report.stderr
    group = call(home, "report", "--roi", "V1v", "--group", "--resamples", "20")
    # Five of six images of each: the last has another id.
    assert "other people who see these images (83 % of a subject's are another's too) would move it" in group.stderr
    assert "the training images that other subjects saw too, once" in page.read_text()
    # The command that the page repeats is the one that makes this run.
    assert "--shared only" in page.read_text()
    again = call(home, "train", "--pca", "5", "--shared", "only")
    assert again.stderr.count("is done already") == 2
    assert again.stdout == trained.stdout


def test_excluding_makes_another_run_and_copies_are_told(home: Path) -> None:
    trained = call(home, "train", "--pca", "5", "--shared", "exclude", "--holdout", "0.2", "-s", "1")
    assert trained.exit_code == 0, trained.output
    assert "1 image for training has the pixels of another" in trained.stderr
    assert "6 of 40 images for training are left out" in trained.stderr
    run = find_run(home / "cache")
    assert run.name.endswith("_holdout0.2-unshared_seed4")
    assert "(20 % of those that no other subject saw, seed 4)" in call(home, "report", "-s", "1").stderr
    rows = {*run.subject(1).validation_rows().tolist()}
    assert not rows & {3, 4, 5, 6, 7, 20}
    assert (30 in rows) == (31 in rows)


def test_variance_is_partitioned_over_what_others_saw_or_over_the_rest(home: Path) -> None:
    words = ("partition", "features.2", "features.5", "--roi", "All vertices", "--json")
    only = call(home, *words, "--shared", "only", "--intervals", "--resamples", "20")
    assert only.exit_code == 0, only.output
    assert "subject 1: 6 of 40" in only.stderr
    runs = [find_run(home / "cache", model["run"]) for model in json.loads(only.stdout)["models"]]
    assert {tuple(run.subject(1).validation_rows().tolist()) for run in runs} == {(3, 4, 5, 6, 7, 20)}
    # All components there can be: of 34 fitted images, and not of the 36 of a tenth held out.
    assert {run.settings.n_components for run in runs} == {None}
    assert all(row["low"] <= row["explained"] <= row["high"] for row in json.loads(only.stdout)["rows"])
    rest = call(home, *words, "-s", "1", "--shared", "exclude", "--folds", "3")
    assert rest.exit_code == 0, rest.output
    assert "neither fitted nor held out the training images that other subjects saw too" in " ".join(
        rest.stderr.split()
    )
    for model in json.loads(rest.stdout)["models"]:
        rows = find_run(home / "cache", model["run"]).subject(1).validation_rows()
        assert sorted(rows.tolist()) == [row for row in range(40) if row not in {3, 4, 5, 6, 7, 20}]
    both = call(home, *words, "--shared", "only", "--holdout", "0.2")
    assert both.exit_code == 2
    assert "--shared only holds out the images that other subjects saw, all of them once" in both.stderr


def test_what_cannot_be_split_so_is_refused_in_options(home: Path, tmp_path: Path) -> None:
    both = call(home, "train", "--pca", "5", "--shared", "only", "--folds", "4")
    assert both.exit_code == 2
    assert "--shared only holds out the images that other subjects saw, all of them once: --folds 4" in both.stderr
    (tmp_path / "data").mkdir()
    (tmp_path / "data/subj01").symlink_to(home / "data/subj01")
    (tmp_path / "cache").symlink_to(home / "cache")
    alone = call(tmp_path, "train", "--pca", "5", "--shared", "only")
    assert alone.exit_code == 3
    assert "--shared only needs the images of other subjects" in " ".join(alone.stderr.split())
    assert call(tmp_path, "stimuli", "--shared", "only").exit_code == 3
