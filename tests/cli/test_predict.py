"""`algocli predict` as a shell sees it, with a real network."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from typer.testing import CliRunner, Result

from algocli.cli import app
from algocli.compute.vouching import write_sealed
from tests.support.challenge import write_tiny_challenge
from tests.support.pictures import grey, laid, orientation_block, stored_as, write_png, write_tiff

Predict = Callable[..., Result]
ASSETS = os.environ.get("ALGOCLI_TEST_ASSETS")
N_TEST = 4
CLASSES = ["prf-visualrois", "floc-bodies", "floc-faces", "floc-places", "floc-words", "All vertices"]


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Subjects 1 and 6, trained on AlexNet (with its own weights where they are at hand). Never to be spoilt."""
    folder = tmp_path_factory.mktemp("trained")
    write_tiny_challenge(folder / "challenge", (1, 6), n_train=30, n_test=N_TEST, image_size=64, known_test=False)
    weights = folder / "weights.pth"
    if ASSETS:
        shutil.copy(Path(ASSETS) / "weights/alexnet_features.pth", weights)
    else:
        torch.manual_seed(0)
        torch.save(torchvision.models.alexnet(weights=None).state_dict(), weights)
    folders = ("--data-dir", folder / "challenge", "--cache-dir", folder / "cache")
    made = ("--weights", weights, "--pool", 5, "--dtype", "float32")
    assert run("extract", *made, "-l", "features.2", "-l", "features.5", "--no-gram", *folders).exit_code == 0
    assert run("train", "--pca", 8, *folders).exit_code == 0
    several = ("-l", "features.2", "-l", "features.5", "--regression", "ridge", "--no-refit", "-s", 1)
    assert run("train", "--pca", 8, *several, "--run", "both", *folders).exit_code == 0
    looking = ("--regression", "fields", "--fields", "coarse", "-l", "features.2", "-l", "features.5", "-s", 1)
    assert run("train", *looking, "--run", "looking", *folders).exit_code == 0
    assert run("train", "--pca", 8, *folders).exit_code == 0
    return folder


@pytest.fixture
def home(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, in which a relative path leads nowhere else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALGOCLI_DATA_DIR", raising=False)
    return tmp_path


@pytest.fixture
def predict(trained: Path, home: Path) -> Predict:
    def invoke(*words: object) -> Result:
        return run("predict", *words, "--cache-dir", trained / "cache")

    return invoke


def images_of(trained: Path) -> Path:
    return trained / "challenge/subj01/test_split/test_images"


@pytest.mark.parametrize("name", ["latest", "both", "looking"])
def test_the_files_of_test_images_have_the_test_predictions_of_the_run(
    predict: Predict, trained: Path, home: Path, name: str
) -> None:
    result = predict(images_of(trained), "-s", 1, "--run", name, "-o", "out")
    assert result.exit_code == 0, result.output
    share = next((trained / "cache/runs").glob("alexnet*/subj01" if name == "latest" else f"{name}/subj01"))
    for side, hemisphere in (("lh", "left"), ("rh", "right")):
        found = np.load(home / f"out/subj01/{side}_pred.npy")
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.load(share / f"{hemisphere}_pred_test.npy"), atol=1e-4)
    with (home / "out/images.csv").open() as stream:
        listed = list(csv.DictReader(stream))
    assert [Path(row["file"]).name for row in listed] == sorted(os.listdir(images_of(trained)))
    assert [row["row"] for row in listed] == [str(row) for row in range(N_TEST)]


def test_receptive_fields_are_reported_and_packaged_as_any_run(trained: Path, home: Path) -> None:
    where = ("--run", "looking", "--cache-dir", trained / "cache")
    printed = json.loads(run("report", *where, "--data-dir", trained / "challenge", "--json").stdout)
    assert {row["hemisphere"] for row in printed["rows"]} == {"left", "right"}
    result = run("submit", *where, "--data-dir", trained / "challenge", "--partial", "-s", 1, "-o", home / "mine.zip")
    assert result.exit_code == 0, result.output
    assert (home / "mine.zip").is_file()


def test_the_table_has_a_line_an_image_and_a_column_a_class(predict: Predict, trained: Path) -> None:
    result = predict(images_of(trained))
    lines = result.stdout.splitlines()
    assert lines[0] == "Subject 1: mean predicted response of both hemispheres' vertices"
    assert lines[2].split() == ["row", "image", "visualrois", "bodies", "faces", "places", "words", "All", "vertices"]
    assert [line.split()[:2] for line in lines[3:7]] == [
        [str(row), name] for row, name in enumerate(sorted(os.listdir(images_of(trained))))
    ]
    assert lines[8].startswith("Subject 6")
    assert max(map(len, lines)) < 100


def test_the_json_has_means_over_the_written_responses(predict: Predict, trained: Path, home: Path) -> None:
    image = sorted(images_of(trained).iterdir())[2]
    printed = json.loads(predict(image, "-s", 1, "--json").stdout)
    rows = printed["rows"]
    assert list(rows[0]) == ["subject", "row", "file", "hemisphere", "roi", "n_vertices", "mean"]
    assert [row["roi"] for row in rows] == CLASSES * 2
    responses = np.load(home / "predictions/subj01/rh_pred.npy")
    assert responses.shape[0] == 1
    codes = np.load(trained / "challenge/subj01/roi_masks/rh.floc-faces_challenge_space.npy")
    (faces,) = (row for row in rows if (row["hemisphere"], row["roi"]) == ("right", "floc-faces"))
    assert faces["n_vertices"] == (codes != 0).sum()
    assert faces["mean"] == pytest.approx(responses[0, codes != 0].mean(), abs=1e-6)
    assert all(Path(file).is_file() for file in printed["files"])


def test_a_roi_and_a_class_may_be_asked_for(predict: Predict, trained: Path) -> None:
    words = predict(images_of(trained), "-s", 1, "--roi", "eba", "--roi", "streams", "--roi", "aTL-faces").stdout
    lines = words.splitlines()
    assert lines[2].split() == ["row", "image", "EBA", "streams", "aTL-faces"]
    assert lines[3].split()[-1] == "–"


def test_any_kind_and_size_of_image_will_do(predict: Predict, home: Path) -> None:
    for mode, name in (("RGB", "photo.jpg"), ("L", "grey.png"), ("RGBA", "clear.png")):
        Image.effect_noise((90, 50), 60).convert(mode).save(home / name)
    (home / "notes.txt").write_text("by the way")
    result = predict(home, "-s", 1)
    assert result.exit_code == 0, result.output
    assert [line.split()[1] for line in result.stdout.splitlines()[3:]] == ["clear.png", "grey.png", "photo.jpg"]
    assert "passed over, being no images by their names: notes.txt" in result.stderr


def test_images_are_predicted_as_they_are_seen_and_what_was_done_is_told(predict: Predict, home: Path) -> None:
    numbers = np.arange(60 * 40).reshape(60, 40) * 27
    upright = grey(np.floor(numbers / 65535 * 255 + 0.5))
    clear = np.dstack([upright, np.where(numbers % 2, 0, 255)]).astype(np.uint8)
    (home / "given").mkdir()
    (home / "seen").mkdir()
    turn = [(b"eXIf", orientation_block(8))]
    write_png(home / "given/a deep.png", numbers, bits=16, colour_type=0)
    write_png(home / "given/b clear.png", clear, colour_type=6)
    write_png(home / "given/c turned.png", stored_as(upright, 8), colour_type=2, after=turn)
    write_png(home / "given/d turned.png", stored_as(upright, 8), colour_type=2, after=turn)
    for name, pixels in (("a", upright), ("b", laid(upright, clear[..., 3])), ("c", upright), ("d", upright)):
        Image.fromarray(pixels).save(home / f"seen/{name}.png")
    given, seen = predict("given", "-o", "out"), predict("seen", "-o", "expected")
    assert (given.exit_code, seen.exit_code) == (0, 0), given.output
    for path in ("subj01/lh_pred.npy", "subj06/rh_pred.npy"):
        np.testing.assert_array_equal(np.load(home / "out" / path), np.load(home / "expected" / path))
    line = (
        "1 image of 16-bit numbers, scaled to 8 bits by their range (a deep.png); "
        "1 image with transparency, laid on mid-grey (127) (b clear.png); "
        "2 images turned upright as EXIF says (c turned.png, d turned.png)"
    )
    assert given.stderr.splitlines().count(line) == 1
    assert "mid-grey" not in seen.stderr


def test_an_image_whose_numbers_could_mean_anything_is_named(predict: Predict, home: Path) -> None:
    write_tiff(home / "bold.tif", np.array([[-3.5, 2.5]], np.float32))
    result = predict("bold.tif", "-s", 1)
    assert result.exit_code == 3
    assert "bold.tif holds floats from -3.5 to 2.5" in result.stderr
    assert "Traceback" not in result.output
    assert not (home / "predictions/subj01").exists()


def test_a_file_that_is_no_image_is_named_and_nothing_is_written(predict: Predict, home: Path) -> None:
    (home / "bad.png").write_text("no image")
    result = predict("bad.png", "-s", 1)
    assert result.exit_code == 3
    assert "bad.png is no readable image" in result.stderr
    assert not (home / "predictions/subj01").exists()


def test_an_empty_folder_is_told(predict: Predict, home: Path) -> None:
    (home / "empty").mkdir()
    result = predict("empty")
    assert (result.exit_code, "empty holds no images" in result.stderr) == (3, True)


def test_data_of_others_is_refused(predict: Predict, trained: Path, home: Path) -> None:
    other = write_tiny_challenge(home / "other", (1,), n_train=30, n_test=N_TEST, image_size=16, known_test=False)
    responses = other / "subj01/training_split/training_fmri/lh_training_fmri.npy"
    np.save(responses, np.load(responses) + 1)
    for kept in (trained / "cache/runs").glob("alexnet*/subj01/model.npz"):
        kept.unlink()
    result = predict(images_of(trained), "-s", 1, "--data-dir", other)
    assert result.exit_code == 3
    assert "other responses than subject 1 was trained on" in result.stderr


@pytest.fixture
def spoilt(trained: Path, home: Path) -> Path:
    """A copy of the cache, whose network may be spoilt."""
    shutil.copytree(trained / "cache", home / "cache")
    return home / "cache"


def change_recipe(cache: Path, **changes: str) -> None:
    for path in cache.glob("features/*/recipe.json"):
        write_sealed(path, {**json.loads(path.read_text()), **changes})


def test_a_checkpoint_that_is_gone_is_told(spoilt: Path, trained: Path) -> None:
    change_recipe(spoilt, weights="/nowhere/weights.pth")
    result = run("predict", images_of(trained), "--cache-dir", spoilt)
    assert result.exit_code == 3
    assert "cannot be computed: there is no weights file /nowhere/weights.pth" in result.stderr


def test_a_checkpoint_that_has_changed_is_told(spoilt: Path, trained: Path, home: Path) -> None:
    state = torch.load(trained / "weights.pth", weights_only=True)
    state["features.0.bias"] += 1
    torch.save(state, home / "other.pth")
    change_recipe(spoilt, weights=str(home / "other.pth"))
    result = run("predict", images_of(trained), "--cache-dir", spoilt)
    assert result.exit_code == 3
    assert "are no longer those that it was made with" in result.stderr


@pytest.mark.parametrize("model", ["torchhub:some/one:net", "python:mine:net"])
def test_code_runs_only_where_it_is_trusted(spoilt: Path, trained: Path, model: str) -> None:
    change_recipe(spoilt, model=model)
    result = run("predict", images_of(trained), "--cache-dir", spoilt)
    assert result.exit_code == 2
    assert f"{model} is code that would run here: --trust-remote-code allows it" in result.stderr


def test_imported_features_are_refused_with_the_remedy(trained: Path, home: Path) -> None:
    folders = ("--data-dir", trained / "challenge", "--cache-dir", home / "cache")
    np.save(home / "mine.npy", np.random.default_rng(0).standard_normal((34, 20), dtype=np.float32))
    assert run("import-features", "mine.npy", "--name", "mine", "-s", 1, *folders).exit_code == 0
    assert run("train", "--features", "mine", "--pca", 5, "-s", 1, *folders).exit_code == 0
    result = run("predict", images_of(trained), "--cache-dir", home / "cache")
    assert result.exit_code == 2
    assert "the features 'mine' were imported" in result.stderr
    assert "algocli extract" in result.stderr


def test_features_that_are_gone_name_the_command(spoilt: Path, trained: Path) -> None:
    for folder in spoilt.glob("features/*/subj01-*"):
        shutil.rmtree(folder)
    result = run("predict", images_of(trained), "--cache-dir", spoilt)
    assert result.exit_code == 4
    assert "algocli extract --model alexnet -l features.2" in result.stderr


def test_without_the_data_a_kept_model_still_predicts_but_knows_no_roi(
    predict: Predict, trained: Path, home: Path
) -> None:
    image = sorted(images_of(trained).iterdir())[0]
    shutil.copy(image, home / "one.png")
    assert predict("one.png", "-s", 1).exit_code == 0
    before = np.load(home / "predictions/subj01/lh_pred.npy")
    (trained / "challenge").rename(trained / "elsewhere")
    try:
        found, asked = predict("one.png", "-s", 1), predict("one.png", "-s", 1, "--roi", "EBA")
    finally:
        (trained / "elsewhere").rename(trained / "challenge")
    assert found.stdout.splitlines() == ["predictions/subj01/lh_pred.npy", "predictions/subj01/rh_pred.npy"]
    np.testing.assert_array_equal(np.load(home / "predictions/subj01/lh_pred.npy"), before)
    assert (asked.exit_code, "--data-dir" in asked.stderr) == (3, True)
