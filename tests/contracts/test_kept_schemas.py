"""Caches of every form that there has been: read as they were, told what there is to do, and brought up to date."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import algocli.compute.vouching as vouching
from algocli.cli import app
from tests.support.damage import DAMAGES

KEPT = Path(__file__).parent / "kept"
# On which they all were trained.
DATA = KEPT / "cache-of-0.1.tar.xz"
# What each was the first, or the last, to write: runs of OLS alone; ridge; p values; no checksums; checksums.
FORMS = ("first", "ridge", "significance", "unvouched", "vouched")
OLD = FORMS[:-1]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    with tarfile.open(DATA) as archive:
        archive.extractall(folder, [one for one in archive if one.name.startswith("data")], filter="data")
    for form in FORMS:
        with tarfile.open(KEPT / f"{form}.tar.gz") as archive:
            archive.extractall(folder / form, filter="data")
    return folder


@pytest.fixture
def place(home: Path, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(home / form, tmp_path / form)
    monkeypatch.setenv("ALGOCLI_DATA_DIR", str(home / "data"))
    monkeypatch.setenv("ALGOCLI_CACHE_DIR", str(tmp_path / form / "cache"))
    return tmp_path / form


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def done(*words: str) -> str:
    result = invoke(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(place: Path) -> dict[str, Any]:
    return {path.stem.removeprefix("report-"): json.loads(path.read_text()) for path in place.glob("report-*.json")}


def check_reports(place: Path) -> None:
    """Compare what is reported of each run with what was when it was made."""
    expected = told(place)
    assert expected
    for run, before in expected.items():
        now = json.loads(done("report", "--run", run, "--json", "--quiet"))
        assert len(now["rows"]) == len(before["rows"])
        for row, old in zip(now["rows"], before["rows"], strict=True):
            for name, value in old.items():
                expected = value if isinstance(value, str | None) else pytest.approx(value, rel=1e-5, abs=1e-6)
                assert row[name] == expected, (run, name, old)


def files_of(place: Path) -> dict[str, bytes]:
    """Return all files of a cache but what goes by the clock of this machine, and locks."""
    paths = (path for path in sorted((place / "cache").rglob("*")) if path.is_file())
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in paths
        if "digests" not in path.parts and "lock" not in path.name and "locks" not in path.parts
    }


@pytest.mark.parametrize("form", FORMS)
def test_its_numbers_are_what_they_were(place: Path) -> None:
    check_reports(place)


@pytest.mark.parametrize("form", FORMS)
def test_verify_says_what_there_is_to_do(place: Path, form: str) -> None:
    said = done("cache", "verify", "--no-sample")
    assert ("of an earlier version vouch for nothing: algocli cache migrate" in said) == (form in OLD)


@pytest.mark.parametrize("form", OLD)
def test_migrated_it_vouches_for_all_that_it_has_and_gives_the_same_numbers(place: Path) -> None:
    before = files_of(place)
    said = done("cache", "migrate")
    assert "nothing tells" in said
    after = files_of(place)
    # Arrays stay as they are, and no file comes or goes.
    assert {name for name in before if before[name] != after[name]} == {
        name for name in after if name.endswith(".json") and "zarr" not in name and not name.endswith("s/manifest.json")
    } - {name for name in after if name.startswith("cache/runs") and name.endswith("manifest.json")}
    assert before.keys() == after.keys()
    assert "vouch for nothing" not in done("cache", "verify", "--no-sample")
    assert done("cache", "migrate").strip() == "nothing to bring up to date"
    assert files_of(place) == after
    check_reports(place)


@pytest.mark.parametrize("form", OLD)
def test_what_is_damaged_is_told_before_and_vouched_for_by_nobody(place: Path) -> None:
    (shard,) = (place / "cache/features").glob("*/*/features.zarr/c/0/0")
    DAMAGES[0](shard)
    result = invoke("cache", "migrate")
    assert result.exit_code == 3
    assert "hint:  algocli extract" in result.stderr
    assert "vouch for nothing" in invoke("cache", "verify", "--no-sample").stdout


@pytest.mark.parametrize("form", OLD)
def test_once_migrated_damage_is_told(place: Path) -> None:
    done("cache", "migrate")
    DAMAGES[0](place / "cache/runs/ols/subj01/left_correlation.npy")
    assert invoke("report", "--run", "ols").exit_code == 3


@pytest.mark.parametrize("form", OLD)
def test_stopped_after_each_record_and_repeated_it_ends_the_same(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(place / "cache", place / "before")
    done("cache", "migrate")
    expected = files_of(place)
    write = vouching.write_json
    for number in range(1, 12):
        shutil.rmtree(place / "cache")
        shutil.copytree(place / "before", place / "cache")
        with monkeypatch.context() as patch:
            left = iter(range(number))

            def stop(path: Path, value: dict[str, Any], left: Iterator[int] = left) -> None:
                if "digests" not in path.parts and next(left, None) is None:
                    raise KeyboardInterrupt
                write(path, value)

            patch.setattr(vouching, "write_json", stop)
            code = invoke("cache", "migrate").exit_code
        assert "nothing tells" in done("cache", "migrate") or code == 0 or number > 1
        assert files_of(place) == expected
        if code == 0:
            return
