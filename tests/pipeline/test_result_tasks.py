"""Results on a cluster: reports, learning curves and similarities of no cluster, whoever of the workers dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import algocli
from algocli.compute.executors.local import LocalCluster
from algocli.compute.track import Note
from algocli.dataset.challenge.subjects import Challenge
from algocli.pipeline import similarity_tasks
from algocli.pipeline.similarity_tasks import SubjectSimilarity
from algocli.results import certainty_tasks, curve_tasks
from algocli.results.certainty_tasks import SubjectCertainty
from algocli.results.curve_tasks import SubjectCurve
from tests.features.by_hand import digest_tree
from tests.pipeline.left import cache_wide_features, left, small_challenge


class Falls:
    """Takes its worker with it the first time that it is done."""

    def run(self, note: Note) -> Any:
        fallen = Path(os.environ["FALLS_IN"]) / type(self).__name__
        if not fallen.exists():
            fallen.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run(note)  # type: ignore[misc]


class FallingCertainty(Falls, SubjectCertainty):
    """Of a report."""


class FallingCurve(Falls, SubjectCurve):
    """Of a learning curve."""


class FallingSimilarity(Falls, SubjectSimilarity):
    """Of similarities."""


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_challenge(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, challenge: Path) -> Path:
    cache = tmp_path_factory.mktemp("trained") / "cache"
    subjects = Challenge(challenge).subjects()
    cache_wide_features(cache, challenge, ("features.2", "features.5"))
    algocli.train(subjects, layers="features.2", n_components=5, folds=3, cache_dir=cache, name="run")
    return cache


@pytest.fixture
def by_each(
    tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Path, str | None], Any], Any, str], None]:
    """Have something found out without a cluster, by one worker, and by two of which one dies, to the same end."""
    monkeypatch.setenv("FALLS_IN", str(tmp_path))

    def check(find: Callable[[Path, str | None], Any], module: Any, name: str) -> None:
        found = {}
        for cluster in (None, "local:1", "local:2"):
            if cluster == "local:2":
                monkeypatch.setattr(module, name, globals()[name.replace("Subject", "Falling")])
            found[cluster] = find(Path(shutil.copytree(trained, tmp_path / str(cluster))), cluster)
        assert found[None] == found["local:1"] == found["local:2"]
        assert (tmp_path / name.replace("Subject", "Falling")).exists()

    return check


def test_a_report_says_how_sure_it_is_as_without_and_reads_p_that_are_kept(
    challenge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_each: Any
) -> None:
    how: dict[str, Any] = {"data_dir": challenge, "significance": True, "n_permutations": 40, "n_resamples": 30}

    def find(cache: Path, cluster: str | None) -> tuple[Any, ...]:
        rows = algocli.report(algocli.find_run(cache), intervals=True, cluster=cluster, csv=cache / "x.csv", **how)
        kept = {name: content for name, content in left(cache).items() if name.endswith("_p.npy")}
        assert len(kept) == 4
        return (cache / "x.csv").read_bytes(), rows.notes, json.dumps(rows.records), kept

    by_each(find, certainty_tasks, "SubjectCertainty")

    def never(cluster: LocalCluster, *_how: object) -> None:
        raise AssertionError(cluster)

    monkeypatch.setattr(LocalCluster, "open", never)
    algocli.report(algocli.find_run(tmp_path / "local:2"), cluster="local:2", **how)
    with pytest.raises(AssertionError):
        algocli.report(algocli.find_run(tmp_path / "local:2"), cluster="local:2", **{**how, "n_permutations": 41})


def test_learning_curves_are_those_of_no_cluster(challenge: Path, by_each: Any) -> None:
    def find(cache: Path, cluster: str | None) -> tuple[Any, ...]:
        notes: list[str] = []
        how: dict[str, Any] = {"sizes": [10, 25, 40], "repeats": 2, "n_resamples": 30, "data_dir": challenge}
        curve = algocli.curve(
            algocli.find_run(cache), **how, n_components=12, cluster=cluster, csv=cache / "x.csv", note=notes.append
        )
        assert len(curve.rows) > 3
        written = [path.read_bytes() for path in sorted(cache.glob("*.csv"))]
        return written, curve.notes, [line for line in notes if "it is tried again" not in line]

    by_each(find, curve_tasks, "SubjectCurve")


@pytest.mark.parametrize("how", [{"rois": "floc-faces"}, {"to_layers": "features.5", "measure": "cka"}])
def test_similarities_are_those_of_no_cluster(challenge: Path, how: dict[str, Any], by_each: Any) -> None:
    def find(cache: Path, cluster: str | None) -> tuple[Any, ...]:
        subjects = Challenge(challenge).subjects()
        found = algocli.similarity(
            subjects, model="alexnet", n_permutations=40, cache_dir=cache, cluster=cluster, **how
        )
        made = [digest_tree(folder) for folder in sorted(cache.glob("features/*/*/gram"))]
        return json.dumps(found.described), [asdict(row) for row in found.group].__repr__(), made

    by_each(find, similarity_tasks, "SubjectSimilarity")


def test_what_one_subject_lacks_is_told_of_it(challenge: Path, trained: Path, tmp_path: Path) -> None:
    spoilt = Path(shutil.copytree(challenge, tmp_path / "spoilt"))
    np.save(spoilt / "subj06/training_split/training_fmri/lh_training_fmri.npy", np.ones((60, 31), np.float32))
    cache = Path(shutil.copytree(trained, tmp_path / "cache"))
    told = []
    for cluster in (None, "local:1"):
        with pytest.raises(algocli.errors.DataError) as error:
            algocli.curve(algocli.find_run(cache), sizes=3, data_dir=spoilt, cluster=cluster)
        told.append(error.value.message)
    assert told[0] == told[1]
