"""Means over subjects in the files of Workbench and of FreeSurfer."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from nibabel.freesurfer.mghformat import MGHImage

import algocli
from algocli.errors import UsageError
from tests.results.plots.groups import N_MESH, SIDES, mean_where, r_of, stacked, write_group, write_group_run


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    return write_group(tmp_path_factory.mktemp("group") / "data")


@pytest.fixture
def run(tmp_path):
    return write_group_run(tmp_path / "cache", "early")


@pytest.mark.parametrize("hemisphere", SIDES)
def test_every_vertex_has_the_mean_of_those_who_have_it_and_their_number(group, run, tmp_path, hemisphere):
    files = algocli.export(run, tmp_path / "out", file_format="gifti", group=True, data_dir=group)
    assert {path.parent for path in files} == {tmp_path / "out/group"}
    full = stacked(lambda s, h: r_of(run, s, h), hemisphere)
    n = np.isfinite(full).sum(axis=0)
    side = SIDES[hemisphere]
    mean, counted = (
        nibabel.load(tmp_path / f"out/group/{side}.{name}.func.gii").agg_data()
        for name in ("correlation", "n_subjects")
    )
    assert mean.shape == (163_842,)
    np.testing.assert_allclose(mean[:N_MESH], mean_where(full, least=1), rtol=1e-6)
    np.testing.assert_array_equal(counted[:N_MESH], np.where(n > 0, n, np.nan))
    assert np.isnan(mean[N_MESH:]).all()


def test_overlays_have_the_same_and_0_elsewhere(group, run, tmp_path):
    algocli.export(run, tmp_path / "out", file_format="mgh", group=True, data_dir=group, subjects=[1, 3])
    full = stacked(lambda s, h: r_of(run, s, h), "left", (1, 3))
    for name, expected in (
        ("correlation", np.nan_to_num(mean_where(full, least=1))),
        ("n_subjects", np.isfinite(full).sum(axis=0)),
    ):
        found = MGHImage.from_bytes((tmp_path / f"out/group/lh.{name}.mgh").read_bytes())
        np.testing.assert_allclose(np.asarray(found.dataobj).ravel()[:N_MESH], expected, rtol=1e-6)


def test_a_group_is_written_as_maps_alone_and_is_more_than_one(group, run, tmp_path):
    with pytest.raises(UsageError, match="file_format='csv' is no map"):
        algocli.export(run, tmp_path / "out", file_format="csv", group=True, data_dir=group)
    with pytest.raises(UsageError, match="a group needs 2 subjects"):
        algocli.export(run, tmp_path / "out", file_format="gifti", group=True, data_dir=group, subjects=3)
    assert not (tmp_path / "out").exists()
