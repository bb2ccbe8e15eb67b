"""What is found out on a real SLURM: the tables, charts' numbers and kept arrays of no cluster."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import algocli
from algocli.compute.executors.standing import list_jobs
from tests.cluster.test_slurm import ROOT
from tests.pipeline.left import left
from tests.pipeline.results_found import alike, certain, grown, train_in
from tests.pipeline.test_sweep_tasks import NETWORKS, swept, table
from tests.support.challenge import write_tiny_challenge

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("slurm")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, challenge: Path) -> Path:
    return train_in(tmp_path_factory.mktemp("trained") / "cache", challenge)


@pytest.mark.parametrize(
    "find",
    [certain, grown, partial(alike, rois="floc-faces"), partial(alike, to_layers="features.5", measure="cka")],
    ids=["report", "curve", "similarity to cortex", "similarity of layers"],
)
def test_results_are_those_of_no_cluster(
    tmp_path: Path, challenge: Path, trained: Path, asked: str, find: Callable[..., Any]
) -> None:
    found = {}
    for name, cluster in (("here", None), ("there", asked)):
        found[name] = find(challenge, Path(shutil.copytree(trained, tmp_path / name)), cluster)
    assert found["here"] == found["there"]
    jobs, _ = list_jobs(tmp_path / "there")
    assert jobs
    assert {row.state for row in jobs} == {"done"}
    assert not list_jobs(tmp_path / "here")[0]


def test_a_sweep_ends_in_the_table_of_no_cluster(tmp_path: Path, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_challenge(tmp_path / "challenge", n_train=60, n_test=6, image_size=24)
    (tmp_path / "cluster_networks.py").write_text(NETWORKS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    found: dict[str, algocli.Sweep] = {}
    for name, cluster in (("here", None), ("there", asked)):
        found[name] = swept(tmp_path, tmp_path / name, cluster, [])
        assert not found[name].failed
    assert [run.name for run in found["here"].runs] == [run.name for run in found["there"].runs]
    assert table(tmp_path / "here") == table(tmp_path / "there")
    assert left(tmp_path / "here") == left(tmp_path / "there")
    assert {row.state for row in list_jobs(tmp_path / "there")[0]} == {"done"}
