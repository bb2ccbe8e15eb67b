"""Data that changed after a training: whoever trains or scores on it is told, and nothing of what came later."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import algocli
from algocli.dataset.digests import digest_other_files
from algocli.errors import StorageError
from algocli.runs.run import Run
from tests.encoding.data_by_hand import datasets_to_spoil, written_datasets  # noqa: F401

MASK, CEILING = "roi_masks/lh.streams_challenge_space.npy", "test_split/noise_ceiling/lh_noise_ceiling.npy"
RESPONSES = "training_split/training_fmri/lh_training_fmri.npy"


def trained(home: Path, note: Callable[[str], object] = lambda _: None, **how: Any) -> Run:
    (recipe,) = (path.name for path in (home / "cache/features").iterdir())
    subjects = algocli.Challenge(home / "a").subjects([1])
    return algocli.train(subjects, recipe, cache_dir=home / "cache", n_components=4, note=note, **how)


def told(run: Run, home: Path) -> list[str]:
    """Return what each of the commands says of files that changed."""
    said: list[str] = []
    said += algocli.report(run).notes
    said += algocli.report(run, data_dir=home / "a").notes
    said += algocli.compare([run, run]).notes
    algocli.export(run, home / "out", file_format="csv", note=said.append)
    return [line for line in said if "changed, or went, after" in line]


@pytest.mark.parametrize("file", [MASK, "roi_masks/mapping_floc-words.npy", CEILING])
def test_a_file_that_is_read_beside_images_and_responses(home: Path, file: str) -> None:
    path = home / "a/subj01" / file
    if file == CEILING and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.full(algocli.Challenge(home / "a").subject(1).n_vertices("left"), 0.5))
    run = trained(home)
    assert told(run, home) == []
    array = np.load(path, allow_pickle=True)
    np.save(path, array * 2 if array.dtype != object else np.array({**array.item(), 1: "another"}))
    lines = told(run, home)
    assert len(lines) == 4
    assert all(f"{path.name} changed, or went, after run {run.name}" in line for line in lines)
    notes: list[str] = []
    trained(home, notes.append, name="fresh")
    assert next(line for line in notes if "changed" in line).startswith(f"subject 1: {path}")
    # The new run is of what is there now.
    assert told(Run(home / "cache/runs/fresh"), home) == []


def test_files_are_vouched_for_where_digests_cannot_be_remembered(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = trained(home).subject(1).record["other_files"]
    assert len(known) > 20

    def fails(*_: object) -> list[str]:
        raise StorageError("the disk failed")

    monkeypatch.setattr("algocli.dataset.digests.digest_files", fails)
    subject = algocli.Challenge(home / "a").subject(1)
    assert digest_other_files(subject, home / "cache") == known
    (subject.folder / MASK).unlink()
    (subject.folder / MASK).mkdir()
    assert {*known} - {*digest_other_files(subject, home / "cache")} == {MASK}


def test_whoever_scores_a_zip_is_told_what_changed_since_its_runs_were_trained(home: Path) -> None:
    subject = algocli.Challenge(home / "a").subject(1)
    rng = np.random.default_rng(0)
    for side in ("left", "right"):
        (home / "a/subj01/test_split/test_fmri").mkdir(exist_ok=True)
        (home / "a/subj01/test_split/noise_ceiling").mkdir(exist_ok=True)
        shape = len(subject.test_stimuli), subject.n_vertices(side)
        np.save(
            home / f"a/subj01/test_split/test_fmri/{side[0]}h_test_fmri.npy",
            rng.standard_normal(shape).astype(np.float32),
        )
        np.save(home / f"a/subj01/test_split/noise_ceiling/{side[0]}h_noise_ceiling.npy", np.full(shape[1], 0.5))
    zipped = algocli.submit(trained(home), home / "mine.zip", partial=True, data_dir=home / "a").path

    def notes() -> list[str]:
        said: list[str] = []
        algocli.score(zipped, data_dir=home / "a", note=said.append)
        return [line for line in said if "changed" in line]

    assert notes() == []
    np.save(home / "a/subj01" / CEILING, np.full(subject.n_vertices("left"), 0.6))
    (line,) = notes()
    assert line.endswith("lh_noise_ceiling.npy changed, or went, after the runs of mine.zip were trained")
    # A record that is another zip's, or damaged, says nothing.
    record = zipped.with_suffix(".json")
    about = json.loads(record.read_text())
    for spoiled in ({**about, "sha256": "0" * 64}, {**about, "runs": [{"other_files": {"1": ["x"]}}]}, []):
        record.write_text(json.dumps(spoiled))
        assert notes() == []


def test_training_responses_that_changed_are_told_to_whoever_trains_anew(home: Path) -> None:
    run = trained(home)
    path = home / "a/subj01" / RESPONSES
    array = np.load(path)
    array[0, 0] += 1
    np.save(path, array)
    notes: list[str] = []
    trained(home, notes.append, name="fresh")
    assert (
        f"subject 1: the responses in {(home / 'a/subj01').resolve()} changed after run {run.name} was trained" in notes
    )


def test_what_came_later_or_was_never_recorded_is_nobodys_fault(home: Path) -> None:
    run = trained(home)
    mask = home / "a/subj01/roi_masks"
    for side in ("lh", "rh"):
        np.save(mask / f"{side}.mine_challenge_space.npy", np.load(mask / f"{side}.streams_challenge_space.npy"))
    np.save(mask / "mapping_mine.npy", np.array({0: "Unknown", 1: "mine"}))
    assert told(run, home) == []
    record = run.folder / "subj01/record.json"
    about = json.loads(record.read_text())
    # One of before.
    record.write_text(json.dumps({name: part for name, part in about.items() if name not in ("other_files", "digest")}))
    (mask / "mapping_mine.npy").unlink()
    streams = mask / "lh.streams_challenge_space.npy"
    np.save(streams, np.load(streams) * 0)
    assert not [line for line in algocli.report(run).notes if "changed" in line]
