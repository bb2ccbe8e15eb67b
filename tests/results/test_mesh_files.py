"""The larger surfaces: found where they lie, fetched once, and never half."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from nilearn.datasets import get_data_dirs

from algocli.compute.lock import hold
from algocli.errors import DataError
from algocli.results import surface as surfaces
from algocli.results.mesh_files import DIGESTS, data_places, fetch_folder
from algocli.results.surface import load_flat, load_mesh, surfaces_here
from tests.results.finer import write_surface

NEEDED = ["infl_left.gii.gz", "infl_right.gii.gz", "sulc_left.gii.gz", "sulc_right.gii.gz"]


@pytest.fixture(scope="session")
def fsaverage6(tmp_path_factory):
    """Hold the files of a stand-in. Shared: to be read only."""
    return write_surface(tmp_path_factory.mktemp("finer"), "fsaverage6")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Let nilearn keep its data in an empty folder, and reach no network."""
    import requests

    def refuse(*_args, **_kwargs):
        raise requests.ConnectionError("HTTPSConnectionPool(host=...): Max retries exceeded with url: ...")

    monkeypatch.setattr(requests.Session, "send", refuse)
    monkeypatch.delenv("NILEARN_SHARED_DATA", raising=False)
    monkeypatch.setenv("NILEARN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    load_mesh.cache_clear()
    load_flat.cache_clear()
    yield tmp_path / "data"
    load_mesh.cache_clear()
    load_flat.cache_clear()


@pytest.fixture
def there(place, fsaverage6):
    """Lay the surface where it will be found."""
    return shutil.copytree(fsaverage6, place / "fsaverage6")


@pytest.fixture
def served(fsaverage6, monkeypatch):
    """Serve whatever is put into a folder, which at first is the surface."""
    shelf = {path.name: path.read_bytes() for path in fsaverage6.iterdir() if path.suffix == ".gz"}

    def fetch(surface, place):
        (place / surface).mkdir()
        for name, content in shelf.items():
            (place / surface / name).write_bytes(content)

    monkeypatch.setattr(surfaces, "_fetch", fetch)
    return shelf


@pytest.mark.parametrize("hemisphere", ["left", "right"])
def test_the_first_vertices_of_a_larger_surface_are_those_of_fsaverage5(there, hemisphere):
    larger, smaller = load_mesh("fsaverage6", hemisphere), load_mesh("fsaverage5", hemisphere)
    assert (larger.n_vertices, len(larger.faces)) == (40_962, 81_920)
    np.testing.assert_allclose(larger.points[:10_242], smaller.points, rtol=1e-6)
    np.testing.assert_allclose(larger.sulcal_depth[:10_242], smaller.sulcal_depth, rtol=1e-6)
    flat = load_flat("fsaverage6", hemisphere)
    np.testing.assert_allclose(flat.points[:10_242], load_flat("fsaverage5", hemisphere).points, atol=1e-4)


def test_without_a_flat_map_there_is_none(there):
    for path in there.glob("flat_*"):
        path.unlink()
    assert load_flat("fsaverage6", "left") is None


def test_a_surface_is_fetched_once(place, served):
    load_mesh("fsaverage6", "left")
    served.clear()
    load_mesh.cache_clear()
    assert load_mesh("fsaverage6", "right").n_vertices == 40_962
    assert sorted(path.name for path in place.iterdir()) == ["fsaverage6"]


def test_without_a_network_one_is_told_which_files_go_where(place, capsys):
    with pytest.raises(DataError, match="fsaverage6 is not on this machine and could not be fetched") as caught:
        load_mesh("fsaverage6", "left")
    assert "Max retries" not in caught.value.message
    for name in NEEDED:
        assert name in caught.value.hint
    assert str(place / "fsaverage6") in caught.value.hint
    assert "surface='fsaverage5'" in caught.value.hint
    assert list(place.iterdir()) == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[: len(content) // 2],
        lambda _: b"<html>please sign in</html>",
        lambda content: gzip.compress(gzip.decompress(content)[:-5000]),
        lambda _: b"",
    ],
    ids=["cut off", "another thing", "torn within", "empty"],
)
@pytest.mark.parametrize("name", ["infl_right.gii.gz", "sulc_left.gii.gz", "flat_left.gii.gz"])
def test_nothing_of_a_damaged_surface_is_kept(place, served, name, spoil):
    served[name] = spoil(served[name])
    with pytest.raises(DataError, match=name):
        load_mesh("fsaverage6", "left")
    assert list(place.iterdir()) == []


def test_files_that_do_not_arrive_are_named(place, served):
    del served["sulc_right.gii.gz"]
    with pytest.raises(DataError, match="has no sulc_right"):
        load_mesh("fsaverage6", "left")
    assert list(place.iterdir()) == []


def test_a_smaller_surface_under_a_larger_ones_name_is_refused(there):
    from nilearn.datasets import fetch_surf_fsaverage

    shutil.copy(fetch_surf_fsaverage("fsaverage5")["infl_left"], there / "infl_left.gii.gz")
    with pytest.raises(DataError, match="has 10,242 vertices; fsaverage6 has 40,962"):
        load_mesh("fsaverage6", "left")


def test_vertices_in_another_order_are_refused(there):
    import nibabel as nib

    path = there / "infl_left.gii.gz"
    mesh = nib.load(path)
    order = np.random.default_rng(0).permutation(40_962)
    mesh.darrays[1].data = order[mesh.darrays[1].data].astype(np.int32)
    nib.save(mesh, path)
    with pytest.raises(DataError, match="in another order"):
        load_mesh("fsaverage6", "left")


def test_a_file_that_changes_after_its_first_use_is_refused(there):
    depth = load_mesh("fsaverage6", "left").sulcal_depth
    assert "sulc_left.gii.gz" in json.loads((there / DIGESTS).read_text())
    path = there / "sulc_left.gii.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"\n"))
    load_mesh.cache_clear()
    with pytest.raises(DataError, match="has changed since it was first used"):
        load_mesh("fsaverage6", "left")
    (there / DIGESTS).unlink()
    load_mesh.cache_clear()
    np.testing.assert_array_equal(load_mesh("fsaverage6", "left").sulcal_depth, depth)


def test_a_folder_that_may_not_be_written_will_do(there, monkeypatch):
    from algocli.errors import StorageError
    from algocli.results import mesh_files

    def refuse(path, _):
        raise StorageError(f"cannot write {path}")

    monkeypatch.setattr(mesh_files, "write_json", refuse)
    assert load_mesh("fsaverage6", "left").n_vertices == 40_962


@pytest.mark.parametrize(
    "named", [{}, {"NILEARN_DATA": "{0}/a:~/b"}, {"NILEARN_SHARED_DATA": "{0}/s", "NILEARN_DATA": "{0}/d"}]
)
def test_the_places_are_those_in_which_nilearn_looks(tmp_path, monkeypatch, named):
    for variable in ("NILEARN_DATA", "NILEARN_SHARED_DATA"):
        monkeypatch.delenv(variable, raising=False)
    for variable, text in named.items():
        monkeypatch.setenv(variable, text.format(tmp_path))
    assert data_places() == [Path(place).expanduser() for place in get_data_dirs()]


def test_which_surfaces_are_here_is_said_without_fetching_one(place, fsaverage6):
    assert surfaces_here() == {"fsaverage5": True, "fsaverage6": False, "fsaverage": False}
    shutil.copytree(fsaverage6, place / "fsaverage6", dirs_exist_ok=True)
    assert surfaces_here()["fsaverage6"]


def test_what_a_killed_download_left_is_swept_and_one_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    dead, alive = (tmp_path / f"surface.{word}.partial" for word in ("dead", "alive"))
    for left in (dead, alive):
        left.mkdir()
        (left / "lock").touch()

    def fetch(place: Path) -> None:
        (place / "surface").mkdir()
        (place / "surface" / "mesh").write_text("mesh")

    with hold(alive / "lock"):
        fetch_folder("surface", [tmp_path], ["mesh"], fetch, lambda _arrived: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["surface", alive.name]
