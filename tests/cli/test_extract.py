"""`algocli extract` as a shell sees it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from algocli.cli import app
from algocli.features.networks.layers import Layer
from algocli.features.store.shards import FeatureStore
from tests.features.stand_in import stand_in
from tests.support.pictures import grey, orientation_block, stored_as, write_png, write_tiff


class Renamed(torch.nn.Module):
    """A network whose layer 'edges' is called as the tutorial's."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        return {"features.2": self.network(images)["edges"]}


@pytest.fixture
def asked(monkeypatch):
    """Have a network that is made in no time; keep what was asked for."""
    seen = []

    def load(*wish, **_options):
        seen.append(wish)
        return stand_in()

    monkeypatch.setattr("algocli.features.networks.backbones.load_backbone", load)
    return seen


@pytest.fixture
def extract(tiny_challenge, tmp_path):
    def invoke(*words):
        where = ["--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path / "cache"), "--device", "cpu"]
        return CliRunner().invoke(app, ["extract", *where, *words])

    return invoke


def stores(tmp_path):
    return [FeatureStore(path.parent) for path in sorted((tmp_path / "cache/features").glob("*/*/manifest.json"))]


def test_every_subject_found_is_extracted(extract, asked, tmp_path):
    result = extract()
    assert result.exit_code == 0
    assert asked == [("alexnet", ["features.2"], "pretrained", "cpu")]
    assert [(store.subject, store.complete, store.dtype) for store in stores(tmp_path)] == [
        (1, True, "float16"),
        (6, True, "float16"),
    ]
    lines = result.stdout.splitlines()
    assert [line.split()[:4] for line in lines] == [["subj01", "16", "x", "320"], ["subj06", "16", "x", "320"]]
    assert [line.split()[-1] for line in lines] == [str(store.folder) for store in stores(tmp_path)]
    assert "next: algocli train" in result.stderr


def test_what_was_asked_for_reaches_the_network_and_the_store(extract, asked, tmp_path):
    words = ["--model", "resnet18", "-l", "layer2", "--weights", "random:3", "--dtype", "float32", "-s", "6"]
    assert extract(*words).exit_code == 0
    assert asked == [("resnet18", ["layer2"], "random:3", "cpu")]
    (store,) = stores(tmp_path)
    assert (store.subject, store.dtype) == (6, "float32")


def test_the_json_says_what_was_made(extract, asked, tmp_path):
    result = extract("--json", "-s", "1")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)["rows"]
    (store,) = stores(tmp_path)
    assert row["n_bytes"] > 0
    assert {name: row[name] for name in ("subject", "features", "n_stimuli", "n_features", "path")} == {
        "subject": 1,
        "features": store.folder.parent.name,
        "n_stimuli": 16,
        "n_features": 320,
        "path": str(store.folder),
    }


def test_a_share_of_the_rows_is_told_as_such_and_the_rest_is_asked_for(extract, asked, monkeypatch):
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 8)
    result = extract("-s", "1", "--rows", "0:8")
    assert result.stdout.strip().endswith("(8 of 16 images so far)")
    assert "next: the same command for the rows that are left" in result.stderr
    rest = extract("-s", "1", "--rows", "8:99")
    assert "so far" not in rest.stdout
    assert "next: algocli train" in rest.stderr


def test_rows_that_are_no_whole_blocks_are_rounded_to_them_and_it_is_said(extract, asked, monkeypatch):
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 8)
    told = "rows are written in blocks of 8, whole; here rows {}, end excluded"
    assert told.format("0 to 8") in extract("-s", "1", "--rows", "0:5").stderr
    again = extract("-s", "1", "--rows", "0:5").stderr
    assert "rows are written in blocks" not in again
    assert told.format("8 to 16") in extract("-s", "1", "--rows", "5:99").stderr
    assert "whole blocks of rows" in " ".join(extract("--help").stdout.split())


def test_rows_that_a_subject_does_not_have_are_told(extract, asked):
    result = extract("-s", "1", "--rows", "40:80")
    assert result.exit_code == 0
    assert "none of the shards of its 16 rows begins from row 40 on" in result.stderr


def test_of_several_kinds_the_next_step_names_the_one_that_was_made(extract, monkeypatch):
    known = replace(
        stand_in(),
        model="alexnet",
        layers=(Layer("features.2", (5, 8, 8)),),
        network=Renamed(stand_in().network),
        weights_digests={"features.2": "a formula's"},
    )
    monkeypatch.setattr(
        "algocli.features.networks.backbones.load_backbone",
        lambda *_words, **_options: known,
    )
    assert "next: algocli train --data-dir" in extract("-s", "1").stderr
    other = extract("-s", "1", "--dtype", "float32")
    assert "next: algocli train --features alexnet-features.2-" in other.stderr


def test_another_network_is_named_in_the_next_step(extract, asked):
    result = extract("-s", "1", "--model", "resnet18", "-l", "layer2")
    assert "next: algocli train --features stand-in-" in result.stderr


def test_of_images_alone_the_next_step_needs_no_responses(asked, tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(9):
        pixels = grey(np.random.default_rng(number).integers(0, 255, (16, 16)))
        write_png(tmp_path / "images" / f"{number}.png", pixels, colour_type=2)
    where = ["--data-dir", str(tmp_path / "images"), "--cache-dir", str(tmp_path / "cache")]
    result = CliRunner().invoke(app, ["extract", *where, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    assert f"next: algocli similarity --rdm FILE {' '.join(where)}" in result.stderr


def test_quiet_says_nothing_beside_the_result(extract, asked):
    result = extract("--quiet")
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 2


def test_the_same_command_twice_finds_the_work_done(extract, asked):
    first, second = extract("-s", "1"), extract("-s", "1")
    assert second.exit_code == 0
    assert "is complete, nothing to do" in second.stderr
    assert second.stdout == first.stdout


def test_a_new_batch_size_finds_the_work_done(extract, asked):
    extract("-s", "1")
    assert "nothing to do" in extract("-s", "1", "--batch-size", "3").stderr


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--model", "alexnett"], 2, "did you mean alexnet"),
        (["-l", "features.99"], 2, "alexnet has no layer 'features.99'"),
        (["--weights", "random:x"], 2, "the seed must be a whole number"),
        (["--weights", "nowhere.pth"], 3, "there is no weights file nowhere.pth"),
        (["--device", "abacus"], 2, "'abacus' is no device"),
        (["--dtype", "float64"], 2, "float64"),
        (["--batch-size", "0"], 2, "batch-size"),
        (["--rows", "20"], 2, "two row numbers are expected"),
        (["--rows", "20:10"], 2, "--rows 20:10: the first row comes first"),
        (["-s", "9"], 2, "the challenge's subjects, 1 to 8"),
        (["-s", "2"], 3, "has no subject 2"),
        (["--data-dir", "nowhere"], 3, "nowhere is not a folder"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(extract, words, code, sentence):
    result = extract(*words)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_a_wrong_data_folder_is_told_before_the_network_is_loaded(extract, asked):
    assert extract("--data-dir", "nowhere").exit_code == 3
    assert asked == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_a_usage_error(extract):
    result = extract("--device", "cuda")
    assert result.exit_code == 2
    assert "no CUDA device" in result.stderr


def test_a_real_network_with_random_weights_needs_no_download(extract, tmp_path):
    result = extract("--model", "squeezenet1_1", "-l", "features.0", "--weights", "random:1", "-s", "1")
    assert result.exit_code == 0, result.output
    (store,) = stores(tmp_path)
    assert store.n_features == 64 * 111 * 111
    assert (store.read() < 0).any()


@pytest.fixture
def folder(tiny_challenge, tmp_path):
    """Images of subject 1 that are one and the same picture; the first three are not stored as plain RGB."""
    numbers = np.arange(30 * 20).reshape(30, 20) * 109
    upright = grey(np.floor(numbers / 65535 * 255 + 0.5))
    folder = tmp_path / "mine"
    folder.mkdir()
    names = sorted(path.name for path in (tiny_challenge / "subj01").glob("*/*_images/*.png"))
    (folder / "ids.csv").write_text(
        "file,nsd_id\n" + "".join(f"{row}.png,{int(name[-9:-4])}\n" for row, name in enumerate(sorted(names)[::-1]))
    )
    for row in range(len(names)):
        Image.fromarray(upright).save(folder / f"{row}.png")
    write_png(folder / "15.png", numbers, bits=16, colour_type=0)
    write_png(folder / "14.png", stored_as(upright, 5), colour_type=2, after=[(b"eXIf", orientation_block(5))])
    write_tiff(folder / "13.png", (upright[..., 0] / 255).astype(np.float32))
    return folder


@pytest.mark.usefixtures("asked")
def test_images_of_a_folder_are_taken_as_they_are_seen_and_what_was_done_is_told(extract, tmp_path, folder):
    result = extract("-s", "1", "--stimuli", str(folder), "--dtype", "float32")
    assert result.exit_code == 0, result.output
    (store,) = stores(tmp_path)
    features = store.read()
    # However it is stored, it is one picture.
    np.testing.assert_array_equal(features, features[:1].repeat(len(features), axis=0))
    line = (
        "subject 1: 1 image of 16-bit numbers, scaled to 8 bits by their range (15.png); "
        "1 image of floats within 0 to 1, times 255 (13.png); 1 image turned upright as EXIF says (14.png)"
    )
    assert result.stderr.splitlines().count(line) == 1
    assert store.manifest["provenance"]["converted"] == {"16-bit": 1, "float-to-1": 1, "turned": 1}
    assert "nothing to do" in extract("-s", "1", "--stimuli", str(folder), "--dtype", "float32").stderr


@pytest.mark.usefixtures("asked")
def test_a_store_from_before_images_were_converted_is_not_complete(extract, tmp_path, folder, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr("algocli.dataset.digests.list_conversions", lambda paths, *_, **__: [()] * len(paths))
        extract("-s", "1", "--stimuli", str(folder))
    result = extract("-s", "1", "--stimuli", str(folder))
    assert "nothing to do" not in result.stderr
    assert len(stores(tmp_path)) == 2


@pytest.mark.usefixtures("asked")
def test_an_image_whose_numbers_could_mean_anything_is_named_before_any_passes(extract, tmp_path, folder):
    write_tiff(folder / "15.png", np.array([[0, 70_000]], np.int32))
    result = extract("-s", "1", "--stimuli", str(folder))
    assert result.exit_code == 3
    assert "15.png holds 32-bit whole numbers from 0 to 70000" in result.stderr
    assert "hint:" in result.stderr
    assert stores(tmp_path) == []
