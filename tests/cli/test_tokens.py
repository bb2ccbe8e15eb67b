"""Tokens and sizes of images as a shell sees them: extracted, listed, told apart, refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from algocli.cli import app
from algocli.features.store.library import read_recipe
from algocli.features.store.shards import FeatureStore
from tests.support.challenge import write_tiny_challenge

CLIP = ["--model", "python:tests.support.transformers:clip", "--weights", "random"]
BLOCK = ["-l", "blocks.1"]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("tokens")
    write_tiny_challenge(folder / "data", n_train=10, n_test=3, image_size=16)
    return {"ALGOCLI_DATA_DIR": str(folder / "data"), "ALGOCLI_CACHE_DIR": str(folder / "cache")}


@pytest.fixture
def cache(places: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    return Path(places["ALGOCLI_CACHE_DIR"])


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def made(*words: str) -> FeatureStore:
    result = run("extract", *CLIP, "-s", "1", "--json", *words)
    assert result.exit_code == 0, result.output
    (row,) = (
        json.loads(result.stdout)["rows"] if isinstance(json.loads(result.stdout), dict) else json.loads(result.stdout)
    )
    return FeatureStore(Path(row["path"]))


def test_other_tokens_and_other_sizes_are_other_features_that_train_tells_apart(cache: Path) -> None:
    ways: dict[str, list[str]] = {
        "whole": [],
        "class": ["--tokens", "class"],
        "pooled": ["--pool", "2"],
        "beside": ["--tokens", "all", "--pool", "2"],
        "large": ["--image-size", "64"],
    }
    stores = {name: made(*BLOCK, *words) for name, words in ways.items()}
    assert {name: store.n_features for name, store in stores.items()} == {
        "whole": 10 * 24,
        "class": 24,
        "pooled": 4 * 24,
        "beside": 5 * 24,
        "large": 17 * 24,
    }
    assert made(*BLOCK, "--tokens", "patches", "--pool", "2").folder == stores["pooled"].folder
    assert made(*BLOCK, "--tokens", "patches+class", "--pool", "2").folder == stores["beside"].folder
    assert made(*BLOCK, "--tokens", "all", "--image-size", "48").folder == stores["whole"].folder
    whole, beside = (np.asarray(stores[name].features[:], np.float32) for name in ("whole", "beside"))
    np.testing.assert_array_equal(whole[:, :24], beside[:, :24])
    train = ["train", "--model", CLIP[1], *BLOCK, "-s", "1", "--pca", "2", "--holdout", "0.4"]
    several = run(*train)
    assert several.exit_code == 2
    assert all(words in several.stderr for words in ("--tokens class", "--tokens patches", "--image-size 64"))
    for words, meant in [
        (["--tokens", "class"], "class"),
        (["--tokens", "patches"], "pooled"),
        (["--tokens", "all", "--pool", "2"], "beside"),
        (["--tokens", "class+patches"], "beside"),
        (["--image-size", "64"], "large"),
        (["--tokens", "all", "--pool", "none", "--image-size", "48"], "whole"),
    ]:
        result = run(*train, *words, "--run", f"of-{meant}", "--force")
        assert result.exit_code == 0, result.stderr
        settings: dict[str, Any] = json.loads((cache / "runs" / f"of-{meant}" / "manifest.json").read_text())
        assert stores[meant].folder.parent.name in json.dumps(settings)
    listed = run("cache", "list").stdout
    assert "--tokens class+patches --pool 2" in listed
    assert "--image-size 64" in listed


def test_what_is_recorded_makes_the_same_features_again(cache: Path) -> None:
    from algocli.features.store.commands import options

    store = made(*BLOCK, "--image-size", "64", "--tokens", "mean+class", "--dtype", "float32")
    said = options(read_recipe(store.folder.parent))
    assert said == ["--weights random", "--image-size 64", "--tokens class+mean", "--dtype float32"]
    again = made(*BLOCK, *(word for words in said[1:] for word in words.split()))
    assert again.folder == store.folder
    # The network is built anew, and gives the same.
    verified = run("cache", "verify", "--trust-remote-code")
    assert verified.exit_code == 0, verified.output


def test_an_image_has_the_same_tokens_in_batches_of_any_size_and_the_same_bytes_twice(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*BLOCK, "--tokens", "class+patches", "--pool", "2", "--dtype", "float32"]
    rows = []
    for name, size in [("first", "16"), ("second", "16"), ("third", "1"), ("fourth", "3")]:
        monkeypatch.setenv("ALGOCLI_CACHE_DIR", str(tmp_path / name))
        rows.append(np.asarray(made(*words, "--batch-size", size).features[:]))
    np.testing.assert_array_equal(rows[0], rows[1])
    for other in rows[2:]:
        np.testing.assert_allclose(other, rows[0], atol=1e-5)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model", "alexnet", "--weights", "random", "--tokens", "class"], "features.2 .64 x 27 x 27. has no tokens"),
        ([*CLIP, *BLOCK, "--pool", "20"], "--pool 20: .* no more than 3 x 3 patches"),
        ([*CLIP, *BLOCK, "--tokens", "registers"], "--tokens registers: .* 1 class token and 3 x 3 patches"),
        ([*CLIP, *BLOCK, "--tokens", "cls"], "--tokens cls is not known .did you mean class"),
        ([*CLIP, *BLOCK, "--image-size", "50"], "--image-size 50: .* patches of 16 x 16"),
        (
            [
                "--model",
                "python:tests.support.transformers:swin",
                "--weights",
                "random",
                "-l",
                "layers.1",
                "--tokens",
                "class",
            ],
            "no class token; it has 14 x 14 patches",
        ),
    ],
)
def test_what_cannot_be_had_is_told_in_a_sentence(cache: Path, words: list[str], told: str) -> None:
    import re

    result = run("extract", "-s", "1", *words)
    assert result.exit_code == 2
    assert re.search(told, " ".join(result.stderr.split()))


def test_layers_are_listed_with_their_tokens_and_projections(cache: Path) -> None:
    rows = json.loads(run("layers", CLIP[1], "blocks.1", "--json").stdout)["rows"]
    by_name = {row["layer"]: row for row in rows}
    assert by_name["blocks.1"]["tokens"] == "1 + 3 x 3 tokens x 24"
    assert by_name["blocks.1.attn:query"]["shape"] == [10, 24]
    table = run("layers", "python:tests.support.transformers:dinov2", "blocks.0", "--image-size", "70").stdout
    assert "1 + 4 + 5 x 5 tokens x 24" in table


def test_the_cost_of_large_images_is_told_before_the_first_with_the_way_to_smaller_ones(cache: Path) -> None:
    large = run(
        "extract", "-s", "1", "--model", "python:tests.support.transformers:large", "--weights", "random", *BLOCK
    )
    assert large.exit_code == 0, large.stderr
    lines = large.stderr.splitlines()
    (told,) = (place for place, line in enumerate(lines) if "images of 448 x 448 have 4.0 times the pixels" in line)
    assert "of memory for batches of 16; --image-size 224 makes all of it smaller" in lines[told]
    # What is said once images have passed comes after it.
    assert all(place > told for place, line in enumerate(lines) if ": features:" in line or line.startswith("next:"))
