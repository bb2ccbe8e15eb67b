"""`algocli similarity` as a shell sees it: numbers against scipy, files, tables, and what is refused."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from algocli.dataset.challenge.subjects import Challenge
from algocli.dataset.opening import open_dataset
from tests.features.by_hand import cache_features
from tests.support.challenge import write_tiny_challenge

ASSETS = Path(os.environ.get("ALGOCLI_TEST_ASSETS", "/nowhere"))
WEIGHTS = ASSETS / "weights" / "alexnet_features.pth"
LAYERS = ("features.2", "features.5")
N_TRAIN = 40


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("similarity") / "challenge"
    return write_tiny_challenge(folder, n_train=N_TRAIN, n_test=4, image_size=16)


def features_of(subject, number):
    rows = np.random.default_rng([subject.number, number]).standard_normal((N_TRAIN + 4, 50)) + 2
    responses = np.hstack([subject.responses("train", side)[:, :5] for side in subject.sides])
    rows[:N_TRAIN, :10] += (number + 1) * responses
    return rows.astype(np.float32)


@pytest.fixture(scope="module")
def cache(tmp_path_factory, challenge):
    """A cache of two layers of both subjects; of whom the second layer is nearer to the brain."""
    cache = tmp_path_factory.mktemp("cache")
    for subject in Challenge(challenge).subjects():
        for number, layer in enumerate(LAYERS):
            cache_features(cache, subject, features_of(subject, number), layer=layer, weights="pretrained")
    return cache


@pytest.fixture
def similarity(challenge, cache):
    def run(*words, data=challenge):
        where = ["--data-dir", str(data), "--cache-dir", str(cache), "--permutations", "50"]
        return CliRunner().invoke(app, ["similarity", *where, *words])

    return run


@pytest.fixture
def folder(tmp_path, challenge):
    """Files of RDMs: of as many images as a subject's, and of others."""
    rng = np.random.default_rng(0)
    people = np.stack([squareform(rng.random(N_TRAIN * (N_TRAIN - 1) // 2)) for _ in range(3)])
    np.savez(tmp_path / "people.npz", V1=people, IT=people[0])
    np.save(tmp_path / "one.npy", people[1])
    np.save(tmp_path / "short.npy", people[1, :30, :30])
    np.save(tmp_path / "uneven.npy", np.triu(people[0]))
    return tmp_path


def test_rows_are_correlations_of_distances_between_responses_and_features(similarity, challenge):
    result = similarity("-s", "1", "--roi", "streams", "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    rows = {(row["layer"], row["target"]): row for row in printed["rows"]}
    subject = Challenge(challenge).subject(1)
    for number, layer in enumerate(LAYERS):
        features = features_of(subject, number)[:N_TRAIN].astype(np.float64)
        for roi in ("early", "ventral"):
            both = [subject.responses("train", side)[:, subject.roi_vertices(roi, side)] for side in subject.sides]
            responses = np.hstack(both).astype(np.float64)
            expected = spearmanr(pdist(features, "correlation"), pdist(responses, "correlation")).statistic
            row = rows[layer, roi]
            # Inner products are stored in single precision, which may swap a rank.
            assert row["similarity"] == pytest.approx(expected, abs=1e-4)
            assert row["n_vertices"] == responses.shape[1]
            assert row["low"] < row["similarity"] < row["high"]


def test_a_hemisphere_is_its_own_vertices(similarity, challenge):
    result = similarity("-s", "1", "--roi", "early", "--hemisphere", "left", "--json")
    n_left = len(Challenge(challenge).subject(1).roi_vertices("early", "left"))
    assert {row["n_vertices"] for row in json.loads(result.stdout)["rows"]} == {n_left}


def test_absent_rois_are_dashes_and_null(similarity):
    result = similarity("-s", "1", "--json")
    rows = [row for row in json.loads(result.stdout)["rows"] if row["target"] == "aTL-faces"]
    assert [row["similarity"] for row in rows] == [None, None]
    shown = similarity("-s", "1").stdout
    (line,) = [line for line in shown.splitlines() if "aTL-faces" in line]
    assert line.split() == ["aTL-faces", "–", "–"]


def test_files_hold_what_the_table_shows(similarity, tmp_path):
    files = ["--csv", str(tmp_path / "rows.csv"), "-o", str(tmp_path / "out"), "--plot", str(tmp_path / "map.png")]
    result = similarity("--roi", "streams", "--measure", "cka-unbiased", *files)
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.width > 500
    values, axes = (
        np.load(tmp_path / "out" / "similarity.npy"),
        json.loads((tmp_path / "out" / "axes.json").read_text()),
    )
    assert values.shape == (2, 2, 7)
    with open(tmp_path / "rows.csv", newline="") as stream:
        for row in csv.DictReader(stream):
            place = axes["subjects"].index(int(row["subject"])), axes["layers"].index(row["layer"])
            assert float(row["similarity"]) == values[*place, axes["targets"].index(row["target"])]


def test_of_several_subjects_the_mean_is_shown(similarity):
    result = similarity("--roi", "early", "--json")
    printed = json.loads(result.stdout)
    assert [row["n_subjects"] for row in printed["group"]] == [2, 2]
    for row in printed["group"]:
        mine = [item["similarity"] for item in printed["rows"] if item["layer"] == row["layer"]]
        assert row["mean"] == pytest.approx(np.mean(mine))
        # They saw different images.
        assert row["ceiling_low"] is None
    assert "early: 2 subjects" in similarity("--roi", "early").stdout


def test_layers_are_compared_with_layers_over_all_images(similarity):
    result = similarity("-s", "1", "-l", "features.2", "--to-layer", "features.*", "--measure", "cka", "--json")
    rows = json.loads(result.stdout)["rows"]
    assert [row["target"] for row in rows] == list(LAYERS)
    assert [row["n_images"] for row in rows] == [N_TRAIN + 4] * 2
    assert rows[0]["similarity"] == pytest.approx(1)
    assert rows[1]["similarity"] < 0.9


def test_layers_without_a_network_are_those_of_any(tmp_path, challenge):
    subject = Challenge(challenge).subject(1)
    for number, model in enumerate(("alexnet", "resnet18", "vgg11")):
        layer = "features.2" if model != "resnet18" else "layer1"
        cache_features(tmp_path, subject, features_of(subject, number), layer=layer, model=model, weights="pretrained")
    how = {"rois": "V1v", "n_permutations": 2, "cache_dir": tmp_path}
    assert len(algocli.similarity(subject, layers="layer1", **how).layers) == 1
    assert len(algocli.similarity(subject, layers="features.2", **how).layers) == 2
    assert len(algocli.similarity(subject, layers="features.2", model="vgg11", **how).layers) == 1
    between = algocli.similarity(subject, layers="features.2", to_layers="layer1", n_permutations=2, cache_dir=tmp_path)
    assert between.array().shape == (1, 2, 1)


def test_rdms_need_names_alone(similarity, folder):
    result = similarity("-s", "1", "--rdm", str(folder / "people.npz"), "--rdm", f"mine={folder / 'one.npy'}", "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert {row["target"] for row in printed["rows"]} == {"people V1", "people IT", "mine"}
    several = [row for row in printed["group"] if row["target"] == "people V1"]
    assert [row["n_subjects"] for row in several] == [3, 3]
    assert all(row["ceiling_low"] < row["ceiling_high"] for row in several)
    again = similarity("-s", "1", "--rdm", str(folder / "one.npy"))
    assert again.exit_code == 0
    assert "one: 40 images" in again.stdout


def test_an_array_serves_as_an_rdm(challenge, cache, folder):
    subject = Challenge(challenge).subject(1)
    people = np.load(folder / "people.npz")["V1"]
    by_array = algocli.similarity(subject, rdm=people, n_permutations=5, cache_dir=cache)
    by_name = algocli.similarity(subject, rdm={"V1": people}, n_permutations=5, cache_dir=cache)
    np.testing.assert_array_equal(by_array.array(), by_name.array())
    assert by_name.targets == ("V1",)
    assert by_array.array().shape == (3, 2, 1)


REFUSED = {
    "too few images": (["-s", "1", "--rdm", "{}/short.npy"], "short is of 30 images; subject 1 has 44 images"),
    "not symmetric": (["-s", "1", "--rdm", "{}/uneven.npy"], "uneven.npy is not symmetric"),
    "several subjects": (["--rdm", "{}/one.npy"], "an RDM is of one set of images"),
    "cka of distances": (
        ["-s", "1", "--rdm", "{}/one.npy", "--measure", "cka"],
        "--measure cka compares inner products",
    ),
    "ROIs of RDMs": (["-s", "1", "--rdm", "{}/one.npy", "--roi", "V1v"], "--roi is of responses"),
    "two ways": (["-s", "1", "--rdm", "{}/one.npy", "--to-model", "alexnet"], "--rdm and --to-model both say"),
    "twice": (["-s", "1", "--rdm", "{}/one.npy", "--rdm", "{}/one.npy"], "two are called one"),
    "no such layer": (["-s", "1", "--to-layer", "features.77"], "no layer fits 'features.77'"),
    "no such ROI": (["-s", "1", "--roi", "V9"], "no ROI is named 'V9'"),
    "no such file": (["-s", "1", "--rdm", "{}/absent.npy"], "absent.npy"),
    "a picture of no kind": (["-s", "1", "--plot", "map.doc"], "map.doc"),
    "a title of nothing": (["-s", "1", "--title", "Mine"], "--title is the heading of a heatmap"),
}


@pytest.mark.parametrize(("words", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_makes_no_sense_is_told_in_a_sentence(similarity, folder, words, sentence):
    result = similarity(*(word.format(folder) for word in words))
    assert result.exit_code in (2, 3, 4)
    told = result.stderr
    assert sentence in told.replace("\n", " ")
    assert "Traceback" not in told


def test_a_folder_of_images_has_no_rois(similarity, tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    result = similarity(data=tmp_path)
    assert result.exit_code in (3, 4)
    assert "holds images, and no responses" in result.stderr


@pytest.mark.slow
@pytest.mark.skipif(
    not (ASSETS / "real_rdm").is_dir() or not WEIGHTS.is_file(),
    reason="ALGOCLI_TEST_ASSETS names no folder with real RDMs and AlexNet's weights",
)
def test_real_brains_are_as_similar_to_alexnet_as_was_measured_by_hand(tmp_path):
    home, cache = ASSETS / "real_rdm", ["--cache-dir", str(tmp_path / "cache")]
    layers = [word for layer in ("features.0", "features.3", "features.10") for word in ("-l", layer)]
    made = ["extract", "--data-dir", str(home / "images"), *cache, *layers, "--weights", str(WEIGHTS)]
    assert CliRunner().invoke(app, [*made, "--dtype", "float32"]).exit_code == 0
    files = [word for roi in ("EVC", "IT") for word in ("--rdm", f"{roi}={home / f'fmri_{roi}_RDMs.npz'}")]
    result = CliRunner().invoke(app, ["similarity", "--data-dir", str(home / "images"), *cache, *files, "--json"])
    assert result.exit_code == 0, result.output
    group = {(row["target"], row["layer"]): row for row in json.loads(result.stdout)["group"]}
    by_hand = {
        ("EVC", "features.0"): (0.008, 0.009),
        ("EVC", "features.3"): (0.056, 0.016),
        ("EVC", "features.10"): (0.013, 0.006),
        ("IT", "features.0"): (0.019, 0.012),
        ("IT", "features.3"): (0.005, 0.014),
        ("IT", "features.10"): (0.042, 0.007),
    }
    for cell, (mean, se) in by_hand.items():
        assert group[cell]["mean"] == pytest.approx(mean, abs=6e-4)
        # Those by hand divide by 15 where an estimate divides by 14.
        assert group[cell]["se"] * np.sqrt(14 / 15) == pytest.approx(se, abs=6e-4)
    assert group["EVC", "features.3"]["with_mean"] == pytest.approx(0.139, abs=6e-4)
    assert group["IT", "features.10"]["with_mean"] == pytest.approx(0.129, abs=6e-4)
    # One person against scipy, from the features of the store.
    (subject,) = open_dataset(home / "images").subjects()
    outcome = algocli.similarity(
        subject, layers="features.3", rdm=home / "fmri_EVC_RDMs.npz", n_permutations=1, cache_dir=tmp_path / "cache"
    )
    store = algocli.extract(
        subject, "alexnet", "features.3", weights=WEIGHTS, dtype="float32", cache_dir=tmp_path / "cache"
    ).stores[0]
    mine = pdist(np.asarray(store.features, np.float64), "correlation")
    brain = np.load(home / "fmri_EVC_RDMs.npz")["arr_0"][4]
    expected = spearmanr(mine, brain[np.triu_indices(78, 1)]).statistic
    assert outcome.array()[4, 0, 0] == pytest.approx(expected, abs=1e-6)
