"""Every file of a run and of a store, damaged in every way: whoever reads it says so, or is not influenced."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner, Result

from algocli.cli import app
from tests.faults.campaign.corruptions import kind_of
from tests.features.stand_in import stand_in
from tests.support.challenge import write_tiny_challenge
from tests.support.damage import DAMAGES, delete

MODEL = ["--model", "stand-in", "-l", "edges"]
TRAIN = ["train", *MODEL, "--pca", "5", "--regression", "ridge", "--standardise", "--run", "mine"]
EXTRACT = ["extract", *MODEL, "--device", "cpu"]
REPORT = ["report", "--run", "mine", "--significance", "--json"]
SUBMIT = ["submit", "--partial", "--run", "mine", "-o", "out.zip"]
Damages = tuple[Callable[[Path], None], ...]
SOME_AND_ALL = pytest.mark.parametrize(
    "damages",
    [pytest.param((), id="some"), *(pytest.param((one,), id=one.__name__, marks=pytest.mark.slow) for one in DAMAGES)],
)
EXPORT = ["export", "--run", "mine", "--format", "npy", "-o", "out"]


def invoke(words: list[str]) -> Result:
    return CliRunner().invoke(app, [*words, "--quiet"])


def done(words: list[str]) -> Result:
    result = invoke(words)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A place with a challenge and a cache, on which everything has been done."""
    home = tmp_path_factory.mktemp("damage")
    write_tiny_challenge(home / "data", (1,), n_train=60, n_test=4, image_size=24, known_test=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("algocli.features.networks.backbones.load_backbone", lambda *_asked, **_how: stand_in())
        patch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 32)
        patch.setenv("ALGOCLI_DATA_DIR", "data")
        patch.setenv("ALGOCLI_CACHE_DIR", "cache")
        patch.chdir(home)
        for words in (EXTRACT, TRAIN, REPORT, SUBMIT, EXPORT):
            done(words)
        done([*[word for word in TRAIN[:-1] if word != "--standardise"], "plain"])
        done(["report", "--run", "plain", "--json"])
        (home / "report.json").write_text(done(REPORT).stdout)
        (home / "exported").write_text(exported(home))
        (home / "zipped").write_text(zipped(home))
        shutil.rmtree(home / "out")
        (home / "out.zip").unlink()
        yield home


def exported(home: Path) -> str:
    files = sorted((home / "out").rglob("*.npy"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def zipped(home: Path) -> str:
    with ZipFile(home / "out.zip") as archive:
        members = [archive.read(name) for name in sorted(archive.namelist()) if name.endswith(".npy")]
    return hashlib.sha256(b"".join(members)).hexdigest()


def files_of(home: Path) -> list[Path]:
    """List what commands read, locks and the memory of digests aside, of the run and of the store."""
    files = [path for path in sorted((home / "cache").rglob("*")) if path.is_file()]
    about = [path for path in files if "lock" not in path.name and "locks" not in path.parts and path.name != "latest"]
    return [path.relative_to(home) for path in about if "plain" not in path.parts and path.parent.name != "digests"]


def damaged(whole: Path, damages: Damages) -> list[tuple[Path, Callable[[Path], None]]]:
    """Pair every file with each of some damages; or with none named, one file of each kind with each in its turn."""
    files = files_of(whole)
    if damages:
        return [(file, damage) for damage in damages for file in files]
    kinds = {kind_of(file): file for file in files}
    return [(file, DAMAGES[number % len(DAMAGES)]) for number, file in enumerate(kinds.values())]


@pytest.fixture
def place(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(whole, tmp_path / "home", copy_function=shutil.copy2)
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def restore(whole: Path, place: Path) -> None:
    shutil.rmtree(place / "cache")
    shutil.copytree(whole / "cache", place / "cache")
    shutil.rmtree(place / "out", ignore_errors=True)
    (place / "out.zip").unlink(missing_ok=True)


def assert_said(result: Result, file: Path) -> None:
    """See that a refusal is one sentence with a way out."""
    assert result.exit_code in (2, 3, 4), (file, result.output, result.exception)
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, (file, result.stderr)
    assert "hint:" in result.stderr, (file, result.stderr)


@SOME_AND_ALL
def test_what_is_read_is_right_or_refused(whole: Path, place: Path, damages: Damages) -> None:
    expected = (whole / "report.json").read_text()
    for file, damage in damaged(whole, damages):
        for words in (REPORT, SUBMIT, EXPORT):
            restore(whole, place)
            damage(place / file)
            result = invoke(words)
            if result.exit_code != 0:
                assert_said(result, file)
            elif words is REPORT:
                assert result.stdout == expected, file
            elif words is SUBMIT:
                assert zipped(place) == (whole / "zipped").read_text(), file
            else:
                assert exported(place) == (whole / "exported").read_text(), file


def numbers(row: dict[str, object]) -> dict[str, object]:
    """Return a row without what says of which run and network it is."""
    return {name: value for name, value in row.items() if name not in ("run", "model", "layer", "weights")}


@SOME_AND_ALL
def test_training_again_says_so_or_ends_with_the_same(whole: Path, place: Path, damages: Damages) -> None:
    expected = json.loads((whole / "report.json").read_text())
    for file, damage in damaged(whole, damages):
        restore(whole, place)
        damage(place / file)
        for words in (TRAIN, [*TRAIN[:-1], "fresh"]):
            result = invoke(words)
            if result.exit_code != 0:
                assert_said(result, file)
                continue
            report = ["report", "--run", words[-1], "--significance", "--json"]
            rows = json.loads(done(report).stdout)["rows"]
            # What was trained anew knows no more than the cache of the networks, and has a name of its own.
            assert [numbers(row) for row in rows] == [numbers(row) for row in expected["rows"]], file


def follow(hint: str, place: Path) -> None:
    """Do what a hint of `cache verify` says."""
    line = hint.removeprefix("hint:").strip().partition(" (")[0]
    removal = re.match(r"rm -r (\S+?)(, then train again.*)?$", line)
    if removal:
        shutil.rmtree(place / removal[1])
        if removal[2]:
            done(TRAIN)
    elif line.startswith("repeat the command that made it"):
        done(EXTRACT)
    elif not line.startswith("nothing needs to be done") and not line.startswith("whatever needs it"):
        # What only whoever made it knows is to be filled in.
        done(shlex.split(line.replace("WEIGHTS", "random").replace("MODEL", "stand-in"))[1:])


@SOME_AND_ALL
def test_verify_tells_of_it_and_what_it_says_mends_it(whole: Path, place: Path, damages: Damages) -> None:
    expected = json.loads((whole / "report.json").read_text())
    verify = ["cache", "verify", "--no-sample"]
    untold = []
    for file, damage in damaged(whole, damages):
        restore(whole, place)
        damage(place / file)
        for _ in range(4):
            result = invoke(verify)
            if result.exit_code == 0:
                break
            assert_said(result, file)
            assert any(part in result.output for part in (str(file), str(file.parent), str(file.parts[2]))), file
            for line in result.stderr[result.stderr.index("hint:") :].splitlines():
                follow(line, place)
        else:
            pytest.fail(f"{file}: {result.output}")
        if result.exit_code == 0 and _ == 0:
            untold.append((file, damage))
        # What was told to be made anew by whoever needs it, is; a record of a shard that is gone is made by extracting.
        if invoke(TRAIN).exit_code != 0:
            done(EXTRACT)
            done(TRAIN)
        assert json.loads(done(REPORT).stdout)["rows"] == expected["rows"], file
    # A record of a shard that is lost is one of a shard that is not yet done; what is derived is made anew.
    for file, damage in untold:
        is_derived = {"done", "spectra", "gram", "standardised"} & set(file.parts) or file.suffix in (".json", ".npy")
        assert damage is delete and is_derived, file  # noqa: PT018


def test_what_an_earlier_version_left_is_vouched_for_once_it_is_migrated(whole: Path, place: Path) -> None:
    records = [path for path in (place / "cache").rglob("*.json") if path.parent.name not in ("done", "digests")]
    for path in records:
        if "features.zarr" not in path.parts:
            value = json.loads(path.read_text())
            old = {name: part for name, part in value.items() if name not in ("digest", "files", "sha256", "array")}
            path.write_text(json.dumps(old))
    expected = (whole / "report.json").read_text()
    assert done(REPORT).stdout == expected
    verify = ["cache", "verify", "--no-sample"]
    said = CliRunner().invoke(app, verify)
    assert (said.exit_code, "of an earlier version vouch for nothing" in said.stdout) == (0, True), said.output
    assert "nothing tells" in done(["cache", "migrate"]).stdout
    said = CliRunner().invoke(app, verify)
    assert (said.exit_code, "vouch for nothing" in said.stdout) == (0, False), said.output
    assert done(REPORT).stdout == expected
    DAMAGES[0](place / "cache/runs/mine/subj01/left_pred_test.npy")
    assert invoke(SUBMIT).exit_code == 3
