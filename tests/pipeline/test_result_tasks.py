"""Results on a cluster: reports, learning curves and similarities of no cluster, whoever of the workers dies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import algocli
from algocli.compute.executors.local import LocalCluster
from algocli.compute.track import unheard
from algocli.dataset.challenge.subjects import Challenge
from algocli.pipeline import similarity_tasks
from algocli.pipeline.similarity_tasks import SubjectSimilarity
from algocli.results import certainty_tasks, curve_tasks
from algocli.results.certainty_tasks import SubjectCertainty
from algocli.results.curve_tasks import SubjectCurve
from algocli.results.regions import Chosen
from tests.pipeline.left import Falls, small_challenge
from tests.pipeline.results_found import CERTAIN, alike, certain, grown, train_in


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
    return train_in(tmp_path_factory.mktemp("trained") / "cache", challenge)


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
    heard: list[str] = []
    by_each(partial(certain, challenge, note=heard.append), certainty_tasks, "SubjectCertainty")
    # What becomes of workers is told while they work, and is no part of a report.
    assert len(heard) == 1
    assert heard[0].endswith("it is tried again")
    how: dict[str, Any] = {"data_dir": challenge, **CERTAIN}

    def never(cluster: LocalCluster, *_how: object) -> None:
        raise AssertionError(cluster)

    monkeypatch.setattr(LocalCluster, "open", never)
    algocli.report(algocli.find_run(tmp_path / "local:2"), cluster="local:2", **how)
    with pytest.raises(AssertionError):
        algocli.report(algocli.find_run(tmp_path / "local:2"), cluster="local:2", **{**how, "n_permutations": 41})


def test_learning_curves_are_those_of_no_cluster(challenge: Path, by_each: Any) -> None:
    by_each(partial(grown, challenge), curve_tasks, "SubjectCurve")


@pytest.mark.parametrize("changed", [{}, {"standardised": True}])
def test_large_matrices_of_a_learning_curve_are_those_that_it_needs(
    challenge: Path, trained: Path, tmp_path: Path, changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Path(shutil.copytree(trained, tmp_path / "cache"))
    for folder in cache.glob("features/*/*/gram"):
        shutil.rmtree(folder)
    how = {"sizes": [10, 40], "n_repeats": 2, "seed": 0, "changed": changed}
    task = SubjectCurve(algocli.find_run(cache), Challenge(challenge).subject(6), how, Chosen(("floc-faces",)), 5)
    assert task.large_matrices() == []
    monkeypatch.setattr("algocli.encoding.gram_tasks.WORTH_DIVIDING", 0.0)
    matrices = task.large_matrices()
    # Two of ten images and one of all, of each of three folds; or one matrix of all images.
    assert len(matrices) == (9 if changed else 1)
    task.run(unheard)
    kept = {
        path.parent for name in ("gram", "standardised/*") for path in cache.glob(f"features/*/*/{name}/record.json")
    }
    assert {matrix.folder for matrix in matrices} == kept


@pytest.mark.parametrize("how", [{"rois": "floc-faces"}, {"to_layers": "features.5", "measure": "cka"}])
def test_similarities_are_those_of_no_cluster(challenge: Path, how: dict[str, Any], by_each: Any) -> None:
    by_each(partial(alike, challenge, **how), similarity_tasks, "SubjectSimilarity")


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
