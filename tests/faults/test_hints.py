"""Whatever goes wrong, the commands that the message proposes are followed as a person would, until all is well."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.compute.vouching import write_sealed
from algocli.features.store.keys import digest_of
from tests.features.stand_in import stand_in
from tests.support.challenge import write_tiny_challenge
from tests.support.hints import proposed
from tests.support.permissions import all_of, as_any_user, read_only

# Given with every command, and in no variable: a hint that forgets one leads nowhere.
FOLDERS = ["--data-dir", "my data", "--cache-dir", "my cache"]
MODEL = ["--model", "stand-in", "-l", "edges"]
EXTRACT = ["extract", *MODEL, "--device", "cpu", *FOLDERS]
TRAIN = ["train", *MODEL, "--pca", "5", "--regression", "ridge", "--standardise", "--run", "mine", *FOLDERS]
ANOTHER = ["train", *MODEL, "--pca", "4", "--run", "another", *FOLDERS]
REPORT = ["report", "--run", "mine", "-s", "1", *FOLDERS]
EXPORT = ["export", "--run", "mine", "--format", "npy", "-o", "my out", *FOLDERS]
PREDICT = ["predict", "my data/subj01/test_split/test_images", "--run", "mine", "-s", "1", "-o", "new", *FOLDERS]
VERIFY = ["cache", "verify", *FOLDERS]
SUBMIT = ["submit", "--partial", "--run", "mine", "-s", "1", "-o", "my.zip", *FOLDERS]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A place with a challenge, features and two runs."""
    home = tmp_path_factory.mktemp("hints")
    write_tiny_challenge(home / "my data", (1, 2), n_train=40, n_test=4, image_size=24)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("algocli.features.networks.backbones.load_backbone", lambda *_asked, **_how: stand_in())
        patch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 32)
        patch.chdir(home)
        for words in (EXTRACT, TRAIN, [*TRAIN[:-6], "--run", "plain", *FOLDERS], [*REPORT, "--significance"]):
            assert run(words)[0] == 0, run(words)
        yield home


@pytest.fixture
def home(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("my data", "my cache"):
        shutil.copytree(whole / name, tmp_path / name)
    # Runs say where their data lies.
    for manifest in tmp_path.glob("my cache/runs/*/manifest.json"):
        write_sealed(manifest, json.loads(manifest.read_text().replace(str(whole), str(tmp_path))))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(words: list[str]) -> tuple[int, str]:
    """Run a command, or delete what it says, and return its exit code and all that it said."""
    if words[:2] == ["rm", "-r"]:
        (path,) = map(Path, words[2:])
        assert path.resolve().is_relative_to(Path("my cache").resolve())
        shutil.rmtree(path)
        return 0, ""
    result = CliRunner().invoke(app, words)
    assert "Traceback" not in result.output
    assert "Aborted" not in result.output
    return result.exit_code, result.stderr


def follow(words: list[str], trail: tuple[list[str], ...] = ()) -> int:
    """Run a command, what it proposes where it fails, and it again, at most three rounds deep; count the commands."""
    assert words not in trail, f"in a circle: {[shlex.join(command) for command in (*trail, words)]}"
    assert len(trail) <= 3, [shlex.join(command) for command in (*trail, words)]
    code, said = run(words)
    if code == 0:
        return 1
    commands = proposed(said)
    assert commands or "nothing needs to be done" in said, said
    n_commands = sum(follow(command, (*trail, words)) for command in commands)
    code, said = run(words)
    assert code == 0, said
    return n_commands + 2


def only(pattern: str) -> Path:
    (path,) = Path("my cache").glob(pattern)
    return path


def edited(path: Path, change: Callable[[dict], object]) -> None:
    about = json.loads(path.read_text())
    change(about)
    path.write_text(json.dumps(about))


def emptied_matrix_of_before() -> None:
    folder = only("features/*/subj01-*/gram")
    edited(folder / "record.json", lambda about: [about.pop(name) for name in ("digest", "sha256")])
    (folder / "matrix.npy").write_bytes(b"")


def another_matrix_of_before() -> None:
    """One of the right shape that vouches for itself."""
    emptied_matrix_of_before()
    np.save(only("features/*/subj01-*/gram") / "matrix.npy", np.eye(44, dtype=np.float32))


def changed_key() -> None:
    edited(only("features/*/subj01-*/manifest.json"), lambda about: about.update(key="0" * 64))


def changed_key_of_before() -> None:
    edited(only("features/*/subj01-*/manifest.json"), lambda about: (about.update(key="0" * 64), about.pop("digest")))


def changed_identity_of_before() -> None:
    def change(about: dict) -> None:
        about["identity"]["numerics"] = "tf32"
        del about["digest"]

    edited(only("features/*/subj01-*/manifest.json"), change)


def garbage(pattern: str) -> Callable[[], None]:
    return lambda: only(pattern).write_text("{")


def gone(pattern: str) -> Callable[[], None]:
    return lambda: shutil.rmtree(only(pattern)) if only(pattern).is_dir() else only(pattern).unlink()


def cut(pattern: str) -> Callable[[], None]:
    return lambda: only(pattern).write_bytes(only(pattern).read_bytes()[:-40])


def torn_shard() -> None:
    cut("features/*/subj01-*/features.zarr/c/0/0")()
    gone("features/*/subj01-*/gram")()
    gone("features/*/subj01-*/standardised")()


def flipped_digest_of_shard() -> None:
    edited(only("features/*/subj01-*/done/00000.json"), lambda about: about.update(sha256="0" * 64))


def flipped_digest_of_shard_of_before() -> None:
    edited(
        only("features/*/subj01-*/done/00000.json"), lambda about: (about.update(sha256="0" * 64), about.pop("digest"))
    )


def manifest_of_other_images() -> None:
    """One that is whole, as a backup leaves it that was brought back in part."""

    def change(about: dict) -> None:
        about["identity"]["stimuli"] = "0" * 64
        about["key"] = digest_of(about["identity"])

    path = only("features/*/subj01-*/manifest.json")
    edited(path, change)
    write_sealed(path, json.loads(path.read_text()))


STORE, RUN = "features/*/subj01-*", "runs/mine/subj01"
# What is spoilt, and the commands of which each is to succeed in the end.
DAMAGES: dict[str, tuple[Callable[[], None], list[list[str]]]] = {
    "an empty matrix": (lambda: only(f"{STORE}/gram/matrix.npy").write_bytes(b"") and None, [ANOTHER, VERIFY]),
    "an empty matrix of before": (emptied_matrix_of_before, [ANOTHER, VERIFY]),
    "another matrix of before": (another_matrix_of_before, [VERIFY, ANOTHER]),
    "no record of a matrix": (gone(f"{STORE}/gram/record.json"), [ANOTHER, VERIFY]),
    "a changed key": (changed_key, [ANOTHER, EXTRACT, VERIFY]),
    "a changed key of before": (changed_key_of_before, [ANOTHER, EXTRACT, VERIFY]),
    "a changed identity of before": (changed_identity_of_before, [ANOTHER, EXTRACT, VERIFY]),
    "a manifest of garbage": (garbage(f"{STORE}/manifest.json"), [ANOTHER, EXTRACT, VERIFY, PREDICT]),
    "no manifest": (gone(f"{STORE}/manifest.json"), [ANOTHER, EXTRACT, VERIFY]),
    "an array without description": (gone(f"{STORE}/features.zarr/zarr.json"), [EXTRACT, VERIFY, PREDICT]),
    "an array of garbage": (garbage(f"{STORE}/features.zarr/zarr.json"), [EXTRACT, VERIFY, PREDICT]),
    "a torn shard": (torn_shard, [ANOTHER, VERIFY]),
    "no shard": (gone(f"{STORE}/features.zarr/c/0"), [VERIFY]),
    "a record of garbage": (garbage(f"{STORE}/done/00000.json"), [ANOTHER, EXTRACT, VERIFY]),
    "a flipped digest of a shard": (flipped_digest_of_shard, [ANOTHER, EXTRACT, VERIFY]),
    "a flipped digest of before": (flipped_digest_of_shard_of_before, [VERIFY, EXTRACT]),
    "a recipe of garbage": (garbage("features/*/recipe.json"), [ANOTHER, EXTRACT, VERIFY]),
    "a manifest of other images": (manifest_of_other_images, [ANOTHER, EXTRACT, VERIFY]),
    "no recipe": (gone("features/*/recipe.json"), [VERIFY, EXTRACT]),
    "no features": (gone("features"), [ANOTHER, PREDICT]),
    "nothing": (lambda: shutil.rmtree("my cache"), [ANOTHER]),
    "no subject's store": (gone("features/*/subj01-*"), [ANOTHER, PREDICT]),
    "no subject of a run": (gone(RUN), [REPORT, EXPORT, SUBMIT]),
    "a run's record of garbage": (garbage(f"{RUN}/record.json"), [REPORT, EXPORT, VERIFY, TRAIN]),
    "no record of a run": (gone(f"{RUN}/record.json"), [REPORT, SUBMIT, VERIFY]),
    "a run's manifest of garbage": (garbage("runs/mine/manifest.json"), [REPORT, TRAIN, VERIFY]),
    "no manifest of a run": (gone("runs/mine/manifest.json"), [REPORT, VERIFY]),
    "a cut array": (cut(f"{RUN}/left_correlation.npy"), [REPORT, EXPORT, SUBMIT, VERIFY]),
    "cut predictions": (cut(f"{RUN}/left_pred_test.npy"), [SUBMIT, VERIFY]),
    "no array": (gone(f"{RUN}/validation_rows.npy"), [REPORT, VERIFY]),
    "cut p values": (cut(f"{RUN}/left_p.npy"), [EXPORT, VERIFY, TRAIN]),
    "a model of garbage": (lambda: (only(RUN) / "model.npz").write_bytes(b"PK") and None, [VERIFY, PREDICT]),
    "no record of p values": (gone(f"{RUN}/significance.json"), [VERIFY, EXPORT]),
}


@pytest.mark.parametrize(
    ("name", "words"), [(name, words) for name, (_, every) in DAMAGES.items() for words in every],
    ids=lambda part: part if isinstance(part, str) else part[0],
)  # fmt: skip
def test_what_is_proposed_mends_what_is_damaged(home: Path, name: str, words: list[str]) -> None:
    DAMAGES[name][0]()
    follow(words)
    follow(VERIFY)


def test_a_run_whose_manifest_is_of_before_is_trained_again_with_the_settings_that_it_was_trained_with(
    home: Path,
) -> None:
    manifest = only("runs/mine/manifest.json")
    edited(manifest, lambda about: about["settings"].update(n_components=4))
    write_sealed(manifest, json.loads(manifest.read_text()))
    follow([*REPORT[:4], "1,2", *FOLDERS])
    assert json.loads(manifest.read_text())["settings"]["n_components"] == 5
    follow(VERIFY)


def test_whoever_finds_a_run_done_hears_that_its_p_values_are_damaged(home: Path) -> None:
    DAMAGES["cut p values"][0]()
    code, said = run(TRAIN)
    assert (code, "left_p.npy is damaged" in said, "--significance" in said) == (0, True, True), said
    assert not list(only(RUN).glob("*_p.npy"))


# What a person asked for too early, or not in full, and what is proposed, with all that was given: one command, or two
# to choose from.
MISTAKES = {
    "report --run its -s 2 --cache-dir 'new cache'": "train -s 2 --run its --cache-dir 'new cache'",
    "train --model stand-in -l 'a b' -s 1 FOLDERS": "extract --model stand-in -l 'a b' -s 1 FOLDERS",
    "train --features its -s 1,2 FOLDERS": "extract -s 1,2 FOLDERS | import-features FILE --name its -s 1,2 FOLDERS",
    "submit --run plain -o my.zip FOLDERS": "train --features NAME --pca 5 --regression ridge --standardise "
    "--run plain -s 3,4,5,6,7,8 --data-dir DATA --cache-dir 'my cache'",
    "plot accuracy --significant --run plain -s 1 FOLDERS": "report --significance -s 1 --run plain FOLDERS",
    "plot response -s 1 FOLDERS": "plot response --stimulus 0 -s 1 FOLDERS",
    "plot rois roi --run plain FOLDERS": "plot rois --run plain FOLDERS",
}


@pytest.mark.parametrize(("asked", "answer"), MISTAKES.items())
def test_what_is_proposed_has_all_that_was_given(home: Path, asked: str, answer: str) -> None:
    name = only("features/*").name
    given = {"FOLDERS": shlex.join(FOLDERS), "NAME": name, "DATA": shlex.quote(str(home / "my data"))}
    code, said = run(shlex.split(asked.replace("FOLDERS", given["FOLDERS"])))
    assert code in (2, 4), said
    for word, what in given.items():
        answer = answer.replace(word, what)
    answers = [shlex.split(command) for command in answer.split(" | ")]
    assert proposed(said) == answers
    # Each is known, and so is each of its options.
    assert all(CliRunner().invoke(app, [*words, "--help"]).exit_code == 0 for words in answers)


# What somebody asks of a cache that is another's, and what of it that cache lacks before.
OF_ANOTHERS: dict[str, tuple[list[str], str]] = {
    "a training": (ANOTHER, "runs/plain"),
    "a training in the way of =": ([*ANOTHER[:-2], "--cache-dir=my cache"], "runs/plain"),
    "a training of features that are missing": (ANOTHER, "features"),
    "a training again": ([*TRAIN, "--force"], "runs/plain"),
    "an extraction": (EXTRACT, "features"),
    "a partition": (
        ["partition", "edges", "theirs", "--model", "stand-in", "--pca", "3", "-s", "1", "--json", *FOLDERS],
        "runs/plain",
    ),
    "a report of a subject that is missing": ([*REPORT[:4], "2", *FOLDERS], "runs/mine/subj02"),
}


@pytest.mark.parametrize("name", OF_ANOTHERS)
def test_what_is_proposed_where_a_cache_may_only_be_read_writes_to_ones_own(home: Path, name: str) -> None:
    words, lacking = OF_ANOTHERS[name]
    np.save("theirs.npy", np.random.default_rng(0).standard_normal((44, 6)).astype(np.float32))
    assert run(["import-features", "theirs.npy", "--name", "theirs", "-s", "1", *FOLDERS])[0] == 0
    for part in lacking.split():
        shutil.rmtree(Path("my cache", part))
    theirs, before = Path("my cache"), all_of(Path("my cache"))
    with read_only(theirs):
        code, said = as_any_user(lambda: run(words))
        assert code in (3, 4), said
        for command in proposed(said):
            ended = as_any_user(lambda command=command: run(command))
            assert ended[0] == 0, (command, ended[1])
    assert all_of(theirs) == before
    kept = [word for word in words if word not in ("--cache-dir", "my cache", "--cache-dir=my cache")]
    assert proposed(said)[-1][: len(kept)] == kept


def test_features_that_have_lost_some_rows_give_no_other_intervals_and_come_back(home: Path) -> None:
    assert run(["train", *MODEL, "--pca", "4", "--folds", "2", "-s", "1", "--run", "split", *FOLDERS])[0] == 0
    words = ["report", "--run", "split", "--intervals", "--json", "--quiet", *FOLDERS]
    expected = CliRunner().invoke(app, words)
    next(Path("my cache/features").glob("*/subj01-*/done/*.json")).unlink()
    code, said = run(words)
    assert (code, "not complete any more" in said) == (3, True), said
    [command] = proposed(said)
    assert run(command)[0] == 0
    again = CliRunner().invoke(app, words)
    assert (again.exit_code, again.stdout) == (0, expected.stdout), again.stderr


def test_features_that_moved_are_named_to_whoever_is_asked_how_sure(home: Path) -> None:
    trained = ["train", *MODEL, "--pca", "4", "--folds", "2", "-s", "1", "--run", "mine", "--features-from", "my cache"]
    own = ["--data-dir", "my data", "--cache-dir", "own"]
    assert run([*trained, *own])[0] == 0
    expected = CliRunner().invoke(app, ["report", "--intervals", "--json", *own])
    Path("my cache").rename("moved")
    for words in (["report", "--intervals", "--json"], ["compare", "mine", "mine"]):
        said = CliRunner().invoke(app, [*words, *own]).stderr
        assert "were read from" in said
        assert "as wide as" in said
    again = CliRunner().invoke(app, ["report", "--intervals", "--json", "--features-from", "moved", *own])
    assert (again.exit_code, again.stdout) == (0, expected.stdout), again.stderr
    Path("moved").rename("moved again")
    code, said = run(["compare", "mine", "mine", "--features-from", "moved again", *own])
    assert (code, "as wide as" in said) == (0, False)
