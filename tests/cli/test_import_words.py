"""`algocli import-words` as a shell sees it, and what it makes beside other features."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.dataset.challenge.subjects import Challenge
from tests.features.by_hand import list_stores
from tests.support.challenge import write_tiny_challenge


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    return write_tiny_challenge(
        tmp_path_factory.mktemp("words") / "challenge", (1,), n_train=40, n_test=6, image_size=16
    )


@pytest.fixture
def run(challenge, tmp_path):
    def invoke(command, *words):
        where = ["--data-dir", str(challenge), "--cache-dir", str(tmp_path / "cache")]
        return CliRunner().invoke(app, [*command.split(), *map(str, words), *where])

    return invoke


@pytest.fixture
def table(challenge, tmp_path):
    """A line or two for each image: what its number divides by."""
    ids = [stimulus.nsd_id for stimulus in Challenge(challenge).subject(1).stimuli]
    lines = [f"{one},{label}" for one in ids for n, label in ((2, "even"), (5, "five"), (1, "any")) if one % n == 0]
    (tmp_path / "labels.tsv").write_text("\n".join(["nsd_id,label", *lines]).replace(",", "\t"))
    return tmp_path / "labels.tsv"


def test_labels_become_features_that_partition_takes_beside_others(run, table, challenge, tmp_path):
    result = run("import-words", table, "--name", "labels")
    assert result.exit_code == 0, result.output
    assert result.stdout.split()[:4] == ["subj01", "46", "x", "3"]
    assert "3 categories (any, even, five), 1 where an image shows any of it, else 0" in result.stderr
    assert "next: algocli train --features labels" in result.stderr
    ids = [stimulus.nsd_id for stimulus in Challenge(challenge).subject(1).stimuli]
    (store,) = list_stores(tmp_path / "cache")
    np.testing.assert_array_equal(store.read(), [[1, one % 2 == 0, one % 5 == 0] for one in ids])
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).standard_normal((46, 12)))
    assert run("import-features", tmp_path / "mine.npy", "--name", "mine").exit_code == 0
    parts = run("partition", "labels", "mine", "--pca", "2", "--json")
    assert parts.exit_code == 0, parts.output
    assert {"labels", "mine"} <= set(str(json.loads(parts.stdout)).replace("'", " ").split())
    verified = run("cache verify")
    assert verified.exit_code == 0, verified.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--measure", "share"], "--measure presence or --measure count needs no outlines"),
        (["--weights", "random"], "--weights are a text encoder's: name it with --encoder"),
        (["--coco", "labels.tsv"], "has no column nsdId"),
        (["--encoder", "bert"], "--encoder bert is no text encoder's name"),
    ],
)
def test_what_does_not_fit_is_told_in_options(run, table, tmp_path, words, told, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("import-words", table, "--name", "labels", *words)
    assert result.exit_code in (2, 3), result.output
    assert told in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
