"""Presets of transformers from images to a report, with drawn weights: theirs cannot be fetched everywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from algocli.cli import app
from algocli.encoding.presets import PRESETS
from algocli.features.store.library import read_recipe
from tests.support.challenge import write_tiny_challenge

pytest.importorskip("timm", reason="timm, which has these networks, is not installed")

N_TRAIN, N_TEST = 30, 3
# Siblings of as many blocks, a sixteenth and a fourth as large; and how many numbers a token has.
SIBLINGS = {"clip": ("timm/vit_tiny_patch16_224", 192), "dinov2": ("timm/vit_small_patch14_dinov2", 384)}
WIDTH = 768


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tiny_challenge(tmp_path / "data", n_train=N_TRAIN, n_test=N_TEST, image_size=32)
    monkeypatch.setenv("ALGOCLI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ALGOCLI_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def run(*words: str) -> Result:
    result = CliRunner().invoke(app, [*words, "-s", "1"])
    assert result.exit_code == 0, result.output
    return result


def rows_of(result: Result) -> list[dict[str, Any]]:
    told = json.loads(result.stdout)
    rows: list[dict[str, Any]] = told["rows"] if isinstance(told, dict) else told
    return rows


@pytest.mark.parametrize(
    ("preset", "is_sibling"),
    [
        ("clip", True),
        ("dinov2", True),
        pytest.param("clip", False, marks=pytest.mark.slow),
        pytest.param("dinov2", False, marks=pytest.mark.slow),
    ],
)
def test_a_transformers_preset_goes_from_few_images_to_a_report(
    preset: Any, is_sibling: bool, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, width = SIBLINGS[preset] if is_sibling else (PRESETS[preset].model, WIDTH)
    monkeypatch.setitem(PRESETS, preset, replace(PRESETS[preset], model=model))  # type: ignore[misc]

    made = rows_of(run("extract", "--preset", preset, "--weights", "random", "--json"))
    recipes = [read_recipe(Path(row["path"]).parent) for row in made]
    assert [recipe["layer"] for recipe in recipes] == [f"blocks.{place}" for place in (0, 2, 4, 6, 8, 10)]
    assert {recipe["model"] for recipe in recipes} == {model}
    assert {row["n_features"] for row in made} == {(1 + 8 * 8) * width}

    # Of n fitted images there are n - 1 components, however many the preset would take; in folds and without.
    trained = run("train", "--preset", preset, "--run", "one")
    assert "27 images are fitted: the preset takes the 26 components that there are, not 1000" in trained.stderr
    folded = run("train", "--preset", preset, "--folds", "4", "--run", "folds")
    assert "22 images are fitted: the preset takes the 21 components that there are" in folded.stderr
    for name in ("one", "folds"):
        rows = rows_of(run("report", "--run", name, "--json"))
        whole = [row for row in rows if row["roi"] == "All vertices"]
        assert {row["hemisphere"] for row in whole} == {"left", "right"}
        assert all(-1 <= row["median_r"] <= 1 for row in whole)
    assert "blocks.10" in run("train", "--preset", preset, "--each", "--run", "each").stderr
    assert len(list((cache / "runs").glob("each-*"))) == 6
    assert len(rows_of(run("compare", "each-*", "--json"))) >= 6
